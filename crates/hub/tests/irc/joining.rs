//! Coming into channels and leaving them.

use callbox_hub::contract::Record;

use crate::world::{Who, World};

/// Alice, who made `#room`, and bob outside.
fn room() -> (World, Who, Who) {
    let mut world = World::new();
    let alice = world.user("alice");
    let bob = world.user("bob");
    world.send(alice, "JOIN #room");
    world.forget();
    (world, alice, bob)
}

#[test]
fn who_makes_a_channel_is_its_operator() {
    let mut world = World::new();
    let alice = world.user("alice");
    assert_eq!(
        world.ask(alice, "JOIN #Room"),
        [
            ":alice!~alice@127.0.0.1 JOIN #Room",
            ":irc.test 353 alice = #Room :@alice",
            ":irc.test 366 alice #Room :End of /NAMES list",
        ]
    );
}

#[test]
fn a_newcomer_learns_the_topic_and_then_the_names() {
    let (mut world, alice, bob) = room();
    world.send(alice, "TOPIC #room :what it is about");
    let seconds = world.wall() / 1000;
    world.forget();
    assert_eq!(
        world.ask(bob, "JOIN #ROOM"),
        [
            ":bob!~bob@127.0.0.1 JOIN #room".to_owned(),
            ":irc.test 332 bob #room :what it is about".to_owned(),
            format!(":irc.test 333 bob #room alice!~alice@127.0.0.1 {seconds}"),
            ":irc.test 353 bob = #room :@alice bob".to_owned(),
            ":irc.test 366 bob #room :End of /NAMES list".to_owned(),
        ]
    );
    assert_eq!(world.lines(alice), [":bob!~bob@127.0.0.1 JOIN #room"]);
}

#[test]
fn extended_join_tells_the_account_and_the_real_name() {
    let mut world = World::new();
    let alice = world.user_with("alice", "extended-join");
    let bob = world.user("bob");
    world.send(alice, "JOIN #room");
    world.forget();
    world.send(bob, "JOIN #room");
    assert_eq!(world.lines(alice), [":bob!~bob@127.0.0.1 JOIN #room * :bob real"]);
    world.send(bob, "PART #room");
    world.send(bob, "REGISTER * * correct-horse");
    world.forget();
    world.send(bob, "JOIN #room");
    assert_eq!(world.lines(alice), [":bob!~bob@127.0.0.1 JOIN #room bob :bob real"]);
}

#[test]
fn who_asked_for_no_names_gets_none() {
    let (mut world, _, _) = room();
    let carol = world.user_with("carol", "no-implicit-names");
    assert_eq!(world.ask(carol, "JOIN #room"), [":carol!~carol@127.0.0.1 JOIN #room"]);
    assert_eq!(world.ask(carol, "NAMES #room")[0], ":irc.test 353 carol = #room :@alice carol");
}

#[test]
fn nobody_joins_twice() {
    let (mut world, alice, _) = room();
    assert!(world.ask(alice, "JOIN #room").is_empty());
    let both = world.ask(alice, "JOIN #new,#NEW");
    assert_eq!(both.iter().filter(|line| line.contains(" JOIN ")).count(), 1, "{both:#?}");
}

#[test]
fn each_channel_of_a_list_has_its_key() {
    let mut world = World::new();
    let alice = world.user("alice");
    let bob = world.user("bob");
    world.send(alice, "JOIN #a,#b,#c");
    world.send(alice, "MODE #a +k one");
    world.send(alice, "MODE #c +k three");
    world.forget();
    let lines = world.ask(bob, "JOIN #a,#b,#c one,,three :and more");
    let joined: Vec<&String> = lines.iter().filter(|line| line.contains(" JOIN ")).collect();
    assert_eq!(joined.len(), 3, "{lines:#?}");
    world.send(bob, "PART #a,#b,#c");
    let lines = world.ask(bob, "JOIN #a,#c wrong,three");
    assert_eq!(lines[0], ":irc.test 475 bob #a :Cannot join channel (+k)");
    assert_eq!(lines[1], ":bob!~bob@127.0.0.1 JOIN #c");
}

