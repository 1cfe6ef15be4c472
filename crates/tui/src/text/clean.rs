//! What a peer or a user wrote, made such that a terminal shows it and does nothing else.
//!
//! Control characters become their pictures (U+2400 and on), and what cannot be seen or turns text around becomes U+FFFD.
//! What is seen by what it does to its neighbours (combining marks, joiners between letters, the tags of a flag) stays.

use callbox_exchange::quote::is_hidden;
use callbox_irc::format::{Colour, Format, spans};
use ratatui_core::style::{Modifier, Style};
use unicode_segmentation::UnicodeSegmentation;

use super::{Piece, cluster_width};
use crate::theme::Theme;

/// What stands for a character that is not shown.
const REPLACEMENT: char = '\u{fffd}';

/// The most characters of a grapheme cluster. A family of four with skin tones has eleven, a flag by tags seven; more are
/// the marks of those who want to write over other people's lines.
const CLUSTER: usize = 16;

/// A text made harmless. Newlines are shown like other control characters.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    clean_into(&mut cleaned, text);
    cleaned
}

/// A peer's text, with its formatting codes followed.
pub(crate) fn formatted(text: &str, base: Style, theme: &Theme) -> Vec<Piece> {
    let style = |format: &Format| styled(base, format, theme);
    spans(text).map(|span| Piece::new(clean(span.text), style(&span.format))).collect()
}

/// A peer's text without its formatting codes, on one line.
pub(crate) fn one_line(text: &str) -> String {
    clean(&callbox_irc::format::plain(text).replace(['\n', '\r', '\t'], " "))
}

/// One cluster of what the person types, who may be about to type what a joiner joins.
pub(crate) fn typed(cluster: &str) -> String {
    let mut cleaned = String::with_capacity(cluster.len());
    push_cluster(&mut cleaned, cluster, Some('\u{fffd}'));
    if cluster_width(&cleaned) == 0 { REPLACEMENT.to_string() } else { cleaned }
}

fn clean_into(out: &mut String, text: &str) {
    // Most text is this.
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        out.push_str(text);
        return;
    }
    for (start, cluster) in text.grapheme_indices(true) {
        let next = text[start + cluster.len()..].chars().next();
        let start = out.len();
        push_cluster(out, cluster, next);
        // A mark with nothing to stand on.
        if cluster_width(&out[start..]) == 0 {
            out.truncate(start);
            out.push(REPLACEMENT);
        }
    }
}

/// `next` is the character behind the cluster.
fn push_cluster(out: &mut String, cluster: &str, next: Option<char>) {
    if cluster == "\t" {
        return out.push_str("    ");
    }
    let is_flag = cluster.starts_with('\u{1f3f4}');
    let mut before = None;
    let mut chars = cluster.chars().peekable();
    for count in 0.. {
        let Some(c) = chars.next() else { return };
        if count == CLUSTER {
            return out.push(REPLACEMENT);
        }
        let joins = |other: Option<char>| other.is_some_and(|c| !c.is_ascii() && !is_hidden(c));
        let is_seen = match c {
            '\u{200c}' | '\u{200d}' => joins(before) && joins(chars.peek().copied().or(next)),
            '\u{e0020}'..='\u{e007f}' => is_flag,
            _ => !is_hidden(c),
        };
        out.push(match c {
            _ if is_seen => c,
            '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(REPLACEMENT),
            '\x7f' => '\u{2421}',
            _ => REPLACEMENT,
        });
        before = Some(c);
    }
}

fn styled(base: Style, format: &Format, theme: &Theme) -> Style {
    let mut style = base;
    for (is_on, modifier) in [
        (format.bold, Modifier::BOLD),
        (format.italic, Modifier::ITALIC),
        (format.underline, Modifier::UNDERLINED),
        (format.strike, Modifier::CROSSED_OUT),
        (format.reverse, Modifier::REVERSED),
    ] {
        if is_on {
            style = style.add_modifier(modifier);
        }
    }
    if format.monospace {
        style = style.patch(theme.monospace());
    }
    let colour = |colour: Colour| theme.peer_colour(colour);
    // Letters without a ground of their own must be seen on ours.
    if let Some(chosen) = format.foreground {
        let seen = format.background.is_some() || theme.is_readable(chosen);
        if let Some(colour) = colour(chosen).filter(|_| seen) {
            style = style.fg(colour);
        }
    }
    if let Some(colour) = format.background.and_then(colour) {
        style = style.bg(colour);
    }
    style
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_drives_a_terminal_is_shown_instead() {
        assert_eq!(clean("a\x1b[2Jb"), "a␛[2Jb");
        assert_eq!(clean("\r\n\x07\x7f"), "␍␊␇␡");
        assert_eq!(clean("\u{9b}31m"), "\u{fffd}31m");
        assert_eq!(clean("\u{202e}evil\u{2066}"), "\u{fffd}evil\u{fffd}");
        assert_eq!(clean("a\u{200b}b\u{feff}"), "a\u{fffd}b\u{fffd}");
        assert_eq!(clean("a\tb"), "a    b");
    }

    #[test]
    fn what_ordinary_text_is_written_with_stays() {
        for text in [
            "e\u{301}",
            "👩‍👩‍👧‍👦",
            "🇩🇪",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "❤\u{fe0f}",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "你好",
            "שלום",
        ] {
            assert_eq!(clean(text), text);
        }
    }

    #[test]
    fn marks_beyond_measure_and_marks_on_nothing_are_cut() {
        let heap = format!("a{}b", "\u{301}".repeat(100));
        let shown = clean(&heap);
        assert!(shown.chars().count() < 20 && shown.ends_with("\u{fffd}b"), "{shown}");
        assert_eq!(clean("\u{301}a"), "\u{fffd}a");
        assert_eq!(clean("a\u{200d}"), "a\u{fffd}");
        assert_eq!(clean("x\u{e0041}"), "x\u{fffd}");
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left_of_any_text(text in any::<String>()) {
            for c in clean(&text).chars() {
                let joins = matches!(c, '\u{200c}' | '\u{200d}' | '\u{e0020}'..='\u{e007f}');
                prop_assert!(joins || !is_hidden(c), "{:?} of {:?}", c, text);
            }
        }
    }
}
