//! METADATA: facts about users and channels.

use base64::Engine as _;
use callbox_hub::config::Operator;
use callbox_hub::contract::{Record, Saved};

use crate::world::{Who, World, operator};

const CAPS: &str = "batch draft/metadata-2";

/// Alice and bob, with the capability, in #room. Alice is its operator.
fn pair() -> (World, Who, Who) {
    let mut world = World::with_operator();
    let (alice, bob) = (world.user_with("alice", CAPS), world.user_with("bob", CAPS));
    world.send(alice, "JOIN #room");
    world.send(bob, "JOIN #room");
    world.forget();
    (world, alice, bob)
}

/// What is inside the one batch that `lines` are, and what stands after its id in the opening line.
fn inside(lines: &[String], kind: &str) -> Vec<String> {
    let open = lines.first().expect("a batch");
    let (id, rest) = open
        .strip_prefix(":irc.test BATCH +")
        .and_then(|rest| rest.split_once(' '))
        .unwrap_or_else(|| panic!("no batch: {lines:#?}"));
    assert_eq!(rest, kind);
    assert_eq!(lines.last().expect("an end"), &format!(":irc.test BATCH -{id}"));
    let tag = format!("@batch={id} ");
    let middle = &lines[1..lines.len() - 1];
    middle.iter().map(|line| line.strip_prefix(&tag).expect("in the batch").to_owned()).collect()
}

fn ask(world: &mut World, who: Who, line: &str, kind: &str) -> Vec<String> {
    world.lines(who);
    world.send(who, line);
    inside(&world.lines(who), kind)
}

#[test]
fn what_is_set_can_be_read_under_either_name() {
    let (mut world, alice, bob) = pair();
    for target in ["*", "alice", "ALICE"] {
        assert_eq!(
            world.ask(alice, &format!("METADATA {target} SET Display-Name :Alice the {target}")),
            [format!(":irc.test 761 alice alice display-name * :Alice the {target}")]
        );
        assert_eq!(
            ask(&mut world, alice, "METADATA * GET display-name", "metadata alice"),
            [format!(":irc.test 761 alice alice display-name * :Alice the {target}")]
        );
    }
    assert_eq!(
        ask(&mut world, bob, "METADATA alice GET nothing Display-Name $x", "metadata alice"),
        [
            ":irc.test 766 bob alice nothing :key not set",
            ":irc.test 761 bob alice display-name * :Alice the ALICE",
            ":irc.test FAIL METADATA KEY_INVALID $x :This cannot be a key",
        ]
    );
}

#[test]
fn a_value_may_be_any_text() {
    let (mut world, alice, _) = pair();
    assert_eq!(
        world.ask(alice, "METADATA * SET status :->💜<- 你好"),
        [":irc.test 761 alice alice status * :->💜<- 你好"]
    );
}

#[test]
fn a_list_has_everything_and_may_be_empty() {
    let (mut world, alice, bob) = pair();
    assert!(ask(&mut world, bob, "METADATA alice LIST", "metadata alice").is_empty());
    world.send_all(alice, &["METADATA * SET b 2", "METADATA * SET a 1"]);
    assert_eq!(
        ask(&mut world, bob, "METADATA alice LIST", "metadata alice"),
        [":irc.test 761 bob alice a * :1", ":irc.test 761 bob alice b * :2"]
    );
}

#[test]
fn a_client_without_batches_gets_the_lines() {
    let (mut world, alice, _) = pair();
    let carol = world.user("carol");
    world.send(alice, "METADATA * SET a 1");
    assert_eq!(world.ask(carol, "METADATA alice LIST"), [":irc.test 761 carol alice a * :1"]);
}

