//! The door between addresses and a small hub, in simulated time.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const LOOPBACK: &str = "127.0.0.1:46734";
const OUTSIDE: &str = "192.0.2.1:46734";

/// What a hub would say to the door's connections, as far as these tests need it: everybody is in one room.
#[derive(Default)]
struct World {
    nicks: BTreeMap<ConnId, String>,
    next: u64,
    /// No connection is opened beyond so many.
    most: Option<usize>,
    to_door: Vec<(ConnId, String)>,
    closed_by_hub: Vec<ConnId>,
    closed_by_door: Vec<(ConnId, String)>,
    peers: Vec<Peer>,
    sent: Vec<(SocketAddr, Option<IpAddr>, String)>,
    heard: Vec<String>,
}

impl Outputs for World {
    fn datagram(&mut self, to: SocketAddr, from: Option<IpAddr>, datagram: &[u8]) {
        assert!(datagram.len() <= MAX_DATAGRAM && !datagram.is_empty());
        self.sent.push((to, from, String::from_utf8(datagram.to_vec()).unwrap()));
    }

    fn open(&mut self, peer: Peer) -> Option<ConnId> {
        if self.most.is_some_and(|most| self.nicks.len() >= most) {
            return None;
        }
        self.next += 1;
        self.peers.push(peer);
        self.nicks.insert(ConnId(self.next), String::new());
        Some(ConnId(self.next))
    }

    fn lines(&mut self, conn: ConnId, lines: &[u8]) {
        assert!(self.nicks.contains_key(&conn), "nothing is said for a connection that is closed");
        let lines = std::str::from_utf8(lines).unwrap();
        assert!(lines.ends_with("\r\n"));
        for line in lines.split_terminator("\r\n") {
            assert!(line.len() <= 510 && !line.contains(['\r', '\n', '\0']), "{line}");
            self.heard.push(line.to_owned());
            self.obey(conn, line);
        }
    }

    fn close(&mut self, conn: ConnId, reason: &str) {
        assert!(self.nicks.remove(&conn).is_some());
        self.closed_by_door.push((conn, reason.to_owned()));
    }
}

impl World {
    fn obey(&mut self, conn: ConnId, line: &str) {
        let message = callbox_irc::message::Message::parse(line).unwrap();
        let nick = self.nicks.get(&conn).cloned().unwrap_or_default();
        let source = format!(":{nick}!guest@host");
        let last = message.params.last().copied().unwrap_or_default();
        let mut tell = |line: String| self.to_door.push((conn, line));
        match message.command {
            "NICK" => {
                if !nick.is_empty() {
                    tell(format!("{source} NICK {last}"));
                }
                self.nicks.insert(conn, last.to_owned());
            }
            "CAP" if last == "END" => tell(format!(":hub 001 {nick} :Welcome")),
            "JOIN" => {
                tell(format!("{source} JOIN {last}"));
                tell(format!(":hub 353 {nick} = {last} :{nick}"));
                tell(format!(":hub 366 {nick} {last} :End"));
            }
            "NAMES" => {
                let names: Vec<_> = self.nicks.values().cloned().collect();
                self.to_door.push((conn, format!(":hub 353 {nick} = {last} :{}", names.join(" "))));
                self.to_door.push((conn, format!(":hub 366 {nick} {last} :End")));
            }
            "PRIVMSG" => {
                let line = format!("{source} {line}");
                self.to_door.extend(self.nicks.keys().map(|to| (*to, line.clone())));
            }
            "QUIT" => {
                tell("ERROR :Closing link".to_owned());
                self.nicks.remove(&conn);
                self.closed_by_hub.push(conn);
            }
            _ => {}
        }
    }
}

struct Scene {
    door: DatagramDoor,
    world: World,
    now: Duration,
}

