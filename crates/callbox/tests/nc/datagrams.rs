//! UDP, and Unix sockets of both kinds.

use std::fs;
use std::os::unix::net::{UnixDatagram, UnixStream};

use callbox_testkit::{EVENT_DEADLINE, Folder};

use super::ncat::{Seen, both, ours};
use super::peer::{closed_port, datagram, datagrams, line, send};

#[test]
fn a_datagram_client_ends_at_the_end_of_its_input() {
    let seen = both(|ncat| {
        let socket = datagrams();
        let port = socket.local_addr().expect("its address").port();
        let finished = ncat.client("-u -w 1ms", port).run_with_input("one\ntwo\n");
        Seen::of(&finished).beside(datagram(&socket).0)
    });
    seen.is(0, "", "").peer_got(&["one\\ntwo\\n"]);
}

#[test]
fn a_datagram_that_is_refused_ends_the_client_with_1() {
    let seen = both(|ncat| {
        let mut client = ncat.client("-u", closed_port()).spawn();
        client.write_line("anybody?");
        Seen::of(&client.wait_with_open_stdin())
    });
    seen.is(1, "", "Ncat: Connection refused.\n");
}

#[test]
fn a_refusal_of_the_last_datagram_is_seen_although_the_input_has_ended() {
    let seen = both(|ncat| {
        let folder = Folder::new("input");
        let file = folder.join("file");
        fs::write(&file, "anybody?\n").expect("a file");
        let start = std::time::Instant::now();
        // The kernel may tell it a moment too late.
        loop {
            let input = fs::File::open(&file).expect("a file");
            let finished = ncat.client("-u", closed_port()).stdin_from(input).run();
            if finished.code != Some(0) || start.elapsed() > EVENT_DEADLINE {
                return Seen::of(&finished);
            }
        }
    });
    seen.is(1, "", "Ncat: Connection refused.\n");
}

#[test]
fn a_datagram_client_with_v_says_the_same_as_a_stream_s() {
    let seen = both(|ncat| {
        let socket = datagrams();
        let port = socket.local_addr().expect("its address").port();
        let mut client = ncat.client("-uv", port).spawn();
        client.write_line("ask");
        let from = datagram(&socket).1;
        socket.send_to(b"answer\n", from).expect("sent");
        client.wait_for_stdout("answer");
        Seen::of(&client.wait())
    });
    let said = "Ncat: Version V\nNcat: Connected to 127.0.0.1:P.\n\
                Ncat: 4 bytes sent, 7 bytes received in T seconds.\n";
    seen.is(0, "answer\n", said);
}

#[test]
fn zu_sends_one_nul_and_is_done_after_two_seconds() {
    let seen = both(|ncat| {
        let socket = datagrams();
        let port = socket.local_addr().expect("its address").port();
        let start = std::time::Instant::now();
        let finished = ncat.client("-zu", port).run();
        assert!((1.8..10.0).contains(&start.elapsed().as_secs_f64()), "{:?}", start.elapsed());
        Seen::of(&finished).beside(datagram(&socket).0)
    });
    seen.is(0, "", "").peer_got(&["\\x00"]);
}

#[test]
fn zu_ends_with_1_where_nobody_is() {
    both(|ncat| Seen::of(&ncat.client("-zu", closed_port()).run())).is(1, "", "");
    let said = "Ncat: Version V\nNcat: Connected to 127.0.0.1:P.\nNcat: Connection refused.\n";
    both(|ncat| Seen::of(&ncat.client("-zuv", closed_port()).run())).is(1, "", said);
}

#[test]
fn a_listener_for_datagrams_answers_its_first_peer_alone() {
    let seen = both(|ncat| {
        let mut listener = ncat.listen("-u");
        let (first, second) = (datagrams(), datagrams());
        first.send_to(b"first\n", ("127.0.0.1", listener.port)).expect("sent");
        listener.wait_for_stdout("first");
        listener.write_line("answer");
        let got = datagram(&first).0;
        second.connect(("127.0.0.1", listener.port)).expect("an address");
        second.send(b"second\n").expect("sent");
        let refused = second.recv(&mut [0; 9]).expect_err("a refusal").kind();
        first.send_to(b"again\n", ("127.0.0.1", listener.port)).expect("sent");
        listener.wait_for_stdout("again");
        listener.stop().beside(got).beside(format!("{refused:?}"))
    });
    assert_eq!((seen.out.as_str(), seen.err.as_str()), ("first\nagain\n", ""));
    seen.peer_got(&["answer\\n", "ConnectionRefused"]);
}

