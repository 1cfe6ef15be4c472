//! Saying something to somebody.

use crate::world::{Who, World};

/// Alice and bob in one room, with these capabilities.
fn two(alice: &str, bob: &str) -> (World, Who, Who) {
    let mut world = World::new();
    let alice = world.user_with("alice", alice);
    let bob = world.user_with("bob", bob);
    world.send(alice, "JOIN #room");
    world.send(bob, "JOIN #room");
    world.forget();
    (world, alice, bob)
}

#[test]
fn a_private_message_reaches_one_person() {
    let (mut world, alice, bob) = two("", "");
    world.send(alice, "PRIVMSG BOB :hello");
    assert_eq!(world.lines(bob), [":alice!~alice@127.0.0.1 PRIVMSG bob :hello"]);
    assert!(world.lines(alice).is_empty());
}

#[test]
fn what_is_wrong_with_a_message_is_said() {
    let (mut world, alice, _) = two("", "");
    assert_eq!(world.ask(alice, "PRIVMSG"), [":irc.test 411 alice :No recipient given (PRIVMSG)"]);
    assert_eq!(world.ask(alice, "PRIVMSG bob"), [":irc.test 412 alice :No text to send"]);
    assert_eq!(
        world.ask(alice, "PRIVMSG nobody :x"),
        [":irc.test 401 alice nobody :No such nick/channel"]
    );
    assert_eq!(
        world.ask(alice, "PRIVMSG #none :x"),
        [":irc.test 403 alice #none :No such channel"]
    );
    let many = world.ask(alice, "PRIVMSG a,b,c,d,e,f :x");
    assert_eq!(many.last().map(String::as_str), Some(":irc.test 407 alice e :Too many recipients"));
    assert_eq!(many.len(), 5, "{many:#?}");
}

#[test]
fn nothing_answers_a_notice() {
    let (mut world, alice, bob) = two("", "");
    for line in ["NOTICE", "NOTICE bob", "NOTICE nobody :x", "NOTICE #none :x"] {
        assert!(world.ask(alice, line).is_empty(), "{line}");
    }
    world.send(alice, "NOTICE #room :psst");
    assert_eq!(world.lines(bob), [":alice!~alice@127.0.0.1 NOTICE #room :psst"]);
}

#[test]
fn nobody_outside_speaks_into_a_room() {
    let (mut world, _, bob) = two("", "");
    let eve = world.user("eve");
    assert_eq!(
        world.ask(eve, "PRIVMSG #room :x"),
        [":irc.test 404 eve #room :Cannot send to channel"]
    );
    assert!(world.lines(bob).is_empty());
}

#[test]
fn a_message_for_operators_reaches_only_them() {
    let (mut world, alice, bob) = two("", "");
    world.send(bob, "PRIVMSG @#room :help");
    assert_eq!(world.lines(alice), [":bob!~bob@127.0.0.1 PRIVMSG @#room :help"]);
    let eve = world.user("eve");
    world.send(eve, "JOIN #room");
    world.forget();
    world.send(alice, "PRIVMSG @#room :among us");
    assert!(world.lines(eve).is_empty());
    assert!(world.events.iter().all(|event| event.text.as_deref() != Some("among us")));
}

#[test]
fn of_several_signs_before_a_channel_the_lowest_counts() {
    let (mut world, alice, bob) = two("", "echo-message");
    let [carol, dave] = ["carol", "dave"].map(|nick| world.user(nick));
    for who in [carol, dave] {
        world.send(who, "JOIN #room");
    }
    world.send(alice, "MODE #room +hv carol dave");
    world.forget();
    let told = ":bob!~bob@127.0.0.1 PRIVMSG %#room :help";
    assert_eq!(world.ask(bob, "PRIVMSG @%#ROOM :help"), [told]);
    assert_eq!(world.lines(alice), [told]);
    assert_eq!(world.lines(carol), [told]);
    assert!(world.lines(dave).is_empty());
    world.send(bob, "NOTICE +@#room :help");
    assert_eq!(world.lines(dave), [":bob!~bob@127.0.0.1 NOTICE +#room :help"]);
}

