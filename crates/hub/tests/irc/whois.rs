//! WHOIS and WHOWAS: who somebody is and was.

use std::time::Duration;

use crate::world::World;

#[test]
fn a_stranger_is_told_what_is_public() {
    let mut world = World::with_operator();
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    world.send(alice, "JOIN #one");
    world.send(alice, "JOIN #two");
    world.pass(Duration::from_secs(5));
    assert_eq!(
        world.ask(bob, "WHOIS ALICE"),
        [
            ":irc.test 311 bob alice ~alice 127.0.0.1 * :alice real",
            ":irc.test 319 bob alice :@#one @#two",
            ":irc.test 312 bob alice irc.test :a callbox",
            ":irc.test 317 bob alice 5 1767225600 :seconds idle, signon time",
            ":irc.test 318 bob ALICE :End of /WHOIS list",
        ]
    );
}

#[test]
fn everything_that_there_is_to_say_is_said_in_order() {
    let mut world = World::with_operator();
    let alice = world.connect_as(|peer| {
        peer.secure = true;
        peer.fingerprint = Some("cafe".into());
        peer.address = "192.0.2.7".parse().unwrap();
    });
    world.register(alice, "alice", "draft/metadata-2 batch");
    world.send_all(
        alice,
        &[
            "REGISTER * * correct-horse",
            "AWAY :gone",
            "METADATA * SET pronouns :she/her",
            "METADATA * SET secret-plan :none",
            "OPER root sesame",
        ],
    );
    let own = world.ask(alice, "WHOIS alice");
    let numerics: Vec<&str> = own.iter().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(
        numerics,
        ["311", "312", "301", "313", "276", "338", "379", "671", "317", "330", "760", "318"]
    );
    assert_eq!(own[2], ":irc.test 301 alice alice :gone");
    assert_eq!(own[3], ":irc.test 313 alice alice :is an IRC operator");
    assert_eq!(own[4], ":irc.test 276 alice alice :has client certificate fingerprint cafe");
    assert_eq!(own[5], ":irc.test 338 alice alice 192.0.2.7 :Is actually using host");
    assert_eq!(own[6], ":irc.test 379 alice alice :is using modes +Zor");
    assert_eq!(own[7], ":irc.test 671 alice alice :is using a secure connection");
    assert_eq!(own[9], ":irc.test 330 alice alice alice :is logged in as");
    assert_eq!(own[10], ":irc.test 760 alice alice pronouns * :she/her");

    let bob = world.user("bob");
    let seen = world.ask(bob, "WHOIS alice");
    let numerics: Vec<&str> = seen.iter().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(numerics, ["311", "312", "301", "313", "671", "317", "330", "760", "318"]);
    assert!(!seen.iter().any(|line| line.contains("192.0.2.7")), "{seen:#?}");
}

#[test]
fn nobody_is_401_and_the_end() {
    let mut world = World::with_operator();
    let bob = world.user("bob");
    assert_eq!(
        world.ask(bob, "WHOIS nobody"),
        [
            ":irc.test 401 bob nobody :No such nick/channel",
            ":irc.test 318 bob nobody :End of /WHOIS list",
        ]
    );
    assert_eq!(world.ask(bob, "WHOIS"), [":irc.test 431 bob :No nickname given"]);
    assert_eq!(world.ask(bob, "WHOIS :"), [":irc.test 431 bob :No nickname given"]);
    assert_eq!(world.ask(bob, "WHOIS b*b")[0].split(' ').nth(1), Some("401"));
    let long = world.ask(bob, &format!("WHOIS {}", "x".repeat(480)));
    assert_eq!(long.len(), 2);
}

#[test]
fn the_server_to_ask_may_be_named() {
    let mut world = World::with_operator();
    let (_, bob) = (world.user("alice"), world.user("bob"));
    for server in ["irc.test", "*.test", "alice", "ALICE"] {
        let lines = world.ask(bob, &format!("WHOIS {server} alice"));
        assert!(lines[0].starts_with(":irc.test 311 bob alice "), "{server}");
    }
    assert_eq!(
        world.ask(bob, "WHOIS irc.elsewhere alice"),
        [":irc.test 402 bob irc.elsewhere :No such server"]
    );
}

#[test]
fn of_a_list_only_the_first_is_looked_up_and_the_end_names_all() {
    let mut world = World::with_operator();
    let (_, bob) = (world.user("alice"), world.user("bob"));
    let lines = world.ask(bob, "WHOIS bob,alice");
    let (end, found) = lines.split_last().unwrap();
    assert!(found.iter().all(|line| !line.contains("alice")), "{lines:#?}");
    assert_eq!(end, ":irc.test 318 bob bob,alice :End of /WHOIS list");
    assert_eq!(
        world.ask(bob, "WHOWAS nobody,Alice"),
        [
            ":irc.test 406 bob nobody :There was no such nickname",
            ":irc.test 369 bob nobody,Alice :End of WHOWAS",
        ]
    );
}

