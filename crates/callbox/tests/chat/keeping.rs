//! What is kept: history over restarts, written out, and whatever was acknowledged over `kill -9`.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use callbox_testkit::{Finished, Signal};

use crate::{Folder, Irc, chat, start_in};

/// How often the server is killed. Each life takes part of a second, and most of that is its start.
const KILLS: usize = 100;

/// Lines on the way to the server at a time: it has something to lose whenever it is killed.
const WINDOW: usize = 16;

/// The most lines that are acknowledged in one life before it is ended.
const LIFE: u64 = 40;

fn export(data: &Path, room: &str, args: &[&str]) -> Finished {
    let program = chat().args(["history", "export", room, "--data"]).arg(data);
    program.args(args).run()
}

/// A client with everything that history needs.
fn historian(address: SocketAddr, nick: &str) -> Irc {
    let capabilities =
        "batch draft/chathistory server-time message-tags echo-message labeled-response";
    Irc::register_with(address, nick, capabilities)
}

#[test]
fn history_survives_a_restart() {
    let folder = Folder::new();
    let (server, address) = start_in(folder.path(), &[]);
    let mut alice = historian(address, "alice");
    alice.join("#lobby");
    for text in ["first", "第二", "third"] {
        alice.say(text);
    }
    // The echo is the receipt.
    alice.expect_end_of_line(":third");
    server.signal(Signal::TERM);
    server.wait().expect_code(0);
    alice.expect_end();
    let (_server, address) = start_in(folder.path(), &[]);
    let mut bob = historian(address, "bob");
    bob.join("#lobby");
    bob.send("CHATHISTORY LATEST #lobby * 10");
    bob.expect(" BATCH +");
    for text in ["first", "第二", "third"] {
        let line = bob.expect_end_of_line(&format!(" PRIVMSG #lobby :{text}"));
        assert!(line.contains(";time=") || line.contains("@time="), "{line}");
        assert!(line.contains("msgid=") && line.contains(":alice!"), "{line}");
    }
    bob.expect(" BATCH -");
    // A client that cannot ask is shown the past on joining.
    let mut plain = Irc::connect(address);
    plain.send_bytes("hello\n");
    plain.expect("alice: first");
    plain.expect("alice: 第二");
}

#[test]
fn a_claimed_room_survives_a_restart_with_its_topic_modes_lists_and_founder() {
    let folder = Folder::new();
    let (server, address) = start_in(folder.path(), &[]);
    let mut alice = Irc::register_with(address, "alice", "draft/account-registration");
    alice.send("REGISTER * * :correct horse battery");
    alice.expect("REGISTER SUCCESS alice ");
    alice.join("#Tea");
    for line in [
        "PRIVMSG ChanServ :REGISTER #tea",
        "TOPIC #tea :绿茶 only",
        "MODE #tea +ml-n+be 9 eve!*@* ~a:eve",
        "PRIVMSG ChanServ :INFO #tea",
    ] {
        alice.send(line);
    }
    alice.expect(":#Tea belongs to alice");
    server.signal(Signal::TERM);
    server.wait().expect_code(0);

    let (_server, address) = start_in(folder.path(), &[]);
    let mut bob = Irc::register(address, "bob");
    bob.send("JOIN #tea");
    bob.expect_end_of_line(" 332 bob #Tea :绿茶 only");
    bob.expect(" 333 bob #Tea alice!");
    bob.expect_end_of_line(" 353 bob = #Tea :bob");
    bob.send("MODE #tea");
    bob.expect_end_of_line(" 324 bob #Tea +mrtl 9");
    bob.send("MODE #tea b");
    bob.expect(" 367 bob #Tea eve!*@* alice!");
    let mut eve = Irc::register(address, "eve");
    eve.send("JOIN #tea");
    eve.expect(" 474 eve #Tea ");

    let mut alice = Irc::connect(address);
    alice.send("CAP REQ :sasl\r\nNICK alice\r\nUSER alice 0 * :alice\r\nAUTHENTICATE PLAIN");
    alice.expect("AUTHENTICATE +");
    alice.send("AUTHENTICATE AGFsaWNlAGNvcnJlY3QgaG9yc2UgYmF0dGVyeQ==");
    alice.expect(" 903 ");
    alice.send("CAP END\r\nJOIN #tea\r\nMODE #tea +e");
    alice.expect_end_of_line(" 353 alice = #Tea :bob @alice");
    alice.expect(" 348 alice #Tea ~a:eve ");
    bob.expect_end_of_line(" MODE #Tea +o alice");
}

