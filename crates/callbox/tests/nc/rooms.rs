//! `--broker` gives each client what any other sends; `--chat` says who.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use callbox_testkit::Folder;
use callbox_testkit::resources::resident_memory;

use super::ncat::{Listener, both, ours};
use super::peer::{connect, end, expect, line, read, read_to_end, send};

/// Two clients that both are in: each has heard the other.
#[track_caller]
fn two(listener: &Listener) -> (TcpStream, TcpStream) {
    let (mut one, mut other) = (connect(listener.port), connect(listener.port));
    // The listener may not have the second yet when the first speaks.
    loop {
        send(&mut one, "?");
        other.set_nonblocking(true).expect("a mode");
        let heard = std::io::Read::read(&mut other, &mut [0; 64]).is_ok();
        other.set_nonblocking(false).expect("a mode");
        if heard {
            break;
        }
        std::thread::yield_now();
    }
    // Whatever else was asked is behind this.
    send(&mut other, "!");
    expect(&mut one, "!");
    send(&mut one, ".");
    while read(&mut other, 1) != b"." {}
    (one, other)
}

#[test]
fn a_broker_gives_each_client_what_the_others_send_and_nothing_of_its_own() {
    let seen = both(|ncat| {
        let mut listener = ncat.listen("--broker");
        let (mut one, mut other) = two(&listener);
        send(&mut one, "from one\n");
        let mut got = line(&mut other);
        send(&mut other, "from the other\n");
        got += &line(&mut one);
        listener.write_line("from the host");
        got += &line(&mut one);
        got += &line(&mut other);
        listener.stop().beside(got)
    });
    assert_eq!((seen.out.as_str(), seen.err.as_str()), ("", ""));
    seen.peer_got(&["from one\\nfrom the other\\nfrom the host\\nfrom the host\\n"]);
}

#[test]
fn a_half_closed_client_of_a_broker_still_hears_the_others() {
    let seen = ours(|ncat| {
        let listener = ncat.listen("--broker");
        let (mut one, mut other) = two(&listener);
        send(&mut one, "my last\n");
        end(&one);
        expect(&mut other, "my last\n");
        send(&mut other, "answer\n");
        let got = line(&mut one);
        listener.stop().beside(got)
    });
    seen.peer_got(&["answer\\n"]);
}

#[test]
fn a_broker_that_only_sends_or_only_receives_passes_nothing_on() {
    for words in ["--send-only", "--recv-only"] {
        let seen = both(|ncat| {
            let mut listener = ncat.listen(&format!("--broker -v {words}"));
            let mut come = || {
                let client = connect(listener.port);
                let address = client.local_addr().expect("its address");
                listener.wait_for_stderr(&format!("Connection from {address}."));
                client
            };
            let (mut one, other) = (come(), come());
            send(&mut one, "not passed on\n");
            // Whoever comes now is let in after that was heard.
            let _others = (come(), come());
            other.set_nonblocking(true).expect("a mode");
            let heard = other.peek(&mut [0]).map_err(|error| error.kind());
            let seen = listener.stop();
            super::ncat::Seen { err: String::new(), ..seen }.beside(format!("{heard:?}"))
        });
        seen.peer_got(&["Err(WouldBlock)"]);
    }
}

#[test]
fn a_broker_stays_when_all_have_left() {
    let seen = both(|ncat| {
        let listener = ncat.listen("--broker");
        drop(two(&listener));
        let (mut one, mut other) = two(&listener);
        send(&mut one, "again\n");
        let got = line(&mut other);
        listener.stop().beside(got)
    });
    seen.peer_got(&["again\\n"]);
}

#[test]
fn the_clients_of_a_broker_are_probed_when_they_say_nothing() {
    let seen = ours(|ncat| {
        let listener = ncat.listen("--broker");
        let (one, _other) = two(&listener);
        // A connection that ended one way and one that did not.
        end(&one);
        let port = format!(":{:04X} ", listener.port);
        // The sockets of the listener, each with what its timer is for: 2 is for probing.
        let probed = || {
            let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
            let lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            let ours = lines.filter(|line| line[1].ends_with(port.trim()) && line[3] != "0A");
            ours.filter(|line| line[5].starts_with("02:")).count()
        };
        while probed() < 2 {
            std::thread::yield_now();
        }
        listener.stop()
    });
    assert_eq!((seen.out.as_str(), seen.err.as_str()), ("", ""));
}

#[test]
fn a_file_goes_through_a_broker_whole() {
    let seen = both(|ncat| {
        let listener = ncat.listen("--broker");
        let (mut one, mut other) = two(&listener);
        let reader = std::thread::spawn(move || {
            read(&mut other, 3_000_000).iter().all(|&byte| byte == b'f')
        });
        send(&mut one, vec![b'f'; 3_000_000]);
        let whole = reader.join().expect("all read");
        listener.stop().beside(whole.to_string())
    });
    seen.peer_got(&["true"]);
}

