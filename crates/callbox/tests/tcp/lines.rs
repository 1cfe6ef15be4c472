//! The other services over TCP, and the client that talks to them in lines.

use std::io::Write;
use std::thread;

use callbox_testkit::Terminal;

use super::*;

/// A server of `service`.
#[track_caller]
fn serving(service: &str, args: &[&str]) -> (Running, SocketAddr) {
    server(&[&["--service", service], args].concat())
}

/// Runs the line client of `service` over `input`.
#[track_caller]
fn talk(address: SocketAddr, service: &str, args: &[&str], input: impl AsRef<[u8]>) -> Finished {
    client(address, &[&["--service", service], args].concat()).run_with_input(input)
}

#[test]
fn each_line_comes_back_in_capitals() {
    let (server, address) = serving("upper", &[]);
    let finished = talk(address, "upper", &[], "sally\nhéllo 你好\n\nstraße");
    let replies = ["SALLY", "HÉLLO 你好", "", "STRASSE"];
    let lines = replies.map(|reply| format!("The server {address} replied with '{reply}'\n"));
    finished.expect_code(0).stdout_is(&lines.concat());
    stop(server).stdout_contains("  29 bytes received, 29 bytes sent\n  Closing socket\n");
}

#[test]
fn scripts_get_the_bare_replies() {
    let (server, address) = serving("upper", &["-q"]);
    let finished = talk(address, "upper", &["-q"], "sally\nhéllo 你好\n");
    finished.expect_code(0).stdout_is("SALLY\nHÉLLO 你好\n").stderr_is("");
    stop(server);
}

#[test]
fn a_character_split_over_two_segments_is_raised_whole() {
    let (mut server, address) = serving("upper", &["-q", "-v"]);
    let mut stream = connect(address);
    for byte in "héllo 你好 ß\n".bytes() {
        stream.write_all(&[byte]).unwrap();
        // The next byte leaves when this one was read alone.
        server.wait_for_stderr(") = 1 byte");
    }
    end(&stream);
    assert_eq!(read_to_end(&mut stream), "HÉLLO 你好 SS\n".as_bytes());
    stop(server);
}

#[test]
fn bytes_that_are_no_text_pass_unchanged_among_letters_that_are_raised() {
    let (server, address) = serving("upper", &["-q"]);
    let mut stream = connect(address);
    stream.write_all(b"a\xffb\xc3\n\x00c\xe4\xbd").unwrap();
    end(&stream);
    assert_eq!(read_to_end(&mut stream), b"A\xffB\xc3\n\x00C\xe4\xbd");
    stop(server);
}

#[test]
fn a_line_of_900_kib_comes_back_whole() {
    let (server, address) = serving("upper", &["-q"]);
    let line = "0123456789 abcdefghé ".repeat(900 * 1024 / 22);
    let finished = talk(address, "upper", &["-q"], format!("{line}\nend\n"));
    let expected = format!("{}\nEND\n", line.to_uppercase());
    finished
        .expect_code(0)
        .expect(finished.stdout == expected.as_bytes(), || "all of it".to_owned());
    stop(server);
}

#[test]
fn a_line_beyond_what_is_kept_is_refused_before_it_is_sent() {
    let (server, address) = serving("upper", &[]);
    let finished = talk(address, "upper", &["-q"], vec![b'x'; (1 << 20) + 1]);
    finished.expect_code(2).stdout_is("");
    finished.stderr_contains("callbox: the line is longer than 1048576 bytes and was not sent");
    stop(server).stdout_contains("  0 bytes received, 0 bytes sent\n");
}

#[test]
fn lines_that_were_not_taken_are_an_error_although_no_answer_is_due() {
    let (listener, address) = listener();
    let mut client = client(address, &["--service", "discard"]).spawn();
    client.write_line("sally");
    let (stream, _) = accept(&listener);
    reset(stream);
    let finished = client.wait();
    finished.expect_code(1).stdout_is("").stderr_contains(&format!("callbox: {address} "));

    // Taken in by the kernel and read by nobody.
    let finished = talk(address, "discard", &["--timeout", "200ms"], "sally\n");
    finished.expect_code(1).stderr_contains("was silent for 200ms");

    let finished = talk(address, "discard", &[], vec![b'x'; (1 << 20) + 1]);
    finished.expect_code(2).stderr_contains("the line is longer than 1048576 bytes");
}

#[test]
fn a_server_that_closes_in_the_middle_of_a_reply_is_told_from_one_that_never_answered() {
    for (part, error) in [
        (&b"SAL"[..], "closed the connection in the middle of its answer, of which 3 bytes came"),
        (b"", "closed the connection before it answered"),
    ] {
        let (listener, address) = listener();
        let mut client = client(address, &["--service", "upper", "-q"]).spawn();
        client.write_line("sally");
        let (mut stream, _) = accept(&listener);
        assert_eq!(read_exactly(&mut stream, 6), b"sally\n");
        stream.write_all(part).unwrap();
        drop(stream);
        let finished = client.wait();
        finished.expect_code(1).stdout_is("").stderr_is(&format!("callbox: {address} {error}\n"));
    }
}

#[test]
fn two_replies_in_one_segment_are_two_replies() {
    let (listener, address) = listener();
    let mut client = client(address, &["--service", "echo", "-q"]).spawn();
    client.write("a\nb\n");
    let (mut stream, _) = accept(&listener);
    assert_eq!(read_exactly(&mut stream, 2), b"a\n");
    stream.write_all(b"1\r\n2\r\n").unwrap();
    assert_eq!(read_exactly(&mut stream, 2), b"b\n");
    drop(stream);
    client.wait().expect_code(0).stdout_is("1\n2\n");
}