#[test]
fn a_room_is_written_out_as_text_and_as_json_lines() {
    let folder = Folder::new();
    let (server, address) = start_in(folder.path(), &[]);
    let mut alice = historian(address, "alice");
    alice.join("#Garden");
    alice.send("PRIVMSG #garden :hello, \"world\" \\ 你好");
    alice.send("PRIVMSG #garden :\u{1}ACTION waves\u{1}");
    alice.send("TOPIC #garden :roses");
    alice.expect(" TOPIC ");
    // While the server runs, and afterwards.
    let running = export(folder.path(), "#GARDEN", &[]);
    server.signal(Signal::TERM);
    server.wait().expect_code(0);
    let text = export(folder.path(), "#garden", &[]);
    text.expect_code(0).stdout_contains("Z <alice> hello, \"world\" \\ 你好\n");
    text.stdout_contains("Z * alice waves\n").stdout_contains("roses");
    running.expect_code(0).stdout_contains("<alice> hello");
    let json = export(folder.path(), "#garden", &["--format", "json"]);
    json.expect_code(0);
    let script = "
import json, sys
events = [json.loads(line) for line in sys.stdin]
said = [event for event in events if event['command'] == 'PRIVMSG']
assert said[0]['text'] == 'hello, \"world\" \\\\ 你好', said
assert said[0]['source'].startswith('alice!') and said[0]['msgid'] and said[0]['time'].endswith('Z')
assert len({event['msgid'] for event in events}) == len(events)
assert sorted(event['time'] for event in events) == [event['time'] for event in events]
";
    // The server's end is everybody's.
    text.stdout_contains("Z alice QUIT :the server stops\n");
    let check = callbox_testkit::python(script).env("PYTHONUTF8", "1");
    check.run_with_input(&json.stdout).expect_code(0);
    export(folder.path(), "#nowhere", &[]).expect_code(2).stdout_is("");
}

#[test]
fn a_server_that_keeps_nothing_leaves_nothing() {
    let folder = Folder::new();
    let program = chat().args(["server", "-p", "0", "--ephemeral"]);
    let (server, address) = crate::ready(program.env("XDG_DATA_HOME", folder.path()));
    let mut alice = Irc::in_lobby(address, "alice");
    alice.say("nobody will know");
    alice.so_far();
    server.signal(Signal::TERM);
    server.wait().expect_code(0);
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);
}

/// Numbered lines of one talker, and which of them came back.
struct Talker {
    next: u64,
    acknowledged: Vec<u64>,
}

impl Talker {
    /// Talks as fast as it may until `enough` echoes came, then has the server killed, and reads what was on its way.
    fn talk(&mut self, address: SocketAddr, enough: u64, kill: impl FnOnce()) {
        let mut irc = historian(address, "talker");
        irc.join("#lobby");
        for _ in 0..WINDOW {
            self.say(&mut irc);
        }
        let mut kill = Some(kill);
        let mut heard = 0;
        while let Some(line) = irc.line() {
            let Some((head, number)) = line.rsplit_once(" PRIVMSG #lobby :line ") else { continue };
            assert!(head.contains(&format!("label={number}")), "{line}");
            self.acknowledged.push(number.parse().expect("a number of ours"));
            heard += 1;
            if heard < enough {
                self.say(&mut irc);
            } else if let Some(kill) = kill.take() {
                // More is under way at this moment than the window holds.
                (0..WINDOW).for_each(|_| self.say(&mut irc));
                kill();
            }
        }
        assert!(kill.is_none(), "the server ended by itself after {heard} echoes");
    }

    fn say(&mut self, irc: &mut Irc) {
        let number = self.next;
        self.next += 1;
        irc.send(&format!("@label={number} PRIVMSG #lobby :line {number}"));
    }
}

/// Numbers that differ from run to run and look like chance (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[test]
fn a_hundred_kills_lose_nothing_that_was_acknowledged() {
    let folder = Folder::new();
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_nanos() as u64;
    eprintln!("seed {seed}");
    let mut dice = Dice(seed);
    let mut talker = Talker { next: 0, acknowledged: Vec::new() };
    for _ in 0..KILLS {
        let (server, address) = start_in(folder.path(), &["--no-flood-control"]);
        talker.talk(address, 1 + dice.below(LIFE), || server.signal(Signal::KILL));
        server.wait().expect_signal(Signal::KILL);
    }
    let exported = export(folder.path(), "#lobby", &[]);
    let text = exported.expect_code(0).stdout_text();
    let kept: Vec<u64> =
        text.lines().filter_map(|line| line.split_once("<talker> line ")?.1.parse().ok()).collect();
    assert!(kept.is_sorted_by(|before, after| before < after), "twice, or out of order: {kept:?}");
    let missing: Vec<_> =
        talker.acknowledged.iter().filter(|number| kept.binary_search(number).is_err()).collect();
    assert!(missing.is_empty(), "acknowledged and lost: {missing:?}");
    assert!(talker.acknowledged.len() >= KILLS);
    assert!(talker.acknowledged.is_sorted_by(|before, after| before < after));
}
