//! Accounts by the page alone: made, used, and refused with a wrong password.

use callbox_testkit::browser::Key;

use crate::{Server, Visit};

const PASSWORD: &str = "correct horse battery";

#[test]
fn an_account_is_made_and_signed_in_to_by_the_page_alone() {
    let server = Server::start();
    let mut visit = Visit::new(&server);
    visit.click("label:has(#how-register)");
    visit.write("#name", "alice");
    visit.write("#password", PASSWORD);
    visit.picture("entry-register");
    visit.press(Key::Enter);
    visit.wait_for_lobby();
    visit.wait_for(
        "document.querySelector('#rooms .me').textContent.includes('Signed in as alice')",
    );

    // At the next visit the page knows how one came in, and nothing of the password.
    visit.reload();
    visit.wait_for("probe.ready() && document.querySelector('#how-login').checked");
    assert_eq!(visit.text("document.querySelector('#username').value"), "alice");
    assert_eq!(visit.text("document.querySelector('#password').value"), "");
    assert_eq!(visit.value("JSON.stringify(localStorage).includes('correct')"), false);
    visit.write("#password", "wrong horse battery");
    visit.press(Key::Enter);
    visit.wait_for(
        "document.querySelector('[role=alert]').textContent.includes('Signing in failed')",
    );
    visit.picture("entry-refused");
    visit.write("#password", PASSWORD);
    visit.press(Key::Enter);
    visit.wait_for_lobby();
    visit.wait_for(
        "document.querySelector('#rooms .me').textContent.includes('Signed in as alice')",
    );

    // The name is taken for everybody else, and another one is offered.
    visit.run("localStorage.clear();", &"".into());
    visit.reload();
    visit.wait_for("probe.ready()");
    visit.write("#name", "alice");
    visit.press(Key::Enter);
    visit.wait_for("document.querySelector('[role=alert]').textContent.includes('alice is taken')");
    assert_ne!(visit.text("document.querySelector('#name').value"), "alice");
}

#[test]
fn who_comes_in_next_finds_nothing_of_what_the_one_before_wrote() {
    let server = Server::start();
    let mut visit = Visit::of(&server, "alice");
    visit.say("hello");
    visit.expect("hello");
    // A password that was typed is not called back; what was said is.
    visit.say("/quote NS IDENTIFY sesame");
    visit.press(Key::Up);
    visit.wait_for("document.querySelector('#text').value === 'hello'");
    visit.say("");
    visit.expect("hello");
    visit.say("/quit");
    visit.wait_for("probe.shown('#name')");
    visit.come_in("bob");
    visit.press(Key::Up);
    assert_eq!(visit.text("document.querySelector('#text').value"), "");
    assert_eq!(visit.text("document.querySelector('#heard').textContent"), "");
}
