//! Under which key a conversation is kept, who may read it, and how its events say who said them.
//!
//! What was said in a channel is its members' to read. What two people said in private is theirs: a conversation is kept
//! under its two sides, and a side is an account, or one session of a guest, never a nickname. So an account's past
//! follows it to a new connection, and whoever takes a guest's nickname tomorrow finds nothing.

use callbox_irc::fold::Folded;
use callbox_irc::names::Channel as ChannelName;

use crate::channel::{Channel, ChannelId};
use crate::client::{Client, ClientId};
use crate::contract::{Event, Millis};
use crate::say::Piece;
use crate::turn::Turn;

/// A conversation that I may read now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Conversation {
    /// Under which it is kept.
    pub(crate) key: String,
    pub(crate) with: With,
}

/// With whom a conversation is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum With {
    /// A channel that I am in.
    Room(ChannelId),
    /// Somebody.
    Person {
        /// The user of that name, if one is here.
        client: Option<ClientId>,
        /// The nickname, or the account's name if nobody of that name is here.
        name: String,
        /// The other's side.
        side: String,
    },
}

impl Turn<'_> {
    /// The conversation that I mean by `target`, a channel or a nickname, if I may read it.
    ///
    /// A nickname is the user who has it. Only where nobody has it, it is the account of that name.
    pub(crate) fn conversation(&self, target: &str) -> Option<Conversation> {
        if ChannelName::is_meant(target) {
            let channel = self.hub.channels.named(target)?;
            self.my_membership(channel)?;
            let key = channel_key(self.channel(channel));
            return Some(Conversation { key, with: With::Room(channel) });
        }
        let nick = Folded::new(target);
        let with = if let Some(id) = self.hub.clients.user(&nick) {
            let client = self.client(id);
            let name = client.name().to_owned();
            With::Person { client: Some(id), name, side: client.side() }
        } else {
            let name = self.hub.accounts.get(&nick)?.to_string();
            With::Person { client: None, name, side: account_side(&nick) }
        };
        let With::Person { side, .. } = &with else { return None };
        Some(Conversation { key: private_key(&self.me().side(), side), with })
    }

    /// The time of the oldest event that is shown; 0 if all are.
    pub(crate) fn floor(&self) -> Millis {
        match self.hub.config.history.max_age {
            0 => 0,
            age => self.now.wall.saturating_sub(age),
        }
    }
}

/// The side of an account in private conversations.
pub(crate) fn account_side(account: &str) -> String {
    format!("${account}")
}

/// The side of a guest's session in private conversations.
pub(crate) fn session_side(session: &str) -> String {
    format!("~{session}")
}

/// The two sides of a private conversation, by its key.
pub(crate) fn sides(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix('@')?.split_once(',')
}

/// Whether `client` is the author of `event`, something said: by its account, or by its session as a guest.
pub(crate) fn is_author(client: &Client, event: &Event) -> bool {
    match (&event.account, guest(event)) {
        (Some(account), _) => {
            client.account.as_ref().is_some_and(|mine| **mine.key() == *Folded::new(account))
        }
        (None, Some(side)) => side.strip_prefix('~') == Some(&client.session),
        (None, None) => false,
    }
}

/// The side on which the author of `event` stood, something said.
pub(crate) fn author(event: &Event) -> Option<String> {
    match &event.account {
        Some(account) => Some(account_side(&Folded::new(account))),
        None => guest(event).map(ToOwned::to_owned),
    }
}

impl Event {
    /// The parameters before the text as everybody saw them: without the session of a guest.
    pub fn shown_params(&self) -> &[Box<str>] {
        let shown = shown_params(&self.command).unwrap_or(self.params.len());
        self.params.get(..shown).unwrap_or(&self.params)
    }
}

/// The session of the guest who said `event`: the parameter after those that are shown. It is kept because a guest's
/// nickname says nothing later, neither about who may take the words back nor about which side they came from.
fn guest(event: &Event) -> Option<&str> {
    event.params.get(shown_params(&event.command)?).map(|side| &**side)
}

/// How many parameters something said has before its text. `None` for what is not said but happens.
fn shown_params(command: &str) -> Option<usize> {
    match command {
        "PRIVMSG" | "NOTICE" | "TAGMSG" => Some(1),
        "REDACT" => Some(2),
        _ => None,
    }
}

