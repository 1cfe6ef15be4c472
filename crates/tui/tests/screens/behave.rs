//! What keys, the mouse and changes of the session do.

use std::time::Duration;

use callbox_session::Session;
use callbox_session::config::Config;
use callbox_session::contract::Now;
use callbox_tui::settings::Alert;
use callbox_tui::theme::Depth;
use callbox_tui::{App, Effect, Input, Settings};
use ratatui_core::style::{Color, Modifier};

use crate::desk::{Desk, START};

/// The row of the screen that holds this.
fn row_with(desk: &mut Desk, text: &str) -> u16 {
    let rows = desk.rows();
    let row = rows.iter().position(|row| row.contains(text));
    let row = row.unwrap_or_else(|| panic!("no row has {text:?}:\n{}", rows.join("\n")));
    u16::try_from(row).expect("a screen")
}

/// The part of a row that is between the lists.
fn middle(row: &str) -> String {
    row.split('│').nth(1).unwrap_or(row).trim().to_owned()
}

fn last_row(desk: &mut Desk) -> String {
    middle(&desk.rows().pop().expect("a row"))
}

fn status(desk: &mut Desk) -> String {
    let rows = desk.rows();
    middle(&rows[rows.len() - 2])
}

#[test]
fn a_screen_begins_in_the_first_room_though_it_was_opened_before() {
    let config = Config { join: vec![("#dev".into(), None)], ..Config::default() };
    let now = Now { monotonic: Duration::ZERO, wall: START };
    let mut session = Session::new(config, now);
    while session.poll_event().is_some() {}
    let app = App::new(session, Settings::default(), now);
    assert_eq!(app.session().room(app.current()).map(|room| &*room.name), Some("#dev"));
}

#[test]
fn what_is_typed_is_sent_and_shown_until_its_echo_comes() {
    let mut desk = Desk::in_room(80, 24);
    desk.types("hello");
    assert!(desk.sent.iter().any(|line| line.contains("+typing=active TAGMSG #dev")));
    desk.sent();
    desk.press("enter");
    let sent = desk.sent();
    assert!(sent.iter().any(|line| line.ends_with("PRIVMSG #dev :hello")), "{sent:?}");
    assert!(desk.shows("hello  sending…"));
    let label = sent.iter().find_map(|line| line.strip_prefix("@label=")?.split([' ', ';']).next());
    let label = label.expect("a label");
    desk.hear(&format!("@label={label};msgid=o1 :ann!ann@host PRIVMSG #dev :hello"));
    assert!(!desk.shows("sending…") && desk.shows("ann  hello"), "{}", desk.shown());
}

#[test]
fn tab_completes_those_who_spoke_last_first() {
    let mut desk = Desk::in_room(80, 24);
    for nick in ["cat", "bo"] {
        desk.hear(&format!(":{nick}!u@host JOIN #dev"));
    }
    desk.says("bob", "hi");
    desk.says("cat", "hi");
    desk.types("b");
    desk.press("tab");
    assert_eq!(last_row(&mut desk), "bob:");
    desk.press("tab");
    assert_eq!(last_row(&mut desk), "bo:");
    desk.press("shift-tab");
    assert_eq!(last_row(&mut desk), "bob:");
    desk.types("ask C");
    desk.press("tab");
    assert_eq!(last_row(&mut desk), "bob: ask cat");
    desk.press("ctrl-c");
    desk.types("/he");
    desk.press("tab");
    desk.types("jo");
    desk.press("tab");
    assert_eq!(last_row(&mut desk), "/help join");
    desk.press("ctrl-c");
    desk.types("see #d");
    desk.press("tab");
    assert_eq!(last_row(&mut desk), "see #dev");
    desk.press("ctrl-c");
    desk.types("/part #d");
    desk.press("tab");
    assert_eq!(last_row(&mut desk), "/part #dev");
}

#[test]
fn each_room_keeps_what_was_being_typed_in_it() {
    let mut desk = Desk::in_room(80, 24);
    desk.types("draft");
    desk.press("alt-1");
    assert_eq!(last_row(&mut desk), "/join #room, /help");
    desk.press("alt-2");
    assert_eq!(last_row(&mut desk), "draft");
}

#[test]
fn up_brings_back_what_was_typed_before() {
    let mut desk = Desk::in_room(80, 24);
    for line in ["one", "two"] {
        desk.types(line);
        desk.press("enter");
    }
    desk.types("three");
    desk.press("up up");
    assert_eq!(last_row(&mut desk), "one");
    desk.press("down down");
    assert_eq!(last_row(&mut desk), "three");
}

