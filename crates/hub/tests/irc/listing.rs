//! LIST.

use std::time::Duration;

use crate::world::{Who, World};

/// Rooms `#one` with one member and a topic, `#two` with two, a minute younger.
fn rooms() -> (World, Who, Who) {
    let mut world = World::new();
    let alice = world.user("alice");
    let bob = world.user("bob");
    world.send(alice, "JOIN #one");
    world.send(alice, "TOPIC #one :the first");
    world.pass(Duration::from_secs(60));
    world.send(alice, "JOIN #two");
    world.send(bob, "JOIN #two");
    world.pass(Duration::from_secs(30));
    world.forget();
    (world, alice, bob)
}

/// The channels that LIST gives.
fn listed(world: &mut World, who: Who, what: &str) -> Vec<String> {
    let lines = world.ask(who, &format!("LIST {what}"));
    assert!(lines[0].contains(" 321 "), "{lines:#?}");
    assert!(lines.last().is_some_and(|line| line.contains(" 323 ")), "{lines:#?}");
    let channels = lines.iter().filter(|line| line.contains(" 322 "));
    let mut names: Vec<String> =
        channels.filter_map(|line| line.split(' ').nth(3).map(Into::into)).collect();
    names.sort();
    names
}

#[test]
fn channels_are_listed_with_their_members_and_topics() {
    let (mut world, _, bob) = rooms();
    assert_eq!(
        world.ask(bob, "LIST"),
        [
            ":irc.test 321 bob Channel :Users  Name",
            ":irc.test 322 bob #one 1 :the first",
            ":irc.test 322 bob #two 2 :",
            ":irc.test 323 bob :End of /LIST",
        ]
    );
}

#[test]
fn some_are_listed_by_name() {
    let (mut world, _, bob) = rooms();
    assert_eq!(listed(&mut world, bob, "#TWO"), ["#two"]);
    assert_eq!(listed(&mut world, bob, "#one,#two,#one,#none"), ["#one", "#two"]);
    assert!(listed(&mut world, bob, "#none").is_empty());
}

#[test]
fn masks_pick_and_leave_out() {
    let (mut world, _, bob) = rooms();
    assert_eq!(listed(&mut world, bob, "*ne"), ["#one"]);
    assert_eq!(listed(&mut world, bob, "#?W*"), ["#two"]);
    assert_eq!(listed(&mut world, bob, "t*"), ["#two"], "without the sign");
    assert_eq!(listed(&mut world, bob, "!*ne"), ["#two"]);
    assert_eq!(listed(&mut world, bob, "!#*"), [""; 0]);
    assert_eq!(listed(&mut world, bob, "*ne,*wo"), ["#one", "#two"]);
    assert_eq!(listed(&mut world, bob, "#two,*ne"), ["#one", "#two"]);
}

#[test]
fn conditions_all_hold() {
    let (mut world, _, bob) = rooms();
    for (condition, expected) in [
        (">0", &["#one", "#two"] as &[&str]),
        (">1", &["#two"]),
        ("<2", &["#one"]),
        ("<1", &[]),
        ("C>1", &["#one"]),
        ("C<1", &["#two"]),
        ("C<0", &[]),
        ("c>0", &["#one", "#two"]),
        ("T>1", &["#one"]),
        ("T<1", &[]),
        ("T<10", &["#one"]),
        (">0,<2", &["#one"]),
        ("#one,#two >1", &["#two"]),
        ("*o* >1", &["#two"]),
        (">x", &[]),
    ] {
        assert_eq!(listed(&mut world, bob, condition), expected, "{condition}");
    }
}

#[test]
fn a_secret_channel_is_listed_to_its_members() {
    let (mut world, alice, bob) = rooms();
    world.send(alice, "MODE #one +s");
    world.forget();
    assert_eq!(listed(&mut world, bob, ""), ["#two"]);
    assert!(listed(&mut world, bob, "#one").is_empty());
    assert_eq!(listed(&mut world, alice, ""), ["#one", "#two"]);
}

#[test]
fn a_list_is_cut_and_says_so() {
    let mut world = World::with(|config| config.limits.replies = 3);
    let alice = world.user("alice");
    for n in 0..5 {
        world.send(alice, &format!("JOIN #r{n}"));
    }
    let lines = world.ask(alice, "LIST");
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[4], ":irc.test 323 alice :End of /LIST, cut after 3 of 5 channels");
}

#[test]
fn there_are_not_more_masks_than_a_few() {
    let (mut world, _, bob) = rooms();
    let many = ["*a*"; 9].join(",");
    assert_eq!(
        world.ask(bob, &format!("LIST {many}")),
        [":irc.test 407 bob *a* :Too many recipients"]
    );
    let long = "*a".repeat(100);
    assert!(world.ask(bob, &format!("LIST {long}"))[0].contains(" 407 "));
}
