//! Taking a message back.

use std::time::Duration;

use callbox_hub::config::Operator;

use crate::world::{Who, World};

const CAPS: &str = "draft/message-redaction message-tags echo-message";

/// Alice, who made the room and keeps order in it, and bob.
fn room() -> (World, Who, Who) {
    let mut world = World::with(|config| {
        config.operators.push(Operator {
            name: "root".into(),
            password: "hash:secret".into(),
            fingerprint: None,
            host: None,
        });
    });
    let alice = world.user_with("alice", CAPS);
    let bob = world.user_with("bob", CAPS);
    world.send(alice, "JOIN #room");
    world.send(bob, "JOIN #room");
    world.forget();
    (world, alice, bob)
}

/// Says something and gives its id.
fn say(world: &mut World, who: Who, line: &str) -> String {
    world.send(who, line);
    world.forget();
    world.events.last().expect("it is kept").msgid.to_string()
}

fn is_kept(world: &World, id: &str) -> bool {
    world.events.iter().any(|event| *event.msgid == *id)
}

#[test]
fn an_author_takes_it_back_and_everybody_who_knows_learns_of_it() {
    let (mut world, alice, bob) = room();
    let old = world.user_with("old", "message-tags");
    world.send(old, "JOIN #room");
    let id = say(&mut world, bob, "PRIVMSG #room :oops");
    world.send(bob, &format!("REDACT #ROOM {id} :wrong window"));
    let wanted = format!(":bob!~bob@127.0.0.1 REDACT #room {id} :wrong window");
    assert_eq!(world.receipt_at(bob), Some(0));
    let line = world.lines(bob).remove(0);
    assert!(line.starts_with("@msgid=") && line.ends_with(&wanted), "{line}");
    assert_eq!(world.lines(alice), [line]);
    assert!(world.lines(old).is_empty(), "it is no command to clients without the capability");
    assert!(!is_kept(&world, &id));
    let id = say(&mut world, bob, "PRIVMSG #room :again");
    assert_eq!(
        world.ask(bob, &format!("REDACT #room {id}")),
        [format!(":bob!~bob@127.0.0.1 REDACT #room {id}")]
    );
}

#[test]
fn those_who_keep_order_take_back_what_others_said_and_others_do_not() {
    let (mut world, alice, bob) = room();
    let id = say(&mut world, alice, "PRIVMSG #room :mine");
    assert_eq!(
        world.ask(bob, &format!("REDACT #room {id}")),
        [format!(
            ":irc.test FAIL REDACT REDACT_FORBIDDEN #room {id} :You are not authorised to delete this message"
        )]
    );
    assert!(is_kept(&world, &id) && world.lines(alice).is_empty());
    let id = say(&mut world, bob, "PRIVMSG #room :spam");
    world.send(alice, &format!("REDACT #room {id} spam"));
    assert_eq!(world.bodies(bob), [format!(":alice!~alice@127.0.0.1 REDACT #room {id} :spam")]);
    assert!(!is_kept(&world, &id));
}

#[test]
fn a_guest_is_the_author_only_in_the_same_session() {
    let (mut world, _, bob) = room();
    let id = say(&mut world, bob, "PRIVMSG #room :hello");
    let private = say(&mut world, bob, "PRIVMSG alice :hello");
    world.send(bob, "NICK rob");
    world.send(bob, "QUIT");
    let other = world.user_with("bob", CAPS);
    world.send(other, "JOIN #room");
    let lines = world.ask(other, &format!("REDACT #room {id}"));
    assert!(lines[0].contains("FAIL REDACT REDACT_FORBIDDEN #room"), "{lines:#?}");
    let lines = world.ask(other, &format!("REDACT alice {private}"));
    assert!(lines[0].contains("FAIL REDACT UNKNOWN_MSGID alice"), "{lines:#?}");
    let id = say(&mut world, other, "PRIVMSG #room :mine");
    world.send(other, "NICK robert");
    world.forget();
    world.send(other, &format!("REDACT #room {id}"));
    assert!(!is_kept(&world, &id), "a new nickname changes nothing");
}

#[test]
fn an_account_is_the_author_from_any_session() {
    let (mut world, _, bob) = room();
    world.send(bob, "REGISTER * * correct-horse");
    world.forget();
    let id = say(&mut world, bob, "PRIVMSG #room :hello");
    world.send(bob, "QUIT");
    let again = world.connect();
    world.send_all(again, &["CAP LS 302", "CAP REQ sasl", "AUTHENTICATE PLAIN"]);
    world.send(again, "AUTHENTICATE AGJvYgBjb3JyZWN0LWhvcnNl");
    world.register(again, "rob", CAPS);
    world.send(again, "JOIN #room");
    world.forget();
    world.send(again, &format!("REDACT #room {id}"));
    assert!(!is_kept(&world, &id), "{:#?}", world.lines(again));
}

#[test]
fn private_words_are_their_authors_alone() {
    let (mut world, alice, bob) = room();
    let id = say(&mut world, alice, "PRIVMSG bob :hello");
    let lines = world.ask(bob, &format!("REDACT alice {id}"));
    assert!(lines[0].contains("FAIL REDACT REDACT_FORBIDDEN alice"), "{lines:#?}");
    let eve = world.user_with("eve", CAPS);
    for target in ["alice", "bob", "eve"] {
        let lines = world.ask(eve, &format!("REDACT {target} {id}"));
        assert!(lines[0].contains("FAIL REDACT UNKNOWN_MSGID"), "{lines:#?}");
    }
    world.send(alice, &format!("REDACT bob {id}"));
    let wanted = format!(":alice!~alice@127.0.0.1 REDACT bob {id}");
    assert_eq!(world.bodies(alice), [&*wanted]);
    assert_eq!(world.bodies(bob), [&*wanted]);
    assert!(!is_kept(&world, &id));
}

