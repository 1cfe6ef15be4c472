//! Beside the event loops: the people who come by datagrams, and the one at the server's terminal.
//!
//! They have no stream that a loop could carry, so they have a thread of their own, which meets the hub at an
//! [`Entrance`]. A round of it takes what came from the sockets and the terminal, tells the hub all of it in one tick, and
//! brings what the hub says to the doors, until nobody has anything to say.
//!
//! | module | what it is for |
//! |---|---|
//! | `post` | the sockets for datagrams, and the doors that they lead to |
//! | [`talk`] | the terminal |

mod post;
pub mod talk;

use std::collections::VecDeque;
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use callbox_hub::contract::{Answer, ConnId, Peer};
use mio::unix::SourceFd;
use mio::{Events, Interest, Token};

use crate::datagram::{Settings, socket::DoorSocket};
use crate::guests::{Guest, Guests};
use crate::plain::{PlainDoor, Style};
use crate::server::{Doors, Entrance, Machine, Told};
use post::{News, Post};
use talk::Talk;

/// Events taken at a time: there are a socket or two.
const EVENTS: usize = 16;

/// The slot of the person at the terminal among the connections of the entrance.
const TERMINAL: u64 = 0;

/// Why a guest is ended whose words the store has lost.
const NOT_KEPT: &str = "what it said could not be kept";

/// What the guest is told.
const NOT_KEPT_TOLD: &str =
    "* what you said could not be kept, and you left; say something to come back\n";

/// Everybody who is not on a stream.
#[derive(Debug)]
pub struct Beside {
    lobby: Box<str>,
    post: Option<Post>,
    talk: Option<Talk>,
    guests: Guests,
    /// What the hub is to be called for.
    calls: VecDeque<Call>,
    /// The terminal's connection.
    terminal: Option<ConnId>,
    /// It has ended, and there may be lines that waited for that.
    is_terminal_free: bool,
    /// How often the person there came in: the generation of the next such connection.
    seatings: u32,
}

/// Something that the hub is to be called for.
#[derive(Debug)]
enum Call {
    Connect(ConnId, Peer),
    /// Lines of this guest wait.
    Feed(ConnId),
    Answer(ConnId, Answer),
    Disconnect(ConnId, String),
}

impl Beside {
    /// People in `lobby`: those who send datagrams to `sockets`, and the one at the terminal. `key` is secret and random.
    pub fn new(
        lobby: &str,
        sockets: Vec<DoorSocket>,
        settings: &Settings,
        key: [u8; 16],
        talk: Option<Talk>,
    ) -> Self {
        let post = (!sockets.is_empty()).then(|| Post::new(sockets, settings, key));
        Self {
            lobby: lobby.into(),
            post,
            talk,
            guests: Guests::default(),
            calls: VecDeque::new(),
            terminal: None,
            is_terminal_free: false,
            seatings: 0,
        }
    }

    /// Serves them until the server stops.
    pub fn run<M: Machine, D: Doors>(mut self, mut entrance: Entrance<'_, M, D>) -> io::Result<()> {
        let sources = self.sources();
        for (number, source) in sources.iter().enumerate() {
            let registry = entrance.registry();
            registry.register(&mut SourceFd(source), Token(number), Interest::READABLE)?;
        }
        self.seat_terminal(&entrance);
        let mut events = Events::with_capacity(EVENTS);
        let mut ready = vec![true; sources.len()];
        loop {
            for (number, ready) in ready.iter_mut().enumerate() {
                if *ready {
                    *ready = self.take(number, &mut entrance);
                }
            }
            self.take_timeouts(&mut entrance);
            self.round(&mut entrance);
            // The terminal is the last source.
            if std::mem::take(&mut self.is_terminal_free)
                && let Some(ready) = ready.last_mut()
            {
                *ready = true;
            }
            let patience = if ready.contains(&true) {
                Some(Duration::ZERO)
            } else {
                let now = entrance.handle().now().monotonic;
                self.poll_timeout().map(|moment| moment.saturating_sub(now))
            };
            if !entrance.wait(&mut events, patience)? {
                if let Some(post) = &mut self.post {
                    post.handle_stop(|number| numbered(&entrance, number));
                }
                return Ok(());
            }
            for event in &events {
                if let Some(ready) = ready.get_mut(event.token().0) {
                    *ready = true;
                }
            }
        }
    }

