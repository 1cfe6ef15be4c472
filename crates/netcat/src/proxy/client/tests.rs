use proptest::prelude::*;

use super::*;
use crate::proxy::{HEAD_MAX, Host};

const CHANCE: [u8; 16] = [7; 16];

fn target(host: &str) -> Target {
    Target { host: Host::typed(host), port: 80 }
}

fn proxy(kind: Kind, credentials: Option<&str>) -> Proxy {
    Proxy { kind, name: "px:1".to_owned(), credentials: credentials.map(Credentials::parse) }
}

fn handshake(kind: Kind, credentials: Option<&str>, host: &str) -> Handshake {
    Handshake::new(&proxy(kind, credentials), &target(host), CHANCE).unwrap()
}

fn output(handshake: &mut Handshake) -> Vec<u8> {
    let mut output = Vec::new();
    handshake.poll_output(&mut output);
    output
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// Hands over a reply in pieces, and gives the step and what was left of the input.
fn reply(handshake: &mut Handshake, reply: &[u8], size: usize) -> (Step, Vec<u8>) {
    let mut rest = reply;
    while !rest.is_empty() {
        let (mut piece, later) = rest.split_at(rest.len().min(size));
        let step = handshake.handle(&mut piece);
        if step != Step::More {
            return (step, [piece, later].concat());
        }
        assert_eq!(piece, b"");
        rest = later;
    }
    (Step::More, Vec::new())
}

/// The same in one piece, in two and byte by byte, which must come to the same; the words of the failure.
fn failure(kind: Kind, credentials: Option<&str>, replies: &[&[u8]]) -> String {
    let mut words = Vec::new();
    for size in [usize::MAX, 7, 1] {
        let mut handshake = handshake(kind, credentials, "host.example");
        let mut step = Step::More;
        for said in replies {
            assert_eq!(step, Step::More);
            (step, _) = reply(&mut handshake, said, size);
        }
        match step {
            Step::Failed(error) => words.push(error.to_string()),
            other => panic!("{other:?}"),
        }
    }
    words.swap_remove(0)
}

fn challenge(challenge: &str) -> String {
    format!("HTTP/1.1 407 Who\r\nProxy-Authenticate: {challenge}\r\nContent-Length: 2\r\n\r\nno")
}

mod http {
    use super::*;

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello\n\n";

    #[test]
    fn what_stands_behind_the_reply_is_the_tunnels() {
        for size in [usize::MAX, 7, 1] {
            let mut handshake = handshake(Kind::Http, None, "host.example");
            assert_eq!(
                text(output(&mut handshake)),
                "CONNECT host.example:80 HTTP/1.1\r\nHost: host.example:80\r\n\r\n"
            );
            assert_eq!(reply(&mut handshake, OK, size), (Step::Done, b"hello\n\n".to_vec()));
            assert_eq!(output(&mut handshake), b"");
        }
    }

    #[test]
    fn an_ipv6_target_stands_in_brackets() {
        let mut handshake = handshake(Kind::Http, None, "::1");
        assert!(text(output(&mut handshake)).starts_with("CONNECT [::1]:80 HTTP/1.1\r\n"));
    }

    #[test]
    fn a_wait_is_no_answer() {
        let mut handshake = handshake(Kind::Http, None, "host.example");
        let said = [b"HTTP/1.1 102 Processing\r\n\r\n", OK].concat();
        assert_eq!(reply(&mut handshake, &said, 5).0, Step::Done);
    }

    #[test]
    fn basic_is_answered_on_the_same_connection_where_the_proxy_keeps_it() {
        for size in [usize::MAX, 7, 1] {
            let mut handshake = handshake(Kind::Http, Some("joe:se:cret"), "host.example");
            assert!(!text(output(&mut handshake)).contains("Proxy-Authorization"));
            let (step, left) =
                reply(&mut handshake, challenge("Basic realm=\"x\"").as_bytes(), size);
            assert_eq!((step, left), (Step::More, Vec::new()));
            assert_eq!(
                text(output(&mut handshake)),
                "CONNECT host.example:80 HTTP/1.1\r\nHost: host.example:80\r\n\
                 Proxy-Authorization: Basic am9lOnNlOmNyZXQ=\r\n\r\n"
            );
            assert_eq!(reply(&mut handshake, OK, size), (Step::Done, b"hello\n\n".to_vec()));
        }
    }

    #[test]
    fn digest_is_answered_with_the_best_hash_that_is_offered() {
        let offers = "Basic realm=r, Digest realm=\"r\", nonce=\"n\\\"1\", algorithm=MD5, qop=\"auth\", \
             Digest realm=\"r\", nonce=\"n\\\"1\", algorithm=SHA-256, qop=\"auth-int, auth\", opaque=\"o\"";
        let mut handshake = handshake(Kind::Http, Some("joe:secret"), "host.example");
        output(&mut handshake);
        assert_eq!(reply(&mut handshake, challenge(offers).as_bytes(), 3).0, Step::More);
        // Computed by other means from the formula of RFC 7616.
        let said = text(output(&mut handshake));
        assert!(
            said.contains(
                "Digest username=\"joe\", realm=\"r\", nonce=\"n\\\"1\", opaque=\"o\", \
                 uri=\"host.example:80\", response=\"3f662dd2e994a8927b81c1a0245aacd0ef8eda75b5beb7fa1bbf4452123c41c0\", algorithm=SHA-256, qop=auth, \
                 nc=00000001, cnonce=\"07070707070707070707070707070707\"\r\n\r\n"
            ),
            "{said}"
        );
    }

    #[test]
    fn a_session_is_answered_with_a_secret_of_its_own() {
        for (algorithm, response) in [
            ("MD5-sess", "486458d3cf6e80a9f63005471d736da9"),
            ("sha-256-SESS", "ac0a542e5d1d94ab0d1604e9c7552fe5da0b0a65ca080fbb0bfeb427f936b912"),
        ] {
            let mut handshake = handshake(Kind::Http, Some("joe:secret"), "host.example");
            output(&mut handshake);
            let offer = format!("Digest realm=r, nonce=n, algorithm={algorithm}, qop=auth");
            reply(&mut handshake, challenge(&offer).as_bytes(), 9);
            let said = text(output(&mut handshake));
            assert!(said.contains(&format!("response=\"{response}\"")), "{said}");
        }
        // Without a quality of protection there is no nonce of ours to make a session with.
        let bare = challenge("Digest realm=r, nonce=n, algorithm=MD5-sess");
        let words = failure(Kind::Http, Some("joe:secret"), &[bare.as_bytes()]);
        assert!(words.contains("in a way that is not known here: 'Digest'"), "{words}");
    }

    #[test]
    fn each_answer_to_one_nonce_has_the_next_count() {
        let mut handshake = handshake(Kind::Http, Some("joe:secret"), "host.example");
        output(&mut handshake);
        let said = challenge("Digest realm=r, nonce=n, qop=auth");
        reply(&mut handshake, said.as_bytes(), 10);
        assert!(text(output(&mut handshake)).contains("nc=00000001"));
        // The proxy closed without reading it: it is said again over another connection.
        assert_eq!(handshake.handle_end(), Step::Again);
        assert!(text(output(&mut handshake)).contains("nc=00000002"));
    }

    #[test]
    fn digest_without_quality_of_protection_is_answered_as_it_once_was() {
        let mut handshake = handshake(Kind::Http, Some("joe:secret"), "host.example");
        output(&mut handshake);
        reply(&mut handshake, challenge("Digest realm=r, nonce=n").as_bytes(), 9);
        let said = text(output(&mut handshake));
        assert!(
            said.ends_with(
                "uri=\"host.example:80\", response=\"5056b72fafcf78f1fffcc87ac8436ef3\"\r\n\r\n"
            ),
            "{said}"
        );
    }

    #[test]
    fn another_connection_is_wanted_where_the_proxy_closes_this_one() {
        for head in [
            "HTTP/1.0 407 Who\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=x\r\n\r\nendless",
            "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=x\r\nConnection: a, Close\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 99999999\r\n\r\n",
            "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=x\r\nTransfer-Encoding: chunked\r\n\r\nxyz",
        ] {
            let mut handshake = handshake(Kind::Http, Some("joe:secret"), "host.example");
            output(&mut handshake);
            assert_eq!(reply(&mut handshake, head.as_bytes(), 10).0, Step::Again, "{head}");
            assert!(
                text(output(&mut handshake))
                    .contains("Proxy-Authorization: Basic am9lOnNlY3JldA==")
            );
            assert_eq!(reply(&mut handshake, OK, 10).0, Step::Done);
        }
    }

    #[test]
    fn another_connection_is_wanted_where_the_proxy_closes_what_it_said_it_keeps() {
        let mut in_body = handshake(Kind::Http, Some("joe:secret"), "host.example");
        let said = challenge("Basic realm=x");
        reply(&mut in_body, &said.as_bytes()[..said.len() - 1], 10);
        assert_eq!(in_body.handle_end(), Step::Again);
        let mut behind = handshake(Kind::Http, Some("joe:secret"), "host.example");
        reply(&mut behind, said.as_bytes(), 10);
        assert_eq!(behind.handle_end(), Step::Again);
        assert!(matches!(behind.handle_end(), Step::Failed(_)), "but only once");
    }

    #[test]
    fn a_nonce_that_grew_old_is_replaced_once() {
        let mut handshake = handshake(Kind::Http, Some("joe:secret"), "host.example");
        let said = challenge("Digest realm=r, nonce=n1, stale=true, qop=auth");
        for _ in 0..2 {
            assert_eq!(reply(&mut handshake, said.as_bytes(), 10).0, Step::More);
        }
        assert!(matches!(reply(&mut handshake, said.as_bytes(), 10).0, Step::Failed(_)));
    }

    #[test]
    fn refusals_are_told_in_the_proxys_words() {
        let refused = |said: &[u8]| failure(Kind::Http, Some("joe:secret"), &[said]);
        assert_eq!(
            refused(b"HTTP/1.0 403 Forbidden \x1b[2J\r\n\r\n"),
            "the proxy px:1 does not speak HTTP: it said 'HTTP/1.0 403 Forbidden \\x1b[2J'"
        );
        assert_eq!(
            refused(b"HTTP/1.0 403 Forbidden\r\n\r\n"),
            "the proxy px:1 refused: '403 Forbidden'"
        );
        assert_eq!(
            refused(challenge("Negotiate YII, NTLM").as_bytes()),
            "the proxy px:1 wants to be told who we are in a way that is not known here: 'Negotiate, NTLM'"
        );
        assert_eq!(
            failure(Kind::Http, Some("joe:x"), &[challenge("Basic realm=x").as_bytes(); 2]),
            "the proxy px:1 did not accept the user and the password: '407 Who'"
        );
        assert_eq!(
            failure(Kind::Http, None, &[challenge("Basic realm=x").as_bytes()]),
            "the proxy px:1 wants a user and a password: give them with --proxy-auth USER:PASSWORD"
        );
    }

    #[test]
    fn nonsense_is_told_at_once() {
        for said in [
            &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
            b"\x05\xff\n",
            b"HTTP/2 200\r\n\r\n",
            b"\r\n\r\n",
            b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        ] {
            let words = failure(Kind::Http, None, &[said]);
            assert!(words.starts_with("the proxy px:1 does not speak HTTP: it said '"), "{words}");
        }
    }

    #[test]
    fn an_endless_reply_is_refused() {
        let long = [b"HTTP/1.1 200 OK\r\nA: ", &vec![b'x'; HEAD_MAX][..]].concat();
        let many = [b"HTTP/1.1 200 OK\r\n", &b"A:b\r\n".repeat(101)[..], b"\r\n"].concat();
        for said in [long, many] {
            let words = failure(Kind::Http, None, &[&said]);
            assert_eq!(words, "the proxy px:1 said too much: it began with 'HTTP/1.1 200 OK'");
        }
        let wait = b"HTTP/1.1 100 Wait\r\n\r\n".repeat(9);
        assert_eq!(failure(Kind::Http, None, &[&wait]), "the proxy px:1 refused: '100 Wait'");
    }

    #[test]
    fn a_proxy_that_closes_at_once_is_told() {
        let mut handshake = handshake(Kind::Http, None, "host.example");
        let Step::Failed(error) = handshake.handle_end() else { panic!() };
        assert_eq!(error.to_string(), "the proxy px:1 closed the connection without an answer");
    }

    #[test]
    fn no_target_and_no_user_can_add_header_lines() {
        let made = |kind, credentials, host: &str| {
            let target = Target { host: Host::Name(host.to_owned()), port: 80 };
            Handshake::new(&proxy(kind, credentials), &target, CHANCE).map(|_| ())
        };
        assert!(made(Kind::Http, None, "a\r\nX: y").is_err());
        assert!(made(Kind::Http, None, "a b").is_err());
        assert!(made(Kind::Http, Some("joe\r\nX: y"), "a").is_err());
        assert!(made(Kind::Socks4, Some("joe\0x"), "a").is_err());
        assert!(made(Kind::Socks5, None, &"a".repeat(256)).is_err());
        assert!(made(Kind::Socks5, Some(""), "a").is_err());
    }
}

mod socks4 {
    use super::*;

    #[test]
    fn names_go_as_4a_and_addresses_as_they_are() {
        let mut named = handshake(Kind::Socks4, Some("joe"), "host.example");
        assert_eq!(output(&mut named), b"\x04\x01\x00\x50\x00\x00\x00\x01joe\0host.example\0");
        let mut address = handshake(Kind::Socks4, None, "192.0.2.1");
        assert_eq!(output(&mut address), b"\x04\x01\x00\x50\xc0\x00\x02\x01\0");
        for size in [99, 3, 1] {
            let mut handshake = named.clone();
            let said = b"\0\x5a\0\0\0\0\0\0hi";
            assert_eq!(reply(&mut handshake, said, size), (Step::Done, b"hi".to_vec()));
        }
    }

    #[test]
    fn ipv6_is_refused_before_anything_is_sent() {
        let error =
            Handshake::new(&proxy(Kind::Socks4, None), &target("2001:db8::1"), CHANCE).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the proxy px:1 cannot be asked: SOCKS 4 has no IPv6 addresses"
        );
    }

    #[test]
    fn refusals_and_nonsense_are_told() {
        assert_eq!(
            failure(Kind::Socks4, None, &[b"\0\x5b\0\0\0\0\0\0"]),
            "the proxy px:1 refused: it cannot or may not connect there (code 91)"
        );
        for said in [&b"HTTP/1.1 400\r\n\r\n"[..], b"\0\x01", b"\x05\0"] {
            let words = failure(Kind::Socks4, None, &[said]);
            assert!(
                words.starts_with("the proxy px:1 does not speak SOCKS 4: it said '"),
                "{words}"
            );
        }
    }
}

