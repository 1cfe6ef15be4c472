//! Receipts on servers of every kind: with labels, with echoes alone, and with neither.

use std::time::Duration;

use callbox_session::Manner;
use callbox_session::contract::Event;
use callbox_session::room::{Delivery, OutId};

use crate::client::Client;

/// A session in `#room` of a server with these capabilities.
fn in_room(caps: &str) -> Client {
    let mut client = Client::connected(|_| {});
    if !caps.is_empty() {
        client.hear(&format!(":irc.test CAP * LS :{caps}"));
        client.hear(&format!(":irc.test CAP * ACK :{caps}"));
    }
    client.welcome("CHANTYPES=#");
    let now = client.now();
    client.session.join("#room", None, now).expect("a room");
    client.hear(":alice!a@host JOIN #room");
    client.hear(":irc.test 353 alice = #room :alice @bob");
    client.hear(":irc.test 366 alice #room :End of /NAMES list.");
    client.sent();
    client.events.clear();
    client
}

fn say(client: &mut Client, room: &str, text: &str) {
    let (id, now) = (client.id(room), client.now());
    client.session.say(id, text, &Manner::default(), now).expect("said");
    client.settle();
}

fn states(client: &Client, room: &str) -> Vec<String> {
    let outbox = &client.room(room).outbox;
    let show = |state: &Delivery| match state {
        Delivery::Waiting => "waiting".to_owned(),
        Delivery::Sending => "sending".to_owned(),
        Delivery::Failed(reason) => format!("failed: {reason}"),
    };
    outbox.iter().map(|own| format!("{}: {}", own.text, show(&own.state))).collect()
}

fn receipts(client: &Client) -> usize {
    client.events.iter().filter(|event| matches!(event, Event::Receipt { .. })).count()
}

/// What follows a word in the last line sent that has it.
fn after(client: &mut Client, word: &str) -> String {
    let sent = client.sent();
    let line = sent.iter().rev().find(|line| line.contains(word));
    let line = line.unwrap_or_else(|| panic!("no {word} in {sent:?}"));
    let rest = line.split_once(word).expect("the word").1;
    rest.split([' ', ';']).next().unwrap_or_default().to_owned()
}

#[test]
fn where_nothing_comes_back_a_ping_behind_the_line_is_the_receipt() {
    let mut client = in_room("");
    say(&mut client, "#room", "hello");
    assert_eq!(states(&client, "#room"), ["hello: sending"]);
    let token = after(&mut client, "PING :");
    client.hear(&format!(":irc.test PONG irc.test :{token}"));
    assert!(states(&client, "#room").is_empty());
    assert_eq!(client.last("#room"), "<alice> hello");
    assert_eq!(receipts(&client), 1);
}

#[test]
fn a_refusal_before_the_pong_is_no_receipt() {
    let mut client = in_room("");
    say(&mut client, "#room", "hello");
    let token = after(&mut client, "PING :");
    client.hear(":irc.test 404 alice #room :Cannot send to channel");
    client.hear(&format!(":irc.test PONG irc.test :{token}"));
    assert_eq!(states(&client, "#room"), ["hello: failed: Cannot send to channel"]);
    assert_eq!(receipts(&client), 0);
}

#[test]
fn a_refusal_is_that_of_the_line_to_whom_it_names() {
    let mut client = in_room("");
    let now = client.now();
    client.session.open("dave", now).expect("a room");
    say(&mut client, "#room", "one");
    say(&mut client, "dave", "two");
    client.hear(":irc.test 401 alice dave :No such nick/channel");
    assert_eq!(states(&client, "#room"), ["one: sending"]);
    assert_eq!(states(&client, "dave"), ["two: failed: No such nick/channel"]);
}

