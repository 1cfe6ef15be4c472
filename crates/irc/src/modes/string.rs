//! Mode strings: parsed from what somebody wishes for, built from what was done.

use std::fmt;

use super::table::{ChannelMode, ListMode, UserModeRow, channel_mode, user_mode};

/// A change of a channel's modes that somebody wishes for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ModeChange<'a> {
    /// Set, or taken off.
    pub adding: bool,
    /// The letter.
    pub letter: char,
    /// What is meant.
    pub mode: ChannelMode,
    /// The argument, never empty. Always there for `o`, `h`, `v`, `+k` and `+l`; never for a flag or
    /// `-l`. A list without one is asked for.
    pub argument: Option<&'a str>,
}

impl ModeChange<'_> {
    /// The list that is asked for, if this is a question and no change.
    pub fn query(&self) -> Option<ListMode> {
        match self.mode {
            ChannelMode::List(list) if self.argument.is_none() => Some(list),
            _ => None,
        }
    }
}

/// What is wrong with a letter of a mode string. The letters after it hold nevertheless.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ModeError {
    /// There is no such mode: ERR_UNKNOWNMODE for channels, ERR_UMODEUNKNOWNFLAG for users.
    #[error("there is no mode {0:?}")]
    Unknown(char),
    /// The argument is missing. The modern specification wants the letter to be passed over in
    /// silence.
    #[error("mode {0} needs an argument")]
    MissingArgument(char),
    /// The argument is there, but empty: ERR_INVALIDMODEPARAM, with `*` in the argument's place.
    #[error("the argument of mode {0} is empty")]
    EmptyArgument(char),
}

/// Parses the parameters of MODE after the channel: the mode string, and its arguments.
///
/// Signs hold until the next one; without one modes are set. Arguments are handed out in order, and
/// an unknown letter takes none. A list is asked for once and an error reported once for each letter,
/// however often it is repeated, so that one line of input cannot make hundreds of answer. How many
/// changes one command may make is for the caller to say.
pub fn parse_channel_modes<'a>(
    params: &[&'a str],
) -> impl Iterator<Item = Result<ModeChange<'a>, ModeError>> {
    let (letters, arguments) = params.split_first().map_or(("", [].as_slice()), |(l, a)| (*l, a));
    let mut arguments = arguments.iter().copied();
    let mut answered: Vec<char> = Vec::new();
    signed(letters).filter_map(move |(adding, letter)| {
        let item = parse_letter(adding, letter, &mut arguments);
        let once = item.as_ref().map_or(true, |change| change.query().is_some());
        if once {
            if answered.contains(&letter) {
                return None;
            }
            answered.push(letter);
        }
        Some(item)
    })
}

fn parse_letter<'a>(
    adding: bool,
    letter: char,
    arguments: &mut impl Iterator<Item = &'a str>,
) -> Result<ModeChange<'a>, ModeError> {
    let mode = channel_mode(letter).ok_or(ModeError::Unknown(letter))?.mode;
    let argument = match mode {
        ChannelMode::Flag(_) => None,
        ChannelMode::Limit if !adding => None,
        _ => arguments.next(),
    };
    let needed = match mode {
        ChannelMode::Member(_) => true,
        ChannelMode::Key | ChannelMode::Limit => adding,
        ChannelMode::List(_) | ChannelMode::Flag(_) => false,
    };
    match argument {
        None if needed => Err(ModeError::MissingArgument(letter)),
        Some("") if needed => Err(ModeError::EmptyArgument(letter)),
        // An empty mask asks for the list, and an empty key is none, as if it were not there.
        _ => Ok(ModeChange { adding, letter, mode, argument: argument.filter(|a| !a.is_empty()) }),
    }
}

/// Parses a mode string of a user: whether each is set or taken off, and its row.
pub fn parse_user_modes(
    letters: &str,
) -> impl Iterator<Item = Result<(bool, &'static UserModeRow), ModeError>> {
    signed(letters).map(|(adding, letter)| {
        user_mode(letter).map(|row| (adding, row)).ok_or(ModeError::Unknown(letter))
    })
}

/// The letters of a mode string, each with whether it is set.
fn signed(letters: &str) -> impl Iterator<Item = (bool, char)> {
    let mut adding = true;
    letters.chars().filter_map(move |c| match c {
        '+' | '-' => {
            adding = c == '+';
            None
        }
        letter => Some((adding, letter)),
    })
}

/// Joins changes that were made into the shortest mode string that says so: `+o-v bob alice`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ModeString {
    letters: String,
    arguments: Vec<Box<str>>,
    adding: Option<bool>,
}

impl ModeString {
    /// No change.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a change, after those before.
    pub fn push(&mut self, adding: bool, letter: char, argument: Option<&str>) {
        if self.adding != Some(adding) {
            self.letters.push(if adding { '+' } else { '-' });
            self.adding = Some(adding);
        }
        self.letters.push(letter);
        self.arguments.extend(argument.map(Box::from));
    }

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// The letters with their signs.
    pub fn letters(&self) -> &str {
        &self.letters
    }

    /// The arguments, in order.
    pub fn arguments(&self) -> impl Iterator<Item = &str> {
        self.arguments.iter().map(|argument| &**argument)
    }

    /// The parameters of MODE after the target: the letters, then the arguments.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.letters()).chain(self.arguments())
    }
}