#[test]
fn a_password_that_was_typed_is_not_brought_back() {
    let mut desk = Desk::in_room(80, 24);
    desk.types("hello");
    desk.press("enter");
    desk.types("/quote NS IDENTIFY sesame");
    desk.press("enter");
    desk.press("up");
    assert_eq!(last_row(&mut desk), "hello");
}

#[test]
fn a_line_that_is_refused_stays_in_the_editor() {
    let mut desk = Desk::in_room(80, 24);
    desk.types("/nonsense");
    desk.press("enter");
    assert!(status(&mut desk).contains("there is no /nonsense"), "{}", desk.shown());
    assert_eq!(last_row(&mut desk), "/nonsense");
}

#[test]
fn the_next_unread_room_is_the_one_with_a_mention() {
    let mut desk = Desk::in_room(80, 24);
    for room in ["#one", "#two"] {
        desk.hear(&format!(":ann!ann@host JOIN {room}"));
        desk.hear(&format!(":irc.test 366 ann {room} :End of /NAMES list."));
    }
    desk.press("alt-2");
    desk.hear(":bob!bob@host PRIVMSG #one :anybody?");
    desk.hear(":bob!bob@host PRIVMSG #two :ann, are you there?");
    desk.press("alt-a");
    assert!(desk.rows()[0].contains("#two"), "{}", desk.shown());
    desk.press("alt-a");
    assert!(desk.rows()[0].contains("#one"));
    desk.press("alt-a");
    assert_eq!(status(&mut desk), "Everything was read.");
    desk.press("alt-/");
    assert!(desk.rows()[0].contains("#two"));
    desk.press("ctrl-n");
    assert!(desk.rows()[0].contains("TestNet"), "{}", desk.shown());
}

#[test]
fn the_pointer_chooses_rooms_lines_people_and_places_in_the_text() {
    let mut desk = Desk::in_room(120, 30);
    desk.says_with("msgid=m1", "bob", "look at me");
    let row = row_with(&mut desk, "look at me");
    desk.click(40, row);
    assert!(status(&mut desk).starts_with("r answer"), "{}", desk.shown());
    desk.press("esc");
    let row = row_with(&mut desk, "@bob");
    desk.click(110, row);
    assert_eq!(last_row(&mut desk), "bob:");
    desk.click(22, 29);
    desk.types("X");
    assert_eq!(last_row(&mut desk), "Xbob:");
    let row = row_with(&mut desk, "1 TestNet");
    desk.click(3, row);
    assert!(desk.rows()[0].contains("│ TestNet"));
}

#[test]
fn a_chosen_line_is_answered_reacted_to_copied_edited_and_taken_back() {
    let mut desk = Desk::in_room(80, 24);
    desk.says_with("msgid=m1", "bob", "hello");
    desk.says_with("msgid=m2", "ann", "my own");
    desk.press("ctrl-up ctrl-up r");
    desk.types("hi");
    desk.sent();
    desk.press("enter");
    assert!(desk.sent().iter().any(|line| line.contains("reply=m1") && line.ends_with(":hi")));
    desk.press("ctrl-up ctrl-up ctrl-up + 1");
    let sent = desk.sent();
    assert!(
        sent.iter().any(|line| line.contains("react=👍") && line.contains("reply=m1")),
        "{sent:?}"
    );
    desk.press("ctrl-up ctrl-up ctrl-up y");
    assert!(desk.effects.contains(&Effect::Copy("hello".into())));
    // Somebody else's line is not edited.
    desk.press("ctrl-up ctrl-up ctrl-up e");
    assert_eq!(status(&mut desk), "Only own lines can be edited.");
    desk.press("esc ctrl-up ctrl-up e");
    assert_eq!(last_row(&mut desk), "my own");
    desk.press("backspace enter");
    let sent = desk.sent();
    assert!(
        sent.iter().any(|line| line.contains("edit=m2") && line.ends_with(":my ow")),
        "{sent:?}"
    );
    desk.press("esc ctrl-up ctrl-up ctrl-up d");
    assert!(status(&mut desk).starts_with("Take this line back?"), "{}", desk.shown());
    desk.press("d");
    let sent = desk.sent();
    assert!(sent.iter().any(|line| line.contains("REDACT #dev m2")), "{sent:?}");
    assert!(!status(&mut desk).starts_with("Take"), "{}", desk.shown());
}

