use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};

use callbox_hub::config::Config;
use callbox_hub::contract::{Job, Record, Saved};

use super::*;

/// What the front puts out.
#[derive(Default)]
struct Outputs {
    lines: VecDeque<(ConnId, String)>,
    closed: Vec<ConnId>,
    jobs: Vec<ConnId>,
}

impl Sink for Outputs {
    fn line(&mut self, to: ConnId, line: &[u8]) {
        self.lines.push_back((to, String::from_utf8_lossy(line).into_owned()));
    }

    fn receipt(&mut self, _: ConnId) {}

    fn record(&mut self, _: Record) {}

    fn job(&mut self, conn: ConnId, _: Job) {
        self.jobs.push(conn);
    }

    fn close(&mut self, conn: ConnId) {
        self.closed.push(conn);
    }
}

impl Outputs {
    /// What `conn` got.
    fn of(&mut self, conn: ConnId) -> String {
        let all = std::mem::take(&mut self.lines);
        let (mine, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(to, _)| *to == conn);
        self.lines = others.into();
        mine.into_iter().map(|(_, line)| line).collect()
    }
}

const NETCAT: ConnId = ConnId(1);
const IRC: ConnId = ConnId(2);

fn now(seconds: u64) -> Now {
    Now { monotonic: Duration::from_secs(seconds), wall: 1_000_000 + 1000 * seconds }
}

fn peer(door: Door) -> Peer {
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Peer { address, port: 46_734, secure: false, fingerprint: None, door }
}

/// A front with somebody at netcat and somebody with an IRC client, both in the lobby.
fn with_two(config: Config) -> (Front, Outputs) {
    let lobby = config.lobby.clone();
    let hub = Hub::new(config, Saved::default(), 7, now(0));
    let mut front = Front::new(hub, &lobby, true);
    let mut out = Outputs::default();
    front.connect(IRC, peer(Door::Irc), now(0), &mut out);
    for line in ["NICK alice", "USER a 0 * :a", "JOIN #lobby"] {
        front.handle_line(IRC, line.as_bytes(), now(0), &mut out);
    }
    front.connect(NETCAT, peer(Door::Plain), now(0), &mut out);
    for conn in std::mem::take(&mut out.jobs) {
        front.handle_answer(conn, Answer::History(Some(Vec::new())), now(0), &mut out);
    }
    (front, out)
}

#[test]
fn somebody_at_netcat_is_in_the_lobby_at_once() {
    let (mut front, mut out) = with_two(Config::default());
    let shown = out.of(NETCAT);
    assert!(shown.contains("* you are guest-46734 in #lobby"), "{shown}");
    out.of(IRC);
    front.handle_line(NETCAT, "你好".as_bytes(), now(1), &mut out);
    assert!(out.of(IRC).ends_with("PRIVMSG #lobby :你好\r\n"));
    front.handle_line(IRC, b"PRIVMSG #lobby :hello", now(1), &mut out);
    assert_eq!(out.of(NETCAT), "alice: hello\n");
}

#[test]
fn what_was_said_last_is_said_before_the_guest_is_gone() {
    let (mut front, mut out) = with_two(Config::default());
    out.of(IRC);
    front.handle_line(NETCAT, b"bye", now(1), &mut out);
    front.disconnect(NETCAT, "Connection closed", now(1), &mut out);
    let seen = out.of(IRC);
    assert!(seen.contains("PRIVMSG #lobby :bye"), "{seen}");
    assert!(seen.contains(" QUIT "), "{seen}");
}

#[test]
fn a_guest_who_talks_too_fast_waits_and_loses_nothing() {
    let flood = callbox_hub::config::Flood { burst: 8, per_second: 1 };
    let (mut front, mut out) = with_two(Config { flood: Some(flood), ..Config::default() });
    out.of(IRC);
    for number in 0..20 {
        front.handle_line(NETCAT, format!("line {number}").as_bytes(), now(1), &mut out);
    }
    let mut said = out.of(IRC);
    assert!(!said.contains("line 19"), "all at once: {said}");
    for second in 2..40 {
        front.handle_timeout(now(second), &mut out);
        said.push_str(&out.of(IRC));
    }
    for number in 0..20 {
        assert_eq!(said.matches(&format!(":line {number}\r\n")).count(), 1, "line {number}");
    }
}

#[test]
fn where_the_plain_door_is_closed_it_says_so() {
    let hub = Hub::new(Config::default(), Saved::default(), 7, now(0));
    let mut front = Front::new(hub, "#lobby", false);
    let mut out = Outputs::default();
    front.connect(NETCAT, peer(Door::Plain), now(0), &mut out);
    assert!(out.of(NETCAT).starts_with("This is a chat"));
    assert_eq!(out.closed, [NETCAT]);
}
