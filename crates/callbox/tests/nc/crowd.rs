//! `-lk`: many clients at once, how many, and which.

use std::fs;

use callbox_testkit::Folder;

use super::ncat::{Seen, both, ours};
use super::peer::{
    connect, connect_from, end, expect, has_ipv6, line, read_to_close, read_to_end, send,
};

#[test]
fn with_k_each_client_is_heard_and_what_is_typed_goes_to_all() {
    let seen = both(|ncat| {
        let mut listener = ncat.listen("-k");
        let (mut one, mut other) = (connect(listener.port), connect(listener.port));
        send(&mut one, "from one\n");
        listener.wait_for_stdout("from one");
        send(&mut other, "from the other\n");
        listener.wait_for_stdout("from the other");
        listener.write_line("to all");
        let got = [line(&mut one), line(&mut other)].concat();
        drop(one);
        listener.write_line("to the rest");
        expect(&mut other, "to the rest\n");
        // One that comes later is heard as well.
        let mut third = connect(listener.port);
        send(&mut third, "from a third\n");
        listener.wait_for_stdout("from a third");
        listener.stop().beside(got)
    });
    assert_eq!(
        (seen.out.as_str(), seen.err.as_str()),
        ("from one\nfrom the other\nfrom a third\n", "")
    );
    seen.peer_got(&["to all\\nto all\\n"]);
}

#[test]
fn the_end_of_input_ends_what_clients_are_sent_and_not_the_listener() {
    let seen = both(|ncat| {
        let mut listener = ncat.listen("-k");
        let mut client = connect(listener.port);
        send(&mut client, "here\n");
        listener.wait_for_stdout("here");
        listener.write_line("last words");
        listener.close_stdin();
        let got = read_to_end(&mut client);
        send(&mut client, "still heard\n");
        listener.wait_for_stdout("still heard");
        let mut late = connect(listener.port);
        send(&mut late, "me too\n");
        listener.wait_for_stdout("me too");
        listener.stop().beside(got)
    });
    seen.peer_got(&["last words\\n"]);
}

#[test]
fn a_client_over_the_limit_is_closed_at_once() {
    let seen = both(|ncat| {
        let mut listener = ncat.listen("-kv -m 1");
        let mut first = connect(listener.port);
        send(&mut first, "in\n");
        listener.wait_for_stdout("in");
        let got = read_to_close(&mut connect(listener.port));
        listener.wait_for_stderr("New connection denied");
        drop(first);
        // The place is free again, once the listener has seen that.
        while !listener.stdout_so_far().contains("next") {
            let mut next = connect(listener.port);
            let _ = std::io::Write::write_all(&mut next, b"next\n");
            end(&next);
            read_to_close(&mut next);
        }
        let seen = listener.stop();
        let denied = seen.err.lines().find(|line| line.contains("denied")).unwrap_or_default();
        Seen { err: format!("{denied}\n"), out: String::new(), ..seen }.beside(got)
    });
    assert_eq!(seen.err, "Ncat: New connection denied: connection limit reached (1)\n");
    seen.peer_got(&[""]);
}

#[test]
fn a_hundred_clients_are_the_limit_where_none_is_given() {
    let seen = both(|ncat| {
        let mut listener = ncat.listen("-k");
        // One after the other: ncat's queue of those who wait is short.
        let _crowd: Vec<_> = (0..100)
            .map(|_| {
                let mut client = connect(listener.port);
                send(&mut client, "in\n");
                listener.wait_for_stdout("in");
                client
            })
            .collect();
        let got = read_to_close(&mut connect(listener.port));
        listener.stop().beside(got)
    });
    seen.peer_got(&[""]);
}

/// Whether a client from `from` gets in by these words: what it is sent is then on standard output.
#[track_caller]
fn admits(words: &str, from: &str) -> bool {
    let seen = both(|ncat| {
        let mut listener = ncat.listen(&format!("-kv {words}"));
        let mut client = connect_from(from, listener.port);
        // A write may come behind the refusal.
        let _ = std::io::Write::write_all(&mut client, b"hello\n");
        listener.wait_for_stderr(&format!("Connection from {from}:"));
        // Both kinds of line come before anything is read of the next client.
        let inside = connect_from("127.9.9.9", listener.port);
        listener.wait_for_stderr("Connection from 127.9.9.9:");
        drop(inside);
        let refused = listener
            .stderr_so_far()
            .contains("denied: not allowed\nNcat: Connection from 127.9.9.9.");
        if !refused {
            listener.wait_for_stdout("hello");
        } else {
            read_to_close(&mut client);
        }
        let seen = listener.stop();
        Seen { err: format!("refused: {refused}"), ..seen }
    });
    seen.out == "hello\n"
}

