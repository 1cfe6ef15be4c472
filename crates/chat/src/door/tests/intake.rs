//! The intake: what is costly is done when bytes come, and lines are given later.

use super::*;

fn intake(context: &Arc<Context>) -> Intake {
    Intake::new(Pipe::new(context, HERE.parse().unwrap(), TlsUse::Optional, Duration::ZERO))
}

fn events(intake: &mut Intake, mut input: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(incoming) = intake.next(&mut input) {
        events.push(match incoming {
            Incoming::Opened(peer) => Event::Opened(peer.door),
            Incoming::Line(line) => Event::Line(String::from_utf8_lossy(line).into_owned()),
            Incoming::TooLong => Event::TooLong,
            Incoming::Close(why) => Event::Close(why),
        });
    }
    assert!(input.is_empty());
    events
}

#[test]
fn what_was_received_comes_first_and_then_what_is_lent() {
    let mut intake = intake(&context());
    intake.receive(b"NI", Duration::ZERO);
    assert!(!intake.transparent());
    assert_eq!(events(&mut intake, b""), []);
    intake.receive(b"CK bob\r\nUSER b 0 * :B\r\nPI", Duration::ZERO);
    assert!(intake.transparent());
    let received = [Event::Opened(Door::Irc), line("NICK bob"), line("USER b 0 * :B")];
    assert_eq!(events(&mut intake, b"NG x\r\n"), [&received[..], &[line("PING x")]].concat());
}

#[test]
fn a_timeout_comes_as_a_close() {
    let mut intake = intake(&context());
    intake.receive(b"GET / HTTP/1.1\r\n", Duration::ZERO);
    let deadline = intake.poll_timeout().unwrap();
    intake.handle_timeout(deadline);
    assert_eq!(events(&mut intake, b""), [Event::Close(CloseWhy::Slow)]);
    let mut wire = Vec::new();
    intake.take_output(&mut wire);
    assert!(wire.starts_with(b"HTTP/1.1 408 "));
}

#[test]
fn the_last_line_of_the_plain_door_counts() {
    for (bytes, expected) in [(&b"hello"[..], "hello"), (b"GET", "GET")] {
        let mut intake = intake(&context());
        intake.receive(bytes, Duration::ZERO);
        intake.receive(intake.last_input(), Duration::ZERO);
        assert_eq!(events(&mut intake, b""), [Event::Opened(Door::Plain), line(expected)]);
    }
}