#[test]
fn client_tags_reach_those_who_know_tags_and_server_tags_are_not_forged() {
    let (mut world, alice, bob) = two("message-tags", "message-tags");
    world.send(alice, "@+draft/reply=abc;time=1999;+bad!key=1;account=root PRIVMSG #room :hi");
    let line = world.lines(bob).remove(0);
    assert!(line.starts_with("@msgid="), "{line}");
    assert!(line.contains(";+draft/reply=abc "), "{line}");
    assert!(!line.contains("1999") && !line.contains("root") && !line.contains("bad"), "{line}");
    world.send(alice, "@+typing=active TAGMSG #room");
    assert!(world.lines(bob)[0].ends_with("+typing=active :alice!~alice@127.0.0.1 TAGMSG #room"));
    let kept: Vec<&str> = world.events.iter().map(|event| &*event.command).collect();
    assert!(!kept.contains(&"TAGMSG"), "a typing notice is worth nothing later");
    world.send(alice, "@+draft/react=👍;+draft/reply=abc TAGMSG #room");
    assert_eq!(world.events.last().map(|event| &*event.command), Some("TAGMSG"));
}

#[test]
fn a_tagmsg_is_nothing_to_clients_without_tags() {
    let (mut world, alice, bob) = two("message-tags", "");
    world.send(alice, "@+typing=active TAGMSG #room");
    assert!(world.lines(bob).is_empty());
}

#[test]
fn a_tagmsg_is_no_message_of_several_lines() {
    let (mut world, alice, bob) = two("message-tags", MULTILINE);
    world.send(alice, "@+typing=active TAGMSG #room");
    let lines = world.lines(bob);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(
        lines[0].ends_with("+typing=active :alice!~alice@127.0.0.1 TAGMSG #room"),
        "{lines:#?}"
    );
    world.send(alice, "@+typing=active TAGMSG bob");
    let lines = world.lines(bob);
    assert!(lines[0].ends_with("+typing=active :alice!~alice@127.0.0.1 TAGMSG bob"), "{lines:#?}");
}

#[test]
fn an_echo_carries_the_label_and_the_id() {
    let (mut world, alice, bob) =
        two("labeled-response echo-message message-tags batch", "message-tags");
    world.send(alice, "@label=7 PRIVMSG #room :hi");
    assert_eq!(world.receipt_at(alice), Some(0));
    let echo = world.lines(alice).remove(0);
    let heard = world.lines(bob).remove(0);
    let id = heard.split(' ').next().expect("tags").strip_prefix("@msgid=").expect("an id");
    assert_eq!(echo, format!("@label=7;msgid={id} :alice!~alice@127.0.0.1 PRIVMSG #room :hi"));
}

#[test]
fn a_labelled_command_without_a_reply_is_acknowledged() {
    let (mut world, alice, _) = two("labeled-response batch", "");
    assert_eq!(world.ask(alice, "@label=x PONG y"), [":irc.test ACK"]);
    world.send(alice, "@label=x PRIVMSG bob :no echo");
    assert_eq!(world.lines(alice), ["@label=x :irc.test ACK"]);
}

#[test]
fn who_talks_to_itself_gets_the_label_on_the_echo_alone() {
    let (mut world, alice, bob) = two("labeled-response batch", "");
    world.send(alice, "@label=1 PRIVMSG alice :me");
    let heard = ":alice!~alice@127.0.0.1 PRIVMSG alice :me";
    assert_eq!(world.lines(alice), [heard, "@label=1 :irc.test ACK"]);
    world.send(alice, "CAP REQ :echo-message message-tags draft/multiline");
    world.lines(alice);
    for line in ["PRIVMSG alice :me", "NOTICE alice :me", "TAGMSG alice"] {
        world.send(alice, &format!("@label=2;+x=y {line}"));
        let lines = world.lines(alice);
        let (heard, echo) = (&lines[0], &lines[1]);
        assert!(heard.starts_with("@msgid=") && !heard.contains("label"), "{lines:#?}");
        assert_eq!(echo.strip_prefix("@label=2;"), heard.strip_prefix('@'), "{lines:#?}");
        assert_eq!(lines.len(), 2);
    }
    world.send_all(
        alice,
        &[
            "@label=3 BATCH +1 draft/multiline alice",
            "@batch=1 PRIVMSG alice :one",
            "@batch=1 PRIVMSG alice :two",
            "BATCH -1",
        ],
    );
    let lines = world.lines(alice);
    assert_eq!(lines.len(), 8, "{lines:#?}");
    assert!(lines[..4].iter().all(|line| !line.contains("label")), "{lines:#?}");
    assert!(lines[4].starts_with("@label=3;msgid="), "{lines:#?}");
    assert!(world.lines(bob).is_empty());
}

