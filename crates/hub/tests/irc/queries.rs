//! Questions about users and the server, and what users say of themselves: AWAY and SETNAME.

use crate::world::World;

#[test]
fn userhost_shows_up_to_five() {
    let mut world = World::with_operator();
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    assert_eq!(
        world.ask(alice, "USERHOST BOB nobody alice"),
        [":irc.test 302 alice :bob=+~bob@127.0.0.1 alice=+~alice@127.0.0.1"]
    );
    world.send_all(bob, &["AWAY :gone", "OPER root sesame"]);
    assert_eq!(world.ask(alice, "USERHOST bob"), [":irc.test 302 alice :bob*=-~bob@127.0.0.1"]);
    let six = world.ask(alice, "USERHOST alice alice alice alice alice bob");
    assert!(!six[0].contains("bob"), "{six:#?}");
    assert_eq!(world.ask(alice, "USERHOST nobody"), [":irc.test 302 alice :"]);
    assert_eq!(world.ask(alice, "USERHOST")[0].split(' ').nth(1), Some("461"));
}

#[test]
fn long_answers_are_not_cut_within_a_name() {
    let mut world = World::with(|config| {
        config.limits.nick = 100;
        config.server_name = "a-server-with-a-rather-long-name.test".into();
    });
    let alice = world.user("alice");
    let names: Vec<String> = ["v", "w", "x", "y", "z"].map(|letter| letter.repeat(99)).to_vec();
    for name in &names {
        world.user(name);
    }
    let asked = names.join(" ");
    let lines = world.ask(alice, &format!("USERHOST {asked}"));
    let hosts: Vec<&str> =
        lines.iter().flat_map(|line| line.split(" :").nth(1).unwrap().split(' ')).collect();
    let whole: Vec<String> =
        names.iter().map(|name| format!("{name}=+~{}@127.0.0.1", &name[..16])).collect();
    assert_eq!(hosts, whole);
    let lines = world.ask(alice, &format!("ISON {asked}"));
    assert_eq!(lines.len(), 1, "a client waits for one");
    let here: Vec<&str> = lines[0].split(" :").nth(1).unwrap().split(' ').collect();
    assert_eq!(here, names[..4], "the last had no room");
}

#[test]
fn ison_names_those_who_are_here() {
    let mut world = World::new();
    let (alice, _) = (world.user("alice"), world.user("Bob"));
    let waiting = world.connect();
    world.send(waiting, "NICK waiting");
    assert_eq!(
        world.ask(alice, "ISON nobody bob waiting :ALICE other"),
        [":irc.test 303 alice :Bob alice"]
    );
    assert_eq!(world.ask(alice, "ISON nobody"), [":irc.test 303 alice :"]);
    assert_eq!(world.ask(alice, "ISON")[0].split(' ').nth(1), Some("461"));
}

#[test]
fn admin_says_who_runs_the_server() {
    let mut world = World::with(|config| config.admin = vec!["Ada".into(), "Room 7".into()]);
    let alice = world.user("alice");
    assert_eq!(
        world.ask(alice, "ADMIN"),
        [
            ":irc.test 256 alice irc.test :Administrative info",
            ":irc.test 257 alice :Ada",
            ":irc.test 258 alice :Room 7",
            ":irc.test 259 alice :not given",
        ]
    );
}

#[test]
fn a_question_for_another_server_is_402() {
    let mut world = World::new();
    let alice = world.user("alice");
    for command in ["ADMIN", "INFO", "MOTD", "TIME", "VERSION"] {
        for here in ["irc.test", "IRC.*", "alice"] {
            let lines = world.ask(alice, &format!("{command} {here}"));
            assert!(!lines[0].contains(" 402 "), "{command} {here}");
        }
        assert_eq!(
            world.ask(alice, &format!("{command} irc.elsewhere")),
            [":irc.test 402 alice irc.elsewhere :No such server"],
            "{command}"
        );
    }
}

#[test]
fn help_lists_the_commands_and_explains_each() {
    let mut world = World::new();
    let alice = world.user("alice");
    let all = world.ask(alice, "HELP");
    assert!(all[0].starts_with(":irc.test 704 alice * :"));
    assert!(all.last().unwrap().starts_with(":irc.test 706 alice * :"));
    let names: Vec<String> = all
        .iter()
        .filter(|line| line.contains(" 705 "))
        .flat_map(|line| line.split(" :").nth(1).unwrap().split(' ').map(str::to_owned))
        .collect();
    assert!(names.len() > 40);
    for name in names {
        let lines = world.ask(alice, &format!("HELP {}", name.to_lowercase()));
        let start = format!(":irc.test 704 alice {} :{name}", name.to_lowercase());
        assert!(lines[0].starts_with(&start), "{lines:#?}");
        assert!(lines[1].contains(" 705 ") && lines[1].ends_with(" :"), "{lines:#?}");
        assert!(lines.last().unwrap().contains(" 706 "), "{lines:#?}");
    }
    for (asked, shown) in [("NOSUCHTHING", "NOSUCHTHING"), (":two words", "*"), ("::x", "*")] {
        assert_eq!(
            world.ask(alice, &format!("HELP {asked}")),
            [format!(":irc.test 524 alice {shown} :There is no help for this")]
        );
    }
}

