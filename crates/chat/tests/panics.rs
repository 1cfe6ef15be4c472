//! A panic in one connection's code ends that connection, and nobody else's: with the real hub, the real doors and real
//! sockets, and with the panic in the middle of what the hub does.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use callbox_chat::door::{self, Context, Intake, Limits, TlsUse, WebSettings};
use callbox_chat::front::Front;
use callbox_chat::server::{Doors, Keeper, Machine, Notice, Report, Server, Settings};
use callbox_hub::Hub;
use callbox_hub::config::Config;
use callbox_hub::contract::{Answer, ConnId, Flow, Job, Now, Peer, Record, Reloaded, Saved, Sink};
use callbox_net::stream::StreamListener;
use callbox_net::trace::Trace;

/// Nothing in these tests takes so long, unless it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// The hub with its front, which panics where something called `boom` is put out.
struct Brittle(Front);

struct BrittleSink<'a>(&'a mut dyn Sink);

impl Sink for BrittleSink<'_> {
    fn line(&mut self, to: ConnId, line: &[u8]) {
        // The room hears who comes in while the hub is half done with the JOIN.
        assert!(!line.windows(10).any(|part| part == b"JOIN #boom"), "as the test wants it");
        self.0.line(to, line);
    }

    fn receipt(&mut self, to: ConnId) {
        self.0.receipt(to);
    }

    fn record(&mut self, record: Record) {
        // The hub is in the middle of a PRIVMSG or a QUIT.
        let boom = matches!(&record, Record::Event(event) if event.text.as_deref().is_some_and(|t| t.ends_with("boom")));
        assert!(!boom, "as the test wants it");
        self.0.record(record);
    }

    fn job(&mut self, conn: ConnId, job: Job) {
        self.0.job(conn, job);
    }

    fn close(&mut self, conn: ConnId) {
        self.0.close(conn);
    }
}

impl Machine for Brittle {
    fn connect(&mut self, conn: ConnId, peer: Peer, now: Now, sink: &mut dyn Sink) {
        self.0.connect(conn, peer, now, &mut BrittleSink(sink));
    }

    fn handle_line(&mut self, conn: ConnId, line: &[u8], now: Now, sink: &mut dyn Sink) -> Flow {
        self.0.handle_line(conn, line, now, &mut BrittleSink(sink))
    }

    fn handle_too_long(&mut self, conn: ConnId, now: Now, sink: &mut dyn Sink) -> Flow {
        self.0.handle_too_long(conn, now, &mut BrittleSink(sink))
    }

    fn disconnect(&mut self, conn: ConnId, reason: &str, now: Now, sink: &mut dyn Sink) {
        self.0.disconnect(conn, reason, now, &mut BrittleSink(sink));
    }

    fn handle_answer(
        &mut self,
        conn: ConnId,
        answer: Answer,
        now: Now,
        sink: &mut dyn Sink,
    ) -> Flow {
        self.0.handle_answer(conn, answer, now, &mut BrittleSink(sink))
    }

    fn poll_timeout(&self) -> Option<Duration> {
        self.0.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Now, sink: &mut dyn Sink) {
        self.0.handle_timeout(now, &mut BrittleSink(sink));
    }

    fn stop(&mut self, reason: &str, now: Now, sink: &mut dyn Sink) {
        self.0.stop(reason, now, &mut BrittleSink(sink));
    }

    fn reload(&mut self, reloaded: Reloaded, now: Now, sink: &mut dyn Sink) {
        self.0.reload(reloaded, now, &mut BrittleSink(sink));
    }
}

struct Plain(Arc<Context>);

impl Doors for Plain {
    type Pipe = Intake;

    fn open(&self, _: usize, peer: SocketAddr, now: Now) -> Intake {
        Intake::new(door::Pipe::new(&self.0, peer, TlsUse::Off, now.monotonic))
    }
}

struct Forgetful;

impl Keeper for Forgetful {
    fn submit(&self, _: Vec<Record>, _: Vec<(ConnId, Job)>) -> u64 {
        1
    }

    fn flush(&self) {}
}

struct Told(Sender<String>);