#[test]
fn a_command_that_is_begun_on_a_chosen_line_is_about_it() {
    let mut desk = Desk::in_room(80, 24);
    desk.says_with("msgid=m1", "bob", "one");
    desk.says_with("msgid=m2", "bob", "two");
    desk.press("ctrl-up ctrl-up");
    desk.types("/react +1");
    desk.sent();
    desk.press("enter");
    let sent = desk.sent();
    assert!(sent.iter().any(|line| line.contains("reply=m1")), "{sent:?}");
}

#[test]
fn a_failed_line_is_sent_again_or_discarded() {
    let mut desk = Desk::in_room(80, 24);
    for text in ["one", "two"] {
        desk.types(text);
        desk.sent();
        desk.press("enter");
        let sent = desk.sent();
        let label = sent.iter().find_map(|line| {
            line.split([' ', ';']).next().filter(|tag| tag.starts_with("@label="))
        });
        desk.hear(&format!(
            "{} :irc.test 404 ann #dev :Cannot send to channel",
            label.expect("a label")
        ));
    }
    assert_eq!(desk.shown().matches("not sent").count(), 2, "{}", desk.shown());
    desk.press("ctrl-up x");
    assert_eq!(desk.shown().matches("not sent").count(), 1);
    desk.press("ctrl-up s");
    let sent = desk.sent();
    assert!(sent.iter().any(|line| line.ends_with("PRIVMSG #dev :one")), "{sent:?}");
    assert!(desk.shows("sending…"));
}

#[test]
fn a_paste_goes_as_one_message_or_as_lines_or_into_the_editor() {
    let privmsgs = |desk: &mut Desk| {
        desk.sent().into_iter().filter(|line| line.contains("PRIVMSG")).collect::<Vec<_>>()
    };
    for (choice, batched, count) in [("1", true, 2), ("2", false, 2), ("4", false, 0)] {
        let mut desk = Desk::in_room(80, 24);
        desk.paste("one\ntwo\n");
        desk.sent();
        desk.press(choice);
        let is_batched = desk.sent.iter().any(|line| line.contains("BATCH +"));
        assert_eq!(is_batched, batched, "{:?}", desk.sent);
        assert_eq!(privmsgs(&mut desk).len(), count);
    }
    let mut desk = Desk::in_room(80, 24);
    desk.paste("one\n  \ntwo\n");
    desk.press("2");
    assert_eq!(privmsgs(&mut desk).len(), 2, "a line of blanks says nothing, and ends nothing");
    let mut desk = Desk::in_room(80, 24);
    desk.paste("one\ntwo\n");
    desk.press("3");
    assert!(desk.shows("one") && last_row(&mut desk) == "two");
    desk.paste("single\n");
    assert_eq!(last_row(&mut desk), "twosingle");
}

#[test]
fn what_is_refused_of_a_paste_stays_in_the_editor() {
    for choice in ["1", "2"] {
        let mut desk = Desk::in_room(80, 24);
        desk.hear(":bob!b@h KICK #dev ann :out");
        desk.paste("one\ntwo\n");
        desk.press(choice);
        assert!(desk.shows("one") && last_row(&mut desk) == "two", "{choice}: {}", desk.shown());
    }
}

#[test]
fn somebody_alone_is_one_person() {
    let mut desk = Desk::in_room(60, 12);
    desk.hear(":bob!b@h PART #dev");
    desk.hear(":carol!c@h PART #dev");
    let shown = desk.shown();
    assert!(shown.contains("1 person"), "{shown}");
}

#[test]
fn scrolling_to_the_top_fetches_older_lines_and_says_where_the_beginning_is() {
    let mut desk = Desk::in_room(80, 12);
    for number in 0..30 {
        desk.says_with(&format!("msgid=m{number}"), "bob", &format!("line {number}"));
    }
    // The beginning was reached with the first, empty page.
    desk.press("ctrl-home");
    assert!(desk.shows("This is the beginning of #dev"), "{}", desk.shown());
    desk.press("ctrl-end");
    assert!(desk.shows("line 29") && !desk.shows("beginning"));
}

