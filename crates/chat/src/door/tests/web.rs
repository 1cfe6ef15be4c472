//! HTTP: pages, refusals, and requests one after the other.

use super::*;

fn status(run: &Run) -> String {
    run.heard().lines().next().unwrap_or_default().to_owned()
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost:3000\r\n\r\n")
}

/// The head of an answer and its body.
fn parts(run: &Run) -> (String, Vec<u8>) {
    let at = run.wire.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 2;
    (String::from_utf8(run.wire[..at].to_vec()).unwrap(), run.wire[at + 2..].to_vec())
}

fn get_with(path: &str, header: &str) -> (String, Vec<u8>) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:3000\r\n{header}\r\n\r\n");
    parts(&run(ELSEWHERE, request.as_bytes()))
}

fn tag(head: &str) -> &str {
    head.split("ETag: ").nth(1).unwrap().lines().next().unwrap()
}

#[test]
fn the_page_comes_with_strict_headers_and_says_how_else_to_come_in() {
    let run = run(ELSEWHERE, get("/?from=here").as_bytes());
    assert_eq!(run.events, []);
    let (head, body) = parts(&run);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
    for header in [
        "Content-Type: text/html; charset=utf-8",
        "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; ",
        " connect-src 'self' ws://localhost:3000 wss://localhost:3000; frame-ancestors 'none'; base-uri 'none'; ",
        "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer",
        "Cache-Control: no-cache",
        "Vary: Accept-Encoding",
        "Connection: keep-alive",
    ] {
        assert!(head.contains(header), "{header} is not in {head}");
    }
    assert!(!head.contains("Content-Encoding"), "{head}");
    let body = String::from_utf8(body).unwrap();
    let (_, without_scripts) = body.split_once("<noscript>").unwrap();
    assert!(
        without_scripts.contains("IRC client") && without_scripts.contains("<code>nc HOST PORT")
    );
}

#[test]
fn every_file_of_the_page_is_served_as_what_it_is_compressed_for_who_asks() {
    for file in callbox_web::FILES {
        let path = format!("/{}", file.name);
        let (head, body) = get_with(&path, "Accept-Encoding: gzip, br");
        assert!(head.contains(&format!("Content-Type: {}\r\n", file.kind)), "{head}");
        assert!(head.contains("Content-Encoding: gzip\r\n") && body == file.gzip, "{head}");
        let (plain, body) = get_with(&path, "Accept-Encoding: br");
        assert!(!plain.contains("Content-Encoding") && body == file.plain, "{plain}");
        assert_ne!(tag(&head), tag(&plain));
        for head in [head, plain] {
            assert!(head.contains("\r\nVary: Accept-Encoding\r\n"), "{head}");
        }
    }
    let (index, body) = get_with("/", "Accept-Encoding: gzip");
    assert_eq!(get_with("/index.html", "Accept-Encoding: gzip"), (index, body));
}

#[test]
fn what_the_browser_has_is_not_sent_again() {
    for encoding in ["Accept-Encoding: gzip", "Accept-Encoding: identity"] {
        let (head, _) = get_with("/", encoding);
        let (again, body) = get_with("/", &format!("{encoding}\r\nIf-None-Match: {}", tag(&head)));
        assert!(again.starts_with("HTTP/1.1 304 Not Modified\r\n"), "{again}");
        assert_eq!(tag(&again), tag(&head));
        assert!(again.contains("Vary: Accept-Encoding") && body.is_empty(), "{again}");
        let (other, body) = get_with("/", &format!("{encoding}\r\nIf-None-Match: \"other\""));
        assert!(other.starts_with("HTTP/1.1 200 OK\r\n") && !body.is_empty(), "{other}");
    }
}

