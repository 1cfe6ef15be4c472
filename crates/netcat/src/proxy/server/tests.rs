use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::proxy::client::{Handshake, Proxy, Step};
use crate::proxy::{Credentials, HEAD_MAX, Host, Kind, Target};

fn open_gate() -> Gate {
    Gate::new(None, [9; 32], Instant::now())
}

/// Hands over a request in pieces; what became of it, and what was left.
fn read_in(gate: &Gate, request: &[u8], size: usize) -> (Reading, Vec<u8>) {
    let mut reader = Reader::default();
    let mut rest = request;
    while !rest.is_empty() {
        let (mut piece, later) = rest.split_at(rest.len().min(size));
        let reading = reader.handle(&mut piece, gate, Instant::now());
        if !matches!(reading, Reading::More) {
            return (reading, [piece, later].concat());
        }
        assert_eq!(piece, b"");
        rest = later;
    }
    (Reading::More, Vec::new())
}

fn request(text: &str) -> (Request, Vec<u8>) {
    match read_in(&open_gate(), text.as_bytes(), usize::MAX) {
        (Reading::Connect(request), left) => (request, left),
        other => panic!("{other:?}"),
    }
}

fn refusal(text: &str) -> Refusal {
    match read_in(&open_gate(), text.as_bytes(), 3) {
        (Reading::Refuse(refusal), _) => refusal,
        other => panic!("{text:?}: {other:?}"),
    }
}

/// What goes to the origin first, and the exchange.
fn forwarded(text: &str) -> (String, Exchange, Vec<u8>) {
    let (request, left) = request(text);
    let (mut to_client, mut to_origin) = (Vec::new(), Vec::new());
    let exchange = request.connected(&mut to_client, &mut to_origin).unwrap();
    assert_eq!(to_client, b"");
    (String::from_utf8(to_origin).unwrap(), exchange, left)
}

/// What a client gets of an origin's bytes and end.
fn replied(exchange: &mut Exchange, reply: &[u8], size: usize) -> String {
    let mut to_client = Vec::new();
    let mut flow = Flow::Open;
    for piece in reply.chunks(size) {
        flow = exchange.handle_origin(piece, &mut to_client);
        if flow == Flow::Done {
            break;
        }
    }
    if flow == Flow::Open {
        assert_eq!(exchange.handle_origin_end(&mut to_client), Flow::Done);
    }
    String::from_utf8(to_client).unwrap()
}

mod reading {
    use super::*;

    #[test]
    fn a_tunnel_names_its_target_and_loses_nothing_behind_the_request() {
        for (uri, host, port) in [
            ("host.example:443", "host.example", 443),
            ("[::1]:80", "::1", 80),
            ("192.0.2.1:1", "192.0.2.1", 1),
        ] {
            for size in [usize::MAX, 7, 1] {
                let text = format!("CONNECT {uri} HTTP/1.0\r\nHost: x\r\n\r\n\nhello");
                let (Reading::Connect(request), left) =
                    read_in(&open_gate(), text.as_bytes(), size)
                else {
                    panic!("{uri}");
                };
                assert_eq!(*request.target(), Target { host: Host::typed(host), port });
                assert_eq!(left, b"\nhello");
                let (mut to_client, mut to_origin) = (Vec::new(), Vec::new());
                assert!(request.connected(&mut to_client, &mut to_origin).is_none());
                assert_eq!(
                    (&to_client[..], &to_origin[..]),
                    (&b"HTTP/1.0 200 OK\r\n\r\n"[..], &b""[..])
                );
            }
        }
    }

    #[test]
    fn a_request_goes_to_its_origin_without_what_was_for_the_proxy() {
        let (head, ..) = forwarded(
            "GET http://host.example:8080/p?q=1#f HTTP/1.1\r\nHost: other:99\r\nConnection: close, X-Hop, Host\r\n\
             X-Hop: 1\r\nProxy-Connection: keep-alive\r\nTE: x\r\nX-End: 2\r\nProxy-Authorization: Basic abc\r\n\
             Keep-Alive: 3\r\nUpgrade: h2c\r\nCookie: a\r\nCookie: b\r\n\r\n",
        );
        assert_eq!(
            head,
            "GET /p?q=1 HTTP/1.1\r\nHost: host.example:8080\r\nX-End: 2\r\nCookie: a\r\nCookie: b\r\n\
             Connection: close\r\n\r\n"
        );
    }

