//! Coming in and going.

use std::time::Duration;

use crate::world::World;

#[test]
fn nick_and_user_make_a_user() {
    let mut world = World::new();
    let alice = world.connect();
    world.send(alice, "NICK alice");
    assert!(world.lines(alice).is_empty());
    world.send(alice, "USER alice 0 * :Alice");
    let lines = world.lines(alice);
    assert_eq!(lines[0], ":irc.test 001 alice :Welcome to the callbox network, alice");
    assert!(lines.iter().any(|line| line.contains(" 005 alice ")), "{lines:#?}");
}

#[test]
fn negotiation_holds_the_welcome_back() {
    let mut world = World::new();
    let alice = world.connect();
    world.send_all(alice, &["CAP LS 302", "NICK alice", "USER alice 0 * :Alice"]);
    assert!(!world.lines(alice).iter().any(|line| line.contains(" 001 ")));
    assert_eq!(
        world.ask(alice, "CAP REQ :server-time echo-message"),
        [":irc.test CAP alice ACK :server-time echo-message"]
    );
    assert_eq!(
        world.ask(alice, "CAP REQ :server-time no-such-thing"),
        [":irc.test CAP alice NAK :server-time no-such-thing"]
    );
    world.send(alice, "CAP END");
    assert!(world.lines(alice)[0].starts_with("@time="));
}

#[test]
fn who_never_registers_is_let_go() {
    let mut world = World::new();
    let silent = world.connect();
    world.pass(Duration::from_secs(61));
    assert!(world.is_closed(silent));
    assert_eq!(world.lines(silent), ["ERROR :Closing link: 127.0.0.1 (Registration timed out)"]);
}

#[test]
fn who_is_silent_is_asked_and_let_go_without_an_answer() {
    let mut world = World::new();
    let alice = world.user("alice");
    let bob = world.user("bob");
    world.pass(Duration::from_secs(121));
    assert_eq!(world.lines(alice), ["PING irc.test"]);
    world.send(bob, "PONG irc.test");
    world.pass(Duration::from_secs(61));
    assert!(world.is_closed(alice));
    assert!(!world.is_closed(bob));
}

/// The numerics and commands of `lines`, those that follow one another only once.
fn kinds(lines: &[String]) -> Vec<&str> {
    let mut kinds: Vec<&str> = lines
        .iter()
        .map(|line| {
            let words = line.split(' ').skip_while(|word| word.starts_with(['@', ':']));
            words.into_iter().next().unwrap_or_default()
        })
        .collect();
    kinds.dedup();
    kinds
}

#[test]
fn the_welcome_comes_in_its_order() {
    let mut world = World::new();
    let alice = world.connect_as(|peer| peer.secure = true);
    world.send_all(alice, &["NICK alice", "USER alice 0 * :Alice"]);
    let lines = world.lines(alice);
    assert_eq!(
        kinds(&lines),
        [
            "001", "002", "003", "004", "005", "251", "252", "253", "254", "255", "265", "266",
            "221", "375", "372", "376"
        ]
    );
    let my_info: Vec<&str> = lines[3].split(' ').collect();
    let [_, _, nick, server, version, modes @ ..] = &my_info[..] else { panic!("{my_info:?}") };
    assert_eq!((*nick, *server), ("alice", "irc.test"));
    assert!(version.starts_with("callbox-"));
    assert_eq!(modes.len(), 3);
    assert!(modes.iter().all(|letters| letters.chars().all(|c| c.is_ascii_alphabetic())));
    assert!(lines.contains(&":irc.test 221 alice +Z".to_owned()), "{lines:#?}");
}

#[test]
fn each_line_of_isupport_has_at_most_thirteen_tokens() {
    let mut world = World::new();
    let alice = world.connect();
    let nick = "n".repeat(32);
    world.send_all(alice, &[&format!("NICK {nick}"), "USER alice 0 * :Alice"]);
    let lines: Vec<String> =
        world.lines(alice).into_iter().filter(|line| line.contains(" 005 ")).collect();
    assert!(lines.len() >= 3);
    let mut names = Vec::new();
    for line in &lines {
        let tokens = line
            .strip_prefix(&format!(":irc.test 005 {nick} "))
            .and_then(|rest| rest.strip_suffix(" :are supported by this server"))
            .expect("whole");
        let tokens: Vec<&str> = tokens.split(' ').collect();
        assert!(tokens.len() <= 13, "{line}");
        names.extend(tokens.iter().map(|token| token.split('=').next().unwrap().to_owned()));
    }
    for name in ["PREFIX", "CHANMODES", "WHOX", "MONITOR", "UTF8ONLY", "TARGMAX", "NETWORK"] {
        assert_eq!(names.iter().filter(|known| *known == name).count(), 1, "{name}");
    }
}

