//! Both roles against each other, and against peers that mean harm; all in memory.

use proptest::prelude::*;

use super::*;

const CAPS: Caps = Caps { message: 1_000, frames: 4 };
const PROTOCOLS: &[&str] = &["text.ircv3.net", "binary.ircv3.net"];

/// What one side made of what it was sent.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    messages: Vec<(Kind, Vec<u8>)>,
    closed: Option<Goodbye>,
    broken: Option<Broken>,
    /// What it has to say to that.
    output: Vec<u8>,
}

/// Gives `bytes` to `socket` in pieces of these sizes.
fn hear(socket: &mut WebSocket, bytes: &[u8], sizes: &[usize]) -> Heard {
    let (mut heard, mut data, mut rest) = (Heard::default(), Vec::new(), bytes);
    let mut sizes = sizes.iter().cycle();
    while let Some(mut piece) = rest.split_off(..rest.len().min(*sizes.next().unwrap())) {
        loop {
            match socket.handle(&mut piece, &mut data, &mut heard.output) {
                Ok(None) => break,
                Ok(Some(Event::Data { ends: false, .. })) => {}
                Ok(Some(Event::Data { kind, ends: true })) => {
                    heard.messages.push((kind, std::mem::take(&mut data)));
                }
                Ok(Some(Event::Closed(goodbye))) => heard.closed = Some(goodbye),
                Err(broken) => heard.broken = Some(broken),
            }
        }
        assert!(piece.is_empty(), "None means that all was taken in");
        if rest.is_empty() {
            break;
        }
    }
    heard
}

fn client() -> WebSocket {
    WebSocket::new(Role::Client, CAPS)
}

fn server() -> WebSocket {
    WebSocket::new(Role::Server, CAPS)
}

/// A server's frame: not masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, payload.len() as u8], payload].concat()
}

#[test]
fn what_one_side_sends_the_other_hears() {
    for (mut from, mut to) in [(client(), server()), (server(), client())] {
        let mut wire = Vec::new();
        let long = vec![b'x'; 900];
        from.send(Kind::Text, "你好".as_bytes(), &mut wire);
        from.send(Kind::Binary, &long, &mut wire);
        from.send(Kind::Text, b"", &mut wire);
        let heard = hear(&mut to, &wire, &[7]);
        let text = (Kind::Text, "你好".as_bytes().to_vec());
        assert_eq!(heard.messages, [text, (Kind::Binary, long), (Kind::Text, Vec::new())]);
        assert_eq!((heard.closed, heard.broken, heard.output.len()), (None, None, 0));
    }
}

#[test]
fn a_client_masks_each_message_with_another_mask() {
    let (mut client, mut wire) = (client(), Vec::new());
    for _ in 0..200 {
        client.send(Kind::Text, b"GET / HTTP/1.1", &mut wire);
    }
    assert!(!wire.windows(4).any(|four| four == b"GET "), "no text of a page's is on the wire");
    let masks: std::collections::HashSet<_> = wire.chunks(20).map(|frame| &frame[2..6]).collect();
    assert_eq!(masks.len(), 200);
}

#[test]
fn pings_are_answered_between_the_frames_of_a_message() {
    let mut client = client();
    let bytes =
        [frame(0x01, b"one "), frame(0x89, b"?"), frame(0x8a, b""), frame(0x80, b"message")];
    let heard = hear(&mut client, &bytes.concat(), &[1]);
    assert_eq!(heard.messages, [(Kind::Text, b"one message".to_vec())]);
    // Which the server takes for the pong that it is.
    let answer = hear(&mut server(), &heard.output, &[1]);
    assert_eq!(heard.output[0], 0x8a);
    assert_eq!(answer, Heard::default());
}

#[test]
fn a_goodbye_is_answered_once_and_ends_everything() {
    let mut client = client();
    let bytes = [frame(0x88, b"\x03\xe9bye"), frame(0x81, b"more")].concat();
    let heard = hear(&mut client, &bytes, &[3]);
    assert_eq!(heard.closed, Some(Goodbye { code: Some(1001), reason: "bye".to_owned() }));
    assert!(heard.messages.is_empty());
    let mut server = server();
    let answered = hear(&mut server, &heard.output, &[100]);
    assert_eq!(answered.closed.and_then(|goodbye| goodbye.code), Some(1001));
    let mut more = Vec::new();
    client.close(&mut more);
    client.send(Kind::Text, b"late", &mut more);
    assert!(more.is_empty());
}