mod socks5 {
    use super::*;

    fn run(
        credentials: Option<&str>,
        host: &str,
        exchange: &[(&[u8], &[u8])],
        size: usize,
    ) -> (Step, Vec<u8>) {
        let mut handshake = handshake(Kind::Socks5, credentials, host);
        let mut last = (Step::More, Vec::new());
        for (asked, said) in exchange {
            assert_eq!(output(&mut handshake), *asked);
            last = reply(&mut handshake, said, size);
        }
        last
    }

    #[test]
    fn names_and_addresses_go_without_authentication() {
        let name = b"\x05\x01\0\x03\x0chost.example\0\x50";
        let v4 = b"\x05\x01\0\x01\xc0\0\x02\x01\0\x50";
        let v6 = b"\x05\x01\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50";
        for (host, asked, bound) in [
            ("host.example", &name[..], &b"\x01\x7f\0\0\x01\0\x07"[..]),
            ("192.0.2.1", v4, b"\x03\x02ab\0\x07"),
            ("::1", v6, b"\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x07"),
        ] {
            let said = [b"\x05\0\0", bound, b"hi"].concat();
            for size in [99, 3, 1] {
                let exchange = [(&b"\x05\x01\0"[..], &b"\x05\0"[..]), (asked, &said)];
                assert_eq!(
                    run(None, host, &exchange, size),
                    (Step::Done, b"hi".to_vec()),
                    "{host}"
                );
            }
        }
    }

