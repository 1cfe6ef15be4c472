//! Channels that an account claims.

use callbox_hub::config::Operator;
use callbox_hub::contract::{Record, Saved, SavedChannel};

use crate::world::{Who, World};

/// Alice, who is logged in and an operator of `#room`, and bob, who is in it.
fn room() -> (World, Who, Who) {
    let mut world = World::with(|config| {
        config.operators.push(Operator {
            name: "root".into(),
            password: "hash:sesame".into(),
            fingerprint: None,
            host: None,
        });
    });
    let alice = world.user("alice");
    let bob = world.user("bob");
    world.send(alice, "REGISTER * * correct-horse");
    world.send(alice, "JOIN #Room");
    world.send(bob, "JOIN #room");
    world.forget();
    (world, alice, bob)
}

/// What ChanServ says to `line`.
fn told(world: &mut World, who: Who, line: &str) -> String {
    let lines = world.ask(who, &format!("PRIVMSG ChanServ :{line}"));
    let last = lines.last().expect("an answer");
    let (head, text) = last.split_once(" :").expect("a text");
    assert!(head.starts_with(":ChanServ!services@irc.test NOTICE "), "{last}");
    text.to_owned()
}

/// The channel that was kept last.
fn saved(world: &mut World) -> SavedChannel {
    let mut channels = world.records().into_iter().filter_map(|record| match record {
        Record::Channel(channel) => Some(channel),
        _ => None,
    });
    channels.next_back().expect("a channel was kept")
}

#[test]
fn an_operator_who_is_logged_in_claims_a_channel() {
    let (mut world, alice, bob) = room();
    assert_eq!(
        world.ask(alice, "PRIVMSG chanserv :register #room"),
        [
            ":ChanServ!services@irc.test MODE #Room +r",
            ":ChanServ!services@irc.test NOTICE alice :#Room is yours. It stays with its topic and \
             modes when everybody leaves",
        ]
    );
    assert_eq!(world.lines(bob), [":ChanServ!services@irc.test MODE #Room +r"]);
    let kept = saved(&mut world);
    assert_eq!((&*kept.key, &*kept.name, &*kept.founder), ("#room", "#Room", "alice"));
    assert!(world.ask(bob, "MODE #room")[0].ends_with(" +nrt"));
}

#[test]
fn not_everybody_claims_everything() {
    let (mut world, alice, bob) = room();
    assert!(told(&mut world, bob, "REGISTER #room").starts_with("Log in first"));
    world.send(bob, "REGISTER * * correct-horse");
    assert_eq!(told(&mut world, bob, "REGISTER #room"), "Only an operator of #Room can claim it");
    assert_eq!(told(&mut world, alice, "REGISTER #none"), "You are not in such a channel");
    assert_eq!(told(&mut world, alice, "REGISTER"), "Name a channel: REGISTER #room");
    world.send(alice, "JOIN #lobby");
    assert_eq!(told(&mut world, alice, "REGISTER #lobby"), "#lobby is the server's");
    told(&mut world, alice, "REGISTER #room");
    assert_eq!(told(&mut world, alice, "REGISTER #room"), "#Room is claimed already");
    for n in 1..20 {
        world.send(alice, &format!("JOIN #r{n}"));
        assert!(told(&mut world, alice, &format!("REGISTER #r{n}")).contains("is yours"));
    }
    world.send(alice, "JOIN #toomany");
    assert!(told(&mut world, alice, "REGISTER #toomany").starts_with("You have claimed 20"));
}

#[test]
fn a_claimed_channel_stays_when_it_is_empty() {
    let (mut world, alice, bob) = room();
    told(&mut world, alice, "REGISTER #room");
    world.send(alice, "TOPIC #room :kept");
    world.send(alice, "MODE #room +b eve!*@*");
    for who in [alice, bob] {
        world.send(who, "PART #room");
    }
    assert_eq!(world.hub.counts().1, 1);
    let lines = world.ask(bob, "JOIN #room");
    assert_eq!(lines[1], ":irc.test 332 bob #Room :kept");
    assert_eq!(lines[3], ":irc.test 353 bob = #Room :bob", "the first in it does not own it");
    let lines = world.ask(alice, "JOIN #room");
    assert!(lines.contains(&":irc.test 353 alice = #Room :@alice bob".to_owned()), "{lines:#?}");
    assert!(world.lines(bob).contains(&":irc.test MODE #Room +o alice".to_owned()));
    let eve = world.user("eve");
    assert!(world.ask(eve, "JOIN #room")[0].contains(" 474 "));
}

#[test]
fn the_founder_comes_in_whatever_others_did() {
    let (mut world, alice, bob) = room();
    told(&mut world, alice, "REGISTER #room");
    world.send(alice, "MODE #room +o bob");
    world.send(bob, "MODE #room +bik alice!*@* key");
    world.send(bob, "KICK #room alice");
    assert!(world.ask(alice, "JOIN #room")[0].contains(" JOIN "));
    assert!(world.ask(alice, "KICK #room bob")[0].contains(" KICK "));
}

