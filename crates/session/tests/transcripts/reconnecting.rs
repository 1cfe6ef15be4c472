//! A connection that is lost, and tried again.

use std::time::Duration;

use callbox_session::contract::{End, Status};
use callbox_session::room::Presence;

use crate::client::Client;

/// Connects and is thrown out at once.
fn fail(client: &mut Client) -> Duration {
    client.connect();
    client.lose("connection reset by peer");
    client.waits().expect("it waits")
}

#[test]
fn waits_double_with_jitter_up_to_five_minutes() {
    let mut client = Client::new(|_| {});
    let mut waits = Vec::new();
    for _ in 0..12 {
        let wait = fail(&mut client);
        client.wait(wait - Duration::from_millis(1));
        assert!(!client.wants_to_connect());
        client.wait(Duration::from_millis(1));
        assert!(client.wants_to_connect());
        waits.push(wait.as_millis());
    }
    for (index, wait) in waits.iter().enumerate() {
        let whole = (1000_u128 << index).min(300_000);
        assert!((whole / 2..=whole).contains(wait), "{index}: {wait} of {whole}");
    }
    let mut other = Client::new(|config| config.seed = 2);
    assert_ne!(fail(&mut other).as_millis(), waits[0], "not everybody at the same time");
}

#[test]
fn a_connection_that_held_starts_the_waits_anew() {
    let mut client = Client::new(|_| {});
    for _ in 0..6 {
        let wait = fail(&mut client);
        client.wait(wait);
    }
    client.connect();
    client.welcome("");
    client.wait(Duration::from_secs(59));
    client.hear("PING :x");
    client.wait(Duration::from_secs(2));
    client.lose("gone");
    assert!(client.waits().is_some_and(|wait| wait <= Duration::from_secs(1)));
    // But not one that did not.
    client.wait(Duration::from_secs(1));
    client.connect();
    client.welcome("");
    client.lose("gone");
    assert!(client.waits().is_some_and(|wait| wait >= Duration::from_secs(1)));
}

#[test]
fn rooms_are_joined_again_with_their_keys_and_those_we_left_are_not() {
    let mut client = Client::online("");
    let now = client.now();
    for (name, key) in [("#a", None), ("#b", Some("sesame")), ("#c", None), ("#d", None)] {
        client.session.join(name, key, now).expect("a room");
        client.hear(&format!(":alice!a@host JOIN {name}"));
    }
    let left = client.id("#c");
    client.session.part(left, "bye", now).expect("it is left");
    client.hear(":alice!a@host PART #c :bye");
    client.hear(":bob!b@host KICK #d alice :out");
    client.sent();
    client.lose("reset");
    assert_eq!(client.room("#a").presence, Presence::Joining);
    assert_eq!(client.people("#a"), Vec::<String>::new());
    assert_eq!(client.last("*"), "error: The connection is lost: reset");
    let wait = client.waits().expect("it waits");
    client.wait(wait);
    client.connect();
    client.welcome("");
    let joins: Vec<_> = client.sent().into_iter().filter(|l| l.starts_with("JOIN")).collect();
    assert_eq!(joins, ["JOIN #b,#a sesame"]);
}

#[test]
fn the_servers_last_words_say_more_than_the_socket() {
    let mut client = Client::online("");
    client.hear("ERROR :Closing Link: alice (Server shutting down)");
    client.lose("connection reset");
    let Status::Waiting { reason, .. } = client.session.status() else { panic!("waiting") };
    assert_eq!(&**reason, "Closing Link: alice (Server shutting down)");
}

#[test]
fn a_silent_server_is_asked_and_then_given_up() {
    let mut client = Client::online("");
    client.wait(Duration::from_secs(59));
    assert!(client.sent().is_empty());
    client.wait(Duration::from_secs(1));
    let ping = client.sent().remove(0);
    assert!(ping.starts_with("PING alive-"), "{ping}");
    client.hear(&ping.replace("PING ", ":irc.test PONG irc.test :"));
    client.wait(Duration::from_secs(60));
    assert_eq!(client.sent().len(), 1);
    assert!(!client.wants_to_close());
    client.wait(Duration::from_secs(60));
    assert!(client.wants_to_close());
    client.lose("closed");
    let Status::Waiting { reason, .. } = client.session.status() else { panic!("waiting") };
    assert_eq!(&**reason, "the server does not answer any more");
}

