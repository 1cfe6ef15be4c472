//! Asking for what was said before, in channels; `private_history` is about what two people said.

use std::time::Duration;

use callbox_hub::config::Flood;
use callbox_hub::contract::{Event, Flow};

use crate::world::{START, Who, World};

pub(crate) const CAPS: &str = "draft/chathistory batch server-time message-tags";
const PLAYBACK: &str =
    "draft/chathistory draft/event-playback batch server-time message-tags extended-join";

/// Alice with these capabilities in a room where bob has said `one` to `nine`, a second apart.
fn room(caps: &str) -> (World, Who, Who) {
    let mut world = World::new();
    let bob = world.user("bob");
    let alice = world.user_with("alice", caps);
    world.send(bob, "JOIN #room");
    world.send(alice, "JOIN #room");
    for word in ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"] {
        world.pass(Duration::from_secs(1));
        world.send(bob, &format!("PRIVMSG #room :{word}"));
    }
    world.forget();
    (world, alice, bob)
}

/// The page that `line` is answered with: what stands in its batch, without tags.
pub(crate) fn page(world: &mut World, who: Who, line: &str) -> Vec<String> {
    let lines = world.ask(who, line);
    let (first, rest) = lines.split_first().expect("a batch");
    assert!(first.starts_with(":irc.test BATCH +"), "{lines:#?}");
    let (last, inner) = rest.split_last().expect("the end of the batch");
    let reference = first.split(' ').nth(2).expect("a reference").trim_start_matches('+');
    assert_eq!(*last, format!(":irc.test BATCH -{reference}"));
    inner.to_vec()
}

/// The last words of a page.
fn words(world: &mut World, who: Who, line: &str) -> Vec<String> {
    let last = |line: String| line.rsplit(':').next().expect("a text").to_owned();
    page(world, who, line).into_iter().map(last).collect()
}

fn msgid(world: &World, text: &str) -> String {
    let event = world.events.iter().find(|event| event.text.as_deref() == Some(text));
    event.expect("it was said").msgid.to_string()
}

pub(crate) fn time(world: &World, text: &str) -> String {
    let event = world.events.iter().find(|event| event.text.as_deref() == Some(text));
    callbox_irc::stamp::text(event.expect("it was said").time)
}

#[test]
fn a_page_is_a_batch_of_lines_as_they_were() {
    let (mut world, alice, _) = room(CAPS);
    world.send(alice, "CHATHISTORY LATEST #ROOM * 1");
    let lines = world.lines(alice);
    let now = callbox_irc::stamp::text(world.wall());
    let reference = lines[0]
        .strip_prefix(&format!("@time={now} :irc.test BATCH +"))
        .and_then(|rest| rest.strip_suffix(" chathistory #ROOM"))
        .expect("a batch of history");
    let (id, time) = (msgid(&world, "nine"), time(&world, "nine"));
    let nine = ":bob!~bob@127.0.0.1 PRIVMSG #room :nine";
    assert_eq!(lines[1], format!("@batch={reference};time={time};msgid={id} {nine}"));
    assert_eq!(lines[2], format!("@time={now} :irc.test BATCH -{reference}"));
    assert_eq!(lines.len(), 3);
}

#[test]
fn latest_gives_the_last_ones_down_to_a_bound() {
    let (mut world, alice, _) = room(CAPS);
    assert_eq!(words(&mut world, alice, "CHATHISTORY LATEST #room * 2"), ["eight", "nine"]);
    assert_eq!(words(&mut world, alice, "chathistory latest #room * 100").len(), 9);
    let id = msgid(&world, "seven");
    let line = format!("CHATHISTORY LATEST #room msgid={id} 100");
    assert_eq!(words(&mut world, alice, &line), ["eight", "nine"]);
    let line = format!("CHATHISTORY LATEST #room timestamp={} 1", time(&world, "seven"));
    assert_eq!(words(&mut world, alice, &line), ["nine"]);
}

