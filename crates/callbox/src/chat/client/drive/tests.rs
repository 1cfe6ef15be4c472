//! A session driven against a server of the test's own.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;

use callbox_session::config::Config;

use super::super::link::MAX_QUEUED;
use super::*;

/// How long an event may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// A session, what drives it, and the server's end of its link.
struct Driven {
    session: Session,
    drive: Drive<()>,
    happening: Receiver<Happened<()>>,
    server: TcpStream,
}

impl Driven {
    /// It is connected, and has heard nothing.
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (happened, happening) = channel();
        let mut drive = Drive::new(Target::new(address.parse().unwrap()), None, happened);
        let config = Config { nick: "somebody".into(), ..Config::default() };
        let mut session = Session::new(config, drive.now());
        drive.perform(&mut session);
        let (server, _) = listener.accept().unwrap();
        let mut driven = Self { session, drive, happening, server };
        driven.until(|driven| driven.drive.is_connected);
        driven
    }

    fn hears(&mut self, lines: &[u8]) {
        self.server.write_all(lines).unwrap();
    }

    /// The next thing that the link says.
    fn event(&mut self) -> (u64, LinkEvent) {
        let end = Instant::now() + DEADLINE;
        loop {
            let left = end.checked_duration_since(Instant::now()).expect("an event comes");
            let happened = self.drive.wait(&mut self.session, &self.happening, Some(left));
            if let Some(Happened::Link(number, event)) = happened {
                return (number, event);
            }
        }
    }

    fn until(&mut self, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            let (number, event) = self.event();
            assert!(self.drive.handle_link(number, event, &mut self.session).is_ok());
            self.drive.perform(&mut self.session);
        }
    }
}

#[test]
fn a_server_that_reads_nothing_is_lost_once() {
    let mut driven = Driven::new();
    driven.hears(b":irc.test 001 alice :Welcome\r\n:irc.test 422 alice :No MOTD\r\n");
    driven.until(|driven| driven.drive.was_online());
    let much = [&[b'x'; MAX_QUEUED - 2][..], b"\r\n"].concat();
    let now = driven.drive.now();
    while let Some(link) = &driven.drive.link {
        let _ = link.send(&much);
        driven.session.handle_line(b"PING y", now);
        driven.drive.perform(&mut driven.session);
    }
    let waits = driven.session.status().clone();
    assert!(matches!(waits, Status::Waiting { .. }), "{waits:?}");
    loop {
        let (number, event) = driven.event();
        let is_last = matches!(event, LinkEvent::Closed(_));
        assert!(driven.drive.handle_link(number, event, &mut driven.session).is_ok());
        if is_last {
            break;
        }
    }
    assert_eq!(*driven.session.status(), waits, "the wait is the first one");
}

#[test]
fn a_server_that_does_not_end_its_welcome_has_let_us_in() {
    let mut driven = Driven::new();
    driven.hears(b":irc.test 001 alice :Welcome\r\n");
    driven.until(|driven| driven.session.nick() == "alice");
    assert!(!driven.drive.was_online());
    // Later, and nothing more has come.
    driven.drive.clock = Clock(Instant::now().checked_sub(Duration::from_secs(60)).unwrap());
    let nothing = driven.drive.wait(&mut driven.session, &driven.happening, Some(Duration::ZERO));
    assert!(nothing.is_none() && driven.drive.was_online());
}

#[test]
fn lines_that_are_too_long_are_told() {
    let mut driven = Driven::new();
    let long = [&[b'x'; 20_000][..], b"\r\n"].concat();
    driven.hears(&[&long[..], &long, b":irc.test 001 alice :Welcome\r\n"].concat());
    driven.until(|driven| driven.session.nick() == "alice");
    let told = driven.session.rooms()[0].timeline.iter();
    let told: Vec<&str> = told.filter_map(|line| line.what.text()).collect();
    assert!(
        told.iter().any(|words| words.ends_with("from the server left out: too long")),
        "{told:?}"
    );
}
