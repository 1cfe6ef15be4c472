//! Whatever peers send and people press, at any size: the screen stays whole.

use callbox_tui::{Input, Settings};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use ratatui_core::buffer::Buffer;
use unicode_width::UnicodeWidthStr as _;

use crate::desk::Desk;

/// Each row's cells add up, and nothing in them drives a terminal.
fn assert_whole(buffer: &Buffer) {
    let width = usize::from(buffer.area.width);
    if width == 0 {
        return;
    }
    for (y, row) in buffer.content.chunks(width).enumerate() {
        let mut x = 0;
        while x < width {
            let symbol = row[x].symbol();
            let hidden = symbol.chars().any(|c| {
                c.is_control()
                    || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
            });
            assert!(!hidden, "{symbol:?} at {x},{y}");
            let cells = symbol.width();
            assert!(cells > 0, "{symbol:?} at {x},{y} takes no cell");
            let end = (x + cells).min(width);
            let behind = row[x + 1..end].iter().all(|cell| cell.symbol() == " ");
            assert!(behind, "something stands behind {symbol:?} at {x},{y}");
            x += cells;
        }
        assert_eq!(x, width, "row {y} does not add up: {row:?}");
    }
}

/// Text such as peers send it: ordinary, wide, joined, marked, turned round, and codes.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-z ]{1,12}",
        "[你好。（）吗 ]{1,6}",
        prop::sample::select(vec![
            "👩\u{200d}👩\u{200d}👧",
            "🇩🇪",
            "🇩",
            "❤\u{fe0f}",
            "e\u{301}",
            "\u{301}",
            "\u{200d}",
            "\u{200b}",
            "\u{202e}",
            "\u{2066}",
            "\u{1b}[2J",
            "\u{9b}31m",
            "\u{7}",
            "\x02",
            "\x0304,07",
            "\x04ff8800",
            "\x16",
            "\t",
            "שלום",
            "کتاب\u{200c}ها",
            "क्ष",
            "각",
            "\u{1f3f4}\u{e0067}\u{e007f}",
            "https://example.org/",
            "ann",
            "a\u{300}\u{301}\u{302}\u{303}",
            "\u{feff}",
            "ﷺ",
            "\u{ad}",
            "\u{fffe}",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(|c| c.to_string()),
    ];
    prop::collection::vec(part, 0..12)
        .prop_map(|parts| parts.concat().replace(['\r', '\n', '\0'], " "))
}

fn size() -> impl Strategy<Value = (u16, u16)> {
    prop_oneof![(0u16..140, 0u16..50), Just((40, 10)), Just((80, 24)), (1u16..30, 1u16..12)]
}

#[derive(Clone, Debug)]
enum Step {
    Key(KeyCode, KeyModifiers),
    Mouse(MouseEventKind, u16, u16),
    Resize(u16, u16),
    Paste(String),
    Focus(bool),
    Hear(String),
    Reply(String),
    React(String),
    Redact,
    Edit(String),
    Wait(u64),
    Join(String),
    Type(String),
    Lose,
}

fn step() -> impl Strategy<Value = Step> {
    let code = prop_oneof![
        prop::sample::select(vec![
            KeyCode::Enter,
            KeyCode::Esc,
            KeyCode::Tab,
            KeyCode::BackTab,
            KeyCode::Backspace,
            KeyCode::Delete,
            KeyCode::Up,
            KeyCode::Down,
            KeyCode::Left,
            KeyCode::Right,
            KeyCode::Home,
            KeyCode::End,
            KeyCode::PageUp,
            KeyCode::PageDown,
        ]),
        (1u8..6).prop_map(KeyCode::F),
        "[a-z+/1-9 N你]".prop_map(|c| KeyCode::Char(c.chars().next().unwrap_or('x'))),
    ];
    let held = prop::sample::select(vec![
        KeyModifiers::empty(),
        KeyModifiers::empty(),
        KeyModifiers::CONTROL,
        KeyModifiers::ALT,
        KeyModifiers::SHIFT,
    ]);
    let mouse = prop::sample::select(vec![
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::ScrollUp,
        MouseEventKind::ScrollDown,
        MouseEventKind::Moved,
    ]);
    prop_oneof![
        12 => (code, held).prop_map(|(code, held)| Step::Key(code, held)),
        3 => (mouse, 0u16..150, 0u16..50).prop_map(|(kind, x, y)| Step::Mouse(kind, x, y)),
        2 => size().prop_map(|(x, y)| Step::Resize(x, y)),
        1 => prop::collection::vec(text(), 1..5).prop_map(|lines| Step::Paste(lines.join("\n"))),
        1 => any::<bool>().prop_map(Step::Focus),
        4 => text().prop_map(Step::Hear),
        1 => text().prop_map(Step::Reply),
        1 => text().prop_map(Step::React),
        1 => Just(Step::Redact),
        1 => text().prop_map(Step::Edit),
        1 => (0u64..100).prop_map(Step::Wait),
        1 => "[a-z]{1,4}".prop_map(Step::Join),
        2 => prop::sample::select(vec![
            "/help", "/clear", "/search a", "/reply x", "/react +", "/edit y", "/redact", "/resend", "/keys", "/join #x", "/query bob", "/close", "hello",
            "/me waves", "/help join",
        ]).prop_map(|text| Step::Type(text.to_owned())),
        1 => Just(Step::Lose),
    ]
}