#[test]
fn before_and_after_leave_the_bound_out() {
    let (mut world, alice, _) = room(CAPS);
    for bound in
        [format!("msgid={}", msgid(&world, "four")), format!("timestamp={}", time(&world, "four"))]
    {
        let line = format!("CHATHISTORY BEFORE #room {bound} 2");
        assert_eq!(words(&mut world, alice, &line), ["two", "three"]);
        let line = format!("CHATHISTORY AFTER #room {bound} 2");
        assert_eq!(words(&mut world, alice, &line), ["five", "six"]);
    }
}

#[test]
fn around_has_the_bound_in_its_middle() {
    let (mut world, alice, _) = room(CAPS);
    let id = msgid(&world, "four");
    let line = format!("CHATHISTORY AROUND #room msgid={id} 3");
    assert_eq!(words(&mut world, alice, &line), ["three", "four", "five"]);
    let line = format!("CHATHISTORY AROUND #room msgid={id} 1");
    assert_eq!(words(&mut world, alice, &line), ["four"]);
}

#[test]
fn between_counts_from_the_first_bound_either_way() {
    let (mut world, alice, _) = room(CAPS);
    let (low, high) = (msgid(&world, "two"), msgid(&world, "eight"));
    let line = format!("CHATHISTORY BETWEEN #room msgid={low} msgid={high} 2");
    assert_eq!(words(&mut world, alice, &line), ["three", "four"]);
    let line = format!("CHATHISTORY BETWEEN #room msgid={high} msgid={low} 2");
    assert_eq!(words(&mut world, alice, &line), ["six", "seven"]);
    let line =
        format!("CHATHISTORY BETWEEN #room timestamp={} msgid={high} 9", time(&world, "six"));
    assert_eq!(words(&mut world, alice, &line), ["seven"]);
}

#[test]
fn a_page_is_never_longer_than_the_server_says() {
    let mut world = World::with(|config| config.limits.history_page = 3);
    let alice = world.user_with("alice", CAPS);
    world.send(alice, "JOIN #room");
    for number in 0..5 {
        world.send(alice, &format!("PRIVMSG #room :{number}"));
    }
    for limit in ["4", "1000", "99999999999999999999999999"] {
        let line = format!("CHATHISTORY LATEST #room * {limit}");
        assert_eq!(words(&mut world, alice, &line), ["2", "3", "4"]);
    }
}

#[test]
fn nothing_is_an_empty_batch() {
    let mut world = World::new();
    let alice = world.user_with("alice", CAPS);
    world.send(alice, "JOIN #room");
    assert_eq!(page(&mut world, alice, "CHATHISTORY LATEST #room * 9"), [""; 0]);
}

#[test]
fn a_client_without_batches_gets_the_lines_alone() {
    let (mut world, alice, _) = room("");
    assert_eq!(
        world.ask(alice, "CHATHISTORY LATEST #room * 2"),
        [":bob!~bob@127.0.0.1 PRIVMSG #room :eight", ":bob!~bob@127.0.0.1 PRIVMSG #room :nine"]
    );
}

