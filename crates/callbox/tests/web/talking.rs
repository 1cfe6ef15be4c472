//! Coming in, speaking, being answered; and what can be done with a line afterwards.

use callbox_testkit::browser::Key;

use crate::{Irc, Server, Visit};

/// What the page itself negotiates, as far as the other person needs it to answer in kind.
const TAGS: &str = "message-tags server-time echo-message draft/message-redaction";

#[test]
fn who_opens_the_page_gives_a_name_speaks_and_is_answered() {
    let server = Server::start();
    let mut irc = Irc::in_lobby(server.address, "bob");
    let mut visit = Visit::of(&server, "alice");
    irc.expect(":alice!");
    visit.say("hello from the page");
    irc.expect_end_of_line("PRIVMSG #lobby :hello from the page");
    visit.expect("hello from the page");
    irc.say("你好, this is a terminal 🙂");
    visit.expect("你好, this is a terminal 🙂");
    assert_eq!(visit.texts(), ["hello from the page", "你好, this is a terminal 🙂"]);
    // What was said is read out, too, and only once.
    let heard = visit.text("document.querySelector('#heard').textContent");
    assert_eq!(heard.matches("terminal").count(), 1, "{heard}");
    // Who comes back tomorrow is asked for nothing but a press of a key.
    visit.reload();
    visit.wait_for("probe.ready() && document.querySelector('#name').value === 'alice'");
}

#[test]
fn a_line_is_under_way_until_the_server_has_it() {
    let server = Server::start();
    let mut visit = Visit::of(&server, "alice");
    // The echo is held back, as on a slow line.
    visit.run(
        "const real = WebSocket.prototype; const send = real.send; globalThis.held = [];
         real.send = function (line) { held.push(() => send.call(this, line)); };
         globalThis.release = () => { real.send = send; for (const one of held.splice(0)) one(); };",
        &"".into(),
    );
    visit.say("is anybody there?");
    visit.wait_for("probe.pending('is anybody there?')");
    assert_eq!(visit.text("probe.lines().at(-1).dataset.state"), "sending");
    visit.run("release();", &"".into());
    visit.expect("is anybody there?");
    assert_eq!(visit.value("probe.lines().length"), 1);
}

#[test]
fn lines_are_answered_reacted_to_changed_and_taken_back() {
    let server = Server::start();
    let mut irc = Irc::register_with(server.address, "bob", TAGS);
    irc.join("#lobby");
    irc.send("PRIVMSG #lobby :shall we meet?");
    let said = irc.expect(":shall we meet?");
    let id = tag(&said, "msgid").to_owned();
    let mut visit = Visit::of(&server, "alice");
    visit.expect("shall we meet?");

    // A reply, by the tools of a line.
    visit.click(&format!("[data-id='{id}'] .text"));
    visit.press_named("Reply");
    visit.keys("yes, at eight");
    visit.press(Key::Enter);
    let reply = irc.expect(":yes, at eight");
    assert_eq!(tag(&reply, "+draft/reply"), id, "{reply}");
    visit.wait_for("probe.line('yes, at eight').querySelector('.quote')?.textContent.includes('shall we meet?')");

    // A reaction, and that of somebody else.
    visit.click(&format!("[data-id='{id}'] .text"));
    visit.press_named("React");
    visit.press_named("👍");
    let reaction = irc.expect("TAGMSG #lobby");
    assert_eq!(
        (tag(&reaction, "+draft/react"), tag(&reaction, "+draft/reply")),
        ("👍", &*id),
        "{reaction}"
    );
    irc.send(&format!("@+draft/react=👍;+draft/reply={id} TAGMSG #lobby"));
    visit.wait_for(
        "probe.line('shall we meet?').querySelector('.reactions').textContent.includes('👍 2')",
    );

    // Somebody writes.
    irc.send("@+typing=active TAGMSG #lobby");
    visit.wait_for("document.querySelector('#typing').textContent.includes('bob')");
    irc.say("good");
    visit.wait_for("!document.querySelector('#typing').textContent.includes('bob')");
    visit.click("#text");
    visit.keys("s");
    irc.expect("+typing=active");
    visit.press(Key::Backspace);

    // The last own line is changed.
    visit.press(Key::Up);
    visit.wait_for("document.querySelector('#text').value === 'yes, at eight'");
    visit.press(Key::Backspace);
    visit.keys("een");
    visit.press(Key::Enter);
    visit.wait_for("probe.line('yes, at eigheen')?.textContent.includes('(edited)')");
    assert_eq!(
        visit.value(
            "probe.lines().filter((line) => probe.text(line).includes('yes, at eigh')).length"
        ),
        1
    );

    // An own line is taken back.
    visit.say("oops");
    visit.expect("oops");
    visit.press_with(&[], Key::Tab);
    let oops = visit.text("probe.line('oops').dataset.id");
    visit.click(&format!("[data-id='{oops}'] .text"));
    visit.press_named("Delete");
    visit.click("dialog .primary");
    irc.expect(&format!("REDACT #lobby {oops}"));
    visit.wait_for("!probe.line('oops') && document.querySelector('#log .redacted')");

    // And one of somebody else by themselves.
    irc.send(&format!("REDACT #lobby {id} :said too much"));
    visit.wait_for(
        "!probe.line('shall we meet?') && document.querySelectorAll('#log .redacted').length === 2",
    );
}

#[test]
fn the_address_leads_to_rooms_and_back_goes_through_those_that_were_open() {
    let server = Server::start();
    let mut irc = Irc::in_lobby(server.address, "bob");
    let mut visit = Visit::of(&server, "alice");
    let shows = |visit: &mut Visit, room: &str, hash: &str| {
        visit.wait_for(&format!("probe.room_shown() === '{room}' && location.hash === '{hash}'"));
    };
    shows(&mut visit, "#lobby", "#lobby");
    // Typed into the address, a room is joined; one that is joined is opened.
    visit.run("location.hash = 'tea';", &"".into());
    shows(&mut visit, "#tea", "#tea");
    irc.send("PRIVMSG alice :between us");
    visit.open_room("bob");
    shows(&mut visit, "bob", "");
    visit.run("location.hash = '#lobby';", &"".into());
    shows(&mut visit, "#lobby", "#lobby");
    for (room, hash) in [("bob", ""), ("#tea", "#tea"), ("#lobby", "#lobby")] {
        visit.run("history.back();", &"".into());
        shows(&mut visit, room, hash);
    }
    visit.run("history.forward();", &"".into());
    shows(&mut visit, "#tea", "#tea");
    // A room that was left is not entered again by going back.
    visit.say("/leave");
    shows(&mut visit, "#lobby", "#lobby");
    visit.run("history.back();", &"".into());
    visit.say("still here");
    visit.expect("still here");
    shows(&mut visit, "#lobby", "#lobby");
    assert_eq!(visit.value("Boolean(probe.room('#tea'))"), false);
}

/// The value of a tag of a line.
fn tag<'a>(line: &'a str, name: &str) -> &'a str {
    let tags = line.strip_prefix('@').and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let value = tags.split(';').find_map(|tag| tag.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("{name} is not in {line}"))
}