#[test]
fn a_labelled_reply_is_the_batch() {
    let (mut world, _, _) = pair();
    let carol = world.user_with("carol", "batch message-tags labeled-response draft/metadata-2");
    world.send(carol, "@label=x METADATA alice GET a");
    let lines = world.lines(carol);
    assert!(lines[0].starts_with("@label=x :irc.test BATCH +"), "{lines:#?}");
    assert!(lines[1].starts_with("@batch="), "{lines:#?}");
    assert_eq!(lines.len(), 3);
    world.send(carol, "@label=y METADATA * SET a 1");
    assert_eq!(world.lines(carol), ["@label=y :irc.test 761 carol carol a * :1"]);
    world.send(carol, "@label=z METADATA * SUB a");
    let lines = world.lines(carol);
    assert!(lines[0].ends_with(" labeled-response"), "{lines:#?}");
    assert!(lines[1].ends_with(" 770 carol a"), "{lines:#?}");
    assert!(lines[3].ends_with(" METADATA carol a * :1"), "{lines:#?}");
    assert_eq!(lines.len(), 6);
}

#[test]
fn removing_says_that_the_key_is_not_set() {
    let (mut world, alice, _) = pair();
    for removal in ["METADATA * SET a", "METADATA * SET a :"] {
        world.send(alice, "METADATA * SET a 1");
        assert_eq!(world.ask(alice, removal), [":irc.test 766 alice alice a :key not set"]);
        assert_eq!(
            world.ask(alice, removal),
            [":irc.test FAIL METADATA KEY_NOT_SET * a :The key is not set"]
        );
    }
    world.send_all(alice, &["METADATA * SET a 1", "METADATA * SET b 2"]);
    assert_eq!(
        ask(&mut world, alice, "METADATA * CLEAR", "metadata alice"),
        [":irc.test 766 alice alice a :key not set", ":irc.test 766 alice alice b :key not set"]
    );
    assert!(ask(&mut world, alice, "METADATA * CLEAR", "metadata alice").is_empty());
}

#[test]
fn what_is_wrong_is_refused_with_its_reason() {
    let (mut world, alice, bob) = pair();
    let refused = |world: &mut World, line: &str, with: &str| {
        let lines = world.ask(bob, line);
        assert_eq!(lines.len(), 1, "{line}: {lines:#?}");
        assert!(lines[0].starts_with(&format!(":irc.test {with} :")), "{line}: {lines:#?}");
    };
    refused(&mut world, "METADATA", "461 bob METADATA");
    refused(&mut world, "METADATA *", "461 bob METADATA");
    for subcommand in ["GET", "SET", "SUB", "UNSUB"] {
        refused(&mut world, &format!("METADATA * {subcommand}"), "461 bob METADATA");
    }
    refused(&mut world, "METADATA * DANCE", "FAIL METADATA SUBCOMMAND_INVALID DANCE");
    for line in ["LIST", "GET a", "SET a 1", "CLEAR", "SYNC"] {
        refused(
            &mut world,
            &format!("METADATA nobody {line}"),
            "FAIL METADATA INVALID_TARGET nobody",
        );
        refused(&mut world, &format!("METADATA #no {line}"), "FAIL METADATA INVALID_TARGET #no");
    }
    for line in ["SUB a", "UNSUB a", "SUBS"] {
        refused(
            &mut world,
            &format!("METADATA alice {line}"),
            "FAIL METADATA INVALID_TARGET alice",
        );
        refused(
            &mut world,
            &format!("METADATA #room {line}"),
            "FAIL METADATA INVALID_TARGET #room",
        );
    }
    refused(&mut world, "METADATA * SET $a 1", "FAIL METADATA KEY_INVALID $a");
    refused(&mut world, "METADATA alice SET a 1", "FAIL METADATA KEY_NO_PERMISSION alice a");
    refused(&mut world, "METADATA #room SET a 1", "FAIL METADATA KEY_NO_PERMISSION #room a");
    refused(&mut world, "METADATA #room CLEAR", "FAIL METADATA KEY_NO_PERMISSION #room *");
    refused(&mut world, "METADATA alice CLEAR", "FAIL METADATA KEY_NO_PERMISSION alice *");
    let long = format!("METADATA * SET a :{}", "x".repeat(301));
    refused(&mut world, &long, "FAIL METADATA VALUE_INVALID");
    let hearts = format!("METADATA * SET a :{}", "💜".repeat(76));
    refused(&mut world, &hearts, "FAIL METADATA VALUE_INVALID");
    assert!(world.lines(alice).is_empty());
    world.send_bytes(bob, b"METADATA * SET a :\xff");
    assert_eq!(
        world.lines(bob),
        [":irc.test FAIL METADATA INVALID_UTF8 :This is no UTF-8; it was not sent"]
    );
}

