//! Texts that try to be more than text. Whatever somebody says, to everybody else it is text.

use callbox_testkit::browser::serde_json::json;

use crate::{Irc, Server, Visit};

/// What is said. None of it may become an element, a link that runs something, or a change of the order of what stands
/// beside it.
const TEXTS: &[&str] = &[
    "<img src=x onerror=\"document.title='taken'\">",
    "<script>document.title='taken'</script>",
    "</div></main><iframe src='https://evil.example/'></iframe>",
    "<a href=\"javascript:document.title='taken'\">press</a> &lt;b&gt; &amp;",
    "javascript:document.title='taken' data:text/html,<script>1</script> vbscript:x file:///etc/passwd",
    "https://example.org/\"onmouseover=\"document.title='taken'\" and https://example.org/?a=<b>&c='d'",
    "\u{202e}desrever\u{202d} \u{2066}isolated \u{2069}\u{200f}\u{061c} left",
    "bell \u{7} escape \u{1b}[31mred\u{1b}[0m \u{1b}]0;taken\u{7} backspace \u{8}\u{8}",
    "\u{3}4,1red \u{2}bold\u{2} \u{1d}italic\u{1d} \u{1f}under\u{1f} \u{1e}struck\u{1e} \u{11}code\u{11} \u{4}ff0000hex \u{16}reverse",
    "\u{3}99,99 \u{3}, \u{3}16,16x \u{4}zz \u{3}",
    "Z\u{351}\u{36b}\u{343}\u{32a}\u{302}\u{36b}\u{33d}\u{34f}\u{334}\u{319}a\u{35b}\u{343}l\u{342}\u{357}go",
    "{{constructor.constructor('document.title=1')()}} ${document.title=1} %s %d %o",
    "__proto__ constructor toString",
    "\u{2028}\u{2029}\u{85}lines? \u{feff}\u{200b}\u{ad}nothing",
];

#[test]
fn nothing_that_is_said_becomes_markup() {
    let server = Server::start();
    let mut irc = Irc::register_with(server.address, "bob", "message-tags echo-message");
    irc.join("#lobby");
    irc.join("#<i>evil");
    irc.send("TOPIC #<i>evil :<b>topic</b> \u{202e}<img src=x onerror=alert(1)>");
    let mut visit = Visit::of(&server, "alice");
    let word = "W".repeat(390);
    for text in TEXTS {
        irc.say(text);
    }
    irc.say(&word);
    irc.send("PRIVMSG #lobby :\u{1}ACTION <b>waves</b>\u{1}");
    irc.send("NOTICE #lobby :<u>notice</u>");
    let said = loop {
        let line = irc.expect("PRIVMSG #lobby :");
        if line.contains("__proto__") {
            break line;
        }
    };
    let id =
        said.split("msgid=").nth(1).and_then(|rest| rest.split([';', ' ']).next()).expect("an id");
    irc.send(&format!("@+draft/react=<b>x</b>;+draft/reply={id} TAGMSG #lobby"));
    irc.send(&format!("@+draft/react=__proto__;+draft/reply={id} TAGMSG #lobby"));
    irc.send("@+draft/reply=<script> PRIVMSG #lobby :an answer to nothing");
    irc.send("@+typing=<b> TAGMSG #lobby");
    irc.send("NICK __proto__");
    irc.send("PART #lobby :<b>gone</b>\u{202e}");
    irc.send("JOIN #lobby");
    irc.say("the end");
    visit.expect("the end");

    expect_only_text(&mut visit);
    let links = visit.value("[...document.querySelectorAll('#log a')].map((link) => [link.protocol, link.target, link.rel])");
    for link in links.as_array().expect("a list") {
        assert_eq!(*link, json!(["https:", "_blank", "noopener noreferrer"]), "{links}");
    }
    assert!(!visit.text("document.title").contains("taken"));
    // What is said stays what it is, in the order in which it was said.
    let texts = visit.texts();
    for text in &TEXTS[..4] {
        assert!(texts.iter().any(|shown| shown == text), "{text} is not in {texts:?}");
    }
    assert_eq!(
        visit.value("({}).polluted === undefined && Object.keys(Object.prototype).length === 0"),
        true
    );
    // A long word is broken and pushes nothing aside.
    assert_eq!(visit.value("document.documentElement.scrollWidth <= innerWidth"), true);
    assert_eq!(visit.value("document.querySelector('#log').scrollWidth <= document.querySelector('#log').clientWidth"), true);
    visit.picture("hostile");

    // A room's name and topic are somebody's texts, too.
    visit.say("/join #<i>evil");
    visit
        .wait_for("document.querySelector('#head .topic')?.textContent.startsWith('<b>topic</b>')");
    expect_only_text(&mut visit);
    assert_eq!(visit.value("probe.room_shown().includes('<i>evil')"), true);
}

/// Checks that what was said made no element but those of the page and no attribute that runs, and that nothing which
/// controls is left in it: no text turns around what stands beside it.
#[track_caller]
fn expect_only_text(visit: &mut Visit) {
    let made = visit.value(
        "[...document.querySelectorAll('#log *, #head *, #people *, #heard *, #typing *, #rooms .room *')]
           .filter((one) => !['DIV', 'SPAN', 'BUTTON', 'TIME', 'BDI', 'A', 'H1', 'H2', 'H3', 'P', 'UL', 'LI', 'SVG', 'USE', 'PATH',
             'INPUT', 'STRONG', 'SMALL', 'CODE', 'LABEL', 'CIRCLE', 'G'].includes(one.tagName.toUpperCase())
             || [...one.attributes].some(({ name }) => name.startsWith('on')))
           .map((one) => one.outerHTML)",
    );
    assert_eq!(made, json!([]));
    let controls = visit.value(
        "[...document.querySelectorAll('#log .text, #head, #rooms, #people, #heard, #typing')]
           .map((one) => one.textContent)
           .filter((text) => /[\\u0000-\\u0008\\u000b-\\u001f\\u007f\\u202a-\\u202e]/.test(text))",
    );
    assert_eq!(controls, json!([]));
}
