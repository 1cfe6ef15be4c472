//! Nicknames, accounts, channels, user names and channel keys: types that cannot hold a wrong one.
//!
//! Each is made by its `parse` alone, so that whoever has a `Nick` in hand need not look at it again.
//! What a nickname may hold is what PRECIS lets a user name hold (RFC 8265 §3.4), less the ASCII
//! characters that IRC uses for something else. Which names are reserved is the server's business.

use std::fmt;

use precis_core::profile::Profile;
use precis_profiles::UsernameCasePreserved;
use thiserror::Error;

use crate::fold::{Folded, is_ignorable, is_joiner};

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum NameError {
    /// There is nothing, or nothing that can be seen.
    #[error("it is empty")]
    Empty,
    /// It is longer than the limit.
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// The most bytes of UTF-8.
        limit: usize,
    },
    /// It begins with a character that stands for something else there.
    #[error("it may not begin with {0:?}")]
    BadStart(char),
    /// It holds a character that such a name may not hold.
    #[error("it may not hold {0:?}")]
    BadCharacter(char),
    /// It does not begin with what channels begin with.
    #[error("a channel begins with #")]
    NoChannel,
    /// Its characters are allowed, but not together: it mixes directions of writing (RFC 5893 §2).
    #[error("it mixes directions of writing")]
    Mixed,
}

macro_rules! name_with_key {
    ($name:ident) => {
        impl $name {
            /// The name as it is shown.
            pub fn as_str(&self) -> &str {
                &self.shown
            }

            /// The name as it is compared.
            pub fn key(&self) -> &Folded {
                &self.key
            }

            /// Both: as it is shown, and as it is compared.
            pub fn into_parts(self) -> (Box<str>, Folded) {
                (self.shown, self.key)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.shown)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.shown
            }
        }

        /// Names are equal if they are so when folded.
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.key == other.key
            }
        }

        impl Eq for $name {}

        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.key.hash(state);
            }
        }
    };
}

/// A nickname.
#[derive(Clone, Debug)]
pub struct Nick {
    shown: Box<str>,
    key: Folded,
}

name_with_key!(Nick);

impl Nick {
    /// Parses a nickname of at most `max` bytes.
    ///
    /// It is kept as RFC 8265 §3.4.2 would have it, which for full-width letters and for accents that
    /// stand apart is not how it was typed: `Ｂｏｂ` is `Bob`. It does not begin with a digit or `-`
    /// (RFC 2812 §2.3.1), nor with a mark that would sit on whatever stands before it.
    pub fn parse(text: &str, max: usize) -> Result<Self, NameError> {
        let (shown, key) = parse_user_name(text, max)?;
        Ok(Self { shown, key })
    }
}

/// An account's name: what a nickname may be, so that an account can have its own nickname.
#[derive(Clone, Debug)]
pub struct Account {
    shown: Box<str>,
    key: Folded,
}

name_with_key!(Account);

impl Account {
    /// Parses an account's name of at most `max` bytes. See [`Nick::parse`].
    pub fn parse(text: &str, max: usize) -> Result<Self, NameError> {
        let (shown, key) = parse_user_name(text, max)?;
        Ok(Self { shown, key })
    }
}

impl From<Nick> for Account {
    fn from(nick: Nick) -> Self {
        Self { shown: nick.shown, key: nick.key }
    }
}

/// The ASCII characters of nicknames: letters, digits, and the specials of RFC 2812 §2.3.1 with `-`.
fn is_nick_ascii(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, '[' | ']' | '\\' | '`' | '_' | '^' | '{' | '|' | '}' | '-')
}

fn parse_user_name(text: &str, max: usize) -> Result<(Box<str>, Folded), NameError> {
    // What is made of it below is never longer: PRECIS refuses what normalisation takes apart.
    if text.len() > max {
        return Err(NameError::TooLong { limit: max });
    }
    let shown = if text.is_ascii() { text.into() } else { enforce(text)? };
    let first = shown.chars().next().ok_or(NameError::Empty)?;
    if let Some(bad) = shown.chars().find(|&c| c.is_ascii() && !is_nick_ascii(c)) {
        return Err(NameError::BadCharacter(bad));
    }
    if first.is_ascii_digit() || first == '-' || (!first.is_ascii() && !first.is_alphanumeric()) {
        return Err(NameError::BadStart(first));
    }
    let key = Folded::new(&shown);
    Ok((shown, key))
}

/// How often the rules are applied to what they gave (RFC 8264 §7).
const REPEATS: usize = 3;