#[test]
fn a_listener_for_datagrams_keeps_its_input_for_the_first_peer() {
    let seen = both(|ncat| {
        let mut listener = ncat.listen("-u");
        listener.write("greeting\n");
        listener.close_stdin();
        let socket = datagrams();
        socket.send_to(b"here\n", ("127.0.0.1", listener.port)).expect("sent");
        let got = datagram(&socket).0;
        // The end of input ends nothing.
        socket.send_to(b"thanks\n", ("127.0.0.1", listener.port)).expect("sent");
        listener.wait_for_stdout("thanks");
        listener.stop().beside(got)
    });
    assert_eq!(seen.out, "here\nthanks\n");
    seen.peer_got(&["greeting\\n"]);
}

#[test]
fn a_listener_whose_answer_is_refused_ends_with_1() {
    let seen = both(|ncat| {
        let mut listener = ncat.listen("-u");
        let socket = datagrams();
        socket.send_to(b"here\n", ("127.0.0.1", listener.port)).expect("sent");
        listener.wait_for_stdout("here");
        drop(socket);
        listener.write_line("gone?");
        listener.ended()
    });
    seen.is(1, "here\n", "Ncat: Connection refused.\n");
}

#[test]
fn with_k_a_listener_for_datagrams_answers_every_peer() {
    let seen = ours(|ncat| {
        let mut listener = ncat.listen("-u -k");
        let (first, second) = (datagrams(), datagrams());
        for (socket, text) in [(&first, "first\n"), (&second, "second\n")] {
            socket.send_to(text.as_bytes(), ("127.0.0.1", listener.port)).expect("sent");
            listener.wait_for_stdout(text.trim_end());
        }
        listener.write_line("to both");
        let got = [datagram(&first).0, datagram(&second).0].concat();
        listener.stop().beside(got)
    });
    assert_eq!((seen.out.as_str(), seen.err.as_str()), ("first\nsecond\n", ""));
    seen.peer_got(&["to both\\nto both\\n"]);
}

#[test]
fn a_broker_and_a_chat_work_over_datagrams() {
    let seen = ours(|ncat| {
        let listener = ncat.listen("-u --broker");
        let (first, second) = (datagrams(), datagrams());
        first.send_to(b"in", ("127.0.0.1", listener.port)).expect("sent");
        // Who has written is in.
        loop {
            second.send_to(b"hello", ("127.0.0.1", listener.port)).expect("sent");
            first.set_nonblocking(true).expect("a mode");
            if first.recv(&mut [0; 9]).is_ok() {
                break;
            }
            std::thread::yield_now();
        }
        first.send_to(b"answer", ("127.0.0.1", listener.port)).expect("sent");
        let mut got = datagram(&second).0;
        while got != b"answer" {
            got = datagram(&second).0;
        }
        listener.stop().beside(got)
    });
    seen.peer_got(&["answer"]);
}

#[test]
fn a_stream_at_a_path_goes_as_one_at_a_port() {
    let seen = both(|ncat| {
        let folder = Folder::new("path");
        let path = folder.join("socket");
        let mut listener = ncat.listen_at("", &path);
        let mut client = UnixStream::connect(&path).expect("a connection");
        send(&mut client, "hello\n");
        listener.wait_for_stdout("hello");
        listener.write_line("answer");
        let got = line(&mut client);
        drop(client);
        listener.ended().beside(got)
    });
    seen.is(0, "hello\n", "").peer_got(&["answer\\n"]);
}

#[test]
fn the_file_of_a_listener_stays_for_whoever_made_the_folder() {
    for words in ["", "-u"] {
        let seen = both(|ncat| {
            let folder = Folder::new("path");
            let path = folder.join("socket");
            let mut listener = ncat.listen_at(words, &path);
            let mut client = ncat.with(words).args(["-U", "--send-only"]).arg(&path).spawn();
            client.write_line("hello");
            listener.wait_for_stdout("hello");
            client.wait().expect_code(0);
            let seen = if words.is_empty() { listener.ended() } else { listener.stop() };
            seen.beside(path.exists().to_string())
        });
        assert_eq!((seen.out.as_str(), seen.err.as_str()), ("hello\n", ""));
        seen.peer_got(&["true"]);
    }
    // One at which nobody listens is in nobody's way. (To ncat it is an address in use.)
    ours(|ncat| {
        let folder = Folder::new("path");
        let path = folder.join("socket");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
        let mut listener = ncat.listen_at("", &path);
        let mut client = UnixStream::connect(&path).expect("a connection");
        send(&mut client, "hello\n");
        listener.wait_for_stdout("hello");
        drop(client);
        listener.ended()
    })
    .is(0, "hello\n", "");
}

#[test]
fn a_client_of_a_path_says_what_is_wrong_with_it() {
    let folder = Folder::new("path");
    let path = folder.join("socket");
    let seen = both(|ncat| Seen::of(&ncat.with("-U").arg(&path).run()));
    seen.is(1, "", "Ncat: No such file or directory.\n");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    let seen = both(|ncat| Seen::of(&ncat.with("-U").arg(&path).run()));
    seen.is(1, "", "Ncat: Connection refused.\n");
    let seen = both(|ncat| Seen::of(&ncat.with("-zU").arg(&path).run()));
    seen.is(1, "", "");
}