#[test]
fn the_view_stands_still_while_lines_come_and_goes_on_at_the_end() {
    let mut desk = Desk::in_room(80, 12);
    for number in 0..30 {
        desk.says("bob", &format!("line {number}"));
    }
    desk.press("pageup pageup");
    let before: Vec<String> = desk
        .rows()
        .into_iter()
        .take(10)
        .map(|row| row.split('│').nth(1).unwrap_or_default().to_owned())
        .collect();
    for number in 30..40 {
        desk.says("bob", &format!("line {number}"));
    }
    let after: Vec<String> = desk
        .rows()
        .into_iter()
        .take(10)
        .map(|row| row.split('│').nth(1).unwrap_or_default().to_owned())
        .collect();
    assert_eq!(before, after);
    assert!(desk.shows("▼ 10 new below"));
    // By wheel to the end: what is there is read then.
    for _ in 0..20 {
        desk.input(Input::Mouse(crossterm::event::MouseEvent {
            kind: crossterm::event::MouseEventKind::ScrollDown,
            column: 40,
            row: 5,
            modifiers: crossterm::event::KeyModifiers::empty(),
        }));
    }
    assert!(desk.shows("line 39") && !desk.shows("below"), "{}", desk.shown());
    assert_eq!(desk.app.session().room_named("#dev").map(|room| room.unread.lines), Some(0));
}

#[test]
fn what_is_seen_is_read_and_what_is_not_looked_at_is_not() {
    let mut desk = Desk::in_room(80, 24);
    let unread = |desk: &Desk| desk.app.session().room_named("#dev").expect("a room").unread.lines;
    desk.says("bob", "seen");
    assert_eq!(unread(&desk), 0);
    desk.input(Input::FocusLost);
    desk.says("bob", "not seen");
    assert_eq!(unread(&desk), 1);
    assert!(desk.shows(" new ───"));
    desk.input(Input::FocusGained);
    assert_eq!(unread(&desk), 0);
    assert!(desk.shows(" new ───"), "the line where reading stopped stays while it is looked at");
    desk.types("answer");
    desk.press("enter");
    assert!(!desk.shows(" new ───"));
}

#[test]
fn a_mention_that_is_not_looked_at_rings_once_in_a_while() {
    let settings = || Settings { alert: Alert::Desktop, ..Settings::default() };
    let mut desk = Desk::in_room_with(80, 24, settings());
    let announced = |desk: &mut Desk| {
        let effects = std::mem::take(&mut desk.effects);
        effects
            .into_iter()
            .filter(|effect| matches!(effect, Effect::Bell | Effect::Notify(_)))
            .collect::<Vec<_>>()
    };
    desk.says("bob", "ann: seen");
    assert_eq!(announced(&mut desk), []);
    desk.input(Input::FocusLost);
    desk.says("bob", "nobody in particular");
    assert_eq!(announced(&mut desk), []);
    desk.says("bob", "ann: \x1b]0;evil\x07");
    assert_eq!(
        announced(&mut desk),
        [Effect::Notify("bob in #dev: ann: ␛]0;evil␇".into()), Effect::Bell]
    );
    desk.says("bob", "ann: again");
    assert_eq!(announced(&mut desk), []);
    desk.wait(5);
    desk.hear(":bob!bob@host PRIVMSG ann :in private");
    assert_eq!(announced(&mut desk), [Effect::Notify("bob: in private".into()), Effect::Bell]);
    let mut quiet =
        Desk::in_room_with(80, 24, Settings { alert: Alert::Off, ..Settings::default() });
    quiet.input(Input::FocusLost);
    quiet.says("bob", "ann: hello");
    assert_eq!(announced(&mut quiet), []);
}

#[test]
fn a_mention_that_was_missed_rings_unless_it_was_read_elsewhere() {
    let mut desk = Desk::in_room(80, 24);
    desk.input(Input::FocusLost);
    let mut rings = |read: &str| {
        desk.wait(60);
        desk.effects.clear();
        desk.hear(&format!(":irc.test MARKREAD #dev timestamp=2026-11-22T20:{read}.000Z"));
        desk.hear(":irc.test BATCH +p chathistory #dev");
        desk.hear(&format!(
            "@batch=p;time=2026-11-22T20:{read}.000Z;msgid={read} :bob!b@host PRIVMSG #dev :ann: read"
        ));
        desk.hear(":irc.test BATCH -p");
        let was_read = desk.effects.contains(&Effect::Bell);
        desk.hear(":irc.test BATCH +p chathistory #dev");
        desk.hear(&format!(
            "@batch=p;time=2026-11-22T20:{read}.001Z;msgid={read}+ :bob!b@host PRIVMSG #dev :ann: news"
        ));
        desk.hear(":irc.test BATCH -p");
        (was_read, desk.effects.contains(&Effect::Bell))
    };
    assert_eq!(rings("01:00"), (false, true));
    assert_eq!(rings("02:00"), (false, true));
}

