//! Through a proxy of each kind, byte by byte; and as one.

use std::collections::BTreeSet;
use std::net::TcpStream;

use callbox_testkit::Program;

use super::ncat::{Ncat, Seen, both, ours};
use super::peer::{connect, echo, expect, line, send, server};

/// What a proxy does: it waits for each of these and gives the answer beside it.
type Script = &'static [(&'static [u8], &'static [u8])];

/// A client that goes through a proxy which plays `script` and then the target, to which the client says `hello` and
/// which says `from the target`.
#[track_caller]
fn through(ncat: &Ncat, words: &str, target: &str, script: Script) -> Seen {
    let proxy = server(move |mut stream| {
        for (question, answer) in script {
            // HTTP's questions are of different length, so they are read to their end.
            let got = match question.starts_with(b"CONNECT ") {
                true => head(&mut stream),
                false => super::peer::read(&mut stream, question.len()),
            };
            assert!(got.starts_with(question), "{} is not what is expected", got.escape_ascii());
            send(&mut stream, answer);
        }
        // A client that gives up may reset.
        let mut said = [0; 6];
        match std::io::Read::read_exact(&mut stream, &mut said) {
            Ok(()) => send(&mut stream, "from the target\n"),
            Err(_) => return Vec::new(),
        }
        said.to_vec()
    });
    let words = format!("--proxy 127.0.0.1:{} {words} {target}", proxy.port);
    let finished = ncat.with(&words).run_with_input("hello\n");
    Seen::of(&finished).beside(proxy.done())
}

/// The head of a request, whole.
#[track_caller]
fn head(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head += &line(stream);
    }
    head.into_bytes()
}

const OK: &[u8] = b"HTTP/1.0 200 OK\r\n\r\n";

#[test]
fn http_is_asked_to_connect_to_a_name_or_an_address() {
    let seen = both(|ncat| {
        through(ncat, "", "example.test 99", &[(b"CONNECT example.test:99 HTTP/1.", OK)])
    });
    seen.is(0, "from the target\n", "");
    seen.peer_got(&["hello\\n"]);
    let seen = both(|ncat| through(ncat, "", "::1 99", &[(b"CONNECT [::1]:99 HTTP/1.", OK)]));
    seen.is(0, "from the target\n", "");
    seen.peer_got(&["hello\\n"]);
}

#[test]
fn the_default_port_behind_a_proxy_is_31337() {
    let seen =
        both(|ncat| through(ncat, "", "192.0.2.1", &[(b"CONNECT 192.0.2.1:31337 HTTP/1.", OK)]));
    seen.is(0, "from the target\n", "");
}

#[test]
fn a_name_is_resolved_here_where_proxy_dns_says_so() {
    let seen = both(|ncat| {
        through(
            ncat,
            "-4 --proxy-dns local",
            "localhost 99",
            &[(b"CONNECT 127.0.0.1:99 HTTP/1.", OK)],
        )
    });
    seen.is(0, "from the target\n", "");
    // A name that is not to be resolved anywhere is no target.
    let seen = both(|ncat| {
        let proxy = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = proxy.local_addr().expect("its address").port();
        let words = format!("--proxy 127.0.0.1:{port} --proxy-dns none localhost 99");
        let seen = Seen::of(&ncat.with(&words).run());
        assert_ne!(seen.code, Some(0));
        Seen { code: None, err: String::new(), ..seen }
    });
    assert_eq!(seen.out, "");
}

#[test]
fn socks4_is_asked_by_address_or_by_name() {
    const GRANTED: &[u8] = b"\0\x5a\0\0\0\0\0\0";
    let seen = both(|ncat| {
        through(
            ncat,
            "--proxy-type socks4 --proxy-auth joe",
            "1.2.3.4 99",
            &[(b"\x04\x01\0c\x01\x02\x03\x04joe\0", GRANTED)],
        )
    });
    seen.is(0, "from the target\n", "").peer_got(&["hello\\n"]);
    let seen = both(|ncat| {
        through(
            ncat,
            "--proxy-type socks4",
            "example.test 99",
            &[(b"\x04\x01\0c\0\0\0\x01\0example.test\0", GRANTED)],
        )
    });
    seen.is(0, "from the target\n", "");
    let seen = both(|ncat| {
        let seen = through(
            ncat,
            "--proxy-type socks4",
            "1.2.3.4 99",
            &[(b"\x04\x01\0c\x01\x02\x03\x04\0", b"\0\x5b\0\0\0\0\0\0")],
        );
        Seen { err: String::new(), ..seen }
    });
    assert_eq!(seen.code, Some(1));
}