    #[test]
    fn a_user_and_a_password_go_where_the_proxy_wants_them() {
        let request = b"\x05\x01\0\x01\xc0\0\x02\x01\0\x50";
        let granted = b"\x05\0\0\x01\0\0\0\0\0\0";
        let offered: (&[u8], &[u8]) = (b"\x05\x02\0\x02", b"\x05\x02");
        let exchange = [offered, (b"\x01\x03joe\x01x", b"\x01\0"), (request, granted)];
        assert_eq!(run(Some("joe:x"), "192.0.2.1", &exchange, 1).0, Step::Done);
        let unwanted: (&[u8], &[u8]) = (b"\x05\x02\0\x02", b"\x05\0");
        assert_eq!(
            run(Some("joe:x"), "192.0.2.1", &[unwanted, (request, granted)], 1).0,
            Step::Done
        );
    }

    #[test]
    fn refusals_and_nonsense_are_told() {
        let failure = |credentials, replies: &[&[u8]]| failure(Kind::Socks5, credentials, replies);
        assert_eq!(
            failure(None, &[b"\x05\0", b"\x05\x05"]),
            "the proxy px:1 refused: the connection was refused (code 5)"
        );
        assert_eq!(
            failure(None, &[b"\x05\xff"]),
            "the proxy px:1 wants a user and a password: give them with --proxy-auth USER:PASSWORD"
        );
        assert_eq!(
            failure(Some("joe:x"), &[b"\x05\x02", b"\x01\x01"]),
            "the proxy px:1 did not accept the user and the password: '\\x01\\x01'"
        );
        for replies in [
            &[&b"HTTP/1.1 400 Bad\r\n"[..]][..],
            &[b"\x05\x01"],
            &[b"\x05\x02"],
            &[b"\x05\0", b"\x04\0"],
            &[b"\x05\0", b"\x05\x09"],
            &[b"\x05\0", b"\x05\0\0\x07"],
        ] {
            let words = failure(None, replies);
            assert!(
                words.starts_with("the proxy px:1 does not speak SOCKS 5: it said '"),
                "{words}"
            );
        }
    }
}