#[test]
fn there_are_only_so_many_keys_and_subscriptions() {
    let mut world = World::with(|config| {
        config.limits.metadata_keys = 2;
        config.limits.metadata_subs = 2;
    });
    let alice = world.user_with("alice", CAPS);
    world.send_all(alice, &["METADATA * SET a 1", "METADATA * SET b 2"]);
    assert_eq!(
        world.ask(alice, "METADATA * SET c 3"),
        [":irc.test FAIL METADATA LIMIT_REACHED * :There are as many keys as there may be"]
    );
    assert_eq!(world.ask(alice, "METADATA * SET a 3"), [":irc.test 761 alice alice a * :3"]);
    assert_eq!(
        world.ask(alice, "METADATA * SUB x $bad x y z w"),
        [
            ":irc.test 770 alice x y",
            ":irc.test FAIL METADATA KEY_INVALID $bad :A key is made of small letters, digits and _./-",
            ":irc.test FAIL METADATA TOO_MANY_SUBS z :You watch as many keys as you may",
        ]
    );
    assert_eq!(world.ask(alice, "METADATA * SUB X"), [":irc.test 770 alice x"]);
}

#[test]
fn subscriptions_are_listed_and_given_up() {
    let (mut world, alice, _) = pair();
    assert!(ask(&mut world, alice, "METADATA * SUBS", "metadata-subs").is_empty());
    world.send(alice, "METADATA * SUB one two three");
    assert_eq!(
        ask(&mut world, alice, "METADATA * SUBS", "metadata-subs"),
        [":irc.test 772 alice one two three"]
    );
    assert_eq!(
        world.ask(alice, "METADATA * UNSUB two $x never two"),
        [
            ":irc.test 771 alice two never",
            ":irc.test FAIL METADATA KEY_INVALID $x :A key is made of small letters, digits and _./-",
        ]
    );
    assert_eq!(
        ask(&mut world, alice, "METADATA * SUBS", "metadata-subs"),
        [":irc.test 772 alice one three"]
    );
    world.send_all(alice, &["CAP REQ -batch", "CAP REQ batch"]);
    assert!(ask(&mut world, alice, "METADATA * SUBS", "metadata-subs").is_empty());
}

#[test]
fn many_long_keys_take_several_lines() {
    let (mut world, alice, _) = pair();
    let key = |n: usize| format!("{n:032}");
    for n in 0..32 {
        world.send(alice, &format!("METADATA * SUB {}", key(n)));
    }
    let lines = ask(&mut world, alice, "METADATA * SUBS", "metadata-subs");
    let keys: Vec<&str> = lines.iter().flat_map(|line| line.split(' ').skip(3)).collect();
    assert_eq!(keys.len(), 32);
    assert!(keys.iter().all(|key| key.len() == 32));
}

