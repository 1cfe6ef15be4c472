//! Who of many clients is to be sent what: `--broker`, `--chat`, and the standard input of `-lk`, which goes to everybody.
//!
//! The machine keeps what was said once (`log`), and for each client a place in it. A client gets what all others say,
//! and never its own bytes. It gets them also after it ended its own direction: `handle_ended` is no farewell,
//! `handle_gone` is.
//!
//! # A client that does not read
//!
//! Nothing is dropped for a client that stays, because what goes through a broker may be a file. So whoever speaks waits
//! for whoever listens most slowly: while a client is [`ROOM`] behind, [`takes_more`](Broker::takes_more) is false, and
//! nothing is to be read from anybody. That is the back-pressure of a plain connection, and memory stays at [`ROOM`] for all
//! clients together. But nobody can hold up the others for ever: a client that takes less than a block (64 KiB) within
//! [`PATIENCE`] while others wait for it is cut off, and the others go on.
//!
//! # Calling contract
//!
//! 1. Tell what happens: [`handle_arrived`](Broker::handle_arrived), [`handle_bytes`](Broker::handle_bytes),
//!    [`handle_input`](Broker::handle_input), [`handle_ended`](Broker::handle_ended), [`handle_gone`](Broker::handle_gone),
//!    [`handle_timeout`](Broker::handle_timeout) at [`poll_timeout`](Broker::poll_timeout).
//! 2. Until [`poll_ready`](Broker::poll_ready) is `None`: write what [`pending`](Broker::pending) lends of that client, tell
//!    [`handle_sent`](Broker::handle_sent), again until nothing is pending, or tell
//!    [`handle_blocked`](Broker::handle_blocked), and [`handle_writable`](Broker::handle_writable) when there is room.
//! 3. Close whom [`poll_cut`](Broker::poll_cut) names, and tell `handle_gone` of it.
//! 4. Read from clients and from standard input while `takes_more`.

mod chat;
mod log;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use chat::Chat;
use log::{Log, Place};

/// How many bytes the slowest client may be behind before the others have to wait for it. Sockets of one connection hold
/// as much again; more would not make a transfer faster. Where two who speak in turn do not read, each byte may cost 32 more
/// for where their own words stand, and no more than that.
pub const ROOM: usize = 1024 * 1024;

/// How long a client may hold up the others while it takes less than 64 KiB. A phone in a tunnel comes back within that.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What kind of company it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Bytes go on as they came.
    Plain,
    /// Lines go on, each with who said it, and harmless to a terminal; comings and goings are announced.
    Chat {
        /// The number of the first to come. ncat's numbers are its descriptors: three, and one for each listening socket.
        first: usize,
    },
}

/// The machine. See the [module's text](self) for how it is to be called.
#[derive(Debug)]
pub struct Broker {
    log: Log,
    clients: Vec<Option<Client>>,
    chat: Option<Chat>,
    /// Who had got everything when it was last looked at.
    idle: Vec<usize>,
    /// Who has to be looked at.
    ready: VecDeque<usize>,
    cut: VecDeque<usize>,
    /// Since when the speakers have been waiting for whoever reads the log's oldest block, and which that is.
    held: Option<(Instant, u64)>,
    /// How many ends there were.
    ends: u64,
    /// What a chat makes of the bytes of one read. Its memory is used again.
    said: Vec<u8>,
}

#[derive(Debug)]
struct Client {
    place: Place,
    /// Where its own words stand, of what it has not been sent: they are passed over.
    own: VecDeque<(Place, Place)>,
    /// What goes to it alone, before all else.
    greeting: Vec<u8>,
    turn: Turn,
    /// The how-manieth it was to end its direction.
    ended: Option<u64>,
    is_cut: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Turn {
    Idle,
    Ready,
    Writing,
    Blocked,
}

impl Broker {
    /// A broker without clients. If `keeps_messages`, each `handle_bytes` and `handle_input` is a datagram, and `pending`
    /// lends one at a time.
    pub fn new(kind: Kind, keeps_messages: bool) -> Self {
        let chat = match kind {
            Kind::Plain => None,
            Kind::Chat { first } => Some(Chat::new(first)),
        };
        Self {
            log: Log::new(keeps_messages),
            clients: Vec::new(),
            chat,
            idle: Vec::new(),
            ready: VecDeque::new(),
            cut: VecDeque::new(),
            held: None,
            ends: 0,
            said: Vec::new(),
        }
    }