#[test]
fn many_channels_take_several_lines() {
    let mut world = World::with_operator();
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    for n in 0..30 {
        world.send(alice, &format!("JOIN #a-channel-with-a-name-of-some-length-{n}"));
    }
    let lines = world.ask(bob, "WHOIS alice");
    let channels: Vec<&str> = lines
        .iter()
        .filter(|line| line.contains(" 319 "))
        .flat_map(|line| line.split(" :").nth(1).unwrap().split(' '))
        .collect();
    assert_eq!(channels.len(), 30);
    assert!(channels.iter().all(|name| name.starts_with("@#a-channel-with-a-name-of-")));
}

#[test]
fn a_secret_channel_is_not_given_away() {
    let mut world = World::with_operator();
    let (alice, bob, eve) = (world.user("alice"), world.user("bob"), world.user("eve"));
    world.send(alice, "JOIN #den");
    world.send(alice, "MODE #den +s");
    world.send(bob, "JOIN #den");
    let channels = |world: &mut World, who| {
        let lines = world.ask(who, "WHOIS alice");
        lines.into_iter().find(|line| line.contains(" 319 "))
    };
    assert_eq!(channels(&mut world, eve), None);
    assert_eq!(channels(&mut world, bob).as_deref(), Some(":irc.test 319 bob alice :@#den"));
    assert_eq!(channels(&mut world, alice).as_deref(), Some(":irc.test 319 alice alice :@#den"));
}

#[test]
fn who_hides_shows_only_the_channels_that_both_are_in() {
    let mut world = World::with_operator();
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    world.send_all(alice, &["JOIN #one", "JOIN #two", "MODE alice +iB"]);
    let lines = world.ask(bob, "WHOIS alice");
    assert!(!lines.iter().any(|line| line.contains(" 319 ")), "{lines:#?}");
    assert!(lines.contains(&":irc.test 335 bob alice :is a bot".to_owned()), "{lines:#?}");
    world.send(bob, "JOIN #two");
    let lines = world.ask(bob, "WHOIS alice");
    assert_eq!(lines[1], ":irc.test 319 bob alice :@#two");
}

#[test]
fn who_was_here_is_remembered_the_last_one_first() {
    let mut world = World::with_operator();
    let bob = world.user("bob");
    let first = world.user("alice");
    world.send(first, "REGISTER * * correct-horse");
    world.send(first, "QUIT");
    world.pass(Duration::from_secs(60));
    let second = world.connect();
    world.send_all(second, &["NICK Carol", "USER other 0 * :Another"]);
    world.send(second, "NICK carla");
    world.pass(Duration::from_secs(30));
    world.send(second, "NICK carol");
    world.send(second, "QUIT");
    assert_eq!(
        world.ask(bob, "WHOWAS alice"),
        [
            ":irc.test 314 bob alice ~alice 127.0.0.1 * :alice real",
            ":irc.test 312 bob alice irc.test :2026-01-01 00:00:00 UTC",
            ":irc.test 330 bob alice alice :was logged in as",
            ":irc.test 369 bob alice :End of WHOWAS",
        ]
    );
    let both = [
        ":irc.test 314 bob carol ~other 127.0.0.1 * :Another",
        ":irc.test 312 bob carol irc.test :2026-01-01 00:01:30 UTC",
        ":irc.test 314 bob Carol ~other 127.0.0.1 * :Another",
        ":irc.test 312 bob Carol irc.test :2026-01-01 00:01:00 UTC",
        ":irc.test 369 bob CAROL :End of WHOWAS",
    ];
    for count in ["", " 2", " 0", " -1", " 99999999999999999999", " x"] {
        assert_eq!(world.ask(bob, &format!("WHOWAS CAROL{count}")), both, "{count}");
    }
    let one = world.ask(bob, "WHOWAS CAROL 1");
    assert_eq!(one, [both[0], both[1], both[4]]);
}

#[test]
fn who_never_was_is_406_and_the_end() {
    let mut world = World::with_operator();
    let bob = world.user("bob");
    assert_eq!(
        world.ask(bob, "WHOWAS nobody"),
        [
            ":irc.test 406 bob nobody :There was no such nickname",
            ":irc.test 369 bob nobody :End of WHOWAS",
        ]
    );
    assert_eq!(world.ask(bob, "WHOWAS"), [":irc.test 431 bob :No nickname given"]);
}

#[test]
fn only_so_many_are_remembered() {
    let mut world = World::with(|config| config.limits.whowas = 3);
    let bob = world.user("bob");
    for n in 0..5 {
        let who = world.user(&format!("guest{n}"));
        world.send(who, "QUIT");
    }
    assert!(world.ask(bob, "WHOWAS guest1")[0].contains(" 406 "));
    assert!(world.ask(bob, "WHOWAS guest2")[0].contains(" 314 "));
}
