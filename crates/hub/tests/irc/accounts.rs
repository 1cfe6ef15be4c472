//! Making an account, and logging in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use callbox_hub::contract::Door;

use crate::world::{Who, World};

fn with_account() -> World {
    let mut world = World::new();
    let alice = world.user("alice");
    let lines = world.ask(alice, "REGISTER * * correct-horse");
    assert_eq!(lines[0], ":irc.test REGISTER SUCCESS alice :The account is yours");
    world.send(alice, "QUIT");
    world.forget();
    world
}

fn plain(name: &str, password: &str) -> String {
    STANDARD.encode(format!("\0{name}\0{password}"))
}

/// Logs in before registration is complete.
fn log_in(world: &mut World, who: Who, name: &str, password: &str) -> Vec<String> {
    world.send_all(who, &["CAP LS 302", "CAP REQ sasl"]);
    world.lines(who);
    assert_eq!(world.ask(who, "AUTHENTICATE PLAIN"), ["AUTHENTICATE +"]);
    world.ask(who, &format!("AUTHENTICATE {}", plain(name, password)))
}

#[test]
fn an_account_is_made_and_logged_in_to_at_once() {
    let mut world = World::new();
    let alice = world.user("alice");
    assert_eq!(
        world.ask(alice, "REGISTER * alice@example.org correct-horse"),
        [
            ":irc.test REGISTER SUCCESS alice :The account is yours",
            ":irc.test 900 alice alice!~alice@127.0.0.1 alice :You are now logged in as alice",
            ":alice!~alice@127.0.0.1 MODE alice +r",
        ]
    );
    assert_eq!(
        world.ask(alice, "REGISTER other * correct-horse"),
        [":irc.test FAIL REGISTER ALREADY_AUTHENTICATED alice :You are logged in already"]
    );
}

#[test]
fn what_cannot_be_registered_is_refused_with_a_reason() {
    let mut world = with_account();
    let bob = world.user("bob");
    let code = |world: &mut World, line: &str| {
        let reply = world.ask(bob, line).remove(0);
        reply.split(' ').nth(3).expect("a code").to_owned()
    };
    assert_eq!(code(&mut world, "REGISTER ALICE * correct-horse"), "ACCOUNT_EXISTS");
    assert_eq!(code(&mut world, "REGISTER аlice * correct-horse"), "ACCOUNT_EXISTS");
    assert_eq!(code(&mut world, "REGISTER #x * correct-horse"), "BAD_ACCOUNT_NAME");
    assert_eq!(code(&mut world, "REGISTER * * short"), "WEAK_PASSWORD");
    let long = format!("REGISTER * * {}", "x".repeat(301));
    assert_eq!(code(&mut world, &long), "UNACCEPTABLE_PASSWORD");
    assert_eq!(code(&mut world, "REGISTER * nonsense correct-horse"), "INVALID_EMAIL");
    let carol = world.user("carol");
    assert_eq!(code(&mut world, "REGISTER carol * correct-horse"), "BAD_ACCOUNT_NAME");
    assert_eq!(world.ask(carol, "VERIFY carol 123")[0].split(' ').nth(3), Some("INVALID_CODE"));
    world.send(carol, "QUIT");
    let nameless = world.connect();
    for name in ["*", "alice", "new"] {
        assert_eq!(
            world.ask(nameless, &format!("REGISTER {name} * correct-horse")),
            [":irc.test FAIL REGISTER NEED_NICK * :Choose a nickname first"]
        );
    }
}

#[test]
fn before_coming_in_an_account_takes_the_servers_password_too() {
    let mut world = World::with(|config| config.password = Some("hash:sesame".into()));
    let alice = world.connect();
    let asks = [":irc.test 464 alice :This server asks for a password"];
    world.send(alice, "NICK alice");
    assert_eq!(world.ask(alice, "REGISTER * * correct-horse"), asks);
    world.send(alice, "PASS sesame");
    assert_eq!(
        world.ask(alice, "REGISTER * * correct-horse")[0],
        ":irc.test REGISTER SUCCESS alice :The account is yours"
    );
    world.send(alice, "USER a 0 * :a");
    assert!(world.lines(alice)[0].contains(" 001 "), "it is asked for once");
    let bob = world.connect();
    world.send_all(bob, &["NICK bob", "PASS wrong"]);
    assert!(world.ask(bob, "REGISTER * * correct-horse")[0].starts_with(":irc.test 464 bob :"));
    assert!(world.is_closed(bob));
    assert!(!world.accounts.contains_key("bob"));
}

#[test]
fn who_has_logged_in_keeps_the_name_while_coming_in() {
    let mut world = with_account();
    let alice = world.connect();
    log_in(&mut world, alice, "alice", "correct-horse");
    world.send(alice, "NICK alice");
    let thief = world.connect();
    world.send(thief, "CAP LS 302");
    world.lines(thief);
    assert_eq!(
        world.ask(thief, "NICK alice"),
        [":irc.test 433 * alice :Somebody who is coming in has logged in by this name"]
    );
    world.send_all(alice, &["USER a 0 * :a", "CAP END"]);
    assert!(world.lines(alice).iter().any(|line| line.contains(" 001 alice ")));
}

