//! The hub with a plain door before it: what the event loops call in place of the hub alone.
//!
//! The hub speaks IRC and nothing else. For people with netcat or telnet a [`PlainDoor`] stands between their stream and
//! the hub, and this is where those doors live. For everybody else a call passes straight through.
//!
//! What the hub says to a person behind a door is gathered while the hub is called, and given to the door afterwards: the
//! door may have something to say to the hub in turn.

mod sink;
#[cfg(test)]
mod tests;

use std::time::Duration;

use callbox_hub::Hub;
use callbox_hub::contract::{Answer, ConnId, Door, Flow, Now, Peer, Reloaded, Sink};

use crate::guests::{Guest, Guests};
use crate::plain::{PlainDoor, Style};
use crate::server::Machine;
use sink::{FrontSink, Heard};

/// What somebody with netcat is told where the plain door is closed.
const NO_PLAIN: &[u8] = b"This is a chat; use an IRC client, or a browser.\n";

/// What is said for a line that the plain door is not given, because it is longer than it takes.
const TOO_LONG: &[u8] = b"* that is too long to say: 4096 bytes at most\n";
const _: () = assert!(crate::plain::MAX_TEXT == 4096);

/// The hub with a plain door before it.
#[derive(Debug)]
pub struct Front {
    hub: Hub,
    lobby: Box<str>,
    /// Whether text over a stream is a way in.
    streams: bool,
    guests: Guests,
    /// What the hub said to guests in the call that is under way.
    heard: Vec<Heard>,
}

impl Front {
    /// `hub`, with text over a stream as a way into `lobby` or not.
    pub fn new(hub: Hub, lobby: &str, streams: bool) -> Self {
        let (guests, heard) = (Guests::default(), Vec::new());
        Self { hub, lobby: lobby.into(), streams, guests, heard }
    }

    /// Calls the hub. What it says to guests is gathered.
    fn call<T>(&mut self, out: &mut dyn Sink, act: impl FnOnce(&mut Hub, &mut dyn Sink) -> T) -> T {
        let mut sink = FrontSink { out, guests: &self.guests, heard: &mut self.heard };
        act(&mut self.hub, &mut sink)
    }

    /// Calls the hub, and brings what it said to guests to their doors, and so on until all is quiet.
    fn with_hub<T>(
        &mut self,
        now: Now,
        out: &mut dyn Sink,
        act: impl FnOnce(&mut Hub, &mut dyn Sink) -> T,
    ) -> T {
        let result = self.call(out, act);
        self.settle(now, out);
        result
    }

    /// Brings what was gathered to the doors.
    fn settle(&mut self, now: Now, out: &mut dyn Sink) {
        while !self.heard.is_empty() {
            for heard in std::mem::take(&mut self.heard) {
                match heard {
                    Heard::Line(conn, line) => {
                        let (mut to_hub, mut to_person) = (Vec::new(), Vec::new());
                        if let Some(door) = self.guests.door(conn) {
                            door.hear(&line, &mut to_hub, &mut to_person);
                        }
                        show(conn, &to_person, out);
                        self.feed(conn, &to_hub, now, out);
                    }
                    Heard::Close(conn) => {
                        self.guests.remove(conn);
                        out.close(conn);
                    }
                }
            }
        }
    }

    /// Gives the hub lines of the guest `conn`, as far as it takes them now.
    fn feed(&mut self, conn: ConnId, lines: &[u8], now: Now, out: &mut dyn Sink) {
        self.guests.push(conn, lines);
        while let Some(line) = self.guests.next_line(conn) {
            let flow = self.call(out, |hub, sink| hub.handle_line(conn, &line, now, sink));
            self.guests.stall(conn, flow);
        }
    }