#[test]
fn our_own_goodbye_is_said_once() {
    let (mut client, mut wire) = (client(), Vec::new());
    client.close(&mut wire);
    client.close(&mut wire);
    let mut server = server();
    let heard = hear(&mut server, &wire, &[100]);
    assert_eq!(heard.closed.and_then(|goodbye| goodbye.code), Some(1000));
    // The server's answer is not answered again.
    let heard = hear(&mut client, &heard.output, &[100]);
    assert_eq!(heard.closed.and_then(|goodbye| goodbye.code), Some(1000));
    assert!(heard.output.is_empty());
}

#[test]
fn a_server_that_breaks_the_protocol_is_told_so_and_heard_no_more() {
    let size = |n: u16| [&[0x82, 126][..], &n.to_be_bytes()].concat();
    let fragments =
        [frame(0x01, b"a"), frame(0, b"b"), frame(0, b"c"), frame(0, b"d"), frame(0, b"e")];
    for (what, bytes, code) in [
        ("a masked frame", [&[0x81, 0x81, 1, 2, 3, 4][..], b"x"].concat(), 1002),
        ("a reserved bit", frame(0xc1, b"x"), 1002),
        ("a reserved kind", frame(0x83, b"x"), 1002),
        ("a reserved control", frame(0x8b, b""), 1002),
        ("a length that is not minimal", [&[0x81, 126, 0, 1][..], b"x"].concat(), 1002),
        ("a control frame in parts", frame(0x09, b"x"), 1002),
        ("a long control frame", [&[0x89, 126, 0, 126][..], &[0; 126]].concat(), 1002),
        ("a continuation of nothing", frame(0x80, b"x"), 1002),
        ("a message within another", [frame(0x01, b"a"), frame(0x81, b"b")].concat(), 1002),
        ("half a close code", frame(0x88, b"\x03"), 1002),
        ("a close code that nobody sends", frame(0x88, &1005_u16.to_be_bytes()), 1002),
        ("words that are no text", frame(0x88, b"\x03\xe8\xff"), 1007),
        ("a message over the cap", size(1_001), 1009),
        ("a message of no end", [&[0x82, 127][..], &[0x7f; 8]].concat(), 1009),
        ("too many frames", fragments.concat(), 1009),
    ] {
        let mut client = client();
        let more = [bytes, frame(0x81, b"more")].concat();
        let heard = hear(&mut client, &more, &[1]);
        assert_eq!(heard.broken, Some(Broken(code)), "{what}");
        assert!(heard.messages.is_empty(), "{what}");
        let told = hear(&mut server(), &heard.output, &[100]);
        assert_eq!(told.closed.and_then(|goodbye| goodbye.code), Some(code), "{what}");
    }
    assert_eq!(
        hear(&mut client(), &[size(1_000), vec![0; 1_000]].concat(), &[64]).messages.len(),
        1
    );
}

#[test]
fn a_client_that_does_not_mask_is_refused() {
    assert_eq!(hear(&mut server(), &frame(0x81, b"x"), &[9]).broken, Some(Broken(1002)));
}

/// A handshake, the request it made, and a good answer to it.
fn handshake() -> (Handshake, String, String) {
    let request = Request { host: "chat.example.org:8080", path: "/ws?a=b", protocols: PROTOCOLS };
    let mut output = Vec::new();
    let handshake = Handshake::new(&request, &mut output);
    let request = String::from_utf8(output).unwrap();
    let (_, rest) = request.split_once("Sec-WebSocket-Key: ").unwrap();
    let key = rest.split("\r\n").next().unwrap();
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: binary.ircv3.net\r\n\r\n"
    );
    (handshake, request, answer)
}

/// What a server's answer comes to, `size` bytes at a time, and what of it is left.
fn answered(
    handshake: &mut Handshake,
    answer: &[u8],
    size: usize,
) -> (Result<Option<Option<&'static str>>, UpgradeError>, usize) {
    let mut left = answer.len();
    for mut piece in answer.chunks(size) {
        let before = piece.len();
        let result = handshake.handle(&mut piece);
        left -= before - piece.len();
        if !matches!(result, Ok(None)) {
            return (result, left);
        }
    }
    (Ok(None), left)
}