    #[test]
    fn an_empty_path_is_written_out() {
        let line = |uri: &str, method: &str| {
            let (head, ..) = forwarded(&format!("{method} {uri} HTTP/1.0\r\n\r\n"));
            head.split("Connection").next().unwrap().to_owned()
        };
        assert_eq!(line("http://h", "GET"), "GET / HTTP/1.0\r\nHost: h\r\n");
        assert_eq!(line("HTTP://h:80?q", "GET"), "GET /?q HTTP/1.0\r\nHost: h\r\n");
        assert_eq!(line("http://[::1]:8080/", "HEAD"), "HEAD / HTTP/1.0\r\nHost: [::1]:8080\r\n");
        assert_eq!(line("http://h:/", "OPTIONS"), "OPTIONS / HTTP/1.0\r\nHost: h\r\n");
        assert_eq!(line("http://h", "OPTIONS"), "OPTIONS * HTTP/1.0\r\nHost: h\r\n");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        use Status::*;
        for (text, status) in [
            ("garbage\r\n\r\n", BadRequest),
            ("\x05\x01\0\n\n", BadRequest),
            ("CONNECT host.example HTTP/1.1\r\n\r\n", BadRequest),
            ("CONNECT host.example:0 HTTP/1.1\r\n\r\n", BadRequest),
            ("CONNECT host.example:65536 HTTP/1.1\r\n\r\n", BadRequest),
            ("CONNECT host.example:+1 HTTP/1.1\r\n\r\n", BadRequest),
            ("CONNECT :80 HTTP/1.1\r\n\r\n", BadRequest),
            ("CONNECT a@b:80 HTTP/1.1\r\n\r\n", BadRequest),
            ("CONNECT [::1:80 HTTP/1.1\r\n\r\n", BadRequest),
            ("CONNECT [::1]x:80 HTTP/1.1\r\n\r\n", BadRequest),
            ("CONNECT h:80 HTTP/1.1\r\nContent-Length: 5\r\n\r\n", BadRequest),
            ("GET http:/// HTTP/1.1\r\n\r\n", BadRequest),
            ("GET http://u:p@h/ HTTP/1.1\r\n\r\n", BadRequest),
            ("GET ftp://h/ HTTP/1.1\r\n\r\n", BadRequest),
            ("GET https://h/ HTTP/1.1\r\n\r\n", BadRequest),
            ("POST http://h/ HTTP/1.1\r\nContent-Length: -1\r\n\r\n", BadRequest),
            (
                "POST http://h/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                BadRequest,
            ),
            (
                "POST http://h/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                BadRequest,
            ),
            ("POST http://h/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", BadRequest),
            ("POST http://h/ HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", NotImplemented),
            ("TRACE http://h/ HTTP/1.1\r\n\r\n", MethodNotAllowed),
            ("get http://h/ HTTP/1.1\r\n\r\n", MethodNotAllowed),
            ("GET http://h/ HTTP/2.0\r\n\r\n", VersionNotSupported),
        ] {
            assert_eq!(refusal(text).status, status, "{text:?}");
        }
    }

    #[test]
    fn a_proxy_that_is_asked_for_itself_answers_no() {
        let (head, ..) = forwarded("GET http://127.0.0.1:8888/ HTTP/1.1\r\n\r\n");
        assert_eq!(refusal(&head).status, Status::BadRequest);
    }

    #[test]
    fn an_endless_head_is_refused() {
        let long = format!("GET http://h/{} HTTP/1.1\r\n\r\n", "x".repeat(HEAD_MAX));
        assert_eq!(refusal(&long).status, Status::HeadTooLarge);
        let many = format!("GET http://h/ HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(101));
        assert_eq!(refusal(&many).status, Status::HeadTooLarge);
    }

    #[test]
    fn a_refusal_says_why_and_that_it_is_the_end() {
        let text = String::from_utf8(refusal("BREW http://h/ HTTP/1.1\r\n\r\n").reply()).unwrap();
        assert_eq!(
            text,
            "HTTP/1.0 405 Method Not Allowed\r\nAllow: CONNECT, GET, HEAD, POST, DELETE, OPTIONS, PATCH, PUT\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Length: 30\r\nConnection: close\r\n\r\n\
             This method is not passed on.\n"
        );
        let (request, _) = request("HEAD http://h/ HTTP/1.1\r\n\r\n");
        let failed = request.failed("refused\r\nX: y");
        assert_eq!(
            failed.summary(),
            "504 Gateway Timeout: Cannot connect to h:80: refused\\r\\nX: y."
        );
        assert!(failed.reply().ends_with(b"\r\n\r\n"), "HEAD has no text");
    }
}

mod exchanging {
    use super::*;

