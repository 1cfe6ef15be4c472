//! Without a terminal: each line that is read is said, each that is heard is printed.

use std::io::{self, BufRead, BufReader};
use std::process::Stdio;

use callbox_testkit::{Folder, Running, Signal};

use crate::peer::Peer;
use crate::{chat, client, server};

#[test]
fn each_line_that_is_read_is_said_and_each_that_is_heard_is_printed() {
    let home = Folder::new("tool");
    let (_server, address) = server(&home, &["--ephemeral"]);
    let mut bob = Peer::joins(address, "bob", "#dev");
    let mut tool = client(&home, address).args(["--name", "ci", "--join", "#dev"]).spawn();
    tool.write("one\n\n  two\r\nthree 你好");
    assert!(bob.hears("PRIVMSG").ends_with(" #dev :one"));
    assert!(bob.hears("PRIVMSG").ends_with(" #dev :  two"));
    bob.send("PRIVMSG #dev :hello\r\nNOTICE #dev :psst\r\nPRIVMSG #dev :\x01ACTION waves\x01");
    bob.send("TOPIC #dev :work\r\nPRIVMSG ci :to you alone\r\nPART #dev :bye");
    let heard = tool.wait_for_stdout_lines(6);
    let heard: Vec<_> = heard.iter().map(String::as_str).collect();
    let expected = [
        "#dev <bob> hello",
        "#dev -bob- psst",
        "#dev * bob waves",
        "#dev bob has set the topic: work",
        "bob <bob> to you alone",
        "#dev bob has left (bye)",
    ];
    assert_eq!(heard, expected);
    tool.signal(Signal::TERM);
    tool.wait().expect_code(130).stderr_is("In callbox as ci\n");
}

#[test]
fn a_last_line_without_its_end_is_said_too() {
    let home = Folder::new("tool");
    let (_server, address) = server(&home, &["--ephemeral"]);
    let mut bob = Peer::joins(address, "bob", "#lobby");
    let once = client(&home, address).args(["--name", "ci", "--once"]);
    once.run_with_input("one\ntwo").expect_code(0).stdout_is("");
    assert_eq!(bob.hears_said_until_gone("ci"), ["one", "two"]);
}