#[test]
fn each_change_is_kept_and_the_next_server_takes_it_up() {
    let (mut world, alice, _) = room();
    told(&mut world, alice, "REGISTER #room");
    world.send(alice, "TOPIC #room :kept");
    assert_eq!(saved(&mut world).topic.map(|topic| topic.0), Some("kept".into()));
    world.send(alice, "MODE #room +o bob");
    assert!(world.records().is_empty(), "ranks are not kept");
    world.send(alice, "MODE #room +mskl-n sesame 9");
    world.send(alice, "MODE #room +beI Eve!*@* ~a:bob *!*@good.host");
    let kept = saved(&mut world);
    let modes: Vec<&str> = kept.modes.iter().map(|word| &**word).collect();
    assert_eq!(modes, ["+mrstkl", "sesame", "9"]);
    assert_eq!(kept.lists.len(), 3);

    let saved = Saved {
        accounts: vec![("alice".into(), "alice".into())],
        channels: vec![kept],
        ..Saved::default()
    };
    let mut next = World::restored(|_| {}, saved);
    next.accounts.insert("alice".into(), ("alice".into(), "correct-horse".into()));
    let eve = next.user("eve");
    assert!(next.ask(eve, "JOIN #room sesame")[0].contains(" 474 "));
    let bob = next.user("bob");
    let lines = next.ask(bob, "JOIN #room sesame");
    assert_eq!(lines[1], ":irc.test 332 bob #Room :kept");
    assert_eq!(lines[3], ":irc.test 353 bob @ #Room :bob");
    assert!(next.ask(bob, "MODE #room")[0].ends_with(" +mrstkl sesame 9"));
    assert!(next.ask(bob, "MODE #room b")[0].contains(" Eve!*@* alice!~alice@127.0.0.1 "));
}

#[test]
fn a_claim_is_dropped_by_its_founder_or_an_operator_of_the_server() {
    let (mut world, alice, bob) = room();
    told(&mut world, alice, "REGISTER #room");
    world.send(alice, "MODE #room +o bob");
    assert_eq!(told(&mut world, bob, "DROP #room"), "Only its founder can drop #Room");
    world.records();
    assert_eq!(told(&mut world, alice, "DROP #room"), "#Room is nobody's any more");
    assert_eq!(world.records(), [Record::DropChannel { key: "#room".into() }]);
    assert!(world.lines(bob).contains(&":ChanServ!services@irc.test MODE #Room -r".to_owned()));
    assert_eq!(told(&mut world, alice, "DROP #room"), "Nobody has claimed such a channel");

    told(&mut world, alice, "REGISTER #room");
    let root = world.user("root");
    world.send(root, "OPER root sesame");
    for who in [alice, bob] {
        world.send(who, "PART #room");
    }
    assert_eq!(told(&mut world, root, "DROP #room"), "#Room is nobody's any more");
    assert_eq!(world.hub.counts().1, 0, "nobody was in it");
}

#[test]
fn a_claimed_channel_is_renamed_by_its_founder() {
    let (mut world, alice, bob) = room();
    told(&mut world, alice, "REGISTER #room");
    world.send(alice, "MODE #room +o bob");
    assert!(world.ask(bob, "RENAME #room #new")[0].contains("FAIL RENAME CANNOT_RENAME"));
    world.records();
    world.send(alice, "RENAME #room #new");
    let records = world.records();
    assert_eq!(records[0], Record::DropChannel { key: "#room".into() });
    assert!(matches!(&records[1], Record::Channel(channel) if &*channel.key == "#new"));
}

#[test]
fn chanserv_says_whose_a_channel_is() {
    let (mut world, alice, bob) = room();
    assert_eq!(told(&mut world, bob, "INFO #room"), "Nobody has claimed such a channel");
    told(&mut world, alice, "REGISTER #room");
    assert!(
        told(&mut world, bob, "INFO #ROOM").starts_with("#Room belongs to alice and was made ")
    );
    assert_eq!(told(&mut world, alice, "INFO"), "You have claimed 1: #Room");
    assert_eq!(told(&mut world, bob, "INFO"), "You have claimed no channel");
    world.send(alice, "MODE #room +s");
    let eve = world.user("eve");
    assert_eq!(told(&mut world, eve, "INFO #room"), "Nobody has claimed such a channel");
}

#[test]
fn chanserv_helps_and_answers_no_notice() {
    let (mut world, alice, _) = room();
    assert_eq!(world.ask(alice, "PRIVMSG ChanServ :help").len(), 3);
    assert_eq!(told(&mut world, alice, "dance"), "I know REGISTER, DROP, INFO and HELP");
    assert!(world.ask(alice, "NOTICE ChanServ :help").is_empty());
    let events = world.events.len();
    told(&mut world, alice, "REGISTER #room");
    assert_eq!(world.events.len(), events, "what is said to it is not kept");
    let carol = world.user_with("carol", "echo-message labeled-response batch message-tags");
    world.send(carol, "@label=1 PRIVMSG ChanServ :INFO");
    let lines = world.lines(carol);
    assert!(lines[0].starts_with("@label=1 :irc.test BATCH +"), "{lines:#?}");
    assert!(lines[1].ends_with(" PRIVMSG ChanServ :INFO"), "{lines:#?}");
    assert_eq!(lines.len(), 4);
}
