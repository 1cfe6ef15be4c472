//! Markup written element by element, SVG and HTML alike.
//!
//! Whatever is given as text or as an attribute is escaped here and nowhere else, so nothing that a report holds, be it a
//! name, a command line or a warning, can become markup; and no element stays open, since each is closed by its name.

use std::fmt::{self, Display, Write as _};

/// Elements that have no content. All others are closed by a tag of their own, as HTML wants it.
const EMPTY: [&str; 5] = ["circle", "line", "meta", "path", "rect"];

/// Markup that is being written.
#[derive(Debug, Default)]
pub struct Markup {
    text: String,
    /// The elements that are open, outermost first.
    open: Vec<&'static str>,
    /// Whether the innermost one still takes attributes.
    in_tag: bool,
}

impl Markup {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins an element within the innermost open one.
    pub fn open(&mut self, name: &'static str) -> &mut Self {
        self.end_tag();
        self.text.push('<');
        self.text.push_str(name);
        self.open.push(name);
        self.in_tag = true;
        self
    }

    /// An attribute of the element that was just begun.
    ///
    /// # Panics
    ///
    /// If something was written into the element before.
    pub fn with(&mut self, name: &'static str, value: impl Display) -> &mut Self {
        assert!(self.in_tag, "{name}: attributes come before the content");
        let _ = write!(self.text, " {name}=\"");
        let _ = write!(Escaping(&mut self.text), "{value}");
        self.text.push('"');
        self
    }

    /// Text in the innermost open element.
    pub fn text(&mut self, text: impl Display) -> &mut Self {
        self.end_tag();
        let _ = write!(Escaping(&mut self.text), "{text}");
        self
    }

    /// Ends the innermost open element.
    pub fn close(&mut self) -> &mut Self {
        let Some(name) = self.open.pop() else { return self };
        if self.in_tag && EMPTY.contains(&name) {
            self.text.push_str("/>");
        } else {
            self.end_tag();
            let _ = write!(self.text, "</{name}>");
        }
        self.in_tag = false;
        self
    }

    /// An element with nothing but text in it.
    pub fn element(&mut self, name: &'static str, text: impl Display) -> &mut Self {
        self.open(name).text(text).close()
    }

    /// Markup that was written by itself.
    pub fn append(&mut self, part: Self) -> &mut Self {
        self.end_tag();
        self.text.push_str(&part.finish());
        self
    }

    /// Text of the program's own that is no markup but must not be escaped: a style sheet.
    pub fn verbatim(&mut self, text: &'static str) -> &mut Self {
        self.end_tag();
        self.text.push_str(text);
        self
    }

    /// A line break between elements, for whoever reads the file.
    pub fn line(&mut self) -> &mut Self {
        self.end_tag();
        self.text.push('\n');
        self
    }

    /// All of it, with what is still open closed.
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }

    fn end_tag(&mut self) {
        if std::mem::take(&mut self.in_tag) {
            self.text.push('>');
        }
    }
}

/// A coordinate: a tenth of a pixel is as fine as any screen shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Px(pub f64);

impl Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() as i64;
        let (whole, tenth) = ((tenths / 10).abs(), (tenths % 10).abs());
        let sign = if tenths < 0 { "-" } else { "" };
        if tenth == 0 { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{tenth}") }
    }
}

/// The outline of a line, as the `d` of a path.
#[derive(Debug, Default)]
pub struct Outline(String);

impl Outline {
    /// Begins a new stretch here.
    pub fn move_to(&mut self, x: f64, y: f64) {
        let _ = write!(self.0, "M{} {}", Px(x), Px(y));
    }

    /// Goes on to here, straight.
    pub fn line_to(&mut self, x: f64, y: f64) {
        let _ = write!(self.0, "L{} {}", Px(x), Px(y));
    }

    /// Goes back to where the stretch began.
    pub fn close(&mut self) {
        self.0.push('Z');
    }

    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Display for Outline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes with all that could be taken for markup escaped.
///
/// XML 1.0 knows no way to write most control characters, so they become U+FFFD, and with them those that turn the
/// direction of the text around them.
struct Escaping<'a>(&'a mut String);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\n' | '\t' => self.0.push(character),
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => {
                    self.0.push(char::REPLACEMENT_CHARACTER);
                }
                _ if character.is_control() => self.0.push(char::REPLACEMENT_CHARACTER),
                _ => self.0.push(character),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elements_nest_and_are_closed_by_their_names() {
        let mut markup = Markup::new();
        markup.open("svg").with("width", Px(10.04));
        markup.open("line").with("x1", 1).close();
        markup.element("text", "a < b");
        markup.open("td").close();
        assert_eq!(
            markup.finish(),
            "<svg width=\"10\"><line x1=\"1\"/><text>a &lt; b</text><td></td></svg>"
        );
    }

    #[test]
    fn coordinates_are_written_to_a_tenth() {
        for (value, text) in
            [(0.0, "0"), (-0.04, "0"), (-0.5, "-0.5"), (1.25, "1.3"), (-12.0, "-12")]
        {
            assert_eq!(Px(value).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn no_text_can_become_markup(text in "\\PC*|[<>&\"'a\u{0}\u{1b}\u{202e}]*") {
            let mut markup = Markup::new();
            markup.open("p").with("title", &text).text(&text);
            let written = markup.finish();
            let inner = written.strip_prefix("<p title=\"").and_then(|rest| rest.strip_suffix("</p>")).unwrap();
            prop_assert_eq!(inner.matches('<').count(), 0);
            prop_assert_eq!(inner.matches('"').count(), 1);
            prop_assert_eq!(inner.matches('>').count(), 1);
            let forbidden = ['\u{0}', '\u{1b}', '\u{202e}'];
            prop_assert!(!written.contains(forbidden));
        }
    }
}
