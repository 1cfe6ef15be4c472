//! What the terminal itself goes through.

use callbox_testkit::Folder;

use crate::peer::Peer;
use crate::tmux::Tmux;
use crate::{CALLBOX, WIDE, person, person_at, server};

#[test]
fn a_small_screen_is_enough() {
    let home = Folder::new("screen");
    let (_server, address) = server(&home, 0);
    let mut bob = Peer::joins(address, "bob", "#lobby");
    let sally = person_at((40, 10), &[], address, "sally", "#lobby");
    bob.send("PRIVMSG #lobby :hello");
    sally.shows("bob: hello");
    sally.says("good day");
    bob.hears(":good day");
    let screen = sally.shows("sally: good day");
    assert!(screen.lines().count() <= 10, "{screen}");
    assert!(screen.starts_with(" #lobby"), "{screen}");
}

#[test]
fn another_size_is_drawn_at_once() {
    let home = Folder::new("screen");
    let (_server, address) = server(&home, 0);
    let sally = person(address, "sally", "#lobby");
    sally.shows("People 1");
    sally.resize(50, 12);
    sally.lacks("People 1");
    sally.shows("1 person");
    sally.resize(120, 30);
    sally.shows("People 1");
}

#[test]
fn the_shell_is_a_key_away_and_so_is_the_way_back() {
    let home = Folder::new("screen");
    let (_server, address) = server(&home, 0);
    let mut bob = Peer::joins(address, "bob", "#lobby");
    let sally = Tmux::start(WIDE, &[], &["/bin/sh", "-i"]);
    sally.shows("$");
    sally.says(&format!("{CALLBOX} chat client {address} --name sally"));
    sally.shows("You can start the conversation now!");
    sally.press(&["C-z"]);
    sally.shows("Stopped");
    assert_eq!(sally.value("alternate_on"), "0");
    bob.send("PRIVMSG #lobby :said meanwhile");
    sally.says("stty -a | grep -o ' icanon'; fg");
    // Without a further key.
    sally.shows("said meanwhile");
    assert_eq!(sally.value("alternate_on"), "1");
    sally.press(&["C-l"]);
    bob.send("PRIVMSG #lobby :and after that");
    sally.shows("and after that");
    sally.press(&["C-c"]);
    sally.shows("Press Ctrl-C again to leave.");
    sally.press(&["C-c"]);
    let screen = sally.lacks("People 2");
    assert!(!screen.contains("said meanwhile"), "{screen}");
    // A shell's line again, echoed, in a terminal that is sane.
    sally.says("stty -a | grep -o ' icanon'; echo end-$?");
    let screen = sally.shows("end-0");
    assert_eq!(screen.matches("\n icanon").count(), 2, "{screen}");
    assert_eq!(sally.value("mouse_any_flag"), "0");
    assert_eq!(sally.value("cursor_flag"), "1");
}

#[test]
fn colours_are_there_unless_they_are_not_wanted() {
    let home = Folder::new("screen");
    let (_server, address) = server(&home, 0);
    // Sequences that set a colour: 30 to 49, 90 to 107.
    let has_colour = |screen: &str| {
        screen.split("\x1b[").skip(1).any(|rest| {
            let numbers = rest.split('m').next().unwrap_or_default().split(';');
            let mut numbers = numbers.filter_map(|number| number.parse::<u8>().ok());
            numbers.any(|n| matches!(n, 30..=38 | 40..=48 | 90..=107))
        })
    };
    let sally = person(address, "sally", "#lobby");
    assert!(has_colour(&sally.screen_with_colours()));
    let harry = person_at(WIDE, &[("NO_COLOR", "1")], address, "harry", "#lobby");
    sally.says("hello harry");
    harry.shows("hello harry");
    let screen = harry.screen_with_colours();
    assert!(!has_colour(&screen), "{screen:?}");
}
