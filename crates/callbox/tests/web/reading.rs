//! History, what is unread, and finding things again.

use std::fmt::Write;

use callbox_testkit::browser::Key;
use callbox_testkit::browser::serde_json::json;

use crate::{Irc, Server, Visit};

/// Goes through the room from the top down, as somebody who reads it does, and gives the texts in the order in which
/// they came to be seen.
const READ_ALL: &str = "
const log = document.querySelector('#log');
const seen = new Map();
const frame = () => new Promise((done) => requestAnimationFrame(done));
for (log.scrollTop = 0; ; log.scrollTop += log.clientHeight / 2) {
  await frame(); await frame();
  for (const line of probe.lines()) seen.set(line.dataset.id, probe.text(line));
  if (log.scrollTop + log.clientHeight >= log.scrollHeight - 2) return [...seen.values()];
}";

#[test]
fn history_comes_page_by_page_up_to_the_beginning_and_search_finds_in_it() {
    let server = Server::start();
    let mut irc = Irc::in_lobby(server.address, "bob");
    let mut lines = String::new();
    for n in 1..=350 {
        write!(lines, "PRIVMSG #lobby :line number {n}.\r\n").expect("a string takes all");
    }
    irc.send_bytes(lines);
    irc.so_far();
    let mut visit = Visit::of(&server, "alice");
    visit.expect("line number 350.");
    // The end of the room is what one sees first, and not everything was fetched for that.
    assert_eq!(visit.value("Boolean(probe.line('line number 20.'))"), false);
    visit.wait_for(
        "(document.querySelector('#log').scrollTop = 0, \
         document.querySelector('#log').textContent.includes('This is the beginning of #lobby'))",
    );
    let wanted: Vec<String> = (1..=350).map(|n| format!("line number {n}.")).collect();
    let read = visit.run(READ_ALL, &json!(null));
    assert_eq!(read, json!(wanted), "every line once, in order");

    visit.press_with(&[Key::Control], Key::Of('f'));
    visit.wait_for("document.activeElement.matches('#search input')");
    visit.keys("NUMBER 17");
    visit.wait_for("document.querySelector('#search output').textContent === '11 of 11'");
    visit.wait_for(
        "document.querySelector('#log .target')?.textContent.includes('line number 179.')",
    );
    visit.press(Key::Enter);
    visit.wait_for("document.querySelector('#search output').textContent === '10 of 11'");
    visit.picture("search");
    visit.keys("x");
    visit.wait_for(
        "document.querySelector('#search output').textContent.startsWith('Nothing found')",
    );
    visit.press(Key::Escape);
    visit.wait_for(
        "document.querySelector('#search').hidden && document.activeElement.id === 'text'",
    );
}

/// Notifications as the system would get them, kept in a list.
const NOTIFICATIONS: &str = "
globalThis.notified = [];
globalThis.Notification = class {
  static permission = 'default';
  static async requestPermission() { return (this.permission = 'granted'); }
  constructor(title, options) { notified.push(`${title}: ${options.body}`); }
  close() {}
};";

#[test]
fn what_is_unread_is_counted_marked_and_told() {
    let server = Server::start();
    let mut irc = Irc::in_lobby(server.address, "bob");
    let mut visit = Visit::new(&server);
    visit.on_every_page(NOTIFICATIONS);
    visit.reload();
    visit.come_in("alice");
    visit.press_named("You and settings");
    visit.press_named("Turn on notifications");
    visit.wait_for("document.querySelector('#notes').textContent.includes('Notifications are on')");
    irc.say("before");
    visit.expect("before");
    visit.say("/join #tea");
    visit.wait_for("probe.room_shown()?.includes('tea')");
    visit.wait_for("document.title.startsWith('#tea')");

    irc.say("one");
    irc.say("two");
    visit.wait_for("probe.badge('#lobby') === '2'");
    visit.wait_for("document.title.startsWith('• #tea')");
    irc.say("alice: three");
    visit.wait_for("document.title.startsWith('(1) #tea')");
    visit.wait_for("notified.length === 1");
    assert_eq!(visit.text("notified[0]"), "bob · #lobby: alice: three");
    irc.send("PRIVMSG alice :between us");
    visit.wait_for("probe.badge('bob') === '1' && document.title.startsWith('(2) #tea')");
    visit.picture("unread");

    // Where reading stopped stands a line, and what was seen is unread no more.
    visit.open_room("#lobby");
    visit.expect("alice: three");
    let order = visit.value(
        "[...document.querySelectorAll('#log .line:not(.event), #log .divider')].map((one) => one.matches('.divider') \
         ? '--' : probe.text(one))",
    );
    assert_eq!(order, json!(["before", "--", "one", "two", "alice: three"]));
    visit.wait_for("!probe.badge('#lobby')");
    visit.open_room("bob");
    visit.expect("between us");
    visit.wait_for("!probe.badge('bob') && document.title.startsWith('bob')");
}
