//! The screens as text, at several sizes.

mod behave;
mod desk;
mod expected;
mod random;
mod speed;
mod views;

use desk::Desk;

#[test]
fn a_line_that_is_said_is_seen() {
    let mut desk = Desk::in_room(80, 24);
    desk.says("bob", "hello");
    assert!(desk.shows("20:05        bob  hello"), "{}", desk.shown());
}