#[test]
fn before_the_welcome_nothing_else_is_done() {
    let mut world = World::new();
    let alice = world.connect();
    for line in ["JOIN #room", "PRIVMSG bob :hi", "WHO *", "whois bob", "MONITOR L", "MODE"] {
        assert_eq!(world.ask(alice, line), [":irc.test 451 * :You have not registered"], "{line}");
    }
    world.send(alice, "NICK alice");
    assert_eq!(world.ask(alice, "JOIN #room"), [":irc.test 451 alice :You have not registered"]);
    for nosuch in ["NOSUCH", "NO_SUCH", "no.such", "1234", "001", "x@", "привет"] {
        assert_eq!(
            world.ask(alice, &format!("{nosuch} x")),
            [format!(":irc.test 421 alice {nosuch} :Unknown command")]
        );
    }
    let long = "x".repeat(500);
    assert_eq!(
        world.ask(alice, &long),
        [format!(":irc.test 421 alice {} :Unknown command", &long[..64])]
    );
    assert_eq!(world.ask(alice, "PING x"), [":irc.test PONG irc.test :x"]);
    assert!(world.ask(alice, "PONG x").is_empty());
    assert!(world.ask(alice, "").is_empty());
}

#[test]
fn a_nickname_must_be_there_and_be_one() {
    let mut world = World::new();
    let alice = world.connect();
    for none in ["NICK", "NICK :"] {
        assert_eq!(world.ask(alice, none), [":irc.test 431 * :No nickname given"]);
    }
    for bad in ["*", "#room", "1st", "a!b", "a@b", "-x", "with,comma", &"n".repeat(33)] {
        assert_eq!(
            world.ask(alice, &format!("NICK {bad}")),
            [format!(":irc.test 432 * {bad} :Erroneus nickname")]
        );
    }
    assert_eq!(world.ask(alice, "NICK :a b")[0].split(' ').nth(1), Some("432"));
    assert_eq!(world.ask(alice, "NICK nickserv")[0].split(' ').nth(1), Some("432"));
    let long = world.ask(alice, &format!("NICK {}", "é".repeat(240)));
    assert_eq!(long[0].split(' ').nth(1), Some("432"));
    world.send(alice, "USER a 0 * :a");
    assert!(world.lines(alice).is_empty(), "no name, no welcome");
    world.send(alice, "NICK valid");
    assert!(world.lines(alice)[0].contains(" 001 valid "));
}

#[test]
fn a_nickname_is_given_once() {
    let mut world = World::new();
    world.user("alice");
    let bob = world.connect();
    assert_eq!(world.ask(bob, "NICK ALICE"), [":irc.test 433 * ALICE :Nickname is already in use"]);
    assert_eq!(world.ask(bob, "NICK аlice")[0].split(' ').nth(1), Some("433"), "Cyrillic а");
    assert!(world.ask(bob, "NICK bob").is_empty());
    world.send(bob, "USER b 0 * :b");
    let other = world.connect();
    assert_eq!(world.ask(other, "NICK Bob")[0].split(' ').nth(1), Some("433"), "taken meanwhile");
    world.send(bob, "QUIT");
    assert!(world.ask(other, "NICK Bob").is_empty(), "and free again");
    world.send(other, "USER b 0 * :b");
    assert!(world.lines(other)[0].contains(" 001 Bob "));
    assert_eq!(
        world.ask(other, "NICK alice"),
        [":irc.test 433 Bob alice :Nickname is already in use"]
    );
    world.send(other, "NICK charlie");
    let third = world.connect();
    assert!(world.ask(third, "NICK bob").is_empty(), "given up by a change");
}

#[test]
fn a_change_of_case_is_a_change_and_the_same_name_is_none() {
    let mut world = World::new();
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    world.send(alice, "JOIN #room");
    world.send(bob, "JOIN #room");
    world.forget();
    let change = ":alice!~alice@127.0.0.1 NICK :Alice";
    assert_eq!(world.ask(alice, "NICK Alice"), [change]);
    assert_eq!(world.lines(bob), [change]);
    assert!(world.ask(alice, "NICK Alice").is_empty());
    assert!(world.lines(bob).is_empty());
}

