//! The plain doors before the real hub, in memory.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use callbox_chat::datagram::{DatagramDoor, Outputs, Settings};
use callbox_chat::plain::{PlainDoor, Style};
use callbox_hub::Hub;
use callbox_hub::config::Config;
use callbox_hub::contract::{Answer, ConnId, Door, Job, Now, Peer, Record, Saved, Sink};

const START: Now = Now { monotonic: Duration::from_secs(1_000), wall: 1_800_000_000_000 };

/// What the hub says, and to whom.
#[derive(Default)]
struct Told {
    lines: Vec<(ConnId, Vec<u8>)>,
    closed: Vec<ConnId>,
    /// Who waits for the past of a room.
    asked: Vec<ConnId>,
}

impl Sink for Told {
    fn line(&mut self, to: ConnId, line: &[u8]) {
        self.lines.push((to, line.strip_suffix(b"\r\n").unwrap().to_vec()));
    }

    fn receipt(&mut self, _: ConnId) {}
    fn record(&mut self, _: Record) {}

    fn job(&mut self, conn: ConnId, job: Job) {
        assert!(matches!(job, Job::History(_)), "{job:?}");
        self.asked.push(conn);
    }

    fn close(&mut self, conn: ConnId) {
        self.closed.push(conn);
    }
}

/// The hub, as the doors reach it.
struct Reach {
    now: Now,
    hub: Hub,
    told: Told,
    last: u64,
    sent: Vec<(SocketAddr, String)>,
}

impl Outputs for Reach {
    fn datagram(&mut self, to: SocketAddr, _: Option<IpAddr>, datagram: &[u8]) {
        self.sent.push((to, String::from_utf8(datagram.to_vec()).unwrap()));
    }

    fn open(&mut self, peer: Peer) -> Option<ConnId> {
        self.last += 1;
        self.hub.connect(ConnId(self.last), peer, self.now, &mut self.told);
        Some(ConnId(self.last))
    }

    fn lines(&mut self, conn: ConnId, lines: &[u8]) {
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\r\n").unwrap();
            self.hub.handle_line(conn, line, self.now, &mut self.told);
        }
    }

    fn close(&mut self, conn: ConnId, reason: &str) {
        self.hub.disconnect(conn, reason, self.now, &mut self.told);
    }
}

/// A server with both plain doors.
struct Server {
    reach: Reach,
    datagrams: DatagramDoor,
    streams: HashMap<ConnId, (PlainDoor, Vec<u8>)>,
}

impl Server {
    fn new() -> Self {
        let hub = Hub::new(Config { flood: None, ..Config::default() }, Saved::default(), 7, START);
        Self {
            reach: Reach { now: START, hub, told: Told::default(), last: 0, sent: Vec::new() },
            datagrams: DatagramDoor::new(Settings::default(), [7; 16]),
            streams: HashMap::new(),
        }
    }

    fn open_stream(&mut self, port: u16) -> ConnId {
        let address = "127.0.0.1".parse().unwrap();
        let peer = Peer { address, port, secure: false, fingerprint: None, door: Door::Plain };
        let conn = self.reach.open(peer).unwrap();
        let mut door = PlainDoor::new(&format!("guest-{port}"), "#lobby", Style::Stream);
        let mut to_hub = Vec::new();
        door.open(&mut to_hub);
        self.streams.insert(conn, (door, Vec::new()));
        self.reach.lines(conn, &to_hub);
        self.settle();
        conn
    }

    /// A line by a stream: what the person reads then.
    fn say(&mut self, conn: ConnId, line: &str) -> String {
        let (door, to_person) = self.streams.get_mut(&conn).unwrap();
        let mut to_hub = Vec::new();
        door.say(line.as_bytes(), &mut to_hub, to_person);
        self.reach.lines(conn, &to_hub);
        self.settle();
        self.read(conn)
    }

    fn read(&mut self, conn: ConnId) -> String {
        String::from_utf8(std::mem::take(&mut self.streams.get_mut(&conn).unwrap().1)).unwrap()
    }

    /// A datagram: those that the sender gets then.
    fn send(&mut self, from: &str, datagram: &str) -> Vec<String> {
        let from = from.parse().unwrap();
        let now = self.reach.now;
        self.datagrams.handle_datagram(from, None, datagram.as_bytes(), now, &mut self.reach);
        self.settle();
        let sent = std::mem::take(&mut self.reach.sent);
        sent.into_iter().filter(|(to, _)| *to == from).map(|(_, text)| text).collect()
    }

    /// Time passes, with all that is due in it.
    fn pass(&mut self, time: Duration) {
        let end = self.reach.now.monotonic + time;
        loop {
            let due = [self.datagrams.poll_timeout(), self.reach.hub.poll_timeout()];
            let due = due.into_iter().flatten().min().filter(|due| *due <= end);
            self.reach.now.monotonic = due.unwrap_or(end).max(self.reach.now.monotonic);
            let now = self.reach.now;
            if due.is_none() {
                return;
            }
            self.reach.hub.handle_timeout(now, &mut self.reach.told);
            self.datagrams.handle_timeout(now, &mut self.reach);
            self.settle();
        }
    }