#[test]
fn who_shares_a_channel_and_watches_hears_of_changes() {
    let (mut world, alice, bob) = pair();
    let carol = world.user_with("carol", CAPS);
    let dave = world.user("dave");
    world.send(dave, "JOIN #room");
    world.send_all(dave, &["METADATA * SUB mood"]);
    world.send(carol, "METADATA * SUB mood");
    world.send(alice, "METADATA * SUB mood");
    assert_eq!(world.ask(bob, "METADATA * SUB mood"), [":irc.test 770 bob mood"]);
    world.forget();
    assert_eq!(
        world.ask(alice, "METADATA * SET mood :good"),
        [":irc.test 761 alice alice mood * :good"]
    );
    assert_eq!(world.lines(bob), [":alice!~alice@127.0.0.1 METADATA alice mood * :good"]);
    assert!(world.lines(carol).is_empty(), "she shares no channel");
    assert!(world.lines(dave).is_empty(), "he has not the capability");
    world.send(alice, "METADATA * SET mood :good");
    world.send(alice, "METADATA * SET other :x");
    assert!(world.lines(bob).is_empty(), "nothing changed, and nobody watches");
    world.send(alice, "METADATA * SET mood");
    assert_eq!(world.lines(bob), [":alice!~alice@127.0.0.1 METADATA alice mood *"]);
    world.send(bob, "METADATA * UNSUB mood");
    world.forget();
    world.send(alice, "METADATA * SET mood :bad");
    assert!(world.lines(bob).is_empty());
}

#[test]
fn a_channel_has_facts_that_its_operators_set() {
    let (mut world, alice, bob) = pair();
    world.send(bob, "METADATA * SUB url");
    world.send(alice, "METADATA * SUB url");
    world.forget();
    assert_eq!(
        world.ask(alice, "METADATA #ROOM SET url :http://example.org"),
        [":irc.test 761 alice #room url * :http://example.org"]
    );
    assert_eq!(
        world.lines(bob),
        [":alice!~alice@127.0.0.1 METADATA #room url * :http://example.org"]
    );
    assert_eq!(
        ask(&mut world, bob, "METADATA #room GET url", "metadata #room"),
        [":irc.test 761 bob #room url * :http://example.org"]
    );
    world.send_all(alice, &["PART #room"]);
    world.send_all(bob, &["PART #room", "JOIN #room"]);
    assert!(ask(&mut world, bob, "METADATA #room LIST", "metadata #room").is_empty());
    assert!(world.records().is_empty(), "nobody's facts are kept");
}

#[test]
fn who_joins_gets_what_it_watches_and_is_shown_to_who_watches() {
    let (mut world, alice, bob) = pair();
    let carol = world.user_with("carol", CAPS);
    world.send_all(alice, &["METADATA * SET mood :good", "METADATA #room SET mood :loud"]);
    world.send_all(carol, &["METADATA * SUB mood", "METADATA * SET mood :new"]);
    world.send(bob, "METADATA * SUB mood");
    world.forget();
    world.send(carol, "JOIN #room");
    let lines = world.lines(carol);
    let start = lines.iter().position(|line| line.contains(" BATCH +")).expect("a batch");
    assert_eq!(
        inside(&lines[start..], "metadata #room"),
        [
            ":irc.test METADATA #room mood * :loud",
            ":irc.test METADATA alice mood * :good",
            ":irc.test METADATA carol mood * :new",
        ]
    );
    let lines = world.lines(bob);
    assert_eq!(
        lines,
        [":carol!~carol@127.0.0.1 JOIN #room", ":irc.test METADATA carol mood * :new"]
    );
    let dave = world.user_with("dave", CAPS);
    world.send(dave, "JOIN #room");
    assert!(!world.lines(dave).iter().any(|line| line.contains("BATCH")), "he watches nothing");
}

#[test]
fn whoever_subscribes_or_syncs_gets_the_present_values() {
    let (mut world, alice, bob) = pair();
    world.send_all(alice, &["METADATA * SET mood :good", "METADATA #room SET mood :loud"]);
    world.lines(bob);
    world.send(bob, "METADATA * SUB mood other");
    let lines = world.lines(bob);
    assert_eq!(lines[0], ":irc.test 770 bob mood other");
    let both = [":irc.test METADATA #room mood * :loud", ":irc.test METADATA alice mood * :good"];
    assert_eq!(inside(&lines[1..], "metadata *"), both);
    assert_eq!(ask(&mut world, bob, "METADATA #room SYNC", "metadata #room"), both);
    assert_eq!(ask(&mut world, bob, "METADATA alice SYNC", "metadata alice"), both[1..]);
    assert!(ask(&mut world, bob, "METADATA * SYNC", "metadata bob").is_empty());
}