#[test]
fn socks5_is_asked_with_a_password_where_it_wants_one() {
    const DONE: &[u8] = b"\x05\0\0\x01\x01\x02\x03\x04\0c";
    let seen = both(|ncat| {
        through(
            ncat,
            "--proxy-type socks5",
            "example.test 99",
            &[(b"\x05\x01\0", b"\x05\0"), (b"\x05\x01\0\x03\x0cexample.test\0c", DONE)],
        )
    });
    seen.is(0, "from the target\n", "");
    let seen = both(|ncat| {
        through(
            ncat,
            "--proxy-type socks5 --proxy-auth joe:secret",
            "1.2.3.4 99",
            &[
                (b"\x05\x02\0\x02", b"\x05\x02"),
                (b"\x01\x03joe\x06secret", b"\x01\0"),
                (b"\x05\x01\0\x01\x01\x02\x03\x04\0c", DONE),
            ],
        )
    });
    seen.is(0, "from the target\n", "");
    let refused = both(|ncat| {
        let seen = through(
            ncat,
            "--proxy-type socks5 --proxy-auth joe:secret",
            "1.2.3.4 99",
            &[(b"\x05\x02\0\x02", b"\x05\x02"), (b"\x01\x03joe\x06secret", b"\x01\x01")],
        );
        Seen { err: String::new(), ..seen }
    });
    assert_eq!(refused.code, Some(1));
}

#[test]
fn a_proxy_that_says_no_or_nonsense_ends_the_client_with_1() {
    const QUESTION: &[u8] = b"CONNECT example.test:99 HTTP/1.";
    const ANSWERS: [Script; 3] = [
        &[(QUESTION, b"HTTP/1.0 403 Forbidden\r\n\r\n")],
        &[(QUESTION, b"nonsense\r\n\r\n")],
        &[(QUESTION, b"\0\0\0\0\r\n\r\n")],
    ];
    for script in ANSWERS {
        let seen = both(|ncat| {
            let seen = through(ncat, "", "example.test 99", script);
            Seen { err: String::new(), peer: Vec::new(), ..seen }
        });
        seen.is(1, "", "");
    }
}

#[test]
fn a_proxy_of_socks_that_answers_nonsense_or_breaks_off_ends_the_client_with_1() {
    const FOUR: &[u8] = b"\x04\x01\0c\x01\x02\x03\x04\0";
    const FIVE: &[u8] = b"\x05\x01\0";
    const ANSWERS: [(&str, Script); 4] = [
        ("socks4", &[(FOUR, b"HTTP/1.0 200 OK\r\n\r\n")]),
        ("socks4", &[(FOUR, b"\0\x5a")]),
        ("socks5", &[(FIVE, b"HTTP/1.0 200 OK\r\n\r\n")]),
        ("socks5", &[(FIVE, b"\x05")]),
    ];
    for (kind, script) in ANSWERS {
        let seen = both(|ncat| {
            let proxy = server(move |mut stream| {
                for (question, answer) in script {
                    super::peer::read(&mut stream, question.len());
                    send(&mut stream, answer);
                }
                super::peer::end(&stream);
                super::peer::read_to_close(&mut stream);
            });
            let words = format!("--proxy 127.0.0.1:{} --proxy-type {kind} 1.2.3.4 99", proxy.port);
            let seen = Seen::of(&ncat.with(&words).spawn().wait_with_open_stdin());
            proxy.done();
            assert!(!ncat.ours || seen.err.contains("the proxy 127.0.0.1:"), "{}", seen.err);
            Seen { err: String::new(), ..seen }
        });
        seen.is(1, "", "");
    }
}

#[test]
fn a_proxy_that_never_answers_is_given_up_after_w() {
    // ncat waits for ever.
    for kind in ["http", "socks4", "socks5"] {
        let seen = ours(|ncat| {
            let proxy = super::peer::silent();
            let words = format!("-w 150ms --proxy-type {kind} --proxy 127.0.0.1:{}", proxy.port);
            Seen::of(&ncat.with(&words).args(["1.2.3.4", "99"]).spawn().wait_with_open_stdin())
        });
        seen.is(1, "", "Ncat: TIMEOUT.\n");
    }
}