#[test]
fn without_batches_there_are_no_labels() {
    let (mut world, alice, _) = two("labeled-response message-tags", "");
    let lines = world.ask(alice, "@label=m MOTD");
    assert!(lines.iter().all(|line| !line.contains("label") && !line.contains("BATCH")));
    world.send(alice, "@label=x PONG y");
    assert!(world.lines(alice).is_empty());
}

#[test]
fn an_unknown_command_is_answered_under_its_label() {
    let (mut world, alice, _) = two("labeled-response batch", "");
    world.send(alice, "@label=x NO_SUCH thing");
    assert_eq!(world.lines(alice), ["@label=x :irc.test 421 alice NO_SUCH :Unknown command"]);
}

#[test]
fn a_batch_within_a_labelled_reply_begins_and_ends_in_it() {
    let caps = "draft/multiline batch message-tags echo-message labeled-response";
    let (mut world, alice, bob) = two(caps, "");
    world.send(bob, "AWAY :gone");
    world.forget();
    world.send_all(
        alice,
        &[
            "@label=9 BATCH +1 draft/multiline bob",
            "@batch=1 PRIVMSG bob :one",
            "@batch=1 PRIVMSG bob :two",
            "BATCH -1",
        ],
    );
    let lines = world.lines(alice);
    let outer = lines[0]
        .strip_prefix("@label=9 :irc.test BATCH +")
        .and_then(|rest| rest.strip_suffix(" labeled-response"))
        .expect("a batch");
    let within = format!("@batch={outer}");
    let inner = lines[1].split("BATCH +").nth(1).unwrap().split(' ').next().unwrap();
    assert!(lines[1].starts_with(&within), "{lines:#?}");
    assert!(lines[2..4].iter().all(|line| line.starts_with(&format!("@batch={inner} "))));
    assert_eq!(lines[4], format!("{within} :alice!~alice@127.0.0.1 BATCH -{inner}"));
    assert_eq!(lines[5], format!("{within} :irc.test 301 alice bob :gone"));
    assert_eq!(lines[6], format!(":irc.test BATCH -{outer}"));
}

#[test]
fn tags_alone_are_passed_on_even_where_there_are_none() {
    let (mut world, alice, bob) = two("message-tags echo-message", "message-tags");
    world.send(alice, "@unknown=1 TAGMSG #room");
    let [echo] = &world.lines(alice)[..] else { panic!("no echo") };
    assert!(echo.ends_with(" :alice!~alice@127.0.0.1 TAGMSG #room"), "{echo}");
    assert!(!echo.contains("unknown"));
    assert_eq!(world.lines(bob), std::slice::from_ref(echo));
    assert!(world.ask(alice, "TAGMSG nosuch")[0].contains(" 401 "));
    assert!(!world.events.iter().any(|event| &*event.command == "TAGMSG"), "nothing to keep");
}

#[test]
fn no_tag_is_passed_on_twice() {
    let (mut world, alice, bob) = two("message-tags", "message-tags");
    world.send(alice, "@+a=1;+b=2;+a=3 PRIVMSG #room :x");
    assert!(world.lines(bob)[0].contains(";+b=2;+a=3 :alice!"));
}

#[test]
fn a_labelled_reply_of_several_lines_is_a_batch() {
    let (mut world, alice, _) = two("labeled-response batch", "");
    world.send(alice, "@label=m MOTD");
    let lines = world.lines(alice);
    let reference = lines[0]
        .strip_prefix("@label=m :irc.test BATCH +")
        .and_then(|rest| rest.strip_suffix(" labeled-response"))
        .expect("a batch")
        .to_owned();
    let (last, inner) = lines[1..].split_last().expect("an end");
    assert!(inner.len() >= 3);
    assert!(
        inner.iter().all(|line| line.starts_with(&format!("@batch={reference} "))),
        "{lines:#?}"
    );
    assert_eq!(*last, format!(":irc.test BATCH -{reference}"));
}

