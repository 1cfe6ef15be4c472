//! What ncat does not do: QUIC, WebSocket, chains of proxies, lists that are read again, captures.

use std::fs;

use callbox_testkit::{Folder, Program, Signal};

use super::ncat::{Listener, Ncat, Seen, ours};
use super::peer::{connect, connect_from, echo, line, send};

/// A line in each direction between a client and a listener, who ends with it.
#[track_caller]
fn converse(mut listener: Listener, client: Program) -> Seen {
    let seen = listener.converse(client);
    listener.ended().is(0, "to the listener\n", "");
    seen
}

#[test]
fn quic_carries_a_conversation() {
    let seen = ours(|ncat| {
        let listener = ncat.listen("--quic");
        let client = ncat.client("--quic", listener.port);
        converse(listener, client)
    });
    seen.is(0, "to the client\n", "");
}

#[test]
fn much_goes_through_quic_whole() {
    let seen = ours(|ncat| {
        let listener = ncat.listen("--quic");
        let finished = ncat.client("--quic", listener.port).run_with_input(vec![b'q'; 3_000_000]);
        finished.expect_code(0);
        let seen = listener.ended();
        Seen { out: seen.out.len().to_string(), ..seen }
    });
    seen.is(0, "3000000", "");
}

#[test]
fn a_websocket_carries_a_conversation() {
    for scheme in ["ws", "wss"] {
        let seen = ours(|ncat| {
            let port = super::ncat::free_port();
            let url = format!("{scheme}://127.0.0.1:{port}/");
            let listener = Listener::ready(ncat.with("-l --test").arg(&url), port);
            converse(listener, ncat.with(&url))
        });
        seen.is(0, "to the client\n", "");
    }
}

#[test]
fn a_websocket_listener_talks_to_another_s_client() {
    let seen = ours(|ncat| {
        let port = super::ncat::free_port();
        let url = format!("ws://127.0.0.1:{port}/path");
        let mut listener = Listener::ready(ncat.with("-l --test").arg(&url), port);
        let (mut client, _) = tungstenite::client(&url, connect(port)).expect("a WebSocket");
        client.send(tungstenite::Message::text("from tungstenite\n")).expect("sent");
        listener.wait_for_stdout("from tungstenite");
        listener.write_line("from nc");
        let mut got = Vec::new();
        while !got.ends_with(b"\n") {
            got.extend(client.read().expect("a message").into_data());
        }
        client.close(None).expect("a close");
        while client.read().is_ok() {}
        listener.ended().beside(got)
    });
    seen.is(0, "from tungstenite\n", "").peer_got(&["from nc\\n"]);
}

#[test]
fn a_web_page_opens_a_websocket_only_where_its_origin_is_named() {
    for (words, origin, status) in [
        ("", "Origin: http://127.0.0.1:8080\r\n", "HTTP/1.1 403"),
        ("", "", "HTTP/1.1 101"),
        ("--allow-origin https://a.test", "Origin: https://a.test\r\n", "HTTP/1.1 101"),
        ("--allow-origin https://a.test", "Origin: https://b.test\r\n", "HTTP/1.1 403"),
        ("--allow-origin *", "Origin: null\r\n", "HTTP/1.1 101"),
    ] {
        let seen = ours(|ncat| {
            let port = super::ncat::free_port();
            let url = format!("ws://127.0.0.1:{port}");
            let program = ncat.with("-l -k -v --test").args(words.split_whitespace()).arg(&url);
            let mut listener = Listener::ready(program, port);
            let mut page = connect(port);
            let request = format!(
                "GET / HTTP/1.1\r\nHost: {}\r\n{origin}Upgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                &url[5..]
            );
            send(&mut page, request);
            let answer = line(&mut page);
            if answer.contains("403") {
                listener.wait_for_stderr("may not come here; --allow-origin names those that may");
            }
            listener.stop().beside(&answer[..12])
        });
        assert_eq!(seen.peer, [status], "{words} {origin}");
        assert!(!seen.err.contains("SSL"), "{}", seen.err);
    }
}

