//! Who is where, and what they may do.

use callbox_session::contract::Event;
use callbox_session::room::{Kind, Presence};

use crate::client::Client;

#[test]
fn a_room_that_is_joined_shows_who_is_there() {
    let mut client = Client::online("PREFIX=(ov)@+");
    let now = client.now();
    let id = client.session.join("#Room", None, now).expect("a room");
    client.settle();
    assert_eq!(client.sent(), ["JOIN #Room"]);
    assert_eq!(client.room("#room").presence, Presence::Joining);
    client.hear_all(
        ":alice!a@host JOIN #room
        :irc.test 332 alice #room :Tea at five
        :irc.test 333 alice #room bob!b@host 1767225600
        :irc.test 353 alice = #room :alice @bob!b@bobs.host
        :irc.test 353 alice = #room :@+carol
        :irc.test 366 alice #room :End of /NAMES list.",
    );
    let room = client.room("#ROOM");
    assert_eq!((room.id, room.kind, room.presence), (id, Kind::Channel, Presence::In));
    assert_eq!(&*room.name, "#room");
    assert_eq!(room.people_count, 3);
    assert_eq!(client.people("#room"), ["alice", "@bob", "@+carol"]);
    let topic = room.topic.as_ref().expect("a topic");
    assert_eq!((&*topic.text, topic.by.as_deref()), ("Tea at five", Some("bob")));
    assert_eq!(topic.at, Some(1_767_225_600_000));
    assert_eq!(client.session.person("BOB").and_then(|bob| bob.host.as_deref()), Some("bobs.host"));
    assert_eq!(client.sent(), ["WHO #room"]);
    assert_eq!(client.lines("#room"), ["alice joined"]);
    assert!(client.events.contains(&Event::Opened(id)) && client.events.contains(&Event::Room(id)));
}

#[test]
fn who_is_away_and_has_which_account_is_asked_for_one_room_after_the_other() {
    let mut client = Client::online("WHOX BOT=B");
    for name in ["#a", "#b"] {
        client.hear(&format!(":alice!a@host JOIN {name}"));
        client.hear(&format!(":irc.test 353 alice = {name} :alice bob carol"));
        client.hear(&format!(":irc.test 366 alice {name} :End"));
    }
    assert_eq!(client.sent(), ["WHO #a %tuhnfa,703"]);
    client.hear_all(
        ":irc.test 354 alice 703 a host alice H 0
        :irc.test 354 alice 703 b bobs.host bob G@B bobby
        :irc.test 354 alice 703 c host carol H 0
        :irc.test 315 alice #a :End of /WHO list.",
    );
    assert_eq!(client.sent(), ["WHO #b %tuhnfa,703"]);
    let bob = client.session.person("bob").expect("bob");
    assert_eq!(
        (bob.account.as_deref(), bob.away.as_deref(), bob.bot),
        (Some("bobby"), Some(""), true)
    );
    assert!(
        client.session.person("carol").is_some_and(|c| c.account.is_none() && c.away.is_none())
    );
    assert_eq!(client.lines("*").len(), 1, "the answers are not shown: {:?}", client.lines("*"));
}

#[test]
fn people_come_and_go() {
    let mut client = Client::in_room("");
    client.hear_all(
        ":dave!d@host JOIN #room
        :bob!b@host PART #room :tea
        :dave!d@host QUIT :Ping timeout
        :carol!c@host NICK carola",
    );
    assert_eq!(client.people("#room"), ["alice", "+carola"]);
    assert_eq!(
        client.lines("#room")[1..],
        ["dave joined", "bob left: tea", "dave quit: Ping timeout", "carol is carola"]
    );
    assert!(client.session.person("bob").is_none() && client.session.person("dave").is_none());
    assert_eq!(client.room("#room").people_count, 2);
}

#[test]
fn accounts_hosts_and_absences_are_kept_up_to_date() {
    let mut client = Client::in_room("");
    client.hear_all(
        ":dave!d@host JOIN #room dave :Dave D.
        :bob!b@host ACCOUNT bobby
        :bob!b@host AWAY :lunch
        :carol!c@host CHGHOST caro new.host
        :carol!c@host SETNAME :Carol C.",
    );
    let account = |nick: &str| client.session.person(nick).and_then(|p| p.account.as_deref());
    assert_eq!(
        (account("dave"), account("bob"), account("carol")),
        (Some("dave"), Some("bobby"), None)
    );
    assert_eq!(client.session.person("bob").and_then(|p| p.away.as_deref()), Some("lunch"));
    let carol = client.session.person("carol").expect("carol");
    assert_eq!((carol.user.as_deref(), carol.host.as_deref()), (Some("caro"), Some("new.host")));
    client.hear(":bob!b@host AWAY");
    client.hear(":bob!b@host ACCOUNT *");
    let bob = client.session.person("bob").expect("bob");
    assert!(bob.away.is_none() && bob.account.is_none());
    assert_eq!(client.lines("#room").len(), 2, "none of it is a line: {:?}", client.lines("#room"));
}

