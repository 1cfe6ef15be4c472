//! A person at the page: what they see and do, in the words of the page.

use std::ops::{Deref, DerefMut};

use callbox_testkit::Browser;
use callbox_testkit::browser::Key;
use callbox_testkit::browser::serde_json::{Value, json};

use crate::{Server, pictures};

/// A browser at the page. All that a [`Browser`] does it does too.
pub(crate) struct Visit {
    browser: Browser,
    /// Errors that this test brings about.
    pub(crate) expected: &'static [&'static str],
}

/// What is asked of the page again and again.
const PROBE: &str = "
globalThis.probe = {
  lines: () => [...document.querySelectorAll('#log .line:not(.event)')],
  text: (line) => line.querySelector('.text')?.textContent ?? '',
  texts: () => probe.lines().map(probe.text),
  line: (part) => probe.lines().find((line) => !line.matches('.pending') && probe.text(line).includes(part)),
  pending: (part) => probe.lines().find((line) => line.matches('.pending') && probe.text(line).includes(part)),
  room: (name) => [...document.querySelectorAll('#rooms [data-room]')].find((room) => room.title === name),
  badge: (name) => probe.room(name)?.querySelector('.badge')?.textContent,
  shown: (selector) => [...document.querySelectorAll(selector)].find((element) => element.checkVisibility()),
  named: (name) => [...document.querySelectorAll('button, input, a, textarea')].find((element) => element.checkVisibility()
    && (element.getAttribute('aria-label') ?? element.textContent).trim() === name),
  room_shown: () => document.querySelector('#head h1')?.textContent,
  ready: () => document.documentElement.dataset.ready !== undefined,
};
";

impl Visit {
    /// The page of `server` in English, before anybody comes in.
    #[track_caller]
    pub(crate) fn new(server: &Server) -> Self {
        Self::in_language("en-US", &server.page())
    }

    /// The page at `address` in a language.
    #[track_caller]
    pub(crate) fn in_language(language: &str, address: &str) -> Self {
        Self::with(language, address, &[])
    }

    /// The same with more arguments for the browser.
    #[track_caller]
    pub(crate) fn with(language: &str, address: &str, args: &[&str]) -> Self {
        let mut browser = Browser::start_with(language, &pictures(), args);
        browser.on_every_page(PROBE);
        browser.open(address);
        browser.wait_for("probe.ready()");
        Self { browser, expected: &[] }
    }

    /// Somebody who has come in under `name` and sees the lobby.
    #[track_caller]
    pub(crate) fn of(server: &Server, name: &str) -> Self {
        let mut visit = Self::new(server);
        visit.come_in(name);
        visit
    }

    /// Gives a name, and waits for the lobby.
    #[track_caller]
    pub(crate) fn come_in(&mut self, name: &str) {
        self.write("#name", name);
        self.press(Key::Enter);
        self.wait_for_lobby();
    }

    #[track_caller]
    pub(crate) fn wait_for_lobby(&mut self) {
        self.wait_for(
            "probe.shown('#chat') && probe.room_shown()?.includes('lobby') && probe.shown('#text')",
        );
        self.wait_for("!probe.shown('#banner button') && document.querySelector('#banner').textContent === ''");
    }

    /// Replaces what stands in a field.
    #[track_caller]
    pub(crate) fn write(&mut self, selector: &str, text: &str) {
        self.click(selector);
        self.press_with(&[Key::Control], Key::Of('a'));
        self.press(Key::Delete);
        self.keys(text);
    }

    /// Types a line and sends it.
    #[track_caller]
    pub(crate) fn say(&mut self, text: &str) {
        self.click("#text");
        self.keys(text);
        self.press(Key::Enter);
    }

    /// Waits for a line in the room, with its receipt if it is an own one.
    #[track_caller]
    pub(crate) fn expect(&mut self, part: &str) {
        self.wait_for(&format!("probe.line({})", json!(part)));
    }

    /// Presses the button, or what else can be pressed, that is called so.
    #[track_caller]
    pub(crate) fn press_named(&mut self, name: &str) {
        self.wait_for(&format!(
            "probe.named({0}) && (document.querySelector('[data-probe]')?.removeAttribute('data-probe'), \
             probe.named({0}).setAttribute('data-probe', ''), true)",
            json!(name)
        ));
        self.click("[data-probe]");
    }

    /// Opens a room from the list.
    #[track_caller]
    pub(crate) fn open_room(&mut self, name: &str) {
        self.wait_for(&format!("probe.room({})", json!(name)));
        self.click(&format!("#rooms [title={}]", json!(name)));
    }

    /// The texts of the lines that are drawn, from the top down.
    #[track_caller]
    pub(crate) fn texts(&mut self) -> Vec<String> {
        let texts = self.value("probe.texts()");
        let texts = texts.as_array().cloned().unwrap_or_default();
        texts.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Checks that nothing went wrong in the page but what was expected.
    #[track_caller]
    pub(crate) fn expect_no_errors_but_expected(&mut self) {
        let errors = self.errors();
        let is_expected = |error: &String| self.expected.iter().any(|part| error.contains(part));
        if !errors.iter().all(is_expected) {
            self.fail("no errors on the console");
        }
    }
}

impl Drop for Visit {
    /// Every test promises a page without errors, so none of them says it.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.expect_no_errors_but_expected();
        }
    }
}

impl Deref for Visit {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}

impl DerefMut for Visit {
    fn deref_mut(&mut self) -> &mut Browser {
        &mut self.browser
    }
}