#[test]
fn proxies_form_a_chain_in_the_order_they_are_given() {
    let seen = ours(|ncat| {
        let [first, second] = [(); 2].map(|()| ncat.listen("--proxy-type http"));
        let server = echo();
        let words = format!("--proxy 127.0.0.1:{} --proxy 127.0.0.1:{}", first.port, second.port);
        let mut client = ncat.client(&words, server.port).spawn();
        client.write_line("through both");
        client.wait_for_stdout("through both");
        let seen = Seen::of(&client.wait()).beside(server.done());
        first.stop();
        second.stop();
        seen
    });
    seen.is(0, "through both\n", "").peer_got(&["through both\\n"]);
}

#[test]
fn lists_are_read_again_at_sighup_and_sessions_stay() {
    let seen = ours(|ncat| {
        let folder = Folder::new("lists");
        let list = folder.join("allowed");
        fs::write(&list, "127.0.0.1\n127.0.0.2\n").expect("a file");
        let words = format!("-k --reuse-lists --allowfile {}", list.display());
        let mut listener = ncat.listen(&words);
        let mut kept = connect_from("127.0.0.2", listener.port);
        send(&mut kept, "in\n");
        listener.wait_for_stdout("in");
        fs::write(&list, "127.0.0.1\n").expect("a file");
        listener.signal(Signal::HUP);
        // Until the list is read, the old one counts.
        loop {
            let mut next = connect_from("127.0.0.2", listener.port);
            let _ = std::io::Write::write_all(&mut next, b"again\n");
            let _ = next.shutdown(std::net::Shutdown::Write);
            super::peer::read_to_close(&mut next);
            let heard = listener.stdout_so_far().matches("again").count();
            send(&mut connect(listener.port), "mark\n");
            listener.wait_for_stdout("mark");
            if listener.stdout_so_far().matches("again").count() == heard {
                break;
            }
        }
        listener.write_line("still there?");
        let got = line(&mut kept);
        Seen { out: String::new(), ..listener.stop() }.beside(got)
    });
    seen.peer_got(&["still there?\\n"]);
    assert_eq!(seen.err, "");
}

#[test]
fn a_list_with_a_mistake_is_not_taken_at_sighup() {
    let seen = ours(|ncat| {
        let folder = Folder::new("lists");
        let list = folder.join("allowed");
        fs::write(&list, "127.0.0.1\n").expect("a file");
        let words = format!("-k --reuse-lists --allowfile {}", list.display());
        let mut listener = ncat.listen(&words);
        fs::write(&list, "127.0.0.1\n1.2.3.4/99\n").expect("a file");
        listener.signal(Signal::HUP);
        listener.wait_for_stderr("1.2.3.4/99");
        send(&mut connect(listener.port), "still in\n");
        listener.wait_for_stdout("still in");
        Seen { err: String::new(), ..listener.stop() }
    });
    assert_eq!(seen.out, "still in\n");
}

/// What tshark reads in a capture: a line for each packet with a payload, its ports and the payload in hexadecimal.
#[track_caller]
fn captured(ncat: &Ncat, words: &str) -> Vec<String> {
    let folder = Folder::new("capture");
    let file = folder.join("capture.pcap");
    let server = echo();
    let port = server.port.to_string();
    let mut client =
        ncat.client(&format!("{words} --pcap {}", file.display()), server.port).spawn();
    client.write_line("hello");
    client.wait_for_stdout("hello");
    client.wait().expect_code(0);
    server.done();
    let fields = ["-T", "fields", "-e", "tcp.srcport", "-e", "tcp.dstport", "-e", "tcp.payload"];
    let tshark = Program::new("tshark").arg("-r").arg(&file).args(fields);
    let finished = tshark.args(["-Y", "tcp.len > 0"]).run();
    finished.expect_code(0);
    let text = finished.stdout_text().into_owned();
    let known = |number: &str| if number == port { "server" } else { "client" };
    text.lines()
        .map(|line| {
            let mut fields = line.split('\t');
            let (from, to) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
            let payload = fields.next().unwrap_or_default();
            format!("{} > {}: {payload}", known(from), known(to))
        })
        .collect()
}