    fn sources(&self) -> Vec<RawFd> {
        let post = self.post.iter().flat_map(Post::sources);
        post.chain(self.talk.iter().map(Talk::source)).collect()
    }

    /// The person at the terminal comes in.
    fn seat_terminal<M: Machine, D: Doors>(&mut self, entrance: &Entrance<'_, M, D>) {
        let Some(talk) = &self.talk else { return };
        let conn = entrance.conn(TERMINAL as u32, self.seatings);
        self.seatings = self.seatings.wrapping_add(1);
        let mut door = PlainDoor::new(talk.name(), &self.lobby, Style::Stream);
        let mut lines = Vec::new();
        door.open(&mut lines);
        self.terminal = Some(conn);
        self.guests.insert(conn, Guest::behind(door));
        self.calls.push_back(Call::Connect(conn, Talk::peer()));
        self.feed(conn, &lines);
    }

    /// Takes what came from a source. True if there may be more.
    fn take<M: Machine, D: Doors>(
        &mut self,
        number: usize,
        entrance: &mut Entrance<'_, M, D>,
    ) -> bool {
        let now = entrance.handle().now();
        if let Some(post) = self.post.as_mut().filter(|post| number < post.sources().count()) {
            let (news, more) = post.receive(number, now, |number| numbered(entrance, number));
            self.act_on(news);
            return more;
        }
        while !self.is_terminal_leaving()
            && let Some(line) = self.talk.as_mut().and_then(Talk::next_line)
        {
            // Who said good-bye, or was thrown out, comes back by saying something, and be it that at once.
            let is_out = self.terminal.is_none_or(|conn| self.guests.door(conn).is_none());
            if is_out && !line.is_empty() && !PlainDoor::is_good_bye(&line) {
                self.seat_terminal(entrance);
            }
            let Some(conn) = self.terminal else { continue };
            let (mut to_hub, mut to_person) = (Vec::new(), Vec::new());
            if let Some(door) = self.guests.door(conn) {
                door.say(&line, &mut to_hub, &mut to_person);
            }
            self.show(&to_person);
            self.feed(conn, &to_hub);
        }
        false
    }

    /// Whether the person at the terminal has said good-bye and the hub has not closed yet. What is typed then is read
    /// afterwards.
    fn is_terminal_leaving(&mut self) -> bool {
        let door = self.terminal.and_then(|conn| self.guests.door(conn));
        door.is_some_and(|door| door.is_over())
    }

    fn poll_timeout(&self) -> Option<Duration> {
        let post = self.post.as_ref().and_then(Post::poll_timeout);
        [self.guests.poll_timeout(), post].into_iter().flatten().min()
    }

    fn take_timeouts<M: Machine, D: Doors>(&mut self, entrance: &mut Entrance<'_, M, D>) {
        let now = entrance.handle().now();
        for conn in self.guests.due(now.monotonic) {
            self.calls.push_back(Call::Feed(conn));
        }
        let due = self.post.as_ref().and_then(Post::poll_timeout);
        if due.is_some_and(|due| due <= now.monotonic)
            && let Some(post) = &mut self.post
        {
            let news = post.handle_timeout(now, |number| numbered(entrance, number));
            self.act_on(news);
        }
    }

    /// Tells the hub what there is to tell, and everybody what it says, until all is quiet.
    fn round<M: Machine, D: Doors>(&mut self, entrance: &mut Entrance<'_, M, D>) {
        loop {
            if !self.calls.is_empty() {
                entrance.tick(|machine, now, sink| {
                    while let Some(call) = self.calls.pop_front() {
                        match call {
                            Call::Connect(conn, peer) => machine.connect(conn, peer, now, sink),
                            Call::Disconnect(conn, reason) => {
                                machine.disconnect(conn, &reason, now, sink);
                            }
                            Call::Answer(conn, answer) => {
                                let flow = machine.handle_answer(conn, answer, now, sink);
                                self.guests.stall(conn, flow);
                                self.calls.push_back(Call::Feed(conn));
                            }
                            Call::Feed(conn) => {
                                while let Some(line) = self.guests.next_line(conn) {
                                    let flow = machine.handle_line(conn, &line, now, sink);
                                    self.guests.stall(conn, flow);
                                }
                            }
                        }
                    }
                });
            }
            let mut heard = Vec::new();
            entrance.hear(|told| heard.push(Heard::of(told)));
            for heard in heard {
                self.hear(heard, |number| numbered(entrance, number));
            }
            if self.calls.is_empty() {
                break;
            }
        }
        if let Some(post) = &mut self.post {
            post.send();
        }
    }