#[test]
fn a_crowd_is_asked_about_later() {
    let mut world = World::new();
    let bob = world.user_with("bob", CAPS);
    world.send(bob, "METADATA * SUB mood");
    for n in 0..200 {
        let guest = world.user(&format!("guest{n}"));
        world.send(guest, "JOIN #crowd");
    }
    world.forget();
    world.send(bob, "JOIN #crowd");
    let lines = world.lines(bob);
    assert_eq!(lines.last().map(String::as_str), Some(":irc.test 774 bob #crowd 4"));
    assert!(ask(&mut world, bob, "METADATA #crowd SYNC", "metadata #crowd").is_empty());
    assert_eq!(
        world.ask(bob, "METADATA * SUB other"),
        [":irc.test 770 bob other", ":irc.test 774 bob #crowd 4"]
    );
}

#[test]
fn who_is_monitored_is_watched_too() {
    let (mut world, alice, _) = pair();
    let carol = world.user_with("carol", CAPS);
    world.send(alice, "METADATA * SET mood :good");
    world.send(carol, "METADATA * SUB mood");
    world.lines(carol);
    world.send(carol, "MONITOR + alice,dave");
    let lines = world.lines(carol);
    assert_eq!(lines[0], ":irc.test 730 carol :alice!~alice@127.0.0.1");
    assert_eq!(lines[1], ":irc.test 731 carol :dave");
    assert_eq!(inside(&lines[2..], "metadata alice"), [":irc.test METADATA alice mood * :good"]);
    world.send(alice, "METADATA * SET mood :better");
    assert_eq!(world.lines(carol), [":alice!~alice@127.0.0.1 METADATA alice mood * :better"]);
    let dave = world.connect();
    world.send_all(dave, &["CAP REQ :batch draft/metadata-2", "METADATA * SET mood :new"]);
    world.send_all(dave, &["NICK dave", "USER d 0 * :d", "CAP END"]);
    let lines = world.lines(carol);
    assert_eq!(lines[0], ":irc.test 730 carol :dave!~d@127.0.0.1");
    assert_eq!(inside(&lines[1..], "metadata dave"), [":irc.test METADATA dave mood * :new"]);
}

#[test]
fn facts_are_set_before_coming_in_and_told_in_the_welcome() {
    let mut world = World::new();
    let alice = world.connect();
    assert_eq!(world.ask(alice, "METADATA * LIST"), [":irc.test 451 * :You have not registered"]);
    world.send(alice, "CAP REQ :batch draft/metadata-2");
    assert_eq!(
        world.ask(alice, "METADATA * SET display-name :Alice the First"),
        [":irc.test 761 * * display-name * :Alice the First"]
    );
    assert_eq!(world.ask(alice, "METADATA * SUB display-name"), [":irc.test 770 * display-name"]);
    world.send(alice, "NICK alice");
    assert_eq!(
        world.ask(alice, "METADATA alice LIST")[0].split(' ').nth(3),
        Some("INVALID_TARGET")
    );
    world.send_all(alice, &["USER alice 0 * :Alice", "CAP END"]);
    let lines = world.lines(alice);
    let start = lines.iter().position(|line| line.contains(" BATCH +")).expect("a batch");
    assert_eq!(
        inside(&lines[start..start + 3], "metadata alice"),
        [":irc.test METADATA alice display-name * :Alice the First"]
    );
    let motd = lines.iter().position(|line| line.contains(" 375 ")).expect("a MOTD");
    assert!(start < motd);
    let bob = world.connect();
    world.send_all(bob, &["CAP REQ :batch draft/metadata-2", "NICK bob", "USER b 0 * :b"]);
    world.lines(bob);
    world.send(bob, "CAP END");
    let lines = world.lines(bob);
    let start = lines.iter().position(|line| line.contains(" BATCH +")).expect("an empty batch");
    assert!(inside(&lines[start..start + 2], "metadata bob").is_empty());
}