#[test]
fn who_is_put_out_is_out() {
    let mut client = Client::in_room("");
    client.hear(":bob!b@host KICK #room carol :enough");
    assert_eq!(client.people("#room"), ["alice", "@bob"]);
    client.hear(":bob!b@host KICK #room alice :you too");
    assert_eq!(client.room("#room").presence, Presence::Out);
    assert_eq!(client.people("#room"), Vec::<String>::new());
    assert_eq!(client.last("#room"), "bob kicked alice: you too");
    assert!(client.session.person("bob").is_none());
}

#[test]
fn prefixes_follow_the_modes() {
    let mut client = Client::in_room("PREFIX=(ohv)@%+ CHANMODES=b,k,l,imnt");
    client.hear(":bob!b@host MODE #room +klbov-v sesame 10 *!*@spam alice carol carol");
    assert_eq!(client.people("#room"), ["@alice", "@bob", "carol"]);
    assert_eq!(client.last("#room"), "bob mode +klbov-v sesame 10 *!*@spam alice carol carol");
    client.hear(":bob!b@host MODE #room -lo+v bob alice");
    assert_eq!(client.people("#room"), ["@+alice", "bob", "carol"]);
    client.hear(":bob!b@host MODE #room -k+h * carol");
    assert_eq!(client.people("#room"), ["@+alice", "bob", "%carol"]);
    // Cut off, or about nobody.
    client.hear(":bob!b@host MODE #room +oo nobody");
    client.hear("MODE #room");
    client.hear("MODE");
}

#[test]
fn topics_change() {
    let mut client = Client::in_room("");
    client.hear("@time=2026-01-02T00:00:00Z :bob!b@host TOPIC #room :New");
    let topic = client.room("#room").topic.clone().expect("a topic");
    assert_eq!(
        (&*topic.text, topic.by.as_deref(), topic.at),
        ("New", Some("bob"), Some(1_767_312_000_000))
    );
    assert_eq!(client.last("#room"), "bob topic: New");
    client.hear(":bob!b@host TOPIC #room :");
    assert!(client.room("#room").topic.is_none());
}

#[test]
fn our_own_name_changes() {
    let mut client = Client::in_room("");
    client.hear(":alice!a@host NICK alicia");
    assert_eq!(client.session.nick(), "alicia");
    assert!(client.events.contains(&Event::Nick));
    assert_eq!(client.people("#room"), ["alicia", "@bob", "+carol"]);
    assert!(client.room("#room").timeline.last().is_some_and(|line| line.own));
}

#[test]
fn a_conversation_goes_on_under_the_new_name() {
    let mut client = Client::in_room("");
    let now = client.now();
    let id = client.session.open("bob", now).expect("a conversation");
    client.hear(":bob!b@host NICK robert");
    assert_eq!((client.id("robert"), &*client.room("Robert").name), (id, "robert"));
    assert_eq!(client.lines("robert"), ["bob is robert"]);
}

#[test]
fn a_renamed_room_keeps_its_lines() {
    let mut client = Client::in_room("");
    let id = client.id("#room");
    client.hear(":bob!b@host RENAME #room #lounge :bigger");
    assert_eq!(client.id("#lounge"), id);
    assert_eq!(client.last("#lounge"), "info: bob renamed the room from #room to #lounge: bigger");
}

#[test]
fn invitations_are_shown_in_the_servers_room_and_of_others_in_theirs() {
    let mut client = Client::in_room("");
    client.hear(":bob!b@host INVITE alice #secret");
    assert_eq!(client.last("*"), "bob invites alice to #secret");
    client.hear(":bob!b@host INVITE dave #room");
    assert_eq!(client.last("#room"), "bob invites dave to #room");
}