    fn hear(&mut self, heard: Heard, number: impl Fn(u64) -> ConnId + Copy) {
        match heard {
            Heard::Line(conn, line) => self.bring(conn, &line, number),
            Heard::Answer(conn, answer) => self.calls.push_back(Call::Answer(conn, answer)),
            Heard::Close(conn) => self.forget(conn),
            Heard::Lost(conn) => {
                // Whoever waits for an echo gets none, and comes in anew with the next line.
                if self.terminal == Some(conn) {
                    self.show(NOT_KEPT_TOLD.as_bytes());
                } else if let Some(post) = &mut self.post {
                    post.tell(conn, NOT_KEPT_TOLD, number);
                }
                self.forget(conn);
                self.calls.push_back(Call::Disconnect(conn, NOT_KEPT.to_owned()));
            }
        }
    }

    fn forget(&mut self, conn: ConnId) {
        self.guests.remove(conn);
        self.is_terminal_free |= self.terminal == Some(conn);
        if let Some(post) = &mut self.post {
            post.close(conn);
        }
    }

    /// A line of the hub's to a guest.
    fn bring(&mut self, conn: ConnId, line: &[u8], number: impl Fn(u64) -> ConnId) {
        if self.terminal != Some(conn) {
            if let Some(post) = &mut self.post {
                let news = post.hear(conn, line, number);
                self.act_on(news);
            }
            return;
        }
        let (mut to_hub, mut to_person) = (Vec::new(), Vec::new());
        if let Some(door) = self.guests.door(conn) {
            door.hear(line, &mut to_hub, &mut to_person);
        }
        self.show(&to_person);
        self.feed(conn, &to_hub);
    }

    /// Text for the person at the terminal.
    fn show(&self, text: &[u8]) {
        if let Some(talk) = self.talk.as_ref().filter(|_| !text.is_empty()) {
            talk.show(text);
        }
    }

    /// Lines of a guest's for the hub.
    fn feed(&mut self, conn: ConnId, lines: &[u8]) {
        if !lines.is_empty() {
            self.guests.push(conn, lines);
            self.calls.push_back(Call::Feed(conn));
        }
    }

    /// What a door for datagrams wants done.
    fn act_on(&mut self, news: Vec<News>) {
        for news in news {
            match news {
                News::Open(conn, peer) => {
                    self.guests.insert(conn, Guest::elsewhere());
                    self.calls.push_back(Call::Connect(conn, peer));
                }
                News::Lines(conn, lines) => self.feed(conn, &lines),
                News::Close(conn, reason) => {
                    self.guests.remove(conn);
                    self.calls.push_back(Call::Disconnect(conn, reason));
                }
            }
        }
    }
}

/// Something of the hub's for somebody here.
#[derive(Debug)]
enum Heard {
    /// A line, without its ending.
    Line(ConnId, Vec<u8>),
    Close(ConnId),
    Lost(ConnId),
    Answer(ConnId, Answer),
}

impl Heard {
    fn of(told: Told<'_>) -> Self {
        match told {
            Told::Line(conn, line) => {
                Self::Line(conn, line.strip_suffix(b"\r\n").unwrap_or(line).to_vec())
            }
            Told::Close(conn) => Self::Close(conn),
            Told::Lost(conn) => Self::Lost(conn),
            Told::Answer(conn, answer) => Self::Answer(conn, answer),
        }
    }
}

/// The connection with this number.
fn numbered<M: Machine, D: Doors>(entrance: &Entrance<'_, M, D>, number: u64) -> ConnId {
    /// Slots that an entrance has.
    const SLOTS: u64 = 1 << 24;
    entrance.conn((number % SLOTS) as u32, (number / SLOTS) as u32)
}
