//! What operators do.

use std::time::Duration;

use callbox_hub::config::{Config, Operator, Sts};

use crate::world::{Who, World, operator};

fn with_operator() -> (World, Who) {
    let mut world = World::with(|config| {
        config.operators.push(Operator { host: Some("staff.test".into()), ..operator() });
        config.operators.push(Operator {
            name: "locked".into(),
            fingerprint: Some("cafe".into()),
            ..operator()
        });
    });
    let root = world.user("root");
    (world, root)
}

#[test]
fn who_knows_the_password_becomes_an_operator() {
    let (mut world, root) = with_operator();
    let bob = world.user_with("bob", "chghost");
    world.send(root, "JOIN #room");
    world.send(bob, "JOIN #room");
    world.forget();
    assert_eq!(world.ask(root, "OPER root wrong"), [":irc.test 464 root :Password incorrect"]);
    assert_eq!(world.ask(root, "OPER nobody sesame")[0].split(' ').nth(1), Some("491"));
    assert_eq!(world.ask(root, "OPER locked sesame")[0].split(' ').nth(1), Some("491"));
    assert_eq!(
        world.ask(root, "OPER root sesame"),
        [":irc.test 381 root :You are now an IRC operator", ":root!~root@127.0.0.1 MODE root +o",]
    );
    assert_eq!(world.lines(bob), [":root!~root@127.0.0.1 CHGHOST ~root staff.test"]);
    world.send(root, "PRIVMSG bob :it is me");
    assert_eq!(world.lines(bob), [":root!~root@staff.test PRIVMSG bob :it is me"]);
}

#[test]
fn a_change_of_ones_own_modes_has_the_tags_of_who_made_it() {
    let (mut world, _) = with_operator();
    let ann = world.user_with("ann", "account-tag message-tags");
    world.send(ann, "REGISTER * * correct-horse");
    world.forget();
    world.send_all(ann, &["MODE ann +i", "OPER root sesame"]);
    let lines = world.lines(ann);
    assert_eq!(lines[0], "@account=ann :ann!~ann@127.0.0.1 MODE ann +i");
    assert_eq!(lines[2], "@account=ann :ann!~ann@127.0.0.1 MODE ann +o");
}

#[test]
fn a_new_host_looks_like_a_return_to_who_knows_no_chghost() {
    let (mut world, root) = with_operator();
    let old = world.user("old");
    let extended = world.user_with("ext", "extended-join away-notify message-tags");
    let (new, elsewhere) = (world.user_with("new", "chghost"), world.user("far"));
    world.send_all(root, &["JOIN #one", "JOIN #two"]);
    for who in [old, extended, new] {
        world.send(who, "JOIN #one");
    }
    world.send(old, "JOIN #two");
    world.send_all(root, &["MODE #one +v root", "MODE #two -o root", "AWAY :busy"]);
    world.forget();
    world.send(root, "OPER root sesame");
    assert_eq!(
        world.lines(old),
        [
            ":root!~root@127.0.0.1 QUIT :Changing host",
            ":root!~root@staff.test JOIN #one",
            ":irc.test MODE #one +ov root root",
            ":root!~root@staff.test JOIN #two",
        ]
    );
    assert_eq!(
        world.lines(extended),
        [
            ":root!~root@127.0.0.1 QUIT :Changing host",
            ":root!~root@staff.test JOIN #one * :root real",
            ":irc.test MODE #one +ov root root",
            ":root!~root@staff.test AWAY :busy",
        ]
    );
    assert_eq!(world.lines(new), [":root!~root@127.0.0.1 CHGHOST ~root staff.test"]);
    assert!(world.lines(elsewhere).is_empty());
}

#[test]
fn only_operators_may() {
    let (mut world, _) = with_operator();
    let bob = world.user("bob");
    for line in ["KILL root :x", "REHASH", "WALLOPS :x"] {
        assert_eq!(world.ask(bob, line)[0].split(' ').nth(1), Some("481"), "{line}");
    }
}

#[test]
fn a_kill_ends_a_connection_and_says_why() {
    let (mut world, root) = with_operator();
    let (bob, eve) = (world.user("bob"), world.user("eve"));
    world.send(bob, "JOIN #room");
    world.send(eve, "JOIN #room");
    world.send(root, "OPER root sesame");
    world.forget();
    world.send(root, "KILL EVE :enough");
    assert!(world.is_closed(eve));
    assert_eq!(
        world.lines(eve),
        [
            ":root!~root@staff.test KILL eve :enough",
            ":eve!~eve@127.0.0.1 QUIT :Killed (root (enough))",
            "ERROR :Closing link: 127.0.0.1 (Killed (root (enough)))",
        ]
    );
    assert_eq!(world.lines(bob), [":eve!~eve@127.0.0.1 QUIT :Killed (root (enough))"]);
    assert_eq!(
        world.ask(root, "KILL nobody :x"),
        [":irc.test 401 root nobody :No such nick/channel"]
    );
    assert_eq!(world.ask(root, "KILL irc.test :x")[0].split(' ').nth(1), Some("483"));
    world.send(root, "KILL root :goodbye");
    assert_eq!(
        world.lines(root),
        [
            ":root!~root@staff.test KILL root :goodbye",
            ":root!~root@staff.test QUIT :Killed (root (goodbye))",
            "ERROR :Closing link: staff.test (Killed (root (goodbye)))",
        ]
    );
}