impl Scene {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let door = DatagramDoor::new(settings, *b"sixteen bytes of");
        Self { door, world: World::default(), now: Duration::from_secs(1_000) }
    }

    fn now(&self) -> Now {
        Now { monotonic: self.now, wall: 0 }
    }

    fn wait(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while let Some(due) = self.door.poll_timeout().filter(|due| *due <= end) {
            self.now = due;
            self.door.handle_timeout(self.now(), &mut self.world);
            self.settle();
        }
        self.now = end;
    }

    /// Sends a datagram, lets the hub and the door talk, and gives what went to whom.
    fn send(&mut self, from: &str, datagram: impl AsRef<[u8]>) -> Vec<(String, String)> {
        self.send_to(None, from, datagram);
        self.take()
    }

    fn send_to(&mut self, local: Option<IpAddr>, from: &str, datagram: impl AsRef<[u8]>) {
        let (now, from) = (self.now(), from.parse().unwrap());
        self.door.handle_datagram(from, local, datagram.as_ref(), now, &mut self.world);
        self.settle();
    }

    /// Lets the hub and the door talk.
    fn settle(&mut self) {
        while !self.world.to_door.is_empty() {
            for (conn, line) in std::mem::take(&mut self.world.to_door) {
                self.door.hear(conn, line.as_bytes(), &mut self.world);
            }
        }
        for conn in std::mem::take(&mut self.world.closed_by_hub) {
            self.door.handle_close(conn);
        }
        assert!(self.door.guests.is_consistent());
    }

    fn take(&mut self) -> Vec<(String, String)> {
        let sent = std::mem::take(&mut self.world.sent);
        sent.into_iter().map(|(to, _, text)| (to.to_string(), text)).collect()
    }

    /// What came back to the sender, one datagram a string.
    fn ask(&mut self, from: &str, datagram: impl AsRef<[u8]>) -> Vec<String> {
        self.send(from, datagram)
            .into_iter()
            .filter(|(to, _)| to == from)
            .map(|(_, text)| text)
            .collect()
    }

    /// The number that an address outside is told.
    fn number(&mut self, from: &str) -> String {
        let told = self.ask(from, "hello").pop().unwrap();
        told["say ".len()..].chars().take(6).collect()
    }
}

#[test]
fn each_line_of_a_program_that_sends_and_receives_in_turn_is_answered_once() {
    let mut scene = Scene::new();
    assert_eq!(
        scene.ask(LOOPBACK, "hello"),
        ["* you are guest-46734 in #lobby; /help tells more\nguest-46734: hello"]
    );
    assert_eq!(scene.ask(LOOPBACK, "again"), ["guest-46734: again"]);
    assert_eq!(scene.ask(LOOPBACK, "/nick sally"), ["* you are sally now"]);
    assert_eq!(scene.ask(LOOPBACK, "/nick sally"), ["* you are sally already"]);
    assert_eq!(scene.ask(LOOPBACK, "/me waves"), ["* sally waves"]);
    for empty in ["", "\r\n", "\u{7}"] {
        let told = scene.ask(LOOPBACK, empty);
        assert!(told.len() == 1 && told[0].starts_with("* that was empty: nothing was said"));
    }
    scene.wait(10);
    assert_eq!(scene.ask(LOOPBACK, "/names"), ["* here: sally"]);
    assert_eq!(
        scene.ask(LOOPBACK, "/what"),
        ["* there is no /what: nothing was said; /help lists what there is, and //TEXT says /TEXT"]
    );
    let help = scene.ask(LOOPBACK, "/help");
    assert!(help.len() == 1 && help[0].lines().count() > 5, "{help:?}");
    assert_eq!(scene.ask(LOOPBACK, "/quit"), ["* you left"]);
    assert_eq!(scene.door.guests(), 0);
    assert_eq!(scene.world.peers[0].door, Door::Datagram);
}

#[test]
fn what_one_says_comes_to_the_others_from_the_address_that_they_wrote_to() {
    let mut scene = Scene::new();
    let home = Some("127.0.0.9".parse().unwrap());
    scene.send_to(home, "[::ffff:127.0.0.1]:1002", "hi");
    scene.take();
    scene.send_to(None, "127.0.0.1:1001", "hello");
    let heard = ("127.0.0.1:1002".parse().unwrap(), home, "guest-1001: hello".to_owned());
    assert!(scene.world.sent.contains(&heard), "{:?}", scene.world.sent);
}

#[test]
fn a_datagram_of_several_lines_is_several_lines() {
    let mut scene = Scene::new();
    scene.send(LOOPBACK, "first");
    scene.world.heard.clear();
    scene.send(LOOPBACK, "one\r\n\ntwo\nthree");
    assert_eq!(
        scene.world.heard,
        ["PRIVMSG #lobby :one", "PRIVMSG #lobby :two", "PRIVMSG #lobby :three"]
    );
}

#[test]
fn who_ends_lines_is_sent_ended_lines() {
    let mut scene = Scene::new();
    scene.send(LOOPBACK, "hello\n");
    assert_eq!(scene.ask(LOOPBACK, "hello\n"), ["guest-46734: hello\n"]);
    assert_eq!(scene.ask(LOOPBACK, "hello"), ["guest-46734: hello"]);
    assert!(scene.ask(OUTSIDE, "hello\n")[0].ends_with(" to come in\n"));
}

