//! What was said before one came in, for clients that cannot ask for it.

use std::time::Duration;

use crate::world::{Who, World};

/// A room in which bob has said something, a minute before anybody else comes.
fn room() -> (World, Who) {
    let mut world = World::new();
    let bob = world.user("bob");
    world.send(bob, "JOIN #room");
    world.pass(Duration::from_secs(1));
    world.send_all(
        bob,
        &[
            "PRIVMSG #room :hello",
            "PRIVMSG #room :\u{1}ACTION waves\u{1}",
            "PRIVMSG #room :\u{1}VERSION\u{1}",
            "NOTICE #room :psst",
        ],
    );
    world.pass(Duration::from_secs(60));
    world.forget();
    (world, bob)
}

/// What comes after the names.
fn after_names(lines: Vec<String>) -> Vec<String> {
    let end = lines.iter().position(|line| line.contains(" 366 ")).expect("the end of the names");
    lines[end + 1..].to_vec()
}

#[test]
fn who_knows_no_times_reads_them_in_the_text() {
    let (mut world, _) = room();
    let alice = world.user("alice");
    let lines = after_names(world.ask(alice, "JOIN #room"));
    assert_eq!(
        lines,
        [
            ":bob!~bob@127.0.0.1 PRIVMSG #room :[2026-01-01 00:00] hello",
            ":bob!~bob@127.0.0.1 PRIVMSG #room :\u{1}ACTION [2026-01-01 00:00] waves\u{1}",
            ":bob!~bob@127.0.0.1 NOTICE #room :[2026-01-01 00:00] psst",
        ]
    );
}

#[test]
fn who_knows_times_gets_the_lines_as_they_were() {
    let (mut world, _) = room();
    let alice = world.user_with("alice", "server-time");
    world.send(alice, "JOIN #room");
    let lines = after_names(world.lines(alice));
    assert_eq!(lines[0], "@time=2026-01-01T00:00:01.000Z :bob!~bob@127.0.0.1 PRIVMSG #room :hello");
    assert_eq!(lines.len(), 3);
    let carol = world.user_with("carol", "server-time batch");
    let lines = after_names(world.ask(carol, "JOIN #room"));
    assert!(lines[0].ends_with(" chathistory #room"), "{lines:#?}");
    assert_eq!(lines.len(), 5);
}

#[test]
fn who_can_ask_is_left_to_ask() {
    let (mut world, _) = room();
    let alice = world.user_with("alice", "draft/chathistory");
    assert!(after_names(world.ask(alice, "JOIN #room")).is_empty());
}

#[test]
fn a_long_line_loses_nothing_to_its_stamp() {
    let (mut world, bob) = room();
    let long = "x".repeat(460);
    world.send(bob, &format!("PRIVMSG #room :{long}"));
    let kept = world.events.last().and_then(|event| event.text.clone()).expect("it is kept");
    let alice = world.user("alice");
    world.pass(Duration::from_secs(1));
    let lines = after_names(world.ask(alice, "JOIN #room"));
    let text = |line: &String| line.split_once(" #room :").expect("a text").1.to_owned();
    let shown: String = lines[3..].iter().map(text).collect();
    assert_eq!(shown, format!("[2026-01-01 00:01] {kept}"));
    assert_eq!(lines.len(), 5);
}

#[test]
fn a_room_that_everybody_left_has_its_past_still() {
    let (mut world, bob) = room();
    world.send(bob, "PART #room");
    world.pass(Duration::from_secs(1));
    let alice = world.user("alice");
    let lines = after_names(world.ask(alice, "JOIN #room"));
    assert!(lines[0].ends_with(" PRIVMSG #room :[2026-01-01 00:00] hello"), "{lines:#?}");
    assert!(after_names(world.ask(alice, "JOIN #new")).is_empty());
}

#[test]
fn who_comes_in_the_moment_in_which_a_room_is_made_sees_its_past() {
    let (mut world, bob) = room();
    world.send(bob, "PART #room");
    let alice = world.user_with("alice", "draft/chathistory");
    let carol = world.user("carol");
    world.send(alice, "JOIN #room");
    assert!(!after_names(world.ask(carol, "JOIN #room")).is_empty());
}

#[test]
fn several_rooms_are_shown_in_the_order_of_joining() {
    let (mut world, bob) = room();
    world.send_all(bob, &["JOIN #other", "PRIVMSG #other :there"]);
    world.pass(Duration::from_secs(60));
    let alice = world.user_with("alice", "server-time");
    world.hold_jobs = true;
    world.send(alice, "JOIN #room,#other");
    world.lines(alice);
    world.send(bob, "PRIVMSG #other :meanwhile");
    assert_eq!(world.bodies(alice), [":bob!~bob@127.0.0.1 PRIVMSG #other :meanwhile"]);
    world.hold_jobs = false;
    world.settle();
    let lines = world.bodies(alice);
    assert!(lines[2].ends_with("NOTICE #room :psst"), "{lines:#?}");
    // What was said meanwhile was heard, and is not shown again.
    assert_eq!(lines[3..], [":bob!~bob@127.0.0.1 PRIVMSG #other :there"]);
}

#[test]
fn who_has_gone_by_the_answer_gets_nothing() {
    let (mut world, bob) = room();
    let alice = world.user("alice");
    world.hold_jobs = true;
    world.send(alice, "JOIN #room");
    world.cut(alice);
    world.lines(alice);
    world.hold_jobs = false;
    world.settle();
    assert!(world.lines(alice).is_empty());
    assert!(world.ask(bob, "PING x").iter().any(|line| line.contains("PONG")));
}

#[test]
fn a_labelled_join_is_answered_without_waiting_for_the_past() {
    let (mut world, _) = room();
    let alice = world.user_with("alice", "labeled-response batch");
    world.hold_jobs = true;
    world.send(alice, "@label=j JOIN #room");
    let lines = world.lines(alice);
    assert!(lines[0].starts_with("@label=j ") && lines[0].contains("BATCH +"), "{lines:#?}");
    assert!(lines.last().is_some_and(|line| line.contains("BATCH -")), "{lines:#?}");
    world.hold_jobs = false;
    world.settle();
    let lines = world.lines(alice);
    assert!(lines[0].starts_with(":irc.test BATCH +"), "{lines:#?}");
    assert_eq!(lines.len(), 5);
}

#[test]
fn the_settings_say_how_much_is_shown() {
    let mut world = World::with(|config| config.history.on_join = 2);
    let bob = world.user("bob");
    world.send_all(bob, &["JOIN #room", "PRIVMSG #room :1"]);
    world.send_all(bob, &["PRIVMSG #room :2", "PRIVMSG #room :3"]);
    world.pass(Duration::from_secs(1));
    let alice = world.user_with("alice", "server-time");
    let lines = after_names(world.ask(alice, "JOIN #room"));
    assert!(lines.len() == 2 && lines[0].ends_with(":2"), "{lines:#?}");
    let mut world = World::with(|config| config.history.on_join = 0);
    let bob = world.user("bob");
    world.send_all(bob, &["JOIN #room", "PRIVMSG #room :1"]);
    world.pass(Duration::from_secs(1));
    let alice = world.user("alice");
    assert!(after_names(world.ask(alice, "JOIN #room")).is_empty());
}