impl Report for Told {
    fn notice(&self, notice: Notice<'_>) {
        let _ = self.0.send(format!("{notice:?}"));
    }
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket that can time out");
        Self(BufReader::new(stream))
    }

    fn user(address: SocketAddr, nick: &str) -> Self {
        let mut client = Self::connect(address);
        client.say(&format!("NICK {nick}\r\nUSER {nick} 0 * :x\r\nJOIN #room"));
        client.hear_until(" 366 ");
        client
    }

    fn say(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).expect("a peer that reads");
    }

    /// All lines to the first that has `part`; to the end, if none has.
    fn hear_until(&mut self, part: &str) -> String {
        let mut heard = String::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).expect("a line or the end") == 0 {
                return heard;
            }
            heard += &line;
            if line.contains(part) {
                return heard;
            }
        }
    }
}

/// Starts a server, lets `act` meet it, and stops it. Gives what was reported.
fn with_server(act: impl FnOnce(SocketAddr)) -> Vec<String> {
    let local = ([127, 0, 0, 1], 0).into();
    let listeners = StreamListener::bind_tcp_group(local, false, 1, &Trace::off()).expect("a port");
    let address = listeners[0].local_addr().expect("an address");
    let context =
        Context::new(Limits::default(), None, WebSettings::default(), Arc::new(String::new));
    let (notice, notices) = mpsc::channel();
    let settings = Settings { threads: Some(2), ..Settings::default() };
    let doors = Plain(Arc::new(context));
    let server = Server::new(listeners, settings, doors, Arc::new(Told(notice))).expect("a server");
    let handle = server.handle();
    let now = Now { monotonic: Duration::ZERO, wall: 1_767_225_600_000 };
    let mut config = Config { flood: None, ..Config::default() };
    // The keeper of this test answers nothing, so nothing is to be asked.
    config.history.on_join = 0;
    let hub = Hub::new(config, Saved::default(), 7, now);
    let machine = Brittle(Front::new(hub, "#lobby", true));
    let running = thread::spawn(move || server.run(machine, Arc::new(Forgetful)));
    act(address);
    handle.stop();
    handle.stop();
    running.join().expect("the server ends").expect("in order");
    notices.try_iter().collect()
}

#[test]
fn a_panic_in_the_middle_of_a_command_ends_one_connection_and_leaves_nothing_of_it() {
    for last in ["PRIVMSG #room :boom", "JOIN #boom", "QUIT :boom"] {
        let notices = with_server(|address| {
            let mut other = Client::user(address, "other");
            let mut unlucky = Client::user(address, "unlucky");
            other.hear_until("JOIN #room");
            unlucky.say(last);
            let end = unlucky.hear_until("internal error");
            assert!(end.ends_with("ERROR :Closing link: internal error\r\n"), "{end}");
            assert_eq!(unlucky.hear_until("nothing"), "");
            let heard = other.hear_until(" QUIT ");
            assert!(heard.contains(":unlucky!"), "{heard}");
            other.say("NAMES #room\r\nNAMES #boom\r\nPING end");
            let heard = other.hear_until("PONG");
            // Who panicked while leaving may be seen to leave twice, and is in no room.
            let names = heard.lines().filter(|line| line.contains(" 353 "));
            assert!(names.into_iter().all(|line| !line.contains("unlucky")), "{last}: {heard}");
            // The name is free, and the room as it was.
            let mut next = Client::user(address, "unlucky");
            other.hear_until("JOIN #room");
            next.say("PRIVMSG #room :still here");
            assert!(other.hear_until("still here").contains(":unlucky!"));
        });
        assert!(notices.iter().any(|notice| notice.starts_with("Panicked")), "{notices:?}");
    }
}

#[test]
fn a_panic_behind_the_plain_door_ends_one_guest() {
    with_server(|address| {
        let mut other = Client::user(address, "other");
        other.say("JOIN #lobby");
        other.hear_until(" 366 ");
        let mut guest = Client::connect(address);
        guest.say("hello");
        other.hear_until("hello");
        guest.say("boom");
        let end = guest.hear_until("internal error");
        assert!(end.ends_with("\n* the server closed the connection: internal error\n"), "{end}");
        assert_eq!(guest.hear_until("nothing"), "");
        let heard = other.hear_until(" QUIT ");
        assert!(heard.contains(":guest-"), "{heard}");
        let mut next = Client::connect(address);
        next.say("still here");
        other.hear_until("still here");
    });
}