#[test]
fn a_guest_is_told_what_the_server_itself_has_to_say() {
    let mut scene = Scene::new();
    scene.send(LOOPBACK, "hello\n");
    scene.world.sent.clear();
    scene.door.tell(ConnId(1), "* not kept\n", &mut scene.world);
    scene.door.tell(ConnId(2), "* not kept\n", &mut scene.world);
    assert_eq!(scene.world.sent, [(LOOPBACK.parse().unwrap(), None, "* not kept\n".to_owned())]);
}

#[test]
fn who_sends_nothing_comes_in_without_a_word() {
    let mut scene = Scene::new();
    assert_eq!(scene.send("127.0.0.1:0", "hello"), [], "nobody can be answered there");
    assert!(scene.ask(OUTSIDE, "")[0].starts_with("say "));
    assert_eq!(scene.door.guests(), 0);
    assert_eq!(scene.ask(LOOPBACK, ""), ["* you are guest-46734 in #lobby; /help tells more"]);
    assert!(!scene.world.heard.iter().any(|line| line.starts_with("PRIVMSG")));
}

#[test]
fn from_outside_a_guest_comes_in_by_the_number_alone() {
    let mut scene = Scene::new();
    let number = scene.number(OUTSIDE);
    assert_eq!(scene.door.guests(), 0);
    assert_eq!(scene.ask(OUTSIDE, &number), ["* you are guest-46734 in #lobby; /help tells more"]);
    assert_eq!(scene.ask(OUTSIDE, &number), [""; 0], "the same datagram, come twice");
    assert_eq!(scene.ask(OUTSIDE, "hello"), ["guest-46734: hello"]);
    assert!(!scene.world.heard.iter().any(|line| line.contains(&number)), "it is not said");
}

#[test]
fn a_forged_sender_does_not_come_in_and_nothing_is_kept_of_it() {
    let mut scene = Scene::new();
    let number = scene.number(OUTSIDE);
    for other in ["192.0.2.1:46735", "192.0.2.2:46734", "[2001:db8::1]:46734"] {
        let told = scene.ask(other, &number);
        assert!(told[0].starts_with("say "), "{told:?}");
    }
    assert_eq!(scene.door.guests(), 0);
    assert!(scene.world.peers.is_empty() && scene.door.poll_timeout().is_none());
}

#[test]
fn a_number_expires() {
    let mut scene = Scene::new();
    let number = scene.number(OUTSIDE);
    scene.wait(121);
    assert!(scene.ask(OUTSIDE, &number)[0].starts_with("say "));
    assert_eq!(scene.door.guests(), 0);
}

#[test]
fn a_forged_sender_is_not_flooded() {
    let mut scene = Scene::new();
    let mut answers = 0;
    for _ in 0..100 {
        for _ in 0..10 {
            answers += scene.send(OUTSIDE, "x").len();
        }
        scene.wait(1);
    }
    assert!((50..=56).contains(&answers), "{answers} answers in 100 seconds");
    let mut scene = Scene::new();
    let everywhere = (0..20_000_u32).map(|n| format!("10.{}.{}.9:5000", n / 256, n % 256));
    let answers: usize = everywhere.map(|from| scene.send(&from, "x").len()).sum();
    assert!(answers <= 500, "{answers} answers at once to all");
}

#[test]
fn guesses_are_limited_even_if_one_is_right() {
    let mut scene = Scene::new();
    let number = scene.number(OUTSIDE);
    let wrong = if number == "000000" { "000001" } else { "000000" };
    scene.wait(20);
    for _ in 0..5 {
        scene.send(OUTSIDE, wrong);
    }
    scene.wait(5);
    assert_eq!(scene.ask(OUTSIDE, &number), ["wait a minute"]);
    assert_eq!(scene.door.guests(), 0);
    scene.wait(12);
    assert!(scene.ask(OUTSIDE, &number)[0].starts_with("* you are"));
}

#[test]
fn a_challenge_is_not_answered_with_a_challenge() {
    let mut scene = Scene::new();
    assert_eq!(scene.send(OUTSIDE, "say 471103 to come in"), []);
    assert_eq!(scene.send(OUTSIDE, "SAY 471103 TO COME IN\r\n"), []);
    assert_eq!(scene.send("192.0.2.1:7", "hello"), [], "a service that answers anything");
}

