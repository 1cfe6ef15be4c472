//! Formatting codes in the text of messages: bold, colours and the like, as mIRC brought them.
//!
//! A code is a control character that switches something until it is switched back or the message ends. Sources: the
//! collection of what clients do at modern.ircdocs.horse/formatting.

use std::borrow::Cow;

/// How a stretch of text is to look.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Format {
    /// Bold (0x02).
    pub bold: bool,
    /// Italic (0x1D).
    pub italic: bool,
    /// Underlined (0x1F).
    pub underline: bool,
    /// Struck through (0x1E).
    pub strike: bool,
    /// In letters of equal width (0x11).
    pub monospace: bool,
    /// With foreground and background exchanged (0x16).
    pub reverse: bool,
    /// The colour of the letters (0x03, 0x04).
    pub foreground: Option<Colour>,
    /// The colour behind them.
    pub background: Option<Colour>,
}

/// A colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Colour {
    /// One of the palette: 0 to 15 are the old ones, 16 to 98 are shades. 99 means none and does not occur.
    Palette(u8),
    /// Red, green and blue.
    Rgb(u8, u8, u8),
}

/// Text of one look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Span<'a> {
    /// The text, without formatting codes. Other control characters are still in it.
    pub text: &'a str,
    /// How it is to look.
    pub format: Format,
}

/// The stretches of `text`; none is empty.
pub fn spans(text: &str) -> Spans<'_> {
    Spans { rest: text, format: Format::default() }
}

/// `text` without formatting codes.
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.contains(is_code) {
        spans(text).map(|span| span.text).collect::<String>().into()
    } else {
        text.into()
    }
}

/// What [`spans`] returns.
#[derive(Clone, Debug)]
pub struct Spans<'a> {
    rest: &'a str,
    format: Format,
}

impl<'a> Iterator for Spans<'a> {
    type Item = Span<'a>;

    fn next(&mut self) -> Option<Span<'a>> {
        while !self.rest.is_empty() {
            let end = self.rest.find(is_code).unwrap_or(self.rest.len());
            if end > 0 {
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                return Some(Span { text, format: self.format });
            }
            self.take_code();
        }
        None
    }
}

impl Spans<'_> {
    /// Takes in the code at the beginning of what is left.
    fn take_code(&mut self) {
        let code = self.rest.as_bytes()[0];
        self.rest = &self.rest[1..];
        let format = &mut self.format;
        match code {
            0x02 => format.bold ^= true,
            0x1d => format.italic ^= true,
            0x1f => format.underline ^= true,
            0x1e => format.strike ^= true,
            0x11 => format.monospace ^= true,
            0x16 => format.reverse ^= true,
            0x03 => self.take_colours(palette),
            0x04 => self.take_colours(rgb),
            _ => *format = Format::default(),
        }
    }

    /// One colour, or two with a comma between them; none at all takes both back.
    fn take_colours(&mut self, parse: fn(&str) -> Option<Found>) {
        let Some((foreground, length)) = parse(self.rest) else {
            self.format.foreground = None;
            self.format.background = None;
            return;
        };
        self.format.foreground = foreground;
        self.rest = &self.rest[length..];
        // A comma with no colour behind it is text.
        if let Some((background, length)) = self.rest.strip_prefix(',').and_then(parse) {
            self.format.background = background;
            self.rest = &self.rest[1 + length..];
        }
    }
}

fn is_code(c: char) -> bool {
    matches!(c, '\x02' | '\x03' | '\x04' | '\x0f' | '\x11' | '\x16' | '\x1d' | '\x1e' | '\x1f')
}

/// A colour, `None` being that of the terminal, and how many bytes name it.
type Found = (Option<Colour>, usize);

/// One or two digits.
fn palette(text: &str) -> Option<Found> {
    let length = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let number: u8 = text.get(..length)?.parse().ok()?;
    Some(((number != 99).then_some(Colour::Palette(number)), length))
}

/// Six hexadecimal digits.
fn rgb(text: &str) -> Option<Found> {
    let digits =
        text.get(..6).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some((Some(Colour::Rgb(red, green, blue)), 6))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Vec<(&str, Format)> {
        spans(text).map(|span| (span.text, span.format)).collect()
    }

    #[test]
    fn a_code_switches_until_it_comes_again_or_all_is_reset() {
        let plain = Format::default();
        let bold = Format { bold: true, ..plain };
        assert_eq!(shown("a\x02b\x02c"), [("a", plain), ("b", bold), ("c", plain)]);
        let both = Format { bold: true, italic: true, ..plain };
        assert_eq!(shown("\x02\x1db\x0fc"), [("b", both), ("c", plain)]);
        let rest =
            Format { underline: true, strike: true, monospace: true, reverse: true, ..plain };
        assert_eq!(shown("\x1f\x1e\x11\x16x"), [("x", rest)]);
        assert_eq!(shown("\x02\x0f"), []);
    }

    #[test]
    fn colours_take_at_most_two_digits_each_and_a_lone_comma_is_text() {
        let colours = |text| {
            let (text, format) = shown(text)[0];
            (text, format.foreground, format.background)
        };
        let of = |number| Some(Colour::Palette(number));
        assert_eq!(colours("\x034x"), ("x", of(4), None));
        assert_eq!(colours("\x0304,122"), ("2", of(4), of(12)));
        assert_eq!(colours("\x03123"), ("3", of(12), None));
        assert_eq!(colours("\x034,x"), (",x", of(4), None));
        assert_eq!(colours("\x03,4"), (",4", None, None));
        assert_eq!(colours("\x0399,99x"), ("x", None, None));
        assert_eq!(colours("\x034,5\x03x"), ("x", None, None));
        let rgb = Some(Colour::Rgb(0x12, 0x34, 0xab));
        assert_eq!(colours("\x041234ABx"), ("x", rgb, None));
        assert_eq!(colours("\x041234ab,1234abx"), ("x", rgb, rgb));
        assert_eq!(colours("\x04é12345x").0, "é12345x");
    }

    #[test]
    fn plain_text_is_lent_and_codes_are_left_out() {
        assert!(matches!(plain("as it is"), Cow::Borrowed("as it is")));
        assert_eq!(plain("\x02bold\x02 \x0304,05red"), "bold red");
    }

    proptest! {
        #[test]
        fn any_text_keeps_what_is_no_code(text in "[a-c0-9,é\x02\x03\x04\x0f\x11\x16\x1d-\x1f]{0,40}") {
            prop_assert!(spans(&text).all(|span| !span.text.is_empty() && !span.text.contains(is_code)));
            let kept = plain(&text);
            prop_assert!(kept.chars().filter(|c| c.is_alphabetic()).count() <= text.len());
        }
    }
}