#[test]
fn echoes_without_labels_are_known_by_room_and_words() {
    let mut client = in_room("echo-message");
    say(&mut client, "#room", "one");
    say(&mut client, "#room", "two");
    let token = after(&mut client, "PING :");
    client.hear(":alice!a@host PRIVMSG #room :one");
    assert_eq!(states(&client, "#room"), ["two: sending"]);
    client.hear(":alice!a@host PRIVMSG #room :two");
    assert!(states(&client, "#room").is_empty());
    client.hear(&format!(":irc.test PONG irc.test :{token}"));
    assert_eq!(client.lines("#room")[1..], ["<alice> one", "<alice> two"]);
    assert_eq!(receipts(&client), 2);
}

#[test]
fn an_echo_without_its_colours_or_its_end_is_one_all_the_same() {
    let mut client = in_room("echo-message");
    say(&mut client, "#room", "\u{3}4red\u{3} wine");
    client.hear(":alice!a@host PRIVMSG #room :4red wine");
    assert!(states(&client, "#room").is_empty());
    let long = "x".repeat(390);
    say(&mut client, "#room", &long);
    client.hear(&format!(":alice!a@host PRIVMSG #room :{}", &long[..380]));
    assert!(states(&client, "#room").is_empty());
}

#[test]
fn what_does_not_come_back_before_the_pong_was_not_passed_on() {
    let mut client = in_room("echo-message");
    say(&mut client, "#room", "spam");
    let token = after(&mut client, "PING :");
    client.hear(&format!(":irc.test PONG irc.test :{token}"));
    assert_eq!(states(&client, "#room"), ["spam: failed: the server did not say that it has it"]);
}

#[test]
fn a_label_tells_one_line_from_another_of_the_same_words() {
    let mut client = in_room("batch echo-message labeled-response message-tags");
    say(&mut client, "#room", "same");
    let first = after(&mut client, "label=");
    say(&mut client, "#room", "same");
    let second = after(&mut client, "label=");
    client.hear(&format!("@label={first} :irc.test 404 alice #room :Cannot send to channel"));
    client.hear(&format!("@label={second};msgid=m :alice!a@host PRIVMSG #room :same"));
    assert_eq!(states(&client, "#room"), ["same: failed: Cannot send to channel"]);
    assert_eq!(client.lines("#room")[1..], ["<alice> same"]);
}

#[test]
fn an_answer_of_several_lines_is_a_receipt_too() {
    let mut client = in_room("batch echo-message labeled-response message-tags");
    let now = client.now();
    client.session.open("bob", now).expect("a room");
    say(&mut client, "bob", "hi");
    let label = after(&mut client, "label=");
    client.hear_all(&format!(
        "@label={label} :irc.test BATCH +x labeled-response
         @batch=x;msgid=m :alice!a@host PRIVMSG bob :hi
         @batch=x :irc.test 301 alice bob :out
         :irc.test BATCH -x"
    ));
    assert!(states(&client, "bob").is_empty());
    assert_eq!(receipts(&client), 1);
}

#[test]
fn labels_without_echoes_are_receipts_by_themselves() {
    let mut client = in_room("batch labeled-response message-tags");
    say(&mut client, "#room", "hello");
    let label = after(&mut client, "label=");
    client.hear(&format!("@label={label} :irc.test ACK"));
    assert!(states(&client, "#room").is_empty());
    assert_eq!(client.last("#room"), "<alice> hello");
}

#[test]
fn networks_that_close_on_floods_get_lines_slowly() {
    let mut client = in_room("batch echo-message labeled-response message-tags");
    for number in 0..20 {
        say(&mut client, "#room", &number.to_string());
    }
    let mut lines = 0;
    let mut seconds = 0;
    loop {
        let sent = client.sent();
        let said: Vec<&String> = sent.iter().filter(|line| line.contains("PRIVMSG")).collect();
        lines += said.len();
        assert!(lines <= 6 + seconds / 2, "{lines} lines in {seconds} seconds");
        for line in said {
            let label = line.split_once("label=").expect("a label").1;
            let (label, rest) = label.split_once(' ').expect("a line");
            client.hear(&format!("@label={label};msgid={label} :alice!a@host {rest}"));
        }
        if lines == 20 {
            break;
        }
        client.wait(Duration::from_secs(1));
        seconds += 1;
        assert!(seconds < 60, "{lines} lines in a minute");
    }
    assert!(states(&client, "#room").is_empty());
    assert_eq!(client.lines("#room").len(), 21);
}