#[test]
fn user_wants_four_parameters_with_something_in_them_and_comes_once() {
    let mut world = World::new();
    let alice = world.connect();
    world.send(alice, "NICK alice");
    for few in ["USER", "USER alice", "USER alice 0 *", "USER alice 0 * :", "USER : 0 * :Alice"] {
        assert_eq!(
            world.ask(alice, few),
            [":irc.test 461 alice USER :Not enough parameters"],
            "{few}"
        );
    }
    world.send(alice, "USER 😊😊a-name-that-is-too-long 0 * :Alice");
    world.lines(alice);
    assert_eq!(
        world.ask(alice, "USERHOST alice"),
        [":irc.test 302 alice :alice=+~a-name-that-is-t@127.0.0.1"]
    );
    for again in ["USER a 0 * :a", "PASS x"] {
        assert_eq!(world.ask(alice, again), [":irc.test 462 alice :You may not reregister"]);
    }
    let waiting = world.connect();
    world.send(waiting, "USER a 0 * :a");
    assert_eq!(world.ask(waiting, "USER a 0 * :a"), [":irc.test 462 * :You may not reregister"]);
}

#[test]
fn a_server_with_a_password_asks_for_it() {
    let mut world = World::with(|config| config.password = Some("hash:sesame".into()));
    let alice = world.connect();
    assert_eq!(world.ask(alice, "PASS"), [":irc.test 461 * PASS :Not enough parameters"]);
    world.send_all(alice, &["PASS wrong", "PASS sesame", "NICK alice", "USER a 0 * :a"]);
    assert!(world.lines(alice)[0].contains(" 001 "), "the last one counts");
    for line in ["PASS wrong", "PONG x"] {
        let bob = world.connect();
        world.send_all(bob, &[line, "NICK bob", "USER b 0 * :b"]);
        assert!(world.lines(bob)[0].starts_with(":irc.test 464 bob :"), "{line}");
        assert!(world.is_closed(bob));
    }
}

#[test]
fn a_ping_is_answered_by_its_token() {
    let mut world = World::new();
    let alice = world.user("alice");
    assert_eq!(world.ask(alice, "PING abc"), [":irc.test PONG irc.test :abc"]);
    assert_eq!(world.ask(alice, "PING :a b"), [":irc.test PONG irc.test :a b"]);
    assert_eq!(world.ask(alice, "PING"), [":irc.test 461 alice PING :Not enough parameters"]);
    assert_eq!(world.ask(alice, "PING :"), [":irc.test 409 alice :No origin specified"]);
    assert!(world.ask(alice, "PONG").is_empty());
}

#[test]
fn a_quit_ends_with_error_and_its_reason_is_told() {
    let mut world = World::new();
    for (line, reason) in [("QUIT :gone home", "Quit: gone home"), ("QUIT", "Quit: ")] {
        let (alice, bob) = (world.user("alice"), world.user("bob"));
        world.send(alice, "JOIN #room");
        world.send(bob, "JOIN #room");
        world.forget();
        world.send(alice, line);
        assert_eq!(world.lines(alice), [format!("ERROR :Closing link: 127.0.0.1 ({reason})")]);
        assert!(world.is_closed(alice));
        assert_eq!(world.lines(bob), [format!(":alice!~alice@127.0.0.1 QUIT :{reason}")]);
        world.cut(bob);
    }
}

#[test]
fn a_broken_connection_is_a_quit() {
    let mut world = World::new();
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    world.send(alice, "JOIN #room");
    world.send(bob, "JOIN #room");
    world.forget();
    world.cut(alice);
    assert_eq!(world.lines(bob), [":alice!~alice@127.0.0.1 QUIT :Connection reset by peer"]);
}