#[test]
fn info_and_links_and_version_say_what_this_is() {
    let mut world = World::new();
    let alice = world.user("alice");
    let info = world.ask(alice, "INFO");
    assert!(info[0].starts_with(":irc.test 371 alice :callbox-"));
    assert_eq!(info.last().unwrap(), ":irc.test 374 alice :End of INFO list");
    assert_eq!(
        world.ask(alice, "LINKS"),
        [
            ":irc.test 364 alice irc.test irc.test :0 a callbox",
            ":irc.test 365 alice * :End of /LINKS list",
        ]
    );
    let version = world.ask(alice, "VERSION");
    assert!(version[0].starts_with(":irc.test 351 alice callbox-"));
    assert!(version[0].ends_with(" irc.test :a callbox"));
    assert!(version[1].starts_with(":irc.test 005 alice "));
}

#[test]
fn lusers_counts_who_is_here() {
    let mut world = World::with_operator();
    let alice = world.user("alice");
    let bob = world.user("bob");
    world.send(bob, "QUIT");
    world.send(alice, "OPER root sesame");
    world.send(alice, "JOIN #room");
    world.connect();
    assert_eq!(
        world.ask(alice, "LUSERS"),
        [
            ":irc.test 251 alice :There are 1 users and 0 invisible on 1 servers",
            ":irc.test 252 alice 1 :operator(s) online",
            ":irc.test 253 alice 1 :unknown connection(s)",
            ":irc.test 254 alice 1 :channels formed",
            ":irc.test 255 alice :I have 1 clients and 0 servers",
            ":irc.test 265 alice 1 2 :Current local users 1, max 2",
            ":irc.test 266 alice 1 2 :Current global users 1, max 2",
        ]
    );
}

#[test]
fn the_message_of_the_day_is_there_or_422() {
    let mut world = World::with(|config| config.motd = vec!["one".into(), "".into()]);
    let alice = world.user("alice");
    assert_eq!(
        world.ask(alice, "MOTD"),
        [
            ":irc.test 375 alice :- irc.test Message of the day - ",
            ":irc.test 372 alice :one",
            ":irc.test 372 alice :",
            ":irc.test 376 alice :End of /MOTD command.",
        ]
    );
    let mut world = World::with(|config| config.motd.clear());
    let alice = world.user("alice");
    assert_eq!(world.ask(alice, "MOTD"), [":irc.test 422 alice :MOTD File is missing"]);
}

#[test]
fn stats_tells_the_uptime_and_operators_to_operators() {
    let mut world = World::with_operator();
    let alice = world.user("alice");
    world.pass(std::time::Duration::from_secs(61));
    assert_eq!(
        world.ask(alice, "STATS u"),
        [
            ":irc.test 242 alice :Server Up 0 days 0:01:01",
            ":irc.test 219 alice u :End of /STATS report",
        ]
    );
    assert_eq!(world.ask(alice, "STATS z"), [":irc.test 219 alice z :End of /STATS report"]);
    assert_eq!(
        world.ask(alice, "STATS u irc.elsewhere"),
        [":irc.test 402 alice irc.elsewhere :No such server"]
    );
    assert_eq!(world.ask(alice, "STATS z *.test"), [":irc.test 219 alice z :End of /STATS report"]);
    assert_eq!(world.ask(alice, "STATS")[0], ":irc.test 461 alice STATS :Not enough parameters");
    for query in ["o", "p"] {
        assert_eq!(world.ask(alice, &format!("STATS {query}"))[0].split(' ').nth(1), Some("481"));
    }
    world.send(alice, "OPER root sesame");
    assert_eq!(world.ask(alice, "STATS o")[0], ":irc.test 243 alice O * * root");
    assert_eq!(world.ask(alice, "STATS p")[0], ":irc.test 243 alice P * * alice!~alice@127.0.0.1");
}

#[test]
fn stats_counts_the_commands() {
    let mut world = World::new();
    let alice = world.user("alice");
    world.send_all(alice, &["TIME", "time", "NOSUCHTHING", "STATS"]);
    world.forget();
    assert_eq!(
        world.ask(alice, "STATS m"),
        [
            ":irc.test 212 alice NICK 1",
            ":irc.test 212 alice STATS 2",
            ":irc.test 212 alice TIME 2",
            ":irc.test 212 alice USER 1",
            ":irc.test 219 alice m :End of /STATS report",
        ]
    );
}

#[test]
fn time_is_told_to_programs_and_people() {
    let mut world = World::new();
    let alice = world.user("alice");
    assert_eq!(
        world.ask(alice, "TIME"),
        [":irc.test 391 alice irc.test 1767225600 0 :2026-01-01 00:00:00 UTC"]
    );
}

