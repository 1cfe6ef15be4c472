//! Bare lines: IRC and the plain door.

use super::*;

#[test]
fn an_irc_command_opens_the_irc_door() {
    let run = run("[::ffff:192.0.2.7]:50000", b"\r\n  NICK bob\r\nUSER bob 0 * :Bob\r\n");
    let lines = [Event::Opened(Door::Irc), line("NICK bob"), line("USER bob 0 * :Bob")];
    assert_eq!(run.events, lines);
    let peer = run.peer.unwrap();
    assert_eq!((peer.address, peer.port), ("192.0.2.7".parse().unwrap(), 50000));
    assert!(!peer.secure && peer.fingerprint.is_none());
    assert!(run.pipe.transparent());
}

#[test]
fn any_other_text_opens_the_plain_door() {
    let run = run(HERE, "\nnickels and 张三\nGET OUT\n".as_bytes());
    assert_eq!(run.events, [Event::Opened(Door::Plain), line("nickels and 张三"), line("GET OUT")]);
}

#[test]
fn a_last_line_without_an_ending_counts_on_the_plain_door_alone() {
    let mut plain = run(HERE, b"hello");
    let last = plain.pipe.last_input();
    plain.read(last);
    assert_eq!(plain.events, [Event::Opened(Door::Plain), line("hello")]);

    let mut undecided = run(HERE, b"GET");
    assert_eq!(undecided.events, []);
    let last = undecided.pipe.last_input();
    undecided.read(last);
    assert_eq!(undecided.events, [Event::Opened(Door::Plain), line("GET")]);

    assert_eq!(run(HERE, b"NICK half").pipe.last_input(), b"");
    assert_eq!(run(HERE, b"").pipe.last_input(), b"");
}

#[test]
fn a_line_that_came_whole_is_lent_from_the_read_buffer() {
    let mut run = run(HERE, b"NICK bob\r\n");
    let buffer = b"USER b 0 * :B\r\n";
    let mut input = &buffer[..];
    let incoming = run.pipe.next(&mut input, run.now);
    let Some(Incoming::Line(line)) = incoming else { panic!("a line") };
    assert!(std::ptr::eq(line, &buffer[..13]));
}

#[test]
fn an_idle_irc_connection_costs_less_than_a_hundred_bytes() {
    assert!(size_of::<Pipe>() <= 100, "{}", size_of::<Pipe>());
}

#[test]
fn too_long_a_line_is_told_once_and_the_next_one_is_fine() {
    let long = format!("NICK {}\r\nNICK bob\r\n", "x".repeat(2000));
    let run = run(HERE, long.as_bytes());
    assert_eq!(run.events, [Event::Opened(Door::Irc), Event::TooLong, line("NICK bob")]);
}

#[test]
fn bytes_that_nobody_types_are_closed() {
    for junk in [&b"\0\0\0"[..], b"\r\n\r\n\0\r\nQUIT\n", b"\x16\x05", b"\x03\0\0\x13"] {
        assert_eq!(run(HERE, junk).events, [Event::Close(CloseWhy::Junk)]);
    }
}

#[test]
fn a_client_that_says_nothing_is_given_up_in_time() {
    let mut run = run(HERE, b"\r\n");
    let deadline = run.pipe.poll_timeout().unwrap();
    assert_eq!(deadline, run.now + Limits::default().first_bytes);
    assert_eq!(run.pipe.handle_timeout(deadline - Duration::from_millis(1)), None);
    assert_eq!(run.pipe.handle_timeout(deadline), Some(CloseWhy::Slow));
    assert_eq!(run.pipe.poll_timeout(), None);
    run.read(b"NICK bob\r\n");
    assert_eq!(run.events, []);
}

#[test]
fn a_chat_has_no_timeout_of_the_door() {
    for bytes in [&b"NICK "[..], b"hello"] {
        let mut run = run(HERE, bytes);
        assert_eq!(run.pipe.poll_timeout(), None);
        assert_eq!(run.pipe.handle_timeout(Duration::MAX), None);
    }
}

#[test]
fn lines_go_out_as_they_are() {
    let mut run = run(HERE, b"NICK bob\r\n");
    let mut wire = Vec::new();
    run.pipe.encode(b"PING :x\r\n", &mut wire);
    run.pipe.close(&mut wire);
    assert_eq!(wire, b"PING :x\r\n");
}

fn streams() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        Just("NICK bob"),
        Just("\r\n"),
        Just("\n"),
        Just(" "),
        Just("@a=b "),
        Just(":x "),
        Just("hi "),
        Just("USER a 0 * :b\r\n"),
        Just("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        Just("GET"),
        Just("/"),
        Just("PI"),
        Just("NG"),
    ];
    proptest::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn the_cuts_between_reads_change_no_line(bytes in streams(), sizes in sizes()) {
        same_however_cut(&bytes, &sizes)?;
    }

    #[test]
    fn no_bytes_make_a_door_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        sizes in sizes(),
    ) {
        same_however_cut(&bytes, &sizes)?;
    }
}