#[test]
fn the_page_names_the_lobby_of_the_settings_however_it_is_written() {
    let context = context();
    context.set_web(WebSettings { lobby: "#大厅\"><b>&".into(), ..WebSettings::default() });
    let mut run = Run::new(&context, ELSEWHERE);
    run.read(b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
    let (head, body) = parts(&run);
    let body = String::from_utf8(body).unwrap();
    assert!(
        body.contains("name=\"callbox-lobby\" content=\"#大厅&quot;&gt;&lt;b&gt;&amp;\""),
        "{body}"
    );
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
    assert!(!head.contains("Content-Encoding") && !body.contains("#lobby"), "{head}");
}

#[test]
fn beside_the_files_there_is_nothing() {
    for path in [
        "/index",
        "/static/index.html",
        "//index.html",
        "/../Cargo.toml",
        "/%69ndex.html",
        "/favicon",
    ] {
        let (head, _) = get_with(path, "Accept-Encoding: gzip");
        assert!(head.starts_with("HTTP/1.1 404 Not Found\r\n"), "{path}: {head}");
        assert!(
            head.contains("Content-Security-Policy: default-src 'none'; frame-ancestors"),
            "{head}"
        );
    }
}

#[test]
fn head_tells_the_same_as_get_without_the_body() {
    let request = "/ HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n";
    let (get, _) = parts(&run(ELSEWHERE, format!("GET {request}").as_bytes()));
    assert_eq!(parts(&run(ELSEWHERE, format!("HEAD {request}").as_bytes())), (get, Vec::new()));
}

#[test]
fn who_asks_for_many_pages_at_once_gets_some_and_the_end() {
    // Two chunks of the smallest requests there are, in one read.
    let requests = "GET / HTTP/1.1\r\nHost:\r\n\r\n".repeat(600);
    let run = run(ELSEWHERE, requests.as_bytes());
    assert!(run.wire.len() < 256 * 1024, "{} bytes", run.wire.len());
    assert_eq!(run.heard().matches("Connection: close").count(), 1);
    assert_eq!(run.events, [Event::Close(CloseWhy::Served)]);
}

#[test]
fn health_is_ok_and_head_has_no_body() {
    let run = run(ELSEWHERE, b"HEAD /healthz HTTP/1.0\r\n\r\n");
    let heard = run.heard();
    assert!(heard.contains("Content-Length: 3\r\n") && heard.ends_with("\r\n\r\n"), "{heard}");
    assert_eq!(run.events, [Event::Close(CloseWhy::Served)]);
    let run = super::run(ELSEWHERE, b"GET http://chat/healthz HTTP/1.0\r\n\r\n");
    assert!(run.heard().ends_with("\r\n\r\nok\n"));
}

#[test]
fn metrics_are_for_this_machine_unless_the_settings_say_otherwise() {
    let request = get("/metrics");
    assert!(run(HERE, request.as_bytes()).heard().ends_with("callbox_up 1\n"));
    assert!(run("[::ffff:127.0.0.1]:1", request.as_bytes()).heard().ends_with("callbox_up 1\n"));
    assert_eq!(status(&run(ELSEWHERE, request.as_bytes())), "HTTP/1.1 403 Forbidden");

    let context = context();
    context.set_web(WebSettings { metrics_readers: Arc::new(|_| true), ..WebSettings::default() });
    let mut run = Run::new(&context, ELSEWHERE);
    run.read(request.as_bytes());
    assert!(run.heard().ends_with("callbox_up 1\n"));
}

#[test]
fn behind_a_body_there_is_no_next_request() {
    let head = "POST /not-there HTTP/1.1\r\nHost: a\r\nContent-Length: 45\r\n\r\n";
    let run = run(HERE, format!("{head}{}", get("/healthz")).as_bytes());
    assert!(status(&run).contains(" 404 "), "{}", run.heard());
    assert!(run.heard().contains("Connection: close\r\n") && !run.heard().contains("200 OK"));
}

#[test]
fn what_is_wrong_is_said_and_the_connection_closed() {
    let refused = [
        ("GET / HTTP/2.0\r\n\r\n", "505"),
        ("PRI * HTTP/2.0\r\n\r\n", "505"),
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
        ("GET /out of here\r\n\r\n", "505"),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", "405"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nx=1", "405"),
        ("DELETE /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "405"),
        ("GET /ws HTTP/1.1\r\nHost: a\r\n\r\n", "426"),
    ];
    for (request, expected) in refused {
        let run = run(HERE, request.as_bytes());
        assert!(
            status(&run).starts_with(&format!("HTTP/1.1 {expected} ")),
            "{request}: {}",
            run.heard()
        );
        assert!(run.heard().contains("Connection: close"), "{request}");
        assert_eq!(run.events, [Event::Close(CloseWhy::Request)], "{request}");
    }
    assert!(
        run(HERE, b"POST / HTTP/1.1\r\nHost: a\r\n\r\n")
            .heard()
            .contains("\r\nAllow: GET, HEAD\r\n")
    );
    let options = run(HERE, b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(status(&options), "HTTP/1.1 404 Not Found");
}

#[test]
fn requests_are_answered_one_after_the_other() {
    let requests = [get("/healthz"), get("/none"), get("/metrics")].concat();
    let run = run(HERE, requests.as_bytes());
    let statuses: Vec<_> = run
        .heard()
        .lines()
        .filter_map(|line| line.strip_prefix("HTTP/1.1 ").map(str::to_owned))
        .collect();
    assert_eq!(statuses, ["200 OK", "404 Not Found", "200 OK"]);
    assert_eq!(run.events, []);
}

#[test]
fn a_connection_has_so_many_requests_and_no_more() {
    let run = run(HERE, get("/healthz").repeat(140).as_bytes());
    assert_eq!(run.heard().matches("200 OK").count(), 128);
    assert_eq!(run.heard().matches("Connection: close").count(), 1);
    assert_eq!(run.events, [Event::Close(CloseWhy::Served)]);
}

#[test]
fn a_head_that_is_too_long_or_has_too_many_headers_is_refused() {
    let endless = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(9000));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(64));
    for request in [endless, many] {
        let run = run(HERE, request.as_bytes());
        assert!(status(&run).starts_with("HTTP/1.1 431 "), "{}", run.heard());
        assert_eq!(run.events, [Event::Close(CloseWhy::Request)]);
    }
}

