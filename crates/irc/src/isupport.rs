//! ISUPPORT tokens (numeric 005): what a server says of itself right after registration.
//!
//! Which tokens there are depends on the server's settings, so this is a builder and a parser. The
//! tokens of the modern specification: AWAYLEN, CASEMAPPING, CHANLIMIT, CHANMODES, CHANNELLEN,
//! CHANTYPES, ELIST, EXCEPTS, EXTBAN, HOSTLEN, INVEX, KICKLEN, MAXLIST, MAXTARGETS, MODES, NETWORK,
//! NICKLEN, PREFIX, SAFELIST, SILENCE, STATUSMSG, TARGMAX, TOPICLEN, USERLEN. IRCv3 adds ACCOUNTEXTBAN,
//! BOT, CHATHISTORY, CLIENTTAGDENY, MONITOR, MSGREFTYPES, UTF8ONLY and WHOX; KEYLEN, NAMELEN and LINELEN
//! are widely used besides.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

/// The most tokens in one line: fifteen parameters, less the client and the text.
pub const TOKENS_PER_LINE: usize = 13;

/// The text at the end of each line.
pub const TEXT: &str = "are supported by this server";

/// A token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Token {
    /// The parameter's name: 1 to 20 upper-case letters and digits.
    pub name: String,
    /// Whether there is such a thing, with which value if any, or no longer.
    pub value: Value,
}

/// What a token says of its parameter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// `NAME`: it holds.
    Flag,
    /// `NAME=VALUE`, the value without escapes. It may be empty.
    Text(String),
    /// `-NAME`: it holds no longer.
    Removed,
}

impl Token {
    /// The token on the wire.
    fn write(&self) -> String {
        match &self.value {
            Value::Flag => self.name.clone(),
            Value::Text(value) => format!("{}={}", self.name, escape(value)),
            Value::Removed => format!("-{}", self.name),
        }
    }
}

/// Builds the tokens of a server, in the order of the calls.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Isupport {
    tokens: Vec<Token>,
}

impl Isupport {
    /// No tokens yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `NAME`.
    #[must_use]
    pub fn flag(self, name: &str) -> Self {
        self.push(name, Value::Flag)
    }

    /// Adds `NAME=VALUE`; what would break the token is escaped.
    #[must_use]
    pub fn value(self, name: &str, value: impl Display) -> Self {
        self.push(name, Value::Text(value.to_string()))
    }

    fn push(mut self, name: &str, value: Value) -> Self {
        debug_assert!(is_name(name), "{name} is no name of a token");
        debug_assert!(self.tokens.iter().all(|token| token.name != name), "{name} twice");
        self.tokens.push(Token { name: name.to_owned(), value });
        self
    }

    /// The tokens so far.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The middles of the 005 lines: between `005 <client> ` and ` :are supported by this server`.
    /// `room` is how many bytes fit there, see [`write_tokens`].
    pub fn lines(&self, room: usize) -> Vec<String> {
        write_tokens(&self.tokens, room)
    }

    /// What a client that knows `before` has to be told: the tokens that are new or different, and
    /// the names of those that are gone.
    pub fn changes_since(&self, before: &Self) -> Vec<Token> {
        let changed = self.tokens.iter().filter(|token| !before.tokens.contains(token));
        let gone =
            before.tokens.iter().filter(|old| self.tokens.iter().all(|t| t.name != old.name));
        let removed = gone.map(|old| Token { name: old.name.clone(), value: Value::Removed });
        changed.cloned().chain(removed).collect()
    }
}

/// Joins tokens by spaces into as few lines as it takes in this order, each of at most
/// [`TOKENS_PER_LINE`] tokens and `room` bytes. A token that alone is longer than `room` has a line of
/// its own, too long as it is: the settings that could make one are capped.
pub fn write_tokens(tokens: &[Token], room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut count = 0;
    for token in tokens {
        let text = token.write();
        match lines.last_mut() {
            Some(line) if count < TOKENS_PER_LINE && line.len() + 1 + text.len() <= room => {
                line.push(' ');
                line.push_str(&text);
                count += 1;
            }
            _ => {
                lines.push(text);
                count = 1;
            }
        }
    }
    lines
}

/// The tokens among the parameters of a 005, its client and text left out by the caller. What is no
/// token is passed over.
pub fn parse<'a>(params: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = Token> {
    params.into_iter().filter_map(parse_token)
}

fn parse_token(text: &str) -> Option<Token> {
    let (name, value) = match text.strip_prefix('-') {
        Some(name) => (name, Value::Removed),
        None => match text.split_once('=') {
            Some((name, value)) => (name, Value::Text(unescape(value).into_owned())),
            None => (text, Value::Flag),
        },
    };
    let name = name.to_ascii_uppercase();
    is_name(&name).then_some(Token { name, value })
}

