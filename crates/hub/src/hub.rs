//! The hub itself: what the program around it calls.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

use crate::{HashMap, HashSet};
use callbox_irc::capability::CapSet;
use callbox_irc::fold::{Folded, LookAlikes};
use callbox_irc::message::Message;
use callbox_irc::names::Account;
use callbox_irc::numeric::{
    ERR_INPUTTOOLONG, ERR_NOPRIVILEGES, ERR_NOTREGISTERED, ERR_UNKNOWNCOMMAND,
};

use crate::channels::Channels;
use crate::client::{Client, ClientId};
use crate::clients::Clients;
use crate::cloak::{IDS, keyed};
use crate::command::{self, When};
use crate::config::Config;
use crate::contract::{Answer, ConnId, Flow, Millis, Now, Peer, Reloaded, Saved, Sink};
use crate::deliver::Variants;
use crate::ids::Ids;
use crate::refusal::{Outcome, Refusal, clip};
use crate::reply::Reply;
use crate::turn::Turn;
use crate::whowas::Whowas;

/// The most that are recorded as leaving a channel when the server stops: some 20 MiB. Ten thousand people in ten channels
/// each are as many.
const PARTINGS: usize = 100_000;

/// The chat server as a state machine.
///
/// It owns no socket, clock, thread or file. Whoever owns those calls
///
/// - [`connect`](Self::connect) when somebody has come in through a door, and [`disconnect`](Self::disconnect) when a
///   connection is gone by itself;
/// - [`handle_line`](Self::handle_line) for each line, as long as the last call for that connection returned
///   [`Flow::Ready`];
/// - [`handle_answer`](Self::handle_answer) when a job is done, after which the connection may go on;
/// - [`handle_timeout`](Self::handle_timeout) when the moment has come that [`poll_timeout`](Self::poll_timeout) names.
///
/// Each takes the time, which never goes backwards on the monotonic clock, and a [`Sink`] for what follows from it. A
/// call does a bounded amount of work and never blocks.
#[derive(Debug)]
pub struct Hub {
    pub(crate) config: Config,
    /// The tokens of ISUPPORT, in lines.
    pub(crate) isupport: Vec<String>,
    pub(crate) started: Millis,
    pub(crate) clients: Clients,
    pub(crate) channels: Channels,
    /// Channels that were closed and unclaimed when the server ended. Their histories are to be forgotten before anybody
    /// makes such a channel again.
    pub(crate) forsaken: HashSet<Folded>,
    /// Every account: its name as shown, by its folded name.
    pub(crate) accounts: HashMap<Folded, Box<str>>,
    /// What the accounts' names look like.
    pub(crate) account_looks: LookAlikes,
    /// Who watches which nickname.
    pub(crate) monitors: HashMap<Folded, Vec<ClientId>>,
    pub(crate) whowas: VecDeque<Whowas>,
    /// How far accounts have read: by account and by target, both folded.
    pub(crate) read_markers: HashMap<Box<str>, BTreeMap<Box<str>, Millis>>,
    /// Metadata of accounts, by their folded names.
    pub(crate) metadata: HashMap<Box<str>, BTreeMap<Box<str>, Box<str>>>,
    /// How often each command of the table was said, for STATS.
    pub(crate) usage: Vec<u64>,
    pub(crate) ids: Ids,
    /// Keys the hosts that are shown in place of addresses.
    pub(crate) seed: u64,
    /// One entry a client: a moment at or before its next deadline.
    timers: BinaryHeap<Reverse<(Duration, ConnId)>>,
    mark: u64,
    /// Memory to build lines in, kept from turn to turn.
    pub(crate) scratch: Vec<u8>,
    pub(crate) variants: Variants,
}

impl Hub {
    /// A hub with `config` and what was kept from before. `seed` is random and secret, and the same for each run with the
    /// same data.
    pub fn new(config: Config, saved: Saved, seed: u64, now: Now) -> Self {
        let mut hub = Self {
            isupport: Vec::new(),
            config,
            started: now.wall,
            clients: Clients::default(),
            channels: Channels::default(),
            forsaken: HashSet::default(),
            accounts: HashMap::default(),
            account_looks: LookAlikes::new(),
            monitors: HashMap::default(),
            whowas: VecDeque::new(),
            read_markers: HashMap::default(),
            metadata: HashMap::default(),
            usage: vec![0; command::TABLE.len()],
            // Ids are public and the seed is not, which is the same for many runs.
            ids: Ids::new(keyed(seed, IDS, &now.wall.to_le_bytes()), saved.last_event),
            seed,
            timers: BinaryHeap::new(),
            mark: 0,
            scratch: Vec::new(),
            variants: Variants::new(),
        };
        hub.isupport = crate::isupport::lines(&hub.config);
        hub.restore(saved);
        hub
    }

    /// Somebody has come in.
    pub fn connect(&mut self, conn: ConnId, peer: Peer, now: Now, _sink: &mut dyn Sink) {
        let session = self.ids.next();
        let mut client = Client::new(conn, peer, now, session);
        client.host = crate::cloak::host(&self.config, self.seed, &client.peer);
        let id = self.clients.insert(client);
        self.arm(id, now.monotonic);
    }

