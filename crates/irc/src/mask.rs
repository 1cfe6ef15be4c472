//! `nick!user@host` masks, and the extended bans that stand in the same lists.
//!
//! A mask is written by one peer and held against the names of another, so matching must cost little
//! whatever both are. Comparing is of bytes: both sides are folded before.

/// The most bytes of a mask: little enough that a line of RPL_BANLIST with the channel, who set it
/// and when is not cut. A longer one is cut part by part, well above the length of any real part.
pub const MASK_MAX: usize = 200;

/// The most bytes of the nick, the user and the host of a mask: together, with their separators and
/// the prefix of a mute, [`MASK_MAX`].
const PARTS_MAX: [usize; 3] = [80, 35, 80];

/// The character with which an extended ban begins; see [`EXTBAN_TYPES`].
///
/// `~` as UnrealIRCd has it, and the example in IRCv3 account-extban. No nickname begins with it; a
/// user name may (`~bob@host`), but there `@` comes before any `:`, and so it is told apart.
pub const EXTBAN_PREFIX: char = '~';

/// The letters of the extended bans, as `EXTBAN=~,am` tells them: `a` an account, `m` a mute, which
/// InspIRCd and ergo call so too.
pub const EXTBAN_TYPES: &str = "am";

/// The value of `ACCOUNTEXTBAN`: the names of the account ban (IRCv3 account-extban).
pub const ACCOUNT_EXTBAN: &str = "a,account";

/// Whether `pattern` matches all of `text`: `*` any characters or none, `?` one character, `\*` and
/// `\?` these two themselves (RFC 2812 section 2.5). Any other backslash is itself, as nicknames have
/// them and clients that make masks of nicknames do not escape.
///
/// Both are folded already. The time is at worst the product of the two lengths: only the last `*`
/// is ever tried again.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // After the last `*`: the pattern there, and the text that it does not yet swallow.
    let mut retry: Option<(&str, &str)> = None;
    loop {
        if let Some(after) = pattern.strip_prefix('*') {
            pattern = after;
            if pattern.is_empty() {
                return true;
            }
            retry = Some((pattern, text));
            continue;
        }
        if pattern.is_empty() && text.is_empty() {
            return true;
        }
        if let Some((after_pattern, after_text)) = step(pattern, text) {
            (pattern, text) = (after_pattern, after_text);
            continue;
        }
        let Some((from, swallowed)) = retry else {
            return false;
        };
        let Some(less) = without_first(swallowed) else {
            return false;
        };
        (pattern, text) = (from, less);
        retry = Some((from, less));
    }
}

/// Makes whole what was typed as a mask: `nick` is `nick!*@*`, `user@host` is `*!user@host`, `a.host`
/// and `an:address` are `*!*@a.host`, `nick!user` is `nick!user@*`. Runs of `*` become one, what no
/// parameter can hold becomes `?`, and the length is capped ([`MASK_MAX`]).
///
/// Extended bans keep their kind, under its short name: `~account:bob` is `~a:bob`, `~m:bob` is
/// `~m:bob!*@*`. One of an unknown kind is left as it is; [`parse_ban`] refuses it.
pub fn normalise(mask: &str) -> String {
    let mut out = String::with_capacity(mask.len().min(MASK_MAX) + 8);
    let mut rest = mask;
    if let Some((Extended::Mute, inner)) = extended(rest) {
        out.push_str("~m:");
        rest = inner;
    }
    match extended(rest) {
        Some((Extended::Account, account)) => {
            out.push_str("~a:");
            push_part(account, MASK_MAX - out.len(), &mut out);
        }
        Some(_) => push_part(rest, MASK_MAX - out.len(), &mut out),
        None => push_whole(rest, &mut out),
    }
    out
}

