//! The door for datagrams: each is a line, or several, said in the lobby.
//!
//! A datagram has no connection, so this door makes one of an address: whoever sends from it is a guest with a
//! [`PlainDoor`], until the guest says `/quit` or nothing for ten minutes. What a datagram is worth this door
//! cannot mend: it may be lost, come twice or out of turn, and whoever can forge a guest's address can speak for
//! that guest.
//!
//! What a forged sender can not do is come in, or have others flooded:
//!
//! - An address that is not loopback is first told a number, and comes in by sending it back ([`cookie`]). Until
//!   then nothing is kept for it.
//! - What such an address is told is 22 bytes (28 to 50 with the headers of IPv4 for a question of no byte),
//!   rationed for each address and for all together ([`throttle`]): at the most 500 a second, 25 kB with headers,
//!   leave for all forged addresses there are.
//! - Guesses are rationed likewise. By the default settings a guesser needs ten weeks on average to come in as one
//!   address, and fourteen hours to come in as any of all that can be forged.
//! - What is itself a challenge is not answered, nor what comes from a port of the system's services: so two
//!   servers cannot be set on each other.
//!
//! Each text goes out as one datagram, and lines that belong together (the answer to `/help`) as one with several
//! lines, as long as they fit. So a program that sends and receives in turn keeps in step.
//!
//! | module | what it is for |
//! |---|---|
//! | [`cookie`] | the number that proves an address |
//! | [`throttle`] | limits for senders that may be anybody |
//! | `guests` | the table of who is in |
//! | [`socket`] | the socket in somebody's event loop |

pub mod cookie;
mod guests;
pub mod socket;
pub mod throttle;

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use callbox_hub::contract::{ConnId, Door, Now, Peer};

use crate::plain::{PlainDoor, Style, text};
use cookie::{Cookies, Guess};
use guests::{Guest, Guests};
use throttle::{Buckets, Rate};

/// Lines of one datagram that are looked at. Somebody who pastes a verse sends fewer; the rest is dropped, and that
/// told.
const MAX_LINES: usize = 32;

/// Bytes of the longest datagram to a guest: with the headers of IPv6 and UDP it fits into the 1,280 bytes that
/// every link takes whole (RFC 8200, section 5). Longer text goes in several.
const MAX_DATAGRAM: usize = 1_200;

/// Bytes of a dropped line that its sender is shown.
const SHOWN: usize = 40;

/// The first source port that a client is given; below it live services (RFC 6335, section 6), which may answer
/// whatever they get.
const FIRST_CLIENT_PORT: u16 = 1_024;

/// What guests are told when the server stops.
const STOPS: &str = "* the server closed the connection: the server stops\n";

/// The settings of the door.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The room that it leads into.
    pub lobby: Box<str>,
    /// Guests in all. Each costs some kilobytes, here and in the hub.
    pub guests: usize,
    /// Guests from one address outside loopback (in IPv6 from one /64): people behind one router share it.
    pub guests_of_address: usize,
    /// A guest who sent nothing for so long leaves.
    pub silence: Duration,
    /// Lines of a guest. No faster than the hub takes them from a connection, so that nothing piles up before it.
    pub lines: Rate,
    /// Answers to an address before it is in: challenges, for the most part.
    pub challenges: Rate,
    /// Such answers in all.
    pub challenges_in_all: Rate,
    /// Guesses from an address outside loopback.
    pub guesses: Rate,
    /// Guesses in all.
    pub guesses_in_all: Rate,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lobby: "#lobby".into(),
            guests: 1_000,
            guests_of_address: 32,
            silence: Duration::from_secs(600),
            lines: Rate::per_second(10, 4),
            challenges: Rate { burst: 5, every: Duration::from_secs(2) },
            challenges_in_all: Rate::per_second(500, 500),
            // Five a slot of a minute.
            guesses: Rate { burst: 5, every: Duration::from_secs(12) },
            guesses_in_all: Rate::per_second(600, 10),
        }
    }
}