#[test]
fn a_capture_is_one_that_tshark_reads() {
    super::ncat::needs("tshark", "tshark");
    let packets = captured(&Ncat::ours(), "");
    assert_eq!(packets, ["client > server: 68656c6c6f0a", "server > client: 68656c6c6f0a"]);
}

/// As tshark shows a payload.
fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_kind_of_connection_can_be_captured_and_is_told_in_the_clear() {
    super::ncat::needs("tshark", "tshark");
    let folder = Folder::new("kinds");
    let path = folder.join("socket");
    let path = format!("-U {}", path.display());
    for words in ["-u", "--ssl", "--quic", "-u --ssl", &path] {
        let [ours, theirs] = ["ours", "theirs"].map(|name| folder.join(name));
        let ncat = Ncat::ours();
        let captures = |program: Program, file: &std::path::Path| program.arg("--pcap").arg(file);
        let port = super::ncat::free_port();
        let words = match words.starts_with("-U") {
            true => words.to_owned(),
            false => format!("{words} 127.0.0.1 {port}"),
        };
        let program = captures(ncat.with("-l --test"), &theirs).args(words.split(' '));
        let mut listener = Listener::ready(program, port);
        listener.converse(captures(ncat.with(&words), &ours)).is(0, "to the client\n", "");
        super::peer::wait_for_record(&theirs, b"to the client\n");
        listener.stop();
        for file in [&ours, &theirs] {
            let fields = ["-e", "ip.src", "-e", "ip.dst", "-e", "tcp.payload", "-e", "udp.payload"];
            let tshark = Program::new("tshark").arg("-r").arg(file).args(["-T", "fields"]);
            // Not "data": the port may be one for which it knows a protocol.
            let finished = tshark.args(fields).args(["-Y", "tcp.len > 0 || udp"]).run();
            let text = finished.expect_code(0).stdout_text();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let host = "127.0.0.1 127.0.0.1";
            let [question, answer] = ["to the listener\n", "to the client\n"].map(hexadecimal);
            let told = format!("{host} {question} {host} {answer}");
            assert_eq!(text, told, "{words}");
        }
    }
}

#[test]
fn in_a_capture_the_end_of_a_direction_stands_where_it_came() {
    super::ncat::needs("tshark", "tshark");
    // The client ends, the answer comes behind that, and then the server's end: with and without a program.
    for words in [&[][..], &["-c", "printf question"]] {
        let folder = Folder::new("capture");
        let file = folder.join("capture.pcap");
        let server = super::peer::server(|mut stream| {
            let question = super::peer::read_to_end(&mut stream);
            let _ = std::io::Write::write_all(&mut stream, b"answer");
            question
        });
        let client = Ncat::ours().with("--pcap").arg(&file).args(words.iter().copied());
        let client = client.arg("127.0.0.1").arg(server.port.to_string());
        client.run_with_input("question").expect_code(0);
        server.done();
        let fields = ["-T", "fields", "-e", "tcp.flags.fin", "-e", "tcp.payload"];
        let tshark = Program::new("tshark").arg("-r").arg(&file).args(fields);
        let finished = tshark.args(["-Y", "tcp.len > 0 || tcp.flags.fin == 1"]).run();
        let text = finished.expect_code(0).stdout_text().replace("True", "1").replace("False", "0");
        let packets: Vec<_> = text.lines().map(str::trim).collect();
        let (question, answer) = ("0\t7175657374696f6e", "0\t616e73776572");
        match words.is_empty() {
            true => assert_eq!(packets, [question, "1", answer, "1"]),
            // It has ended and does not hear the answer.
            false => assert_eq!(packets[..2], [question, "1"]),
        }
    }
}

#[test]
fn where_the_kernel_has_no_sctp_the_error_says_so() {
    if fs::metadata("/proc/net/sctp").is_ok() {
        return;
    }
    let seen = ours(|ncat| Seen::of(&ncat.client("--sctp", 9999).run()));
    assert!(seen.err.contains("SCTP"), "{}", seen.err);
    assert!(seen.code.is_some_and(|code| code != 0));
}