    /// A line of `conn`, without CR LF. Says whether another one is welcome.
    pub fn handle_line(
        &mut self,
        conn: ConnId,
        line: &[u8],
        now: Now,
        sink: &mut dyn Sink,
    ) -> Flow {
        self.take(conn, now, sink, |turn| match std::str::from_utf8(line) {
            Ok(line) => turn.command(line),
            Err(_) => Err(turn.no_text(&String::from_utf8_lossy(line))),
        })
    }

    /// A line of `conn` was longer than a line may be, and was dropped.
    pub fn handle_too_long(&mut self, conn: ConnId, now: Now, sink: &mut dyn Sink) -> Flow {
        self.take(conn, now, sink, |_| Err(Refusal::numeric(ERR_INPUTTOOLONG, &[])))
    }

    /// What became of the job that was given away for `conn`.
    pub fn handle_answer(
        &mut self,
        conn: ConnId,
        answer: Answer,
        now: Now,
        sink: &mut dyn Sink,
    ) -> Flow {
        let Some(me) = self.clients.by_conn(conn) else {
            // What is for everybody is so also if who asked for it has gone.
            match answer {
                Answer::Reloaded(Ok(reloaded)) => self.reload(*reloaded, now, sink),
                Answer::Registered(Ok(name)) => {
                    if let Ok(account) = Account::parse(&name, name.len()) {
                        self.know_account(&account);
                    }
                }
                _ => {}
            }
            return Flow::Closed;
        };
        let Some(pending) = self.clients.at_mut(me).pending.pop_front() else {
            return Flow::Ready;
        };
        let reply = Reply::new(pending.label);
        let mut turn = Turn { hub: self, sink, now, me, reply };
        let outcome = turn.go_on(pending.then, answer);
        turn.report(outcome);
        turn.finish();
        self.clients.recount(me);
        // The line that asked was charged; what it came to may have been as well.
        let until = self.clients.by_conn(conn).and_then(|me| self.charge(me, 0, now.monotonic));
        self.flow(conn, until)
    }

