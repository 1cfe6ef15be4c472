//! One line, built into a buffer of the caller's.
//!
//! Whatever is put in, what comes out is one line of the parameters that were meant: it holds no CR,
//! LF or NUL, a middle parameter stays one parameter, and the body keeps to its 512 bytes. So no
//! name, topic or mask that a peer chose can forge a second line, and no caller has to think of it.

use crate::message::is_forbidden;

/// The most bytes of a line without its tags, CR LF counted (RFC 1459 section 2.3).
pub const BODY_MAX: usize = 512;

/// The ending of a line.
const CRLF: &[u8] = b"\r\n";

/// A line being written to the end of a buffer. Tags, if any, are written to the buffer before
/// ([`TagWriter`](crate::tags::TagWriter)); they do not count towards [`BODY_MAX`].
///
/// Parameters come in their order, [`text`](Self::text) last, then [`end`](Self::end).
#[derive(Debug)]
#[must_use = "a line ends with `end`"]
pub struct Line<'o> {
    out: &'o mut Vec<u8>,
    /// Where the body begins.
    start: usize,
}

impl<'o> Line<'o> {
    /// Begins `:source COMMAND`.
    pub fn from_source(out: &'o mut Vec<u8>, source: &str, command: &str) -> Self {
        let start = out.len();
        out.push(b':');
        push_word(source, out);
        out.push(b' ');
        push_word(command, out);
        Self { out, start }
    }

    /// Begins a line without a source.
    pub fn bare(out: &'o mut Vec<u8>, command: &str) -> Self {
        let start = out.len();
        push_middle(command, out);
        Self { out, start }
    }

    /// A middle parameter. Bytes that it cannot hold (spaces, CR, LF, NUL, a `:` at its beginning)
    /// become `_`; an empty one becomes `*`.
    pub fn param(self, param: &str) -> Self {
        self.out.push(b' ');
        push_middle(param, self.out);
        self
    }

    /// Several middle parameters.
    pub fn params<'p>(self, params: impl IntoIterator<Item = &'p str>) -> Self {
        params.into_iter().fold(self, Self::param)
    }

    /// A number as a middle parameter.
    pub fn number(self, number: u64) -> Self {
        self.out.push(b' ');
        push_number(number, self.out);
        self
    }

    /// The last parameter, always with its `:`. CR, LF and NUL become spaces.
    pub fn text(self, text: &str) -> Self {
        self.out.extend_from_slice(b" :");
        push_text(text, self.out);
        self
    }

    /// Parameters as they stand on the wire, the `:` of the last one included. CR, LF and NUL
    /// become spaces.
    pub fn raw_params(self, params: &str) -> Self {
        self.out.push(b' ');
        push_text(params, self.out);
        self
    }

    /// How many more bytes fit before [`end`](Self::end) would cut.
    pub fn room(&self) -> usize {
        (BODY_MAX - CRLF.len()).saturating_sub(self.out.len() - self.start)
    }

    /// Ends the line, cut after the last whole character with which it has at most [`BODY_MAX`]
    /// bytes.
    pub fn end(self) {
        let mut end = self.start + BODY_MAX - CRLF.len();
        if self.out.len() > end {
            while end > self.start && self.out.get(end).is_some_and(|&byte| is_continuation(byte)) {
                end -= 1;
            }
            self.out.truncate(end);
        }
        self.end_uncut();
    }

    /// Ends the line, which is as long as it is: for what is known to fit, or may be longer.
    pub fn end_uncut(self) {
        self.out.extend_from_slice(CRLF);
    }
}

/// How many bytes of text fit into `:source COMMAND params :text`, ending included. For lists that
/// are spread over several lines, such as those of NAMES.
pub fn text_room(source: &str, command: &str, params: &[&str]) -> usize {
    // An empty word is written as `*`.
    let length = |word: &str| word.len().max(1);
    let head = 1 + length(source) + 1 + length(command);
    let params: usize = params.iter().map(|param| 1 + length(param)).sum();
    (BODY_MAX - CRLF.len()).saturating_sub(head + params + " :".len())
}

/// Cuts `text` into pieces of at most `max` bytes, without losing any. An empty text has no pieces.
///
/// A piece ends between two characters, and not before a mark that belongs to the character before
/// it (accents, emoji joined or coloured, flags), unless there are more of these than [`MAX_CLUSTER`]
/// bytes. A `max` under 4, the bytes of the longest character, counts as 4.
pub fn split_text(text: &str, max: usize) -> impl Iterator<Item = &str> {
    let max = max.max(4);
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = rest.split_at(cut(rest, max));
        rest = after;
        Some(piece)
    })
}

/// How many bytes a cut may move back so as not to part a character from its marks. The longest emoji
/// have 35 (two people, each with a skin, and a heart); what is nothing but marks is cut anyway.
pub const MAX_CLUSTER: usize = 64;

