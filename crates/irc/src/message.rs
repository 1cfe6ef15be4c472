//! One line, parsed: tags, source, command and parameters.
//!
//! A server parses every line of every client, so this is done in one pass without allocation: all
//! parts are lent from the line, and the parameters stand in an array of their greatest number.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use crate::tags;

/// The most parameters in one message (RFC 1459 section 2.3). What follows the fourteenth is the
/// fifteenth, spaces and all, whether or not it begins with `:`.
pub const MAX_PARAMS: usize = 15;

/// One line, parsed (modern IRC, "Message Format"; IRCv3 message-tags).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message<'a> {
    /// The tags as they stand on the wire, without `@`; empty if there are none. See [`tags`].
    pub tags: &'a str,
    /// Who sent it, without `:`. What a client says here means nothing to a server.
    pub source: Option<&'a str>,
    /// The word that stands there, in the case in which it came. Commands are letters or three digits; what else
    /// somebody types is for the reader to refuse.
    pub command: &'a str,
    /// The parameters, the last one without its `:`.
    pub params: Params<'a>,
}

/// Why a line is not a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseError {
    /// Nothing but spaces, tags or a source.
    #[error("the line holds no command")]
    NoCommand,
    /// A NUL, CR or LF, which no line may hold.
    #[error("the line holds a NUL, CR or LF")]
    ForbiddenByte,
}

impl<'a> Message<'a> {
    /// Parses `line`, which has no CR LF at its end. Several spaces separate as one does, and
    /// spaces before the command are skipped.
    pub fn parse(line: &'a str) -> Result<Self, ParseError> {
        if line.bytes().any(is_forbidden) {
            return Err(ParseError::ForbiddenByte);
        }
        let (tags, rest) = match line.strip_prefix('@') {
            Some(tagged) => word(tagged),
            None => ("", line),
        };
        let rest = skip_spaces(rest);
        let (source, rest) = match rest.strip_prefix(':') {
            Some(sourced) => {
                let (source, rest) = word(sourced);
                (Some(source).filter(|source| !source.is_empty()), skip_spaces(rest))
            }
            None => (None, rest),
        };
        let (command, rest) = word(rest);
        if command.is_empty() {
            return Err(ParseError::NoCommand);
        }
        Ok(Self { tags, source, command, params: Params::parse(rest) })
    }

    /// The unescaped value of the tag `key` (with its `+`, if it has one): empty if it has none,
    /// the last one if the tag occurs several times.
    ///
    /// The value is what the peer chose, and may hold CR and LF.
    pub fn tag(&self, key: &str) -> Option<Cow<'a, str>> {
        tags::find(self.tags, key)
    }
}

/// The parameters of a message: a slice of at most [`MAX_PARAMS`] strings.
#[derive(Clone)]
pub struct Params<'a> {
    list: [&'a str; MAX_PARAMS],
    count: u8,
}

impl<'a> Params<'a> {
    /// No parameters.
    pub const fn none() -> Self {
        Self { list: [""; MAX_PARAMS], count: 0 }
    }

    /// Splits what follows a command.
    fn parse(mut rest: &'a str) -> Self {
        let mut params = Self::none();
        loop {
            rest = skip_spaces(rest);
            if rest.is_empty() {
                return params;
            }
            if let Some(last) = rest.strip_prefix(':') {
                params.push(last);
                return params;
            }
            if params.len() == MAX_PARAMS - 1 {
                params.push(rest);
                return params;
            }
            let (param, after) = word(rest);
            params.push(param);
            rest = after;
        }
    }

    fn push(&mut self, param: &'a str) {
        if let Some(place) = self.list.get_mut(usize::from(self.count)) {
            *place = param;
            self.count += 1;
        }
    }
}

