//! What ends a client and a listener, and what does not.

use std::net::TcpStream;

use super::ncat::{Seen, both, ours};
use super::peer::{
    connect, end, expect, has_ipv6, line, read_to_close, read_to_end, reset, send, server, sink,
};

#[test]
fn the_end_of_input_closes_one_direction_and_the_answer_is_waited_for() {
    let seen = both(|ncat| {
        let server = server(|mut stream| {
            let question = read_to_end(&mut stream);
            send(&mut stream, "late\n");
            question
        });
        let finished = ncat.client("", server.port).run_with_input("question\n");
        Seen::of(&finished).beside(server.done())
    });
    seen.is(0, "late\n", "").peer_got(&["question\\n"]);
}

#[test]
fn with_no_shutdown_the_end_of_input_closes_nothing() {
    let seen = both(|ncat| {
        let server = server(|mut stream| {
            assert_eq!(line(&mut stream), "question\n");
            // No end of file comes: a read that does not wait finds nothing.
            stream.set_nonblocking(true).expect("a mode");
            send(&mut stream, "still there?\n");
            let found = stream.peek(&mut [0]).expect_err("nothing, not an end").kind();
            format!("{found:?}")
        });
        let mut client = ncat.client("--no-shutdown", server.port).spawn();
        client.write_line("question");
        client.close_stdin();
        client.wait_for_stdout("still there?");
        let found = server.done();
        Seen::of(&client.wait()).beside(found)
    });
    seen.is(0, "still there?\n", "").peer_got(&["WouldBlock"]);
}

#[test]
fn a_listener_knows_no_shutdown() {
    let seen = both(|ncat| {
        let mut listener = ncat.listen("--no-shutdown");
        listener.write("file\n");
        listener.close_stdin();
        let mut client = connect(listener.port);
        assert_eq!(line(&mut client), "file\n");
        send(&mut client, "seen\n");
        listener.wait_for_stdout("seen");
        client.set_nonblocking(true).expect("a mode");
        let found = client.peek(&mut [0]).expect_err("nothing, not an end").kind();
        drop(client);
        listener.ended().beside(format!("{found:?}"))
    });
    seen.is(0, "seen\n", "").peer_got(&["WouldBlock"]);
}

#[test]
fn a_client_ends_when_its_peer_does() {
    let seen = ours(|ncat| {
        let server = server(|mut stream| send(&mut stream, "bye\n"));
        Seen::of(&ncat.client("", server.port).spawn().wait_with_open_stdin())
    });
    seen.is(0, "bye\n", "");
}

#[test]
fn a_client_with_k_goes_on_sending_when_its_peer_has_ended() {
    let seen = ours(|ncat| {
        let server = server(|mut stream| {
            send(&mut stream, "no more from me\n");
            end(&stream);
            read_to_end(&mut stream)
        });
        let mut client = ncat.client("-k", server.port).spawn();
        client.wait_for_stdout("no more from me");
        client.write_line("and from me");
        client.close_stdin();
        let got = server.done();
        Seen::of(&client.wait()).beside(got)
    });
    seen.is(0, "no more from me\n", "").peer_got(&["and from me\\n"]);
}

#[test]
fn a_listener_ends_when_its_client_does_and_its_own_input_is_open() {
    for half in [true, false] {
        let seen = both(|ncat| {
            let mut listener = ncat.listen("");
            let mut client = connect(listener.port);
            send(&mut client, "all I have\n");
            listener.wait_for_stdout("all I have");
            if half {
                end(&client);
                assert_eq!(read_to_close(&mut client), b"");
            }
            drop(client);
            listener.ended()
        });
        seen.is(0, "all I have\n", "");
    }
}

#[test]
fn a_listener_whose_client_resets_ends_with_1() {
    let seen = both(|ncat| {
        let mut listener = ncat.listen("");
        let mut client = connect(listener.port);
        send(&mut client, "torn\n");
        listener.wait_for_stdout("torn");
        reset(client);
        Seen { err: String::new(), ..listener.ended() }
    });
    seen.is(1, "torn\n", "");
}

#[test]
fn a_listener_sends_its_input_and_its_end_and_stays_for_the_client() {
    let seen = both(|ncat| {
        let mut listener = ncat.listen("");
        listener.write("file\n");
        listener.close_stdin();
        let mut client = connect(listener.port);
        let got = read_to_end(&mut client);
        send(&mut client, "thanks\n");
        listener.wait_for_stdout("thanks");
        drop(client);
        listener.ended().beside(got)
    });
    seen.is(0, "thanks\n", "").peer_got(&["file\\n"]);
}

#[test]
fn what_was_typed_before_a_client_came_waits_for_it() {
    let seen = both(|ncat| {
        let mut listener = ncat.listen("");
        listener.write_line("early");
        let mut client = connect(listener.port);
        let got = line(&mut client);
        drop(client);
        listener.ended().beside(got)
    });
    seen.is(0, "", "").peer_got(&["early\\n"]);
}

