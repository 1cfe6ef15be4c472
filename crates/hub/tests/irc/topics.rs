//! TOPIC.

use crate::world::World;

#[test]
fn a_topic_is_set_told_and_kept() {
    let (mut world, alice, bob) = World::room();
    assert_eq!(world.ask(bob, "TOPIC #room"), [":irc.test 331 bob #room :No topic is set"]);
    let told = ":alice!~alice@127.0.0.1 TOPIC #room :你好 world";
    assert_eq!(world.ask(alice, "TOPIC #ROOM :你好 world"), [told]);
    assert_eq!(world.lines(bob), [told]);
    let seconds = world.wall() / 1000;
    assert_eq!(
        world.ask(bob, "TOPIC #room"),
        [
            ":irc.test 332 bob #room :你好 world".to_owned(),
            format!(":irc.test 333 bob #room alice!~alice@127.0.0.1 {seconds}"),
        ]
    );
    let event = world.events.last().expect("an event");
    assert_eq!((&*event.command, event.text.as_deref()), ("TOPIC", Some("你好 world")));
    assert_eq!(
        world.ask(alice, "TOPIC #room :"),
        [":alice!~alice@127.0.0.1 TOPIC #room :"],
        "an empty one clears it"
    );
    assert!(world.ask(bob, "TOPIC #room")[0].contains(" 331 "));
}

#[test]
fn a_protected_topic_is_for_operators_and_half_operators() {
    let (mut world, alice, bob) = World::room();
    assert_eq!(
        world.ask(bob, "TOPIC #room :x"),
        [":irc.test 482 bob #room :You're not channel operator"]
    );
    world.send(alice, "MODE #room +h bob");
    world.forget();
    assert!(world.ask(bob, "TOPIC #room :x")[0].contains(" TOPIC "));
    world.send(alice, "MODE #room -ht bob");
    world.forget();
    assert!(
        world.ask(bob, "TOPIC #room :y")[0].contains(" TOPIC "),
        "without +t it is everybody's"
    );
    world.send(alice, "MODE #room +m");
    world.forget();
    assert_eq!(
        world.ask(bob, "TOPIC #room :z"),
        [":irc.test 404 bob #room :Cannot send to channel"],
        "but not of those who may not speak"
    );
}

#[test]
fn outside_a_topic_is_read_but_not_set() {
    let (mut world, alice, _) = World::room();
    let eve = world.user("eve");
    world.send(alice, "TOPIC #room :hello");
    assert!(world.ask(eve, "TOPIC #room")[0].contains(" 332 eve #room :hello"));
    assert_eq!(
        world.ask(eve, "TOPIC #room :x"),
        [":irc.test 442 eve #room :You're not on that channel"]
    );
    world.send(alice, "MODE #room +s");
    assert!(world.ask(eve, "TOPIC #room")[0].contains(" 442 "));
    assert_eq!(world.ask(eve, "TOPIC #none"), [":irc.test 403 eve #none :No such channel"]);
    assert_eq!(world.ask(eve, "TOPIC"), [":irc.test 461 eve TOPIC :Not enough parameters"]);
}

#[test]
fn a_long_topic_is_cut_after_a_character() {
    let (mut world, alice, bob) = World::room();
    world.send(alice, &format!("TOPIC #room :x{}", "中".repeat(140)));
    let line = world.lines(bob).remove(0);
    let (_, topic) = line.split_once(" :x").expect("a topic");
    assert_eq!(topic, "中".repeat(129), "388 bytes of 390");
}
