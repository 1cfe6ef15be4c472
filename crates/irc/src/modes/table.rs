//! The two tables, and what a server announces from them.

use super::sets::{ChannelFlags, Membership, UserModes};

/// A list of masks that a channel has.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ListMode {
    /// `I`: who may join without an invitation.
    Invex,
    /// `b`: who may neither join nor speak.
    Ban,
    /// `e`: whom no ban concerns.
    Except,
}

impl ListMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Invex, Self::Ban, Self::Except];

    /// Its letter.
    pub const fn letter(self) -> char {
        match self {
            Self::Invex => 'I',
            Self::Ban => 'b',
            Self::Except => 'e',
        }
    }
}

/// What a letter of a channel's mode string means, and so whether it takes an argument: the types A,
/// B, C and D of CHANMODES, and the prefixes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChannelMode {
    /// A mask is added to a list or taken off it; without one the list is asked for.
    List(ListMode),
    /// `k`: the key, given when it is set and, mostly, when it is taken off.
    Key,
    /// `l`: the most members, given when it is set.
    Limit,
    /// On or off.
    Flag(ChannelFlags),
    /// A member, given by nickname, is raised or lowered.
    Member(Membership),
}

/// A row of the table of channel modes.
#[derive(Debug)]
pub struct ChannelModeRow {
    /// The letter.
    pub letter: char,
    /// What it means.
    pub mode: ChannelMode,
    /// The sign before the nicknames of members that have it.
    pub prefix: Option<char>,
    /// Whether only the server sets it.
    pub server_only: bool,
    /// What it does, for people.
    pub about: &'static str,
}

const fn row(letter: char, mode: ChannelMode, about: &'static str) -> ChannelModeRow {
    ChannelModeRow { letter, mode, prefix: None, server_only: false, about }
}

const fn flag(letter: char, flag: ChannelFlags, about: &'static str) -> ChannelModeRow {
    row(letter, ChannelMode::Flag(flag), about)
}

const fn member(letter: char, is: Membership, prefix: char, about: &'static str) -> ChannelModeRow {
    ChannelModeRow { prefix: Some(prefix), ..row(letter, ChannelMode::Member(is), about) }
}

/// The channel modes: lists, key, limit, flags, each group by letter; then prefixes, the highest first.
pub const CHANNEL_MODES: &[ChannelModeRow] = &[
    row('I', ChannelMode::List(ListMode::Invex), "masks of who may join without an invitation"),
    row('b', ChannelMode::List(ListMode::Ban), "masks of who may neither join nor speak"),
    row('e', ChannelMode::List(ListMode::Except), "masks of whom no ban concerns"),
    row('k', ChannelMode::Key, "the key that is needed to join"),
    row('l', ChannelMode::Limit, "the most members"),
    flag('C', ChannelFlags::NO_CTCP, "no CTCP but ACTION"),
    flag('M', ChannelFlags::REGISTERED_SPEAK, "only who is logged in or has a prefix may speak"),
    flag('R', ChannelFlags::REGISTERED_ONLY, "only who is logged in may join"),
    flag('i', ChannelFlags::INVITE_ONLY, "joined by invitation only"),
    flag('m', ChannelFlags::MODERATED, "only who has a prefix may speak"),
    flag('n', ChannelFlags::NO_EXTERNAL, "only members may speak"),
    ChannelModeRow {
        server_only: true,
        ..flag('r', ChannelFlags::CLAIMED, "claimed by an account; set by the server")
    },
    flag('s', ChannelFlags::SECRET, "not shown to who is not in it"),
    flag('t', ChannelFlags::PROTECTED_TOPIC, "only operators and half-operators set the topic"),
    member('o', Membership::OP, '@', "operator: moderates the channel"),
    member('h', Membership::HALFOP, '%', "half-operator: helps to moderate"),
    member('v', Membership::VOICE, '+', "voice: may speak in a moderated channel"),
];

/// Who changes a user mode.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SetBy {
    /// The user, both ways.
    User,
    /// The server; the user may take it off.
    ServerUserClears,
    /// The server alone.
    Server,
}

/// A row of the table of user modes.
#[derive(Debug)]
pub struct UserModeRow {
    /// The letter.
    pub letter: char,
    /// What it is in a set.
    pub mode: UserModes,
    /// Who changes it.
    pub set_by: SetBy,
    /// What it does, for people.
    pub about: &'static str,
}

const fn user(letter: char, mode: UserModes, set_by: SetBy, about: &'static str) -> UserModeRow {
    UserModeRow { letter, mode, set_by, about }
}

/// The user modes, by letter.
pub const USER_MODES: &[UserModeRow] = &[
    user('B', UserModes::BOT, SetBy::User, "is a bot"),
    user(
        'R',
        UserModes::REGISTERED_ONLY,
        SetBy::User,
        "takes private messages only of who is logged in",
    ),
    user('Z', UserModes::SECURE, SetBy::Server, "is connected securely; set by the server"),
    user('i', UserModes::INVISIBLE, SetBy::User, "not shown to who shares no channel"),
    user(
        'o',
        UserModes::OPERATOR,
        SetBy::ServerUserClears,
        "is an operator; set by OPER, taken off by the user",
    ),
    user('r', UserModes::REGISTERED, SetBy::Server, "is logged in; set by the server"),
    user('w', UserModes::WALLOPS, SetBy::User, "gets WALLOPS"),
];