#[test]
fn what_is_no_channel_is_not_joined() {
    let (mut world, _, bob) = room();
    assert_eq!(world.ask(bob, "JOIN"), [":irc.test 461 bob JOIN :Not enough parameters"]);
    assert_eq!(world.ask(bob, "JOIN room"), [":irc.test 403 bob room :No such channel"]);
    assert_eq!(world.ask(bob, "JOIN #"), [":irc.test 476 bob # :Bad Channel Mask"]);
    assert_eq!(world.ask(bob, "JOIN :#a b"), [":irc.test 476 bob #a_b :Bad Channel Mask"]);
    let long = format!("#{}", "x".repeat(64));
    assert_eq!(
        world.ask(bob, &format!("JOIN {long}")),
        [format!(":irc.test 403 bob {long} :No such channel")]
    );
    assert!(world.ask(bob, "JOIN ,,,").is_empty());
}

#[test]
fn closed_doors_say_why() {
    let (mut world, alice, bob) = room();
    for (set, numeric, sign, clear) in [
        ("+i", 473, "+i", "-i"),
        ("+k sesame", 475, "+k", "-k"),
        ("+l 1", 471, "+l", "-l"),
        ("+b bob!*@*", 474, "+b", "-b bob!*@*"),
        ("+R", 477, "+R", "-R"),
    ] {
        world.send(alice, &format!("MODE #room {set}"));
        assert_eq!(
            world.ask(bob, "JOIN #room"),
            [format!(":irc.test {numeric} bob #room :Cannot join channel ({sign})")]
        );
        world.send(alice, &format!("MODE #room {clear}"));
    }
    assert_eq!(world.ask(bob, "JOIN #room")[0], ":bob!~bob@127.0.0.1 JOIN #room");
}

#[test]
fn a_mask_opens_a_channel_by_invitation_and_an_exception_a_ban() {
    let (mut world, alice, bob) = room();
    world.send(alice, "MODE #room +iI bob!*@*");
    assert!(world.ask(bob, "JOIN #room")[0].contains(" JOIN "));
    world.send(bob, "PART #room");
    world.send(alice, "MODE #room -iI+be bob!*@* *!*@127.* *!~bob@*");
    assert!(world.ask(bob, "JOIN #room")[0].contains(" JOIN "));
    world.send(bob, "PART #room");
    world.send(alice, "MODE #room +iI-e bob!*@* *!~bob@*");
    assert!(world.ask(bob, "JOIN #room")[0].contains(" 474 "), "it opens no ban");
}

#[test]
fn a_ban_of_an_address_holds_where_the_address_is_not_shown() {
    let (mut world, alice, _) = room();
    let eve = world.connect_as(|peer| peer.address = "192.0.2.7".parse().expect("an address"));
    world.register(eve, "eve", "");
    world.send(alice, "MODE #room +b *!*@192.0.2.*");
    assert!(world.ask(eve, "JOIN #room")[0].contains(" 474 "));
}

#[test]
fn there_is_an_end_to_the_channels_of_one_and_of_all() {
    let mut world = World::with(|config| {
        config.limits.channels = 2;
        config.limits.total_channels = 3;
    });
    let alice = world.user("alice");
    let bob = world.user("bob");
    let lines = world.ask(alice, "JOIN #a,#b,#c");
    assert_eq!(
        lines.last().map(String::as_str),
        Some(":irc.test 405 alice #c :You have joined too many channels")
    );
    world.send(bob, "JOIN #c");
    assert_eq!(
        world.ask(bob, "JOIN #d"),
        [":irc.test 405 bob #d :There are too many channels on this server"]
    );
}