    #[test]
    fn a_body_is_passed_on_up_to_its_end() {
        for (headers, body, rest) in [
            ("Content-Length: 5\r\n", "abcde", "xyz"),
            ("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\nT: u\r\n\r\n", "xyz"),
        ] {
            for size in [100, 3, 1] {
                let text = format!("POST http://h/ HTTP/1.1\r\n{headers}\r\n{body}{rest}");
                let (head, mut exchange, left) = forwarded(&text);
                assert_eq!(
                    head,
                    format!("POST / HTTP/1.1\r\nHost: h\r\n{headers}Connection: close\r\n\r\n")
                );
                let (mut to_origin, mut to_client) = (Vec::new(), Vec::new());
                for piece in left.chunks(size) {
                    assert_eq!(
                        exchange.handle_client(piece, &mut to_origin, &mut to_client),
                        Flow::Open
                    );
                }
                assert_eq!(String::from_utf8(to_origin).unwrap(), body);
                assert_eq!(exchange.handle_client_end(), Flow::Open);
                assert_eq!(to_client, b"");
            }
        }
    }

    #[test]
    fn a_client_that_leaves_in_its_body_ends_the_exchange() {
        let (_, mut exchange, _) =
            forwarded("POST http://h/ HTTP/1.1\r\nContent-Length: 5\r\n\r\n");
        assert_eq!(exchange.handle_client_end(), Flow::Done);
    }

    #[test]
    fn chunks_that_are_none_are_refused() {
        let (_, mut exchange, _) =
            forwarded("POST http://h/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        let (mut to_origin, mut to_client) = (Vec::new(), Vec::new());
        assert_eq!(exchange.handle_client(b"nope\r\n", &mut to_origin, &mut to_client), Flow::Done);
        assert!(to_client.starts_with(b"HTTP/1.0 400 "));
        assert_eq!(to_origin, b"");
    }

    #[test]
    fn a_reply_is_passed_on_without_what_was_for_the_connection() {
        let close = "Connection: close\r\n\r\n";
        for (said, expected) in [
            (
                "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\n\r\nto the end",
                format!("HTTP/1.1 200 OK\r\nX-End: 2\r\n{close}to the end"),
            ),
            (
                "HTTP/1.0 404 \r\nContent-Length: 2\r\n\r\nabcd",
                format!("HTTP/1.0 404 \r\nContent-Length: 2\r\n{close}ab"),
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n1\r\na\r\n0\r\n\r\nxyz",
                format!(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{close}1\r\na\r\n0\r\n\r\n"
                ),
            ),
            ("HTTP/1.1 204 No\r\n\r\nxyz", format!("HTTP/1.1 204 No\r\n{close}")),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                format!(
                    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n{close}"
                ),
            ),
        ] {
            for size in [1000, 7, 1] {
                let (_, mut exchange, _) = forwarded("GET http://h/ HTTP/1.1\r\n\r\n");
                assert_eq!(replied(&mut exchange, said.as_bytes(), size), expected);
            }
        }
    }