/// The row of a channel mode's letter.
pub fn channel_mode(letter: char) -> Option<&'static ChannelModeRow> {
    CHANNEL_MODES.iter().find(|row| row.letter == letter)
}

/// The row of a user mode's letter.
pub fn user_mode(letter: char) -> Option<&'static UserModeRow> {
    USER_MODES.iter().find(|row| row.letter == letter)
}

/// The value of CHANMODES: `A,B,C,D`.
pub fn chanmodes() -> String {
    let of = |wanted: fn(ChannelMode) -> bool| -> String {
        CHANNEL_MODES.iter().filter(|row| wanted(row.mode)).map(|row| row.letter).collect()
    };
    [
        of(|mode| matches!(mode, ChannelMode::List(_))),
        of(|mode| mode == ChannelMode::Key),
        of(|mode| mode == ChannelMode::Limit),
        of(|mode| matches!(mode, ChannelMode::Flag(_))),
    ]
    .join(",")
}

/// The value of MAXLIST, `I:100,b:100,e:100`, if each list may have `most` entries.
pub fn maxlist(most: usize) -> String {
    ListMode::ALL.map(|list| format!("{}:{most}", list.letter())).join(",")
}

/// The value of PREFIX: `(ohv)@%+`.
pub fn prefix_token() -> String {
    let letters: String = prefixed().map(|(row, _)| row.letter).collect();
    let signs: String = prefixed().map(|(_, sign)| sign).collect();
    format!("({letters}){signs}")
}

/// The value of STATUSMSG, and all signs that stand before nicknames: `@%+`.
pub const STATUS_PREFIXES: &str = "@%+";

/// The letters of all channel modes (MYINFO).
pub fn channel_letters() -> String {
    sorted(CHANNEL_MODES.iter().map(|row| row.letter))
}

/// The letters of the channel modes with an argument (MYINFO).
pub fn channel_letters_with_argument() -> String {
    let takes = |row: &&ChannelModeRow| !matches!(row.mode, ChannelMode::Flag(_));
    sorted(CHANNEL_MODES.iter().filter(takes).map(|row| row.letter))
}

/// The letters of all user modes (MYINFO).
pub fn user_letters() -> String {
    sorted(USER_MODES.iter().map(|row| row.letter))
}

fn sorted(letters: impl Iterator<Item = char>) -> String {
    let mut letters: Vec<char> = letters.collect();
    letters.sort_unstable();
    letters.into_iter().collect()
}

fn prefixed() -> impl Iterator<Item = (&'static ChannelModeRow, char)> {
    CHANNEL_MODES.iter().filter_map(|row| row.prefix.map(|sign| (row, sign)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_stands_for_one_mode() {
        let mut letters: Vec<char> = CHANNEL_MODES.iter().map(|row| row.letter).collect();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), CHANNEL_MODES.len());
        let mut letters: Vec<char> = USER_MODES.iter().map(|row| row.letter).collect();
        letters.dedup();
        assert!(letters.is_sorted() && letters.len() == USER_MODES.len());
        let about = |text: &str| !text.is_empty() && !text.ends_with('.');
        assert!(
            CHANNEL_MODES.iter().all(|row| row.letter.is_ascii_alphabetic() && about(row.about))
        );
        assert!(USER_MODES.iter().all(|row| row.letter.is_ascii_alphabetic() && about(row.about)));
    }

    #[test]
    fn a_bit_stands_for_one_mode() {
        let mut flags = ChannelFlags::EMPTY;
        let mut ranks = Membership::EMPTY;
        for row in CHANNEL_MODES {
            match row.mode {
                ChannelMode::Flag(flag) => assert!(flags.set(flag, true), "{}", row.letter),
                ChannelMode::Member(rank) => assert!(ranks.set(rank, true), "{}", row.letter),
                ChannelMode::List(list) => assert_eq!(list.letter(), row.letter),
                ChannelMode::Key | ChannelMode::Limit => {}
            }
        }
        let mut modes = UserModes::EMPTY;
        assert!(USER_MODES.iter().all(|row| modes.set(row.mode, true)));
        assert!(ListMode::ALL.iter().all(|list| channel_mode(list.letter()).is_some()));
    }

    #[test]
    fn what_is_announced_follows_from_the_tables() {
        assert_eq!(chanmodes(), "Ibe,k,l,CMRimnrst");
        assert_eq!(maxlist(60), "I:60,b:60,e:60");
        assert_eq!(prefix_token(), "(ohv)@%+");
        assert_eq!(channel_letters(), "CIMRbehiklmnorstv");
        assert_eq!(channel_letters_with_argument(), "Ibehklov");
        assert_eq!(user_letters(), "BRZiorw");
    }

    #[test]
    fn prefixes_and_members_agree() {
        let signs: String = prefixed().map(|(_, sign)| sign).collect();
        assert_eq!(signs, STATUS_PREFIXES);
        for (row, sign) in prefixed() {
            let ChannelMode::Member(rank) = row.mode else { panic!("{} is no rank", row.letter) };
            assert_eq!(Membership::of_prefix(sign), Some(rank));
            assert_eq!(rank.prefixes(), sign.to_string());
        }
        assert!(
            CHANNEL_MODES
                .iter()
                .all(|row| row.prefix.is_some() == matches!(row.mode, ChannelMode::Member(_)))
        );
    }
}