#[test]
fn what_is_wrong_with_a_request_is_said() {
    let (mut world, alice, _) = room(CAPS);
    world.user("eve");
    let fail = |world: &mut World, line: &str| {
        let mut lines = world.ask(alice, line);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        let line = lines.remove(0);
        line.strip_prefix(":irc.test FAIL CHATHISTORY ").expect("a failure").to_owned()
    };
    for (line, wanted) in [
        ("", "INVALID_PARAMS :Insufficient parameters"),
        ("LATEST", "INVALID_PARAMS LATEST :Insufficient parameters"),
        ("NONSENSE #room * 1", "INVALID_PARAMS NONSENSE :Unknown command"),
        ("LATEST #room *", "INVALID_PARAMS LATEST :Insufficient parameters"),
        ("between #room * 1", "INVALID_PARAMS BETWEEN :Insufficient parameters"),
        ("LATEST #room * 1 2", "INVALID_PARAMS LATEST :Too many parameters"),
        ("LATEST #room * 0", "INVALID_PARAMS LATEST 0 :Invalid limit"),
        ("LATEST #room * -5", "INVALID_PARAMS LATEST -5 :Invalid limit"),
        ("LATEST #room * x", "INVALID_PARAMS LATEST x :Invalid limit"),
        ("LATEST #room * :", "INVALID_PARAMS LATEST * :Invalid limit"),
        (
            "BEFORE #room timestamp=yesterday 1",
            "INVALID_PARAMS BEFORE timestamp=yesterday :Invalid timestamp",
        ),
        ("BEFORE #room msgid= 1", "INVALID_PARAMS BEFORE msgid= :Invalid msgid"),
        ("BEFORE #room * 1", "INVALID_PARAMS BEFORE * :Only LATEST can do without a bound"),
        (
            "BEFORE #room nine 1",
            "INVALID_MSGREFTYPE BEFORE #room nine :Messages are referred to by timestamp= or msgid=",
        ),
        ("LATEST #none * 1", "INVALID_TARGET LATEST #none :Messages could not be retrieved"),
        ("LATEST nobody * 1", "INVALID_TARGET LATEST nobody :Messages could not be retrieved"),
        ("LATEST * * 1", "INVALID_TARGET LATEST * :Messages could not be retrieved"),
        (
            "AFTER #room msgid=nosuch 1",
            "MESSAGE_ERROR AFTER #room :The message that bounds it is not kept",
        ),
        ("TARGETS * * 1", "INVALID_PARAMS TARGETS * :Invalid timestamp"),
        ("TARGETS msgid=x msgid=y 1", "INVALID_PARAMS TARGETS msgid=x :Invalid timestamp"),
    ] {
        assert_eq!(fail(&mut world, &format!("CHATHISTORY {line}")), wanted);
    }
    let long = "x".repeat(400);
    let answer = fail(&mut world, &format!("CHATHISTORY {long} #room * 1"));
    assert_eq!(answer, format!("INVALID_PARAMS {} :Unknown command", &long[..64]));
    let answer = fail(&mut world, &format!("CHATHISTORY BEFORE #room msgid={long} 1"));
    assert!(answer.ends_with(" :Invalid msgid"), "{answer}");
}

#[test]
fn a_channel_is_for_those_inside() {
    let (mut world, alice, bob) = room(CAPS);
    let eve = world.user_with("eve", CAPS);
    let refused =
        [":irc.test FAIL CHATHISTORY INVALID_TARGET LATEST #room :Messages could not be retrieved"];
    assert_eq!(world.ask(eve, "CHATHISTORY LATEST #room * 9"), refused);
    world.send(alice, "PART #room");
    assert_eq!(world.ask(alice, "CHATHISTORY LATEST #room * 9"), refused);
    // What was said before one came in is for those inside, too.
    world.send(eve, "JOIN #room");
    world.send(bob, "PRIVMSG #room :ten");
    assert_eq!(words(&mut world, eve, "CHATHISTORY LATEST #room * 2"), ["nine", "ten"]);
}

#[test]
fn who_is_meant_must_still_be_the_same_when_the_answer_comes() {
    let mut world = World::new();
    let alice = world.user_with("alice", CAPS);
    let bob = world.user("bob");
    let eve = world.user("eve");
    world.send(bob, "PRIVMSG alice :hello");
    world.forget();
    world.hold_jobs = true;
    world.send(alice, "CHATHISTORY LATEST bob * 9");
    assert!(world.lines(alice).is_empty());
    world.send(bob, "NICK rob");
    world.send(eve, "NICK bob");
    world.hold_jobs = false;
    world.settle();
    assert_eq!(
        world.bodies(alice),
        [":irc.test FAIL CHATHISTORY INVALID_TARGET LATEST bob :Messages could not be retrieved"]
    );
}

#[test]
fn a_label_stands_on_the_batch_and_on_a_failure() {
    let (mut world, alice, _) = room(&format!("{CAPS} labeled-response"));
    world.send(alice, "@label=7 CHATHISTORY LATEST #room * 2");
    let lines = world.lines(alice);
    assert!(lines[0].starts_with("@label=7;time=") && lines[0].contains(" BATCH +"), "{lines:#?}");
    assert!(lines[1..].iter().all(|line| !line.contains("label")), "{lines:#?}");
    assert_eq!(lines.len(), 4);
    world.send(alice, "@label=8 CHATHISTORY LATEST #none * 2");
    assert!(world.lines(alice)[0].starts_with("@label=8;"));
    world.send(alice, "@label=9 CHATHISTORY LATEST alice * 2");
    let lines = world.lines(alice);
    assert!(lines[0].starts_with("@label=9;") && lines.len() == 2, "{lines:#?}");
}

