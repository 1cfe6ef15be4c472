//! Ten thousand who send half a line a minute, in simulated time: the doors and the hub, without sockets.
//!
//! What it takes to hold so many real connections is measured in `crates/callbox/tests/chat_load`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use callbox_chat::door::{Context, Incoming, Limits, Pipe, TlsUse, WebSettings};
use callbox_hub::Hub;
use callbox_hub::config::Config;
use callbox_hub::contract::{ConnId, Job, Now, Record, Saved, Sink};

const PEOPLE: usize = 10_000;

const MINUTE: Duration = Duration::from_secs(60);

/// What the hub says: how many lines of a kind, and to whom an end.
#[derive(Default)]
struct Told {
    pongs: usize,
    pings: Vec<ConnId>,
    closed: Vec<ConnId>,
}

impl Sink for Told {
    fn line(&mut self, to: ConnId, line: &[u8]) {
        if line.starts_with(b"PING ") {
            self.pings.push(to);
        }
        self.pongs += usize::from(line.windows(6).any(|part| part == b" PONG "));
    }

    fn receipt(&mut self, _: ConnId) {}
    fn record(&mut self, _: Record) {}
    fn job(&mut self, _: ConnId, _: Job) {}

    fn close(&mut self, conn: ConnId) {
        self.closed.push(conn);
    }
}

/// The hub and everybody's door.
struct Server {
    hub: Hub,
    pipes: Vec<Pipe>,
    told: Told,
    now: Now,
}

impl Server {
    /// A server with the default settings, to which so many have connected.
    fn new(people: usize) -> Self {
        let now = Now { monotonic: Duration::from_secs(1_000), wall: 1_800_000_000_000 };
        let hub = Hub::new(Config::default(), Saved::default(), 7, now);
        let web = WebSettings::default();
        let context = Arc::new(Context::new(Limits::default(), None, web, Arc::new(String::new)));
        let pipe = |n: usize| {
            let address = SocketAddr::from(([127, 0, 0, 1], 1_024 + n as u16));
            Pipe::new(&context, address, TlsUse::Off, now.monotonic)
        };
        Self { hub, pipes: (0..people).map(pipe).collect(), told: Told::default(), now }
    }

    /// These bytes come from somebody.
    fn receive(&mut self, who: usize, mut bytes: &[u8]) {
        let Self { hub, pipes, told, now } = self;
        let conn = ConnId(who as u64);
        while let Some(incoming) = pipes[who].next(&mut bytes, now.monotonic) {
            match incoming {
                Incoming::Opened(peer) => hub.connect(conn, peer, *now, told),
                Incoming::Line(line) => drop(hub.handle_line(conn, line, *now, told)),
                Incoming::TooLong => drop(hub.handle_too_long(conn, *now, told)),
                Incoming::Close(why) => panic!("{who} is closed: {}", why.text()),
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now.monotonic + time;
        while let Some(due) = self.hub.poll_timeout().filter(|due| *due <= end) {
            self.now.monotonic = due.max(self.now.monotonic);
            self.hub.handle_timeout(self.now, &mut self.told);
        }
        self.now.monotonic = end;
    }
}

#[test]
fn ten_thousand_who_send_half_a_line_a_minute_are_held() {
    let mut server = Server::new(PEOPLE);
    for who in 0..PEOPLE {
        server.receive(who, format!("NICK n{who}\r\nUSER u 0 * :u\r\nPING ha").as_bytes());
    }
    for _ in 0..15 {
        server.pass(MINUTE);
        (0..PEOPLE).for_each(|who| server.receive(who, b"lf"));
        server.pass(MINUTE);
        (0..PEOPLE).for_each(|who| server.receive(who, b"\r\nPING ha"));
    }
    assert_eq!(server.told.closed, [], "nobody is let go in half an hour");
    assert_eq!(server.told.pongs, PEOPLE * 15, "and no half is lost");
    assert_eq!(server.hub.counts().0, PEOPLE);
}

#[test]
fn half_a_line_that_never_ends_is_silence() {
    let mut server = Server::new(2);
    server.receive(0, b"NICK talker\r\nUSER u 0 * :u\r\n");
    server.receive(1, b"NICK stranger\r\nUSER u");
    // A letter each ten seconds makes no line: one is asked, and the other has not come in.
    for second in (0..180).step_by(10) {
        let (asked, closed) = (server.told.pings.len(), server.told.closed.clone());
        assert_eq!(asked, usize::from(second >= 120), "after {second} seconds");
        assert_eq!(closed, [ConnId(1)][..usize::from(second >= 60)], "after {second} seconds");
        server.receive(0, b"x");
        server.receive(1, b"x");
        server.pass(Duration::from_secs(10));
    }
    server.pass(Duration::from_secs(1));
    assert_eq!(server.told.closed, [ConnId(1), ConnId(0)]);
}
