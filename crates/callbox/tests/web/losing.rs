//! A connection that is lost: it is said, it comes back, and no line is doubled or lost.

use callbox_testkit::browser::serde_json::json;

use crate::{Irc, Server, Visit};

#[test]
fn over_a_server_that_was_killed_every_line_is_there_once_and_in_order() {
    let server = Server::start();
    let mut irc = Irc::in_lobby(server.address, "bob");
    let mut visit = Visit::of(&server, "alice");
    visit.expected = &["WebSocket connection to"];
    visit.say("before, from the page");
    visit.expect("before, from the page");
    irc.say("before, from the terminal");
    visit.expect("before, from the terminal");

    let killed = server.kill();
    visit.wait_for("document.querySelector('#banner').textContent.includes('Connection lost')");
    for text in ["typed first", "typed second", "typed third"] {
        visit.say(text);
        visit.wait_for(&format!("probe.pending({})", json!(text)));
    }
    visit.click("#log .line:not(.pending, .event):last-of-type .text");
    visit.press_named("React");
    visit.press_named("👍");
    visit.wait_for("probe.line('before, from the terminal').textContent.includes('👍 1')");
    visit.picture("connection-lost");
    let server = killed.start();
    let mut irc = Irc::register_with(
        server.address,
        "bob",
        "draft/chathistory draft/event-playback batch message-tags server-time",
    );
    irc.join("#lobby");
    irc.say("meanwhile, from the terminal");
    visit.wait_for(
        "probe.line('typed third') && probe.line('meanwhile') && document.querySelector('#banner').textContent === ''",
    );
    assert_eq!(visit.value("document.querySelectorAll('#log .pending').length"), 0);
    irc.so_far();
    irc.send("CHATHISTORY LATEST #lobby * 100");
    let history = irc.so_far();
    let reactions = history.iter().filter(|line| line.contains("+draft/react=👍"));
    assert_eq!(reactions.count(), 1, "what was pressed meanwhile: {history:?}");
    let kept: Vec<String> = history
        .iter()
        .filter_map(|line| line.split_once(" PRIVMSG #lobby :").map(|(_, text)| text.to_owned()))
        .collect();
    assert_eq!(visit.texts(), kept, "as the server has it");
    let typed: Vec<_> = kept.iter().filter(|text| text.starts_with("typed")).collect();
    assert_eq!(typed, ["typed first", "typed second", "typed third"]);
    assert_eq!(kept.len(), 6, "{kept:?}");
}