#[test]
fn a_wallops_of_nothing_is_461() {
    let (mut world, root) = with_operator();
    let bob = world.user("bob");
    world.send(bob, "MODE bob +w");
    world.send(root, "OPER root sesame");
    world.forget();
    assert_eq!(
        world.ask(root, "WALLOPS :")[0],
        ":irc.test 461 root WALLOPS :Not enough parameters"
    );
    world.send(root, "WALLOPS :tea is ready");
    assert_eq!(world.lines(bob), [":root!~root@staff.test WALLOPS :tea is ready"]);
}

#[test]
fn a_rehash_takes_new_settings_and_refuses_wrong_ones() {
    let (mut world, root) = with_operator();
    let bob = world.user_with("bob", "cap-notify");
    world.send(root, "OPER root sesame");
    world.lines(root);
    world.reloaded = Err(vec!["chat.toml:3: what is this".into()]);
    assert_eq!(
        world.ask(root, "REHASH"),
        [
            ":irc.test NOTICE root :The configuration has mistakes; nothing was changed",
            ":irc.test NOTICE root :chat.toml:3: what is this",
        ]
    );
    let mut config = Config { flood: None, server_name: "irc.test".into(), ..Config::default() };
    config.motd = vec!["new".into()];
    config.accounts.registration = false;
    world.reloaded = Ok(Box::new(config.into()));
    world.send(root, "REHASH");
    assert!(world.lines(root)[0].contains(" 382 "));
    assert_eq!(world.lines(bob), [":irc.test CAP bob DEL :draft/account-registration"]);
    assert!(world.ask(bob, "MOTD").iter().any(|line| line.ends_with(":new")));
}

#[test]
fn strict_transport_is_never_taken_back_by_cap() {
    let sts = Sts { port: 6697, duration: Duration::from_secs(60) };
    let (mut world, root) = with_operator();
    let bob = world.user_with("bob", "cap-notify");
    world.send(root, "OPER root sesame");
    let config = Config { flood: None, server_name: "irc.test".into(), ..Config::default() };
    world.reloaded = Ok(Box::new(Config { sts: Some(sts), ..config.clone() }.into()));
    world.send(root, "REHASH");
    assert_eq!(world.lines(bob), [":irc.test CAP bob NEW :sts=port=6697,duration=60"]);
    world.send(root, "REHASH");
    assert_eq!(world.lines(bob), [""; 0], "nothing is new");
    let ended = Sts { duration: Duration::ZERO, ..sts };
    world.reloaded = Ok(Box::new(Config { sts: Some(ended), ..config.clone() }.into()));
    world.send(root, "REHASH");
    assert_eq!(world.lines(bob), [":irc.test CAP bob NEW :sts=port=6697,duration=0"]);
    world.reloaded = Ok(Box::new(config.into()));
    world.send(root, "REHASH");
    assert!(world.lines(bob).is_empty());
}

#[test]
fn what_a_rehash_changes_in_isupport_is_told_to_everybody() {
    let (mut world, root) = with_operator();
    let bob = world.user("bob");
    world.send(root, "OPER root sesame");
    world.forget();
    let mut config = Config { flood: None, server_name: "irc.test".into(), ..Config::default() };
    config.limits.topic = 300;
    config.history.enabled = false;
    world.reloaded = Ok(Box::new(config.into()));
    let changes = |nick| {
        format!(
            ":irc.test 005 {nick} TOPICLEN=300 -CHATHISTORY -MSGREFTYPES :are supported by this server"
        )
    };
    assert_eq!(
        world.ask(root, "REHASH"),
        [changes("root"), ":irc.test 382 root configuration :The new settings hold".to_owned()]
    );
    assert_eq!(world.lines(bob), [changes("bob")]);
    world.send(root, "REHASH");
    assert!(world.lines(bob).is_empty());
}

#[test]
fn new_settings_hold_although_who_asked_for_them_has_left() {
    let (mut world, root) = with_operator();
    let bob = world.user("bob");
    world.send(root, "OPER root sesame");
    let (server_name, motd) = ("irc.test".into(), vec!["new".into()]);
    let config = Config { flood: None, server_name, motd, ..Config::default() };
    world.reloaded = Ok(Box::new(config.into()));
    world.hold_jobs = true;
    world.send(root, "REHASH");
    world.cut(root);
    world.hold_jobs = false;
    world.settle();
    assert!(world.ask(bob, "MOTD").iter().any(|line| line.ends_with(":new")));
}

#[test]
fn a_rehash_takes_accounts_that_were_made_beside_the_server() {
    let (mut world, root) = with_operator();
    world.send(root, "OPER root sesame");
    let bob = world.user("bob");
    let Ok(found) = &mut world.reloaded else { panic!("settings") };
    found.accounts = vec![("bob".into(), "Bob".into()), ("carol".into(), "Carol".into())];
    world.send(root, "REHASH");
    world.forget();
    assert!(world.ask(root, "NICK carol")[0].contains(" 433 "), "it is kept for the account");
    world.send(bob, "PRIVMSG root :still here");
    assert_eq!(world.lines(root), [":bob!~bob@127.0.0.1 PRIVMSG root :still here"]);
    world.hub.check_invariants();
}