#[test]
fn coming_in_ends_an_exchange_that_is_under_way() {
    let mut world = with_account();
    let who = world.connect();
    world.send_all(who, &["CAP REQ sasl", "NICK bob", "USER b 0 * :b", "AUTHENTICATE PLAIN"]);
    assert_eq!(world.lines(who).last().map(String::as_str), Some("AUTHENTICATE +"));
    world.send(who, "CAP END");
    let lines = world.lines(who);
    assert_eq!(lines[0], ":irc.test 906 bob :SASL authentication aborted");
    assert!(lines[1].contains(" 001 bob "), "{lines:#?}");
    assert_eq!(world.ask(who, "AUTHENTICATE PLAIN"), ["AUTHENTICATE +"], "and it may try again");
}

#[test]
fn an_administrator_can_close_registration() {
    let mut world = World::with(|config| config.accounts.registration = false);
    let alice = world.user("alice");
    assert_eq!(
        world.ask(alice, "REGISTER * * correct-horse")[0].split(' ').nth(3),
        Some("TEMPORARILY_UNAVAILABLE")
    );
    assert!(!world.ask(alice, "CAP LS 302")[0].contains("account-registration"));
}

#[test]
fn somebody_logs_in_before_coming_in() {
    let mut world = with_account();
    let alice = world.connect();
    let lines = log_in(&mut world, alice, "alice", "correct-horse");
    assert_eq!(
        lines,
        [
            ":irc.test 900 * *!*@* alice :You are now logged in as alice",
            ":irc.test 903 * :SASL authentication successful",
        ]
    );
    world.send_all(alice, &["NICK alice", "USER a 0 * :a", "CAP END"]);
    let lines = world.lines(alice);
    assert!(
        lines
            .iter()
            .any(|line| line.ends_with(" 001 alice :Welcome to the callbox network, alice"))
    );
    assert!(lines.iter().any(|line| line.contains(" 221 alice +r")), "{lines:#?}");
}

#[test]
fn who_logs_in_later_is_told_of_the_mode() {
    let mut world = with_account();
    let bob = world.user_with("bob", "sasl");
    let login = format!("AUTHENTICATE {}", plain("alice", "correct-horse"));
    for told in [&["900", "903", "MODE"] as &[&str], &["900", "903"]] {
        world.ask(bob, "AUTHENTICATE PLAIN");
        let lines = world.ask(bob, &login);
        let commands: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').nth(1)).collect();
        assert_eq!(commands, told, "once: {lines:#?}");
    }
    assert_eq!(world.ask(bob, "MODE bob"), [":irc.test 221 bob +r"]);
    // What a user does to itself is tagged like all that it does.
    let eve = world.user_with("eve", "sasl message-tags account-tag");
    world.send_all(eve, &["AUTHENTICATE PLAIN", &login]);
    let last = world.lines(eve).pop().expect("a line");
    assert_eq!(last, "@account=alice :eve!~eve@127.0.0.1 MODE eve +r");
}

#[test]
fn a_wrong_password_fails_and_may_be_tried_again() {
    let mut world = with_account();
    let alice = world.connect();
    let lines = log_in(&mut world, alice, "alice", "wrong");
    assert_eq!(lines, [":irc.test 904 * :SASL authentication failed"]);
    let lines = log_in(&mut world, alice, "alice", "correct-horse");
    assert!(lines[1].contains(" 903 "));
}

#[test]
fn each_way_of_going_wrong_has_its_numeric() {
    let mut world = World::new();
    let who = world.connect();
    assert!(world.ask(who, "AUTHENTICATE PLAIN")[0].contains(" 904 "), "without the capability");
    world.send(who, "CAP REQ sasl");
    world.lines(who);
    assert_eq!(
        world.ask(who, "AUTHENTICATE NOSUCH"),
        [
            ":irc.test 908 * PLAIN,SCRAM-SHA-256,EXTERNAL :are available SASL mechanisms",
            ":irc.test 904 * :SASL authentication failed",
        ]
    );
    world.send(who, "AUTHENTICATE PLAIN");
    world.lines(who);
    assert_eq!(world.ask(who, "AUTHENTICATE *"), [":irc.test 906 * :SASL authentication aborted"]);
    world.send(who, "AUTHENTICATE PLAIN");
    world.lines(who);
    let long = format!("AUTHENTICATE {}", "A".repeat(401));
    assert_eq!(world.ask(who, &long), [":irc.test 905 * :SASL message too long"]);
    world.send(who, "AUTHENTICATE PLAIN");
    world.lines(who);
    assert!(world.ask(who, "AUTHENTICATE !!!")[0].contains(" 904 "), "no base64");
    world.send(who, "AUTHENTICATE PLAIN");
    world.lines(who);
    let chunk = format!("AUTHENTICATE {}", "A".repeat(400));
    for _ in 0..4 {
        assert!(world.ask(who, &chunk).is_empty());
    }
    assert!(world.ask(who, &chunk)[0].contains(" 905 "), "a message has an end");
}