/// Twenty letters are the specification's limit.
fn is_name(name: &str) -> bool {
    (1..=20).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Whether a byte would end the token, or be taken for an escape or the `=`.
fn is_escaped(c: char) -> bool {
    c.is_ascii_control() || matches!(c, ' ' | '\\' | '=')
}

fn escape(value: &str) -> Cow<'_, str> {
    if !value.contains(is_escaped) {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len() + 6);
    for c in value.chars() {
        if is_escaped(c) {
            let _ = write!(out, "\\x{:02X}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Undoes `\xHH`, where it stands for ASCII; anything else stays as it is.
fn unescape(value: &str) -> Cow<'_, str> {
    if !value.contains("\\x") {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("\\x") {
        out.push_str(before);
        let code = after.get(..2).and_then(hex_byte);
        match code {
            Some(code) if code.is_ascii() => {
                out.push(char::from(code));
                rest = &after[2..];
            }
            _ => {
                out.push_str("\\x");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// `from_str_radix` alone would take a sign.
fn hex_byte(digits: &str) -> Option<u8> {
    let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex.then(|| u8::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Isupport {
        Isupport::new().flag("SAFELIST").value("NETWORK", "Call Box").value("NICKLEN", 32)
    }

    #[test]
    fn a_value_is_escaped_so_that_it_stays_one_token() {
        assert_eq!(sample().lines(400), ["SAFELIST NETWORK=Call\\x20Box NICKLEN=32"]);
        let odd =
            Isupport::new().value("X", "a\\b=c\r\n").value("PREFIX", "(ohv)@%+").value("N", "茶");
        assert_eq!(odd.lines(400), ["X=a\\x5Cb\\x3Dc\\x0D\\x0A PREFIX=(ohv)@%+ N=茶"]);
    }

    #[test]
    fn a_line_holds_thirteen_tokens_at_most() {
        let many = (0..27).fold(Isupport::new(), |tokens, n| tokens.flag(&format!("T{n}")));
        let counts: Vec<_> = many.lines(400).iter().map(|l| l.split(' ').count()).collect();
        assert_eq!(counts, [13, 13, 1]);
        assert!(Isupport::new().lines(400).is_empty());
    }

    #[test]
    fn a_line_holds_no_more_bytes_than_there_is_room() {
        let lines = Isupport::new().flag("AAAA").flag("BBBB").flag("CCCC").lines(9);
        assert_eq!(lines, ["AAAA BBBB", "CCCC"]);
        assert_eq!(Isupport::new().flag("AAAA").flag("BBBB").lines(8), ["AAAA", "BBBB"]);
    }

    #[test]
    fn only_what_changed_is_said_again() {
        let after = Isupport::new().value("NICKLEN", 32).value("NETWORK", "x").flag("BOT");
        let changes = write_tokens(&after.changes_since(&sample()), 400);
        assert_eq!(changes, ["NETWORK=x BOT -SAFELIST"]);
        assert!(after.changes_since(&after).is_empty());
    }

    #[test]
    fn what_is_no_token_is_passed_over() {
        let tokens: Vec<_> = parse(["bot", "-WHOX", "A=", "", "=x", "-", "A B", "-X=1"]).collect();
        let token = |name: &str, value| Token { name: name.to_owned(), value };
        assert_eq!(
            tokens,
            [
                token("BOT", Value::Flag),
                token("WHOX", Value::Removed),
                token("A", Value::Text(String::new())),
            ]
        );
    }

    #[test]
    fn an_escape_that_is_none_stands_for_itself() {
        for text in ["\\x", "\\x2", "\\xZZ", "\\xFF", "\\x茶", "\\y20", "\\x+1"] {
            assert_eq!(unescape(text), text);
        }
        assert_eq!(unescape("a\\x20b\\x5cx20"), "a b\\x20");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            values in proptest::collection::vec(".{0,12}", 0..40), room in 40_usize..400,
        ) {
            let number = |(n, value): (usize, &String)| (format!("T{n}"), value.clone());
            let named: Vec<_> = values.iter().enumerate().map(number).collect();
            let built = named.iter().fold(Isupport::new(), |all, (name, value)| all.value(name, value));
            let lines = built.lines(room);
            prop_assert!(lines.iter().all(|line| line.len() <= room || !line.contains(' ')));
            let read: Vec<_> = lines.iter().flat_map(|line| parse(line.split(' '))).collect();
            prop_assert_eq!(&read, built.tokens());
        }
    }
}