#[test]
fn without_history_what_was_under_way_is_left_to_the_person() {
    let mut client = in_room("");
    say(&mut client, "#room", "one");
    client.lose("the network is down");
    say(&mut client, "#room", "two");
    client.wait(Duration::from_secs(10));
    client.connect();
    client.welcome("CHANTYPES=#");
    client.hear(":alice!a@host JOIN #room");
    assert_eq!(
        states(&client, "#room"),
        ["one: failed: the connection broke before the server confirmed it", "two: sending"]
    );
}

#[test]
fn a_bouncers_playback_is_history() {
    let mut client = in_room("batch message-tags server-time");
    client.hear("@time=2026-01-01T00:00:05.000Z :bob!b@host PRIVMSG #room :now");
    client.hear_all(
        ":irc.znc.in BATCH +p znc.in/playback #room
         @batch=p;time=2025-12-31T23:00:00.000Z :bob!b@host PRIVMSG #room :before
         @batch=p;time=2025-12-31T23:30:00.000Z :bob!b@host PRIVMSG #room :later
         :irc.znc.in BATCH -p",
    );
    assert_eq!(client.lines("#room"), ["<bob> before", "<bob> later", "alice joined", "<bob> now"]);
}

#[test]
fn history_that_comes_too_late_opens_no_conversation_that_was_closed() {
    let caps = "batch labeled-response message-tags server-time draft/chathistory";
    let mut client = in_room(caps);
    let now = client.now();
    let bob = client.session.open("bob", now).expect("a room");
    client.settle();
    let asked =
        client.sent().into_iter().find(|line| line.contains("LATEST bob")).expect("it asks");
    let label = asked.split([' ', ';']).next().expect("a tag");
    client.session.close(bob, now).expect("it is closed");
    client.hear_all(&format!(
        "{label} :irc.test BATCH +h chathistory bob
         @batch=h;msgid=m;time=2026-01-01T00:00:00.000Z :bob!b@host PRIVMSG alice :hi
         :irc.test BATCH -h"
    ));
    assert!(client.session.room_named("bob").is_none());
}

#[test]
fn a_room_that_is_closed_makes_way_for_the_history_of_another() {
    let mut client = in_room("batch labeled-response message-tags server-time draft/chathistory");
    let now = client.now();
    // Which private conversations there are is asked for as well.
    for room in ["#one", "#two", "#three"] {
        client.session.join(room, None, now).expect("a room");
        client.hear(&format!(":alice!a@host JOIN {room}"));
    }
    let asked = |client: &mut Client, room: &str| {
        client.sent().iter().any(|line| line.contains(&format!(" LATEST {room} ")))
    };
    assert!(!asked(&mut client, "#three"), "as many as may be are asked for at a time");
    let one = client.id("#one");
    client.session.close(one, now).expect("closed");
    client.settle();
    assert!(asked(&mut client, "#three"));
}

#[test]
fn a_line_that_does_not_fit_any_more_becomes_several_which_is_told() {
    let mut client = in_room("");
    client.lose("the network is down");
    say(&mut client, "#room", &"x".repeat(390));
    let first = client.room("#room").outbox[0].id;
    client.wait(Duration::from_secs(10));
    client.connect();
    let nick = "a".repeat(120);
    client.hear(&format!(":irc.test 001 {nick} :Welcome"));
    client.hear(&format!(":irc.test 422 {nick} :No MOTD"));
    client.events.clear();
    client.hear(&format!(":{nick}!a@host JOIN #room"));
    let outbox = &client.room("#room").outbox;
    let ids: Vec<OutId> = outbox.iter().map(|own| own.id).collect();
    assert!(ids.len() == 2 && ids[0] == first, "{outbox:?}");
    let told = client.events.iter().find_map(|event| match event {
        Event::Divided { sent, more, .. } => Some((*sent, more.clone())),
        _ => None,
    });
    assert_eq!(told, Some((first, vec![ids[1]])));
}