const MULTILINE: &str = "draft/multiline batch message-tags";

#[test]
fn a_message_of_several_lines_is_one_batch_for_those_who_know_it() {
    let (mut world, alice, bob) = two(MULTILINE, MULTILINE);
    world.send_all(
        alice,
        &[
            "@+draft/reply=q BATCH +1 draft/multiline #room",
            "@batch=1 PRIVMSG #room :one ",
            "@batch=1;draft/multiline-concat PRIVMSG #room :and the same",
            "@batch=1 PRIVMSG #room :",
            "@batch=1 PRIVMSG #room :two",
            "BATCH -1",
        ],
    );
    let lines = world.lines(bob);
    let (tags, open) = lines[0].split_once(' ').expect("tags");
    assert!(tags.starts_with("@msgid=") && tags.ends_with(";+draft/reply=q"), "{tags}");
    let reference = open
        .strip_prefix(":alice!~alice@127.0.0.1 BATCH +")
        .and_then(|rest| rest.strip_suffix(" draft/multiline #room"))
        .expect("the batch begins");
    let said = ":alice!~alice@127.0.0.1 PRIVMSG #room";
    assert_eq!(lines[1], format!("@batch={reference} {said} :one "));
    assert_eq!(lines[2], format!("@batch={reference};draft/multiline-concat {said} :and the same"));
    assert_eq!(lines[3], format!("@batch={reference} {said} :"));
    assert_eq!(lines[4], format!("@batch={reference} {said} :two"));
    assert_eq!(lines[5], format!(":alice!~alice@127.0.0.1 BATCH -{reference}"));
    assert_eq!(lines.len(), 6);
    assert_eq!(
        world.events.last().and_then(|event| event.text.as_deref()),
        Some("one \rand the same\n\ntwo")
    );
}

#[test]
fn others_get_its_lines_one_by_one_and_none_that_is_empty() {
    let (mut world, alice, bob) = two(MULTILINE, "message-tags");
    world.send_all(
        alice,
        &[
            "@+draft/reply=q BATCH +1 draft/multiline #room",
            "@batch=1 PRIVMSG #room :",
            "@batch=1 PRIVMSG #room :one",
            "@batch=1 PRIVMSG #room :two",
            "BATCH -1",
        ],
    );
    let lines = world.lines(bob);
    let one = ";+draft/reply=q :alice!~alice@127.0.0.1 PRIVMSG #room :one";
    assert!(lines[0].starts_with("@msgid=") && lines[0].ends_with(one), "{lines:#?}");
    // All of it is the reply; the id is the first line's.
    assert_eq!(lines[1], "@+draft/reply=q :alice!~alice@127.0.0.1 PRIVMSG #room :two");
    assert_eq!(lines.len(), 2);
}

#[test]
fn a_batch_has_one_time_and_its_lines_have_none() {
    let caps = "draft/multiline batch server-time";
    let (mut world, alice, bob) = two(caps, caps);
    let text = ["@batch=1 PRIVMSG #room :one", "@batch=1 PRIVMSG #room :two"];
    world.send(alice, "BATCH +1 draft/multiline #room");
    world.send_all(alice, &text);
    world.send(alice, "BATCH -1");
    let lines = world.lines(bob);
    assert!(lines[0].starts_with("@time=") && lines[0].contains(" BATCH +"), "{lines:#?}");
    let reference = lines[0].split(' ').nth(3).expect("a reference").trim_start_matches('+');
    let said = format!("@batch={reference} :alice!~alice@127.0.0.1 PRIVMSG #room");
    assert_eq!(lines[1..3], [format!("{said} :one"), format!("{said} :two")]);
}