#[test]
fn a_handshake_asks_for_what_is_wanted_and_leaves_the_first_frame() {
    let (_, request, _) = handshake();
    assert!(request.starts_with("GET /ws?a=b HTTP/1.1\r\nHost: chat.example.org:8080\r\n"));
    assert!(request.contains("\r\nSec-WebSocket-Protocol: text.ircv3.net, binary.ircv3.net\r\n"));
    assert!(request.ends_with("\r\n\r\n") && !request.contains("Origin"));
    for size in [1, 2, 3, 7, 100_000] {
        let (mut handshake, _, answer) = handshake();
        let bytes = [answer.as_bytes(), &frame(0x81, b"first")].concat();
        let (result, left) = answered(&mut handshake, &bytes, size);
        assert_eq!(result, Ok(Some(Some("binary.ircv3.net"))), "{size}");
        assert_eq!(left, 7);
    }
    let (mut handshake, _, answer) = handshake();
    let without = answer.replace("Sec-WebSocket-Protocol: binary.ircv3.net\r\n", "");
    assert_eq!(answered(&mut handshake, without.as_bytes(), 9).0, Ok(Some(None)));
}

#[test]
fn a_server_that_opens_no_websocket_is_told_apart() {
    let status = |code, reason: &str| UpgradeError::Status {
        code,
        reason: reason.to_owned(),
        path: "/ws?a=b".to_owned(),
    };
    let change = |from: &str, to: &str| {
        let (handshake, _, answer) = handshake();
        assert!(answer.contains(from));
        (handshake, answer.replace(from, to))
    };
    for (from, to, error) in [
        ("101 Switching Protocols", "404 Not Found", status(404, "Not Found")),
        ("101 Switching Protocols", "302 Found", status(302, "Found")),
        ("upgrade: WebSocket", "upgrade: h2c", UpgradeError::Header("Upgrade")),
        ("keep-alive, Upgrade", "keep-alive", UpgradeError::Header("Connection")),
        (
            "Sec-WebSocket-Accept: ",
            "Sec-WebSocket-Accept: x",
            UpgradeError::Header("Sec-WebSocket-Accept"),
        ),
        ("binary.ircv3.net", "mqtt", UpgradeError::Header("Sec-WebSocket-Protocol")),
        (
            "upgrade:",
            "Sec-WebSocket-Extensions: x\r\nupgrade:",
            UpgradeError::Header("Sec-WebSocket-Extensions"),
        ),
        ("HTTP/1.1 101", ":server NOTICE", UpgradeError::NotHttp),
        ("HTTP/1.1 101", "HTTP/1.1 1O1", UpgradeError::NotHttp),
    ] {
        let (mut handshake, answer) = change(from, to);
        assert_eq!(answered(&mut handshake, answer.as_bytes(), 5).0, Err(error), "{to}");
    }
    let said = status(404, "Not Found").to_string();
    assert!(
        said.contains(
            "404 Not Found to the request for /ws?a=b, so its WebSocket has another path"
        )
    );
}

#[test]
fn an_answer_without_an_end_is_not_kept() {
    let (mut handshake, _, answer) = handshake();
    let endless = answer.replace("\r\n\r\n", "\r\nx: ") + &"x".repeat(1 << 20);
    let (result, left) = answered(&mut handshake, endless.as_bytes(), 1_000);
    assert_eq!(result, Err(UpgradeError::TooLong));
    assert!(left > 1_000_000);
    // What cannot be HTTP is known at its first byte.
    let (mut handshake, ..) = self::handshake();
    assert_eq!(answered(&mut handshake, b":", 1).0, Err(UpgradeError::NotHttp));
}

proptest! {
    #[test]
    fn the_cuts_between_reads_change_nothing(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..5),
        sizes in proptest::collection::vec(1_usize..50, 1..9),
    ) {
        let (mut from, mut to, mut wire) = (client(), server(), Vec::new());
        for message in &messages {
            from.send(Kind::Binary, message, &mut wire);
        }
        from.close(&mut wire);
        let heard = hear(&mut to, &wire, &sizes);
        let sent: Vec<_> = messages.into_iter().map(|message| (Kind::Binary, message)).collect();
        prop_assert_eq!(heard.messages, sent);
        prop_assert!(heard.closed.is_some());
    }

    #[test]
    fn no_bytes_make_it_panic_or_hoard(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        sizes in proptest::collection::vec(1_usize..50, 1..9),
    ) {
        let mut client = client();
        let heard = hear(&mut client, &bytes, &sizes);
        prop_assert!(heard.messages.iter().all(|(_, message)| message.len() as u64 <= CAPS.message));
        prop_assert!(heard.output.len() <= 3 * bytes.len() + 8);
        let (mut handshake, ..) = handshake();
        let _ = answered(&mut handshake, &bytes, sizes[0]);
        let (mut handshake, ..) = self::handshake();
        let _ = answered(&mut handshake, &[b"HTTP/1.1 ", &bytes[..], b"\r\n\r\n"].concat(), sizes[0]);
    }
}