#[test]
fn a_broker_works_at_a_path_too() {
    let seen = ours(|ncat| {
        let folder = Folder::new("broker");
        let path = folder.join("socket");
        let listener = ncat.listen_at("--broker", &path);
        let mut one = UnixStream::connect(&path).expect("a connection");
        let mut other = UnixStream::connect(&path).expect("a connection");
        let heard = std::thread::spawn(move || line(&mut other));
        while !heard.is_finished() {
            send(&mut one, "hello\n");
            std::thread::yield_now();
        }
        let got = heard.join().expect("a line");
        listener.stop().beside(got)
    });
    seen.peer_got(&["hello\\n"]);
}

#[test]
fn a_chat_says_who_comes_who_is_there_who_speaks_and_who_leaves() {
    let seen = both(|ncat| {
        let mut listener = ncat.listen("--chat");
        let mut first = connect(listener.port);
        let mut got = line(&mut first) + &line(&mut first);
        let mut second = connect(listener.port);
        got += &(line(&mut second) + &line(&mut second));
        got += &(line(&mut first) + &line(&mut first));
        let mut third = connect(listener.port);
        got += &(line(&mut third) + &line(&mut third));
        for other in [&mut first, &mut second] {
            line(other);
            line(other);
        }
        send(&mut second, "hello\n");
        got += &line(&mut first);
        expect(&mut third, "<user5> hello\n");
        listener.write_line("welcome");
        got += &line(&mut first);
        expect(&mut second, "<user0> welcome\n");
        drop(second);
        got += &line(&mut first);
        listener.stop().beside(got)
    });
    assert_eq!((seen.out.as_str(), seen.err.as_str()), ("", ""));
    let got = "<announce> 127.0.0.1 is connected as <user4>.\n\
               <announce> already connected: nobody.\n\
               <announce> 127.0.0.1 is connected as <user5>.\n\
               <announce> already connected: 127.0.0.1 as <user4>.\n\
               <announce> 127.0.0.1 is connected as <user5>.\n\
               <announce> already connected: 127.0.0.1 as <user4>.\n\
               <announce> 127.0.0.1 is connected as <user6>.\n\
               <announce> already connected: 127.0.0.1 as <user4>, 127.0.0.1 as <user5>.\n\
               <user5> hello\n\
               <user0> welcome\n\
               <announce> <user5> is disconnected.\n";
    assert_eq!(seen.peer[0].replace("\\n", "\n"), got);
}

#[test]
fn a_chat_escapes_what_could_drive_a_terminal() {
    let seen = both(|ncat| {
        let listener = ncat.listen("--chat");
        let mut first = connect(listener.port);
        line(&mut first);
        line(&mut first);
        let mut second = connect(listener.port);
        for stream in [&mut first, &mut second] {
            line(stream);
            line(stream);
        }
        send(&mut second, b"\x1b[31mred\x07\x00\t\x7f\n");
        let got = line(&mut first);
        listener.stop().beside(got)
    });
    seen.peer_got(&["<user5> \\\\033[31mred\\\\007\\\\000\\t\\\\177\\n"]);
}

#[test]
fn a_broker_has_its_limit_and_its_lists() {
    let seen = both(|ncat| {
        let listener = ncat.listen("--broker -m 2 --deny 127.0.0.2");
        let (one, other) = two(&listener);
        let mut got = read_to_end(&mut connect(listener.port));
        got.extend(super::peer::read_to_close(&mut super::peer::connect_from(
            "127.0.0.2",
            listener.port,
        )));
        drop((one, other));
        listener.stop().beside(got)
    });
    seen.peer_got(&[""]);
}

#[test]
fn a_client_of_a_broker_that_stops_reading_is_cut_off_and_the_others_go_on() {
    let seen = ours(|ncat| {
        let mut listener = ncat.listen("--broker -v");
        let (mut one, mut other) = two(&listener);
        let mut stuck = connect(listener.port);
        let address = stuck.local_addr().expect("its address");
        listener.wait_for_stderr(&format!("Connection from {address}"));
        // More than the kernel and the broker hold for one that does not read.
        const BYTES: usize = 64 << 20;
        let reader = std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 20];
            let mut left = BYTES;
            while left > 0 {
                let count = std::io::Read::read(&mut other, &mut buffer).expect("bytes");
                assert!(count > 0, "{left} bytes are missing");
                left -= count;
            }
            other
        });
        send(&mut one, vec![b'x'; BYTES]);
        let mut other = reader.join().expect("all bytes");
        listener.wait_for_stderr("held up the others: cut off.");
        assert!(resident_memory(listener.id()) < 32 << 20, "memory stays flat");
        send(&mut one, "on we go\n");
        let got = line(&mut other);
        // What was on its way to it is still there, and then no more.
        let missed = super::peer::read_to_close(&mut stuck).len();
        assert!(missed < BYTES, "{missed} bytes");
        listener.stop().beside(got)
    });
    seen.peer_got(&["on we go\\n"]);
}