#[test]
fn the_lines_of_a_batch_that_is_not_open_are_not_said() {
    let (mut world, alice, bob) = two(MULTILINE, "");
    let refused = [":irc.test FAIL BATCH MULTILINE_INVALID :No such batch is open"];
    assert_eq!(world.ask(alice, "@batch=1 PRIVMSG #room :x"), refused);
    world.send(alice, "BATCH +1 netjoin #room");
    world.lines(alice);
    assert_eq!(world.ask(alice, "@batch=1 PRIVMSG #room :x"), refused);
    assert!(world.lines(bob).is_empty());
    // Who knows nothing of batches means nothing by the tag.
    world.send(bob, "@batch=1 PRIVMSG #room :x");
    assert_eq!(world.bodies(alice), [":bob!~bob@127.0.0.1 PRIVMSG #room :x"]);
}

#[test]
fn the_label_of_a_batch_comes_back_on_its_echo() {
    let caps = "draft/multiline batch message-tags echo-message labeled-response";
    let (mut world, alice, _) = two(caps, "");
    world.send_all(
        alice,
        &[
            "@label=9 BATCH +1 draft/multiline #room",
            "@batch=1 PRIVMSG #room :one",
            "@batch=1 PRIVMSG #room :two",
        ],
    );
    assert!(world.lines(alice).is_empty());
    world.send(alice, "BATCH -1");
    let lines = world.lines(alice);
    assert!(lines[0].starts_with("@label=9;msgid=") && lines[0].contains(" BATCH +"), "{lines:#?}");
    assert_eq!(lines.len(), 4);
}

#[test]
fn a_batch_that_is_wrong_fails_once_and_as_a_whole() {
    let (mut world, alice, bob) = two(MULTILINE, "");
    let fail = |world: &mut World, lines: &[&str]| {
        world.send(alice, "BATCH +1 draft/multiline #room");
        world.send_all(alice, lines);
        world.send(alice, "BATCH -1");
        assert!(world.lines(bob).is_empty());
        world.lines(alice)
    };
    assert_eq!(
        fail(&mut world, &["@batch=1 PRIVMSG #other :x", "@batch=1 PRIVMSG #room :y"]),
        [
            ":irc.test FAIL BATCH MULTILINE_INVALID_TARGET #room #other :All lines go to the target of the batch"
        ]
    );
    let many = vec!["@batch=1 PRIVMSG #room :x"; 101];
    assert_eq!(
        fail(&mut world, &many),
        [":irc.test FAIL BATCH MULTILINE_MAX_LINES 100 :The message has too many lines"]
    );
    let long = format!("@batch=1 PRIVMSG #room :{}", "x".repeat(400));
    assert_eq!(
        fail(&mut world, &vec![&*long; 50]),
        [":irc.test FAIL BATCH MULTILINE_MAX_BYTES 16384 :The message has too many bytes"]
    );
    let answer = fail(&mut world, &["@batch=1 NOTICE #room :x"]);
    assert!(answer[0].contains("FAIL BATCH MULTILINE_INVALID "), "{answer:#?}");
    let answer = fail(&mut world, &["@batch=1 PRIVMSG #room :"]);
    assert!(answer[0].contains("FAIL BATCH MULTILINE_INVALID "), "{answer:#?}");
}

#[test]
fn a_line_that_is_no_utf8_is_refused() {
    let (mut world, alice, bob) = two("", "");
    world.send_bytes(alice, b"PRIVMSG #room :\xff\xfe");
    assert!(world.lines(alice)[0].starts_with(":irc.test FAIL PRIVMSG INVALID_UTF8 :"));
    assert!(world.lines(bob).is_empty());
}

#[test]
fn a_batch_that_is_open_is_not_said_line_by_line_when_the_capability_goes() {
    let (mut world, alice, bob) = two(MULTILINE, "");
    world.send_all(alice, &["BATCH +1 draft/multiline bob", "CAP REQ -draft/multiline"]);
    world.forget();
    world.send(alice, "@batch=1 PRIVMSG bob :one");
    assert_eq!(world.lines(bob), [""; 0]);
    world.send(alice, "BATCH -1");
    assert_eq!(world.lines(bob), [":alice!~alice@127.0.0.1 PRIVMSG bob :one"]);
}