    /// Hands the hub's lines to the doors until there are no more. No room has a past.
    fn settle(&mut self) {
        while !self.reach.told.lines.is_empty() || !self.reach.told.asked.is_empty() {
            let Reach { hub, told, now, .. } = &mut self.reach;
            for conn in std::mem::take(&mut told.asked) {
                hub.handle_answer(conn, Answer::History(Some(Vec::new())), *now, told);
            }
            for (conn, line) in std::mem::take(&mut self.reach.told.lines) {
                if let Some((door, to_person)) = self.streams.get_mut(&conn) {
                    let mut to_hub = Vec::new();
                    door.hear(&line, &mut to_hub, to_person);
                    self.reach.lines(conn, &to_hub);
                } else {
                    self.datagrams.hear(conn, &line, &mut self.reach);
                }
            }
        }
        for conn in std::mem::take(&mut self.reach.told.closed) {
            self.datagrams.handle_close(conn);
        }
    }
}

#[test]
fn a_program_that_sends_and_receives_in_turn_talks_with_somebody_at_nc() {
    let mut server = Server::new();
    let bob = server.open_stream(1001);
    assert_eq!(
        server.read(bob),
        "* you are guest-1001 in #lobby; /help tells more\n* here: guest-1001\n"
    );
    assert_eq!(server.say(bob, "/nick bob"), "* you are bob now\n");
    assert_eq!(
        server.send("127.0.0.1:46734", "hello"),
        ["* you are guest-46734 in #lobby; /help tells more\nguest-46734: hello"]
    );
    assert_eq!(server.read(bob), "* guest-46734 came in\nguest-46734: hello\n");
    assert_eq!(server.say(bob, "hi"), "", "what was typed is seen already");
    assert_eq!(server.reach.sent.pop().unwrap().1, "bob: hi");
    assert_eq!(server.send("127.0.0.1:46734", "/names").len(), 1);
    assert_eq!(server.send("127.0.0.1:46734", "/nick bob"), ["* the name bob is taken"]);
    assert_eq!(server.send("127.0.0.1:46734", "/nick sally"), ["* you are sally now"]);
    assert_eq!(server.read(bob), "* guest-46734 is now sally\n");
    assert_eq!(server.say(bob, "/msg sally psst"), "");
    assert_eq!(server.reach.sent.pop().unwrap().1, "bob (to you): psst");
    assert_eq!(server.send("127.0.0.1:46734", "/msg bob what"), ["sally (to bob): what"]);
    assert_eq!(server.read(bob), "sally (to you): what\n");
    assert_eq!(server.say(bob, "/msg nobody psst"), "* there is nobody called nobody\n");
    assert_eq!(server.send("127.0.0.1:46734", "/quit tea"), ["* you left"]);
    assert!(server.read(bob).starts_with("* sally left ("));
    assert_eq!(server.datagrams.guests(), 0);
    assert_eq!(server.reach.hub.counts().0, 1);
}

#[test]
fn the_longest_line_comes_through_whole_whatever_its_characters() {
    let mut server = Server::new();
    let bob = server.open_stream(1001);
    let alice = server.open_stream(1002);
    server.read(bob);
    for character in ["x", "é", "张", "🌍"] {
        let line = character.repeat(4_096 / character.len());
        server.say(alice, &line);
        let heard = server.read(bob);
        let parts = heard.lines().map(|part| part.strip_prefix("guest-1002: ").unwrap());
        assert_eq!(parts.collect::<String>(), line);
    }
}

#[test]
fn two_guests_of_one_port_are_both_let_in() {
    let mut server = Server::new();
    server.send("127.0.0.1:46734", "hello");
    let told = server.send("127.0.0.2:46734", "hello");
    assert!(told[0].starts_with("* you are guest-46734-2 in #lobby"), "{told:?}");
}

#[test]
fn a_guest_of_the_datagrams_leaves_after_ten_minutes_of_silence_and_not_before() {
    let mut server = Server::new();
    let bob = server.open_stream(1001);
    server.send("127.0.0.1:46734", "hello");
    server.read(bob);
    // Whatever the hub asks meanwhile, the door answers it.
    server.pass(Duration::from_secs(599));
    assert_eq!(server.read(bob), "");
    assert_eq!(server.send("127.0.0.1:46734", "/names"), ["* here: guest-1001, guest-46734"]);
    server.reach.sent.clear();
    // What others say is no word of the guest's.
    server.pass(Duration::from_secs(300));
    server.say(bob, "are you there?");
    server.pass(Duration::from_secs(299));
    assert_eq!(server.reach.sent.len(), 1, "{:?}", server.reach.sent);
    server.reach.sent.clear();
    server.pass(Duration::from_secs(2));
    let told = server.reach.sent.pop().unwrap().1;
    assert_eq!(told, "* you were silent for 10 minutes and left; say something to come back");
    assert_eq!(server.read(bob), "* guest-46734 left (silent for 10 minutes)\n");
    assert_eq!(server.datagrams.guests(), 0);
    assert_eq!(server.reach.hub.counts().0, 1);
    // And is a guest again by saying something.
    assert_eq!(server.send("127.0.0.1:46734", "back").len(), 1);
    assert_eq!(server.read(bob), "* guest-46734 came in\nguest-46734: back\n");
}