mod chain {
    use super::*;

    /// An HTTP proxy that asks who we are, behind a SOCKS proxy.
    fn chain() -> Chain {
        let next = Target { host: Host::typed("inner.example"), port: 3128 };
        Chain::new(vec![
            Handshake::new(&proxy(Kind::Socks5, None), &next, CHANCE).unwrap(),
            handshake(Kind::Http, Some("joe:secret"), "host.example"),
        ])
    }

    fn said(chain: &mut Chain, mut said: &[u8]) -> (Step, Vec<u8>, Vec<u8>) {
        let step = chain.handle(&mut said);
        let mut output = Vec::new();
        chain.poll_output(&mut output);
        (step, output, said.to_vec())
    }

    #[test]
    fn two_proxies_are_gone_through_one_after_the_other() {
        let mut chain = chain();
        assert_eq!(said(&mut chain, b"").1, b"\x05\x01\0");
        assert_eq!(said(&mut chain, b"\x05\0").1, b"\x05\x01\0\x03\x0dinner.example\x0c\x38");
        let (step, output, _) = said(&mut chain, b"\x05\0\0\x01\0\0\0\0\0\0");
        assert_eq!(step, Step::More);
        assert!(output.starts_with(b"CONNECT host.example:80 HTTP/1.1\r\n"));
        let (step, _, left) = said(&mut chain, b"HTTP/1.1 200 OK\r\n\r\nhi");
        assert_eq!((step, left), (Step::Done, b"hi".to_vec()));
    }

