//! `Ask` on a path that loses, doubles, delays and reorders, in simulated time.
//!
//! The promise is: a line that gets a reply gets *its* reply. The path knows which line each
//! datagram belongs to, the machine sees bytes only, so the promise can be checked exactly.

use callbox_exchange::{Action, Ask, Backoff, Outcome};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

const LINES: u32 = 60;

/// Of this many lines, each with another seed, for every path and server.
const CONVERSATIONS: u64 = 500;

/// What the path does to datagrams, in per cent.
#[derive(Clone, Copy)]
struct Path {
    lost: u64,
    doubled_to_server: u64,
    doubled_to_client: u64,
    late: u64,
}

const GOOD: Path = Path { lost: 0, doubled_to_server: 0, doubled_to_client: 0, late: 0 };
const BAD: Path = Path { lost: 15, doubled_to_server: 15, doubled_to_client: 15, late: 20 };

/// What the server makes of a request.
#[derive(Clone, Copy)]
enum Server {
    /// Upper case: different requests may get one reply (`Ab` and `aB`).
    Upper,
    /// The time of day and nothing else: a request that is repeated gets another reply.
    Clock,
    /// Always the same word.
    Constant,
}

impl Server {
    fn answer(self, request: &[u8], now: Duration) -> Vec<u8> {
        match self {
            Self::Upper => request.to_ascii_uppercase(),
            Self::Clock => now.as_nanos().to_string().into_bytes(),
            Self::Constant => b"ok".to_vec(),
        }
    }
}

/// What the client's shell does with its socket between two lines.
#[derive(Clone, Copy)]
enum Between {
    /// Reads it, and tells the machine.
    Reads,
    /// Leaves what comes in the socket's buffer, to be found when the next line is asked.
    Leaves,
}

#[derive(Clone)]
struct Datagram {
    /// The client's socket it comes from or goes to.
    socket: u32,
    /// The line it belongs to. Nobody but the test sees this.
    line: u32,
    bytes: Vec<u8>,
}

/// The path and the server, and the client's sockets at their end of it.
struct World {
    path: Path,
    server: Server,
    now: Duration,
    random: u64,
    /// Datagrams under way, by when they arrive; true if at the server.
    under_way: BTreeMap<(Duration, u64), (bool, Datagram)>,
    serial: u64,
    socket: u32,
    /// What came to the client's present socket and was not read yet.
    inbox: VecDeque<Datagram>,
    renewals: u32,
    sends: u32,
}

impl World {
    fn new(path: Path, server: Server, seed: u64) -> Self {
        Self {
            path,
            server,
            now: Duration::ZERO,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            under_way: BTreeMap::new(),
            serial: 0,
            socket: 0,
            inbox: VecDeque::new(),
            renewals: 0,
            sends: 0,
        }
    }

    fn draw(&mut self, below: u64) -> u64 {
        // xorshift64*
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % below
    }

    fn carry(&mut self, to_server: bool, datagram: &Datagram) {
        let doubled =
            if to_server { self.path.doubled_to_server } else { self.path.doubled_to_client };
        let copies = 1 + u32::from(self.draw(100) < doubled);
        for _ in 0..copies {
            if self.draw(100) < self.path.lost {
                continue;
            }
            let millis =
                if self.draw(100) < self.path.late { self.draw(6000) } else { self.draw(40) };
            self.serial += 1;
            let arrival = self.now + Duration::from_micros(millis * 1000 + 1);
            self.under_way.insert((arrival, self.serial), (to_server, datagram.clone()));
        }
    }

    fn renew(&mut self) {
        self.socket += 1;
        self.renewals += 1;
        self.inbox.clear();
    }

    fn send(&mut self, line: u32, request: &[u8]) {
        self.sends += 1;
        self.carry(true, &Datagram { socket: self.socket, line, bytes: request.to_vec() });
    }

    /// Lets time pass until there is something to read, but not beyond `until`.
    fn read(&mut self, until: Duration) -> Option<Datagram> {
        while self.inbox.is_empty() {
            match self.under_way.first_entry() {
                Some(next) if next.key().0 <= until => {
                    self.now = next.key().0;
                    let (at_server, datagram) = next.remove();
                    self.arrive(at_server, datagram);
                }
                _ => {
                    self.now = until;
                    return None;
                }
            }
        }
        self.inbox.pop_front()
    }

    fn arrive(&mut self, at_server: bool, datagram: Datagram) {
        if at_server {
            let bytes = self.server.answer(&datagram.bytes, self.now);
            self.carry(false, &Datagram { bytes, ..datagram });
        } else if datagram.socket == self.socket {
            self.inbox.push_back(datagram);
        }
    }