#[test]
fn the_lobby_belongs_to_nobody_but_the_server() {
    let mut world = World::with(|config| {
        config.operators.push(callbox_hub::config::Operator {
            name: "root".into(),
            password: "hash:sesame".into(),
            fingerprint: None,
            host: None,
        });
    });
    let alice = world.user("alice");
    let root = world.user("root");
    assert_eq!(world.ask(alice, "JOIN #lobby")[1], ":irc.test 353 alice = #lobby :alice");
    world.send(root, "OPER root sesame");
    world.send(root, "JOIN #lobby");
    assert_eq!(
        world.lines(alice),
        [":root!~root@127.0.0.1 JOIN #lobby", ":irc.test MODE #lobby +o root"]
    );
    world.send(alice, "JOIN #mine");
    world.send(alice, "MODE #mine +i");
    assert!(world.ask(root, "JOIN #mine")[0].contains(" 473 "), "elsewhere they are as others");
}

#[test]
fn leaving_is_told_with_its_reason() {
    let (mut world, alice, bob) = room();
    world.send(bob, "JOIN #room");
    world.forget();
    assert_eq!(
        world.ask(bob, "PART #ROOM :good night"),
        [":bob!~bob@127.0.0.1 PART #room :good night"]
    );
    assert_eq!(world.lines(alice), [":bob!~bob@127.0.0.1 PART #room :good night"]);
    assert_eq!(
        world.ask(bob, "PART #room,#none"),
        [
            ":irc.test 442 bob #room :You're not on that channel",
            ":irc.test 403 bob #none :No such channel",
        ]
    );
    assert_eq!(world.ask(bob, "PART"), [":irc.test 461 bob PART :Not enough parameters"]);
}

#[test]
fn who_may_not_speak_has_no_last_word() {
    let (mut world, alice, bob) = room();
    world.send(bob, "JOIN #room");
    world.send(alice, "MODE #room +m");
    world.forget();
    world.send(bob, "PART #room :buy this");
    assert_eq!(world.lines(alice), [":bob!~bob@127.0.0.1 PART #room"]);
}

#[test]
fn join_0_leaves_everything() {
    let (mut world, alice, _) = room();
    world.send(alice, "JOIN #other");
    assert_eq!(
        world.ask(alice, "JOIN 0"),
        [":alice!~alice@127.0.0.1 PART #room", ":alice!~alice@127.0.0.1 PART #other"]
    );
    assert_eq!(world.hub.counts(), (2, 0));
}

#[test]
fn names_shows_ranks_and_hosts_to_those_who_asked_for_them() {
    let (mut world, alice, bob) = room();
    let carol = world.user_with("carol", "multi-prefix userhost-in-names");
    world.send_all(bob, &["JOIN #room"]);
    world.send(alice, "MODE #room +vhv alice bob bob");
    world.send(carol, "JOIN #room");
    assert_eq!(
        world.ask(carol, "NAMES #room")[0],
        ":irc.test 353 carol = #room :@+alice!~alice@127.0.0.1 %+bob!~bob@127.0.0.1 \
         carol!~carol@127.0.0.1"
    );
    assert_eq!(world.ask(bob, "NAMES #room")[0], ":irc.test 353 bob = #room :@alice %bob carol");
}

#[test]
fn names_hides_who_wants_to_be_hidden() {
    let (mut world, alice, bob) = room();
    let carol = world.user("carol");
    world.send(carol, "JOIN #room");
    world.send(carol, "MODE carol +i");
    world.forget();
    assert_eq!(world.ask(bob, "NAMES #room")[0], ":irc.test 353 bob = #room :@alice");
    assert_eq!(world.ask(alice, "NAMES #room")[0], ":irc.test 353 alice = #room :@alice carol");
    world.send(alice, "MODE #room +s");
    world.forget();
    assert_eq!(world.ask(bob, "NAMES #room"), [":irc.test 366 bob #room :End of /NAMES list"]);
    assert_eq!(world.ask(alice, "NAMES #room")[0], ":irc.test 353 alice @ #room :@alice carol");
    for all in ["NAMES", "NAMES :", "NAMES ,"] {
        assert_eq!(world.ask(bob, all), [":irc.test 366 bob * :End of /NAMES list"], "{all}");
    }
    assert_eq!(world.ask(bob, "NAMES none"), [":irc.test 366 bob none :End of /NAMES list"]);
    assert_eq!(world.ask(bob, "NAMES #x,#room").len(), 1, "one channel at a time");
}

