//! `-i`, `-w`, `-q` and `-d`: how long something may take.

use std::time::{Duration, Instant};

use super::ncat::{Ncat, Seen, both, in_time, ours};
use super::peer::{blackhole, connect, datagrams, expect, line, read_to_end, send, server, silent};

#[test]
fn bytes_in_either_direction_begin_the_idle_time_anew() {
    // Each direction is used within the time, three times over, and only then not.
    in_time(800, 8_000, |idle| {
        let seen = both(|ncat| {
            let server = server(|mut stream| {
                for answer in ["one\n", "two\n", "three\n"] {
                    assert_eq!(line(&mut stream), "next\n");
                    send(&mut stream, answer);
                }
                read_to_end(&mut stream)
            });
            let mut client = ncat.client(&format!("-i {idle}ms"), server.port).spawn();
            let mut quiet = Instant::now();
            for answer in ["one", "two", "three"] {
                quiet = Instant::now();
                client.write_line("next");
                client.wait_for_stdout(answer);
            }
            let seen = Seen::of(&client.wait_with_open_stdin());
            assert!(quiet.elapsed() >= Duration::from_millis(idle));
            seen.beside(server.done())
        });
        let said = format!("Ncat: Idle timeout expired ({idle} ms).\n");
        seen.is(1, "one\ntwo\nthree\n", &said).peer_got(&[""]);
    });
}

#[test]
fn the_idle_time_goes_on_behind_the_end_of_input() {
    let seen = both(|ncat| {
        // The thread's value is the connection, which so stays open until the end.
        let server = server(|mut stream| (read_to_end(&mut stream), stream));
        let finished = ncat.client("-i 100ms", server.port).run_with_input("x");
        Seen::of(&finished).beside(server.done().0)
    });
    seen.is(1, "", "Ncat: Idle timeout expired (100 ms).\n").peer_got(&["x"]);
}

#[test]
fn a_listener_with_nobody_there_is_not_idle() {
    in_time(400, 8_000, |idle| {
        let seen = both(|ncat| {
            let mut listener = ncat.listen(&format!("-i {idle}ms"));
            a_while(ncat, idle + 100);
            let mut client = connect(listener.port);
            send(&mut client, "here\n");
            listener.wait_for_stdout("here");
            drop(client);
            listener.ended()
        });
        seen.is(0, "here\n", "");
    });
}

#[test]
fn an_idle_time_ends_a_listener_with_k_too() {
    let seen = both(|ncat| {
        let listener = ncat.listen("-k -i 100ms");
        let mut client = connect(listener.port);
        let seen = listener.ended();
        seen.beside(read_to_end(&mut client))
    });
    seen.is(2, "", "Ncat: Idle timeout expired (100 ms). QUITTING.\n").peer_got(&[""]);
}

#[test]
fn w_is_no_limit_of_what_is_connected() {
    // It is one of connecting.
    in_time(100, 8_000, |limit| {
        let seen = both(|ncat| {
            let server = server(|mut stream| {
                expect(&mut stream, "first\n");
                expect(&mut stream, "second\n");
                send(&mut stream, "both\n");
            });
            let mut client = ncat.client(&format!("-w {limit}ms"), server.port).spawn();
            client.write_line("first");
            a_while(ncat, limit + 150);
            client.write_line("second");
            client.wait_for_stdout("both");
            Seen::of(&client.wait())
        });
        seen.is(0, "both\n", "");
    });
}

/// Lets so many milliseconds pass: another client finds itself idle.
#[track_caller]
fn a_while(ncat: &Ncat, time: u64) {
    let server = silent();
    let client = ncat.client(&format!("-i {time}ms"), server.port).spawn();
    client.wait_with_open_stdin().expect_code(1);
}

#[test]
fn w_ends_the_wait_in_time() {
    ours(|ncat| {
        let hole = blackhole();
        let start = Instant::now();
        let seen = Seen::of(&ncat.client("-w 200ms", hole.port).run());
        assert!(start.elapsed() >= Duration::from_millis(200));
        assert!(start.elapsed() < Duration::from_secs(5));
        seen
    })
    .is(1, "", "Ncat: TIMEOUT.\n");
}

#[test]
fn q_ends_a_client_that_long_after_its_input() {
    let seen = ours(|ncat| {
        // The thread's value is the connection, which so stays open until the end.
        let server = server(|mut stream| (read_to_end(&mut stream), stream));
        let start = Instant::now();
        let finished = ncat.client("-q 150ms", server.port).run_with_input("x\n");
        assert!(start.elapsed() >= Duration::from_millis(150));
        Seen::of(&finished).beside(server.done().0)
    });
    seen.is(0, "", "").peer_got(&["x\\n"]);
    // What comes in the meantime is still taken.
    let seen = ours(|ncat| {
        let server = server(|mut stream| {
            read_to_end(&mut stream);
            send(&mut stream, "in time\n");
        });
        Seen::of(&ncat.client("-q 5", server.port).run_with_input("x\n"))
    });
    seen.is(0, "in time\n", "");
}

#[test]
fn a_datagram_s_answer_is_waited_for_up_to_w() {
    let seen = ours(|ncat| {
        let socket = datagrams();
        let port = socket.local_addr().expect("its address").port();
        let mut client = ncat.client("-u -w 5", port).spawn();
        client.write("question");
        client.close_stdin();
        let (question, from) = super::peer::datagram(&socket);
        socket.send_to(b"answer\n", from).expect("sent");
        client.wait_for_stdout("answer");
        Seen::of(&client.wait()).beside(question)
    });
    seen.is(0, "answer\n", "").peer_got(&["question"]);
}

#[test]
fn d_holds_each_line_back() {
    let seen = ours(|ncat| {
        let start = Instant::now();
        let server = server(move |mut stream| {
            let got = read_to_end(&mut stream);
            assert!(start.elapsed() >= Duration::from_millis(100), "{:?}", start.elapsed());
            got
        });
        let finished = ncat.client("-d 60ms", server.port).run_with_input("a\nb\nc\n");
        Seen::of(&finished).beside(server.done())
    });
    seen.is(0, "", "").peer_got(&["a\\nb\\nc\\n"]);
}