    #[test]
    fn where_the_second_wants_another_connection_the_first_is_asked_again() {
        let mut chain = chain();
        for _ in 0..2 {
            assert_eq!(said(&mut chain, b"").1, b"\x05\x01\0");
            said(&mut chain, b"\x05\0");
            let (_, output, _) = said(&mut chain, b"\x05\0\0\x01\0\0\0\0\0\0");
            if text(output).contains("Proxy-Authorization: Basic") {
                assert_eq!(said(&mut chain, b"HTTP/1.1 200 OK\r\n\r\n").0, Step::Done);
                return;
            }
            let close = b"HTTP/1.0 407 Who\r\nProxy-Authenticate: Basic realm=x\r\n\r\n";
            let mut input = &close[..];
            assert_eq!(chain.handle(&mut input), Step::Again);
        }
        panic!("it never answered");
    }

    #[test]
    fn no_proxies_are_done_at_once() {
        assert_eq!(Chain::new(Vec::new()).handle(&mut &b"hi"[..]), Step::Done);
    }
}

/// Anything that a proxy may say: noise, and what looks much like an answer.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let http = "(HTTP/1\\.[01] (200|407|100|403) [a-z]{0,3}\r?\n(Content-Length: [0-9]{1,2}\r\n|Connection: close\r\n|\
        Transfer-Encoding: chunked\r\n|Proxy-Authenticate: (Basic|Digest nonce=a|Digest nonce=\"b, qop=auth|X)\r\n){0,3}\r\n[a0-9\r\n]{0,9}){0,3}";
    let socks = proptest::collection::vec(prop_oneof![0..6_u8, Just(90), Just(255)], 0..40);
    prop_oneof![http.prop_map(String::into_bytes), socks, any::<Vec<u8>>()]
}

proptest! {
    #[test]
    fn however_it_is_cut_it_comes_to_the_same(said in noise(), size in 1_usize..9, kind in 0..3, has_credentials: bool) {
        let kind = [Kind::Http, Kind::Socks4, Kind::Socks5][kind as usize];
        let begin = || handshake(kind, has_credentials.then_some("joe:secret"), "host.example");
        let (mut whole, mut cut) = (begin(), begin());
        let expected = reply(&mut whole, &said, usize::MAX);
        let got = reply(&mut cut, &said, size);
        if matches!((&expected.0, &got.0), (Step::Failed(_), Step::Failed(_))) {
            // How much of what was said is shown goes by how much was there.
            return Ok(());
        }
        prop_assert_eq!(got, expected);
        prop_assert_eq!(output(&mut cut), output(&mut whole));
    }
}
