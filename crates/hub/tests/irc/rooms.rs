//! Being in a room with others.

use crate::world::World;

#[test]
fn what_one_says_the_others_hear() {
    let mut world = World::new();
    let (alice, bob, eve) = (world.user("alice"), world.user("bob"), world.user("eve"));
    world.send(alice, "JOIN #room");
    world.send(bob, "JOIN #ROOM");
    world.send(eve, "JOIN #other");
    world.forget();
    world.send(alice, "PRIVMSG #room :你好，世界");
    assert_eq!(world.lines(bob), [":alice!~alice@127.0.0.1 PRIVMSG #room :你好，世界"]);
    assert!(world.lines(alice).is_empty());
    assert!(world.lines(eve).is_empty());
}

#[test]
fn an_echo_comes_after_what_it_acknowledges_is_kept() {
    let mut world = World::new();
    let alice = world.user_with("alice", "echo-message");
    world.send(alice, "JOIN #room");
    world.forget();
    world.send(alice, "PRIVMSG #room :hello");
    assert_eq!(world.receipt_at(alice), Some(0));
    assert_eq!(world.lines(alice), [":alice!~alice@127.0.0.1 PRIVMSG #room :hello"]);
    assert_eq!(world.events.last().map(|event| &*event.command), Some("PRIVMSG"));
}