#[test]
fn a_guest_silent_for_ten_minutes_leaves_and_is_told() {
    let mut scene = Scene::new();
    scene.send(LOOPBACK, "hello");
    scene.wait(599);
    scene.send(LOOPBACK, "still here");
    scene.wait(599);
    assert_eq!(scene.door.guests(), 1);
    scene.wait(1);
    assert_eq!(scene.door.guests(), 0);
    assert_eq!(scene.world.closed_by_door, [(ConnId(1), "silent for 10 minutes".to_owned())]);
    let told = "* you were silent for 10 minutes and left; say something to come back";
    assert_eq!(scene.take(), [(LOOPBACK.to_owned(), told.to_owned())]);
    assert!(scene.ask(LOOPBACK, "back")[0].ends_with("\nguest-46734: back"));
}

#[test]
fn lines_that_come_too_fast_are_said_later_in_their_order() {
    let mut scene = Scene::new();
    for _ in 0..10 {
        assert_eq!(scene.ask(LOOPBACK, "hello").len(), 1);
    }
    scene.send(LOOPBACK, "one");
    scene.send(LOOPBACK, "two\nthree");
    assert_eq!(scene.take(), []);
    let mut said = Vec::new();
    for moment in [249, 250, 251, 500, 750, 2_000] {
        scene.now = Duration::from_millis(1_000_000 + moment);
        scene.wait(0);
        said.push(scene.take().len());
    }
    assert_eq!(said, [0, 1, 0, 1, 1, 0], "four a second");
    let heard = &scene.world.heard[scene.world.heard.len() - 3..];
    let texts = ["PRIVMSG #lobby :one", "PRIVMSG #lobby :two", "PRIVMSG #lobby :three"];
    assert_eq!(heard, texts);
}

#[test]
fn a_program_that_sends_and_receives_in_turn_is_slowed_and_loses_nothing() {
    let mut scene = Scene::new();
    scene.ask(LOOPBACK, "hello");
    for number in 0..100 {
        let text = "x".repeat(if number % 10 == 0 { 3_000 } else { 10 });
        let mut answer = scene.ask(LOOPBACK, format!("{number} {text}"));
        while answer.is_empty() {
            let due = scene.door.poll_timeout().expect("an answer is to come");
            assert!(due - scene.now <= Duration::from_secs(3));
            scene.now = due;
            scene.wait(0);
            answer = scene.take().into_iter().map(|(_, text)| text).collect();
        }
        assert!(answer[0].starts_with(&format!("guest-46734: {number} ")), "{answer:?}");
    }
}

#[test]
fn what_is_more_than_can_wait_is_dropped_and_that_is_told_once() {
    let mut scene = Scene::new();
    for _ in 0..10 + 32 {
        scene.send(LOOPBACK, "hello");
    }
    assert_eq!(
        scene.ask(LOOPBACK, "too \x1bsoon"),
        ["* slower, please: too \\x1bsoon was not said"]
    );
    assert_eq!(scene.ask(LOOPBACK, "too soon"), [""; 0]);
    scene.wait(1);
    scene.take();
    for _ in 0..4 {
        scene.send(LOOPBACK, "hello");
    }
    let long = "é".repeat(40);
    assert_eq!(
        scene.ask(LOOPBACK, &long),
        [format!("* slower, please: {}… was not said", "é".repeat(20))]
    );
    assert_eq!(scene.ask("127.0.0.1:1", "hello").len(), 1, "another guest is not concerned");
}

#[test]
fn a_datagram_of_many_lines_is_cut_and_that_is_told() {
    let lines = Rate::per_second(1_000, 1_000);
    let mut scene = Scene::with(Settings { lines, ..Settings::default() });
    scene.send(LOOPBACK, "hello");
    let back = scene.ask(LOOPBACK, "x\n".repeat(5_000));
    assert_eq!(back.iter().filter(|text| *text == "guest-46734: x\n").count(), MAX_LINES);
    assert_eq!(back[0], "* slower, please: x was not said\n");
    assert_eq!(back.len(), MAX_LINES + 1);
}

#[test]
fn a_long_line_costs_as_much_as_the_messages_it_becomes() {
    let mut scene = Scene::new();
    let line = "x".repeat(3_000);
    assert!(scene.ask(LOOPBACK, &line).len() > 1);
    for _ in 0..5 {
        assert_eq!(scene.ask(LOOPBACK, &line), [""; 0], "it waits");
    }
    assert!(scene.ask(LOOPBACK, &line)[0].starts_with("* slower, please: xxx"), "by its bytes");
    let line = "x".repeat(60_000);
    scene.wait(60);
    scene.take();
    assert_eq!(scene.ask(LOOPBACK, &line), ["* that is too long to say: 4096 bytes at most"]);
}

