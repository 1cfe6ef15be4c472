//! RENAME.

use std::time::Duration;

use crate::world::{Who, World};

/// Alice, an operator of `#old`, and bob, with these capabilities.
fn room(alice: &str, bob: &str) -> (World, Who, Who) {
    let mut world = World::new();
    let alice = world.user_with("alice", alice);
    let bob = world.user_with("bob", bob);
    world.send(alice, "JOIN #old");
    world.send(bob, "JOIN #old");
    world.send(alice, "TOPIC #old :about");
    world.send(alice, "PRIVMSG #old :before");
    world.forget();
    (world, alice, bob)
}

const RENAME: &str = "draft/channel-rename";

#[test]
fn those_who_know_it_are_told_by_rename() {
    let (mut world, alice, bob) = room(RENAME, RENAME);
    let told = ":alice!~alice@127.0.0.1 RENAME #old #New :a better name";
    assert_eq!(world.ask(alice, "RENAME #OLD #New :a better name"), [told]);
    assert_eq!(world.lines(bob), [told]);
    world.send(bob, "PRIVMSG #new :after");
    assert_eq!(world.lines(alice), [":bob!~bob@127.0.0.1 PRIVMSG #New :after"]);
    assert!(world.ask(bob, "PRIVMSG #old :x")[0].contains(" 403 "));
    let conversations: Vec<&str> = world.events.iter().map(|event| &*event.conversation).collect();
    assert!(conversations.iter().all(|key| *key == "#new"), "history goes along");
}

#[test]
fn the_others_leave_one_room_and_come_into_another() {
    let (mut world, alice, bob) = room("", "extended-join multi-prefix");
    let seconds = world.wall() / 1000;
    world.send(alice, "RENAME #old #new :why not");
    assert_eq!(
        world.lines(bob),
        [
            ":bob!~bob@127.0.0.1 PART #old :why not".to_owned(),
            ":bob!~bob@127.0.0.1 JOIN #new * :bob real".to_owned(),
            ":irc.test 332 bob #new :about".to_owned(),
            format!(":irc.test 333 bob #new alice!~alice@127.0.0.1 {seconds}"),
            ":irc.test 353 bob = #new :@alice bob".to_owned(),
            ":irc.test 366 bob #new :End of /NAMES list".to_owned(),
        ]
    );
    let mine = world.lines(alice);
    assert_eq!(mine[0], ":alice!~alice@127.0.0.1 PART #old :why not");
    assert_eq!(mine[1], ":alice!~alice@127.0.0.1 JOIN #new");
    assert_eq!(mine.len(), 6);
}

#[test]
fn without_a_reason_rename_has_an_empty_one_and_part_has_none() {
    let (mut world, alice, bob) = room(RENAME, "");
    assert_eq!(
        world.ask(alice, "RENAME #old #new"),
        [":alice!~alice@127.0.0.1 RENAME #old #new :"]
    );
    assert_eq!(world.lines(bob)[0], ":bob!~bob@127.0.0.1 PART #old");
}

#[test]
fn a_change_of_capitals_is_told_only_to_those_who_know_it() {
    let (mut world, alice, bob) = room(RENAME, "");
    assert_eq!(
        world.ask(alice, "RENAME #old #OLD"),
        [":alice!~alice@127.0.0.1 RENAME #old #OLD :"]
    );
    assert!(world.lines(bob).is_empty());
    world.send(bob, "PRIVMSG #old :x");
    assert_eq!(world.lines(alice), [":bob!~bob@127.0.0.1 PRIVMSG #OLD :x"]);
    assert!(world.events.iter().any(|event| event.text.as_deref() == Some("before")));
}

#[test]
fn what_cannot_be_renamed_is_refused_with_a_reason() {
    let (mut world, alice, bob) = room(RENAME, RENAME);
    world.send(bob, "JOIN #taken");
    world.forget();
    let mut ask = |who, line: &str| world.ask(who, line).remove(0);
    assert_eq!(
        ask(alice, "RENAME #old #Taken"),
        ":irc.test FAIL RENAME CHANNEL_NAME_IN_USE #old #Taken :There is a channel of this name"
    );
    let bad = ":irc.test FAIL RENAME CANNOT_RENAME #old new :This is no name of a channel";
    assert_eq!(ask(alice, "RENAME #old new"), bad);
    assert_eq!(
        ask(alice, "RENAME #old #LOBBY"),
        ":irc.test FAIL RENAME CANNOT_RENAME #old #LOBBY :The lobby keeps its name"
    );
    assert_eq!(ask(bob, "RENAME #old #new"), ":irc.test 482 bob #old :You're not channel operator");
    assert_eq!(
        ask(alice, "RENAME #taken #new"),
        ":irc.test 442 alice #taken :You're not on that channel"
    );
    assert_eq!(ask(alice, "RENAME #none #new"), ":irc.test 403 alice #none :No such channel");
    assert_eq!(ask(alice, "RENAME #old"), ":irc.test 461 alice RENAME :Not enough parameters");
}

#[test]
fn a_name_stays_for_a_minute() {
    let (mut world, alice, _) = room(RENAME, RENAME);
    world.send(alice, "RENAME #old #new");
    assert_eq!(
        world.ask(alice, "RENAME #new #newer"),
        [":irc.test FAIL RENAME CANNOT_RENAME #new #newer :It was renamed a moment ago"]
    );
    world.pass(Duration::from_secs(60));
    assert!(world.ask(alice, "RENAME #new #newer")[0].contains(" RENAME #new #newer :"));
}

#[test]
fn the_old_name_is_free_again() {
    let (mut world, alice, bob) = room(RENAME, RENAME);
    world.send(alice, "RENAME #old #new");
    world.forget();
    assert_eq!(world.ask(bob, "JOIN #old")[1], ":irc.test 353 bob = #old :@bob");
}

#[test]
fn the_mark_of_a_closed_room_goes_along() {
    let (mut world, alice, bob) = room(RENAME, RENAME);
    world.send(alice, "MODE #old +i");
    world.send(alice, "RENAME #old #new");
    world.send(alice, "PART #new");
    world.send(bob, "PART #new");
    assert!(world.events.is_empty(), "{:#?}", world.events);
    use callbox_hub::contract::Record;
    let kept = world.records();
    assert_eq!(kept.last(), Some(&Record::DropChannel { key: "#new".into() }));
    assert!(kept.contains(&Record::DropChannel { key: "#old".into() }));
}

#[test]
fn a_name_under_which_something_was_said_is_not_taken_over() {
    let (mut world, alice, bob) = room(RENAME, RENAME);
    world.send_all(bob, &["JOIN #used", "PRIVMSG #used :to be kept", "PART #used"]);
    world.forget();
    assert_eq!(
        world.ask(alice, "RENAME #old #Used"),
        [":irc.test FAIL RENAME CANNOT_RENAME #old #Used \
          :What was said in a channel of this name would be lost"]
    );
    assert!(world.events.iter().any(|event| event.text.as_deref() == Some("to be kept")));
    // A room in which nobody said a word is no loss.
    world.send_all(bob, &["JOIN #unused", "PART #unused"]);
    world.forget();
    assert!(world.ask(alice, "RENAME #old #unused")[0].contains(" RENAME #old #unused "));
}

#[test]
fn without_a_history_any_free_name_is_taken() {
    let mut world = World::with(|config| config.history.enabled = false);
    let alice = world.user_with("alice", RENAME);
    world.send(alice, "JOIN #old");
    world.forget();
    assert!(world.ask(alice, "RENAME #old #new")[0].contains(" RENAME #old #new "));
}
