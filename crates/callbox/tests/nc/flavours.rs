//! Letters that OpenBSD's nc and the traditional netcat know with another meaning: under `--flavour` they have it, as
//! Debian's own show beside ours, and otherwise one line says what the difference is.

use std::fs;
use std::time::{Duration, Instant};

use callbox_testkit::{Folder, Program};

use super::ncat::{Ncat, Seen, beside, free_port, ours};
use super::peer::{blackhole, end, expect, line, read, read_to_end, send, server};

#[track_caller]
fn openbsd(scenario: impl Fn(&Ncat) -> Seen) -> Seen {
    beside("nc.openbsd", "openbsd", scenario)
}

#[track_caller]
fn traditional(scenario: impl Fn(&Ncat) -> Seen) -> Seen {
    beside("nc.traditional", "traditional", scenario)
}

#[test]
fn an_option_of_another_nc_is_refused_with_one_line_that_names_it() {
    for words in ["-N", "-X connect", "-P joe", "-b", "-r", "-W 1", "-I 4096"] {
        let seen = ours(|ncat| Seen::of(&ncat.with(&format!("{words} 127.0.0.1 9")).run()));
        assert_eq!((seen.code, seen.out.as_str()), (Some(2), ""), "{words}");
        assert_eq!(seen.err.lines().count(), 1, "{words}: {}", seen.err);
        let letter = words.split(' ').next().unwrap_or_default();
        for part in ["Ncat: ", letter, "OpenBSD's nc"] {
            assert!(seen.err.contains(part), "{words}: {part:?} is not in {}", seen.err);
        }
    }
}

#[test]
fn a_value_that_only_makes_sense_in_openbsd_s_nc_is_told_in_one_line() {
    // -q that waits for ever; a proxy where ncat takes a file's name.
    let seen = ours(|ncat| Seen::of(&ncat.with("-q -1 127.0.0.1 9").run()));
    assert_eq!((seen.code, seen.err.lines().count()), (Some(2), 1), "{}", seen.err);
    assert!(seen.err.contains("OpenBSD's nc") && seen.err.contains("--flavour"), "{}", seen.err);
    let folder = Folder::new("difference");
    let seen = ours(|ncat| {
        let client = ncat.with("-x 127.0.0.1:1080 127.0.0.1").arg(free_port().to_string());
        let there = format!("cd {} && exec {}", folder.path().display(), client.command_line());
        Seen::of(&Program::new("sh").args(["-c", &there]).run())
    });
    let told = seen.err.lines().filter(|line| line.contains("OpenBSD's nc")).count();
    assert!(seen.code == Some(1) && told == 1 && seen.err.lines().count() == 2, "{}", seen.err);
}

/// A server that is asked, sees the end, and then answers.
#[track_caller]
fn answered_behind_the_end(nc: &Ncat, words: &str) -> Seen {
    let server = server(|mut stream| {
        let question = read_to_end(&mut stream);
        send(&mut stream, "answer\n");
        question
    });
    let finished = nc.client(words, server.port).run_with_input("question\n");
    Seen::of(&finished).beside(server.done())
}

#[test]
fn openbsd_s_nc_half_closes_with_big_n_and_with_q() {
    for words in ["-N", "-q 5", "-Nq 5"] {
        let seen = openbsd(|nc| answered_behind_the_end(nc, words));
        seen.is(0, "answer\n", "").peer_got(&["question\\n"]);
    }
}

#[test]
fn neither_of_the_others_half_closes_by_itself() {
    for other in [openbsd, traditional] as [fn(fn(&Ncat) -> Seen) -> Seen; 2] {
        let seen = other(|nc| {
            let server = server(|mut stream| {
                let asked = Instant::now();
                let question = line(&mut stream);
                let rest = read_to_end(&mut stream);
                assert!(asked.elapsed() > Duration::from_millis(900), "{:?}", asked.elapsed());
                (question, rest)
            });
            // Its end is that of the time for silence.
            let finished = nc.client("-w 1", server.port).run_with_input("question\n");
            let (question, rest) = server.done();
            Seen::of(&finished).beside(question).beside(rest)
        });
        seen.is(0, "", "").peer_got(&["question\\n", ""]);
    }
}

