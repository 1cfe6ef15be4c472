//! KICK.

use crate::world::{Who, World};

/// Alice, an operator of `#room`, with bob and carol.
fn room() -> (World, Who, Who, Who) {
    let mut world = World::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|nick| world.user(nick));
    for who in [alice, bob, carol] {
        world.send(who, "JOIN #room");
    }
    world.forget();
    (world, alice, bob, carol)
}

#[test]
fn who_is_put_out_hears_it_with_all_others() {
    let (mut world, alice, bob, carol) = room();
    let told = ":alice!~alice@127.0.0.1 KICK #room bob :enough of it";
    assert_eq!(world.ask(alice, "KICK #ROOM Bob :enough of it"), [told]);
    assert_eq!(world.lines(bob), [told]);
    assert_eq!(world.lines(carol), [told]);
    let event = world.events.last().expect("an event");
    assert_eq!(event.params, ["#room".into(), "bob".into()] as [Box<str>; 2]);
    assert!(world.ask(bob, "PRIVMSG #room :x")[0].contains(" 404 "));
    assert!(world.ask(carol, "NAMES #room")[0].ends_with(":@alice carol"));
    assert!(world.ask(bob, "JOIN #room")[0].contains(" JOIN "));
}

#[test]
fn without_a_reason_it_is_who_did_it() {
    let (mut world, alice, _, carol) = room();
    world.send(alice, "KICK #room bob");
    assert_eq!(world.lines(carol), [":alice!~alice@127.0.0.1 KICK #room bob :alice"]);
}

#[test]
fn a_list_is_told_one_by_one() {
    let (mut world, alice, _, _) = room();
    assert_eq!(
        world.ask(alice, "KICK #room bob,nobody,carol,bob :bye"),
        [
            ":alice!~alice@127.0.0.1 KICK #room bob :bye",
            ":irc.test 401 alice nobody :No such nick/channel",
            ":alice!~alice@127.0.0.1 KICK #room carol :bye",
            ":irc.test 441 alice bob #room :They aren't on that channel",
        ]
    );
}

#[test]
fn several_channels_have_a_nickname_each() {
    let (mut world, alice, bob, _) = room();
    world.send(alice, "JOIN #other");
    world.send(bob, "JOIN #other");
    world.forget();
    assert_eq!(
        world.ask(alice, "KICK #room,#other bob,bob :bye"),
        [
            ":alice!~alice@127.0.0.1 KICK #room bob :bye",
            ":alice!~alice@127.0.0.1 KICK #other bob :bye",
        ]
    );
    for line in ["KICK #room,#other bob", "KICK #room ,", "KICK , bob", "KICK #room"] {
        assert_eq!(world.ask(alice, line), [":irc.test 461 alice KICK :Not enough parameters"]);
    }
}

#[test]
fn only_those_who_moderate_put_out() {
    let (mut world, alice, bob, _) = room();
    let eve = world.user("eve");
    assert_eq!(
        world.ask(bob, "KICK #room carol"),
        [":irc.test 482 bob #room :You're not channel operator"]
    );
    assert_eq!(
        world.ask(eve, "KICK #room carol"),
        [":irc.test 442 eve #room :You're not on that channel"]
    );
    assert_eq!(world.ask(eve, "KICK #none bob"), [":irc.test 403 eve #none :No such channel"]);
    world.send(alice, "MODE #room +h bob");
    world.forget();
    assert_eq!(
        world.ask(bob, "KICK #room alice"),
        [":irc.test 482 bob #room :You may not put out somebody of a higher rank"]
    );
    assert!(world.ask(bob, "KICK #room carol")[0].contains(" KICK "));
    world.send(alice, "MODE #room +o bob");
    world.forget();
    assert!(world.ask(bob, "KICK #room alice")[0].contains(" KICK "), "operators are equal");
}

#[test]
fn the_last_one_may_put_out_himself() {
    let mut world = World::new();
    let alice = world.user("alice");
    world.send(alice, "JOIN #room");
    assert!(world.ask(alice, "KICK #room alice,alice")[1].contains(" 403 "));
    assert_eq!(world.hub.counts(), (1, 0));
}

#[test]
fn a_long_reason_is_cut_after_a_character() {
    let (mut world, alice, bob, _) = room();
    world.send(alice, &format!("KICK #room bob :x{}", "é".repeat(200)));
    let line = world.lines(bob).remove(0);
    assert!(line.ends_with(&format!(" :x{}", "é".repeat(149))), "{line}");
}