/// What stands in a list of bans, exceptions or invitations.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ban<'a> {
    /// `nick!user@host`.
    Mask(&'a str),
    /// `~a:ACCOUNT`: whoever is logged in with an account that matches.
    Account(&'a str),
    /// `~m:…`: those whom it matches may join, but not speak.
    Mute(Who<'a>),
}

/// Whom a mute is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Who<'a> {
    /// `~m:nick!user@host`.
    Mask(&'a str),
    /// `~m:~a:ACCOUNT`.
    Account(&'a str),
}

impl<'a> Ban<'a> {
    /// Whether it is for who is called `hostmask` (`nick!user@host`), logged in as `account`. All
    /// are folded.
    pub fn matches(self, hostmask: &str, account: Option<&str>) -> bool {
        self.who().matches(hostmask, account)
    }

    /// Whether it keeps from speaking only.
    pub fn is_mute(self) -> bool {
        matches!(self, Self::Mute(_))
    }

    /// Whom it is for.
    pub fn who(self) -> Who<'a> {
        match self {
            Self::Mask(mask) => Who::Mask(mask),
            Self::Account(account) => Who::Account(account),
            Self::Mute(who) => who,
        }
    }
}

impl Who<'_> {
    /// Whether it is for who is called `hostmask` (`nick!user@host`), logged in as `account`. All
    /// are folded.
    pub fn matches(self, hostmask: &str, account: Option<&str>) -> bool {
        match self {
            Self::Mask(mask) => matches(mask, hostmask),
            Self::Account(pattern) => account.is_some_and(|account| matches(pattern, account)),
        }
    }
}

/// Reads an entry of a list, as [`normalise`] gives it. `None` if it is an extended ban of a kind
/// that there is not, or of nobody.
pub fn parse_ban(entry: &str) -> Option<Ban<'_>> {
    Some(match extended(entry) {
        None => Ban::Mask(entry),
        Some((Extended::Account, account)) if !account.is_empty() => Ban::Account(account),
        Some((Extended::Mute, inner)) => Ban::Mute(match extended(inner) {
            None if !inner.is_empty() => Who::Mask(inner),
            Some((Extended::Account, account)) if !account.is_empty() => Who::Account(account),
            _ => return None,
        }),
        Some(_) => return None,
    })
}

#[derive(Clone, Copy)]
enum Extended {
    Account,
    Mute,
    Unknown,
}

/// The kind of an extended ban and what it is of; `None` if `entry` is none: `~`, letters, `:`.
fn extended(entry: &str) -> Option<(Extended, &str)> {
    let (name, of) = entry.strip_prefix(EXTBAN_PREFIX)?.split_once(':')?;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let is = |short: &str, long: &str| {
        name.eq_ignore_ascii_case(short) || name.eq_ignore_ascii_case(long)
    };
    let kind = if is("a", "account") {
        Extended::Account
    } else if is("m", "mute") {
        Extended::Mute
    } else {
        Extended::Unknown
    };
    Some((kind, of))
}

/// One character of the pattern, which is no `*`, against one of the text: what is left of both.
fn step<'p, 't>(pattern: &'p str, text: &'t str) -> Option<(&'p str, &'t str)> {
    if let Some(after) = pattern.strip_prefix('?') {
        return Some((after, without_first(text)?));
    }
    let literal = match pattern.strip_prefix('\\') {
        Some(escaped) if escaped.starts_with(['*', '?']) => escaped,
        _ => pattern,
    };
    let first = literal.chars().next()?;
    Some((&literal[first.len_utf8()..], text.strip_prefix(first)?))
}

fn without_first(text: &str) -> Option<&str> {
    let mut chars = text.chars();
    chars.next().map(|_| chars.as_str())
}