    /// Somebody came. `id` is the owner's and free, a small number as of a slab; `address` is what a chat announces. It is
    /// sent nothing of what was said before.
    pub fn handle_arrived(&mut self, id: usize, address: &str, now: Instant) {
        if self.clients.len() <= id {
            self.clients.resize_with(id + 1, || None);
        }
        self.clients[id] = Some(Client {
            place: self.log.enter(),
            own: VecDeque::new(),
            greeting: Vec::new(),
            turn: Turn::Idle,
            ended: None,
            is_cut: false,
        });
        self.idle.push(id);
        if let Some(chat) = &mut self.chat {
            self.said.clear();
            let mut greeting = Vec::new();
            chat.handle_arrived(id, address, &mut self.said, &mut greeting);
            if let Some(client) = &mut self.clients[id] {
                client.greeting = greeting;
            }
            self.say_chat(None, now);
        }
    }

    /// A client said something.
    pub fn handle_bytes(&mut self, id: usize, bytes: &[u8], now: Instant) {
        if let Some(chat) = &mut self.chat {
            self.said.clear();
            chat.handle_bytes(id, bytes, &mut self.said);
            self.say_chat(Some(id), now);
        } else {
            self.say(Some(id), bytes, now);
        }
    }

    /// Standard input said something, which goes to everybody.
    pub fn handle_input(&mut self, bytes: &[u8], now: Instant) {
        if let Some(chat) = &mut self.chat {
            self.said.clear();
            chat.handle_input(bytes, &mut self.said);
            self.say_chat(None, now);
        } else {
            self.say(None, bytes, now);
        }
    }

    /// Standard input is at its end. What stood in its last line goes out.
    pub fn handle_input_ended(&mut self, now: Instant) {
        if let Some(chat) = &mut self.chat {
            self.said.clear();
            chat.handle_input_ended(&mut self.said);
            self.say_chat(None, now);
        }
    }

    /// A client will say nothing more. It still gets what the others say. In a chat it is announced as gone: what that
    /// sends it shows whether it closed altogether.
    pub fn handle_ended(&mut self, id: usize, now: Instant) {
        let Some(client) = client(&mut self.clients, id) else { return };
        if client.ended.is_some() {
            return;
        }
        client.ended = Some(self.ends);
        self.ends += 1;
        if let Some(chat) = &mut self.chat {
            self.said.clear();
            chat.handle_ended(id, &mut self.said);
            self.say_chat(None, now);
        }
    }

    /// A client's connection is closed.
    pub fn handle_gone(&mut self, id: usize, now: Instant) {
        let Some(client) = self.clients.get_mut(id).and_then(Option::take) else { return };
        if !client.is_cut {
            self.log.leave(client.place);
        }
        if let Some(chat) = &mut self.chat {
            self.said.clear();
            chat.handle_gone(id, &mut self.said);
            self.say_chat(None, now);
        }
        self.note_held(now);
    }

    /// What is to be written to a client now; `None` if it has everything.
    pub fn pending(&mut self, id: usize) -> Option<&[u8]> {
        let client = client(&mut self.clients, id)?;
        if client.is_cut {
            return None;
        }
        // Looked at again below: the borrow checker does not let a `return` here lend it.
        if client.greeting.is_empty() {
            client.pass_own(&mut self.log);
            let stop = client.own.front().map(|own| own.0);
            if self.log.read(&mut client.place, stop).is_empty() {
                if client.turn != Turn::Idle {
                    client.turn = Turn::Idle;
                    self.idle.push(id);
                }
                return None;
            }
            return Some(self.log.read(&mut client.place, stop));
        }
        Some(&client.greeting)
    }

    /// So many of the pending bytes were written; of a message, all.
    pub fn handle_sent(&mut self, id: usize, count: usize, now: Instant) {
        let Some(client) = client(&mut self.clients, id) else { return };
        if client.is_cut {
            return;
        }
        if client.greeting.is_empty() {
            let to = client.place.after(count);
            self.log.move_to(&mut client.place, to);
            client.pass_own(&mut self.log);
            // Into the next block, so that the one that was read can go.
            let stop = client.own.front().map(|own| own.0);
            self.log.read(&mut client.place, stop);
            self.note_held(now);
        } else {
            client.greeting.drain(..count.min(client.greeting.len()));
        }
    }

    /// A client's socket has no room.
    pub fn handle_blocked(&mut self, id: usize) {
        if let Some(client) = client(&mut self.clients, id) {
            client.turn = Turn::Blocked;
        }
    }

