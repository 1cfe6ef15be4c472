//! Writing: by an input method, by the keyboard alone, and by a paste.

use callbox_testkit::browser::Key;
use callbox_testkit::browser::serde_json::json;

use crate::{Irc, Server, Visit};

#[test]
fn an_enter_that_ends_a_composition_sends_nothing() {
    let server = Server::start();
    let mut irc = Irc::in_lobby(server.address, "bob");
    let mut visit = Visit::of(&server, "alice");
    visit.click("#text");
    visit.compose("ni hao");
    visit.end_composition("你好");
    visit.wait_for("document.querySelector('#text').value === '你好'");
    // The Enter of the input method was heard by the page before this one.
    visit.press(Key::Enter);
    visit.expect("你好");
    visit.compose("zaijian");
    visit.end_composition("再见");
    visit.press(Key::Enter);
    visit.expect("再见");
    irc.say("fence");
    visit.expect("fence");
    assert_eq!(visit.texts(), ["你好", "再见", "fence"]);
}

#[test]
fn the_keyboard_alone_is_enough() {
    let server = Server::start();
    let mut irc = Irc::in_lobby(server.address, "bob");
    irc.say("hello?");
    let mut visit = Visit::new(&server);
    let has_focus = |visit: &mut Visit, selector: &str| {
        visit.wait_for(&format!("document.activeElement?.matches({})", json!(selector)));
    };
    // In, by Tab from the top of the page.
    tab_to(&mut visit, "#name");
    enter(&mut visit, "alice");
    visit.wait_for_lobby();
    has_focus(&mut visit, "#text");
    visit.keys("one");
    visit.press_with(&[Key::Shift], Key::Enter);
    enter(&mut visit, "two");
    visit.expect("one\ntwo");
    // A name is completed.
    visit.keys("bo");
    visit.press(Key::Tab);
    visit.wait_for("document.querySelector('#text').value.startsWith('bob')");
    enter(&mut visit, "hi");
    visit.expect("bob");
    // To the lines, up, and an answer to one of them.
    visit.press(Key::Of('\u{e036}'));
    has_focus(&mut visit, "#log .line");
    for _ in 0..3 {
        visit.press(Key::Up);
    }
    visit.wait_for("document.activeElement === probe.line('hello?')");
    visit.press(Key::Of('r'));
    has_focus(&mut visit, "#text");
    enter(&mut visit, "yes");
    visit.wait_for("probe.line('yes')?.querySelector('.quote')");
    // Another room, and back.
    enter(&mut visit, "/join #tea");
    visit.wait_for("probe.room_shown()?.includes('tea')");
    has_focus(&mut visit, "#text");
    visit.press_with(&[Key::Alt], Key::Up);
    visit.wait_for("probe.room_shown()?.includes('lobby')");
    // The list of rooms is one thing for Tab, and by its arrows one goes through it.
    tab_to(&mut visit, "#rooms .room-list button");
    has_focus(&mut visit, "[title='#lobby']");
    visit.press(Key::Down);
    has_focus(&mut visit, "[title='#tea']");
    visit.press_with(&[Key::Shift], Key::Tab);
    visit.press(Key::Tab);
    has_focus(&mut visit, "[title='#tea']");
    tab_to(&mut visit, "#text");
    // Help, by its command and away by Escape; every key of it stands there.
    enter(&mut visit, "/help");
    visit.wait_for("document.querySelector('dialog[open]')?.textContent.includes('/join')");
    visit.press(Key::Escape);
    visit.wait_for("!document.querySelector('dialog')");
    // Every part of the page can be reached, and it is seen where one is.
    for part in ["#rooms button", "#head button", "#log", "#people button, #people input", "#text"]
    {
        tab_to(&mut visit, part);
        let is_seen = format!(
            "[document.activeElement, document.activeElement.closest('.box')].some({IS_MARKED})"
        );
        assert_eq!(visit.value(&is_seen), true, "{part} shows no focus");
    }
}

/// Types a text, and ends it with Enter.
#[track_caller]
fn enter(visit: &mut Visit, text: &str) {
    visit.keys(text);
    visit.press(Key::Enter);
}

/// Whether an element has a line around it.
const IS_MARKED: &str = "(element) => element && (getComputedStyle(element).outlineStyle !== 'none'
    || (element.matches('.box') && getComputedStyle(element).boxShadow !== 'none'))";

/// Presses Tab until what the selector finds has the focus.
#[track_caller]
fn tab_to(visit: &mut Visit, selector: &str) {
    for _ in 0..60 {
        if visit.value(&format!("document.activeElement.matches({})", json!(selector))) == true {
            return;
        }
        visit.press(Key::Tab);
    }
    visit.fail(&format!("the focus on {selector} by Tab"));
}

/// A paste as a browser makes it.
const PASTE: &str = "
const data = new DataTransfer();
data.setData('text/plain', argument);
document.querySelector('#text').dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));";

#[test]
fn a_paste_of_many_lines_is_asked_about_and_sent_as_one() {
    let server = Server::start();
    let capabilities = "batch draft/multiline message-tags";
    let mut irc = Irc::register_with(server.address, "bob", capabilities);
    irc.join("#lobby");
    let mut visit = Visit::of(&server, "alice");
    let text = "first\nsecond\nthird\nfourth\nfifth";
    visit.run(PASTE, &json!(text));
    visit.wait_for("document.querySelector('dialog[open]')?.textContent.includes('Send 5 lines?')");
    visit.picture("paste");
    visit.press_named("Cancel");
    visit.wait_for("!document.querySelector('dialog')");
    assert_eq!(visit.value("probe.lines().length"), 0);
    visit.run(PASTE, &json!(text));
    visit.click("dialog .primary");
    visit.expect("first\nsecond\nthird\nfourth\nfifth");
    irc.expect(" draft/multiline #lobby");
    irc.expect(":first");
    irc.expect(":fifth");
    assert_eq!(visit.value("probe.lines().length"), 1);
}
