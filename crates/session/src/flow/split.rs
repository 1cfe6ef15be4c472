//! What is typed, cut into messages that fit.
//!
//! A line is relayed with its author before it, `:nick!user@host`, and cut by servers at 512 bytes with that. So what fits
//! depends on who we are and on the name of the room. Where it does not fit it is cut between what readers see as
//! characters (UAX #29), so that no accent and no emoji falls apart.

use callbox_irc::build::BODY_MAX;
use unicode_segmentation::GraphemeCursor;

/// `:`, `!`, `@`, the spaces, ` :` and CR LF around the parts of a relayed PRIVMSG.
const AROUND: usize = ":!@ PRIVMSG  :\r\n".len();

/// What an action has around its text.
const ACTION: usize = "\u{1}ACTION \u{1}".len();

/// No piece is shorter than this, however long a server says that names are; a cut line is better than none.
const LEAST: usize = 100;

/// Marks without end on one character are cut after so many bytes: the longest emoji have 35.
const CLUSTER_MAX: usize = 64;

/// What fits into a message of a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Fit {
    /// The bytes of text in a line.
    pub(crate) line: usize,
    /// The bytes and lines of a message of several lines, where there are such.
    pub(crate) several: Option<(usize, usize)>,
}

impl Fit {
    /// What fits into a message to `target` from somebody whose nickname, user name and host have so many bytes together.
    pub(crate) fn new(
        source: usize,
        target: &str,
        action: bool,
        several: Option<(usize, usize)>,
    ) -> Self {
        let around = AROUND + source + target.len() + if action { ACTION } else { 0 };
        let line = BODY_MAX.saturating_sub(around).max(LEAST);
        // An action of several lines is not defined, and neither is a message whose pieces have no room.
        let several = several.filter(|(bytes, lines)| !action && *bytes >= line && *lines >= 2);
        Self { line, several }
    }

    /// `text` as messages, each of which fits. Lines of nothing but spaces are no messages, and are left out at the
    /// beginning and the end of one of several lines.
    pub(crate) fn messages(&self, text: &str) -> Vec<String> {
        let lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let Some((max_bytes, max_lines)) = self.several else {
            let lines = lines.filter(|line| !is_blank(line));
            return lines.flat_map(|line| pieces(line, self.line)).map(str::to_owned).collect();
        };
        let mut messages: Vec<String> = Vec::new();
        let mut message = String::new();
        let mut count = 0;
        for line in lines {
            // A blank line is a piece too.
            let parts = pieces(line, self.line).chain(line.is_empty().then_some(""));
            for (index, piece) in parts.enumerate() {
                let separates = count > 0 && index == 0;
                if count >= max_lines
                    || message.len() + piece.len() + usize::from(separates) > max_bytes
                {
                    finish(&mut message, &mut messages);
                    count = 0;
                }
                if count > 0 && index == 0 {
                    message.push('\n');
                }
                if count == 0 && is_blank(piece) {
                    continue;
                }
                message.push_str(piece);
                count += 1;
            }
        }
        finish(&mut message, &mut messages);
        messages
    }

    /// Whether `text` is one message.
    pub(crate) fn fits(&self, text: &str) -> bool {
        match self.several {
            None => text.len() <= self.line && !text.contains('\n'),
            Some((bytes, lines)) => {
                text.len() <= bytes
                    && (text.len() <= self.line || parts(text, self.line).count() <= lines)
            }
        }
    }
}

/// The lines on the wire of one message, and whether each continues the one before it (draft/multiline-concat).
pub(crate) fn parts(text: &str, max: usize) -> impl Iterator<Item = (&str, bool)> {
    text.split('\n').flat_map(move |line| {
        let pieces = pieces(line, max).chain(line.is_empty().then_some(""));
        pieces.enumerate().map(|(index, piece)| (piece, index > 0))
    })
}

fn finish(message: &mut String, messages: &mut Vec<String>) {
    message.truncate(message.trim_end_matches(['\n', ' ']).len());
    if !message.is_empty() {
        messages.push(std::mem::take(message));
    }
}

fn is_blank(line: &str) -> bool {
    line.bytes().all(|byte| byte == b' ')
}

