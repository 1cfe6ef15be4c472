//! MONITOR: who comes and goes.

use crate::world::World;

#[test]
fn who_is_watched_is_announced_coming_and_going() {
    let mut world = World::new();
    let alice = world.user("alice");
    assert_eq!(world.ask(alice, "MONITOR + Bob"), [":irc.test 731 alice :Bob"]);
    let bob = world.connect();
    world.send(bob, "NICK bob");
    assert!(world.lines(alice).is_empty(), "not before registration");
    world.send(bob, "USER bob 0 * :bob");
    assert_eq!(world.lines(alice), [":irc.test 730 alice :bob!~bob@127.0.0.1"]);
    world.send(bob, "QUIT");
    assert_eq!(world.lines(alice), [":irc.test 731 alice :bob"]);
    let again = world.user("BOB");
    assert_eq!(world.lines(alice), [":irc.test 730 alice :BOB!~BOB@127.0.0.1"]);
    world.cut(again);
    assert_eq!(world.lines(alice), [":irc.test 731 alice :BOB"]);
}

#[test]
fn who_watches_itself_hears_nothing_after_its_end() {
    let mut world = World::new();
    let alice = world.user("alice");
    world.ask(alice, "MONITOR + alice");
    let end = world.ask(alice, "QUIT");
    assert!(matches!(&end[..], [error] if error.starts_with("ERROR ")), "{end:?}");
}

#[test]
fn adding_says_who_is_here_and_who_is_not() {
    let mut world = World::new();
    let (alice, _) = (world.user("alice"), world.user("bob"));
    let both = [
        ":irc.test 730 alice :bob!~bob@127.0.0.1,alice!~alice@127.0.0.1",
        ":irc.test 731 alice :carol",
    ];
    assert_eq!(world.ask(alice, "MONITOR + bob,carol,alice"), both);
    assert_eq!(world.ask(alice, "MONITOR + bob,carol,alice"), both, "also for whom I watch");
    assert_eq!(
        world.ask(alice, "MONITOR L"),
        [":irc.test 732 alice :alice,bob,carol", ":irc.test 733 alice :End of MONITOR list",]
    );
}

#[test]
fn the_status_of_all_can_be_asked_for() {
    let mut world = World::new();
    let (alice, _) = (world.user("alice"), world.user("bob"));
    assert!(world.ask(alice, "MONITOR S").is_empty());
    world.send(alice, "MONITOR + bob,carol");
    assert_eq!(
        world.ask(alice, "MONITOR S"),
        [":irc.test 730 alice :bob!~bob@127.0.0.1", ":irc.test 731 alice :carol"]
    );
}

#[test]
fn who_is_taken_off_or_cleared_is_watched_no_more() {
    let mut world = World::new();
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    world.send_all(alice, &["MONITOR + qux,other", "MONITOR + third"]);
    world.send(bob, "MONITOR + qux");
    assert!(world.ask(alice, "MONITOR - QUX,never").is_empty());
    assert!(world.ask(alice, "MONITOR C").is_empty());
    assert_eq!(world.ask(alice, "MONITOR L"), [":irc.test 733 alice :End of MONITOR list"]);
    world.forget();
    world.user("qux");
    world.user("other");
    assert!(world.lines(alice).is_empty());
    assert_eq!(world.lines(bob).len(), 1);
}

#[test]
fn another_nickname_is_a_going_and_a_coming() {
    let mut world = World::new();
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    world.send(alice, "MONITOR + qux,bob");
    world.forget();
    world.send(bob, "NICK qux");
    assert_eq!(
        world.lines(alice),
        [":irc.test 731 alice :bob", ":irc.test 730 alice :qux!~bob@127.0.0.1"]
    );
    world.send(bob, "NICK QUX");
    assert!(world.lines(alice).is_empty(), "the same name in another case");
    world.send(bob, "NICK baz");
    assert_eq!(world.lines(alice), [":irc.test 731 alice :QUX"]);
}

