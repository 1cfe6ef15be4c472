//! A session that a server of a few lines has let into `#room`, and a past of any length for it.

use std::time::Duration;

use callbox_session::Session;
use callbox_session::config::Config;
use callbox_session::contract::{Action, Event, Millis, Now, Status};
use callbox_session::room::{Room, RoomId};

/// When the past begins: 2026-01-01T00:00:00Z.
const START: Millis = 1_767_225_600_000;

/// A session and what it is told.
pub struct Served {
    pub session: Session,
    now: Now,
    /// What the session asked for and has no answer to.
    asked: Vec<String>,
}

impl Served {
    /// A session in `#room`.
    pub fn new(config: Config) -> Self {
        let wall = START + 1_000_000_000;
        let now = Now { monotonic: Duration::from_secs(1000), wall };
        let join = vec![("#room".to_owned(), None)];
        let session = Session::new(Config { nick: "me".into(), join, ..config }, now);
        let mut served = Self { session, now, asked: Vec::new() };
        served.connect();
        served
    }

    /// The connection is there, and the server lets us in.
    pub fn connect(&mut self) {
        self.session.connect_now(self.now);
        self.session.handle_connected(true, self.now);
        self.feed(
            ":irc.test CAP * LS :batch message-tags server-time draft/chathistory echo-message account-tag",
        );
        self.feed(
            ":irc.test CAP * ACK :batch message-tags server-time draft/chathistory echo-message account-tag",
        );
        self.feed(":irc.test 001 me :Welcome");
        self.feed(":irc.test 004 me irc.test callbox-0 i n");
        self.feed(
            ":irc.test 005 me CHATHISTORY=1000 CASEMAPPING=ascii :are supported by this server",
        );
        self.feed(":irc.test 422 me :No message");
        let time = callbox_irc::stamp::text(self.now.wall);
        self.feed(&format!("@time={time} :me!me@home.test JOIN #room"));
        assert_eq!(*self.session.status(), Status::Online);
    }

    pub fn lose(&mut self) {
        self.session.handle_disconnected("the network is down", self.now);
        self.asked.clear();
    }

    /// A line from the server.
    pub fn feed(&mut self, line: &str) {
        self.session.handle_line(line.as_bytes(), self.now);
        self.drain();
    }

    /// What the session asks for since this was last asked.
    pub fn asked(&mut self) -> Vec<String> {
        std::mem::take(&mut self.asked)
    }

    /// Time passes.
    pub fn pass(&mut self, time: Duration) {
        self.now.monotonic += time;
        self.now.wall += time.as_millis() as u64;
        self.session.handle_timeout(self.now);
        self.drain();
    }

    pub fn now(&self) -> Now {
        self.now
    }

    pub fn room(&self) -> &Room {
        self.session.room_named("#room").expect("the room")
    }

    pub fn id(&self) -> RoomId {
        self.room().id
    }

    /// The bytes of all lines of all rooms.
    pub fn bytes(&self) -> usize {
        self.session.rooms().iter().map(|room| room.timeline.bytes()).sum()
    }

    pub fn drain(&mut self) {
        while let Some(action) = self.session.poll_action() {
            if let Action::Send(bytes) = action {
                let text = String::from_utf8(bytes).expect("text");
                let asked = text.lines().filter(|line| line.contains("CHATHISTORY"));
                self.asked.extend(asked.map(str::to_owned));
            }
        }
        while let Some(event) = self.session.poll_event() {
            assert!(!matches!(event, Event::Undelivered { .. }));
        }
    }
}

/// The `number`th line of the past, as one of a page.
pub fn line(number: u64) -> String {
    let time = callbox_irc::stamp::text(START + number * 7_000);
    let who = number % 211;
    format!(
        "@batch=b;time={time};msgid={number:013x}-{who:06x};account=nick{who} \
         :nick{who}!user@{who:x}.example.net PRIVMSG #room \
         :line {number:06} of about sixty-four bytes, as people in rooms say."
    )
}

/// Where the `number`th line stands in requests.
pub fn msgid(number: u64) -> String {
    format!("{number:013x}-{:06x}", number % 211)
}