impl fmt::Display for ModeString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.letters)?;
        self.arguments().try_for_each(|argument| write!(f, " {argument}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modes::{ChannelFlags, Membership, UserModes};
    use proptest::prelude::*;

    /// `+o bob` for a change, `?b` for a question, `!x` for an unknown letter, `o!` for a missing and
    /// `o*` for an empty argument.
    fn parsed(params: &[&str]) -> Vec<String> {
        let show = |item: Result<ModeChange<'_>, ModeError>| match item {
            Ok(change) if change.query().is_some() => format!("?{}", change.letter),
            Ok(change) => {
                let mut text = ModeString::new();
                text.push(change.adding, change.letter, change.argument);
                text.to_string()
            }
            Err(ModeError::Unknown(letter)) => format!("!{letter}"),
            Err(ModeError::MissingArgument(letter)) => format!("{letter}!"),
            Err(ModeError::EmptyArgument(letter)) => format!("{letter}*"),
        };
        parse_channel_modes(params).map(show).collect()
    }

    #[test]
    fn signs_hold_until_the_next_one_and_arguments_come_in_order() {
        assert_eq!(
            parsed(&["+ov-b+i-v", "bob", "al", "*!*@x", "al"]),
            ["+o bob", "+v al", "-b *!*@x", "+i", "-v al"]
        );
        assert_eq!(parsed(&["nt"]), ["+n", "+t"], "without a sign modes are set");
        assert_eq!(parsed(&["+-+n--"]), ["+n"]);
        assert_eq!(parsed(&[]), [""; 0]);
        assert_eq!(parsed(&["", "x"]), [""; 0]);
    }

    #[test]
    fn a_list_without_a_mask_is_asked_for_and_once_only() {
        assert_eq!(parsed(&["b"]), ["?b"]);
        assert_eq!(parsed(&["+bbeb-b"]), ["?b", "?e"]);
        assert_eq!(parsed(&["bb", "a!*@*"]), ["+b a!*@*", "?b"]);
        assert_eq!(parsed(&["b", ""]), ["?b"]);
    }

    #[test]
    fn the_key_takes_an_argument_both_ways_and_the_limit_only_when_it_is_set() {
        assert_eq!(parsed(&["+kl", "secret", "5"]), ["+k secret", "+l 5"]);
        assert_eq!(parsed(&["-kl", "secret", "5"]), ["-k secret", "-l"]);
        assert_eq!(parsed(&["-lo", "bob"]), ["-l", "-o bob"]);
        assert_eq!(parsed(&["-k"]), ["-k"], "the key need not be known to be taken off");
    }

    #[test]
    fn a_missing_argument_spoils_its_own_letter_only() {
        assert_eq!(parsed(&["+oklno"]), ["o!", "k!", "l!", "+n"]);
        assert_eq!(parsed(&["+ko", "", "bob"]), ["k*", "+o bob"], "an empty one is taken up");
    }

    #[test]
    fn an_unknown_letter_is_named_once_and_takes_no_argument() {
        assert_eq!(parsed(&["+xox-x?", "bob"]), ["!x", "+o bob", "!?"]);
        assert_eq!(parsed(&["模"]), ["!模"]);
    }

    #[test]
    fn what_a_letter_means_is_what_the_table_says() {
        let modes: Vec<_> = parse_channel_modes(&["hs", "x"]).map(|c| c.unwrap().mode).collect();
        assert_eq!(
            modes,
            [ChannelMode::Member(Membership::HALFOP), ChannelMode::Flag(ChannelFlags::SECRET)]
        );
    }

    #[test]
    fn user_modes_are_letters_without_arguments() {
        let parsed: Vec<_> =
            parse_user_modes("i-w+Bq").map(|item| item.map(|(on, row)| (on, row.mode))).collect();
        assert_eq!(
            parsed,
            [
                Ok((true, UserModes::INVISIBLE)),
                Ok((false, UserModes::WALLOPS)),
                Ok((true, UserModes::BOT)),
                Err(ModeError::Unknown('q')),
            ]
        );
    }

    #[test]
    fn a_sign_is_written_only_where_it_changes() {
        let mut text = ModeString::new();
        assert!(text.is_empty());
        text.push(true, 'o', Some("bob"));
        text.push(true, 'n', None);
        text.push(false, 'v', Some("al"));
        text.push(true, 't', None);
        assert_eq!(text.to_string(), "+on-v+t bob al");
        assert_eq!(text.params().collect::<Vec<_>>(), ["+on-v+t", "bob", "al"]);
    }

    proptest! {
        #[test]
        fn what_is_built_is_parsed_to_the_same(
            changes in proptest::collection::vec(
                (any::<bool>(), proptest::sample::select(&['b', 'k', 'o', 'n', 'l'][..]), "[a-z]{1,5}"),
                0..20,
            ),
        ) {
            let mut text = ModeString::new();
            let mut expected = Vec::new();
            for (adding, letter, argument) in &changes {
                let bare = *letter == 'n' || (*letter == 'l' && !adding);
                let argument = (!bare).then_some(&**argument);
                text.push(*adding, *letter, argument);
                expected.push((*adding, *letter, argument));
            }
            let params: Vec<_> = text.params().collect();
            let parsed: Vec<_> = parse_channel_modes(&params)
                .map(|change| change.map(|c| (c.adding, c.letter, c.argument)).unwrap())
                .collect();
            prop_assert_eq!(parsed, expected);
        }

        #[test]
        fn any_parameters_are_parsed_and_answered_no_more_often_than_there_are_letters(
            params in proptest::collection::vec(".{0,20}", 0..6),
        ) {
            let params: Vec<_> = params.iter().map(String::as_str).collect();
            let letters = params.first().map_or(0, |first| first.chars().count());
            prop_assert!(parse_channel_modes(&params).count() <= letters);
        }
    }
}