#[test]
fn a_slow_head_is_told_so_and_an_idle_connection_just_closed() {
    let limits = Limits::default();
    let mut slow = run(HERE, b"GET / HTTP/1.1\r\nHost:");
    assert_eq!(slow.pipe.poll_timeout(), Some(slow.now + limits.request));
    slow.now += limits.request;
    slow.read(b" a");
    assert_eq!(
        slow.pipe.handle_timeout(slow.now),
        Some(CloseWhy::Slow),
        "more bytes give no more time"
    );
    slow.read(b"");
    assert!(status(&slow).starts_with("HTTP/1.1 408 "));

    let mut idle = run(HERE, get("/healthz").as_bytes());
    assert_eq!(idle.pipe.poll_timeout(), Some(idle.now + limits.keep_alive));
    let before = idle.wire.len();
    assert_eq!(idle.pipe.handle_timeout(idle.now + limits.keep_alive), Some(CloseWhy::Slow));
    idle.read(b"");
    assert_eq!(idle.wire.len(), before);

    let mut second = run(HERE, get("/healthz").as_bytes());
    second.now += Duration::from_secs(14);
    second.read(b"GET ");
    assert_eq!(second.pipe.poll_timeout(), Some(second.now + limits.request));
}

#[test]
fn lines_of_a_chat_never_go_to_a_browser() {
    let mut run = run(HERE, get("/healthz").as_bytes());
    let mut wire = Vec::new();
    run.pipe.encode(b"PRIVMSG a :b\r\n", &mut wire);
    assert!(wire.is_empty() && !run.pipe.transparent());
}

fn requests() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        Just("GET / HTTP/1.1\r\n"),
        Just("GET /healthz HTTP/1.0\r\n"),
        Just("HEAD /x HTTP/1.1\n"),
        Just("Host: a\r\n"),
        Just("\r\n"),
        Just("\n"),
        Just("Connection: close\r\n"),
        Just("X: y"),
        Just("Content-Length: 3\r\n"),
        Just("GET /ws HTTP/1.1\r\nHost: a\r\n"),
    ];
    proptest::collection::vec(pieces, 0..16)
        .prop_map(|pieces| format!("GET / HTTP/1.1\r\n{}", pieces.concat()).into_bytes())
}

proptest! {
    #[test]
    fn the_cuts_between_reads_change_no_answer(bytes in requests(), sizes in sizes()) {
        same_however_cut(&bytes, &sizes)?;
    }

    #[test]
    fn no_head_makes_http_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), sizes in sizes()) {
        same_however_cut(&[b"GET / HTTP/1.1\r\n", &bytes[..], b"\r\n\r\n"].concat(), &sizes)?;
    }
}
