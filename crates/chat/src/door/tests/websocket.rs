//! WebSocket: who may open one, and its frames.

use super::*;

/// The key of RFC 6455, section 1.3, and what is answered to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const FINAL: u8 = 0x80;

pub(super) fn request(headers: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: chat.example.org\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{headers}\r\n"
    )
}

/// A masked frame.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        length @ 0..126 => out.push(0x80 | length as u8),
        length @ 126..0x1_0000 => {
            out.push(0x80 | 126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    let mask = [0x12, 0xab, 0x00, 0x7f];
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

/// A WebSocket that is open, and what comes of `bytes` in it. The handshake's answer is taken off.
fn open(protocol: &str, bytes: &[u8]) -> Run {
    let header = if protocol.is_empty() {
        String::new()
    } else {
        format!("Sec-WebSocket-Protocol: {protocol}\r\n")
    };
    let mut run = run(ELSEWHERE, request(&header).as_bytes());
    assert_eq!(run.events, [Event::Opened(Door::WebSocket)], "{}", run.heard());
    run.events.clear();
    run.wire.clear();
    run.read(bytes);
    run
}

fn close_frame(code: u16) -> Vec<u8> {
    [&[0x88, 2][..], &code.to_be_bytes()].concat()
}

#[test]
fn the_handshake_is_that_of_the_rfc() {
    let run = run(
        ELSEWHERE,
        request("Sec-WebSocket-Protocol: other, binary.ircv3.net, text.ircv3.net\r\n").as_bytes(),
    );
    let heard = run.heard();
    assert!(heard.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{heard}");
    assert!(heard.contains(&format!("\r\nSec-WebSocket-Accept: {ACCEPT}\r\n")), "{heard}");
    assert!(
        heard.contains("\r\nSec-WebSocket-Protocol: binary.ircv3.net\r\n"),
        "the client's order counts: {heard}"
    );
    assert!(!heard.contains("Extensions"));
    assert_eq!(run.pipe.poll_timeout(), None);
    let unknown = super::run(ELSEWHERE, request("Sec-WebSocket-Protocol: chat\r\n").as_bytes());
    assert!(!unknown.heard().contains("Protocol:"));
    assert_eq!(unknown.events, [Event::Opened(Door::WebSocket)]);
}

#[test]
fn a_bad_handshake_is_refused() {
    let good = request("");
    for (from, to, status) in [
        ("GET", "HEAD", "400"),
        ("HTTP/1.1", "HTTP/1.0", "400"),
        ("Version: 13", "Version: 8", "426"),
        ("Sec-WebSocket-Version: 13\r\n", "", "426"),
        (KEY, "dGhl", "400"),
        (KEY, "!", "400"),
        ("Upgrade: websocket\r\n", "", "426"),
        ("keep-alive, Upgrade", "keep-alive", "426"),
    ] {
        let run = run(ELSEWHERE, good.replacen(from, to, 1).as_bytes());
        assert!(run.heard().starts_with(&format!("HTTP/1.1 {status} ")), "{to}: {}", run.heard());
        assert_eq!(run.events, [Event::Close(CloseWhy::Request)]);
    }
    let old = run(ELSEWHERE, good.replace("Version: 13", "Version: 8").as_bytes());
    assert!(old.heard().contains("\r\nSec-WebSocket-Version: 13\r\n"));
}

fn is_let_in(address: &str, origins: &[&str], host: &str, origin: &str) -> bool {
    let origins = origins.iter().map(|origin| (*origin).into()).collect();
    let settings = WebSettings { origins, ..WebSettings::default() };
    let mut run = Run::new(&context_with(Limits::default(), None, settings), address);
    run.read(
        request(origin).replace("Host: chat.example.org", &format!("Host: {host}")).as_bytes(),
    );
    match &run.events[..] {
        [Event::Opened(Door::WebSocket)] => true,
        [Event::Close(CloseWhy::Request)] if run.heard().starts_with("HTTP/1.1 403 ") => false,
        _ => panic!("{:?} {}", run.events, run.heard()),
    }
}

#[test]
fn a_page_of_another_site_cannot_use_a_visitors_browser() {
    let cases = [
        ("", true),
        ("Origin: http://chat.example.org:3000\r\n", true),
        ("Origin: https://CHAT.example.org:3000\r\n", true),
        ("Origin: http://chat.example.org\r\n", false),
        ("Origin: http://evil.example.org:3000\r\n", false),
        ("Origin: http://chat.example.org:3000.evil.org\r\n", false),
        ("Origin: http://chat.example.org:3000@evil.org\r\n", false),
        ("Origin: null\r\n", false),
        ("Origin:\r\n", false),
        ("Origin: http://chat.example.org:3000\r\nOrigin: http://evil.org\r\n", false),
    ];
    for (origin, expected) in cases {
        assert_eq!(
            is_let_in(ELSEWHERE, &[], "chat.example.org:3000", origin),
            expected,
            "{origin}"
        );
    }
    assert!(is_let_in(ELSEWHERE, &[], "chat.example.org", "Origin: https://chat.example.org\r\n"));
    assert!(is_let_in(
        ELSEWHERE,
        &[],
        "chat.example.org:443",
        "Origin: https://chat.example.org\r\n"
    ));
    assert!(is_let_in(
        ELSEWHERE,
        &[],
        "[2001:db8::1]:3000",
        "Origin: http://[2001:db8::1]:3000\r\n"
    ));
    assert!(!is_let_in(
        ELSEWHERE,
        &[],
        "[2001:db8::1]:3000",
        "Origin: http://[2001:db8::2]:3000\r\n"
    ));
}

#[test]
fn a_name_that_was_made_to_mean_this_machine_is_another_site() {
    for (host, expected) in [
        ("localhost:3000", true),
        ("a.localhost:3000", true),
        ("127.0.0.1:3000", true),
        ("[::1]:3000", true),
        ("evil.example:3000", false),
        ("notlocalhost:3000", false),
    ] {
        let origin = format!("Origin: http://{host}\r\n");
        assert_eq!(is_let_in(HERE, &[], host, &origin), expected, "{host}");
    }
}

#[test]
fn pages_of_named_origins_may_come_too() {
    let named = ["https://web.example.org", "http://a.example:8080/"];
    for (origin, expected) in [
        ("Origin: https://web.example.org\r\n", true),
        ("Origin: https://web.example.org:443\r\n", true),
        ("Origin: http://a.example:8080\r\n", true),
        ("Origin: http://web.example.org\r\n", false),
        ("Origin: https://other.example.org\r\n", false),
        ("Origin: null\r\n", false),
        ("", true),
    ] {
        assert_eq!(is_let_in(HERE, &named, "chat.example.org", origin), expected, "{origin}");
    }
    assert!(is_let_in(HERE, &["*"], "x", "Origin: https://anyone.example\r\n"));
    assert!(is_let_in(HERE, &["null"], "x", "Origin: null\r\n"));
}

#[test]
fn a_message_is_a_line() {
    let bytes = [
        frame(FINAL | TEXT, "NICK 张三".as_bytes()),
        frame(FINAL | BINARY, b"USER a 0 * :b\r\n"),
        frame(FINAL | TEXT, b""),
    ];
    let run = open("text.ircv3.net", &bytes.concat());
    assert_eq!(run.events, [line("NICK 张三"), line("USER a 0 * :b")]);
    assert!(run.wire.is_empty());
}

#[test]
fn fragments_are_put_together_and_control_frames_come_between() {
    let bytes = [
        frame(TEXT, b"NI"),
        frame(FINAL | 0x9, b"there?"),
        frame(0, b"CK"),
        frame(FINAL | 0xa, b"unasked"),
        frame(FINAL, b" bob"),
    ];
    let run = open("", &bytes.concat());
    assert_eq!(run.events, [line("NICK bob")]);
    assert_eq!(run.wire, b"\x8a\x06there?");
}

#[test]
fn lines_go_out_as_messages_of_the_kind_agreed_on() {
    let lines = b"PING :\xff\r\nPONG\r\n";
    let replaced = "\u{1}PING :\u{fffd}";
    let sent = |mut run: Run| {
        let mut wire = Vec::new();
        run.pipe.encode(lines, &mut wire);
        wire
    };
    assert_eq!(sent(open("binary.ircv3.net", b"")), b"\x82\x07PING :\xff\x82\x04PONG");
    let text = ["\u{9}".as_bytes(), &replaced.as_bytes()[1..]].concat();
    let text = [&[0x81][..], &text, &[0x81, 4], b"PONG"].concat();
    assert_eq!(sent(open("text.ircv3.net", b"")), text);
    assert_eq!(sent(open("", b"")), text, "text, until the client says otherwise");
    assert_eq!(
        sent(open("", &frame(FINAL | BINARY, b"NICK a"))),
        b"\x82\x07PING :\xff\x82\x04PONG"
    );
}

#[test]
fn a_message_longer_than_a_line_is_told_and_one_beyond_all_measure_ends_it() {
    let long = [frame(FINAL | TEXT, &[b'x'; 600]), frame(FINAL | TEXT, b"NICK bob")].concat();
    assert_eq!(open("", &long).events, [Event::TooLong, line("NICK bob")]);

    let longest = frame(FINAL | TEXT, &vec![b'x'; 64 * 1024]);
    assert_eq!(open("", &longest).events, [Event::TooLong]);
    let one_more = frame(FINAL | TEXT, &vec![b'x'; 64 * 1024 + 1]);
    let in_parts = [frame(TEXT, &[b'x'; 600]), frame(0, &vec![b'x'; 64 * 1024 - 599])].concat();
    let endless = frame(0, b"").repeat(64);
    let endless = [frame(TEXT, b""), endless].concat();
    for (bytes, before) in [(one_more, 0), (in_parts, 1), (endless, 0)] {
        let run = open("", &bytes);
        assert_eq!(run.events[before..], [Event::Close(CloseWhy::WebSocket)]);
        assert_eq!(run.wire, close_frame(1009));
    }
}

#[test]
fn a_frame_against_the_rules_ends_the_connection() {
    let mut unmasked = vec![FINAL | TEXT, 4];
    unmasked.extend(b"NICK");
    let lengthy = [FINAL | TEXT, 0x80 | 126, 0, 5, 0, 0, 0, 0].to_vec();
    for bytes in [
        unmasked,
        lengthy,
        frame(FINAL | 0x40 | TEXT, b"x"),
        frame(FINAL | 0x3, b"x"),
        frame(FINAL | 0xb, b"x"),
        frame(FINAL, b"continues nothing"),
        [frame(TEXT, b"a"), frame(FINAL | TEXT, b"b")].concat(),
        frame(0x9, b"a ping in fragments"),
        frame(FINAL | 0x9, &[0; 126]),
        frame(FINAL | 0x8, &[3]),
        frame(FINAL | 0x8, &1005_u16.to_be_bytes()),
    ] {
        let run = open("", &bytes);
        assert_eq!(run.events, [Event::Close(CloseWhy::WebSocket)], "{bytes:?}");
        assert_eq!(run.wire, close_frame(1002), "{bytes:?}");
    }
}

#[test]
fn text_that_is_not_utf8_ends_the_connection_and_binary_may_be_anything() {
    let bad = b"NICK \xff";
    let text = open("text.ircv3.net", &frame(FINAL | TEXT, bad));
    assert_eq!(text.events, [Event::Close(CloseWhy::WebSocket)]);
    assert_eq!(text.wire, close_frame(1007));
    assert_eq!(open("", &frame(FINAL | BINARY, bad)).events, [line("NICK \u{fffd}")]);
    let split = [frame(TEXT, b"NICK \xe5\xbc"), frame(FINAL, b"\xa0")].concat();
    assert_eq!(
        open("", &split).events,
        [line("NICK 张")],
        "a character may be split over two frames"
    );
}

#[test]
fn goodbyes_are_answered_and_said_once() {
    let bytes = [frame(FINAL | 0x8, b"\x03\xe9bye"), frame(FINAL | TEXT, b"NICK bob")].concat();
    let mut run = open("", &bytes);
    assert_eq!(run.events, [Event::Close(CloseWhy::Ended)]);
    assert_eq!(run.wire, close_frame(1001));
    let mut wire = Vec::new();
    run.pipe.encode(b"PING\r\n", &mut wire);
    run.pipe.close(&mut wire);
    assert!(wire.is_empty());

    let mut ours = open("", b"");
    ours.pipe.close(&mut wire);
    assert_eq!(wire, close_frame(1000));
    assert_eq!(open("", &frame(FINAL | 0x8, b"")).wire, close_frame(1000));
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(frame(FINAL | TEXT, b"NICK bob")),
        Just(frame(FINAL | BINARY, &[b'x'; 300])),
        Just(frame(FINAL | BINARY, &[b'x'; 700])),
        Just(frame(TEXT, "张".as_bytes())),
        Just(frame(FINAL, b"bc\r\nde")),
        Just(frame(0, b"f")),
        Just(frame(FINAL | 0x9, b"ping")),
        Just(frame(FINAL | 0x8, b"")),
        Just(frame(FINAL | TEXT, b"\xff")),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_cuts_between_reads_change_no_message(bytes in frames(), sizes in sizes()) {
        let request = request("").replace("chat.example.org", "localhost");
        same_however_cut(&[request.as_bytes(), &bytes].concat(), &sizes)?;
    }

    #[test]
    fn no_frame_makes_websocket_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), sizes in sizes()) {
        same_however_cut(&[request("").as_bytes(), &bytes].concat(), &sizes)?;
    }
}
