//! `-C` turns LF into CRLF, `-t` answers telnet negotiation.

use super::ncat::{Seen, both, ours};
use super::peer::{connect, end, expect, line, read, read_to_end, send, server, sink};

#[test]
fn c_turns_lf_into_crlf_and_never_doubles_a_cr() {
    let inputs = [
        ("a\nb\n", "a\\r\\nb\\r\\n"),
        ("a\r\nb\n", "a\\r\\nb\\r\\n"),
        ("a\rb\n\n", "a\\rb\\r\\n\\r\\n"),
        ("x", "x"),
        ("\r\r\n", "\\r\\r\\n"),
    ];
    for (input, sent) in inputs {
        let seen = both(|ncat| {
            let server = sink();
            Seen::of(&ncat.client("-C", server.port).run_with_input(input)).beside(server.done())
        });
        seen.is(0, "", "").peer_got(&[sent]);
    }
}

#[test]
fn c_sees_a_cr_and_its_lf_in_two_reads() {
    let seen = both(|ncat| {
        let server = server(|mut stream| {
            expect(&mut stream, "a\r");
            send(&mut stream, "half\n");
            read_to_end(&mut stream)
        });
        let mut client = ncat.client("-C", server.port).spawn();
        client.write("a\r");
        client.wait_for_stdout("half");
        client.write("\nb\n");
        client.close_stdin();
        let got = server.done();
        Seen::of(&client.wait()).beside(got)
    });
    seen.is(0, "half\n", "").peer_got(&["\\nb\\r\\n"]);
}

#[test]
fn c_leaves_what_is_received_alone_and_works_in_a_listener() {
    let seen = both(|ncat| {
        let mut listener = ncat.listen("-C");
        let mut client = connect(listener.port);
        send(&mut client, "x\ny\n");
        listener.wait_for_stdout("y");
        listener.write("a\nb\n");
        let got = read(&mut client, 6);
        drop(client);
        listener.ended().beside(got)
    });
    seen.is(0, "x\ny\n", "").peer_got(&["a\\r\\nb\\r\\n"]);
}

/// Telnet's commands, RFC 854.
const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;

#[test]
fn t_refuses_every_option_that_is_asked_for() {
    for (asked, answer) in [([IAC, DO, 1], [IAC, WONT, 1]), ([IAC, WILL, 3], [IAC, DONT, 3])] {
        let seen = both(|ncat| {
            let server = server(move |mut stream| {
                send(&mut stream, asked);
                let answer = read(&mut stream, 3);
                send(&mut stream, "login:\n");
                end(&stream);
                answer
            });
            let mut client = ncat.client("-t", server.port).spawn();
            client.wait_for_stdout("login:");
            let finished = client.wait();
            // ncat prints the negotiation as well.
            let out = &finished.stdout[finished.stdout.len() - "login:\n".len()..];
            let out = String::from_utf8_lossy(out).into_owned();
            Seen { out, ..Seen::of(&finished) }.beside(server.done())
        });
        let answer = answer.escape_ascii().to_string();
        seen.is(0, "login:\n", "").peer_got(&[&answer]);
    }
}

#[test]
fn t_finds_a_command_anywhere_and_in_two_segments() {
    let seen = ours(|ncat| {
        let server = server(|mut stream| {
            send(&mut stream, [b"hello\n", &[IAC, DO][..]].concat());
            assert_eq!(line(&mut stream), "seen\n");
            send(&mut stream, b"\x18there\n");
            read(&mut stream, 3)
        });
        let mut client = ncat.client("-t", server.port).spawn();
        client.wait_for_stdout("hello");
        client.write_line("seen");
        client.wait_for_stdout("there");
        Seen::of(&client.wait()).beside(server.done())
    });
    seen.is(0, "hello\nthere\n", "").peer_got(&["\\xff\\xfc\\x18"]);
}