#[test]
fn who_is_away_says_so_and_comes_back() {
    let mut world = World::new();
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    assert_eq!(
        world.ask(alice, "AWAY :I'm not here"),
        [":irc.test 306 alice :You have been marked as being away"]
    );
    assert_eq!(world.ask(bob, "PRIVMSG alice :hi"), [":irc.test 301 bob alice :I'm not here"]);
    for back in ["AWAY", "AWAY :"] {
        assert_eq!(
            world.ask(alice, back),
            [":irc.test 305 alice :You are no longer marked as being away"]
        );
    }
    assert!(world.ask(bob, "PRIVMSG alice :hi").is_empty());
    world.send(alice, &format!("AWAY :{}", "é".repeat(150)));
    assert_eq!(
        world.ask(bob, "PRIVMSG alice :hi"),
        [format!(":irc.test 301 bob alice :{}", "é".repeat(100))]
    );
}

#[test]
fn away_is_announced_to_those_who_asked() {
    let mut world = World::new();
    let (alice, bob) = (world.user("alice"), world.user_with("bob", "away-notify"));
    let carol = world.user("carol");
    let eve = world.user_with("eve", "away-notify");
    for who in [alice, bob, carol] {
        world.send(who, "JOIN #room");
    }
    world.forget();
    world.send_all(alice, &["AWAY :one", "AWAY :one", "AWAY :two", "AWAY", "AWAY"]);
    assert_eq!(
        world.lines(bob),
        [
            ":alice!~alice@127.0.0.1 AWAY :one",
            ":alice!~alice@127.0.0.1 AWAY :two",
            ":alice!~alice@127.0.0.1 AWAY",
        ]
    );
    assert!(world.lines(carol).is_empty());
    assert!(world.lines(eve).is_empty());
    world.send(alice, "AWAY :three");
    world.lines(bob);
    world.send(bob, "JOIN #other");
    world.send(alice, "JOIN #other");
    assert!(world.lines(bob).contains(&":alice!~alice@127.0.0.1 AWAY :three".to_owned()));
}

#[test]
fn a_connection_may_come_in_away() {
    let mut world = World::new();
    let bob = world.user("bob");
    world.send(bob, "MONITOR + alice");
    let alice = world.connect();
    assert_eq!(world.ask(alice, "AWAY :x"), [":irc.test 451 * :You have not registered"]);
    world.send(alice, "CAP REQ draft/pre-away");
    assert!(world.ask(alice, "AWAY *").is_empty());
    world.lines(bob);
    world.send_all(alice, &["NICK alice", "USER a 0 * :a", "CAP END"]);
    assert_eq!(world.lines(bob), [":irc.test 730 bob :alice!~a@127.0.0.1"]);
    assert_eq!(world.ask(bob, "PRIVMSG alice :hi"), [":irc.test 301 bob alice :*"]);
}

#[test]
fn a_real_name_is_changed_before_everybody_who_asked() {
    let mut world = World::new();
    let (alice, bob) = (world.user_with("alice", "setname"), world.user_with("bob", "setname"));
    let carol = world.user("carol");
    for who in [alice, bob, carol] {
        world.send(who, "JOIN #room");
    }
    world.forget();
    assert_eq!(
        world.ask(alice, "SETNAME :Alice Liddell"),
        [":alice!~alice@127.0.0.1 SETNAME :Alice Liddell"]
    );
    assert_eq!(world.lines(bob), [":alice!~alice@127.0.0.1 SETNAME :Alice Liddell"]);
    assert!(world.lines(carol).is_empty());
    assert!(world.ask(carol, "WHOIS alice")[0].ends_with(" * :Alice Liddell"));
    for bad in ["SETNAME :", &format!("SETNAME :{}", "x".repeat(121))] {
        assert_eq!(world.ask(alice, bad)[0].split(' ').nth(3), Some("INVALID_REALNAME"));
    }
    assert_eq!(world.ask(alice, "SETNAME")[0].split(' ').nth(1), Some("461"));
    assert!(world.ask(carol, "SETNAME :Quietly").is_empty());
}

#[test]
fn each_list_of_a_channel_has_the_limit_that_isupport_tells() {
    let mut world = World::with(|config| config.limits.list = 1);
    let alice = world.user("alice");
    let tokens = world.ask(alice, "VERSION").join(" ");
    assert!(tokens.contains(" MAXLIST=I:1,b:1,e:1 "), "{tokens}");
    world.send(alice, "JOIN #room");
    world.forget();
    assert_eq!(
        world.ask(alice, "MODE #room +beI a!*@* b!*@* c!*@*"),
        [":alice!~alice@127.0.0.1 MODE #room +beI a!*@* b!*@* c!*@*"]
    );
    for letter in ["b", "e", "I"] {
        assert_eq!(
            world.ask(alice, &format!("MODE #room +{letter} z!*@*")),
            [format!(":irc.test 478 alice #room {letter} :Channel list is full")]
        );
    }
}
