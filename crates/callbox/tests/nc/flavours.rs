//! Letters that OpenBSD's nc knows with another meaning: under `--flavour openbsd` they have it, otherwise one line says
//! what the difference is.

use super::ncat::{Seen, ours};
use super::peer::{expect, line, read, read_to_end, send, server};

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
fn openbsd_s_nc_half_closes_only_with_big_n() {
    let seen = ours(|ncat| {
        let server = server(|mut stream| {
            let question = read_to_end(&mut stream);
            send(&mut stream, "answer\n");
            question
        });
        let finished =
            ncat.client("--flavour openbsd -N", server.port).run_with_input("question\n");
        Seen::of(&finished).beside(server.done())
    });
    seen.is(0, "answer\n", "").peer_got(&["question\\n"]);
    let seen = ours(|ncat| {
        let server = server(|mut stream| {
            let question = line(&mut stream);
            stream.set_nonblocking(true).expect("a mode");
            send(&mut stream, "answer\n");
            let found = stream.peek(&mut [0]).expect_err("nothing, not an end").kind();
            format!("{question}{found:?}")
        });
        let mut client = ncat.client("--flavour openbsd", server.port).spawn();
        client.write("question\n");
        client.close_stdin();
        client.wait_for_stdout("answer");
        Seen::of(&client.wait()).beside(server.done())
    });
    seen.is(0, "answer\n", "").peer_got(&["question\\nWouldBlock"]);
}

#[test]
fn openbsd_s_w_is_for_silence_too_and_ends_with_0() {
    let seen = ours(|ncat| {
        let server = server(|mut stream| {
            send(&mut stream, "then nothing\n");
            read_to_end(&mut stream)
        });
        let client = ncat.client("--flavour openbsd -w 1", server.port).spawn();
        Seen::of(&client.wait_with_open_stdin()).beside(server.done())
    });
    seen.is(0, "then nothing\n", "").peer_got(&[""]);
}

#[test]
fn openbsd_s_d_leaves_standard_input_alone() {
    let seen = ours(|ncat| {
        let server = server(|mut stream| {
            send(&mut stream, "banner\n");
            super::peer::end(&stream);
            read_to_end(&mut stream)
        });
        let mut client = ncat.client("--flavour openbsd -d", server.port).spawn();
        client.write_line("not read");
        Seen::of(&client.wait_with_open_stdin()).beside(server.done())
    });
    seen.is(0, "banner\n", "").peer_got(&[""]);
}

#[test]
fn openbsd_s_x_and_big_x_are_the_proxy_and_its_kind() {
    let seen = ours(|ncat| {
        let proxy = server(|mut stream| {
            expect(&mut stream, "\x05\x01\0");
            send(&mut stream, b"\x05\0");
            let asked = read(&mut stream, 10);
            send(&mut stream, b"\x05\0\0\x01\x01\x02\x03\x04\0cthrough\n");
            asked
        });
        let words = format!("--flavour openbsd -x 127.0.0.1:{} -X 5 1.2.3.4 99", proxy.port);
        Seen::of(&ncat.with(&words).spawn().wait_with_open_stdin()).beside(proxy.done())
    });
    seen.is(0, "through\n", "").peer_got(&["\\x05\\x01\\x00\\x01\\x01\\x02\\x03\\x04\\x00c"]);
}