    /// Lets somebody in through the plain door.
    fn let_in(&mut self, conn: ConnId, peer: Peer, now: Now, out: &mut dyn Sink) {
        let name = format!("guest-{}", peer.port);
        let mut door = PlainDoor::new(&name, &self.lobby, Style::Stream);
        let mut lines = Vec::new();
        door.open(&mut lines);
        self.guests.insert(conn, Guest::behind(door));
        self.call(out, |hub, sink| hub.connect(conn, peer, now, sink));
        self.feed(conn, &lines, now, out);
        self.settle(now, out);
    }

    /// A line of a guest's text.
    fn say(&mut self, conn: ConnId, text: &[u8], now: Now, out: &mut dyn Sink) -> Flow {
        let (mut to_hub, mut to_person) = (Vec::new(), Vec::new());
        if let Some(door) = self.guests.door(conn) {
            door.say(text, &mut to_hub, &mut to_person);
        }
        show(conn, &to_person, out);
        self.feed(conn, &to_hub, now, out);
        self.settle(now, out);
        self.guests.flow(conn)
    }
}

/// Text for the person; nothing, if there is none.
fn show(conn: ConnId, text: &[u8], out: &mut dyn Sink) {
    if !text.is_empty() {
        out.line(conn, text);
    }
}

impl Machine for Front {
    fn connect(&mut self, conn: ConnId, peer: Peer, now: Now, sink: &mut dyn Sink) {
        if peer.door != Door::Plain {
            self.with_hub(now, sink, |hub, sink| hub.connect(conn, peer, now, sink));
        } else if self.streams {
            self.let_in(conn, peer, now, sink);
        } else {
            sink.line(conn, NO_PLAIN);
            sink.close(conn);
        }
    }

    fn handle_line(&mut self, conn: ConnId, line: &[u8], now: Now, sink: &mut dyn Sink) -> Flow {
        if self.guests.contains(conn) {
            return self.say(conn, line, now, sink);
        }
        self.with_hub(now, sink, |hub, sink| hub.handle_line(conn, line, now, sink))
    }

    fn handle_too_long(&mut self, conn: ConnId, now: Now, sink: &mut dyn Sink) -> Flow {
        if self.guests.contains(conn) {
            sink.line(conn, TOO_LONG);
            return self.guests.flow(conn);
        }
        self.with_hub(now, sink, |hub, sink| hub.handle_too_long(conn, now, sink))
    }

    fn disconnect(&mut self, conn: ConnId, reason: &str, now: Now, sink: &mut dyn Sink) {
        if let Some(door) = self.guests.door(conn) {
            // What waits to be said is said, and then the guest leaves by itself.
            let mut lines = Vec::new();
            door.leave(reason, &mut lines);
            self.feed(conn, &lines, now, sink);
            self.settle(now, sink);
            self.guests.remove(conn);
        }
        self.with_hub(now, sink, |hub, sink| hub.disconnect(conn, reason, now, sink));
    }

    fn handle_answer(
        &mut self,
        conn: ConnId,
        answer: Answer,
        now: Now,
        sink: &mut dyn Sink,
    ) -> Flow {
        let flow = self.with_hub(now, sink, |hub, sink| hub.handle_answer(conn, answer, now, sink));
        if !self.guests.contains(conn) {
            return flow;
        }
        self.guests.stall(conn, flow);
        self.feed(conn, b"", now, sink);
        self.settle(now, sink);
        self.guests.flow(conn)
    }

    fn poll_timeout(&self) -> Option<Duration> {
        [self.hub.poll_timeout(), self.guests.poll_timeout()].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Now, sink: &mut dyn Sink) {
        self.with_hub(now, sink, |hub, sink| hub.handle_timeout(now, sink));
        for conn in self.guests.due(now.monotonic) {
            self.feed(conn, b"", now, sink);
        }
        self.settle(now, sink);
    }

    fn stop(&mut self, reason: &str, now: Now, sink: &mut dyn Sink) {
        self.with_hub(now, sink, |hub, sink| hub.stop(reason, now, sink));
    }

    fn reload(&mut self, reloaded: Reloaded, now: Now, sink: &mut dyn Sink) {
        self.with_hub(now, sink, |hub, sink| hub.reload(reloaded, now, sink));
    }
}
