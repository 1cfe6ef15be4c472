//! axe-core looks through each view for what would keep somebody out: names, roles, contrast, order.

use std::fs;

use callbox_testkit::browser::Key;
use callbox_testkit::browser::serde_json::{Value, json};

use crate::{Irc, Server, Visit, target};

/// Where `cargo xtask test` puts axe-core, below the target folder.
const AXE_FILE: &str = "axe-core-4.14.1/axe.min.js";

/// Runs axe-core on what is shown, and gives what it found.
const LOOK: &str = "
const { violations } = await axe.run(document, { resultTypes: ['violations'] });
return violations.map(({ id, help, nodes }) => `${id}: ${help}: ` + nodes.map(({ html }) => html.slice(0, 200)).join(' | '));";

struct Checked {
    visit: Visit,
    found: Vec<String>,
}

impl Checked {
    /// Looks at what is shown, by day and by night.
    #[track_caller]
    fn look(&mut self, view: &str) {
        for scheme in ["light", "dark"] {
            self.visit
                .prefer(&[("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")]);
            let found = self.visit.run(LOOK, &json!(null));
            let found = found.as_array().cloned().unwrap_or_default();
            let texts = found.iter().filter_map(Value::as_str);
            self.found.extend(texts.map(|text| format!("{view}, {scheme}: {text}")));
        }
    }
}

#[test]
fn no_view_keeps_anybody_out() {
    let axe = target().join(AXE_FILE);
    let axe = fs::read_to_string(&axe).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; `cargo xtask test` fetches it, by `npm pack axe-core@4.14.1`",
            axe.display()
        )
    });
    let server = Server::start();
    let mut bob = Irc::register_with(server.address, "bob", "message-tags echo-message");
    bob.join("#lobby");
    bob.send("TOPIC #lobby :what it is about");
    bob.say("hello https://example.org/");
    let said = bob.expect("PRIVMSG #lobby :hello");
    let id =
        said.split("msgid=").nth(1).and_then(|rest| rest.split([';', ' ']).next()).expect("an id");
    bob.send(&format!("@+draft/react=👍;+draft/reply={id} TAGMSG #lobby"));
    bob.send(&format!("@+draft/reply={id} PRIVMSG #lobby :an answer to \u{3}4myself\u{3}, alice"));
    bob.send("NOTICE #lobby :a notice");
    bob.send("PRIVMSG #lobby :\u{1}ACTION waves\u{1}");
    bob.so_far();

    let mut visit = Visit::new(&server);
    visit.on_every_page(&axe);
    visit.reload();
    visit.wait_for("probe.ready() && Boolean(globalThis.axe)");
    let mut checked = Checked { visit, found: Vec::new() };
    checked.look("entry");
    checked.visit.click("label:has(#how-register)");
    checked.look("entry, a new account");
    checked.visit.press(Key::Enter);
    checked.visit.wait_for("document.querySelector('[role=alert]').textContent");
    checked.look("entry, something missing");
    checked.visit.click("label:has(#how-guest)");
    checked.visit.come_in("alice");
    checked.visit.expect("waves");
    checked.visit.say("/join #tea");
    checked.visit.wait_for("probe.room_shown()?.includes('tea')");
    checked.look("an empty room");
    bob.say("alice: are you there?");
    bob.send("PRIVMSG alice :or here?");
    checked.visit.wait_for("probe.badge('#lobby') && probe.badge('bob')");
    checked.look("unread");
    checked.visit.open_room("#lobby");
    checked.visit.say("I am here");
    checked.visit.expect("I am here");
    bob.send("@+typing=active TAGMSG #lobby");
    checked.visit.wait_for("document.querySelector('#typing').textContent.includes('bob')");
    checked.look("the room");
    checked.visit.click(&format!("[data-id='{id}'] .text"));
    checked.look("the tools of a line");
    checked.visit.press_named("React");
    checked.look("reactions");
    checked.visit.press(Key::Escape);
    checked.visit.press_named("Search");
    checked.visit.keys("hello");
    checked.look("search");
    checked.visit.press(Key::Escape);
    checked.visit.keys("/jo");
    checked.visit.wait_for("probe.shown('#hints')");
    checked.look("suggestions");
    checked.visit.press(Key::Escape);
    for (button, view) in [
        ("Join or create a room", "joining"),
        ("You and settings", "settings"),
        ("More about this room", "the menu of a room"),
    ] {
        checked.visit.press_named(button);
        checked.visit.wait_for("document.querySelector('dialog[open]')");
        checked.look(view);
        checked.visit.press(Key::Escape);
        checked.visit.wait_for("!document.querySelector('dialog')");
    }
    checked.visit.write("#text", "/help");
    checked.visit.press(Key::Enter);
    checked.visit.wait_for("document.querySelector('dialog[open]')");
    checked.look("help");
    checked.visit.press(Key::Escape);
    checked.visit.become_phone(390, 844);
    checked.look("a phone");
    checked.visit.press_named("Show rooms");
    checked.look("rooms on a phone");
    assert!(checked.found.is_empty(), "{}", checked.found.join("\n"));
}
