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