    /// The time between two lines.
    fn think(&mut self, ask: &mut Ask, between: Between) {
        let until = self.now + Duration::from_millis(self.draw(4) * self.draw(500));
        let mut left = VecDeque::new();
        while let Some(datagram) = self.read(until) {
            match between {
                Between::Reads => ask.handle_reply(&datagram.bytes),
                Between::Leaves => left.push_back(datagram),
            }
        }
        self.inbox = left;
    }
}

/// Asks one line as a shell would, and returns how it ended. `last` is the datagram that was read
/// last, which is the one accepted if there is a reply.
fn exchange(world: &mut World, ask: &mut Ask, line: u32, request: &[u8]) -> (Outcome, Option<u32>) {
    let mut last = None;
    ask.ask(request);
    loop {
        match ask.poll(world.now) {
            Action::Renew => world.renew(),
            Action::Send => world.send(line, request),
            Action::Wait(until) => match world.read(until) {
                Some(datagram) => {
                    last = Some(datagram.line);
                    ask.handle_reply(&datagram.bytes);
                }
                None => ask.handle_timeout(world.now),
            },
            Action::Done(outcome) => return (outcome, last),
            Action::Idle => panic!("an exchange ends with its outcome"),
        }
    }
}

/// Lines short enough to be asked again, and to differ in case alone.
fn request(world: &mut World) -> Vec<u8> {
    let length = 1 + world.draw(3);
    (0..length).map(|_| b"aAbBcC"[world.draw(6) as usize]).collect()
}

/// Runs a conversation, and returns how many lines got a reply.
fn converse(world: &mut World, ask: &mut Ask, between: Between, seed: u64) -> u32 {
    let mut replies = 0;
    for line in 0..LINES {
        let request = request(world);
        let begun = world.now;
        if let (Outcome::Reply(_), last) = exchange(world, ask, line, &request) {
            assert_eq!(last, Some(line), "seed {seed}: line {line} got another line's reply");
            replies += 1;
        }
        assert!(world.now - begun < Duration::from_secs(15), "seed {seed}: line {line} took long");
        world.think(ask, between);
    }
    replies
}

fn many_conversations(path: Path, server: Server, begin: impl Fn(u64) -> Ask) {
    let mut replies = 0;
    for seed in 0..CONVERSATIONS {
        for between in [Between::Reads, Between::Leaves] {
            let mut world = World::new(path, server, seed);
            replies += converse(&mut world, &mut begin(seed), between, seed);
        }
    }
    let lines = CONVERSATIONS as u32 * 2 * LINES;
    assert!(replies > lines / 10 * 9, "three tries get most lines through: {replies} of {lines}");
}

fn sharing(seed: u64) -> Ask {
    Ask::new(Backoff::default(), seed)
}

fn one_socket_a_line(seed: u64) -> Ask {
    sharing(seed).one_socket_a_line()
}

#[test]
fn on_a_bad_path_a_reply_is_always_the_reply_to_its_line() {
    many_conversations(BAD, Server::Upper, sharing);
    many_conversations(BAD, Server::Constant, sharing);
}

#[test]
fn on_a_path_that_doubles_or_delays_alone_a_reply_is_always_the_reply_to_its_line() {
    let doubles = Path { doubled_to_server: 30, doubled_to_client: 30, ..GOOD };
    let delays = Path { late: 60, ..GOOD };
    for path in [doubles, delays, Path { late: 20, ..doubles }] {
        many_conversations(path, Server::Upper, sharing);
        many_conversations(path, Server::Constant, sharing);
    }
}

#[test]
fn a_server_that_answers_by_the_clock_is_understood_where_replies_are_doubled() {
    many_conversations(Path { doubled_to_server: 0, ..BAD }, Server::Clock, sharing);
}

#[test]
fn a_server_that_answers_by_the_clock_is_understood_with_a_socket_a_line() {
    many_conversations(BAD, Server::Clock, one_socket_a_line);
    many_conversations(BAD, Server::Upper, one_socket_a_line);
}

#[test]
fn a_good_path_costs_no_resends_and_a_server_of_one_word_costs_one() {
    for (server, extra) in [(Server::Clock, 0), (Server::Constant, 1)] {
        for seed in 0..50 {
            let mut world = World::new(GOOD, server, seed);
            let replies = converse(&mut world, &mut sharing(seed), Between::Leaves, seed);
            assert_eq!(replies, LINES);
            assert!(world.sends <= LINES + extra, "seed {seed}: {} sends", world.sends);
            assert!(world.renewals <= LINES, "seed {seed}: {} renewals", world.renewals);
        }
    }
}