/// Where the outputs of the door go.
pub trait Outputs {
    /// `datagram` goes to `to`, from our address `from` if it is known.
    fn datagram(&mut self, to: SocketAddr, from: Option<IpAddr>, datagram: &[u8]);
    /// A connection to the hub is opened for `peer`. `None` if there can be no more.
    fn open(&mut self, peer: Peer) -> Option<ConnId>;
    /// `lines`, each with its CR LF, are for the hub, from `conn`.
    fn lines(&mut self, conn: ConnId, lines: &[u8]);
    /// `conn` ended at this side, for this reason. Nothing more is said for it.
    fn close(&mut self, conn: ConnId, reason: &str);
}

/// The door: a machine that is given datagrams, the hub's lines and the time.
///
/// Calling contract: [`handle_datagram`](Self::handle_datagram) for each datagram, [`hear`](Self::hear) for each
/// line of the hub's to one of its connections, [`handle_close`](Self::handle_close) when the hub closes one, and
/// [`handle_timeout`](Self::handle_timeout) at the moment that [`poll_timeout`](Self::poll_timeout) tells. `now`
/// never runs backwards.
#[derive(Debug)]
pub struct DatagramDoor {
    settings: Settings,
    cookies: Cookies,
    challenges: Buckets,
    guesses: Buckets,
    guests: Guests,
}

impl DatagramDoor {
    /// A door without guests. `key` is secret and random.
    pub fn new(settings: Settings, key: [u8; 16]) -> Self {
        Self {
            cookies: Cookies::new(key),
            challenges: Buckets::new(settings.challenges, settings.challenges_in_all),
            guesses: Buckets::new(settings.guesses, settings.guesses_in_all),
            guests: Guests::new(settings.silence),
            settings,
        }
    }

    /// One datagram, which `from` sent to our address `local`, if that is known.
    pub fn handle_datagram(
        &mut self,
        from: SocketAddr,
        local: Option<IpAddr>,
        datagram: &[u8],
        now: Now,
        out: &mut dyn Outputs,
    ) {
        let (from, now) = (canonical(from), now.monotonic);
        // Nobody can be answered at port 0.
        if from.port() == 0 {
            return;
        }
        if self.guests.at(&from).is_none() {
            if !cookie::is_trusted(&from.ip()) {
                return self.handle_newcomer(from, local, datagram, now, out);
            }
            if !self.let_in(from, local, datagram, now, out) {
                return;
            }
        }
        self.handle_guest(from, local, datagram, now, out);
    }

    /// One line of the hub's for `conn`, without CR LF.
    pub fn hear(&mut self, conn: ConnId, line: &[u8], out: &mut dyn Outputs) {
        let Some(guest) = self.guests.of(conn) else { return };
        let (mut to_hub, mut to_person) = (Vec::new(), Vec::new());
        guest.door.hear(line, &mut to_hub, &mut to_person);
        deliver(guest, &to_hub, &to_person, out);
    }

    /// Tells the guest behind `conn` something, a line with its LF.
    pub fn tell(&mut self, conn: ConnId, text: &str, out: &mut dyn Outputs) {
        if let Some(guest) = self.guests.of(conn) {
            deliver(guest, b"", text.as_bytes(), out);
        }
    }

    /// The hub closed `conn`.
    pub fn handle_close(&mut self, conn: ConnId) {
        self.guests.remove(conn);
    }