    /// A client's socket has room again.
    pub fn handle_writable(&mut self, id: usize) {
        if let Some(client) = client(&mut self.clients, id)
            && client.turn == Turn::Blocked
        {
            client.turn = Turn::Ready;
            self.ready.push_back(id);
        }
    }

    /// A client for which something may be pending, each once until something happens again.
    pub fn poll_ready(&mut self) -> Option<usize> {
        while let Some(id) = self.ready.pop_front() {
            if let Some(client) = client(&mut self.clients, id)
                && client.turn == Turn::Ready
            {
                client.turn = Turn::Writing;
                return Some(id);
            }
        }
        None
    }

    /// Whether anybody, standard input included, is to be read from.
    pub fn takes_more(&self) -> bool {
        self.log.len() < ROOM
    }

    /// When the patience with whoever holds up the others is at its end.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.held.map(|(since, _)| since + PATIENCE)
    }

    /// It may be that moment.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|end| now < end) {
            return;
        }
        // Found out first: where the log begins changes when they leave it.
        let is_slow = |client: &Client| !client.is_cut && self.log.is_oldest(client.place);
        let slow: Vec<usize> = (0..self.clients.len())
            .filter(|&id| self.clients[id].as_ref().is_some_and(is_slow))
            .collect();
        for id in slow {
            let Some(client) = client(&mut self.clients, id) else { continue };
            client.is_cut = true;
            client.own = VecDeque::new();
            client.greeting = Vec::new();
            self.log.leave(client.place);
            self.cut.push_back(id);
        }
        self.held = None;
        self.note_held(now);
    }

    /// A client that held up the others for too long and is to be closed.
    pub fn poll_cut(&mut self) -> Option<usize> {
        self.cut.pop_front()
    }

    /// The client whose end of input is the longest ago. A peer that closed altogether is not told from one that only
    /// ended its direction until something is sent to it; so where the number of clients is limited, this one makes room
    /// for a new one, or a few connections that come and go would fill the place.
    pub fn oldest_ended(&self) -> Option<usize> {
        let ended = self.clients.iter().enumerate();
        let ended = ended.filter_map(|(id, client)| Some((client.as_ref()?.ended?, id)));
        ended.min().map(|(_, id)| id)
    }

    /// Says what the chat made of something.
    fn say_chat(&mut self, from: Option<usize>, now: Instant) {
        let said = std::mem::take(&mut self.said);
        self.say(from, &said, now);
        self.said = said;
    }

    fn say(&mut self, from: Option<usize>, bytes: &[u8], now: Instant) {
        if bytes.is_empty() {
            return;
        }
        let start = self.log.end();
        self.log.append(bytes);
        let end = self.log.end();
        if let Some(client) = from.and_then(|id| client(&mut self.clients, id))
            && !client.is_cut
        {
            client.keep_own(start, end, &mut self.log);
        }
        let mut idle = std::mem::take(&mut self.idle);
        idle.retain(|&id| {
            let Some(client) = client(&mut self.clients, id) else { return false };
            if client.turn != Turn::Idle || client.is_cut {
                return false;
            }
            if client.place == end && client.greeting.is_empty() {
                return true;
            }
            client.turn = Turn::Ready;
            self.ready.push_back(id);
            false
        });
        self.idle = idle;
        self.note_held(now);
    }

    fn note_held(&mut self, now: Instant) {
        let oldest = self.log.first();
        if self.takes_more() {
            self.held = None;
        } else if self.held.is_none_or(|(_, block)| block != oldest) {
            self.held = Some((now, oldest));
        }
    }
}

impl Client {
    /// Notes where its own words stand. Whoever has got everything passes over them at once.
    fn keep_own(&mut self, start: Place, end: Place, log: &mut Log) {
        if self.place == start {
            log.move_to(&mut self.place, end);
        } else if let Some((_, last)) = self.own.back_mut()
            && *last == start
        {
            *last = end;
        } else {
            self.own.push_back((start, end));
        }
    }

    fn pass_own(&mut self, log: &mut Log) {
        while let Some(&(start, end)) = self.own.front()
            && self.place >= start
        {
            log.move_to(&mut self.place, end);
            self.own.pop_front();
        }
    }
}

fn client(clients: &mut [Option<Client>], id: usize) -> Option<&mut Client> {
    clients.get_mut(id)?.as_mut()
}