/// `text` as PRECIS keeps user names. Applied once, the rules may give what they refuse themselves: they look at the
/// characters first and put them together after that.
fn enforce(text: &str) -> Result<Box<str>, NameError> {
    let mut shown = enforce_once(text)?;
    for _ in 0..REPEATS {
        let again = enforce_once(&shown)?;
        if again == shown {
            return Ok(shown);
        }
        shown = again;
    }
    Err(NameError::Mixed)
}

fn enforce_once(text: &str) -> Result<Box<str>, NameError> {
    use precis_core::{Error, UnexpectedError};
    let bad = |cp: u32| NameError::BadCharacter(char::from_u32(cp).unwrap_or_default());
    match UsernameCasePreserved::default().enforce(text) {
        Ok(enforced) => Ok(enforced.into()),
        Err(Error::BadCodepoint(info)) => Err(bad(info.cp)),
        Err(Error::Unexpected(
            UnexpectedError::ContextRuleNotApplicable(info)
            | UnexpectedError::MissingContextRule(info),
        )) => Err(bad(info.cp)),
        Err(Error::Invalid | Error::Unexpected(_)) => Err(NameError::Mixed),
    }
}

/// A channel's name, with its `#`.
#[derive(Clone, Debug)]
pub struct Channel {
    shown: Box<str>,
    key: Folded,
}

name_with_key!(Channel);

impl Channel {
    /// What channels begin with (`CHANTYPES`).
    pub const TYPES: &str = "#";

    /// Whether `text` would name a channel, well or badly, and not a user.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with('#')
    }

    /// Parses a channel's name of at most `max` bytes, `#` included.
    ///
    /// It may hold anything that can be seen, but no space of any kind, no comma, no control
    /// character and nothing that turns the direction of writing. Joiners and emoji selectors are
    /// allowed but count for nothing when names are compared.
    pub fn parse(text: &str, max: usize) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if !Self::is_meant(text) {
            return Err(NameError::NoChannel);
        }
        if text.len() > max {
            return Err(NameError::TooLong { limit: max });
        }
        if let Some(bad) = text.chars().find(|&c| !is_channel_char(c)) {
            return Err(NameError::BadCharacter(bad));
        }
        let key = Folded::new(text);
        // A full-width comma is a comma once folded, and keys stand in lists too.
        if let Some(bad) = key.chars().find(|&c| !is_channel_char(c)) {
            return Err(NameError::BadCharacter(bad));
        }
        if key.len() == Self::TYPES.len() {
            return Err(NameError::Empty);
        }
        Ok(Self { shown: text.into(), key })
    }
}

fn is_channel_char(c: char) -> bool {
    let blank = matches!(c, '\u{2800}' | '\u{FFF9}'..='\u{FFFB}');
    c != ','
        && !c.is_whitespace()
        && !c.is_control()
        && !blank
        && (c.is_ascii() || is_joiner(c) || !is_ignorable(c))
}

/// The user name, the middle of `nick!user@host`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct UserName(Box<str>);

impl UserName {
    /// What somebody is called of whose user name nothing could be kept.
    pub const FALLBACK: &str = "user";

    /// Makes a user name of at most `max` bytes of whatever a client says.
    ///
    /// Clients take it from the login name of their machine and cannot do much about it, so that
    /// characters which do not belong there are left out, and what is too long is cut. Only an empty
    /// text is an error. It is ASCII, since masks are written against it by hand.
    pub fn parse(text: &str, max: usize) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        let kept = |c: &char| {
            c.is_ascii_alphanumeric()
                || matches!(c, '-' | '.' | '_' | '[' | ']' | '{' | '}' | '|' | '^')
        };
        let name: String = text.chars().filter(kept).take(max).collect();
        let name = if name.is_empty() { Self::FALLBACK } else { &name };
        Ok(Self(name.into()))
    }

    /// The user name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The key of a channel (mode `k`).
#[derive(Clone, Eq, PartialEq)]
pub struct Key(Box<str>);

impl Key {
    /// Parses a key of at most `max` bytes. It has to pass as one element of JOIN's list of keys: no
    /// spaces, commas or control characters, and no `:` in front.
    pub fn parse(text: &str, max: usize) -> Result<Self, NameError> {
        let first = text.chars().next().ok_or(NameError::Empty)?;
        if text.len() > max {
            return Err(NameError::TooLong { limit: max });
        }
        if first == ':' {
            return Err(NameError::BadStart(first));
        }
        let bad = |c: &char| *c == ',' || c.is_whitespace() || c.is_control();
        match text.chars().find(bad) {
            Some(bad) => Err(NameError::BadCharacter(bad)),
            None => Ok(Self(text.into())),
        }
    }