#[test]
fn echo_gives_back_what_it_was_sent() {
    let (server, address) = serving("echo", &["-q"]);
    talk(address, "echo", &["-q"], "Sally\nstraße\n").expect_code(0).stdout_is("Sally\nstraße\n");
    stop(server);
}

#[test]
fn echo_gives_back_megabytes_to_a_peer_that_reads_while_it_writes() {
    let (server, address) = serving("echo", &["-q"]);
    let sent: Vec<u8> =
        (0..8_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut stream = connect(address);
    let mut sender = stream.try_clone().unwrap();
    let received = thread::scope(|scope| {
        scope.spawn(|| {
            sender.write_all(&sent).expect("all of it is taken");
            end(&sender);
        });
        read_to_end(&mut stream)
    });
    assert!(
        received == sent,
        "{} of {} bytes came back, or other ones",
        received.len(),
        sent.len()
    );
    stop(server);
}

#[test]
fn discard_takes_everything_and_answers_nothing() {
    let (server, address) = serving("discard", &[]);
    talk(address, "discard", &[], "one\ntwo\n").expect_code(0).stdout_is("");
    stop(server).stdout_contains("  8 bytes received, 0 bytes sent\n");
}

#[test]
fn chargen_into_head_ends_quietly_and_in_order() {
    let (server, address) = serving("chargen", &["-q"]);
    let script = "{ \"$@\"; echo \"exit $?\" >&2; } | head -3";
    let finished = Program::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_callbox"), "tcp", "client", "-q"])
        .args(["--service", "chargen", &address.to_string()])
        .run();
    finished.expect_code(0).stderr_is("exit 0\n");
    let text = finished.stdout_text();
    let lines: Vec<_> = text.lines().collect();
    // RFC 864: lines of 72 characters of the printable ones, each begun one further on.
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line.len() == 72), "{lines:?}");
    assert!(
        lines[0].starts_with(" !\"#")
            && lines[1].starts_with("!\"#$")
            && lines[2].starts_with("\"#$%")
    );
    exchange_of_chargen(address);
    stop(server);
}

fn exchange_of_chargen(address: SocketAddr) {
    let mut stream = connect(address);
    let bytes = read_exactly(&mut stream, 100_000);
    assert!(bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n')));
}

#[test]
fn qotd_says_the_quote_of_the_day_and_closes() {
    let (server, address) = serving("qotd", &["-q"]);
    let quote = read_to_end(&mut connect(address));
    let quote = String::from_utf8(quote).unwrap();
    assert!(quote.chars().count() < 512 && quote.ends_with("\r\n"), "{quote:?}");
    let expected = format!("The server {address} replied with '{}'\n", quote.trim_end());
    talk(address, "qotd", &[], "").expect_code(0).stdout_is(&expected);
    stop(server);
}

#[test]
fn daytime_says_the_date_and_time_and_closes() {
    let (server, address) = serving("daytime", &["-q"]);
    let finished = talk(address, "daytime", &["-q"], "");
    finished.expect_code(0);
    let text = finished.stdout_text();
    // Weekday, Month Day, Year Time-Zone, as RFC 867 proposes.
    let shape = text.trim_end().ends_with("-UTC")
        && text.matches(", ").count() == 2
        && text.matches(':').count() == 2;
    finished.expect(shape, || "a date and time".to_owned());
    stop(server);
}

#[test]
fn time_says_the_seconds_since_1900_and_closes() {
    let (server, address) = serving("time", &["-q"]);
    let unix = || std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let before = unix();
    let answer = read_to_end(&mut connect(address));
    let after = unix();
    let seconds = u32::from_be_bytes(answer.try_into().expect("32 bits"));
    // RFC 868: 2,208,988,800 is 1970-01-01.
    let unix_then = u64::from(seconds.wrapping_sub(2_208_988_800));
    assert!((before..=after).contains(&unix_then), "{unix_then} is not in {before}..={after}");
    // A person is told the date too, and a script the bare number.
    let finished = talk(address, "time", &[], "");
    finished
        .expect_code(0)
        .stdout_contains(&format!("The server {address} replied with "))
        .stdout_contains(", which is ")
        .stdout_contains("-UTC\n");
    let finished = talk(address, "time", &["-q"], "");
    let number: u32 = finished.expect_code(0).stdout_text().trim_end().parse().expect("a number");
    assert!(number >= seconds);
    stop(server);
}

#[test]
fn random_bytes_end_no_service() {
    let noise: Vec<u8> =
        (0..60_000_u32).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 23) as u8).collect();
    for service in ["upper", "greeting", "echo", "discard", "qotd", "daytime", "time"] {
        let (server, address) = serving(service, &[]);
        for piece in [1, 2, 3, 1_000, noise.len()] {
            let mut stream = connect(address);
            // A service that has said all may close before it was sent all.
            let _ = stream.write_all(&noise[..piece]);
            let _ = stream.shutdown(Shutdown::Write);
            read_to_end(&mut stream);
        }
        stop(server);
    }
}

#[test]
fn a_person_at_a_terminal_is_prompted_for_each_line() {
    let (server, address) = serving("upper", &["-q"]);
    let mut person = Terminal::spawn(client(address, &["--service", "upper"]));
    for (typed, reply) in [("sally", "SALLY"), ("héllo 你好", "HÉLLO 你好")] {
        person.wait_for("Input lowercase sentence: ");
        person.type_text(&format!("{typed}\r"));
        person.wait_for(&format!("The server {address} replied with '{reply}'"));
    }
    person.wait_for("Input lowercase sentence: ");
    person.type_text("\x04");
    person.wait().expect_code(0);
    stop(server);
}