#[test]
fn without_k_a_second_client_is_refused_on_either_family() {
    let seen = both(|ncat| {
        let port = super::ncat::free_port();
        let mut listener = ncat.with("-lv").arg(port.to_string()).spawn();
        listener.wait_for_stderr(match has_ipv6() {
            true => "Listening on 0.0.0.0:",
            false => "Listening on ",
        });
        let mut first = connect(port);
        send(&mut first, "me\n");
        listener.wait_for_stdout("me");
        let second = |host: &str| {
            let refused = TcpStream::connect((host, port)).expect_err("a refusal").kind();
            format!("{refused:?}")
        };
        let (v4, v6) =
            (second("127.0.0.1"), if has_ipv6() { second("::1") } else { second("127.0.0.1") });
        drop(first);
        let seen = Seen::of(&listener.wait_with_open_stdin());
        Seen { err: String::new(), ..seen }.beside(v4).beside(v6)
    });
    seen.is(0, "me\n", "").peer_got(&["ConnectionRefused", "ConnectionRefused"]);
}

#[test]
fn send_only_ends_at_the_end_of_input_and_takes_nothing_in() {
    let seen = both(|ncat| {
        let server = server(|mut stream| {
            send(&mut stream, "ignored\n");
            read_to_end(&mut stream)
        });
        let finished = ncat.client("--send-only", server.port).run_with_input("sent\n");
        // What came unread may make it a reset, after all was sent.
        drop(server);
        Seen::of(&finished)
    });
    seen.is(0, "", "");
    let seen = both(|ncat| {
        let server = sink();
        let finished = ncat.client("--send-only", server.port).run_with_input("sent\n");
        Seen::of(&finished).beside(server.done())
    });
    seen.is(0, "", "").peer_got(&["sent\\n"]);
}

#[test]
fn recv_only_sends_nothing_and_ends_with_its_peer() {
    let seen = both(|ncat| {
        let server = server(|mut stream| {
            send(&mut stream, "banner\n");
            end(&stream);
            read_to_close(&mut stream)
        });
        let mut client = ncat.client("--recv-only", server.port).spawn();
        client.write_line("not sent");
        let seen = Seen::of(&client.wait_with_open_stdin());
        seen.beside(server.done())
    });
    seen.is(0, "banner\n", "").peer_got(&[""]);
}

#[test]
fn a_listener_knows_send_only_and_recv_only() {
    // With -k as well it ends behind its input.
    for words in ["--send-only", "-k --send-only"] {
        let seen = both(|ncat| {
            let mut listener = ncat.listen(words);
            listener.write("payload\n");
            listener.close_stdin();
            let mut client = connect(listener.port);
            let got = read_to_end(&mut client);
            listener.closed().beside(got)
        });
        seen.is(0, "", "").peer_got(&["payload\\n"]);
    }
    let seen = both(|ncat| {
        let mut listener = ncat.listen("--recv-only");
        listener.write("not sent\n");
        let mut client = connect(listener.port);
        send(&mut client, "taken\n");
        end(&client);
        let got = read_to_close(&mut client);
        listener.ended().beside(got)
    });
    seen.is(0, "taken\n", "").peer_got(&[""]);
}

#[test]
fn much_in_both_directions_at_once_arrives_whole() {
    let seen = both(|ncat| {
        let server = server(|mut stream| {
            let mut writer = stream.try_clone().expect("a second handle");
            let sent = std::thread::spawn(move || send(&mut writer, vec![b'd'; 3_000_000]));
            let got = read_to_end(&mut stream);
            sent.join().expect("all sent");
            format!("{} {}", got.len(), got.iter().all(|&byte| byte == b'u'))
        });
        let finished = ncat.client("", server.port).run_with_input(vec![b'u'; 3_000_000]);
        let out = finished.stdout.len();
        let whole = finished.stdout.iter().all(|&byte| byte == b'd');
        Seen { out: format!("{out} {whole}"), ..Seen::of(&finished) }.beside(server.done())
    });
    seen.is(0, "3000000 true", "").peer_got(&["3000000 true"]);
}

#[test]
fn a_peer_that_vanishes_in_mid_stream_ends_the_client_with_1() {
    let seen = both(|ncat| {
        let server = server(|mut stream| {
            expect(&mut stream, "zzzz");
            reset(stream);
        });
        let finished = ncat.client("", server.port).run_with_input(vec![b'z'; 3_000_000]);
        server.done();
        let known = ["Ncat: Connection reset by peer.\n", "Ncat: Broken pipe.\n"];
        let seen = Seen::of(&finished);
        assert!(known.contains(&seen.err.as_str()), "{}", seen.err);
        Seen { err: String::new(), ..seen }
    });
    seen.is(1, "", "");
}
