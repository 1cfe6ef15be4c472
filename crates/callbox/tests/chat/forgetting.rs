//! What is too old or too much is forgotten, as whoever asks for history sees it.

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use callbox_chat::store::{Batch, Done, Place, Store, StoreSettings};
use callbox_hub::contract::{Event, Record};
use callbox_testkit::{EVENT_DEADLINE, Running, Signal};

use crate::{Folder, Irc, chat, ready};

const DAY: u64 = 86_400_000;

/// A server with these settings whose things are in `data`.
fn start(folder: &Folder, data: &Path, file: &str) -> (Running, std::net::SocketAddr) {
    let file = folder.write("chat.toml", file);
    let server = chat().args(["server", "-p", "0", "--no-flood-control", "--data"]).arg(data);
    ready(server.arg("--config").arg(file))
}

/// The end of a server, after that of the one who is connected: else it would be waited for.
fn stop(server: Running, irc: Irc) {
    drop(irc);
    server.signal(Signal::TERM);
    server.wait().expect_code(0);
}

fn historian(address: std::net::SocketAddr, nick: &str) -> Irc {
    let mut irc = Irc::register_with(address, nick, "batch draft/chathistory");
    irc.join("#lobby");
    irc
}

/// What was said in the lobby, as far as the server tells.
#[track_caller]
fn said(irc: &mut Irc) -> Vec<String> {
    irc.send("CHATHISTORY LATEST #lobby * 1000");
    irc.expect(" BATCH +");
    let mut said = Vec::new();
    loop {
        let line = irc.line().expect("the rest of a page");
        if line.contains(" BATCH -") {
            return said;
        }
        if let Some((_, text)) = line.split_once(" PRIVMSG #lobby :") {
            said.push(text.to_owned());
        }
    }
}

/// Waits until what the server tells is as it should be.
#[track_caller]
fn wait_until_said(irc: &mut Irc, what: &str, holds: impl Fn(&[String]) -> bool) -> Vec<String> {
    let start = Instant::now();
    loop {
        let said = said(irc);
        if holds(&said) {
            return said;
        }
        assert!(start.elapsed() < EVENT_DEADLINE, "{what}: {said:?}");
    }
}

#[test]
fn so_many_events_of_a_room_are_kept_and_no_more() {
    let folder = Folder::new();
    let data = folder.path().join("data");
    let (server, address) = start(&folder, &data, "[history]\nkeep-events = 100\n");
    let mut alice = historian(address, "alice");
    for n in 0..300 {
        alice.say(&format!("line {n}"));
    }
    // While it runs; who came and went counts as well.
    let kept = wait_until_said(&mut alice, "100 at most", |said| said.len() <= 100);
    assert_eq!(kept.last().map(String::as_str), Some("line 299"));
    assert!(kept.len() >= 90, "{}", kept.len());
    stop(server, alice);
    // Of what is forgotten nothing comes back where there is more room.
    let (_server, address) = start(&folder, &data, "[history]\nkeep-events = \"all\"\n");
    let mut bob = historian(address, "bob");
    let again = said(&mut bob);
    assert!(again.len() <= 100 && again.last().is_some_and(|text| text == "line 299"), "{again:?}");
}

/// Puts lines into the lobby's history that were said so many days ago.
fn say_in_the_past(data: &Path, days: &[u64]) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_millis() as u64;
    let (told, tickets) = channel();
    let settings = StoreSettings::default();
    let place = Place::Folder(data.to_owned());
    let (store, _) =
        Store::open(place, settings, move |done| drop(told.send(done))).expect("a store");
    let event = |&days: &u64| {
        Record::Event(Event {
            conversation: "#lobby".into(),
            msgid: format!("past-{days}").into(),
            time: now - days * DAY,
            source: "carol!c@host".into(),
            account: None,
            bot: false,
            tags: "".into(),
            command: "PRIVMSG".into(),
            params: vec!["#lobby".into()],
            text: Some(format!("{days} days ago").into()),
        })
    };
    let records = days.iter().map(event).collect();
    let ticket = store.submit(Batch { records, jobs: Vec::new() });
    assert_eq!(tickets.recv_timeout(EVENT_DEADLINE), Ok(Done::Kept(ticket)));
}

#[test]
fn what_is_older_than_the_settings_say_is_forgotten() {
    let folder = Folder::new();
    let data = folder.path().join("data");
    say_in_the_past(&data, &[30, 8, 6, 1]);
    // How far back people may look is one thing, and changes nothing of what is kept.
    let (server, address) = start(&folder, &data, "[history]\nshow-for = \"2d\"\n");
    let mut alice = historian(address, "alice");
    assert_eq!(said(&mut alice), ["1 days ago"]);
    folder.write("chat.toml", "");
    server.signal(Signal::HUP);
    wait_until_said(&mut alice, "all of it", |said| {
        said == ["30 days ago", "8 days ago", "6 days ago", "1 days ago"]
    });
    stop(server, alice);
    let (server, address) = start(&folder, &data, "[history]\nkeep-for = \"7d\"\n");
    let mut alice = historian(address, "alice");
    wait_until_said(&mut alice, "a week", |said| said == ["6 days ago", "1 days ago"]);
    stop(server, alice);
    // It is gone, and not merely hidden.
    let export = chat().args(["history", "export", "#lobby", "--data"]).arg(&data).run();
    export.expect_code(0).stdout_contains("6 days ago").stdout_lacks("8 days ago");
}