#[test]
fn a_message_of_several_lines_is_a_batch_within_the_batch() {
    let mut world = World::new();
    let caps = "draft/multiline batch message-tags";
    let bob = world.user_with("bob", caps);
    let alice = world.user_with("alice", &format!("{caps} draft/chathistory"));
    let carol = world.user_with("carol", "batch message-tags draft/chathistory");
    for who in [bob, alice, carol] {
        world.send(who, "JOIN #room");
    }
    world.send_all(
        bob,
        &[
            "@+draft/reply=q BATCH +1 draft/multiline #room",
            "@batch=1 PRIVMSG #room :one ",
            "@batch=1;draft/multiline-concat PRIVMSG #room :and the same",
            "@batch=1 PRIVMSG #room :",
            "@batch=1 PRIVMSG #room :two",
            "BATCH -1",
        ],
    );
    world.forget();
    world.send(alice, "CHATHISTORY LATEST #room * 5");
    let lines = world.lines(alice);
    let outer = lines[0].split(' ').nth(2).expect("a reference").trim_start_matches('+');
    let inner = lines[1].split(' ').nth(3).expect("a reference").trim_start_matches('+');
    let id = world.events.last().expect("it is kept").msgid.clone();
    let said = ":bob!~bob@127.0.0.1 PRIVMSG #room";
    assert_eq!(
        lines,
        [
            format!(":irc.test BATCH +{outer} chathistory #room"),
            format!(
                "@batch={outer};msgid={id};+draft/reply=q :bob!~bob@127.0.0.1 BATCH +{inner} draft/multiline #room"
            ),
            format!("@batch={inner} {said} :one "),
            format!("@batch={inner};draft/multiline-concat {said} :and the same"),
            format!("@batch={inner} {said} :"),
            format!("@batch={inner} {said} :two"),
            format!("@batch={outer} :bob!~bob@127.0.0.1 BATCH -{inner}"),
            format!(":irc.test BATCH -{outer}"),
        ]
    );
    world.send(carol, "CHATHISTORY LATEST #room * 5");
    let lines = world.lines(carol);
    let outer = lines[0].split(' ').nth(2).expect("a reference").trim_start_matches('+');
    assert_eq!(lines[1], format!("@batch={outer};msgid={id};+draft/reply=q {said} :one "));
    assert_eq!(lines[2], format!("@batch={outer};+draft/reply=q {said} :and the same"));
    assert_eq!(lines[3], format!("@batch={outer};+draft/reply=q {said} :two"));
    assert_eq!(lines.len(), 5);
}

#[test]
fn what_happened_is_for_those_who_asked_for_events() {
    let mut world = World::new();
    let alice = world.user_with("alice", PLAYBACK);
    let carol = world.user_with("carol", CAPS);
    world.send(alice, "JOIN #room");
    world.send(carol, "JOIN #room");
    let bob = world.user_with("bob", "message-tags");
    world.send_all(bob, &["JOIN #room", "NOTICE #room :hello", "NICK rob"]);
    world.send(bob, "@+draft/react=👍;+draft/reply=abc TAGMSG #room");
    world.send_all(bob, &["PART #room :bye", "JOIN #room", "QUIT :home"]);
    world.forget();
    assert_eq!(
        page(&mut world, carol, "CHATHISTORY LATEST #room * 50"),
        [":bob!~bob@127.0.0.1 NOTICE #room :hello"]
    );
    assert_eq!(
        page(&mut world, alice, "CHATHISTORY LATEST #room * 50"),
        [
            ":alice!~alice@127.0.0.1 JOIN #room * :alice real",
            ":carol!~carol@127.0.0.1 JOIN #room * :carol real",
            ":bob!~bob@127.0.0.1 JOIN #room * :bob real",
            ":bob!~bob@127.0.0.1 NOTICE #room :hello",
            ":bob!~bob@127.0.0.1 NICK :rob",
            ":rob!~bob@127.0.0.1 TAGMSG #room",
            ":rob!~bob@127.0.0.1 PART #room :bye",
            ":rob!~bob@127.0.0.1 JOIN #room * :bob real",
            ":rob!~bob@127.0.0.1 QUIT :Quit: home",
        ]
    );
    world.send(alice, "CAP REQ :-extended-join -message-tags");
    let lines = page(&mut world, alice, "CHATHISTORY LATEST #room * 50");
    assert_eq!(lines[0], ":alice!~alice@127.0.0.1 JOIN #room");
    assert!(!lines.iter().any(|line| line.contains("TAGMSG")), "{lines:#?}");
}

