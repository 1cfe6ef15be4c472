//! INVITE.

use std::time::Duration;

use crate::world::{Who, World};

/// Alice, an operator of `#room`, with bob; and carol outside.
fn room() -> (World, Who, Who, Who) {
    let mut world = World::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|nick| world.user(nick));
    world.send(alice, "JOIN #room");
    world.send(bob, "JOIN #room");
    world.forget();
    (world, alice, bob, carol)
}

#[test]
fn an_invitation_opens_the_door_once() {
    let (mut world, alice, bob, carol) = room();
    world.send(alice, "MODE #room +iklRb sesame 1 carol!*@*");
    world.forget();
    assert_eq!(world.ask(alice, "INVITE CAROL #ROOM"), [":irc.test 341 alice carol #room"]);
    assert_eq!(world.lines(carol), [":alice!~alice@127.0.0.1 INVITE carol #room"]);
    assert!(world.lines(bob).is_empty());
    assert!(world.ask(carol, "JOIN #room")[0].contains(" JOIN "));
    world.send(carol, "PART #room");
    assert!(world.ask(carol, "JOIN #room")[0].contains(" 477 "));
}

#[test]
fn any_member_may_invite_into_an_open_room_but_opens_nothing() {
    let (mut world, alice, bob, carol) = room();
    assert_eq!(world.ask(bob, "INVITE carol #room"), [":irc.test 341 bob carol #room"]);
    world.send(alice, "MODE #room +b carol!*@*");
    assert!(world.ask(carol, "JOIN #room")[0].contains(" 474 "));
    world.send(alice, "INVITE carol #room");
    world.send(bob, "INVITE carol #room");
    assert!(world.ask(carol, "JOIN #room")[0].contains(" JOIN "), "the better one counts");
}

#[test]
fn what_is_wrong_with_an_invitation_is_said() {
    let (mut world, alice, bob, carol) = room();
    assert_eq!(
        world.ask(alice, "INVITE nobody #room"),
        [":irc.test 401 alice nobody :No such nick/channel"]
    );
    assert_eq!(
        world.ask(alice, "INVITE carol #none"),
        [":irc.test 403 alice #none :No such channel"]
    );
    assert_eq!(
        world.ask(carol, "INVITE bob #room"),
        [":irc.test 442 carol #room :You're not on that channel"]
    );
    assert_eq!(
        world.ask(alice, "INVITE Bob #room"),
        [":irc.test 443 alice bob #room :is already on channel"]
    );
    assert_eq!(
        world.ask(alice, "INVITE bob"),
        [":irc.test 461 alice INVITE :Not enough parameters"]
    );
    world.send(alice, "MODE #room +i");
    world.forget();
    assert_eq!(
        world.ask(bob, "INVITE carol #room"),
        [":irc.test 482 bob #room :You're not channel operator"]
    );
    assert!(world.lines(carol).is_empty());
}

#[test]
fn who_is_away_says_so() {
    let (mut world, alice, _, carol) = room();
    world.send(carol, "AWAY :at lunch");
    assert_eq!(
        world.ask(alice, "INVITE carol #room"),
        [":irc.test 341 alice carol #room", ":irc.test 301 alice carol :at lunch"]
    );
}

#[test]
fn those_who_could_have_invited_are_told_if_they_asked() {
    let (mut world, alice, _, _) = room();
    let dave = world.user_with("dave", "invite-notify");
    world.send(dave, "JOIN #room");
    world.forget();
    let told = ":alice!~alice@127.0.0.1 INVITE carol #room";
    world.send(alice, "INVITE carol #room");
    assert_eq!(world.lines(dave), [told]);
    world.send(alice, "MODE #room +i");
    world.lines(dave);
    world.send(alice, "INVITE carol #room");
    assert!(world.lines(dave).is_empty(), "he could not");
    world.send(alice, "MODE #room +h dave");
    world.lines(dave);
    world.send(alice, "INVITE carol #room");
    assert_eq!(world.lines(dave), [told]);
}

#[test]
fn invitations_are_listed_and_end() {
    let (mut world, alice, _, carol) = room();
    let end = ":irc.test 337 carol :End of /INVITE list";
    assert_eq!(world.ask(carol, "INVITE"), [end]);
    world.send(alice, "JOIN #other");
    world.send(alice, "INVITE carol #room");
    world.send(alice, "INVITE carol #other");
    world.send(alice, "INVITE carol #room");
    assert_eq!(
        world.ask(carol, "INVITE"),
        [":irc.test 336 carol #other", ":irc.test 336 carol #room", end]
    );
    world.send(alice, "MODE #room +i");
    for _ in 0..24 * 60 {
        world.pass(Duration::from_secs(60));
        world.send(alice, "PONG x");
        world.send(carol, "PONG x");
    }
    assert_eq!(world.ask(carol, "INVITE"), [end]);
    assert!(world.ask(carol, "JOIN #room")[0].contains(" 473 "));
}

#[test]
fn an_invitation_does_not_outlive_its_channel() {
    let (mut world, alice, bob, carol) = room();
    world.send(alice, "INVITE carol #room");
    world.send(alice, "PART #room");
    world.send(bob, "PART #room");
    let eve = world.user("eve");
    world.send(eve, "JOIN #room");
    world.send(eve, "MODE #room +i");
    assert_eq!(world.ask(carol, "INVITE").len(), 1);
    assert!(world.ask(carol, "JOIN #room")[0].contains(" 473 "), "that is another room");
}

#[test]
fn nobody_has_more_invitations_than_a_few() {
    let (mut world, alice, _, carol) = room();
    for n in 0..40 {
        world.send(alice, &format!("JOIN #r{n}"));
        world.send(alice, &format!("INVITE carol #r{n}"));
    }
    let lines = world.ask(carol, "INVITE");
    assert_eq!(lines.len(), 33);
    assert_eq!(lines[0], ":irc.test 336 carol #r8", "the oldest go");
}

#[test]
fn who_takes_messages_of_accounts_only_takes_such_invitations_only() {
    let (mut world, alice, _, carol) = room();
    world.send(carol, "MODE carol +R");
    world.forget();
    assert!(world.ask(alice, "INVITE carol #room")[0].contains(" 477 "));
    assert!(world.lines(carol).is_empty());
}