/// Appends the three parts of a mask.
fn push_whole(mask: &str, out: &mut String) {
    let (nick, user, host) = match (mask.split_once('!'), mask.split_once('@')) {
        (Some((nick, rest)), _) => match rest.split_once('@') {
            Some((user, host)) => (nick, user, host),
            None => (nick, rest, ""),
        },
        (None, Some((user, host))) => ("", user, host),
        (None, None) if mask.contains(['.', ':']) => ("", "", mask),
        (None, None) => (mask, "", ""),
    };
    for ((part, end), max) in [(nick, "!"), (user, "@"), (host, "")].into_iter().zip(PARTS_MAX) {
        push_part(if part.is_empty() { "*" } else { part }, max, out);
        out.push_str(end);
    }
}

/// Appends one part, in at most `max` bytes. They are counted after runs of `*` became one: were a
/// mask cut before, a long run could push out all that it was meant for.
fn push_part(part: &str, max: usize, out: &mut String) {
    let end = out.len() + max;
    let mut before = None;
    let mut after_star = false;
    for c in part.chars() {
        let c = match c {
            ':' if out.is_empty() => '?',
            c if c == ' ' || c.is_control() => '?',
            c => c,
        };
        let star = c == '*' && before != Some('\\');
        if !(star && after_star) {
            if out.len() + c.len_utf8() > end {
                return;
            }
            out.push(c);
        }
        before = Some(c);
        after_star = star;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_star_is_any_text_and_a_question_mark_any_character() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "anything"),
            ("a*c", "ac"),
            ("a*c", "abcbc"),
            ("*!*@*.example", "nick!user@host.example"),
            ("?", "中"),
            ("a?b*", "aéb"),
            ("*é?", "éé👍"),
            ("**a**", "bab"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", ""),
            ("?", ""),
            ("?", "ab"),
            ("a*c", "acb"),
            ("*a?", "a"),
            ("??", "中"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_backslash_escapes_wildcards_and_is_itself_elsewhere() {
        assert!(matches(r"a\*b", "a*b"));
        assert!(!matches(r"a\*b", "axb"));
        assert!(matches(r"\?*", "?x"));
        assert!(!matches(r"\?", "x"));
        assert!(matches(r"w\o\\rld\", r"w\o\\rld\"));
    }

    #[test]
    fn a_hostile_pattern_costs_little() {
        // Tried the plain way this takes longer than the universe has.
        let pattern = "*a".repeat(MASK_MAX / 2) + "b";
        assert!(!matches(&pattern, &"a".repeat(10_000)));
    }

    #[test]
    fn a_mask_is_made_whole() {
        for (typed, whole) in [
            ("", "*!*@*"),
            ("bob", "bob!*@*"),
            ("b*b", "b*b!*@*"),
            ("bob!u", "bob!u@*"),
            ("u@host", "*!u@host"),
            ("~u@::1", "*!~u@::1"),
            ("a.host", "*!*@a.host"),
            ("2001:db8::*", "*!*@2001:db8::*"),
            ("bob!u@h", "bob!u@h"),
            ("!@", "*!*@*"),
            ("***!**@*", "*!*@*"),
            (r"a\**!*@*", r"a\**!*@*"),
            ("a b!\u{7}\r@c", "a?b!??@c"),
            (":x!y@z", "?x!y@z"),
            ("~a:bob", "~a:bob"),
            ("~Account:bob", "~a:bob"),
            ("~mute:bob", "~m:bob!*@*"),
            ("~m:~account:b b", "~m:~a:b?b"),
            ("~x:bob", "~x:bob"),
        ] {
            assert_eq!(normalise(typed), whole, "{typed}");
        }
    }

    #[test]
    fn a_long_mask_is_cut_part_by_part_and_keeps_its_form() {
        let [nick, user, host] = PARTS_MAX.map(|max| "é".repeat(max / 2));
        let long = "é".repeat(100);
        assert_eq!(normalise(&format!("{long}!{long}@{long}")), format!("{nick}!{user}@{host}"));
        assert_eq!(PARTS_MAX.iter().sum::<usize>() + "~m:!@".len(), MASK_MAX);
        assert_eq!(normalise(&format!("{}bob", "*".repeat(200))), "*bob!*@*");
    }

    #[test]
    fn a_list_entry_is_a_mask_an_account_or_a_mute() {
        assert_eq!(parse_ban("a!b@c"), Some(Ban::Mask("a!b@c")));
        assert_eq!(parse_ban("~a:bob"), Some(Ban::Account("bob")));
        assert_eq!(parse_ban("~account:bob"), Some(Ban::Account("bob")));
        assert_eq!(parse_ban("~m:a!b@c"), Some(Ban::Mute(Who::Mask("a!b@c"))));
        assert_eq!(parse_ban("~m:~a:bob"), Some(Ban::Mute(Who::Account("bob"))));
        for bad in ["~x:bob", "~a:", "~m:", "~m:~m:bob", "~m:~x:bob", "~m:~a:"] {
            assert_eq!(parse_ban(bad), None, "{bad}");
        }
        assert_eq!(parse_ban("~bob!*@a:b"), Some(Ban::Mask("~bob!*@a:b")));
    }

    #[test]
    fn an_account_ban_is_for_who_is_logged_in() {
        let ban = parse_ban("~a:bob").expect("a ban");
        assert!(ban.matches("x!y@z", Some("bob")));
        assert!(!ban.matches("bob!y@z", None));
        assert!(!ban.matches("bob!y@z", Some("bobby")));
        let mute = parse_ban("~m:bob!*@*").expect("a ban");
        assert!(
            mute.is_mute() && mute.matches("bob!y@z", None) && !mute.matches("x!y@z", Some("bob"))
        );
    }

    #[test]
    fn the_isupport_tokens_name_what_is_parsed() {
        for letter in EXTBAN_TYPES.chars() {
            assert!(parse_ban(&format!("{EXTBAN_PREFIX}{letter}:x")).is_some());
        }
        for name in ACCOUNT_EXTBAN.split(',') {
            let ban = format!("{EXTBAN_PREFIX}{name}:x");
            assert_eq!(parse_ban(&ban), Some(Ban::Account("x")));
        }
    }

    /// The definition of matching, exponential as it stands.
    fn plain(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], _) => text.is_empty(),
            (['*', rest @ ..], _) => (0..=text.len()).any(|n| plain(rest, &text[n..])),
            (['\\', c @ ('*' | '?'), rest @ ..], [t, text @ ..]) => c == t && plain(rest, text),
            (['\\', '*' | '?', ..], []) => false,
            (['?', rest @ ..], [_, text @ ..]) => plain(rest, text),
            ([c, rest @ ..], [t, text @ ..]) => c == t && plain(rest, text),
            (_, []) => false,
        }
    }

    proptest! {
        #[test]
        fn matching_goes_by_its_definition(pattern in "[aé*?\\\\]{0,9}", text in "[aé*?\\\\]{0,9}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &text), plain(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn a_whole_mask_stays_as_it_is_and_fits_a_line(
            mask in "\\PC{0,300}|[a*!@.:~m ]{0,12}|~[am]:[a*!@.:~\r]{0,300}",
        ) {
            let whole = normalise(&mask);
            prop_assert!(whole.len() <= MASK_MAX, "{} bytes", whole.len());
            prop_assert!(!whole.is_empty() && !whole.contains([' ', '\r', '\n', '\0']));
            prop_assert_eq!(normalise(&whole), whole);
        }

        #[test]
        fn making_a_mask_whole_does_not_change_what_it_matches(
            mask in "[ab*?\\\\]{0,4}![ab*?\\\\]{0,4}@[ab*?\\\\]{0,4}", name in "[ab*]{1,3}![ab?]{1,3}@[ab\\\\]{1,3}",
        ) {
            let parts = mask.split(['!', '@']).all(|part| !part.is_empty());
            prop_assert!(!parts || matches(&mask, &name) == matches(&normalise(&mask), &name));
        }
    }
}