#[test]
fn targets_are_the_conversations_by_their_last_message() {
    let (mut world, alice, bob) = room(CAPS);
    let carol = world.user("carol");
    let eve = world.user("eve");
    world.send(eve, "JOIN #elsewhere");
    world.send(eve, "PRIVMSG #elsewhere :x");
    for (who, line) in [(bob, "a"), (carol, "b")] {
        world.pass(Duration::from_secs(1));
        world.send(who, &format!("PRIVMSG alice :{line}"));
    }
    world.pass(Duration::from_secs(1));
    world.send(bob, "PRIVMSG carol :not hers");
    world.send(carol, "NICK carla");
    let entry = |world: &World, name: &str, text: &str| {
        format!(":irc.test CHATHISTORY TARGETS {name} {}", time(world, text))
    };
    let all =
        [entry(&world, "#room", "nine"), entry(&world, "bob", "a"), entry(&world, "carla", "b")];
    let (early, late) =
        ("timestamp=1970-01-01T00:00:00.000Z", "timestamp=2030-01-01T00:00:00.000Z");
    let ask = |first: &str, second: &str, limit: usize| {
        format!("CHATHISTORY TARGETS {first} {second} {limit}")
    };
    assert_eq!(page(&mut world, alice, &ask(early, late, 9)), all);
    assert_eq!(page(&mut world, alice, &ask(late, early, 9)), all);
    assert_eq!(page(&mut world, alice, &ask(early, late, 1)), all[..1]);
    assert_eq!(page(&mut world, alice, &ask(late, early, 1)), all[2..]);
    let nine = format!("timestamp={}", time(&world, "nine"));
    assert_eq!(page(&mut world, alice, &ask(&nine, late, 9)), all[1..]);
    world.send(alice, &ask(early, late, 9));
    let lines = world.lines(alice);
    assert!(lines[0].ends_with(" draft/chathistory-targets"), "{lines:#?}");
    assert!(lines[1].starts_with("@batch="), "{lines:#?}");
}

#[test]
fn what_is_too_old_is_not_shown() {
    let mut world = World::with(|config| config.history.max_age = 3_600_000);
    let alice = world.user_with("alice", CAPS);
    let bob = world.user_with("bob", CAPS);
    world.send(alice, "JOIN #room");
    for word in ["old", "older", "oldest"] {
        world.send(alice, &format!("PRIVMSG #room :{word}"));
    }
    world.send(alice, "PRIVMSG bob :old");
    let id = world.events.first().expect("the JOIN").msgid.to_string();
    for _ in 0..62 {
        world.pass(Duration::from_secs(60));
        world.send_all(alice, &["PONG irc.test"]);
        world.send_all(bob, &["PONG irc.test"]);
    }
    world.send(alice, "PRIVMSG #room :new");
    assert_eq!(words(&mut world, alice, "CHATHISTORY LATEST #room * 9"), ["new"]);
    let early = "timestamp=1970-01-01T00:00:00.000Z";
    let line = format!("CHATHISTORY AFTER #room {early} 2");
    assert_eq!(words(&mut world, alice, &line), ["new"]);
    for line in [
        format!("CHATHISTORY AFTER #room msgid={id} 2"),
        format!("CHATHISTORY BETWEEN #room msgid={id} timestamp=2030-01-01T00:00:00.000Z 2"),
    ] {
        assert_eq!(words(&mut world, alice, &line), ["new"], "{line}");
    }
    let line = format!("CHATHISTORY TARGETS {early} timestamp=2030-01-01T00:00:00.000Z 9");
    assert_eq!(page(&mut world, alice, &line).len(), 1);
}