#[test]
fn there_are_no_more_guests_than_the_settings_allow() {
    let mut scene =
        Scene::with(Settings { guests: 5, guests_of_address: 2, ..Settings::default() });
    let mut come = |from: &str| {
        let number = scene.number(from);
        let answer = scene.ask(from, &number).pop().unwrap();
        scene.wait(30);
        answer.starts_with("* you are")
    };
    assert!(come("192.0.2.1:5001") && come("192.0.2.1:5002") && !come("192.0.2.1:5003"));
    assert!(
        come("[2001:db8::1]:5001") && come("[2001:db8::2]:5002") && !come("[2001:db8::3]:5003")
    );
    assert!(come("192.0.2.2:5001") && !come("192.0.2.3:5001"));
    let told = "* there are too many guests; come back later\n";
    assert_eq!(scene.ask(LOOPBACK, "hello\n"), [told]);
    let mut scene = Scene::new();
    scene.world.most = Some(0);
    assert_eq!(scene.ask(LOOPBACK, "hello\n"), [told], "the server may have no room either");
    for _ in 0..10 {
        scene.send(LOOPBACK, "hello");
    }
    assert_eq!(scene.send(LOOPBACK, "hello"), [], "it is told a few times");
}

#[test]
fn lines_for_connections_that_are_gone_are_nothing() {
    let mut scene = Scene::new();
    scene.send(LOOPBACK, "hello");
    scene.door.handle_close(ConnId(1));
    scene.door.handle_close(ConnId(1));
    scene.door.hear(ConnId(1), b"PING :x", &mut scene.world);
    assert_eq!((scene.take(), scene.door.guests()), (vec![], 0));
}

#[test]
fn long_text_goes_in_several_datagrams_split_at_lines_or_characters() {
    let pieces = |text: &str| datagrams(text).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(pieces(""), [""; 0]);
    assert_eq!(pieces("a\nb\n"), ["a\nb"]);
    let line = "x".repeat(700);
    assert_eq!(
        pieces(&format!("{line}\n{line}\nshort\n")),
        [line.clone(), format!("{line}\nshort")]
    );
    let whole = "x".repeat(1_199);
    assert_eq!(pieces(&format!("{whole}\n{whole}\n")), [whole.clone(), whole]);
    let long = "张".repeat(500);
    let parts = pieces(&format!("{long}\n"));
    assert_eq!(parts.concat(), long);
    assert!(parts.iter().all(|part| part.len() < MAX_DATAGRAM));
}

proptest! {
    #[test]
    fn all_text_goes_out_in_datagrams_that_fit(lines in proptest::collection::vec("\\PC{1,900}", 0..6)) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let pieces: Vec<_> = datagrams(&text).collect();
        prop_assert!(pieces.iter().all(|piece| !piece.is_empty() && piece.len() < MAX_DATAGRAM));
        prop_assert_eq!(pieces.concat().replace('\n', ""), text.replace('\n', ""));
    }

    /// The world asserts of every line for the hub that it is one, and of every datagram that it fits.
    #[test]
    fn no_datagrams_in_any_order_upset_the_door(
        steps in proptest::collection::vec(
            (0_usize..6, 0_u64..200, prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..600),
                "(/(nick|msg|me|names|help|quit) ?)?\\PC{0,90}\n?".prop_map(String::into_bytes),
            ], any::<bool>()),
            1..60,
        ),
    ) {
        let peers = ["127.0.0.1:1", "127.0.0.1:2", "192.0.2.1:5000", "192.0.2.1:5001",
            "[2001:db8::1]:5000", "[::1]:9"];
        let mut scene = Scene::with(Settings { guests: 3, ..Settings::default() });
        for (peer, pause, datagram, comes_in) in steps {
            scene.wait(pause);
            let from = peers[peer];
            let back = scene.send(from, &datagram);
            if comes_in && let Some((_, told)) = back.first() && let Some(told) = told.strip_prefix("say ") {
                let number = told.as_bytes()[..6].to_vec();
                scene.send(from, number);
            }
            prop_assert!(scene.door.guests() <= 3);
            prop_assert_eq!(scene.door.guests(), scene.world.nicks.len());
        }
    }
}
