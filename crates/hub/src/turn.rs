//! One turn of the hub: a line of a client, an answer, a timeout. What commands use to reply, to tell others, to record.

use callbox_irc::build::Line;
use callbox_irc::numeric::Numeric;

use std::sync::Arc;

use callbox_irc::modes::{Membership, UserModes};
use callbox_irc::names::Account;

use crate::channel::{Channel, ChannelId};
use crate::client::{Client, ClientId};
use crate::contract::{Event, Job, Now, Record, Sink};
use crate::deliver::Tags;
use crate::hub::Hub;
use crate::ids::Stamp;
use crate::pending::{Pending, Then};
use crate::reply::Reply;

/// The hub while it acts for one client, `me`.
pub(crate) struct Turn<'h> {
    pub(crate) hub: &'h mut Hub,
    pub(crate) sink: &'h mut dyn Sink,
    pub(crate) now: Now,
    /// For whom. It exists, unless [`Turn::quit`] was called.
    pub(crate) me: ClientId,
    /// Replies that are held back because the command has a label.
    pub(crate) reply: Reply,
}

impl Turn<'_> {
    pub(crate) fn me(&self) -> &Client {
        self.hub.clients.at(self.me)
    }

    pub(crate) fn me_mut(&mut self) -> &mut Client {
        self.hub.clients.at_mut(self.me)
    }

    pub(crate) fn client(&self, id: ClientId) -> &Client {
        self.hub.clients.at(id)
    }

    pub(crate) fn channel(&self, id: ChannelId) -> &Channel {
        self.hub.channels.at(id)
    }

    pub(crate) fn channel_mut(&mut self, id: ChannelId) -> &mut Channel {
        self.hub.channels.at_mut(id)
    }

    /// My rights in `channel`, if I am in it.
    pub(crate) fn my_membership(&self, channel: ChannelId) -> Option<Membership> {
        self.channel(channel).members.get(self.me)
    }

    // ---- replies to me ----

    /// A numeric to me: its parameters after my name, and its text.
    pub(crate) fn numeric(&mut self, numeric: Numeric, params: &[&str], text: &str) {
        self.numeric_line(numeric, |line| {
            params.iter().fold(line, |line, param| line.param(param)).text(text)
        });
    }

    /// A numeric to me that has no text for people at its end.
    pub(crate) fn bare_numeric(&mut self, numeric: Numeric, params: &[&str]) {
        self.numeric_line(numeric, |line| {
            params.iter().fold(line, |line, param| line.param(param))
        });
    }

    /// A numeric to me, its parameters after my name written by `build`.
    pub(crate) fn numeric_line(
        &mut self,
        numeric: Numeric,
        build: impl for<'l> FnOnce(Line<'l>) -> Line<'l>,
    ) {
        let mut body = std::mem::take(&mut self.hub.scratch);
        body.clear();
        let name = self.hub.clients.at(self.me).name();
        let line = Line::from_source(&mut body, &self.hub.config.server_name, numeric.code_text());
        build(line.param(name)).end();
        self.send(&Tags::default(), &body);
        self.hub.scratch = body;
    }

    /// A command of the server's to me, its parameters written by `build`.
    pub(crate) fn reply(
        &mut self,
        command: &str,
        build: impl for<'l> FnOnce(Line<'l>) -> Line<'l>,
    ) {
        self.reply_tagged(&Tags::default(), command, build);
    }

    /// The same, with tags.
    pub(crate) fn reply_tagged(
        &mut self,
        tags: &Tags<'_>,
        command: &str,
        build: impl for<'l> FnOnce(Line<'l>) -> Line<'l>,
    ) {
        let mut body = std::mem::take(&mut self.hub.scratch);
        body.clear();
        build(Line::from_source(&mut body, &self.hub.config.server_name, command)).end();
        self.send(tags, &body);
        self.hub.scratch = body;
    }

    /// `body`, a line without tags but with CR LF, to me. It joins the labelled reply, if there is one.
    pub(crate) fn send(&mut self, tags: &Tags<'_>, body: &[u8]) {
        self.send_as_is(tags, body, false);
    }

    /// The same for a line that already belongs to a batch of its own.
    pub(crate) fn send_batched(&mut self, tags: &Tags<'_>, body: &[u8]) {
        self.send_as_is(tags, body, true);
    }

    fn send_as_is(&mut self, tags: &Tags<'_>, body: &[u8], batched: bool) {
        let time = self.now.wall;
        if self.reply.is_labelled() {
            let caps = self.me().caps;
            self.reply.hold(tags, caps, time, body, batched);
        } else {
            self.send_to(self.me, tags, body);
        }
    }

    /// Ends the reply: what a label held back goes out, as IRCv3 labeled-response has it.
    pub(crate) fn finish(&mut self) {
        if !self.reply.is_labelled() {
            return;
        }
        let reply = std::mem::take(&mut self.reply);
        let Some(client) = self.hub.clients.get(self.me) else {
            return;
        };
        let conn = client.conn;
        if reply.holds_receipt() {
            self.sink.receipt(conn);
        }
        let time = client.caps.contains(callbox_irc::capability::CapSet::SERVER_TIME);
        let now = time.then_some(self.now.wall);
        let batch = self.hub.ids.next();
        let mut lines = std::mem::take(&mut self.hub.scratch);
        reply.write(&self.hub.config.server_name, &batch, now, &mut lines, |line| {
            self.sink.line(conn, line);
        });
        self.hub.scratch = lines;
    }

    // ---- others ----

    /// A numeric to somebody else, with the tags of who caused it.
    pub(crate) fn numeric_to(
        &mut self,
        to: ClientId,
        tags: &Tags<'_>,
        numeric: Numeric,
        params: &[&str],
        text: &str,
    ) {
        let mut body = std::mem::take(&mut self.hub.scratch);
        body.clear();
        if let Some(client) = self.hub.clients.get(to) {
            let server = &self.hub.config.server_name;
            Line::from_source(&mut body, server, numeric.code_text())
                .param(client.name())
                .params(params.iter().copied())
                .text(text)
                .end();
            self.send_to(to, tags, &body);
        }
        self.hub.scratch = body;
    }

    /// `body` to one client, with the tags that it negotiated.
    pub(crate) fn send_to(&mut self, to: ClientId, tags: &Tags<'_>, body: &[u8]) {
        let Hub { clients, variants, .. } = &mut *self.hub;
        let Some(client) = clients.get(to) else {
            return;
        };
        variants.begin(tags, self.now.wall, body);
        self.sink.line(client.conn, variants.of(client.caps));
    }

    /// `body` to the members of `channel` whom `wanted` picks. If I am among them, mine joins the labelled reply.
    pub(crate) fn send_to_channel(
        &mut self,
        channel: ChannelId,
        tags: &Tags<'_>,
        body: &[u8],
        wanted: impl Fn(ClientId, Membership, &Client) -> bool,
    ) {
        let Hub { clients, channels, variants, .. } = &mut *self.hub;
        variants.begin(tags, self.now.wall, body);
        let mut mine = false;
        for (id, membership) in channels.at(channel).members.iter() {
            let client = clients.at(id);
            if !wanted(id, membership, client) {
                continue;
            }
            if id == self.me {
                mine = true;
                continue;
            }
            self.sink.line(client.conn, variants.of(client.caps));
        }
        if mine {
            self.send(tags, body);
        }
    }

    /// `body` to each of `to` once.
    pub(crate) fn send_to_all(&mut self, to: &[ClientId], tags: &Tags<'_>, body: &[u8]) {
        let Hub { clients, variants, .. } = &mut *self.hub;
        variants.begin(tags, self.now.wall, body);
        for id in to {
            if let Some(client) = clients.get(*id).filter(|_| *id != self.me) {
                self.sink.line(client.conn, variants.of(client.caps));
            }
        }
        if to.contains(&self.me) {
            self.send(tags, body);
        }
    }

    /// Everybody who shares a channel with `client`, each once, without `client`.
    pub(crate) fn peers_of(&mut self, client: ClientId) -> Vec<ClientId> {
        let mark = self.hub.next_mark();
        self.hub.clients.at_mut(client).mark = mark;
        let mut peers = Vec::new();
        for channel in self.hub.clients.at(client).channels.clone() {
            for (id, _) in self.hub.channels.at(channel).members.iter() {
                let member = self.hub.clients.at_mut(id);
                if member.mark != mark {
                    member.mark = mark;
                    peers.push(id);
                }
            }
        }
        peers
    }

    // ---- things that happen ----

    /// Now, and a new id.
    pub(crate) fn stamp(&mut self) -> Stamp {
        self.hub.ids.stamp(self.now.wall)
    }

    /// Me, as the author of something.
    pub(crate) fn actor(&self) -> Actor {
        let me = self.me();
        Actor {
            prefix: me.prefix.clone(),
            account: me.account.clone(),
            bot: me.modes.contains(UserModes::BOT),
        }
    }

    /// Records something that I did in `conversation`, if history is kept at all: what others were told of it, the text
    /// apart. What I say as a guest is recorded by [`Turn::record_said`].
    pub(crate) fn record(
        &mut self,
        conversation: &str,
        stamp: &Stamp,
        command: &str,
        params: &[&str],
        text: Option<&str>,
        client_tags: &str,
    ) {
        if !self.hub.config.history.enabled {
            return;
        }
        let me = self.me();
        let event = Event {
            conversation: conversation.into(),
            msgid: stamp.msgid.clone(),
            time: stamp.time,
            source: (*me.prefix).into(),
            account: me.account.as_ref().map(|account| account.as_str().into()),
            bot: me.modes.contains(UserModes::BOT),
            tags: client_tags.into(),
            command: command.into(),
            params: params.iter().map(|param| Box::from(*param)).collect(),
            text: text.map(Into::into),
        };
        self.sink.record(Record::Event(event));
    }

    /// Records something that I said in `conversation`: as [`Turn::record`] does, and if I am a guest, with my session
    /// after the parameters.
    pub(crate) fn record_said(
        &mut self,
        conversation: &str,
        stamp: &Stamp,
        command: &str,
        params: &[&str],
        text: Option<&str>,
        client_tags: &str,
    ) {
        if self.me().account.is_some() {
            self.record(conversation, stamp, command, params, text, client_tags);
            return;
        }
        let side = self.me().side();
        let mut params = params.to_vec();
        params.push(&side);
        self.record(conversation, stamp, command, &params, text, client_tags);
    }

    /// Gives a job away. The command goes on in [`crate::answer`] when its answer comes; until then no line of mine is
    /// taken. The label stays with the job.
    pub(crate) fn start(&mut self, job: Job, then: Then) {
        let label = self.reply.take_label();
        self.start_as(label, job, then);
    }

    /// Gives a job away that does not belong to the reply of this command: the label stays here.
    pub(crate) fn start_aside(&mut self, job: Job, then: Then) {
        self.start_as(None, job, then);
    }

    fn start_as(&mut self, label: Option<Box<str>>, job: Job, then: Then) {
        self.me_mut().pending.push_back(Pending { label, then });
        let conn = self.me().conn;
        self.sink.job(conn, job);
    }
}

/// The author of something, held apart from the hub so that the hub can be changed meanwhile. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    pub(crate) prefix: Arc<str>,
    pub(crate) account: Option<Arc<Account>>,
    pub(crate) bot: bool,
}

impl Actor {
    /// The tags of something that the author did.
    pub(crate) fn tags<'t>(&'t self, stamp: &'t Stamp) -> Tags<'t> {
        Tags { time: Some(stamp.time), msgid: Some(&stamp.msgid), ..self.unstamped_tags() }
    }

    /// The same without a time and an id of its own.
    pub(crate) fn unstamped_tags(&self) -> Tags<'_> {
        let account = self.account.as_ref().map(|account| account.as_str());
        Tags { account, bot: self.bot, ..Tags::default() }
    }
}