    #[test]
    fn a_client_of_http_1_0_gets_no_chunks_and_no_waits() {
        let said = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\nA: b\r\n\r\n\
                    3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: u\r\n\r\nxyz";
        for size in [1000, 7, 1] {
            let (_, mut exchange, _) = forwarded("GET http://h/ HTTP/1.0\r\n\r\n");
            assert_eq!(
                replied(&mut exchange, said.as_bytes(), size),
                "HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\nabcde"
            );
        }
        let (_, mut exchange, _) = forwarded("HEAD http://h/ HTTP/1.0\r\n\r\n");
        assert_eq!(
            replied(&mut exchange, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 9),
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn the_reply_to_head_has_no_body_whatever_it_says() {
        let (_, mut exchange, _) = forwarded("HEAD http://h/ HTTP/1.1\r\n\r\n");
        assert_eq!(
            replied(&mut exchange, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 9),
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn an_origin_that_makes_no_sense_is_told_as_a_bad_gateway() {
        let long = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(HEAD_MAX));
        let waits = "HTTP/1.1 100 Continue\r\n\r\n".repeat(9);
        for (said, minor) in [
            ("SSH-2.0-x\r\n\r\n", 1),
            ("", 1),
            ("HTTP/1.1 200 OK\r\nConten", 1),
            ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", 1),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", 1),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n", 1),
            (&long, 1),
            (&waits, 1),
        ] {
            let (_, mut exchange, _) = forwarded(&format!("GET http://h/ HTTP/1.{minor}\r\n\r\n"));
            let got = replied(&mut exchange, said.as_bytes(), 1000);
            let passed = got.replace("HTTP/1.1 100 Continue\r\n\r\n", "");
            assert!(passed.starts_with("HTTP/1.0 502 Bad Gateway\r\n"), "{said:?}: {got:?}");
        }
    }
}

/// Our client and our server agree, whatever the credentials.
#[test]
fn our_client_gets_through_our_server() {
    let now = Instant::now();
    for (known, shown, expected) in [
        (None, None, true),
        (Some("joe:sec ret\u{e9}"), Some("joe:sec ret\u{e9}"), true),
        (Some("joe:a"), Some("joe:b"), false),
    ] {
        let gate = Gate::new(known.map(Credentials::parse), [9; 32], now);
        let proxy = Proxy {
            kind: Kind::Http,
            name: "px:1".to_owned(),
            credentials: shown.map(Credentials::parse),
        };
        let target = Target { host: Host::typed("2001:db8::1"), port: 443 };
        let mut client = Handshake::new(&proxy, &target, [3; 16]).unwrap();
        let mut connections = 0;
        let step = loop {
            connections += 1;
            let (mut asked, mut said) = (Vec::new(), Vec::new());
            client.poll_output(&mut asked);
            match read_in(&gate, &asked, 5) {
                (Reading::Connect(request), _) => {
                    assert_eq!(*request.target(), target);
                    request.connected(&mut said, &mut Vec::new());
                }
                (Reading::Refuse(refusal), _) => said = refusal.reply(),
                (Reading::More, _) => panic!("the request has no end"),
            }
            let step = client.handle(&mut &said[..]);
            if step != Step::Again {
                break step;
            }
            assert!(String::from_utf8(said).unwrap().contains("Connection: close"));
        };
        assert_eq!(step == Step::Done, expected, "{step:?}");
        assert_eq!(connections, if known.is_some() { 2 } else { 1 });
    }
}

/// Noise, and what looks much like a request.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let text = "(GET|CONNECT|HEAD|POST|X) (http://[a:0/?\\]\\[]{0,5}|[a:0]{0,4}) HTTP/1\\.[012]\r?\n\
        (Content-Length: [0-9]\r\n|Transfer-Encoding: chunked\r\n|Connection: [a-z]\r\n|a: b\n){0,3}\r\n[a0-9\r\n]{0,9}";
    prop_oneof![text.prop_map(String::into_bytes), any::<Vec<u8>>()]
}

/// Noise, and what looks much like a reply.
fn reply_noise() -> impl Strategy<Value = Vec<u8>> {
    let text = "(HTTP/1\\.[01] (200|100|204|99) [a-z]{0,3}\r?\n\
        (Content-Length: [0-9]\r\n|Transfer-Encoding: chunked\r\n|Connection: [a-z]\r\n|a: b\n){0,3}\r\n[a0-3\r\n]{0,9}){0,2}";
    prop_oneof![text.prop_map(String::into_bytes), any::<Vec<u8>>()]
}

proptest! {
    #[test]
    fn however_it_is_cut_it_comes_to_the_same(asked in noise(), said in reply_noise(), size in 1_usize..9) {
        let gate = open_gate();
        let run = |size: usize| {
            let (reading, left) = read_in(&gate, &asked, size);
            let (mut to_client, mut to_origin) = (Vec::new(), Vec::new());
            match reading {
                Reading::More => {}
                Reading::Refuse(refusal) => to_client = refusal.reply(),
                Reading::Connect(request) => {
                    if let Some(mut exchange) = request.connected(&mut to_client, &mut to_origin) {
                        let mut flow = Flow::Open;
                        for piece in left.chunks(size) {
                            if flow == Flow::Open {
                                flow = exchange.handle_client(piece, &mut to_origin, &mut to_client);
                            }
                        }
                        for piece in said.chunks(size) {
                            if flow == Flow::Open {
                                flow = exchange.handle_origin(piece, &mut to_client);
                            }
                        }
                        if flow == Flow::Open {
                            exchange.handle_origin_end(&mut to_client);
                        }
                    }
                }
            }
            (left, to_client, to_origin)
        };
        prop_assert_eq!(run(usize::MAX), run(size));
    }
}