#[test]
fn who_takes_the_capability_up_later_is_told_then() {
    let mut world = World::new();
    let alice = world.user("alice");
    world.send(alice, "METADATA * SET a 1");
    world.lines(alice);
    world.send(alice, "CAP REQ :draft/metadata-2 batch");
    let lines = world.lines(alice);
    assert!(lines[0].contains(" ACK "));
    assert_eq!(inside(&lines[1..], "metadata alice"), [":irc.test METADATA alice a * :1"]);
}

#[test]
fn the_facts_of_an_account_are_kept_and_come_back() {
    let (mut world, alice, bob) = pair();
    world.send_all(alice, &["METADATA * SET mood :good", "REGISTER * * correct-horse"]);
    world.send_all(alice, &["METADATA * SET url :x", "METADATA * SET url"]);
    let record = |key: &str, value: Option<&str>| Record::Metadata {
        owner: "alice".into(),
        key: key.into(),
        value: value.map(Into::into),
    };
    let kept: Vec<Record> = world
        .records()
        .into_iter()
        .filter(|record| matches!(record, Record::Metadata { .. }))
        .collect();
    assert_eq!(kept, [record("mood", Some("good")), record("url", Some("x")), record("url", None)]);
    world.send(alice, "QUIT");
    world.send(bob, "METADATA * SET mood :guest");
    assert!(world.records().is_empty(), "a guest's are not kept");

    let accounts = world.accounts.clone();
    let saved = Saved {
        accounts: vec![("alice".into(), "alice".into())],
        metadata: vec![("alice".into(), "mood".into(), "good".into())],
        ..Saved::default()
    };
    let mut world = World::restored(|_| {}, saved);
    world.accounts = accounts;
    let bob = world.user_with("bob", CAPS);
    world.send_all(bob, &["JOIN #room", "METADATA * SUB mood"]);
    let guest = world.user_with("guest", &format!("{CAPS} sasl"));
    world.send_all(guest, &["JOIN #room", "METADATA * SET own :mine"]);
    world.forget();
    world.send_all(guest, &["AUTHENTICATE PLAIN", "AUTHENTICATE AGFsaWNlAGNvcnJlY3QtaG9yc2U="]);
    assert_eq!(world.lines(bob), [":guest!~guest@127.0.0.1 METADATA guest mood * :good"]);
    let lines = world.lines(guest);
    let start = lines.iter().position(|line| line.contains(" BATCH +")).expect("a batch");
    assert_eq!(
        inside(&lines[start..start + 4], "metadata guest"),
        [":irc.test METADATA guest mood * :good", ":irc.test METADATA guest own * :mine"]
    );
    assert!(matches!(&world.records()[..], [Record::Metadata { key, .. }] if &**key == "own"));
}

#[test]
fn two_connections_of_one_account_have_the_same_facts() {
    let (mut world, alice, _) = pair();
    world.send(alice, "REGISTER * * correct-horse");
    let other = world.user_with("other", &format!("{CAPS} sasl"));
    world.send_all(other, &["AUTHENTICATE PLAIN", "AUTHENTICATE AGFsaWNlAGNvcnJlY3QtaG9yc2U="]);
    world.send(alice, "METADATA * SET mood :good");
    assert_eq!(
        ask(&mut world, other, "METADATA * LIST", "metadata other"),
        [":irc.test 761 other other mood * :good"]
    );
}

