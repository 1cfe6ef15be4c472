//! How far somebody has read.

use callbox_hub::contract::{Record, Saved};

use crate::world::{START, Who, World};

const CAPS: &str = "draft/read-marker server-time";

fn stamp(millis: u64) -> String {
    format!("timestamp={}", callbox_irc::stamp::text(millis))
}

/// Logs in to the account `name`, which is made if need be.
fn member(world: &mut World, nick: &str, name: &str) -> Who {
    use base64::Engine as _;
    if !world.accounts.contains_key(name) {
        let who = world.user(name);
        world.send(who, "REGISTER * * correct-horse");
        world.send(who, "QUIT");
    }
    let who = world.connect();
    world.send_all(who, &["CAP LS 302", "CAP REQ sasl", "AUTHENTICATE PLAIN"]);
    let secret = format!("\0{name}\0correct-horse");
    let secret = base64::engine::general_purpose::STANDARD.encode(secret);
    world.send(who, &format!("AUTHENTICATE {secret}"));
    world.register(who, nick, CAPS);
    world.records();
    who
}

#[test]
fn a_marker_is_set_and_asked_for() {
    let mut world = World::new();
    let alice = world.user_with("alice", CAPS);
    assert_eq!(world.ask(alice, "MARKREAD #nowhere"), [":irc.test MARKREAD #nowhere *"]);
    for target in ["#room", "bob"] {
        let read = stamp(START - 5);
        let wanted = [format!(":irc.test MARKREAD {target} {read}")];
        assert_eq!(world.ask(alice, &format!("MARKREAD {target} {read}")), wanted);
        assert_eq!(world.ask(alice, &format!("MARKREAD {target}")), wanted);
    }
    assert!(world.ask(alice, "MARKREAD #ROOM")[0].ends_with(&stamp(START - 5)));
}

#[test]
fn a_marker_only_moves_forward_and_not_beyond_now() {
    let mut world = World::new();
    let alice = world.user_with("alice", CAPS);
    world.ask(alice, &format!("MARKREAD #room {}", stamp(START - 5)));
    for old in [START - 5, START - 9, 0] {
        assert_eq!(
            world.ask(alice, &format!("MARKREAD #room {}", stamp(old))),
            [format!(":irc.test MARKREAD #room {}", stamp(START - 5))]
        );
    }
    assert_eq!(
        world.ask(alice, "MARKREAD #room timestamp=9999-01-01T00:00:00.000Z"),
        [format!(":irc.test MARKREAD #room {}", stamp(START))]
    );
}

#[test]
fn a_marker_comes_after_joining_and_before_the_names() {
    let mut world = World::new();
    let alice = world.user_with("alice", CAPS);
    let lines = world.ask(alice, "JOIN #room");
    assert_eq!(lines[1], ":irc.test MARKREAD #room *");
    assert!(lines[0].contains(" JOIN ") && lines[2].contains(" 353 "), "{lines:#?}");
    let read = stamp(START - 5);
    world.send_all(alice, &[&format!("MARKREAD #room {read}"), "PART #room"]);
    assert_eq!(world.ask(alice, "JOIN #room")[1], format!(":irc.test MARKREAD #room {read}"));
    let bob = world.user("bob");
    assert!(!world.ask(bob, "JOIN #room").iter().any(|line| line.contains("MARKREAD")));
}

#[test]
fn what_is_wrong_with_a_marker_is_said() {
    let mut world = World::new();
    let alice = world.user_with("alice", CAPS);
    for (line, wanted) in [
        ("MARKREAD", "NEED_MORE_PARAMS :Missing parameters"),
        ("MARKREAD #room *", "INVALID_PARAMS * :Invalid timestamp"),
        ("MARKREAD #room timestamp=x", "INVALID_PARAMS timestamp=x :Invalid timestamp"),
        ("MARKREAD #room msgid=1", "INVALID_PARAMS msgid=1 :Invalid timestamp"),
        ("MARKREAD *", "INVALID_PARAMS * :This is neither a channel nor a nickname"),
        ("MARKREAD #a,#b", "INVALID_PARAMS #a,#b :This is neither a channel nor a nickname"),
    ] {
        assert_eq!(world.ask(alice, line), [format!(":irc.test FAIL MARKREAD {wanted}")]);
    }
    let long = format!("MARKREAD {}", "x".repeat(400));
    assert!(world.ask(alice, &long)[0].ends_with("nor a nickname"));
}