#[test]
fn a_path_in_use_ends_a_listener_with_2() {
    let folder = Folder::new("path");
    let path = folder.join("socket");
    let _held = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    let seen = both(|ncat| Seen::of(&ncat.with("-lU").arg(&path).run()));
    let said = format!("Ncat: bind to {}: Address already in use. QUITTING.\n", path.display());
    seen.is(2, "", &said);
}

#[test]
fn a_client_and_a_listener_for_datagrams_at_a_path_understand_each_other() {
    let seen = both(|ncat| {
        let folder = Folder::new("path");
        let path = folder.join("socket");
        let mut listener = ncat.listen_at("-u", &path);
        let seen = listener.converse(ncat.with("-uU").arg(&path));
        listener.stop();
        seen
    });
    seen.is(0, "to the client\n", "");
}

#[test]
fn the_answer_to_a_datagram_at_a_path_is_waited_for_and_the_client_s_file_goes() {
    let seen = ours(|ncat| {
        let folder = Folder::new("path");
        let path = folder.join("socket");
        let server = UnixDatagram::bind(&path).expect("a socket");
        server.set_read_timeout(Some(EVENT_DEADLINE)).expect("a time limit");
        let mut client = ncat.with("-uU -w 5").arg(&path).spawn();
        client.write("question");
        client.close_stdin();
        let mut bytes = [0; 99];
        let (length, from) = server.recv_from(&mut bytes).expect("a datagram");
        let own = from.as_pathname().expect("a path to answer to").to_owned();
        server.send_to(b"answer\n", &own).expect("the file is still there");
        client.wait_for_stdout("answer");
        let seen = Seen::of(&client.wait());
        assert!(!own.exists(), "{} is left behind", own.display());
        seen.beside(&bytes[..length])
    });
    seen.is(0, "answer\n", "").peer_got(&["question"]);
}

#[test]
fn the_answer_to_a_datagram_at_a_path_is_waited_for_without_w_too() {
    let folder = Folder::new("path");
    let path = folder.join("socket");
    let server = UnixDatagram::bind(&path).expect("a socket");
    server.set_read_timeout(Some(EVENT_DEADLINE)).expect("a time limit");
    let start = std::time::Instant::now();
    // It is waited for half a second, in which this thread should have its turn.
    let seen = loop {
        let seen = ours(|ncat| {
            let mut client = ncat.with("-uU").arg(&path).spawn();
            client.write("question");
            client.close_stdin();
            let (_, from) = server.recv_from(&mut [0; 99]).expect("a datagram");
            let own = from.as_pathname().expect("a path to answer to");
            let _ = server.send_to(b"answer\n", own);
            Seen::of(&client.wait())
        });
        if !seen.out.is_empty() || start.elapsed() > EVENT_DEADLINE {
            break seen;
        }
    };
    seen.is(0, "answer\n", "");
    // One that never comes is not waited for without end.
    let start = std::time::Instant::now();
    let seen = ours(|ncat| Seen::of(&ncat.with("-uU").arg(&path).run_with_input("question")));
    seen.is(0, "", "");
    assert!(start.elapsed() >= std::time::Duration::from_millis(500), "{:?}", start.elapsed());
}

#[test]
fn s_names_the_client_s_own_file() {
    let seen = ours(|ncat| {
        let folder = Folder::new("path");
        let (path, own) = (folder.join("socket"), folder.join("own"));
        let server = UnixDatagram::bind(&path).expect("a socket");
        server.set_read_timeout(Some(EVENT_DEADLINE)).expect("a time limit");
        let mut client = ncat.with("-uU -s").arg(&own).arg(&path).spawn();
        client.write_line("x");
        let (_, from) = server.recv_from(&mut [0; 99]).expect("a datagram");
        assert_eq!(from.as_pathname(), Some(own.as_path()));
        let seen = Seen::of(&client.wait());
        assert!(fs::metadata(&own).is_err(), "the file is left behind");
        seen
    });
    seen.is(0, "", "");
}

#[test]
fn s_and_p_say_from_where_a_client_comes() {
    let seen = both(|ncat| {
        let server = super::peer::server(|stream| stream.peer_addr().expect("its address"));
        let own = super::ncat::free_port();
        let finished = ncat.client(&format!("-s 127.0.0.5 -p {own}"), server.port).run();
        let from = server.done();
        assert_eq!(from.port(), own);
        Seen::of(&finished).beside(from.ip().to_string())
    });
    seen.is(0, "", "").peer_got(&["127.0.0.5"]);
}