#[test]
fn a_change_by_one_connection_of_an_account_is_told_of_all_of_them() {
    let (mut world, alice, bob) = pair();
    world.send(alice, "REGISTER * * correct-horse");
    let phone = world.connect();
    world.send_all(phone, &["CAP REQ :sasl draft/metadata-2 batch", "AUTHENTICATE PLAIN"]);
    let secret = base64::engine::general_purpose::STANDARD.encode("\0alice\0correct-horse");
    world.send(phone, &format!("AUTHENTICATE {secret}"));
    world.send_all(phone, &["NICK phone", "USER p 0 * :p", "CAP END"]);
    world.send_all(phone, &["JOIN #other", "METADATA * SUB status"]);
    world.send_all(bob, &["JOIN #other", "METADATA * SUB status"]);
    world.forget();
    world.send(alice, "METADATA * SET status :at tea");
    let of = |nick| format!(":alice!~alice@127.0.0.1 METADATA {nick} status * :at tea");
    assert_eq!(world.bodies(bob), [of("alice"), of("phone")]);
    assert_eq!(world.bodies(phone), [of("phone")]);
}

#[test]
fn operators_of_the_server_may_take_away_what_offends() {
    let (mut world, alice, bob) = pair();
    world.send_all(alice, &["METADATA * SUB mood", "METADATA * SET mood :rude"]);
    world.send(bob, "OPER root sesame");
    world.forget();
    assert_eq!(
        ask(&mut world, bob, "METADATA alice CLEAR", "metadata alice"),
        [":irc.test 766 bob alice mood :key not set"]
    );
    assert_eq!(world.lines(alice), [":bob!~bob@127.0.0.1 METADATA alice mood *"]);
}

#[test]
fn an_account_takes_no_more_than_it_may_have() {
    let mut world = World::with(|config| config.limits.metadata_keys = 2);
    let alice = world.user_with("alice", CAPS);
    world.send_all(alice, &["REGISTER * * correct-horse", "METADATA * SET a 1"]);
    let other = world.user_with("other", &format!("{CAPS} sasl"));
    world.send_all(other, &["METADATA * SET a 2", "METADATA * SET b 2"]);
    world.send_all(other, &["AUTHENTICATE PLAIN", "AUTHENTICATE AGFsaWNlAGNvcnJlY3QtaG9yc2U="]);
    let both = [":irc.test 761 alice alice a * :2", ":irc.test 761 alice alice b * :2"];
    assert_eq!(ask(&mut world, alice, "METADATA * LIST", "metadata alice"), both);
    let third = world.user_with("third", &format!("{CAPS} sasl"));
    world.send_all(third, &["METADATA * SET c 3", "METADATA * SET b 3"]);
    world.send_all(third, &["AUTHENTICATE PLAIN", "AUTHENTICATE AGFsaWNlAGNvcnJlY3QtaG9yc2U="]);
    assert_eq!(
        ask(&mut world, alice, "METADATA * LIST", "metadata alice"),
        [both[0], ":irc.test 761 alice alice b * :3"]
    );
}

#[test]
fn the_longest_names_and_value_are_not_cut() {
    let mut world = World::with(|config| {
        config.server_name = "s".repeat(63).into();
        config.operators.push(Operator { host: Some("h".repeat(64).into()), ..operator() });
    });
    let (alice, bob) = (world.connect(), world.user_with(&"b".repeat(32), CAPS));
    world.register(alice, &"n".repeat(32), CAPS);
    let channel = format!("#{}", "c".repeat(63));
    let (key, value) = ("k".repeat(32), "v".repeat(300));
    world.send_all(alice, &["OPER root sesame", &format!("JOIN {channel}")]);
    world.send(bob, &format!("JOIN {channel}"));
    world.send(bob, &format!("METADATA * SUB {key}"));
    world.forget();
    world.send(alice, &format!("METADATA {channel} SET {key} :{value}"));
    assert!(world.lines(alice)[0].ends_with(&format!(" {channel} {key} * :{value}")));
    // With alice's name before it, it would not fit.
    let told = format!(":{} METADATA {channel} {key} * :{value}", "s".repeat(63));
    assert_eq!(world.lines(bob), [told]);
}