#[test]
fn capabilities_are_listed_with_values_for_who_knows_them() {
    let mut world = World::new();
    let (old, new) = (world.connect(), world.connect());
    for ls in ["CAP LS", "CAP LS 301", "CAP LS nonsense"] {
        let lines = world.ask(old, ls);
        assert_eq!(lines.len(), 1);
        let list = lines[0].strip_prefix(":irc.test CAP * LS :").expect("no star");
        assert!(!list.contains('='), "{list}");
        assert!(list.ends_with("userhost-in-names"), "not cut: {list}");
    }
    let long = world.user(&"n".repeat(32));
    let list = world.ask(long, "CAP LS").remove(0);
    assert!(list.ends_with("userhost-in-names"), "not cut: {list}");
    let lines = world.ask(new, "CAP LS 302");
    assert!(lines.len() > 1);
    let again = world.ask(new, "CAP LS");
    assert!(again.len() == 1 && !again[0].contains('='), "as it was asked for: {again:#?}");
    assert_eq!(world.ask(new, "CAP LIST"), [":irc.test CAP * LIST :cap-notify"]);
    assert_eq!(world.ask(new, "CAP LS 4294967296"), lines, "a number, however great");
    let (last, before) = lines.split_last().unwrap();
    assert!(before.iter().all(|line| line.starts_with(":irc.test CAP * LS * :")), "{lines:#?}");
    assert!(last.starts_with(":irc.test CAP * LS :"));
    let all: Vec<&str> =
        lines.iter().flat_map(|line| line.split(" :").nth(1).unwrap().split(' ')).collect();
    assert!(all.contains(&"sasl=PLAIN,SCRAM-SHA-256,EXTERNAL"), "{all:?}");
    assert!(all.contains(&"echo-message"));
    assert!(!all.iter().any(|cap| cap.starts_with("sts")), "there is no TLS here");
}

#[test]
fn capabilities_are_taken_and_given_back_all_or_none() {
    let mut world = World::new();
    let alice = world.connect();
    assert_eq!(world.ask(alice, "CAP LIST"), [":irc.test CAP * LIST :"]);
    let ask = |world: &mut World, line: &str| world.ask(alice, line).remove(0);
    assert_eq!(
        ask(&mut world, "CAP REQ :foo multi-prefix bar"),
        ":irc.test CAP * NAK :foo multi-prefix bar"
    );
    assert_eq!(ask(&mut world, "CAP LIST"), ":irc.test CAP * LIST :");
    assert_eq!(
        ask(&mut world, "cap req :server-time multi-prefix"),
        ":irc.test CAP * ACK :server-time multi-prefix"
    );
    assert_eq!(ask(&mut world, "CAP LIST"), ":irc.test CAP * LIST :multi-prefix server-time");
    assert_eq!(
        ask(&mut world, "CAP REQ :-server-time setname"),
        ":irc.test CAP * ACK :-server-time setname"
    );
    assert_eq!(ask(&mut world, "CAP LIST"), ":irc.test CAP * LIST :multi-prefix setname");
    assert_eq!(ask(&mut world, "CAP REQ :-never"), ":irc.test CAP * NAK :-never");
    assert_eq!(ask(&mut world, "CAP REQ :sasl=PLAIN"), ":irc.test CAP * NAK :sasl=PLAIN");
    assert_eq!(ask(&mut world, "CAP REQ :"), ":irc.test CAP * ACK :");
    assert_eq!(ask(&mut world, "CAP REQ"), ":irc.test CAP * ACK :");
}

#[test]
fn a_long_request_is_acknowledged_in_lines_that_fit() {
    let mut world = World::new();
    let alice = world.user(&"n".repeat(32));
    let asked = "setname ".repeat(61);
    let lines = world.ask(alice, &format!("CAP REQ :{asked}"));
    assert_eq!(lines.len(), 2);
    let words = lines.iter().flat_map(|line| line.split(" ACK :").nth(1).unwrap().split(' '));
    assert!(words.filter(|word| *word == "setname").count() == 61, "{lines:#?}");
}

#[test]
fn with_version_302_changes_are_announced_and_that_cannot_be_given_up() {
    let mut world = World::new();
    let alice = world.connect();
    world.send(alice, "CAP LS 302");
    assert_eq!(world.ask(alice, "CAP LIST"), [":irc.test CAP * LIST :cap-notify"]);
    assert_eq!(world.ask(alice, "CAP REQ -cap-notify"), [":irc.test CAP * NAK :-cap-notify"]);
}

#[test]
fn strict_transport_is_a_notice_and_not_to_be_had() {
    let mut world = World::with(|config| {
        config.sts =
            Some(callbox_hub::config::Sts { port: 6697, duration: Duration::from_secs(3600) });
    });
    let alice = world.connect();
    let lines = world.ask(alice, "CAP LS");
    assert!(!lines.iter().any(|line| line.contains("sts")), "who sees no values is not told");
    let lines = world.ask(alice, "CAP LS 302");
    assert!(lines.iter().any(|line| line.contains("sts=port=6697,duration=3600")), "{lines:#?}");
    assert_eq!(world.ask(alice, "CAP REQ sts"), [":irc.test CAP * NAK :sts"]);
}

