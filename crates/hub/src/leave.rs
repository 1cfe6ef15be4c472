//! How a client goes: by itself, by an operator's hand, by silence.

use callbox_irc::build::Line;
use callbox_irc::numeric::{RPL_MONOFFLINE, RPL_MONONLINE};

use crate::channel::ChannelId;
use crate::client::ClientId;
use crate::contract::Record;
use crate::deliver::Tags;
use crate::ids::Stamp;
use crate::turn::Turn;
use crate::whowas::Whowas;

impl Turn<'_> {
    /// Ends my connection: `ERROR` to me, QUIT to those who see me. Nothing of mine is left after it.
    pub(crate) fn close(&mut self, reason: &str) {
        let conn = self.me().conn;
        let mut body = Vec::new();
        let text = format!("Closing link: {} ({reason})", self.me().host);
        Line::bare(&mut body, "ERROR").text(&text).end();
        // A labelled QUIT has its reply before the end.
        self.finish();
        self.send_to(self.me, &Tags::default(), &body);
        self.quit(reason);
        self.sink.close(conn);
    }

    /// Takes me out of everything and tells those who see me.
    pub(crate) fn quit(&mut self, reason: &str) {
        let me = self.me;
        // Who watches itself is not told of its own end.
        self.forget_monitoring();
        if self.me().registered {
            let stamp = self.stamp();
            let actor = self.actor();
            let mut body = Vec::new();
            Line::from_source(&mut body, &actor.prefix, "QUIT").text(reason).end();
            let peers = self.peers_of(me);
            self.send_to_all(&peers, &actor.tags(&stamp), &body);
            self.record_quit(&stamp, reason);
            self.announce_offline();
            let limit = self.hub.config.limits.whowas;
            if let Some(was) = Whowas::of(self.me(), self.now.wall) {
                self.hub.remember(was, limit);
            }
        }
        for channel in std::mem::take(&mut self.me_mut().channels) {
            self.remove_member(channel, me);
        }
        if self.me().gathering.sasl.is_some() || self.me().waits_for_sasl() {
            let conn = self.me().conn;
            self.sink.job(conn, crate::contract::Job::Sasl(crate::contract::SaslStep::Abort));
        }
        self.hub.clients.remove(me);
    }

    /// Records in each of my channels that I left.
    pub(crate) fn record_quit(&mut self, stamp: &Stamp, reason: &str) {
        for channel in self.me().channels.clone() {
            let conversation = crate::history::channel_key(self.channel(channel));
            self.record(&conversation, stamp, "QUIT", &[], Some(reason), "");
        }
    }

    /// Takes `client` out of the list of `channel`, and the channel away if it was the last and nobody claimed it. The
    /// client's own list is the caller's.
    pub(crate) fn remove_member(&mut self, channel: ChannelId, client: ClientId) {
        self.channel_mut(channel).members.remove(client);
        self.remove_if_deserted(channel);
    }

    /// Takes `channel` away if nobody is in it and nobody claimed it.
    pub(crate) fn remove_if_deserted(&mut self, channel: ChannelId) {
        let room = self.channel(channel);
        if !room.members.is_empty() || room.founder.is_some() {
            return;
        }
        // What was said behind a closed door must not be read by whoever makes a room of that name next.
        if room.confidential {
            let conversation = crate::history::channel_key(room).into();
            let key = room.name.key().as_str().into();
            self.sink.record(Record::ForgetConversation { conversation });
            self.sink.record(Record::DropChannel { key });
        }
        self.hub.channels.remove(channel);
    }

    /// My deadline has come: a PING, or the end.
    pub(crate) fn time_out(&mut self) {
        if !self.me().registered {
            self.close("Registration timed out");
        } else if self.me().pinged.is_some() {
            let waited = self.now.monotonic.saturating_sub(self.me().heard).as_secs();
            self.close(&format!("Ping timeout: {waited} seconds"));
        } else {
            self.me_mut().pinged = Some(self.now.monotonic);
            let mut body = Vec::new();
            Line::bare(&mut body, "PING").param(&self.hub.config.server_name).end();
            self.send_to(self.me, &Tags::default(), &body);
        }
    }

    /// Tells those who watch my nickname that it is gone.
    pub(crate) fn announce_offline(&mut self) {
        let Some(nick) = self.me().nick.clone() else {
            return;
        };
        let actor = self.actor();
        for watcher in self.hub.monitors.get(nick.key()).cloned().unwrap_or_default() {
            self.numeric_to(watcher, &actor.unstamped_tags(), RPL_MONOFFLINE, &[], nick.as_str());
        }
    }

    /// Tells those who watch my nickname that it is here.
    pub(crate) fn announce_online(&mut self) {
        let Some(nick) = self.me().nick.clone() else {
            return;
        };
        let actor = self.actor();
        for watcher in self.hub.monitors.get(nick.key()).cloned().unwrap_or_default() {
            self.numeric_to(watcher, &actor.unstamped_tags(), RPL_MONONLINE, &[], &actor.prefix);
            self.send_watched_metadata(watcher, self.me);
        }
    }

    /// I watch nobody any more.
    pub(crate) fn forget_monitoring(&mut self) {
        for nick in std::mem::take(&mut self.me_mut().monitoring).into_keys() {
            if let Some(watchers) = self.hub.monitors.get_mut(&nick) {
                watchers.retain(|watcher| *watcher != self.me);
                if watchers.is_empty() {
                    self.hub.monitors.remove(&nick);
                }
            }
        }
    }
}

impl crate::hub::Hub {
    /// Adds to what WHOWAS knows, and forgets the oldest above `limit`.
    pub(crate) fn remember(&mut self, was: Whowas, limit: usize) {
        while self.whowas.len() >= limit.max(1) {
            self.whowas.pop_front();
        }
        self.whowas.push_back(was);
    }
}
