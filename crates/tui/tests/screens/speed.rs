//! From a key to the screen, with a hundred thousand lines loaded and a thousand more each second.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::desk::Desk;

/// The processor time of this thread: what others do on the machine is not in it.
fn used() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().expect("a time since the thread began")
}

#[test]
fn a_key_is_on_the_screen_within_milliseconds_however_many_lines_there_are() {
    let mut desk = Desk::in_room(120, 40);
    let now = desk.now;
    for number in 0..100_000 {
        let line = format!(
            "@msgid=a{number} :bob!bob@host PRIVMSG #dev :line {number}, which is about as long as lines are"
        );
        desk.app.session_mut().handle_line(line.as_bytes(), now);
        if number % 1_000 == 0 {
            desk.settle();
        }
    }
    desk.settle();
    let room = desk.app.session().room_named("#dev").expect("the room");
    assert!(room.timeline.len() >= 95_000, "{} lines are loaded", room.timeline.len());
    for (what, prepare, keys) in [
        ("typing", "", "a b c backspace left right"),
        ("scrolled up", "pageup pageup", "a b pageup pagedown ctrl-up"),
        ("at the top", "esc esc ctrl-home", "a b pagedown pageup"),
        ("in a long message", "esc esc ctrl-end", "a 你 left right up down"),
        ("searching", "esc esc ctrl-u ctrl-f l i n e", "1 2 backspace up down"),
    ] {
        if !prepare.is_empty() {
            desk.press(prepare);
        }
        if what == "in a long message" {
            desk.paste(&"many words and 一些汉字 without an end ".repeat(600));
        }
        let mut taken: Vec<Duration> = Vec::new();
        for round in 0..100 {
            for key in keys.split(' ') {
                // What comes between two keys of somebody who types a hundred a second.
                for number in 0..10 {
                    let line = format!(
                        "@msgid=b{}{round}{key}{number} :carol!c@host PRIVMSG #dev :more and more of it",
                        what.len()
                    );
                    desk.app.session_mut().handle_line(line.as_bytes(), now);
                }
                let begin = used();
                desk.settle();
                desk.press(key);
                desk.buffer();
                taken.push(used() - begin);
            }
        }
        taken.sort();
        let at = |part: usize| taken[(taken.len() - 1) * part / 100];
        println!(
            "{what}: median {:?}, 99th of a hundred {:?}, longest {:?}",
            at(50),
            at(99),
            at(100)
        );
        // Generous, since machines are slow and tests are not optimised; the figure that counts is printed.
        assert!(at(50) < Duration::from_millis(25), "{what}: {:?}", at(50));
    }
}
