//! Asking for what two people said to each other: who sees it, and under which names.

use crate::history::{CAPS, page, time};
use crate::world::{Who, World};

/// Makes an account and leaves.
fn account(world: &mut World, name: &str) {
    let who = world.user(name);
    world.send(who, "REGISTER * * correct-horse");
    world.send(who, "QUIT");
    world.forget();
}

/// A user who is logged in.
fn member(world: &mut World, nick: &str, account: &str, caps: &str) -> Who {
    use base64::Engine as _;
    let who = world.connect();
    world.send_all(who, &["CAP LS 302", "CAP REQ sasl", "AUTHENTICATE PLAIN"]);
    let secret = format!("\0{account}\0correct-horse");
    let secret = base64::engine::general_purpose::STANDARD.encode(secret);
    world.send(who, &format!("AUTHENTICATE {secret}"));
    world.register(who, nick, caps);
    who
}

#[test]
fn a_private_conversation_is_shown_to_both_with_the_right_names() {
    let mut world = World::new();
    let alice = world.user_with("alice", CAPS);
    let bob = world.user_with("bob", CAPS);
    let eve = world.user_with("eve", CAPS);
    world.send(alice, "PRIVMSG bob :hello");
    world.send(bob, "PRIVMSG alice :you too");
    let (hello, too) = (
        ":alice!~alice@127.0.0.1 PRIVMSG bob :hello",
        ":bob!~bob@127.0.0.1 PRIVMSG alice :you too",
    );
    assert_eq!(page(&mut world, alice, "CHATHISTORY LATEST BOB * 9"), [hello, too]);
    assert_eq!(page(&mut world, bob, "CHATHISTORY LATEST alice * 9"), [hello, too]);
    assert_eq!(page(&mut world, eve, "CHATHISTORY LATEST alice * 9"), [""; 0]);
    assert_eq!(page(&mut world, eve, "CHATHISTORY LATEST bob * 9"), [""; 0]);
    // Both change places. Each still has said what they said.
    world.send(alice, "NICK ann");
    world.send(bob, "NICK alice");
    world.send(alice, "NICK bob");
    assert_eq!(
        page(&mut world, alice, "CHATHISTORY LATEST alice * 9"),
        [
            ":bob!~alice@127.0.0.1 PRIVMSG alice :hello",
            ":alice!~bob@127.0.0.1 PRIVMSG bob :you too"
        ]
    );
}

#[test]
fn notes_to_oneself_are_kept_once() {
    let mut world = World::new();
    let alice = world.user_with("alice", CAPS);
    world.send(alice, "PRIVMSG alice :milk");
    assert_eq!(
        page(&mut world, alice, "CHATHISTORY LATEST alice * 9"),
        [":alice!~alice@127.0.0.1 PRIVMSG alice :milk"]
    );
}

#[test]
fn who_takes_a_guests_name_sees_nothing_of_that_past() {
    let mut world = World::new();
    let alice = world.user_with("alice", CAPS);
    let guest = world.user_with("guest", CAPS);
    world.send(guest, "PRIVMSG alice :a secret");
    world.send(alice, "PRIVMSG guest :I know");
    world.send(guest, "QUIT");
    world.lines(alice);
    let other = world.user_with("guest", CAPS);
    assert_eq!(page(&mut world, other, "CHATHISTORY LATEST alice * 9"), [""; 0]);
    assert_eq!(page(&mut world, alice, "CHATHISTORY LATEST guest * 9"), [""; 0]);
    let targets = "CHATHISTORY TARGETS timestamp=1970-01-01T00:00:00.000Z timestamp=2030-01-01T00:00:00.000Z 9";
    assert_eq!(page(&mut world, other, targets), [""; 0]);
}

#[test]
fn an_accounts_messages_follow_it_to_a_new_session() {
    let mut world = World::new();
    account(&mut world, "alice");
    account(&mut world, "bob");
    let alice = member(&mut world, "alice", "alice", CAPS);
    let bob = member(&mut world, "bob", "bob", CAPS);
    world.send(alice, "PRIVMSG bob :hello");
    world.send(bob, "PRIVMSG alice :you too");
    world.send(alice, "QUIT");
    world.send(bob, "QUIT");
    let away = member(&mut world, "alice-away", "ALICE", CAPS);
    assert_eq!(
        page(&mut world, away, "CHATHISTORY LATEST bob * 9"),
        [
            ":alice-away!~alice@127.0.0.1 PRIVMSG bob :hello",
            ":bob!~bob@127.0.0.1 PRIVMSG alice-away :you too",
        ]
    );
    let targets = "CHATHISTORY TARGETS timestamp=1970-01-01T00:00:00.000Z timestamp=2030-01-01T00:00:00.000Z 9";
    let last = time(&world, "you too");
    assert_eq!(
        page(&mut world, away, targets),
        [format!(":irc.test CHATHISTORY TARGETS bob {last}")]
    );
    // A guest sees nothing of it, whoever they call themselves.
    let eve = world.user_with("eve", CAPS);
    assert_eq!(page(&mut world, eve, "CHATHISTORY LATEST bob * 9"), [""; 0]);
}