#[test]
fn who_is_allowed_gets_in_and_nobody_else() {
    let all = "--allow 127.9.9.9,";
    for list in [
        "127.0.0.1",
        "127.0.0.0/24",
        "127.0.0.1-5",
        "127.0-3.0.*",
        "10.0.0.1,127.0.0.1",
        "localhost",
        "::ffff:127.0.0.1",
    ] {
        assert!(admits(&format!("{all}{list}"), "127.0.0.1"), "{list}");
    }
    for list in ["10.0.0.1", "127.0.1.0/24", "127.0.0.2-5", "::1"] {
        assert!(!admits(&format!("{all}{list}"), "127.0.0.1"), "{list}");
    }
}

#[test]
fn deny_beats_allow() {
    assert!(!admits("--allow 127.0.0.0/8 --deny 127.0.0.2", "127.0.0.2"));
    assert!(admits("--allow 127.0.0.0/8 --deny 127.0.0.2", "127.0.0.3"));
    assert!(!admits("--deny 127.0.0.2 --allow 127.0.0.0/8", "127.0.0.2"));
}

#[test]
fn lists_are_read_from_files_and_add_up() {
    let folder = Folder::new("lists");
    let (one, other) = (folder.join("one"), folder.join("other"));
    fs::write(&one, "10.0.0.1 127.9.9.9\t10.0.0.2\r\n").expect("a file");
    fs::write(&other, "\n\n127.0.0.2\n").expect("a file");
    let allow = format!("--allowfile {} --allow 127.0.0.0/30", one.display());
    assert!(admits(&allow, "127.0.0.1"));
    assert!(!admits(&allow, "127.0.1.1"));
    let deny = format!("{allow} --denyfile {}", other.display());
    assert!(!admits(&deny, "127.0.0.2"));
    assert!(admits(&deny, "127.0.0.1"));
}

#[test]
fn a_client_that_is_not_allowed_is_closed_without_a_word() {
    let seen = both(|ncat| {
        let listener = ncat.listen("-k --deny 127.0.0.1");
        let got = read_to_close(&mut connect(listener.port));
        listener.stop().beside(got)
    });
    assert_eq!((seen.out.as_str(), seen.err.as_str()), ("", ""));
    seen.peer_got(&[""]);
}

#[test]
fn without_k_a_client_that_is_not_allowed_leaves_the_place_to_the_next() {
    let seen = ours(|ncat| {
        let listener = ncat.listen("--deny 127.0.0.2");
        let got = read_to_close(&mut connect_from("127.0.0.2", listener.port));
        let mut client = connect(listener.port);
        send(&mut client, "welcome\n");
        drop(client);
        listener.ended().beside(got)
    });
    seen.is(0, "welcome\n", "").peer_got(&[""]);
}

#[test]
fn ipv6_clients_are_looked_up_as_well() {
    if !has_ipv6() {
        return;
    }
    let seen = both(|ncat| {
        let port = super::ncat::free_port();
        let mut listener = ncat.with("-lkv --deny ::1").arg(port.to_string()).spawn();
        listener.wait_for_stderr("Listening on 0.0.0.0:");
        let mut client = std::net::TcpStream::connect(("::1", port)).expect("a connection");
        let got = read_to_close(&mut client);
        listener.wait_for_stderr("New connection denied: not allowed");
        let mut client = connect(port);
        send(&mut client, "v4\n");
        listener.wait_for_stdout("v4");
        listener.signal(callbox_testkit::Signal::TERM);
        Seen { code: None, err: String::new(), ..Seen::of(&listener.wait()) }.beside(got)
    });
    assert_eq!(seen.out, "v4\n");
}

#[test]
fn all_mistakes_of_a_file_are_told_with_their_lines() {
    let folder = Folder::new("mistakes");
    let file = folder.join("list");
    fs::write(&file, "127.0.0.1\n1.2.3.4/99\n127.0.0.2\nbad..host\n").expect("a file");
    let seen = ours(|ncat| Seen::of(&ncat.with("-l --allowfile").arg(&file).arg("9999").run()));
    assert_eq!(seen.code, Some(2));
    for part in ["2", "1.2.3.4/99", "4", "bad..host"] {
        assert!(seen.err.contains(part), "{part:?} is not in {}", seen.err);
    }
}
