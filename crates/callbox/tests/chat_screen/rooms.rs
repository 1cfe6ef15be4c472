//! What stands on the screen while people talk.

use callbox_testkit::{Folder, Signal};

use crate::peer::Peer;
use crate::{person, server};

#[test]
fn two_people_talk_and_see_each_other() {
    let home = Folder::new("screen");
    let (_server, address) = server(&home, 0);
    let sally = person(address, "sally", "#lobby");
    let harry = person(address, "harry", "#lobby");
    sally.shows("People 2");
    sally.says("good evening 你好");
    harry.shows("sally  good evening 你好");
    harry.says("good evening, sally");
    sally.shows("harry  good evening, sally");
    harry.press(&["C-c"]);
    harry.shows("Press Ctrl-C again to leave.");
    harry.press(&["C-c"]);
    sally.shows("harry is gone");
    sally.shows("People 1");
}

#[test]
fn what_is_said_elsewhere_is_counted_and_mentions_stand_out() {
    let home = Folder::new("screen");
    let (_server, address) = server(&home, 0);
    let mut bob = Peer::joins(address, "bob", "#b");
    let sally = person(address, "sally", "#lobby,#b");
    bob.send("PRIVMSG #b :one\r\nPRIVMSG #b :two");
    let counts = |count: &'static str| {
        let is = move |row: &str| row.contains("3 #b") && row.contains(count);
        move |screen: &str| screen.lines().any(is)
    };
    sally.shows_that("2 behind #b", counts(" 2 │"));
    bob.send("PRIVMSG #b :sally, are you there?");
    sally.shows_that("@1 behind #b", counts("@1 │"));
    sally.press(&["M-a"]);
    sally.shows("sally, are you there?");
    sally.shows_that("nothing behind #b", |screen| !counts("@1 │")(screen));
    bob.send("PRIVMSG sally :between us");
    sally.shows_that("a room of bob's", |screen| screen.contains("bob") && screen.contains("@1 │"));
}

#[test]
fn lines_typed_while_the_server_is_gone_are_said_once_and_in_order() {
    let home = Folder::new("screen");
    let (first, address) = server(&home, 0);
    let sally = person(address, "sally", "#lobby");
    let harry = person(address, "harry", "#lobby");
    sally.says("before");
    harry.shows("before");
    first.signal(Signal::TERM);
    first.wait().expect_code(0);
    sally.shows("offline");
    for word in ["while-one", "while-two", "while-three"] {
        sally.says(word);
        sally.shows(word);
    }
    let (_second, _) = server(&home, address.port());
    sally.press(&["F5"]);
    harry.press(&["F5"]);
    harry.shows("while-three");
    sally.says("after");
    let screen = harry.shows("after");
    let at: Vec<_> = ["while-one", "while-two", "while-three", "after"]
        .iter()
        .map(|word| {
            assert_eq!(screen.matches(word).count(), 1, "{word} in\n{screen}");
            screen.find(word)
        })
        .collect();
    assert!(at.is_sorted(), "{screen}");
    let screen = sally.shows("after");
    assert_eq!(screen.matches("while-").count(), 3, "{screen}");
}

#[test]
fn wide_characters_stay_aligned_and_nothing_that_is_sent_moves_the_cursor() {
    let home = Folder::new("screen");
    let (_server, address) = server(&home, 0);
    let mut bob = Peer::joins(address, "bob", "#lobby");
    let sally = person(address, "sally", "#lobby");
    sally.types("你好");
    sally.shows("你好");
    let place = || (sally.value("cursor_x"), sally.value("cursor_y"));
    // The editor begins behind the list of rooms: 16 columns, a line, a space. Two characters are four columns.
    assert_eq!(place(), ("22".to_owned(), "23".to_owned()));
    bob.send("PRIVMSG #lobby :莎莉，你好 e\u{301} end");
    bob.send("PRIVMSG #lobby :\x1b[3;3Hgot\x1b[2J\x1b]0;x\x07cha\x1b[?1049l\r\nTOPIC #lobby :\x1b[1;1Hgotcha");
    bob.send("PRIVMSG #lobby :\u{202e}\u{9b}5;5H\x08\x08\x7f last");
    let screen = sally.shows(" last");
    assert_eq!(place(), ("22".to_owned(), "23".to_owned()));
    // Every row's columns end where the others' do.
    let rows = screen.lines().skip(1).take(22);
    for row in rows.filter(|row| row.contains("│")) {
        let before = row.rsplit_once('│').expect("a line").0;
        let wide = before.chars().filter(|c| ('\u{2e80}'..='\u{ffe6}').contains(c)).count();
        let none = before.chars().filter(|c| *c == '\u{301}').count();
        let column = before.chars().count() + wide - none;
        assert!([16, 85].contains(&column), "{column}: {row:?}\n{screen}");
    }
    assert!(screen.contains("␛[3;3Hgot␛[2J␛]0;x␇cha␛[?1049l"), "{screen}");
    assert_eq!(sally.value("alternate_on"), "1");
}