    /// `conn` is gone: its end of file, an error, a full send queue. Others see `reason`.
    pub fn disconnect(&mut self, conn: ConnId, reason: &str, now: Now, sink: &mut dyn Sink) {
        if let Some(me) = self.clients.by_conn(conn) {
            Turn { hub: self, sink, now, me, reply: Reply::default() }.quit(reason);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called, on the monotonic clock.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.timers.peek().map(|Reverse((moment, _))| *moment)
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now, sink: &mut dyn Sink) {
        while let Some(Reverse((moment, conn))) = self.timers.peek().copied() {
            if moment > now.monotonic {
                break;
            }
            self.timers.pop();
            let Some(me) = self.clients.by_conn(conn) else {
                continue;
            };
            if self.deadline(me) <= now.monotonic {
                let mut turn = Turn { hub: self, sink, now, me, reply: Reply::default() };
                turn.time_out();
            }
            if self.clients.by_conn(conn) == Some(me) {
                // Never for now again, whatever the settings are: this loop is to end.
                let ping = self.config.timeouts.ping.max(Duration::from_millis(1));
                let next = self
                    .deadline(me)
                    .clamp(now.monotonic + Duration::from_millis(1), now.monotonic + ping);
                self.timers.push(Reverse((next, conn)));
            }
        }
    }

    /// Takes new settings, and accounts that it does not know. Nobody is dropped; what is allowed less of holds from now on.
    pub fn reload(&mut self, reloaded: Reloaded, now: Now, sink: &mut dyn Sink) {
        crate::reload::reload(self, reloaded, now, sink);
    }

    /// The server stops, for `reason`: history says of everybody that they left their channels. Nobody is told, since all
    /// are told that their connections end. From then on nobody is there, so what is still said is not kept, nor echoed.
    pub fn stop(&mut self, reason: &str, now: Now, sink: &mut dyn Sink) {
        let mut left = PARTINGS;
        let users: Vec<ClientId> = self.clients.users().map(|(id, _)| id).collect();
        for me in users {
            let Some(rest) = left.checked_sub(self.clients.at(me).channels.len()) else { break };
            left = rest;
            let mut turn = Turn { hub: self, sink, now, me, reply: Reply::default() };
            let stamp = turn.stamp();
            turn.record_quit(&stamp, reason);
        }
        self.clients = Clients::default();
        self.channels = Channels::default();
        self.monitors.clear();
        self.timers.clear();
    }

    /// How many users there are, and how many channels.
    pub fn counts(&self) -> (usize, usize) {
        (self.clients.user_count(), self.channels.len())
    }

    /// A number that no client is marked with yet.
    pub(crate) const fn next_mark(&mut self) -> u64 {
        self.mark += 1;
        self.mark
    }

    /// Acts on something that `conn` said.
    fn take(
        &mut self,
        conn: ConnId,
        now: Now,
        sink: &mut dyn Sink,
        act: impl FnOnce(&mut Turn<'_>) -> Outcome,
    ) -> Flow {
        let Some(me) = self.clients.by_conn(conn) else {
            return Flow::Closed;
        };
        if !self.clients.at(me).pending.is_empty() {
            return Flow::Busy;
        }
        let client = self.clients.at_mut(me);
        client.heard = now.monotonic;
        client.pinged = None;
        let until = self.charge(me, 1, now.monotonic);
        let mut turn = Turn { hub: self, sink, now, me, reply: Reply::default() };
        let outcome = act(&mut turn);
        if turn.hub.clients.get(me).is_some_and(|client| client.conn == conn) {
            turn.report(outcome);
            turn.finish();
            self.clients.recount(me);
        }
        self.flow(conn, until)
    }

    /// Charges `id` for `lines`, unless it is an operator. If it has said too much: when it may go on.
    pub(crate) fn charge(&mut self, id: ClientId, lines: u32, now: Duration) -> Option<Duration> {
        let client = self.clients.at_mut(id);
        let flood = self.config.flood.filter(|_| client.operator.is_none())?;
        client.bucket.charge(lines, flood, now)
    }

    /// Whether `conn` may go on.
    fn flow(&self, conn: ConnId, until: Option<Duration>) -> Flow {
        match self.clients.by_conn(conn) {
            None => Flow::Closed,
            Some(id) if !self.clients.at(id).pending.is_empty() => Flow::Busy,
            Some(_) => until.map_or(Flow::Ready, Flow::Until),
        }
    }

    /// Gives `id` its timer. Whatever it does from now on, its deadline is no earlier than that: who is heard has all of the
    /// time of a silence before it.
    fn arm(&mut self, id: ClientId, now: Duration) {
        let next = self.deadline(id).min(now + self.config.timeouts.ping);
        self.timers.push(Reverse((next, self.clients.at(id).conn)));
    }

    /// Gives everybody another timer, for other timeouts.
    pub(crate) fn arm_all(&mut self, now: Duration) {
        self.timers.clear();
        let all: Vec<ClientId> = self.clients.iter().map(|(id, _)| id).collect();
        all.into_iter().for_each(|id| self.arm(id, now));
    }

    /// The timers, to be held against the clients.
    #[cfg(feature = "check")]
    pub(crate) fn timers(&self) -> impl Iterator<Item = &Reverse<(Duration, ConnId)>> {
        self.timers.iter()
    }

    /// When `id` has to do something next, or is asked to.
    pub(crate) fn deadline(&self, id: ClientId) -> Duration {
        let client = self.clients.at(id);
        let timeouts = &self.config.timeouts;
        if !client.registered {
            // Counted from connecting, whatever was said since: half a registration is worth nothing.
            return client.active + timeouts.register;
        }
        match client.pinged {
            Some(asked) => asked + timeouts.pong,
            None => client.heard + timeouts.ping,
        }
    }
}

impl Turn<'_> {
    /// Does what `line` says.
    fn command(&mut self, line: &str) -> Outcome {
        let Ok(message) = Message::parse(line) else {
            return Err(Refusal::Silent);
        };
        self.reply = Reply::new(self.label_of(&message));
        let Some(place) = command::place(message.command) else {
            return Err(Refusal::numeric(ERR_UNKNOWNCOMMAND, &[clip(message.command)]));
        };
        self.hub.usage[place] += 1;
        let command = &command::TABLE[place];
        if command.when == When::Registered && !self.me().registered {
            return Err(Refusal::numeric(ERR_NOTREGISTERED, &[]));
        }
        if self.joins_batch(&message)? {
            return Ok(());
        }
        if command.operators && self.me().operator.is_none() {
            return Err(Refusal::numeric(ERR_NOPRIVILEGES, &[]));
        }
        if message.params.len() < command.parameters {
            return Err(Refusal::need_more_params(command.name));
        }
        (command.run)(self, &message)
    }

    /// Refuses a line that was no UTF-8 (IRCv3 utf8-only). `legible` is what can be read of it: the command, for the
    /// reply, and the label.
    fn no_text(&mut self, legible: &str) -> Refusal {
        let mut name = "*";
        if let Ok(message) = Message::parse(legible) {
            self.reply = Reply::new(self.label_of(&message));
            name = command::find(message.command).map_or("*", |command| command.name);
        }
        Refusal::fail(name, "INVALID_UTF8", &[], "This is no UTF-8; it was not sent")
    }

    /// The label, if it was negotiated and is one (IRCv3 labeled-response: at most 64 bytes).
    fn label_of(&self, message: &Message<'_>) -> Option<Box<str>> {
        const LABEL_MAX: usize = 64;
        // Without batches there is no way to label a reply of several lines.
        let needed = CapSet::LABELED_RESPONSE.union(CapSet::BATCH);
        if message.tags.is_empty() || !self.me().has(needed) {
            return None;
        }
        let label = message.tag("label")?;
        (!label.is_empty() && label.len() <= LABEL_MAX).then(|| label.into())
    }
}