/// The key of what was said in `channel`: its folded name, which begins with `#`.
pub(crate) fn channel_key(channel: &Channel) -> String {
    channel.name.key().to_string()
}

/// The key of what two sides said to one another in private: `@`, and the sides in order. A side is `$account`, or
/// `~session` for a guest (see `Client::side`); neither holds a comma.
pub(crate) fn private_key(one: &str, other: &str) -> String {
    let (first, second) = if one <= other { (one, other) } else { (other, one) };
    format!("@{first},{second}")
}

/// The lines of a message as one text, as it is kept: `\n` before a line that stands alone, `\r` before one that continues
/// the line before it. Neither can be in a line.
pub(crate) fn join(lines: &[Piece<'_>]) -> String {
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            text.push(if line.continues { '\r' } else { '\n' });
        }
        text.push_str(line.text);
    }
    text
}

/// The lines of a text as [`join`] made it.
pub(crate) fn split(text: &str) -> Vec<Piece<'_>> {
    let mut lines = Vec::new();
    let mut continues = false;
    for part in text.split_inclusive(['\n', '\r']) {
        let ended = part.chars().next_back();
        let line = part.strip_suffix(['\n', '\r']).unwrap_or(part);
        lines.push(Piece { text: line, continues });
        continues = ended == Some('\r');
    }
    if text.is_empty() || text.ends_with(['\n', '\r']) {
        lines.push(Piece { text: "", continues });
    }
    lines
}

/// Panics if `text`, as it might be kept, comes apart into lines that are none or that do not make the same text again.
/// For tests and the fuzz targets alone.
#[cfg(feature = "check")]
pub fn check_text(text: &str) {
    let lines = split(text);
    assert!(lines.first().is_some_and(|line| !line.continues), "{lines:?} begin with a line");
    assert!(lines.iter().all(|line| !line.text.contains(['\n', '\r'])), "{lines:?} are lines");
    assert_eq!(join(&lines), text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(command: &str, account: Option<&str>, params: &[&str]) -> Event {
        Event {
            conversation: "#room".into(),
            msgid: "1".into(),
            time: 0,
            source: "alice!~alice@host".into(),
            account: account.map(Into::into),
            bot: false,
            tags: "".into(),
            command: command.into(),
            params: params.iter().map(|param| Box::from(*param)).collect(),
            text: None,
        }
    }

    #[test]
    fn a_private_conversation_has_one_key_from_both_sides() {
        assert_eq!(private_key("$alice", "~s1"), private_key("~s1", "$alice"));
        assert_eq!(sides(&private_key("~s1", "$alice")), Some(("$alice", "~s1")));
        assert_eq!(sides("#room"), None);
    }

    #[test]
    fn a_text_of_several_lines_is_split_as_it_was_joined() {
        let lines =
            |text| split(text).iter().map(|line| (line.text, line.continues)).collect::<Vec<_>>();
        assert_eq!(lines("one"), [("one", false)]);
        assert_eq!(
            lines("one\n\ntwo\rand"),
            [("one", false), ("", false), ("two", false), ("and", true)]
        );
        assert_eq!(lines("\n"), [("", false), ("", false)]);
        assert_eq!(lines(""), [("", false)]);
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_kept_comes_apart_into_lines(text in "[a你\n\r]{0,8}") {
            let lines = split(&text);
            proptest::prop_assert!(lines.iter().all(|line| !line.text.contains(['\n', '\r'])));
            proptest::prop_assert_eq!(join(&lines), text);
        }
    }

    #[test]
    fn the_author_is_an_account_or_a_guests_session_and_never_shown() {
        let said = event("PRIVMSG", None, &["bob", "~s1"]);
        assert_eq!(author(&said).as_deref(), Some("~s1"));
        assert_eq!(said.shown_params(), ["bob".into()]);
        let said = event("NOTICE", Some("Alice"), &["bob"]);
        assert_eq!(author(&said).as_deref(), Some("$alice"));
        assert_eq!(said.shown_params(), ["bob".into()]);
        let redact = event("REDACT", None, &["bob", "id", "~s1"]);
        assert_eq!((author(&redact).as_deref(), redact.shown_params().len()), (Some("~s1"), 2));
        let mode = event("MODE", None, &["#room", "+b", "~a:eve"]);
        assert_eq!((author(&mode), mode.shown_params().len()), (None, 3));
    }
}