#[test]
fn a_proxy_that_answers_slowly_is_understood() {
    let seen = both(|ncat| {
        let proxy = server(|mut stream| {
            head(&mut stream);
            for byte in OK {
                send(&mut stream, [*byte]);
            }
            expect(&mut stream, "x");
            send(&mut stream, "slow\n");
        });
        let words = format!("--proxy 127.0.0.1:{} example.test 99", proxy.port);
        let seen = Seen::of(&ncat.with(&words).run_with_input("x"));
        proxy.done();
        seen
    });
    seen.is(0, "slow\n", "");
}

/// One request to a proxy under test, and all it answers.
#[track_caller]
fn ask(port: u16, request: &str, then: &str) -> String {
    let mut stream = connect(port);
    send(&mut stream, request);
    send(&mut stream, then);
    let mut answer = Vec::new();
    let mut byte = [0];
    // What comes back of `then` is the last of it; a proxy that says no closes.
    while (then.is_empty() || !answer.ends_with(then.as_bytes()))
        && matches!(std::io::Read::read(&mut stream, &mut byte), Ok(1))
    {
        answer.push(byte[0]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// A client that says this and ends when it has come back. (ncat as a proxy ends both directions with the first.)
#[track_caller]
fn said(client: Program, line: &str) -> Seen {
    let mut client = client.spawn();
    client.write_line(line);
    client.wait_for_stdout(line);
    Seen::of(&client.wait())
}

#[test]
fn as_a_proxy_it_connects_and_passes_on() {
    let seen = both(|ncat| {
        let proxy = ncat.listen("--proxy-type http");
        let server = echo();
        let request = format!("CONNECT 127.0.0.1:{} HTTP/1.1\r\nHost: x\r\n\r\n", server.port);
        let answer = ask(proxy.port, &request, "through\n");
        let seen = proxy.stop();
        seen.beside(answer).beside(server.done())
    });
    seen.peer_got(&["HTTP/1.0 200 OK\\r\\n\\r\\nthrough\\n", "through\\n"]);
}

#[test]
fn as_a_proxy_it_passes_a_request_on_without_what_was_meant_for_it() {
    let seen = both(|ncat| {
        let proxy = ncat.listen("--proxy-type http");
        let server = server(|mut stream| {
            let head = String::from_utf8(head(&mut stream)).expect("text");
            send(&mut stream, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi");
            head
        });
        let port = server.port;
        let request = format!(
            "GET http://127.0.0.1:{port}/path?q HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\
             Connection: keep-alive\r\nX-Y: z\r\nProxy-Authorization: Basic zzz\r\n\r\n"
        );
        let answer = ask(proxy.port, &request, "");
        let seen = proxy.stop();
        let head = server.done().replace(&port.to_string(), "P").to_ascii_lowercase();
        assert!(!head.contains("proxy-authorization") && !head.contains("keep-alive"), "{head}");
        assert!(head.contains("x-y: z") && head.contains("connection: close"), "{head}");
        let first = head.lines().next().unwrap_or_default().split(" http").next();
        seen.beside(answer.ends_with("\r\n\r\nhi").to_string()).beside(first.unwrap_or_default())
    });
    seen.peer_got(&["true", "get /path?q"]);
}

#[test]
fn as_a_proxy_it_takes_the_chunks_off_for_a_client_of_http_1_0() {
    let seen = ours(|ncat| {
        let proxy = ncat.listen("--proxy-type http");
        let server = server(|mut stream| {
            head(&mut stream);
            let reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            send(&mut stream, format!("{reply}2\r\nhi\r\n6\r\n there\r\n0\r\n\r\n"));
        });
        let request = format!("GET http://127.0.0.1:{}/ HTTP/1.0\r\n\r\n", server.port);
        let answer = ask(proxy.port, &request, "");
        server.done();
        proxy.stop().beside(answer)
    });
    seen.peer_got(&["HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\nhi there"]);
}

#[test]
fn as_a_proxy_it_closes_what_is_idle_and_stays() {
    // ncat lets it be.
    let seen = ours(|ncat| {
        let mut proxy = ncat.listen("-v -i 1s --proxy-type http");
        let silent = server(|mut stream| super::peer::read_to_end(&mut stream));
        let mut client = connect(proxy.port);
        send(&mut client, format!("CONNECT 127.0.0.1:{} HTTP/1.0\r\n\r\n", silent.port));
        head(&mut client);
        let after = super::peer::read_to_close(&mut client);
        silent.done();
        proxy.wait_for_stderr("was idle for too long and is closed");
        let server = echo();
        let request = format!("CONNECT 127.0.0.1:{} HTTP/1.0\r\n\r\n", server.port);
        let answer = ask(proxy.port, &request, "through\n");
        server.done();
        proxy.stop().beside(after).beside(answer)
    });
    seen.peer_got(&["", "HTTP/1.0 200 OK\\r\\n\\r\\nthrough\\n"]);
}

#[test]
fn as_a_proxy_it_says_no_in_http() {
    let requests = [
        ("garbage\r\n\r\n", "400"),
        ("GET / HTTP/1.0\r\n\r\n", "400"),
        ("GET ftp://127.0.0.1/ HTTP/1.0\r\n\r\n", "400"),
        ("BREW http://127.0.0.1:9999/ HTTP/1.0\r\n\r\n", "405"),
        ("CONNECT 127.0.0.1:1 HTTP/1.0\r\n\r\n", "504"),
    ];
    for (request, status) in requests {
        let seen = both(|ncat| {
            let proxy = ncat.listen("--proxy-type http");
            let answer = ask(proxy.port, request, "");
            proxy.stop().beside(answer.get(..12).unwrap_or(&answer))
        });
        seen.peer_got(&[&format!("HTTP/1.0 {status}")]);
    }
}

#[test]
fn as_a_proxy_it_asks_for_the_password_in_both_ways() {
    let seen = both(|ncat| {
        let proxy = ncat.listen("--proxy-type http --proxy-auth joe:secret");
        let answer = ask(proxy.port, "CONNECT 127.0.0.1:1 HTTP/1.0\r\n\r\n", "");
        let offered = answer.lines().filter_map(|line| line.strip_prefix("Proxy-Authenticate: "));
        // In any order, and Digest for more than one algorithm.
        let ways: BTreeSet<_> = offered.filter_map(|way| way.split(' ').next()).collect();
        let ways: Vec<_> = ways.into_iter().collect();
        let wrong =
            "CONNECT 127.0.0.1:1 HTTP/1.0\r\nProxy-Authorization: Basic am9lOndyb25n\r\n\r\n";
        let refused = ask(proxy.port, wrong, "");
        let seen = proxy.stop();
        seen.beside(answer.get(..12).unwrap_or(&answer))
            .beside(ways.join(" "))
            .beside(refused.get(..12).unwrap_or(&refused))
    });
    assert_eq!(seen.peer[0], "HTTP/1.0 407");
    assert_eq!(seen.peer[1..], ["Basic Digest", "HTTP/1.0 407"]);
    // And the right one is taken, as Basic and, from this program's own client, as Digest.
    let seen = both(|ncat| {
        let proxy = ncat.listen("--proxy-type http --proxy-auth joe:secret");
        let server = echo();
        let request = format!(
            "CONNECT 127.0.0.1:{} HTTP/1.0\r\nProxy-Authorization: Basic am9lOnNlY3JldA==\r\n\r\n",
            server.port
        );
        let answer = ask(proxy.port, &request, "basic\n");
        server.done();
        let server = echo();
        let words = format!("--proxy 127.0.0.1:{} --proxy-auth joe:secret", proxy.port);
        let seen = said(ncat.client(&words, server.port), "digest");
        server.done();
        proxy.stop();
        seen.beside(answer)
    });
    seen.is(0, "digest\n", "").peer_got(&["HTTP/1.0 200 OK\\r\\n\\r\\nbasic\\n"]);
}

#[test]
fn credentials_are_taken_from_the_environment_too() {
    let seen = both(|ncat| {
        let proxy = ncat.listen("--proxy-type http --proxy-auth joe:secret");
        let server = echo();
        let words = format!("--proxy 127.0.0.1:{}", proxy.port);
        let client = ncat.client(&words, server.port).env("NCAT_PROXY_AUTH", "joe:secret");
        let seen = said(client, "hello");
        server.done();
        proxy.stop();
        seen
    });
    seen.is(0, "hello\n", "");
}

#[test]
fn each_of_the_two_goes_through_the_other_s_proxy() {
    // Digest as the one writes it and the other checks it.
    let Some(debian) = super::ncat::debian() else { return };
    let ours = Ncat::ours();
    for (proxy, client) in [(&ours, &debian), (&debian, &ours)] {
        let listener = proxy.listen("--proxy-type http --proxy-auth joe:secret");
        let server = echo();
        let words = format!("--proxy 127.0.0.1:{} --proxy-auth joe:secret", listener.port);
        said(client.client(&words, server.port), "across").is(0, "across\n", "");
        server.done();
        listener.stop();
    }
}