#[test]
fn a_page_of_very_long_messages_is_cut_to_what_a_client_can_take() {
    let mut world = World::new();
    let alice = world.user_with("alice", CAPS);
    world.send(alice, "JOIN #room");
    for number in 0..200 {
        let text = format!("{number}\n{}", vec!["x".repeat(160); 99].join("\n"));
        let event = Event {
            conversation: "#room".into(),
            msgid: number.to_string().into(),
            time: START + number,
            source: "bob!~bob@127.0.0.1".into(),
            account: None,
            bot: false,
            tags: "".into(),
            command: "PRIVMSG".into(),
            params: vec!["#room".into(), "~x".into()],
            text: Some(text.into()),
        };
        world.events.push(event);
    }
    world.events.retain(|event| &*event.command == "PRIVMSG");
    let mut numbers = |line: &str| -> Vec<usize> {
        let lines = page(&mut world, alice, line);
        assert!(lines.iter().map(String::len).sum::<usize>() < 2 << 20);
        lines.iter().filter_map(|line| line.rsplit(':').next()?.parse().ok()).collect()
    };
    let latest = numbers("CHATHISTORY LATEST #room * 200");
    assert!((20..100).contains(&latest.len()) && latest.last() == Some(&199), "{latest:?}");
    let after = numbers("CHATHISTORY AFTER #room timestamp=1970-01-01T00:00:00.000Z 200");
    assert!(after.first() == Some(&0) && after.len() == latest.len(), "{after:?}");
    let around = numbers("CHATHISTORY AROUND #room msgid=100 200");
    assert!(around.contains(&100), "{around:?}");
}

#[test]
fn without_history_there_is_none() {
    let mut world = World::with(|config| config.history.enabled = false);
    let alice = world.user_with("alice", "batch");
    world.send_all(alice, &["JOIN #room", "PRIVMSG #room :x"]);
    assert!(world.events.is_empty());
    assert_eq!(
        world.ask(alice, "CHATHISTORY LATEST #room * 1"),
        [":irc.test FAIL CHATHISTORY MESSAGE_ERROR LATEST #room :No history is kept here"]
    );
    assert_eq!(world.ask(alice, "CAP REQ draft/chathistory").len(), 1);
}

#[test]
fn a_large_page_costs_more_than_a_line() {
    let flood = Flood { burst: 20, per_second: 5 };
    let mut world = World::with(|config| config.flood = Some(flood));
    let alice = world.user_with("alice", CAPS);
    world.send(alice, "JOIN #room");
    for _ in 0..1000 {
        world.send(alice, "PRIVMSG #room :x");
    }
    let mut asked = |limit: usize| {
        for _ in 0..5 {
            world.pass(Duration::from_secs(60));
            world.send(alice, "PONG x");
        }
        let line = format!("CHATHISTORY LATEST #room * {limit}");
        let mut ready = |_: &_| {
            world.send(alice, &line);
            world.answered == Some(Flow::Ready)
        };
        (0..100).take_while(&mut ready).count()
    };
    assert_eq!(asked(10), 18, "as many as of any line");
    assert_eq!(asked(1000), 1);
}

#[test]
fn when_the_server_stops_everybody_has_left() {
    let mut world = World::new();
    let alice = world.user_with("alice", PLAYBACK);
    let bob = world.user("bob");
    world.send_all(alice, &["JOIN #one", "JOIN #two"]);
    world.send(bob, "JOIN #one");
    world.forget();
    world.stop();
    assert!(world.lines(alice).is_empty() && world.lines(bob).is_empty());
    let quits = world.events.iter().filter(|event| &*event.command == "QUIT");
    let mut quits: Vec<_> = quits
        .map(|event| {
            assert_eq!(event.text.as_deref(), Some("the server stops"));
            (event.source.split('!').next().unwrap_or_default(), &*event.conversation)
        })
        .collect();
    quits.sort_unstable();
    assert_eq!(quits, [("alice", "#one"), ("alice", "#two"), ("bob", "#one")]);
    // What is still on its way then is neither kept nor echoed, and nobody leaves twice.
    let kept = world.events.len();
    world.send(alice, "PRIVMSG #one :too late");
    world.cut(bob);
    world.pass(Duration::from_secs(600));
    assert_eq!(world.events.len(), kept);
    assert!(world.lines(alice).is_empty());
}
