//! What a line from the server is, as far as it matters here.
//!
//! Nearly all are lines of talkers, and there are as many of those as a server can send: they are looked for first, byte
//! by byte and without a copy. The rest takes the way of any other line of IRC.

use callbox_irc::message::Message;

/// A line of a talker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said<'a> {
    /// Who says it: `nick!user@host`, or less.
    pub(super) source: &'a [u8],
    /// Where.
    pub(super) target: &'a [u8],
    pub(super) text: &'a [u8],
}

impl<'a> Said<'a> {
    /// The line as one that somebody says to somebody; `None` if it is another.
    #[inline]
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        let line = match line.first()? {
            b'@' => word(line)?.1,
            _ => line,
        };
        let (source, rest) = word(line.strip_prefix(b":")?)?;
        let (target, text) = word(rest.strip_prefix(b"PRIVMSG ")?)?;
        // A server may leave out the colon before a text without spaces, which ours is.
        let text = text.strip_prefix(b":").unwrap_or(text);
        Some(Self { source, target, text })
    }

    /// Whether it is said by the client of this name.
    #[inline]
    pub(super) fn is_by(&self, nick: &[u8]) -> bool {
        let after = self.source.strip_prefix(nick);
        after.is_some_and(|after| matches!(after.first(), None | Some(b'!' | b'@')))
    }
}

/// What comes before the first space, and after it.
#[inline]
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = text.iter().position(|&byte| byte == b' ')?;
    Some((&text[..space], &text[space + 1..]))
}

/// Any other line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// The server wants this to come back.
    Ping(String),
    /// The server ends the connection, and says why.
    Error,
    /// A numeric reply.
    Numeric(u16),
    /// What we asked for as a sign of life has come.
    Pong,
    /// Something about others, or that nobody asked for.
    Other,
}

impl Notice {
    pub(super) fn read(line: &[u8]) -> Self {
        // While a crowd comes in everybody is told of everybody, and that is not looked at any further.
        if !matters(line) {
            return Self::Other;
        }
        let line = String::from_utf8_lossy(line);
        let Ok(message) = Message::parse(&line) else { return Self::Other };
        match message.command {
            "PING" => Self::Ping(message.params.last().copied().unwrap_or_default().to_owned()),
            "PONG" => Self::Pong,
            "ERROR" => Self::Error,
            figures => figures.parse().map_or(Self::Other, Self::Numeric),
        }
    }
}

/// Whether a line's command, after tags and source, may be one of those that are told apart.
fn matters(line: &[u8]) -> bool {
    let mut rest = line;
    for mark in *b"@:" {
        if rest.first() == Some(&mark) {
            let Some((_, after)) = word(rest) else { return false };
            rest = after;
        }
        rest = rest.trim_ascii_start();
    }
    rest.first().is_some_and(|first| matches!(first, b'P' | b'E' | b'0'..=b'9'))
}

/// Whether a numeric says that something was not done (RFC 1459, section 6.1).
pub(super) fn is_error(numeric: u16) -> bool {
    // 422: there is no message of the day. 439: some networks use it for "please wait, we look at you".
    (400..600).contains(&numeric) && !matches!(numeric, 422 | 439)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(line: &str) -> Option<(&str, &str, &str)> {
        let text = |bytes| str::from_utf8(bytes).expect("text");
        let said = Said::read(line.as_bytes())?;
        Some((text(said.source), text(said.target), text(said.text)))
    }

    #[test]
    fn a_line_of_a_talker_is_read_with_or_without_tags_and_colon() {
        let expected = Some(("b1!u@h", "#b", "hello"));
        for line in [
            ":b1!u@h PRIVMSG #b :hello",
            ":b1!u@h PRIVMSG #b hello",
            "@time=2026-11-23T05:00:00.000Z;msgid=1 :b1!u@h PRIVMSG #b :hello",
        ] {
            assert_eq!(said(line), expected, "{line}");
        }
        assert_eq!(said(":b1 PRIVMSG b2 ::)"), Some(("b1", "b2", ":)")));
    }

    #[test]
    fn other_lines_are_no_talker_s() {
        for line in [
            "",
            ":",
            "@",
            "@a",
            ":a",
            ":a ",
            ":a PRIVMSG",
            ":a PRIVMSG #b",
            "PRIVMSG #b :c",
            ":a NOTICE #b :c",
            ":a PRIVMSGS #b :c",
            "PING :x",
        ] {
            assert_eq!(said(line), None, "{line}");
        }
    }

    #[test]
    fn who_says_something_is_the_nickname_and_not_the_beginning_of_one() {
        let is_by =
            |source: &str| Said { source: source.as_bytes(), target: b"", text: b"" }.is_by(b"b12");
        assert!(is_by("b12!u@h") && is_by("b12") && is_by("b12@h"));
        assert!(!is_by("b123!u@h") && !is_by("b1!u@h") && !is_by("B12!u@h") && !is_by(""));
    }

    #[test]
    fn the_rest_is_told_apart_by_its_command() {
        let read = |line: &str| Notice::read(line.as_bytes());
        assert_eq!(read("PING :a b"), Notice::Ping("a b".into()));
        assert_eq!(read(":s PING s x"), Notice::Ping("x".into()));
        assert_eq!(read(":s 001 b1 :Welcome"), Notice::Numeric(1));
        assert_eq!(read(":s 433 * b1 :In use"), Notice::Numeric(433));
        assert_eq!(read("ERROR :Closing link"), Notice::Error);
        assert_eq!(read(":s PONG s :x"), Notice::Pong);
        assert_eq!(read(":a!b@c JOIN #b"), Notice::Other);
        assert_eq!(read(""), Notice::Other);
        assert_eq!(Notice::read(b"\xff\0 001"), Notice::Other);
    }

    #[test]
    fn numerics_from_400_on_are_errors_but_for_those_that_only_tell() {
        assert_eq!([366, 400, 422, 433, 439, 599, 600].map(is_error), {
            [false, true, false, true, false, true, false]
        });
    }
    proptest! {
        #[test]
        fn no_line_makes_the_reader_panic(line in any::<Vec<u8>>()) {
            Said::read(&line);
            Notice::read(&line);
        }

        #[test]
        fn what_is_said_is_what_any_parser_of_irc_would_read(
            line in "(@[a-z=;]{1,9} )?:[a-z!@]{1,9} (PRIVMSG|NOTICE|JOIN) [#a-z]{1,9} :[ -~]{0,20}"
        ) {
            let message = Message::parse(&line).expect("a line");
            let said = Said::read(line.as_bytes());
            prop_assert_eq!(said.is_some(), message.command == "PRIVMSG");
            if let Some(said) = said {
                prop_assert_eq!(Some(said.source), message.source.map(str::as_bytes));
                prop_assert_eq!(said.target, message.params[0].as_bytes());
                prop_assert_eq!(said.text, message.params[1].as_bytes());
            }
        }

        #[test]
        fn nothing_that_matters_is_passed_over(
            line in "(@[a-z=;]{0,5} {0,2})? {0,2}(:[a-z!@]{0,5} {0,2})?(PING|PONG|ERROR|366)( :?[a-z]{0,3})?"
        ) {
            let is_told = |word: &str| matches!(word, "PING" | "PONG" | "ERROR" | "366");
            let is_message = Message::parse(&line).is_ok_and(|message| is_told(message.command));
            prop_assert_eq!(Notice::read(line.as_bytes()) != Notice::Other, is_message);
        }
    }
}
