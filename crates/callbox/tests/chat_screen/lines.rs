//! What can be done with lines.

use callbox_testkit::Folder;

use crate::peer::Peer;
use crate::{person, server};

#[test]
fn older_history_comes_page_by_page_to_its_beginning() {
    let home = Folder::new("screen");
    let (_server, address) = server(&home, 0);
    let mut bob = Peer::joins(address, "bob", "#lobby");
    let lines: Vec<String> = (1..=300).map(|n| format!("PRIVMSG #lobby :line {n};")).collect();
    bob.send(&lines.join("\r\n"));
    bob.send("PING said");
    bob.hears("PONG");
    let sally = person(address, "sally", "#lobby");
    sally.shows("line 300;");
    let mut seen = sally.screen();
    while !seen.contains("This is the beginning of #lobby") {
        sally.press(&["PPage"]);
        // One page is one step: the oldest line that stood there has moved, or older ones stand above it.
        let before = seen;
        seen = sally.shows_that("older lines", |screen| screen != before);
    }
    sally.shows(" line 1;");
    sally.shows("newer lines below");
    sally.press(&["C-End"]);
    sally.shows("line 300;");
}

#[test]
fn a_line_is_answered_reacted_to_and_taken_back() {
    let home = Folder::new("screen");
    let (_server, address) = server(&home, 0);
    let sally = person(address, "sally", "#lobby");
    let harry = person(address, "harry", "#lobby");
    sally.shows("harry joined");
    sally.says("who has the keys?");
    harry.shows("who has the keys?");
    harry.press(&["C-Up"]);
    harry.types("r");
    harry.says("I have them");
    sally.shows("I have them");
    sally.shows_that("the line that is answered, twice", |screen| {
        screen.matches("who has the keys?").count() == 2
    });
    sally.says("thanks a lot");
    harry.shows("thanks a lot");
    harry.press(&["C-Up"]);
    harry.types("+");
    harry.says("splendid");
    sally.shows("splendid");
    sally.press(&["C-Up"]);
    // It is asked about before it is done.
    sally.types("d");
    sally.shows("again does, Esc does not");
    harry.shows("thanks a lot");
    sally.types("d");
    harry.lacks("thanks a lot");
    sally.lacks("thanks a lot");
}

#[test]
fn what_is_looked_for_is_found() {
    let home = Folder::new("screen");
    let (_server, address) = server(&home, 0);
    let mut bob = Peer::joins(address, "bob", "#lobby");
    let sally = person(address, "sally", "#lobby");
    bob.send("PRIVMSG #lobby :the needle");
    let hay: Vec<String> = (1..=60).map(|n| format!("PRIVMSG #lobby :hay {n};")).collect();
    bob.send(&hay.join("\r\n"));
    sally.shows("hay 60;");
    sally.lacks("the needle");
    sally.press(&["C-f"]);
    sally.types("needle");
    sally.press(&["Enter"]);
    sally.shows("bob  the needle");
}

#[test]
fn a_paste_of_several_lines_is_asked_about() {
    let home = Folder::new("screen");
    let (_server, address) = server(&home, 0);
    let mut bob = Peer::joins(address, "bob", "#lobby");
    let sally = person(address, "sally", "#lobby");
    sally.pastes("eins\nzwei\ndrei");
    sally.shows("3 lines, 12 characters.");
    sally.types("2");
    for line in ["eins", "zwei", "drei"] {
        assert!(bob.hears("PRIVMSG").ends_with(&format!(" :{line}")));
    }
    sally.pastes("vier\nfuenf");
    sally.shows("2 lines,");
    sally.press(&["Escape"]);
    sally.lacks("2 lines,");
    sally.says("six");
    assert!(bob.hears("PRIVMSG").ends_with(" :six"), "the paste was forgotten");
}

#[test]
fn names_rooms_and_commands_are_completed() {
    let home = Folder::new("screen");
    let (_server, address) = server(&home, 0);
    let mut bob = Peer::joins(address, "bobby", "#lobby");
    let sally = person(address, "sally", "#lobby");
    sally.shows("People 2");
    sally.types("bo");
    sally.press(&["Tab"]);
    sally.shows("bobby: ");
    sally.says("hello");
    assert!(bob.hears("PRIVMSG").ends_with(" :bobby: hello"));
    sally.types("/top");
    sally.press(&["Tab"]);
    sally.shows("/topic");
    sally.press(&["C-u"]);
    sally.types("/join #lob");
    sally.press(&["Tab"]);
    sally.shows("/join #lobby");
}