#[test]
fn an_accounts_clients_all_learn_of_it_and_nobody_else_does() {
    let mut world = World::new();
    let desk = member(&mut world, "desk", "alice");
    let phone = member(&mut world, "phone", "alice");
    let bob = member(&mut world, "bob", "bob");
    let guest = world.user_with("guest", CAPS);
    world.forget();
    let read = stamp(START - 5);
    let wanted = [format!(":irc.test MARKREAD #Room {read}")];
    assert_eq!(world.ask(desk, &format!("MARKREAD #Room {read}")), wanted);
    assert_eq!(world.bodies(phone), wanted);
    assert!(world.lines(bob).is_empty() && world.lines(guest).is_empty());
    assert_eq!(
        world.records(),
        [Record::ReadMarker { account: "alice".into(), target: "#room".into(), read: START - 5 }]
    );
    // What changes nothing is told to nobody else and not kept again.
    world.send(desk, &format!("MARKREAD #Room {read}"));
    assert!(world.lines(phone).is_empty() && world.records().is_empty());
    assert_eq!(world.ask(bob, "MARKREAD #room"), [":irc.test MARKREAD #room *"]);
    world.send(desk, "QUIT");
    let again = member(&mut world, "desk", "alice");
    assert_eq!(world.ask(again, "MARKREAD #room"), [format!(":irc.test MARKREAD #room {read}")]);
}

#[test]
fn an_accounts_markers_outlive_the_server() {
    let saved = Saved {
        accounts: vec![("alice".into(), "Alice".into())],
        read_markers: vec![("alice".into(), "#room".into(), START - 7)],
        ..Saved::default()
    };
    let mut world = World::restored(|_| {}, saved);
    world.accounts.insert("alice".into(), ("Alice".into(), "correct-horse".into()));
    let alice = member(&mut world, "alice", "alice");
    let wanted = [format!(":irc.test MARKREAD #room {}", stamp(START - 7))];
    assert_eq!(world.ask(alice, "MARKREAD #room"), wanted);
}

#[test]
fn a_guests_markers_end_with_the_session() {
    let mut world = World::new();
    let guest = world.user_with("guest", CAPS);
    world.send(guest, &format!("MARKREAD #room {}", stamp(START - 5)));
    world.send(guest, "QUIT");
    assert!(world.records().is_empty());
    let other = world.user_with("guest", CAPS);
    assert_eq!(world.ask(other, "MARKREAD #room"), [":irc.test MARKREAD #room *"]);
}

#[test]
fn markers_are_not_without_end() {
    let mut world = World::new();
    let guest = world.user_with("guest", CAPS);
    let alice = member(&mut world, "alice", "alice");
    for (who, most) in [(guest, 128), (alice, 1_000)] {
        for number in 0..most {
            world.send(who, &format!("MARKREAD #{number} {}", stamp(START - 5)));
        }
        assert_eq!(
            world.ask(who, &format!("MARKREAD #more {}", stamp(START - 5))),
            [
                ":irc.test FAIL MARKREAD INTERNAL_ERROR #more :You have markers in too many conversations"
            ]
        );
        let read = stamp(START - 4);
        assert_eq!(
            world.ask(who, &format!("MARKREAD #7 {read}")),
            [format!(":irc.test MARKREAD #7 {read}")]
        );
    }
}

#[test]
fn a_marker_goes_along_when_a_channel_is_renamed() {
    let mut world = World::new();
    let alice = member(&mut world, "alice", "alice");
    let guest = world.user_with("guest", CAPS);
    world.send_all(alice, &["JOIN #old"]);
    world.send(guest, "JOIN #old");
    for (who, before) in [(alice, 5), (guest, 7)] {
        world.send(who, &format!("MARKREAD #old {}", stamp(world.wall() - before)));
    }
    let now = world.wall();
    // Of another channel that had the name before: what is in it now is not what was read then.
    world.send(guest, &format!("MARKREAD #New {}", stamp(now - 1)));
    world.forget();
    world.send(alice, "RENAME #old #New");
    let wanted = format!(":irc.test MARKREAD #New {}", stamp(now - 5));
    let lines = world.bodies(alice);
    let place = |text: &str| lines.iter().position(|line| line.contains(text));
    assert_eq!(lines.get(place("MARKREAD").expect("a marker")), Some(&wanted));
    assert!(place("JOIN #New") < place("MARKREAD") && place("MARKREAD") < place(" 366 "));
    let ask = |world: &mut World, who, line: &str| world.ask(who, line).join("\n");
    assert!(ask(&mut world, guest, "MARKREAD #new").ends_with(&stamp(now - 7)));
    assert!(ask(&mut world, alice, "MARKREAD #old").ends_with(" *"));
}