#[test]
fn there_are_only_so_many_places() {
    let mut world = World::with(|config| config.limits.monitor = 2);
    let alice = world.user("alice");
    assert_eq!(
        world.ask(alice, "MONITOR + a,b,c,a,d"),
        [":irc.test 731 alice :a,b,a", ":irc.test 734 alice 2 c,d :Monitor list is full.",]
    );
    let many: Vec<String> = (0..60).map(|n| format!("nobody{n}")).collect();
    let lines = world.ask(alice, &format!("MONITOR + {}", many.join(",")));
    assert!(lines.len() > 1);
    assert!(lines.iter().all(|line| line.ends_with(" :Monitor list is full.")), "{lines:#?}");
}

#[test]
fn a_full_list_is_told_in_lines_that_fit() {
    let mut world = World::new();
    let alice = world.user("alice");
    for n in 0..130 {
        world.send(alice, &format!("MONITOR + somebody-with-a-long-name-{n}"));
    }
    world.forget();
    for line in ["MONITOR L", "MONITOR S"] {
        let lines = world.ask(alice, line);
        let names: usize = lines
            .iter()
            .filter(|line| !line.contains(" 733 "))
            .map(|line| line.split(',').count())
            .sum();
        assert_eq!(names, 128, "{line}");
    }
}

#[test]
fn masks_and_nonsense_are_not_watched() {
    let mut world = World::new();
    let alice = world.user("alice");
    for line in
        ["MONITOR + *!user@host", "MONITOR + b*", "MONITOR + #room", "MONITOR X", "MONITOR :"]
    {
        assert!(world.ask(alice, line).is_empty(), "{line}");
    }
    for line in ["MONITOR", "MONITOR +", "MONITOR -", "MONITOR + ,"] {
        assert_eq!(
            world.ask(alice, line),
            [":irc.test 461 alice MONITOR :Not enough parameters"],
            "{line}"
        );
    }
    assert_eq!(world.ask(alice, "MONITOR L").len(), 1);
}

#[test]
fn with_extended_monitor_changes_are_announced_too() {
    let mut world = World::new();
    let caps = "extended-monitor away-notify setname account-notify";
    let (watcher, plain) =
        (world.user_with("watcher", caps), world.user_with("plain", "away-notify"));
    let bob = world.user("bob");
    for who in [watcher, plain] {
        world.send(who, "MONITOR + bob");
    }
    world.forget();
    world.send_all(bob, &["AWAY :lunch", "AWAY", "SETNAME :Robert", "REGISTER * * correct-horse"]);
    assert_eq!(
        world.lines(watcher),
        [
            ":bob!~bob@127.0.0.1 AWAY :lunch",
            ":bob!~bob@127.0.0.1 AWAY",
            ":bob!~bob@127.0.0.1 SETNAME :Robert",
            ":bob!~bob@127.0.0.1 ACCOUNT bob",
        ]
    );
    assert!(world.lines(plain).is_empty());
}

#[test]
fn who_shares_a_channel_as_well_hears_it_once() {
    let mut world = World::new();
    let (alice, bob) =
        (world.user_with("alice", "extended-monitor away-notify"), world.user("bob"));
    world.send_all(alice, &["MONITOR + bob", "JOIN #room"]);
    world.send(bob, "JOIN #room");
    world.forget();
    world.send(bob, "AWAY :lunch");
    assert_eq!(world.lines(alice), [":bob!~bob@127.0.0.1 AWAY :lunch"]);
}

#[test]
fn who_comes_and_goes_is_told_with_the_tags_of_who_it_is() {
    let mut world = World::new();
    let watcher = world.user_with("watcher", "message-tags account-tag");
    let bob = world.user("bob");
    world.send_all(bob, &["REGISTER * * correct-horse", "MODE bob +B"]);
    world.send(watcher, "MONITOR + robot");
    world.forget();
    world.send_all(bob, &["NICK robot", "QUIT"]);
    assert_eq!(
        world.lines(watcher),
        [
            "@account=bob;bot :irc.test 730 watcher :robot!~bob@127.0.0.1",
            "@account=bob;bot :irc.test 731 watcher :robot",
        ]
    );
}