#[test]
fn the_window_is_named_after_the_room_and_counts_mentions() {
    let mut desk = Desk::in_room(80, 24);
    let titles = |desk: &mut Desk| {
        let effects = std::mem::take(&mut desk.effects);
        effects.into_iter().rfind(|effect| matches!(effect, Effect::Title(_)))
    };
    assert_eq!(titles(&mut desk), Some(Effect::Title("#dev — callbox".into())));
    desk.input(Input::FocusLost);
    desk.says("bob", "ann!");
    assert_eq!(titles(&mut desk), Some(Effect::Title("(1) #dev — callbox".into())));
}

#[test]
fn leaving_asks_once() {
    let mut desk = Desk::in_room(80, 24);
    desk.types("text");
    desk.press("ctrl-c");
    assert_eq!(last_row(&mut desk), "Message #dev");
    desk.press("ctrl-_");
    assert_eq!(last_row(&mut desk), "text");
    desk.press("ctrl-c ctrl-c");
    assert_eq!(status(&mut desk), "Press Ctrl-C again to leave.");
    assert!(!desk.effects.contains(&Effect::Quit));
    desk.press("ctrl-c");
    assert!(desk.effects.contains(&Effect::Quit));
    assert!(desk.sent.iter().any(|line| line.starts_with("QUIT")));
}

#[test]
fn the_commands_of_the_screen_do_what_they_say() {
    let mut desk = Desk::in_room(80, 24);
    desk.says("bob", "a needle in the hay");
    desk.says("bob", "hay");
    desk.types("/search needle");
    desk.press("enter");
    assert!(status(&mut desk).starts_with("1 of 1"), "{}", desk.shown());
    desk.press("esc");
    desk.types("/clear");
    desk.press("enter");
    assert!(!desk.shows("needle"), "{}", desk.shown());
    desk.says("bob", "after");
    assert!(desk.shows("after"));
    desk.press("pageup");
    assert!(!desk.shows("needle"));
    desk.types("/keys");
    desk.press("enter");
    assert!(desk.shows("Keys"));
    desk.press("f5 q");
    assert!(!desk.shows("Esc closes"));
}

#[test]
fn a_search_goes_on_as_lines_come() {
    let mut desk = Desk::in_room(80, 24);
    for number in 0..50 {
        desk.says("bob", &format!("number {number}"));
    }
    desk.press("ctrl-f");
    desk.types("number 4");
    assert!(status(&mut desk).starts_with("1 of 11"), "{}", desk.shown());
    desk.press("enter n n");
    assert!(status(&mut desk).starts_with("3 of 11"), "{}", desk.shown());
    desk.says("bob", "number 400");
    assert!(status(&mut desk).starts_with("4 of 12"), "{}", desk.shown());
    desk.press("N N N");
    assert!(
        status(&mut desk).starts_with("1 of 12") && desk.shows("number 400"),
        "{}",
        desk.shown()
    );
}

#[test]
fn people_and_names_have_the_colours_of_the_terminal() {
    let mut desk = Desk::in_room(80, 24);
    desk.says("bob", "\x0304red\x03 and \x02bold\x02 and \x0301black");
    let row = row_with(&mut desk, "red and bold");
    let column = |desk: &mut Desk, text: &str| {
        let rows = desk.rows();
        let row = &rows[usize::from(row)];
        let at = row.find(text).expect("there");
        u16::try_from(row[..at].chars().count()).expect("a column")
    };
    let (red, bold, black, nick) = (
        column(&mut desk, "red"),
        column(&mut desk, "bold"),
        column(&mut desk, "black"),
        column(&mut desk, "bob"),
    );
    let buffer = desk.buffer();
    assert_eq!(buffer[(red, row)].fg, Color::LightRed);
    assert!(buffer[(bold, row)].modifier.contains(Modifier::BOLD));
    // Black on a dark ground could not be read.
    assert_eq!(buffer[(black, row)].fg, Color::Reset);
    assert!(matches!(buffer[(nick, row)].fg, Color::Indexed(_)));
    let mut sixteen =
        Desk::in_room_with(80, 24, Settings { depth: Depth::Sixteen, ..Settings::default() });
    sixteen.says("bob", "hello");
    let has_indexed =
        sixteen.buffer().content.iter().any(|cell| {
            matches!(cell.fg, Color::Indexed(_)) || matches!(cell.bg, Color::Indexed(_))
        });
    assert!(!has_indexed);
}