    /// When [`Self::handle_timeout`] is to be called: a moment on the monotonic clock, or `None` for never.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.guests.next_deadline()
    }

    /// It is `now`: lines whose turn it is are said, and whoever has been silent for too long leaves.
    pub fn handle_timeout(&mut self, now: Now, out: &mut dyn Outputs) {
        while let Some(guest) = self.guests.at_turn(now.monotonic) {
            let (mut to_hub, mut to_person) = (Vec::new(), Vec::new());
            say_waiting(guest, self.settings.lines, now.monotonic, &mut to_hub, &mut to_person);
            deliver(guest, &to_hub, &to_person, out);
            let conn = guest.conn;
            self.guests.note_turn(conn, self.settings.lines);
        }
        while let Some(guest) = self.guests.remove_silent(now.monotonic) {
            let silence = spell(self.settings.silence);
            let text =
                format!("* you were silent for {silence} and left; say something to come back\n");
            deliver(&guest, b"", text.as_bytes(), out);
            out.close(guest.conn, &format!("silent for {silence}"));
        }
    }

    /// The server stops: everybody is told. A datagram has no end that a guest would see.
    pub fn handle_stop(&mut self, out: &mut dyn Outputs) {
        for guest in self.guests.all() {
            deliver(guest, b"", STOPS.as_bytes(), out);
        }
    }

    /// How many guests are in.
    pub fn guests(&self) -> usize {
        self.guests.len()
    }

    /// A datagram from an address outside that has not proven itself.
    fn handle_newcomer(
        &mut self,
        from: SocketAddr,
        local: Option<IpAddr>,
        datagram: &[u8],
        now: Duration,
        out: &mut dyn Outputs,
    ) {
        if from.port() < FIRST_CLIENT_PORT || cookie::is_challenge(datagram) {
            return;
        }
        let guess = Guess::parse(datagram);
        let may_guess = guess.is_none() || self.guesses.take(from.ip(), now);
        if let Some(guess) = guess
            && may_guess
            && self.cookies.accepts(&from, &guess, now)
        {
            self.let_in(from, local, datagram, now, out);
            return;
        }
        let answer = match may_guess {
            true => self.cookies.challenge(&from, now),
            false => b"wait a minute".to_vec(),
        };
        self.answer(from, local, datagram, answer, now, out);
    }

    /// Answers who is not a guest, if it may have another answer.
    fn answer(
        &mut self,
        to: SocketAddr,
        local: Option<IpAddr>,
        datagram: &[u8],
        mut answer: Vec<u8>,
        now: Duration,
        out: &mut dyn Outputs,
    ) {
        if datagram.ends_with(b"\n") {
            answer.push(b'\n');
        }
        if self.challenges.take(to.ip(), now) {
            out.datagram(to, local, &answer);
        }
    }

    /// Makes a guest of `from`, unless there are too many, which it is told.
    fn let_in(
        &mut self,
        from: SocketAddr,
        local: Option<IpAddr>,
        datagram: &[u8],
        now: Duration,
        out: &mut dyn Outputs,
    ) -> bool {
        let ip = from.ip();
        let is_full = self.guests.len() >= self.settings.guests
            || !cookie::is_trusted(&ip)
                && self.guests.of_party(ip) >= self.settings.guests_of_address;
        let peer = Peer {
            address: ip,
            port: from.port(),
            secure: false,
            fingerprint: None,
            door: Door::Datagram,
        };
        let conn = if is_full { None } else { out.open(peer) };
        let Some(conn) = conn else {
            let answer = b"* there are too many guests; come back later".to_vec();
            self.answer(from, local, datagram, answer, now, out);
            return false;
        };
        let name = format!("guest-{}", from.port());
        let door = PlainDoor::new(&name, &self.settings.lobby, Style::Datagram);
        let mut guest = Guest::new(conn, from, door, now);
        (guest.local, guest.ends_lines) = (local, datagram.ends_with(b"\n"));
        let mut to_hub = Vec::new();
        guest.door.open(&mut to_hub);
        out.lines(conn, &to_hub);
        self.guests.insert(guest);
        true
    }

    /// A datagram of a guest's.
    fn handle_guest(
        &mut self,
        from: SocketAddr,
        local: Option<IpAddr>,
        datagram: &[u8],
        now: Duration,
        out: &mut dyn Outputs,
    ) {
        let Some(guest) = self.guests.at(&from) else { return };
        (guest.heard, guest.local) = (now, local);
        guest.ends_lines = datagram.ends_with(b"\n");
        // The number with which the guest came in, come twice.
        if !guest.has_spoken
            && Guess::parse(datagram).is_some_and(|guess| self.cookies.accepts(&from, &guess, now))
        {
            return;
        }
        guest.has_spoken = true;
        let rate = self.settings.lines;
        let (mut to_hub, mut to_person) = (Vec::new(), Vec::new());
        // One without a line is an empty line: whoever waits for an answer gets one.
        let empty = lines(datagram).next().is_none().then_some(&b""[..]);
        for (number, line) in lines(datagram).chain(empty).enumerate() {
            if number < MAX_LINES && guest.queue(line) {
                guest.slowed = false;
            } else if !std::mem::replace(&mut guest.slowed, true) {
                text::show(&slower(line), &mut to_person);
            }
            say_waiting(guest, rate, now, &mut to_hub, &mut to_person);
        }
        deliver(guest, &to_hub, &to_person, out);
        let conn = guest.conn;
        self.guests.note_turn(conn, rate);
    }
}