    /// The key, to be shown to members only.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `text` is this key. Case matters.
    pub fn opens(&self, text: &str) -> bool {
        *self.0 == *text
    }
}

/// Keys are not printed.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use NameError::{BadCharacter, BadStart, Empty, Mixed, NoChannel, TooLong};
    use proptest::prelude::*;

    fn nick(text: &str) -> Result<String, NameError> {
        Nick::parse(text, 32).map(|nick| nick.as_str().to_owned())
    }

    fn channel(text: &str) -> Result<String, NameError> {
        Channel::parse(text, 64).map(|channel| channel.key().to_string())
    }

    #[test]
    fn what_becomes_of_a_name_is_a_name() {
        // Omega with a combining iota is put together to a character that no name may hold.
        let composed = '\u{1ffc}';
        let error = Nick::parse("\u{3a9}\u{345}", 32).unwrap_err();
        assert_eq!(error, BadCharacter(composed));
    }

    #[test]
    fn what_people_call_themselves_is_a_nick() {
        for name in [
            "bob",
            "guest-46734",
            "Bob_|afk|",
            "[x]`^{y}\\",
            "_",
            "张三",
            "Ærøskøbing",
            "иван",
            "שלום",
            "علی",
            "ひろゆき",
            "ชัย",
            "हिन्दी",
            "Łukasz-2",
        ] {
            assert_eq!(nick(name), Ok(name.to_owned()), "{name}");
        }
    }

    #[test]
    fn a_nick_holds_nothing_that_means_something_else_on_the_wire() {
        for c in " ,*?!@.:#&$~%+/=<>()'\";\0\r\n\u{7f}".chars() {
            assert_eq!(nick(&format!("bob{c}")), Err(BadCharacter(c)), "{c:?}");
        }
        for c in ['#', '&', ':', '$', '~', '@', '%', '+', '!'] {
            assert!(nick(&format!("{c}bob")).is_err());
        }
        assert_eq!(nick("＃bob"), Err(BadCharacter('#')), "full-width is no way around it");
        assert_eq!(nick("bob＠home"), Err(BadCharacter('@')));
    }

    #[test]
    fn a_nick_does_not_begin_with_a_digit_a_hyphen_or_a_lone_accent() {
        assert_eq!(nick("2pac"), Err(BadStart('2')));
        assert_eq!(nick("２pac"), Err(BadStart('2')));
        assert_eq!(nick("-bob"), Err(BadStart('-')));
        assert_eq!(nick("\u{301}bob"), Err(BadStart('\u{301}')));
    }

    #[test]
    fn nothing_invisible_is_in_a_nick_and_nothing_that_turns_the_line_around() {
        for c in [
            '\u{200B}',
            '\u{200E}',
            '\u{202E}',
            '\u{2066}',
            '\u{FEFF}',
            '\u{00AD}',
            '\u{3164}',
            '\u{115F}',
            '\u{2800}',
            '\u{00A0}',
            '\u{3000}',
            '\u{E0041}',
            '\u{85}',
            '\u{FE0F}',
            '\u{180E}',
            '\u{200D}',
            '😀',
        ] {
            assert!(nick(&format!("bo{c}b")).is_err(), "{c:?}");
        }
        assert_eq!(nick("שלוםabc"), Err(Mixed));
    }

    #[test]
    fn a_nick_is_kept_in_its_ordinary_form_and_compared_folded() {
        assert_eq!(nick("Ｂｏｂ"), Ok("Bob".to_owned()));
        assert_eq!(nick("E\u{301}va"), Ok("Éva".to_owned()));
        let (shown, other) = (Nick::parse("Éva", 32).unwrap(), Nick::parse("éVA", 32).unwrap());
        assert_eq!(shown, other);
        assert_eq!((shown.as_str(), shown.key().as_str()), ("Éva", "éva"));
    }

    #[test]
    fn lengths_are_bytes() {
        assert_eq!(nick(""), Err(Empty));
        assert_eq!(Nick::parse("abcd", 4).map(|nick| nick.to_string()), Ok("abcd".to_owned()));
        assert_eq!(Nick::parse("abcde", 4).unwrap_err(), TooLong { limit: 4 });
        assert_eq!(Nick::parse("张三", 5).unwrap_err(), TooLong { limit: 5 });
    }

    #[test]
    fn an_account_may_be_called_what_a_nick_may() {
        let nick = Nick::parse("张三", 32).unwrap();
        let account = Account::parse("张三", 32).unwrap();
        assert_eq!(Account::from(nick), account);
        assert!(Account::parse("a b", 32).is_err());
    }

    #[test]
    fn a_channel_may_hold_what_can_be_seen() {
        for name in ["#lobby", "##", "#a:b", "#c++", "#1", "#北京", "#😀", "#c!*@?", "#&"] {
            assert!(channel(name).is_ok(), "{name}");
        }
        assert_eq!(channel("#Lobby"), Ok("#lobby".to_owned()));
        assert_eq!(channel("#👨\u{200D}👩"), Ok("#👨👩".to_owned()));
        assert_eq!(Channel::parse("#Lobby", 64).unwrap().as_str(), "#Lobby");
    }

    #[test]
    fn a_channel_holds_no_space_comma_or_control_of_any_width() {
        let spaces = "\u{85}\u{A0}\u{2003}\u{2028}\u{3000}\u{2800}";
        let unseen = "\u{200B}\u{202E}\u{FEFF}\u{E0041}\u{FFF9}";
        for c in format!(" ,\u{7}\0\r\n\t\u{1}{spaces}{unseen}").chars() {
            assert_eq!(channel(&format!("#a{c}b")), Err(BadCharacter(c)), "{c:?}");
        }
        assert_eq!(channel("#a，b"), Err(BadCharacter(',')), "a comma once folded");
    }

    #[test]
    fn a_channel_is_more_than_its_sign() {
        assert_eq!(channel(""), Err(Empty));
        assert_eq!(channel("#"), Err(Empty));
        assert_eq!(channel("#\u{200D}\u{FE0F}"), Err(Empty), "nothing that can be seen");
        for name in ["lobby", "&local", "+x", "!x", "＃lobby", "0"] {
            assert_eq!(channel(name), Err(NoChannel), "{name}");
        }
        assert_eq!(Channel::parse("#abcd", 4).unwrap_err(), TooLong { limit: 4 });
    }

    #[test]
    fn a_user_name_is_made_of_whatever_is_said() {
        let made = |text: &str| UserName::parse(text, 8).map(|user| user.as_str().to_owned());
        assert_eq!(made("bob"), Ok("bob".to_owned()));
        assert_eq!(made("~b o@b!"), Ok("bob".to_owned()));
        assert_eq!(made("averylongname"), Ok("averylon".to_owned()));
        assert_eq!(made("张三"), Ok("user".to_owned()));
        assert_eq!(made(""), Err(Empty));
    }

    #[test]
    fn a_key_fits_into_a_list_of_keys() {
        assert!(
            Key::parse("hunter2", 32)
                .is_ok_and(|key| key.opens("hunter2") && !key.opens("Hunter2"))
        );
        assert_eq!(Key::parse("", 32), Err(Empty));
        assert_eq!(Key::parse("a,b", 32), Err(BadCharacter(',')));
        assert_eq!(Key::parse("a b", 32), Err(BadCharacter(' ')));
        assert_eq!(Key::parse(":a", 32), Err(BadStart(':')));
        assert_eq!(Key::parse("abc", 2), Err(TooLong { limit: 2 }));
        assert_eq!(format!("{:?}", Key::parse("hunter2", 32)), "Ok(Key(..))");
    }

    /// What may stand as a middle parameter and within a list.
    fn fits_the_wire(name: &str) -> bool {
        !name.is_empty() && !name.starts_with(':') && !name.contains([' ', ',', '\0', '\r', '\n'])
    }

    proptest! {
        #[test]
        fn a_nick_of_anything_parses_to_itself_and_so_does_its_key(text in "\\PC{0,8}") {
            if let Ok(nick) = Nick::parse(&text, 32) {
                let again = Nick::parse(nick.as_str(), 32).unwrap();
                prop_assert_eq!(again.as_str(), nick.as_str());
                prop_assert!(nick.as_str().len() <= text.len(), "the limit holds for what is shown");
                prop_assert!(fits_the_wire(nick.as_str()) && fits_the_wire(nick.key()));
                prop_assert!(!nick.as_str().contains(['!', '@', '*', '?']));
            }
        }

        #[test]
        fn a_channel_of_anything_fits_the_wire_and_so_does_its_key(text in "#(\\PC|[ -~]|\\pM){0,8}") {
            if let Ok(channel) = Channel::parse(&text, 64) {
                prop_assert!(fits_the_wire(channel.as_str()) && fits_the_wire(channel.key()));
                prop_assert_eq!(Channel::parse(channel.key(), 192).unwrap(), channel);
            }
        }
    }
}