/// Cuts `line` into pieces of at most `max` bytes, without losing any. An empty one has no pieces.
fn pieces(line: &str, max: usize) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at(cut(rest, max));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Where the first piece of `text` ends.
fn cut(text: &str, max: usize) -> usize {
    if text.len() <= max {
        return text.len();
    }
    let hard = text.floor_char_boundary(max);
    let mut cursor = GraphemeCursor::new(hard, text.len(), true);
    let soft = match cursor.is_boundary(text, 0) {
        Ok(true) => Some(hard),
        _ => cursor.prev_boundary(text, 0).ok().flatten(),
    };
    soft.filter(|soft| *soft > 0 && hard - soft <= CLUSTER_MAX).unwrap_or(hard)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: Fit = Fit { line: 10, several: None };
    const SEVERAL: Fit = Fit { line: 10, several: Some((30, 4)) };

    #[test]
    fn what_fits_depends_on_who_we_are_and_where_we_speak() {
        let source = "alice".len() + "~alice".len() + "host.test".len();
        let fit = Fit::new(source, "#room", false, None);
        let relayed =
            format!(":alice!~alice@host.test PRIVMSG #room :{}\r\n", "x".repeat(fit.line));
        assert_eq!(relayed.len(), 512);
        assert_eq!(Fit::new(source, "#room", true, None).line, fit.line - 9);
        assert_eq!(Fit::new(4000, "#room", true, None).line, LEAST);
    }

    #[test]
    fn each_line_is_a_message_where_there_are_none_of_several_lines() {
        assert_eq!(ONE.messages("a\r\n\n  \nb c"), ["a", "b c"]);
        assert_eq!(ONE.messages("0123456789ab"), ["0123456789", "ab"]);
        assert!(ONE.messages(" \n\n").is_empty());
        assert!(ONE.fits("0123456789") && !ONE.fits("0123456789a") && !ONE.fits("a\nb"));
    }

    #[test]
    fn lines_are_one_message_as_far_as_it_may_reach() {
        assert_eq!(SEVERAL.messages("\na\n\nb\n\n"), ["a\n\nb"]);
        assert_eq!(SEVERAL.messages("0123456789ab"), ["0123456789ab"]);
        assert_eq!(SEVERAL.messages("1\n2\n3\n4\n5"), ["1\n2\n3\n4", "5"]);
        assert_eq!(SEVERAL.messages(&"x".repeat(35)), ["x".repeat(30), "x".repeat(5)]);
        assert_eq!(SEVERAL.messages("1\n\n\n\n\n\n2"), ["1", "2"]);
        assert_eq!(
            parts("0123456789ab\n\nc", 10).collect::<Vec<_>>(),
            [("0123456789", false), ("ab", true), ("", false), ("c", false)]
        );
    }

    #[test]
    fn no_character_of_a_reader_falls_apart() {
        let fit = Fit { line: 12, several: None };
        assert_eq!(fit.messages("aa👩\u{200d}🚀"), ["aa", "👩\u{200d}🚀"]);
        assert_eq!(fit.messages("aaaaaaaaaaae\u{301}"), ["aaaaaaaaaaa", "e\u{301}"]);
        assert_eq!(fit.messages("aaaaaaa🇩🇪🇫🇷"), ["aaaaaaa", "🇩🇪", "🇫🇷"].map(str::to_owned));
        let marks = format!("a{}", "\u{301}".repeat(100));
        assert_eq!(fit.messages(&marks).concat(), marks);
    }

    proptest! {
        #[test]
        fn what_is_cut_loses_nothing_and_fits(
            text in "(\\PC|\u{301}|🇩|\u{200d}|\n){0,120}", line in 4_usize..40, several in any::<bool>(),
        ) {
            let fit = Fit { line, several: several.then_some((60, 5)) };
            let messages = fit.messages(&text);
            prop_assert!(messages.iter().all(|message| fit.fits(message) && !message.is_empty()));
            let strip = |text: &str| text.replace(['\n', ' '], "");
            prop_assert_eq!(strip(&messages.concat()), strip(&text));
            for (piece, _) in messages.iter().flat_map(|message| parts(message, line)) {
                prop_assert!(piece.len() <= line);
            }
        }
    }
}