#[test]
fn what_comes_after_the_end_is_nothing() {
    let mut client = Client::in_room("");
    client.wait(Duration::from_secs(200));
    assert!(client.wants_to_close());
    let before = client.lines("#room");
    client.hear(":bob!b@host JOIN #room");
    client.hear("PING :late");
    assert_eq!(client.lines("#room"), before);
    assert!(!client.sent().iter().any(|line| line.starts_with("PONG")));
}

#[test]
fn a_person_can_try_at_once() {
    let mut client = Client::new(|_| {});
    for _ in 0..5 {
        let wait = fail(&mut client);
        client.wait(wait);
    }
    fail(&mut client);
    let now = client.now();
    client.session.connect_now(now);
    client.settle();
    assert!(client.wants_to_connect());
    assert_eq!(*client.session.status(), Status::Connecting);
}

#[test]
fn a_session_that_is_not_to_reconnect_ends() {
    let mut client = Client::connected(|config| config.reconnect = false);
    client.lose("refused");
    assert_eq!(*client.session.status(), Status::Ended(End::Lost("refused".into())));
    client.wait(Duration::from_secs(1000));
    assert!(!client.wants_to_connect() && client.session.poll_timeout().is_none());
}

#[test]
fn who_leaves_is_gone_for_good() {
    let mut client = Client::in_room("");
    let now = client.now();
    client.session.quit("bye for now", now);
    client.settle();
    assert_eq!(client.sent(), ["QUIT :bye for now"]);
    assert!(client.wants_to_close());
    client.hear("ERROR :Closing Link");
    client.lose("closed");
    assert_eq!(*client.session.status(), Status::Ended(End::Quit));
    client.wait(Duration::from_secs(1000));
    assert!(!client.wants_to_connect());
    // While it waits for the next try as well.
    let mut client = Client::connected(|_| {});
    client.lose("reset");
    let now = client.now();
    client.session.quit("", now);
    client.settle();
    client.wait(Duration::from_secs(1000));
    assert!(!client.wants_to_connect() && client.sent().is_empty());
}

#[test]
fn the_name_is_taken_back_when_our_own_ghost_is_gone() {
    let mut client = Client::in_room("");
    client.lose("reset");
    let wait = client.waits().expect("it waits");
    client.wait(wait);
    client.connect();
    client.hear(":irc.test 433 * alice :Nickname is already in use");
    client.hear_all(
        ":irc.test 001 alice_ :Welcome
        :irc.test 422 alice_ :No MOTD
        :alice_!a@host JOIN #room
        :irc.test 353 alice_ = #room :alice alice_ bob
        :irc.test 366 alice_ #room :End",
    );
    client.sent();
    client.hear(":alice!a@host QUIT :Ping timeout");
    assert_eq!(client.sent(), ["NICK alice"]);
    // Somebody was faster, which is no news to the person.
    let lines = client.lines("*");
    client.hear(":irc.test 433 alice_ alice :Nickname is already in use");
    assert_eq!(client.lines("*"), lines);
    client.hear(":alice_!a@host NICK alice");
    assert_eq!(client.session.nick(), "alice");
}

#[test]
fn a_ghost_that_nobody_sees_go_is_asked_for_its_name_a_few_times() {
    let mut client = Client::connected(|_| {});
    client.hear(":irc.test 433 * alice :Nickname is already in use");
    client.welcome("");
    client.hear(":alice!a@host NICK alice_");
    client.sent();
    let mut asked = 0;
    for _ in 0..60 {
        client.wait(Duration::from_secs(30));
        client.hear(":irc.test 433 alice_ alice :Nickname is already in use");
        asked += client.sent().iter().filter(|line| *line == "NICK alice").count();
    }
    assert_eq!(asked, 5);
    assert_eq!(client.lines("*").len(), 1, "{:?}", client.lines("*"));
}
