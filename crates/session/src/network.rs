//! What the server says of itself: its name, its capabilities, and its ISUPPORT tokens (numeric 005).

use std::borrow::Cow;

use callbox_irc::capability::CapSet;

/// What is known of the server.
#[derive(Clone, Debug)]
pub struct Network {
    /// The network's name (NETWORK), or the server's, or empty before it was told.
    pub name: String,
    /// The server's own name, or empty before it was told.
    pub server: String,
    /// What the server is: `callbox-0.1.0` (numeric 004).
    pub version: String,
    /// The capabilities that are in use. While there is no connection: those of the last one.
    pub caps: CapSet,
    /// How names are compared (CASEMAPPING, UTF8MAPPING).
    pub casemapping: CaseMapping,
    /// What rooms' names begin with (CHANTYPES).
    pub chantypes: String,
    /// The modes that give prefixes, highest first: `('o', '@')` (PREFIX).
    pub prefixes: Vec<(char, char)>,
    /// The most bytes of a nickname (NICKLEN).
    pub nick_len: usize,
    /// The most messages in a page of history (CHATHISTORY); `None` if there is no history.
    pub history: Option<u32>,
    /// The most bytes and lines of one message of several lines (the value of draft/multiline); `None` if there are none.
    pub multiline: Option<(usize, usize)>,
    /// Which client-only tags are dropped (CLIENTTAGDENY): `*`, `typing`, `-draft/react`, ….
    pub tag_deny: String,
    /// The room in which everybody is welcome (LOBBY).
    pub lobby: Option<String>,
    /// What the server says of encryption (the value of sts): `port=6697,duration=2592000`. Whoever connects has to heed it.
    pub sts: Option<String>,
    /// The letters of modes, by what parameters they have (CHANMODES).
    pub(crate) chanmodes: String,
    /// The letter by which WHO marks programs (BOT).
    pub(crate) bot_mode: Option<char>,
    /// Whether WHO can be asked for fields (WHOX).
    pub(crate) has_whox: bool,
}

/// How a server compares names.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CaseMapping {
    /// `A` is `a`.
    Ascii,
    /// And `{}|^` are the small letters of `[]\~`: what holds unless a server says otherwise (RFC 1459, section 2.2).
    #[default]
    Rfc1459,
    /// RFC 8265, as our own server has it.
    Unicode,
}

impl CaseMapping {
    /// The form by which `name` is found.
    pub fn fold(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::Unicode => callbox_irc::fold::fold(name),
            Self::Ascii if !name.bytes().any(|byte| byte.is_ascii_uppercase()) => name.into(),
            Self::Ascii => name.to_ascii_lowercase().into(),
            Self::Rfc1459 => {
                let small = |c: char| match c {
                    '[' => '{',
                    ']' => '}',
                    '\\' => '|',
                    '~' => '^',
                    c => c.to_ascii_lowercase(),
                };
                if name.chars().all(|c| small(c) == c) {
                    name.into()
                } else {
                    name.chars().map(small).collect::<String>().into()
                }
            }
        }
    }

    /// Whether two names mean the same.
    pub fn same(self, a: &str, b: &str) -> bool {
        a == b || self.fold(a) == self.fold(b)
    }
}

impl Default for Network {
    /// What holds for a server that says nothing of itself.
    fn default() -> Self {
        Self {
            name: String::new(),
            server: String::new(),
            version: String::new(),
            caps: CapSet::EMPTY,
            casemapping: CaseMapping::default(),
            chantypes: "#&".to_owned(),
            prefixes: vec![('o', '@'), ('v', '+')],
            nick_len: 9,
            history: None,
            multiline: None,
            tag_deny: String::new(),
            lobby: None,
            sts: None,
            // What RFC 1459 has.
            chanmodes: "b,k,l,imnpst".to_owned(),
            bot_mode: None,
            has_whox: false,
        }
    }
}

impl Network {
    /// Whether `name` is that of a room, and not of a person.
    pub fn is_room(&self, name: &str) -> bool {
        name.chars().next().is_some_and(|first| self.chantypes.contains(first))
    }
}