#[test]
fn json_is_one_valid_object_a_line_whatever_a_peer_sends() {
    let home = Folder::new("tool");
    let (_server, address) = server(&home, &["--ephemeral"]);
    let mut bob = Peer::joins(address, "b\\[`{|}", "#dev");
    let mut log = log(&home, address, &[]);
    for text in ["\x1b[2J\x1b]0;x\x07", "\u{202e}drawkcab\u{2066}", "a\u{2028}b\u{85}c", "\"\\\""] {
        bob.send(&format!("PRIVMSG #dev :{text}"));
    }
    bob.send("PART #dev :\u{9b}31m\x08");
    let lines = log.wait_for_stdout_lines(5);
    let texts = [
        r#""\u001b[2J\u001b]0;x\u0007""#,
        r#""\u202edrawkcab\u2066""#,
        r#""a\u2028b\u0085c""#,
        r#""\"\\\"""#,
        r#""\u009b31m\u0008""#,
    ];
    for (line, text) in lines.iter().zip(texts) {
        assert!(line.starts_with(r#"{"time":"20"#) && line.ends_with('}'), "{line}");
        assert!(line.contains(r##""room":"#dev","##), "{line}");
        assert!(line.contains(r#""from":"b\\[`{|}","#), "{line}");
        assert!(line.contains(&format!(r#""text":{text},"#)), "{line} is without {text}");
    }
    assert!(lines[4].contains(r#""kind":"left""#), "{lines:?}");
}

#[test]
fn text_that_drives_terminals_is_printed_as_letters() {
    let home = Folder::new("tool");
    let (_server, address) = server(&home, &["--ephemeral"]);
    let mut bob = Peer::joins(address, "bob", "#lobby");
    let mut tool = client(&home, address).args(["--name", "ci", "-q"]).spawn();
    bob.hears(":ci!");
    bob.send("PRIVMSG #lobby :\x1b[2J\u{202e}");
    assert_eq!(tool.wait_for_stdout_lines(1), ["#lobby <bob> \\x1b[2J\\u{202e}"]);
    tool.signal(Signal::TERM);
    tool.wait().expect_code(130).stderr_is("");
}

#[test]
fn with_json_a_receipt_can_be_read() {
    let home = Folder::new("tool");
    let (_server, address) = server(&home, &["--ephemeral"]);
    let once = ["--name", "ci", "--join", "#dev", "--once", "--json"];
    let finished = client(&home, address).args(once).run_with_input("build 41 passed\n");
    finished.expect_code(0);
    let said = finished.stdout_text();
    let said = said.lines().nth(1).expect("the second line");
    assert!(said.contains(r#""kind":"said","from":"ci","text":"build 41 passed","msgid":""#));
    assert!(said.ends_with(r#""own":true}"#), "{said}");
}

#[test]
fn a_large_input_is_there_once_and_in_order() {
    let home = Folder::new("tool");
    let (_server, address) = server(&home, &["--ephemeral", "--no-flood-control"]);
    let mut bob = Peer::joins(address, "bob", "#dev");
    let input: Vec<String> = (1..=5000).map(|number| number.to_string()).collect();
    let ci = client(&home, address).args(["--name", "ci", "--join", "#dev", "--once"]);
    let mut ci = ci.spawn();
    ci.write(format!("{}\n", input.join("\n")));
    ci.close_stdin();
    assert_eq!(bob.hears_said_until_gone("ci"), input);
    ci.wait().expect_code(0);
}

#[test]
fn flood_control_delays_and_loses_nothing() {
    let home = Folder::new("tool");
    let delayed = |lines: u32, time: &str| {
        let (_server, address) = server(&home, &["--ephemeral"]);
        let mut bob = Peer::joins(address, "bob", "#dev");
        let input: Vec<String> = (1..=lines).map(|number| number.to_string()).collect();
        let ci = client(&home, address).args(["--name", "ci", "--join", "#dev", "--once"]);
        let finished = ci.args(["--receipt-timeout", time]).run_with_input(input.join("\n"));
        if finished.code == Some(0) {
            assert_eq!(bob.hears_said_until_gone("ci"), input);
        }
        finished
    };
    // Each line has its receipt in time; all of them together take longer.
    if delayed(25, "2s").code != Some(0) {
        // A machine may stand still for that long.
        delayed(75, "10s").expect_code(0);
    }
}

#[test]
fn bytes_that_are_no_text_and_long_lines_arrive() {
    let home = Folder::new("tool");
    let (_server, address) = server(&home, &["--ephemeral", "--no-flood-control"]);
    let mut bob = Peer::joins(address, "bob", "#lobby");
    let long = "你好, 再见 ".repeat(150);
    let input = [b"a\xff\xfeb\n", long.as_bytes(), b"\n"].concat();
    let once = client(&home, address).args(["--name", "ci", "--once"]);
    once.run_with_input(input).expect_code(0);
    let said = bob.hears_said_until_gone("ci");
    assert_eq!(said[0], "a\u{fffd}\u{fffd}b");
    assert!(said.len() > 4, "{said:?}");
    // Where a line was split a space may have gone, and nothing else.
    let bare = |text: &str| text.replace(' ', "");
    assert_eq!(bare(&said[1..].concat()), bare(&long));
}

#[test]
fn a_line_that_is_too_long_to_take_is_refused_with_what_may_be() {
    let home = Folder::new("tool");
    let (_server, address) = server(&home, &["--ephemeral"]);
    let finished =
        client(&home, address).args(["--name", "ci"]).run_with_input(vec![b'x'; (1 << 20) + 1]);
    finished.expect_code(2).stderr_contains("a line of the input is longer than 1048576 bytes");
}

#[test]
fn more_than_may_wait_at_a_time_waits_for_its_turn() {
    let home = Folder::new("tool");
    let (_server, address) = server(&home, &["--ephemeral", "--no-flood-control"]);
    let mut bob = Peer::joins(address, "bob", "#dev");
    // Each line becomes hundreds of messages.
    let input = ["a", "b", "c"].map(|letter| letter.repeat(150_000));
    let ci = client(&home, address).args(["--name", "ci", "--join", "#dev", "--once"]);
    let mut ci = ci.spawn();
    ci.write(format!("{}\n", input.join("\n")));
    ci.close_stdin();
    assert_eq!(bob.hears_said_until_gone("ci").concat(), input.concat());
    ci.wait().expect_code(0);
}

#[test]
fn a_room_that_lets_nobody_in_is_a_failure_that_says_why() {
    let home = Folder::new("tool");
    let (_server, address) = server(&home, &["--ephemeral"]);
    let mut op = Peer::joins(address, "op", "#closed");
    op.send("MODE #closed +i\r\nJOIN #banned\r\nMODE #banned +b ci!*@*\r\nJOIN #still");
    op.send("MODE #still +m\r\nPING all");
    op.hears("PONG");
    let once = |room| {
        let once = client(&home, address).args(["--name", "ci", "--once", "-q", "--join", room]);
        once.run_with_input("hello\n")
    };
    once("#closed").expect_code(1).stdout_is("").stderr_contains("cannot be in #closed: ");
    once("#banned").expect_code(1).stdout_is("").stderr_contains("cannot be in #banned: ");
    let finished = once("#still");
    finished.expect_code(1).stdout_is("");
    finished.expect(!finished.stderr.is_empty(), || "a reason".to_owned());
}

#[test]
fn a_name_that_is_taken_is_changed_a_little() {
    let home = Folder::new("tool");
    let (_server, address) = server(&home, &["--ephemeral"]);
    let mut bob = Peer::joins(address, "ci", "#lobby");
    let once = client(&home, address).args(["--name", "ci", "--once"]);
    once.run_with_input("hello\n").expect_code(0).stderr_contains("In callbox as ci_");
    assert!(bob.hears("PRIVMSG").starts_with(":ci_!"));
}

#[test]
fn all_rooms_are_heard_and_the_first_is_spoken_in() {
    let home = Folder::new("tool");
    let (_server, address) = server(&home, &["--ephemeral"]);
    let mut bob = Peer::joins(address, "bob", "#c");
    let joins = ["--name", "ci", "--join", "#a", "--join", "#b,#c"];
    let mut tool = client(&home, address).args(joins).spawn();
    bob.hears(":ci!");
    bob.send("PRIVMSG #c :in the last");
    tool.wait_for_stdout("#c <bob> in the last");
    bob.send("JOIN #a");
    bob.hears(" 366 bob #a ");
    tool.write_line("in the first");
    assert!(bob.hears("in the first").contains(" PRIVMSG #a :"));
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let home = Folder::new("tool");
    let (_server, address) = server(&home, &["--ephemeral"]);
    let mut bob = Peer::joins(address, "bob", "#lobby");
    let (reader, writer) = io::pipe().expect("a pipe");
    let tool = client(&home, address).args(["--name", "ci", "-q"]).stdout_to(writer);
    let tool = tool.stdin_from(Stdio::null()).spawn();
    bob.hears(":ci!");
    bob.send("PRIVMSG #lobby :one");
    let mut line = String::new();
    // Dropped with what it reads from.
    BufReader::new(reader).read_line(&mut line).expect("a line");
    assert_eq!(line, "#lobby <bob> one\n");
    bob.send("PRIVMSG #lobby :two");
    let finished = tool.wait();
    finished.expect_code(0).stderr_is("");
    bob.hears("QUIT");
}

#[test]
fn a_signal_takes_leave() {
    let home = Folder::new("tool");
    let (_server, address) = server(&home, &["--ephemeral"]);
    let mut bob = Peer::joins(address, "bob", "#lobby");
    for signal in [Signal::TERM, Signal::INT] {
        let tool = client(&home, address).args(["--name", "ci", "-q"]);
        let tool = tool.stdin_from(Stdio::null()).spawn();
        bob.hears(":ci!");
        tool.signal(signal);
        tool.wait().expect_code(130).stdout_is("").stderr_is("");
        assert!(bob.hears("QUIT").contains("Quit"));
    }
}

#[test]
fn a_signal_takes_leave_of_a_server_that_lags_behind() {
    let home = Folder::new("tool");
    let (_server, address) = server(&home, &["--ephemeral"]);
    let mut bob = Peer::joins(address, "bob", "#lobby");
    let mut tool = client(&home, address).args(["--name", "ci", "-q"]).spawn();
    tool.write("x\n".repeat(60));
    bob.hears("PRIVMSG");
    tool.signal(Signal::TERM);
    tool.wait().expect_code(130).stderr_is("");
    bob.hears("QUIT");
}

#[test]
fn a_log_goes_on_over_a_restart_of_the_server_and_has_what_was_missed() {
    let home = Folder::new("tool");
    let (first, address) = server(&home, &[]);
    let mut log = log(&home, address, &["-q"]);
    let say = |input: &str| {
        let ci = client(&home, address).args(["--name", "ci", "--join", "#dev", "--once"]);
        ci.run_with_input(input).expect_code(0);
    };
    say("a1\na2");
    log.wait_for_stdout(r#""text":"a2""#);
    first.signal(Signal::TERM);
    first.wait().expect_code(0);
    let mut second = chat(&home).args(["server", "-p", &address.port().to_string()]).spawn();
    second.wait_until_listening();
    // Said at once, and so missed as a rule; in any case heard once.
    say("b1\nb2");
    log.wait_for_stdout(r#""text":"b2""#);
    say("c1\nc2");
    log.wait_for_stdout(r#""text":"c2""#);
    log.signal(Signal::TERM);
    let finished = log.wait();
    finished.expect_code(130);
    let shown = finished.stdout_text();
    let said = shown.lines().filter(|line| line.contains(r#""kind":"said""#));
    let text = |line: &str| line.split(r#""text":""#).nth(1).map(|rest| rest[..2].to_owned());
    let said: Vec<(String, bool)> =
        said.map(|line| (text(line).expect("a text"), line.contains(r#""missed":true"#))).collect();
    let texts: Vec<_> = said.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(texts, ["a1", "a2", "b1", "b2", "c1", "c2"]);
    assert!(!said[1].1 && !said[5].1, "{said:?}");
}

/// A log of #dev, as it is kept by a service: nothing to read, for ever. It is in the room.
#[track_caller]
fn log(home: &Folder, address: std::net::SocketAddr, args: &[&str]) -> Running {
    let log = client(home, address).args(["--name", "log", "--join", "#dev", "--json"]).args(args);
    let mut log = log.stdin_from(Stdio::null()).spawn();
    let joined = log.wait_for_stdout(r#""kind":"joined""#);
    assert!(joined.ends_with(r#""own":true}"#), "{joined}");
    log
}