/// Where the first piece of `text` ends: at most at `max`, which is at least 4.
fn cut(text: &str, max: usize) -> usize {
    if text.len() <= max {
        return text.len();
    }
    let hard = text.floor_char_boundary(max);
    let mut at = hard;
    while at > 0 && hard - at <= MAX_CLUSTER {
        if !joins(&text[..at], &text[at..]) {
            return at;
        }
        at = text[..at].char_indices().next_back().map_or(0, |(before, _)| before);
    }
    hard
}

/// Whether a reader sees the end of `before` and the beginning of `after` as one character. A short
/// form of UAX #29 that knows the common cases by their blocks.
fn joins(before: &str, after: &str) -> bool {
    const ZERO_WIDTH_JOINER: char = '\u{200d}';
    let (Some(last), Some(next)) = (before.chars().next_back(), after.chars().next()) else {
        return false;
    };
    if is_flag_letter(last) && is_flag_letter(next) {
        // Flags are pairs of letters, counted from where the letters begin.
        return before.chars().rev().take_while(|&c| is_flag_letter(c)).count() % 2 == 1;
    }
    last == ZERO_WIDTH_JOINER || extends(next)
}

fn is_flag_letter(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// Whether `c` changes the character before it.
fn extends(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036f}' | '\u{0483}'..='\u{0489}' // Latin, Greek, Cyrillic
        | '\u{0591}'..='\u{05bd}' | '\u{05bf}' | '\u{05c1}'..='\u{05c2}' | '\u{05c4}'..='\u{05c5}' // Hebrew
        | '\u{0610}'..='\u{061a}' | '\u{064b}'..='\u{065f}' | '\u{0670}' // Arabic
        | '\u{0900}'..='\u{0903}' | '\u{093a}'..='\u{093c}' | '\u{093e}'..='\u{094f}' // Devanagari
        | '\u{0e31}' | '\u{0e34}'..='\u{0e3a}' | '\u{0e47}'..='\u{0e4e}' // Thai
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{3099}'..='\u{309a}' // Japanese
        | '\u{200c}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}'
        | '\u{1f3fb}'..='\u{1f3ff}' // skin
        | '\u{e0020}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}')
}

fn push_middle(word: &str, out: &mut Vec<u8>) {
    match word.strip_prefix(':') {
        Some(rest) => {
            out.push(b'_');
            out.extend(rest.bytes().map(word_byte));
        }
        None => push_word(word, out),
    }
}

/// A word that may begin with `:`, since it does not stand where that means something.
fn push_word(word: &str, out: &mut Vec<u8>) {
    if word.is_empty() {
        out.push(b'*');
    }
    out.extend(word.bytes().map(word_byte));
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    out.extend(text.bytes().map(|byte| if is_forbidden(byte) { b' ' } else { byte }));
}

fn word_byte(byte: u8) -> u8 {
    if byte == b' ' || is_forbidden(byte) { b'_' } else { byte }
}