#[test]
fn a_room_that_we_are_not_let_into_says_why() {
    let mut client = Client::online("");
    let now = client.now();
    client.session.join("#secret", None, now).expect("a room");
    client.hear(":irc.test 473 alice #secret :Cannot join channel (+i)");
    assert_eq!(client.room("#secret").presence, Presence::Out);
    assert_eq!(client.lines("#secret"), ["error: Cannot join channel (+i)"]);
}

#[test]
fn who_is_sent_on_to_another_room_is_there_and_not_in_the_first() {
    let mut client = Client::online("");
    let now = client.now();
    client.session.join("#full", None, now).expect("a room");
    client.hear(":irc.test 470 alice #full ##overflow :Forwarding to another channel");
    client.hear(":alice!a@host JOIN ##overflow");
    assert_eq!(client.room("#full").presence, Presence::Out);
    assert_eq!(client.lines("#full"), ["error: Forwarding to another channel (##overflow)"]);
    assert_eq!(client.room("##overflow").presence, Presence::In);
}

#[test]
fn a_netsplit_is_one_line_a_room() {
    let mut client = Client::in_room("");
    for nick in 0..20 {
        client.hear(&format!(":n{nick}!n@host JOIN #room"));
    }
    let before = client.lines("#room").len();
    client.hear(":irc.test BATCH +1 netsplit a.test b.test");
    for nick in 0..20 {
        client.hear(&format!("@batch=1 :n{nick}!n@host QUIT :a.test b.test"));
    }
    client.hear(":irc.test BATCH -1");
    assert_eq!(client.people("#room"), ["alice", "@bob", "+carol"]);
    assert_eq!(
        client.lines("#room")[before..],
        [
            "info: n0, n1, n2, n3, n4, n5, n6, n7, n8, n9 and 10 more left: a.test and b.test lost each other"
        ]
    );
    client.hear_all(
        ":irc.test BATCH +2 netjoin a.test b.test
        @batch=2 :n1!n@host JOIN #room
        :irc.test BATCH -2",
    );
    assert_eq!(
        client.last("#room"),
        "info: n1 came back: a.test and b.test found each other again"
    );
    assert_eq!(client.people("#room"), ["alice", "@bob", "+carol", "n1"]);
}

#[test]
fn people_beyond_the_cap_are_counted_only() {
    let mut client = Client::connected(|config| config.limits.people = 5);
    client.welcome("");
    client.hear(":alice!a@host JOIN #room");
    let names: Vec<_> = (0..40).map(|n| format!("n{n}")).collect();
    client.hear(&format!(":irc.test 353 alice = #room :alice {}", names.join(" ")));
    client.hear(":irc.test 366 alice #room :End");
    assert_eq!((client.people("#room").len(), client.room("#room").people_count), (5, 41));
    client.hear(":n39!n@host PART #room");
    assert_eq!(client.room("#room").people_count, 40);
}

#[test]
fn rooms_beyond_the_cap_are_refused() {
    let mut client = Client::connected(|config| config.limits.rooms = 2);
    client.welcome("");
    client.hear(":alice!a@host JOIN #one");
    client.sent();
    client.hear(":alice!a@host JOIN #two");
    assert_eq!(client.sent(), ["PART #two"]);
    let now = client.now();
    assert!(client.session.join("#three", None, now).is_err());
    assert!(client.session.open("bob", now).is_err());
    assert_eq!(client.session.rooms().len(), 2);
}

#[test]
fn a_closed_room_is_left_and_gone() {
    let mut client = Client::in_room("");
    let (id, now) = (client.id("#room"), client.now());
    client.session.close(id, now).expect("it closes");
    client.settle();
    assert_eq!(client.sent(), ["PART #room"]);
    assert!(client.session.room(id).is_none() && client.session.person("bob").is_none());
    assert!(client.events.contains(&Event::Closed(id)));
    client.hear(":alice!a@host PART #room");
    assert!(client.session.close(client.id("*"), now).is_err());
}

#[test]
fn names_are_the_same_as_the_server_compares_them() {
    let mut client = Client::in_room("CASEMAPPING=rfc1459");
    client.hear(":x[y]!x@host JOIN #ROOM");
    assert!(client.session.person("X{Y}").is_some());
    client.hear(":irc.test 005 alice CASEMAPPING=ascii :are supported by this server");
    assert!(client.session.person("X{Y}").is_none() && client.session.person("X[Y]").is_some());
    client.hear(":X[y]!x@host PART #room");
    assert_eq!(client.people("#room"), ["alice", "@bob", "+carol"]);
}