#[test]
fn what_is_wrong_with_a_redaction_is_said() {
    let (mut world, alice, bob) = room();
    let eve = world.user_with("eve", CAPS);
    let id = say(&mut world, bob, "PRIVMSG #room :hello");
    assert_eq!(
        world.ask(alice, "REDACT #room"),
        [":irc.test 461 alice REDACT :Not enough parameters"]
    );
    assert_eq!(
        world.ask(eve, &format!("REDACT #room {id}")),
        [":irc.test FAIL REDACT INVALID_TARGET #room :You cannot delete messages from there"]
    );
    for target in ["#none", "nobody", "*"] {
        assert_eq!(
            world.ask(alice, &format!("REDACT {target} {id}")),
            [format!(
                ":irc.test FAIL REDACT INVALID_TARGET {target} :You cannot delete messages from there"
            )]
        );
    }
    let join = world.events.first().expect("the JOIN").msgid.to_string();
    for id in ["nosuch", &join] {
        assert_eq!(
            world.ask(alice, &format!("REDACT #room {id}")),
            [format!(
                ":irc.test FAIL REDACT UNKNOWN_MSGID #room {id} :This message does not exist or is too old"
            )]
        );
    }
    let long = "x".repeat(400);
    let lines = world.ask(alice, &format!("REDACT #room {long} :{long}"));
    assert!(lines[0].ends_with(" :This message does not exist or is too old"), "{lines:#?}");
    // A right in one room is none in another.
    world.send(bob, "JOIN #bobs");
    let lines = world.ask(bob, &format!("REDACT #bobs {id}"));
    assert!(lines.last().is_some_and(|line| line.contains("UNKNOWN_MSGID")), "{lines:#?}");
    assert!(is_kept(&world, &id));
}

#[test]
fn after_a_day_words_stand() {
    let (mut world, alice, bob) = room();
    let id = say(&mut world, bob, "PRIVMSG #room :hello");
    for _ in 0..1441 {
        world.pass(Duration::from_secs(60));
        world.send(alice, "PONG x");
        world.send(bob, "PONG x");
    }
    world.forget();
    assert_eq!(
        world.ask(bob, &format!("REDACT #room {id}")),
        [format!(
            ":irc.test FAIL REDACT REDACT_WINDOW_EXPIRED #room {id} 86400 :You can no longer delete this message"
        )]
    );
    world.send(alice, &format!("REDACT #room {id}"));
    assert!(!is_kept(&world, &id), "but for those who keep order");
}

#[test]
fn an_operator_may_from_outside() {
    let (mut world, alice, bob) = room();
    let id = say(&mut world, bob, "PRIVMSG #room :hello");
    let root = world.user_with("root", CAPS);
    world.send(root, "OPER root secret");
    world.forget();
    let wanted = [format!(":root!~root@127.0.0.1 REDACT #room {id} :spam")];
    assert_eq!(world.ask(root, &format!("REDACT #room {id} :spam")), wanted);
    assert_eq!(world.bodies(alice), wanted);
    assert_eq!(world.bodies(bob), wanted);
}

#[test]
fn history_has_the_redaction_and_not_the_message() {
    let (mut world, alice, bob) = room();
    let id = say(&mut world, bob, "PRIVMSG #room :oops");
    world.send(bob, &format!("REDACT #room {id}"));
    let dm = say(&mut world, bob, "PRIVMSG alice :oops");
    world.send(bob, &format!("REDACT alice {dm} :typo"));
    world.send(alice, "CAP REQ :draft/chathistory batch");
    world.forget();
    let lines = world.ask(alice, "CHATHISTORY LATEST #room * 9");
    assert_eq!(lines.len(), 2, "{lines:#?}");
    world.send(alice, "CAP REQ draft/event-playback");
    let lines = world.ask(alice, "CHATHISTORY LATEST #room * 9");
    assert_eq!(lines[lines.len() - 2], format!(":bob!~bob@127.0.0.1 REDACT #room {id}"));
    let lines = world.ask(alice, "CHATHISTORY LATEST bob * 9");
    assert_eq!(lines[1], format!(":bob!~bob@127.0.0.1 REDACT alice {dm} :typo"));
    world.send(alice, "CAP REQ -draft/message-redaction");
    let lines = world.ask(alice, "CHATHISTORY LATEST #room * 9");
    assert!(!lines.iter().any(|line| line.contains("REDACT")), "{lines:#?}");
}

#[test]
fn a_redaction_carries_its_label() {
    let (mut world, _, bob) = room();
    world.send(bob, "CAP REQ :labeled-response batch");
    let id = say(&mut world, bob, "PRIVMSG #room :oops");
    world.send(bob, &format!("@label=r REDACT #room {id}"));
    assert!(world.lines(bob)[0].starts_with("@label=r;msgid="));
    world.send(bob, &format!("@label=s REDACT #room {id}"));
    assert!(world.lines(bob)[0].starts_with("@label=s :irc.test FAIL REDACT UNKNOWN_MSGID"));
}