#[test]
fn openbsd_s_q_counts_from_what_came_last() {
    // Debian's waits for the peer's end before it counts, which its manual does not say.
    let seen = ours(|ncat| {
        // The thread's value is the connection, which so stays open until the end.
        let server = server(|mut stream| {
            let question = read_to_end(&mut stream);
            send(&mut stream, "answer\n");
            (question, stream)
        });
        let start = Instant::now();
        let client = ncat.client("--flavour openbsd -q 1", server.port);
        let finished = client.run_with_input("question\n");
        assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
        Seen::of(&finished).beside(server.done().0)
    });
    seen.is(0, "answer\n", "").peer_got(&["question\\n"]);
}

#[test]
fn openbsd_s_w_is_for_silence_too_and_ends_with_0() {
    let seen = openbsd(|nc| {
        let server = server(|mut stream| {
            send(&mut stream, "then nothing\n");
            read_to_end(&mut stream)
        });
        let client = nc.client("-w 1", server.port).spawn();
        Seen::of(&client.wait_with_open_stdin()).beside(server.done())
    });
    seen.is(0, "then nothing\n", "").peer_got(&[""]);
}

#[test]
fn w_of_the_others_bounds_connecting_as_well() {
    for other in [openbsd, traditional] as [fn(fn(&Ncat) -> Seen) -> Seen; 2] {
        let seen = other(|nc| {
            let hole = blackhole();
            Seen::of(&nc.client("-w 1", hole.port).run())
        });
        seen.is(1, "", "");
    }
}

#[test]
fn the_traditional_w_is_for_silence_behind_the_end_of_input() {
    let seen = traditional(|nc| {
        let server = server(|mut stream| {
            // Longer than the time for silence; nothing comes either way.
            let limit = stream.read_timeout().expect("a limit");
            stream.set_read_timeout(Some(Duration::from_millis(1500))).expect("a limit");
            std::io::Read::read(&mut stream, &mut [0]).expect_err("nothing comes");
            stream.set_read_timeout(limit).expect("a limit");
            send(&mut stream, "late\n");
            read_to_end(&mut stream)
        });
        let mut client = nc.client("-w 1", server.port).spawn();
        client.wait_for_stdout("late");
        Seen::of(&client.wait()).beside(server.done())
    });
    seen.is(0, "late\n", "").peer_got(&[""]);
}

#[test]
fn the_traditional_q_ends_it_that_long_after_its_input() {
    let seen = traditional(|nc| {
        // The thread's value is the connection, which so stays open until the end.
        let server = server(|mut stream| (read_to_end(&mut stream), stream));
        let start = Instant::now();
        let finished = nc.client("-q 1", server.port).run_with_input("x");
        assert!(start.elapsed() >= Duration::from_millis(900), "{:?}", start.elapsed());
        Seen::of(&finished).beside(server.done().0)
    });
    seen.is(0, "", "").peer_got(&["x"]);
}

#[test]
fn the_traditional_o_is_a_dump_in_hexadecimal() {
    let folder = Folder::new("dump");
    let seen = traditional(|nc| {
        let file = folder.join("dump");
        let server = server(|mut stream| {
            send(&mut stream, "hello\n");
            end(&stream);
            read_to_end(&mut stream)
        });
        let client = nc.client(&format!("-o {}", file.display()), server.port).spawn();
        let seen = Seen::of(&client.wait_with_open_stdin()).beside(server.done());
        let dump = fs::read_to_string(&file).expect("a dump");
        seen.beside(dump.contains("68 65 6c 6c 6f 0a").to_string())
    });
    seen.is(0, "hello\n", "").peer_got(&["", "true"]);
}

#[test]
fn the_traditional_netcat_runs_programs_and_listens_at_p() {
    let seen = traditional(|nc| {
        let port = free_port();
        let listener = nc.with(&format!("-l -p {port} -c")).arg("read x; echo got $x").spawn();
        let mut client = loop {
            // Neither tells when it listens.
            if let Ok(client) = std::net::TcpStream::connect(("127.0.0.1", port)) {
                break client;
            }
            std::thread::yield_now();
        };
        send(&mut client, "it\n");
        let got = line(&mut client);
        Seen::of(&listener.wait_with_open_stdin()).beside(got)
    });
    seen.is(0, "", "").peer_got(&["got it\\n"]);
}