#[test]
fn a_message_of_two_chunks_is_put_together() {
    let mut world = World::new();
    let long = "p".repeat(300);
    world.accounts.insert("alice".into(), ("alice".into(), long.clone()));
    let alice = world.connect();
    world.send_all(alice, &["CAP REQ sasl", "AUTHENTICATE PLAIN"]);
    world.lines(alice);
    let whole = plain("alice", &long);
    let (one, two) = whole.split_at(400);
    assert!(world.ask(alice, &format!("AUTHENTICATE {one}")).is_empty());
    assert!(world.ask(alice, &format!("AUTHENTICATE {two}"))[1].contains(" 903 "));
}

#[test]
fn a_certificate_is_enough_for_external() {
    let mut world = with_account();
    let alice = world.connect_as(|peer| {
        peer.secure = true;
        peer.fingerprint = Some("alice".into());
    });
    world.send(alice, "CAP REQ sasl");
    world.send(alice, "AUTHENTICATE EXTERNAL");
    world.lines(alice);
    assert!(world.ask(alice, "AUTHENTICATE +")[1].contains(" 903 "));
}

#[test]
fn a_name_with_an_account_is_kept_for_it() {
    let mut world = with_account();
    let eve = world.user("eve");
    assert_eq!(
        world.ask(eve, "NICK Alice"),
        [":irc.test 433 eve Alice :This nickname belongs to an account; log in to it first"]
    );
    let late = world.connect();
    world.send_all(late, &["CAP LS 302", "NICK alice", "USER a 0 * :a"]);
    world.lines(late);
    assert!(
        world.ask(late, "CAP END")[0].contains(" 433 "),
        "it was held while logging in was possible"
    );
    world.send(late, "NICK alice2");
    assert!(world.lines(late)[0].contains(" 001 alice2 "));
}

#[test]
fn what_looks_like_a_name_with_an_account_is_kept_for_it_too() {
    let mut world = with_account();
    let eve = world.user("eve");
    // The first letter is a Cyrillic one.
    let false_name = "\u{430}lice";
    assert_eq!(
        world.ask(eve, &format!("NICK {false_name}")),
        [format!(
            ":irc.test 433 eve {false_name} :This nickname looks like one that belongs to an account"
        )]
    );
    let alice = world.user("al");
    log_in(&mut world, alice, "alice", "correct-horse");
    assert_eq!(
        world.ask(alice, &format!("NICK {false_name}")),
        [format!(":al!~al@127.0.0.1 NICK :{false_name}")]
    );
}

#[test]
fn others_hear_of_a_login_if_they_asked_to() {
    let mut world = with_account();
    let alice = world.user("al");
    let bob = world.user_with("bob", "account-notify extended-join account-tag");
    let eve = world.user("eve");
    for who in [alice, bob, eve] {
        world.send(who, "JOIN #room");
    }
    world.forget();
    let lines = log_in(&mut world, alice, "alice", "correct-horse");
    assert!(lines[0].contains(" 900 al al!~al@127.0.0.1 alice :"));
    assert_eq!(world.bodies(bob), [":al!~al@127.0.0.1 ACCOUNT alice"]);
    assert!(world.lines(eve).is_empty());
    world.send(alice, "PRIVMSG #room :it is me");
    assert!(world.lines(bob)[0].starts_with("@account=alice "));
}

#[test]
fn only_people_with_accounts_come_in_where_that_is_wanted() {
    let mut world = World::with(|config| config.accounts.required = true);
    let guest = world.connect();
    world.send_all(guest, &["NICK guest", "USER g 0 * :g"]);
    let lines = world.lines(guest);
    assert!(lines[0].starts_with(":irc.test FAIL * ACCOUNT_REQUIRED :"), "{lines:#?}");
    assert!(world.is_closed(guest));
    // Who sits at the server's own terminal need not prove anything.
    let host = world.connect_as(|peer| peer.door = Door::Terminal);
    world.register(host, "host", "");
}

#[test]
fn a_server_with_a_password_lets_in_who_knows_it() {
    let mut world = World::with(|config| config.password = Some("hash:sesame".into()));
    let alice = world.connect();
    world.send_all(alice, &["PASS sesame", "NICK alice", "USER a 0 * :a"]);
    assert!(world.lines(alice)[0].contains(" 001 "));
    for pass in ["PASS wrong", "PING x"] {
        let eve = world.connect();
        world.send_all(eve, &[pass, "NICK eve", "USER e 0 * :e"]);
        assert!(world.lines(eve).iter().any(|line| line.contains(" 464 ")));
        assert!(world.is_closed(eve));
    }
}
