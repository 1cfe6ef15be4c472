//! WHO and WHOX: lists of users.

use crate::world::{Who, World};

/// Alice and bob in #room, alice as its operator; and eve elsewhere.
fn people() -> (World, Who, Who, Who) {
    let mut world = World::with_operator();
    let (alice, bob, eve) = (world.user("alice"), world.user("bob"), world.user("eve"));
    world.send(alice, "JOIN #Room");
    world.send(bob, "JOIN #room");
    world.forget();
    (world, alice, bob, eve)
}

#[test]
fn a_channel_lists_its_members() {
    let (mut world, alice, bob, _) = people();
    world.send(alice, "AWAY :gone");
    assert_eq!(
        world.ask(bob, "WHO #ROOM"),
        [
            ":irc.test 352 bob #Room ~alice 127.0.0.1 irc.test alice G@ :0 alice real",
            ":irc.test 352 bob #Room ~bob 127.0.0.1 irc.test bob H :0 bob real",
            ":irc.test 315 bob #ROOM :End of WHO list",
        ]
    );
}

#[test]
fn a_nickname_lists_one_user_with_a_channel_that_both_are_in() {
    let (mut world, alice, bob, eve) = people();
    world.send(alice, "JOIN #first");
    world.send(alice, "JOIN #second");
    world.send(eve, "JOIN #second");
    let row = |world: &mut World, who, channel: &str, nick: &str, flags: &str| {
        let lines = world.ask(who, "WHO ALICE");
        assert_eq!(
            lines,
            [
                format!(
                    ":irc.test 352 {nick} {channel} ~alice 127.0.0.1 irc.test alice {flags} :0 alice real"
                ),
                format!(":irc.test 315 {nick} ALICE :End of WHO list"),
            ]
        );
    };
    row(&mut world, bob, "#Room", "bob", "H@");
    row(&mut world, eve, "#second", "eve", "H@");
}

#[test]
fn who_is_in_no_channel_has_a_star_for_one() {
    let (mut world, alice, _, _) = people();
    assert_eq!(
        world.ask(alice, "WHO eve")[0],
        ":irc.test 352 alice * ~eve 127.0.0.1 irc.test eve H :0 eve real"
    );
}

#[test]
fn a_mask_is_held_against_every_field() {
    let (mut world, alice, _, _) = people();
    for mask in ["e?e", "~ev*", "EVE*", "eve!*@127.*", "e?e r*"] {
        let lines = world.ask(alice, &format!("WHO :{mask}"));
        assert_eq!(lines.len(), 2, "{mask}: {lines:#?}");
        assert!(lines[0].contains(" eve H "), "{mask}");
    }
    assert_eq!(world.ask(alice, "WHO 127.0.0.*").len(), 4);
    assert_eq!(world.ask(alice, "WHO irc.test").len(), 4);
    assert_eq!(world.ask(alice, "WHO").len(), 4);
    assert_eq!(world.ask(alice, "WHO 0").len(), 4);
    assert_eq!(world.ask(alice, "WHO *")[3], ":irc.test 315 alice * :End of WHO list");
}

#[test]
fn flags_say_which_field_the_mask_is_for() {
    let (mut world, alice, _, _) = people();
    assert_eq!(world.ask(alice, "WHO eve* r").len(), 2);
    assert_eq!(world.ask(alice, "WHO eve* h").len(), 1);
    assert_eq!(world.ask(alice, "WHO 127* h%n").len(), 4);
    assert_eq!(world.ask(alice, "WHO ~e* n").len(), 1);
}

#[test]
fn nobody_is_an_empty_list() {
    let (mut world, alice, _, _) = people();
    for mask in ["nobody", "#nowhere", "n*y", &"x".repeat(300), &"*a".repeat(200)] {
        let lines = world.ask(alice, &format!("WHO {mask}"));
        assert_eq!(lines.len(), 1, "{mask}");
        assert!(lines[0].starts_with(&format!(":irc.test 315 alice {mask}")), "{mask}");
    }
}

#[test]
fn operators_have_a_star_and_can_be_asked_for() {
    let (mut world, alice, bob, _) = people();
    assert_eq!(world.ask(bob, "WHO * o").len(), 1);
    world.send(alice, "OPER root sesame");
    assert_eq!(
        world.ask(bob, "WHO * o"),
        [
            ":irc.test 352 bob #Room ~alice 127.0.0.1 irc.test alice H*@ :0 alice real",
            ":irc.test 315 bob * :End of WHO list",
        ]
    );
    assert_eq!(world.ask(bob, "WHO #room o").len(), 2);
    assert_eq!(world.ask(bob, "WHO eve o").len(), 1);
}

