//! MARKREAD: how far somebody has read (IRCv3 draft/read-marker).
//!
//! An account's markers are kept and told to all of its clients; a guest's last as long as the session. Nobody else ever
//! learns of them. A marker only moves forward, and never beyond the present.

use callbox_irc::build::Line;
use callbox_irc::capability::CapSet;
use callbox_irc::fold::Folded;
use callbox_irc::message::Message;
use callbox_irc::names::{Channel as ChannelName, Nick};
use callbox_irc::stamp;

use crate::client::ClientId;
use crate::contract::{Millis, Record};
use crate::deliver::Tags;
use crate::hub::Hub;
use crate::refusal::{Outcome, Refusal, clip};
use crate::turn::Turn;

/// The conversations in which one account may have a marker. They are kept for ever, and a thousand are about a hundred
/// kilobytes; in another one no marker can be set.
const ACCOUNT_MAX: usize = 1_000;

/// The same for a guest: as many as the channels that a client may be in by default, and some people.
const GUEST_MAX: usize = 128;

/// MARKREAD.
pub(crate) fn markread(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let Some(target) = message.params.first().filter(|target| !target.is_empty()) else {
        return Err(Refusal::fail("MARKREAD", "NEED_MORE_PARAMS", &[], "Missing parameters"));
    };
    let invalid = |param: &str, text: &'static str| {
        Refusal::fail("MARKREAD", "INVALID_PARAMS", &[clip(param)], text)
    };
    let limits = &turn.hub.config.limits;
    let is_name = if ChannelName::is_meant(target) {
        ChannelName::parse(target, limits.channel).is_ok()
    } else {
        Nick::parse(target, limits.nick).is_ok()
    };
    if !is_name {
        return Err(invalid(target, "This is neither a channel nor a nickname"));
    }
    let Some(read) = message.params.get(1) else {
        turn.tell_read_marker(target);
        return Ok(());
    };
    let read = read
        .strip_prefix("timestamp=")
        .and_then(stamp::parse)
        .ok_or_else(|| invalid(read, "Invalid timestamp"))?;
    turn.set_read_marker(target, read)
}

impl Hub {
    /// The conversation `from` is called `to` from now on: so far as somebody has read the one, they have read the other.
    /// This goes through all accounts, since most of them may be away.
    pub(crate) fn move_read_markers(&mut self, from: &str, to: &str) {
        let guests = self.clients.iter_mut().map(|client| &mut client.read_markers);
        for markers in self.read_markers.values_mut().chain(guests) {
            markers.remove(to);
            if let Some(read) = markers.remove(from) {
                markers.insert(to.into(), read);
            }
        }
    }
}

impl Turn<'_> {
    /// Tells me how far I have read `target`.
    pub(crate) fn tell_read_marker(&mut self, target: &str) {
        let read = self.read_marker(&Folded::new(target));
        let body = self.marker_line(target, read);
        self.send(&Tags::default(), &body);
    }

    fn read_marker(&self, target: &Folded) -> Option<Millis> {
        let me = self.me();
        let markers = match &me.account {
            Some(account) => self.hub.read_markers.get(&**account.key()),
            None => Some(&me.read_markers),
        };
        markers?.get(&**target).copied()
    }

    /// I have read `target` up to `read`.
    fn set_read_marker(&mut self, target: &str, read: Millis) -> Outcome {
        // The clock may have gone back since the last event.
        let read = read.min(self.hub.ids.time(self.now.wall));
        let key = Folded::new(target);
        if self.read_marker(&key).is_some_and(|known| known >= read) {
            self.tell_read_marker(target);
            return Ok(());
        }
        let account = self.me().account.clone();
        let (markers, most) = match &account {
            Some(account) => {
                let owner = Box::from(&**account.key());
                (self.hub.read_markers.entry(owner).or_default(), ACCOUNT_MAX)
            }
            None => (&mut self.me_mut().read_markers, GUEST_MAX),
        };
        if markers.len() >= most && !markers.contains_key(&*key) {
            let text = "You have markers in too many conversations";
            return Err(Refusal::fail("MARKREAD", "INTERNAL_ERROR", &[target], text));
        }
        let key = key.into_boxed_str();
        markers.insert(key.clone(), read);
        self.tell_read_marker(target);
        if let Some(account) = account {
            let owner = account.key();
            self.sink.record(Record::ReadMarker { account: (&**owner).into(), target: key, read });
            let others: Vec<ClientId> = self
                .hub
                .clients
                .users()
                .filter(|(id, client)| {
                    *id != self.me
                        && client.has(CapSet::READ_MARKER)
                        && client.account.as_ref().is_some_and(|other| other.key() == owner)
                })
                .map(|(id, _)| id)
                .collect();
            let body = self.marker_line(target, Some(read));
            self.send_to_all(&others, &Tags::default(), &body);
        }
        Ok(())
    }

    /// `MARKREAD target timestamp=…`, or `*` where nothing is known.
    fn marker_line(&self, target: &str, read: Option<Millis>) -> Vec<u8> {
        let read =
            read.map_or_else(|| "*".to_owned(), |read| format!("timestamp={}", stamp::text(read)));
        let mut body = Vec::new();
        let server = &self.hub.config.server_name;
        Line::from_source(&mut body, server, "MARKREAD").param(target).param(&read).end();
        body
    }
}