#[test]
fn what_is_no_subcommand_of_cap_is_410() {
    let mut world = World::new();
    let alice = world.connect();
    assert_eq!(
        world.ask(alice, "CAP NOTACOMMAND"),
        [":irc.test 410 * NOTACOMMAND :Invalid CAP command"]
    );
    assert_eq!(world.ask(alice, "CAP :"), [":irc.test 410 * * :Invalid CAP command"]);
    assert_eq!(world.ask(alice, "CAP"), [":irc.test 461 * CAP :Not enough parameters"]);
    world.send_all(alice, &["NICK alice", "USER a 0 * :a"]);
    assert!(world.lines(alice)[0].contains(" 001 "), "none of these began a negotiation");
}

#[test]
fn an_end_without_a_beginning_is_harmless() {
    let mut world = World::new();
    let alice = world.connect();
    assert!(world.ask(alice, "CAP END").is_empty());
    world.send_all(alice, &["NICK alice", "USER a 0 * :a"]);
    assert!(world.lines(alice)[0].contains(" 001 "));
    assert!(world.ask(alice, "CAP END").is_empty());
    assert!(world.ask(alice, "CAP LS 302")[0].starts_with(":irc.test CAP alice LS * :"));
    assert!(world.ask(alice, "PING x")[0].contains("PONG"), "no negotiation holds a user back");
}

#[test]
fn a_request_alone_holds_the_welcome_back() {
    let mut world = World::new();
    let alice = world.connect();
    world.send_all(alice, &["CAP REQ :multi-prefix", "NICK alice", "USER a 0 * :a"]);
    assert_eq!(world.lines(alice), [":irc.test CAP * ACK :multi-prefix"]);
    world.send(alice, "CAP END");
    assert!(world.lines(alice)[0].contains(" 001 "));
}

#[test]
fn a_line_that_is_no_text_is_refused_under_its_command_and_label() {
    let mut world = World::new();
    let alice = world.user_with("alice", "labeled-response batch message-tags");
    world.send_bytes(alice, b"@label=xyz privmsg #qux hi\xaa");
    assert_eq!(
        world.lines(alice),
        ["@label=xyz :irc.test FAIL PRIVMSG INVALID_UTF8 :This is no UTF-8; it was not sent"]
    );
    for nonsense in [&b"\xff\xfe"[..], b"", b"@\xff", b"\xffPRIVMSG x y", b"NOSUCH \xff"] {
        world.send_bytes(alice, nonsense);
        let lines = world.lines(alice);
        assert!(
            lines.iter().all(|line| line.starts_with(":irc.test FAIL * INVALID_UTF8 :")),
            "{lines:#?}"
        );
    }
    let new = world.connect();
    world.send(new, "NICK new");
    world.send_bytes(new, b"USER username * * :i\xe8rc\xe9");
    assert!(world.lines(new)[0].starts_with(":irc.test FAIL USER INVALID_UTF8 :"));
}

#[test]
fn a_name_is_not_kept_for_who_has_not_come_in() {
    let mut world = World::new();
    for name in ["alice", "张三"] {
        let camper = world.connect();
        world.send_all(camper, &["CAP LS 302", &format!("NICK {name}")]);
        world.forget();
        let alice = world.user(name);
        let taken = format!(":irc.test 433 * {name} :Nickname is already in use");
        assert_eq!(world.lines(camper), std::slice::from_ref(&taken));
        // Now it is somebody's.
        assert_eq!(world.ask(camper, &format!("NICK {name}")), [taken]);
        world.send_all(camper, &["USER c 0 * :c", "CAP END"]);
        assert_eq!(world.lines(camper), [""; 0], "a name is missing");
        world.send(camper, "NICK camper");
        assert!(world.lines(camper)[0].contains(" 001 camper "));
        // A user may take one as well.
        let other = world.connect();
        world.send(other, "NICK lily");
        world.send(alice, "NICK lily");
        assert!(world.lines(alice)[0].ends_with(" NICK :lily"));
        assert_eq!(world.lines(other), [":irc.test 433 * lily :Nickname is already in use"]);
        world.send(alice, "QUIT");
        world.send(camper, "QUIT");
    }
}

#[test]
fn a_look_alike_does_not_keep_a_name_for_who_has_not_come_in() {
    let mut world = World::new();
    let camper = world.connect();
    // With a Cyrillic letter.
    world.send_all(camper, &["CAP LS 302", "NICK \u{430}lice", "USER c 0 * :c"]);
    world.forget();
    world.user("alice");
    world.send(camper, "CAP END");
    let taken = ":irc.test 433 * \u{430}lice :This nickname looks like one that is in use";
    assert_eq!(world.lines(camper), [taken]);
}