#[test]
fn openbsd_s_d_leaves_standard_input_alone() {
    let seen = openbsd(|nc| {
        let server = server(|mut stream| {
            send(&mut stream, "banner\n");
            end(&stream);
            read_to_end(&mut stream)
        });
        let mut client = nc.client("-d", server.port).spawn();
        client.write_line("not read");
        Seen::of(&client.wait_with_open_stdin()).beside(server.done())
    });
    seen.is(0, "banner\n", "").peer_got(&[""]);
}

/// What a proxy is asked through OpenBSD's letters, before it lets `hello` and `through` pass.
#[track_caller]
fn asked(words: &'static str, target: &str, answers: &'static [(usize, &'static [u8])]) -> Seen {
    openbsd(|nc| {
        let proxy = server(move |mut stream| {
            let mut asked = Vec::new();
            for (length, answer) in answers {
                asked.extend(read(&mut stream, *length));
                send(&mut stream, answer);
            }
            expect(&mut stream, "hello\n");
            send(&mut stream, "through\n");
            asked
        });
        let words = format!("{words} -x 127.0.0.1:{} {target}", proxy.port);
        Seen::of(&nc.with(&words).run_with_input("hello\n")).beside(proxy.done())
    })
}

#[test]
fn openbsd_s_x_and_big_x_are_the_proxy_and_its_kind() {
    const SOCKS5: &[(usize, &[u8])] = &[(3, b"\x05\0"), (10, b"\x05\0\0\x01\x01\x02\x03\x04\0c")];
    for words in ["-X 5", ""] {
        let seen = asked(words, "1.2.3.4 99", SOCKS5);
        seen.is(0, "through\n", "");
        seen.peer_got(&["\\x05\\x01\\x00\\x05\\x01\\x00\\x01\\x01\\x02\\x03\\x04\\x00c"]);
    }
    // A name is told to a proxy of version 5, and looked up for one of version 4.
    const NAMED: &[(usize, &[u8])] = &[(3, b"\x05\0"), (16, b"\x05\0\0\x01\x01\x02\x03\x04\0c")];
    let seen = asked("-X 5", "localhost 99", NAMED);
    seen.peer_got(&["\\x05\\x01\\x00\\x05\\x01\\x00\\x03\\tlocalhost\\x00c"]);
    const SOCKS4: &[(usize, &[u8])] = &[(9, b"\0\x5a\0\0\0\0\0\0")];
    let seen = asked("-X 4", "localhost 99", SOCKS4);
    seen.is(0, "through\n", "").peer_got(&["\\x04\\x01\\x00c\\x7f\\x00\\x00\\x01\\x00"]);
}

#[test]
fn openbsd_s_big_x_connect_is_a_proxy_of_http() {
    let seen = openbsd(|nc| {
        let proxy = server(|mut stream| {
            let request = line(&mut stream);
            while line(&mut stream) != "\r\n" {}
            send(&mut stream, "HTTP/1.0 200 OK\r\n\r\n");
            expect(&mut stream, "hello\n");
            send(&mut stream, "through\n");
            // The one says 1.0, the other 1.1.
            request.split(" HTTP/").next().unwrap_or_default().to_owned()
        });
        let words = format!("-X connect -x 127.0.0.1:{} example.test 99", proxy.port);
        Seen::of(&nc.with(&words).run_with_input("hello\n")).beside(proxy.done())
    });
    seen.is(0, "through\n", "").peer_got(&["CONNECT example.test:99"]);
}

#[test]
fn a_proxy_of_openbsd_s_x_that_says_no_ends_it_with_1_and_a_kind_without_a_proxy_is_nothing() {
    let seen = openbsd(|nc| {
        let proxy = server(|mut stream| {
            expect(&mut stream, "\x05\x01\0");
            send(&mut stream, b"\x05\0");
            read(&mut stream, 10);
            send(&mut stream, b"\x05\x05\0\x01\0\0\0\0\0\0");
        });
        let words = format!("-X 5 -x 127.0.0.1:{} 1.2.3.4 99", proxy.port);
        let seen = Seen::of(&nc.with(&words).spawn().wait_with_open_stdin());
        proxy.done();
        seen
    });
    seen.is(1, "", "");
    let seen = openbsd(|nc| answered_behind_the_end(nc, "-X connect -N"));
    seen.is(0, "answer\n", "").peer_got(&["question\\n"]);
}