fn take(desk: &mut Desk, step: Step, number: usize) {
    let last = number.saturating_sub(1);
    match step {
        Step::Key(code, held) => desk.input(Input::Key(KeyEvent::new(code, held))),
        Step::Mouse(kind, column, row) => {
            desk.input(Input::Mouse(MouseEvent {
                kind,
                column,
                row,
                modifiers: KeyModifiers::empty(),
            }));
        }
        Step::Resize(columns, rows) => desk.resize(columns, rows),
        Step::Paste(text) => desk.paste(&text),
        Step::Focus(true) => desk.input(Input::FocusGained),
        Step::Focus(false) => desk.input(Input::FocusLost),
        Step::Hear(text) => desk.says_with(&format!("msgid=m{number}"), "bob", &text),
        Step::Reply(text) => {
            desk.says_with(&format!("msgid=m{number};+reply=m{last}"), "carol", &text)
        }
        Step::React(text) => {
            let text = text.replace([';', ' ', '\\'], "");
            desk.hear(&format!(
                "@+draft/react={text};+reply=m{last};+draft/reply=m{last} :bob!bob@host TAGMSG #dev"
            ));
        }
        Step::Redact => desk.hear(&format!(":bob!bob@host REDACT #dev m{last} :oops")),
        Step::Edit(text) => {
            desk.says_with(&format!("msgid=e{number};+draft/edit=m{last}"), "bob", &text)
        }
        Step::Wait(seconds) => desk.wait(seconds),
        Step::Join(nick) => desk.hear(&format!(":{nick}!{nick}@host JOIN #dev")),
        Step::Type(text) => {
            desk.press("esc esc");
            desk.types(&text);
            desk.press("enter");
        }
        Step::Lose => {
            let now = desk.now;
            desk.app.session_mut().handle_disconnected("it broke", now);
            desk.settle();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_text_of_a_peer_is_drawn_whole_at_any_size(
        texts in prop::collection::vec(text(), 1..6),
        (columns, rows) in size(),
        topic in text(),
    ) {
        let mut desk = Desk::in_room(columns, rows);
        desk.hear(&format!(":bob!bob@host TOPIC #dev :{topic}"));
        for (number, text) in texts.iter().enumerate() {
            desk.says_with(&format!("msgid=m{number};+reply=m{}", number / 2), "bob", text);
            desk.hear(&format!(":bob!bob@host NOTICE #dev :{text}"));
            desk.hear(&format!(":bob!bob@host PART #dev :{text}"));
            desk.hear(":bob!bob@host JOIN #dev");
        }
        assert_whole(desk.buffer());
        desk.press("f1");
        assert_whole(desk.buffer());
    }

    #[test]
    fn no_sequence_of_keys_and_changes_breaks_the_screen(
        steps in prop::collection::vec(step(), 0..80),
        (columns, rows) in size(),
    ) {
        let mut desk = Desk::in_room_with(columns, rows, Settings::default());
        for (number, step) in steps.into_iter().enumerate() {
            take(&mut desk, step, number);
            assert_whole(desk.buffer());
        }
    }
}