#[test]
fn the_names_of_a_big_room_take_several_lines() {
    let mut world = World::new();
    let many: Vec<Who> = (0..60).map(|i| world.user(&format!("somebody{i:02}"))).collect();
    for who in &many {
        world.send(*who, "JOIN #room");
    }
    let lines = world.ask(many[0], "NAMES #room");
    assert!(lines.len() > 2, "{lines:#?}");
    let names: usize = lines
        .iter()
        .filter_map(|line| line.split_once("= #room :"))
        .map(|(_, names)| names.split(' ').count())
        .sum();
    assert_eq!(names, 60);
}

#[test]
fn what_was_said_behind_a_closed_door_goes_with_the_room() {
    let (mut world, alice, _) = room();
    world.send(alice, "MODE #room +i");
    world.send(alice, "PRIVMSG #room :a secret");
    // Opened again before the end: it was said behind a door nevertheless.
    world.send(alice, "MODE #room -i");
    assert!(!world.events.is_empty());
    world.send(alice, "PART #room");
    assert!(world.events.is_empty(), "{:#?}", world.events);
    let last = world.records().pop();
    assert_eq!(last, Some(Record::DropChannel { key: "#room".into() }));
}

#[test]
fn what_was_said_in_an_open_room_stays() {
    let (mut world, alice, _) = room();
    world.send(alice, "PRIVMSG #room :hello");
    world.send(alice, "QUIT");
    assert!(world.events.iter().any(|event| event.text.as_deref() == Some("hello")));
}

#[test]
fn a_room_that_was_closed_when_the_server_ended_is_forgotten_before_anybody_reads_it() {
    let (mut world, alice, _) = room();
    world.send(alice, "MODE #room +k sesame");
    let Some(Record::Channel(saved)) = world.records().pop() else { panic!("no mark is kept") };
    assert_eq!((&*saved.founder, saved.modes.len()), ("", 0), "its key is not kept");
    let events = std::mem::take(&mut world.events);
    let saved = callbox_hub::contract::Saved { channels: vec![saved], ..Default::default() };
    let mut world = World::restored(|_| {}, saved);
    world.events = events;
    let eve = world.user("eve");
    assert_eq!(world.hub.counts().1, 0);
    world.send(eve, "JOIN #room");
    assert_eq!(world.events.len(), 1, "her own JOIN: {:#?}", world.events);
    assert_eq!(world.records(), [Record::DropChannel { key: "#room".into() }]);
}

#[test]
fn who_is_away_is_away_in_a_new_room_too() {
    let mut world = World::new();
    let alice = world.user_with("alice", "away-notify message-tags");
    let bob = world.user("bob");
    world.send(alice, "JOIN #room");
    world.send(bob, "AWAY :at lunch");
    world.forget();
    world.send(bob, "JOIN #room");
    let lines = world.lines(alice);
    assert!(lines[0].starts_with("@msgid="), "{lines:#?}");
    assert_eq!(lines[1], ":bob!~bob@127.0.0.1 AWAY :at lunch", "no id: it is not kept");
}

#[test]
fn lusers_counts_the_invisible_and_the_operators() {
    let mut world = World::with(|config| {
        config.operators.push(callbox_hub::config::Operator {
            name: "root".into(),
            password: "hash:sesame".into(),
            fingerprint: None,
            host: None,
        });
    });
    let (alice, root) = (world.user("alice"), world.user("root"));
    world.send(alice, "MODE alice +i");
    world.send(root, "OPER root sesame");
    let lines = world.ask(alice, "LUSERS");
    assert_eq!(lines[0], ":irc.test 251 alice :There are 1 users and 1 invisible on 1 servers");
    assert_eq!(lines[1], ":irc.test 252 alice 1 :operator(s) online");
    world.send(root, "MODE root -o");
    world.cut(alice);
    let lines = world.ask(root, "LUSERS");
    assert_eq!(lines[0], ":irc.test 251 root :There are 1 users and 0 invisible on 1 servers");
    assert_eq!(lines[1], ":irc.test 252 root 0 :operator(s) online");
}