fn push_number(mut number: u64, out: &mut Vec<u8>) {
    // 2^64 has twenty digits.
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Whether `byte` is not the first of a character in UTF-8.
fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use proptest::prelude::*;

    fn built(build: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        build(&mut out);
        String::from_utf8(out).expect("a line is text")
    }

    #[test]
    fn a_line_has_a_source_a_command_parameters_and_a_text() {
        let line = built(|out| {
            Line::from_source(out, "irc.test", "322")
                .params(["alice", "#a"])
                .number(u64::MAX)
                .number(0)
                .text("the  topic :)")
                .end();
        });
        assert_eq!(line, ":irc.test 322 alice #a 18446744073709551615 0 :the  topic :)\r\n");
        assert_eq!(built(|out| Line::bare(out, "PING").text("").end()), "PING :\r\n");
    }

    #[test]
    fn no_parameter_becomes_two_or_none() {
        let line = built(|out| {
            Line::from_source(out, "a b", "X\r\n")
                .param("")
                .param(":)")
                .param("a b\r\n\0c:")
                .text(":a\r\n\0b")
                .end();
        });
        assert_eq!(line, ":a_b X__ * _) a_b___c: ::a   b\r\n");
        assert_eq!(
            built(|out| Line::bare(out, ":").raw_params("a b :c\nd").end()),
            "_ a b :c d\r\n"
        );
    }

    #[test]
    fn tags_before_a_line_do_not_count_towards_its_length() {
        let line = built(|out| {
            out.extend_from_slice(b"@time=x ");
            Line::bare(out, "X").text(&"y".repeat(600)).end();
        });
        assert_eq!(line.len(), "@time=x ".len() + BODY_MAX);
        assert!(line.starts_with("@time=x X :yyy") && line.ends_with("y\r\n"));
    }

    #[test]
    fn a_line_is_cut_between_characters() {
        // Three bytes before the text and an é: the last three-byte character does not fit.
        let line = built(|out| Line::bare(out, "X").text(&format!("é{}", "中".repeat(200))).end());
        assert_eq!(line.len(), "X :é".len() + 168 * 3 + 2);
        let fits = format!("a{}", "é".repeat(253));
        assert_eq!(built(|out| Line::bare(out, "X").text(&fits).end()), format!("X :{fits}\r\n"));
    }

    #[test]
    fn a_line_may_be_left_uncut() {
        let line = built(|out| Line::bare(out, "X").text(&"y".repeat(600)).end_uncut());
        assert_eq!(line.len(), "X :".len() + 600 + 2);
    }

    #[test]
    fn the_room_for_text_is_what_fits_exactly() {
        let room = text_room("irc.test", "353", &["alice", "=", "", "#a"]);
        let line = |length: usize| {
            built(|out| {
                let line =
                    Line::from_source(out, "irc.test", "353").params(["alice", "=", "", "#a"]);
                assert_eq!(line.room(), room + " :".len());
                line.text(&"x".repeat(length)).end();
            })
        };
        assert_eq!(line(room).len(), BODY_MAX);
        assert_eq!(line(room), line(room + 1));
        assert_eq!(text_room(&"x".repeat(600), "353", &[]), 0);
    }

    #[test]
    fn a_text_is_split_between_what_readers_see_as_characters() {
        let pieces = |text, max| split_text(text, max).collect::<Vec<_>>();
        assert_eq!(pieces("", 10), [""; 0]);
        assert_eq!(pieces("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(pieces("abce\u{301}f", 4), ["abc", "e\u{301}f"]);
        assert_eq!(pieces("ab👍🏽c", 9), ["ab", "👍🏽c"]);
        assert_eq!(pieces("aa👩\u{200d}🚀", 12), ["aa", "👩\u{200d}🚀"]);
        assert_eq!(pieces("a🇩🇪🇫🇷", 13), ["a🇩🇪", "🇫🇷"]);
        assert_eq!(pieces("中文", 1), ["中", "文"]);
    }

    #[test]
    fn marks_without_end_are_cut_where_they_must_be() {
        let marks = format!("one a{}", "\u{301}".repeat(500));
        let pieces: Vec<_> = split_text(&marks, 100).collect();
        assert_eq!(pieces.concat(), marks);
        assert!(pieces.iter().rev().skip(1).all(|piece| piece.len() >= 99));
    }

    proptest! {
        #[test]
        fn whatever_is_put_in_it_is_one_line_within_the_limit(
            source in any::<String>(), command in any::<String>(),
            params in proptest::collection::vec("[ :a\r\n\0é]{0,3}|\\PC*", 0..9), text in "([^a]|[\r\n\0 :é]){0,700}",
        ) {
            let line = built(|out| {
                let params = params.iter().map(String::as_str);
                Line::from_source(out, &source, &command).params(params).text(&text).end();
            });
            let body = line.strip_suffix("\r\n").expect("an ending");
            prop_assert!(!body.bytes().any(is_forbidden));
            prop_assert!(line.len() <= BODY_MAX);
            let bare = built(|out| Line::bare(out, &command).param(&source).raw_params(&text).end());
            prop_assert!(!bare[..bare.len() - 2].bytes().any(is_forbidden));
        }

        #[test]
        fn what_is_built_parses_to_what_was_put_in(
            source in "[^ \r\n\0]{1,20}", command in "[A-Z]{1,9}|[0-9]{3}",
            params in proptest::collection::vec("[^ :\r\n\0][^ \r\n\0]{0,4}", 0..14), text in "[^\r\n\0]{0,40}",
        ) {
            let line = built(|out| {
                let params = params.iter().map(String::as_str);
                Line::from_source(out, &source, &command).params(params).text(&text).end();
            });
            let message = Message::parse(line.trim_end_matches("\r\n")).expect("a message");
            prop_assert_eq!(message.source, Some(source.as_str()));
            prop_assert_eq!(message.command, command);
            let (last, middle) = message.params.split_last().expect("a text");
            prop_assert_eq!(middle, params);
            prop_assert_eq!(*last, text);
        }

        #[test]
        fn a_split_text_loses_nothing_and_keeps_to_the_limit(
            text in "(\\PC|\u{301}|🇩|\u{200d}){0,60}", max in 4_usize..40,
        ) {
            let pieces: Vec<_> = split_text(&text, max).collect();
            prop_assert_eq!(&pieces.concat(), &text);
            prop_assert!(pieces.iter().all(|piece| !piece.is_empty() && piece.len() <= max));
        }
    }
}