impl<'a> Deref for Params<'a> {
    type Target = [&'a str];

    fn deref(&self) -> &Self::Target {
        &self.list[..usize::from(self.count)]
    }
}

impl PartialEq for Params<'_> {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl Eq for Params<'_> {}

impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'p, 'a> IntoIterator for &'p Params<'a> {
    type Item = &'p &'a str;
    type IntoIter = std::slice::Iter<'p, &'a str>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Whether no line may hold `byte`: NUL, CR, LF.
pub(crate) fn is_forbidden(byte: u8) -> bool {
    matches!(byte, b'\0' | b'\r' | b'\n')
}

/// What is before the first space, and what is after it.
fn word(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

fn skip_spaces(text: &str) -> &str {
    text.trim_start_matches(' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(line: &str) -> Message<'_> {
        Message::parse(line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    /// Source, command and parameters.
    fn parts(line: &str) -> (Option<&str>, &str, Vec<&str>) {
        let message = parse(line);
        (message.source, message.command, message.params.to_vec())
    }

    #[test]
    fn a_message_has_tags_a_source_a_command_and_parameters() {
        let message = parse("@id=1;+x :a!b@c PRIVMSG #rust :hello  there :-)");
        assert_eq!(message.tags, "id=1;+x");
        assert_eq!(message.source, Some("a!b@c"));
        assert_eq!(message.command, "PRIVMSG");
        assert_eq!(message.params[..], ["#rust", "hello  there :-)"]);
        assert_eq!(format!("{:?}", message.params), r##"["#rust", "hello  there :-)"]"##);
    }

    #[test]
    fn several_spaces_separate_as_one_does() {
        assert_eq!(parts("  PING   a   b  "), (None, "PING", vec!["a", "b"]));
        assert_eq!(parts("@a=b   :src   001   x   :y "), (Some("src"), "001", vec!["x", "y "]));
    }

    #[test]
    fn the_last_parameter_may_be_empty_or_begin_with_a_colon() {
        assert_eq!(parts("TOPIC #a :"), (None, "TOPIC", vec!["#a", ""]));
        assert_eq!(parts("TOPIC #a ::)"), (None, "TOPIC", vec!["#a", ":)"]));
        assert_eq!(parts("TOPIC #a: b:c"), (None, "TOPIC", vec!["#a:", "b:c"]));
        assert_eq!(parts("QUIT"), (None, "QUIT", vec![]));
    }

    #[test]
    fn the_fifteenth_parameter_takes_the_rest() {
        let line = "X 1 2 3 4 5 6 7 8 9 10 11 12 13 14 fifteen and  :more ";
        let message = parse(line);
        assert_eq!(message.params.len(), MAX_PARAMS);
        assert_eq!(message.params[14], "fifteen and  :more ");
        assert_eq!(parse("X 1 2 3 4 5 6 7 8 9 10 11 12 13 14  :a :b").params[14], "a :b");
    }

    #[test]
    fn a_command_is_the_first_word_whatever_it_is() {
        for word in ["privmsg", "PRIVMSG", "P", "001", "0001", "PRIV_MSG", "@x", "ПРИВЕТ"] {
            assert_eq!(parts(&format!(" {word} a")), (None, word, vec!["a"]));
        }
        assert_eq!(parse("@label=x GET/ HTTP").tag("label").as_deref(), Some("x"));
    }

    #[test]
    fn a_line_without_a_command_is_no_message() {
        for line in ["", "   ", "@tag", "@tag ", ":source", ":source  ", "@tag :source"] {
            assert_eq!(Message::parse(line), Err(ParseError::NoCommand), "{line:?}");
        }
    }

    #[test]
    fn a_line_holds_no_nul_cr_or_lf_anywhere() {
        for line in ["PING a\0b", "PING :a\rb", "PING :a\n", "@a=\r PING", "PING\r\n"] {
            assert_eq!(Message::parse(line), Err(ParseError::ForbiddenByte), "{line:?}");
        }
    }

    #[test]
    fn an_empty_source_is_none_and_empty_tags_are_none() {
        let message = parse("@ : PING x");
        assert_eq!((message.tags, message.source, message.command), ("", None, "PING"));
    }

    #[test]
    fn a_tag_is_found_unescaped_and_the_last_one_wins() {
        let message = parse(r"@label=a;+draft/reply=x\sy;label=b\:;flag PING");
        assert_eq!(message.tag("label").as_deref(), Some("b;"));
        assert_eq!(message.tag("+draft/reply").as_deref(), Some("x y"));
        assert_eq!(message.tag("flag").as_deref(), Some(""));
        assert_eq!(message.tag("draft/reply"), None);
        assert!(matches!(parse("@a=b PING").tag("a"), Some(Cow::Borrowed("b"))));
    }

    proptest! {
        #[test]
        fn no_line_makes_the_parser_panic(line in any::<String>()) {
            if let Ok(message) = Message::parse(&line) {
                prop_assert!(message.params.len() <= MAX_PARAMS);
            }
        }

        #[test]
        fn only_the_last_parameter_may_hold_spaces_or_begin_with_a_colon(
            line in "(@[a-z=;\\\\ ]{0,9} )?(:[a-z!@:]{0,5} )?[A-Z]{1,4}[ :a-cé@=]{0,60}",
        ) {
            let message = Message::parse(&line);
            let Ok(message) = message else { return Ok(()) };
            if let Some((_, middle)) = message.params.split_last() {
                for param in middle {
                    prop_assert!(!param.is_empty() && !param.starts_with(':') && !param.contains(' '));
                }
            }
        }
    }
}