#[test]
fn all_fields_come_in_their_order() {
    let (mut world, alice, bob, _) = people();
    world.pass(std::time::Duration::from_secs(7));
    let all = ":irc.test 354 bob 123 #Room ~alice 255.255.255.255 127.0.0.1 irc.test alice H@ 0 7 0 n/a :alice real";
    for fields in ["%tcuihsnfdlaor,123", "%roaldfnshiuct,123"] {
        assert_eq!(
            world.ask(bob, &format!("WHO alice {fields}")),
            [all, ":irc.test 315 bob alice :End of WHO list"]
        );
    }
    assert!(world.ask(alice, "WHO alice %i")[0].ends_with(" 354 alice 127.0.0.1"));
}

#[test]
fn only_the_wanted_fields_come() {
    let (mut world, _, bob, _) = people();
    assert_eq!(world.ask(bob, "WHO alice %tn,321")[0], ":irc.test 354 bob 321 alice");
    assert_eq!(world.ask(bob, "WHO alice %an")[0], ":irc.test 354 bob alice 0");
    assert_eq!(world.ask(bob, "WHO alice %nr")[0], ":irc.test 354 bob alice :alice real");
    assert_eq!(world.ask(bob, "WHO alice %tn,1234")[0], ":irc.test 354 bob 0 alice", "no token");
    assert_eq!(world.ask(bob, "WHO alice %zZ!n")[0], ":irc.test 354 bob alice", "unknown fields");
    assert_eq!(world.ask(bob, "WHO alice %").len(), 1);
}

#[test]
fn the_account_and_its_flag_are_shown() {
    let (mut world, alice, bob, _) = people();
    world.send(alice, "REGISTER * * correct-horse");
    assert_eq!(world.ask(bob, "WHO alice %fa")[0], ":irc.test 354 bob H@r alice");
    assert_eq!(world.ask(bob, "WHO al* a%n")[0], ":irc.test 354 bob alice");
}

#[test]
fn a_list_has_an_end() {
    let mut world = World::with(|config| config.limits.replies = 3);
    let users: Vec<Who> = (0..5).map(|n| world.user(&format!("user{n}"))).collect();
    for user in &users {
        world.send(*user, "JOIN #room");
    }
    assert_eq!(world.ask(users[0], "WHO *").len(), 4);
    assert_eq!(world.ask(users[0], "WHO #room").len(), 4);
}

#[test]
fn real_addresses_are_for_operators() {
    let (mut world, alice, bob, _) = people();
    let far = world.connect_as(|peer| peer.address = "2001:db8::7".parse().unwrap());
    world.register(far, "far", "");
    world.forget();
    let shown = world.ask(bob, "WHO far %ih").remove(0);
    assert!(shown.starts_with(":irc.test 354 bob 255.255.255.255 "), "{shown}");
    assert!(!shown.contains("2001"), "{shown}");
    assert_eq!(world.ask(bob, "WHO 2001* i").len(), 1);
    world.send(alice, "OPER root sesame");
    assert!(world.ask(alice, "WHO far %i")[0].ends_with(" 2001:db8::7"));
    assert_eq!(world.ask(alice, "WHO 2001* i").len(), 2);
}

#[test]
fn who_hides_is_listed_for_those_who_share_a_channel() {
    let (mut world, alice, bob, eve) = people();
    world.send(alice, "MODE alice +i");
    assert_eq!(world.ask(bob, "WHO al*").len(), 2);
    assert_eq!(world.ask(eve, "WHO al*").len(), 1);
    assert_eq!(
        world.ask(eve, "WHO #room %n"),
        [":irc.test 354 eve bob", ":irc.test 315 eve #room :End of WHO list"]
    );
    assert_eq!(world.ask(eve, "WHO alice %nc")[0], ":irc.test 354 eve * alice", "by name");
    world.send(eve, "OPER root sesame");
    assert_eq!(world.ask(eve, "WHO al*").len(), 2);
}

#[test]
fn a_secret_channel_is_seen_from_inside() {
    let (mut world, alice, bob, eve) = people();
    world.send(alice, "MODE #room +s");
    assert_eq!(world.ask(bob, "WHO #room").len(), 3);
    assert_eq!(world.ask(eve, "WHO #room"), [":irc.test 315 eve #room :End of WHO list"]);
    assert_eq!(world.ask(eve, "WHO alice %nc")[0], ":irc.test 354 eve * alice");
}

#[test]
fn all_signs_are_for_who_asked_for_them() {
    let (mut world, alice, bob, _) = people();
    let carol = world.user_with("carol", "multi-prefix");
    world.send(alice, "MODE #room +v alice");
    world.send(alice, "MODE alice +B");
    assert_eq!(world.ask(bob, "WHO alice %f")[0], ":irc.test 354 bob H@B");
    assert_eq!(world.ask(carol, "WHO alice %f")[0], ":irc.test 354 carol H@+B");
}