/// Says what waits, as far as it is its turn.
fn say_waiting(
    guest: &mut Guest,
    rate: Rate,
    now: Duration,
    to_hub: &mut Vec<u8>,
    to_person: &mut Vec<u8>,
) {
    while let Some(line) = guest.next_line(rate, now) {
        guest.door.say(&line, to_hub, to_person);
    }
}

/// The lines of a datagram that are not empty, without their endings.
fn lines(datagram: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = datagram.split(|&byte| byte == b'\n');
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).filter(|line| !line.is_empty())
}

fn slower(line: &[u8]) -> String {
    let head = String::from_utf8_lossy(line.get(..SHOWN + 3).unwrap_or(line));
    let cut = head.floor_char_boundary(SHOWN);
    let more = if cut < line.len() { "…" } else { "" };
    format!("* slower, please: {}{more} was not said", &head[..cut])
}

/// Sends what a guest's door put out.
fn deliver(guest: &Guest, to_hub: &[u8], to_person: &[u8], out: &mut dyn Outputs) {
    if !to_hub.is_empty() {
        out.lines(guest.conn, to_hub);
    }
    let ending = if guest.ends_lines { "\n" } else { "" };
    let to_person = String::from_utf8_lossy(to_person);
    for datagram in datagrams(&to_person) {
        out.datagram(guest.address, guest.local, [datagram, ending].concat().as_bytes());
    }
}

/// `text` in pieces that fit into datagrams with an LF: as many whole lines as fit, and lines that do not fit split on
/// characters. The LF that ends a piece is left out.
fn datagrams(text: &str) -> impl Iterator<Item = &str> {
    const ROOM: usize = MAX_DATAGRAM - 1;
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches('\n');
        if rest.is_empty() {
            return None;
        }
        let end = match rest.trim_end_matches('\n').len() {
            fits if fits <= ROOM => fits,
            _ => {
                let head = &rest[..rest.floor_char_boundary(ROOM + 1)];
                head.rfind('\n').unwrap_or_else(|| rest.floor_char_boundary(ROOM))
            }
        };
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

/// A time for people: minutes, where they are whole.
fn spell(time: Duration) -> String {
    match (time.as_secs(), time.as_secs() / 60) {
        (60, _) => "a minute".to_owned(),
        (seconds, minutes) if minutes > 0 && seconds % 60 == 0 => format!("{minutes} minutes"),
        (seconds, _) => format!("{seconds} seconds"),
    }
}

/// The address as a key: IPv4 is IPv4, and what a sender can choose freely (the flow label) is left out.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => (v4, v6.port()).into(),
            None => SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id()).into(),
        },
    }
}

#[cfg(test)]
mod tests;
