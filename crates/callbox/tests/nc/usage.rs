//! Command lines that mean nothing end with 2 before anything is connected or bound.

use super::ncat::{Seen, both, ours};

/// What both of them refuse; what they say is each one's own.
const REFUSED: &[&str] = &[
    "",
    "80",
    "--nosuch",
    "-p",
    "--proxy",
    "127.0.0.1 abc",
    "127.0.0.1 65536",
    "127.0.0.1 80 81",
    "127.0.0.1 80-90",
    "-w abc 127.0.0.1 9",
    "-w 0 127.0.0.1 9",
    "-i 5x 127.0.0.1 9",
    "-d x 127.0.0.1 9",
    "-w 99999999999 127.0.0.1 9",
    "-p abc 127.0.0.1 9",
    "-p 70000 127.0.0.1 9",
    "-l -z 5",
    "-l 70000",
    "-l 1 2",
    "-l 127.0.0.1 1 2",
    "-l -p 1 2",
    "-l -s 127.0.0.1 9999",
    "-z -c true 127.0.0.1 9",
    "-4 -6 localhost 9",
    "-l --allowfile /nonexistent 9999",
    "-m 1 127.0.0.1 9",
    "--chat 127.0.0.1 9",
    "--allow 127.0.0.1 127.0.0.1 9",
    "-4 ::1 9",
    "-6 127.0.0.1 9",
    "-U",
    "-lU",
    "-U -p 5 /x",
    "-e /bin/cat -c cat 127.0.0.1 9",
    "--broker -e /bin/cat -l 9999",
    "-g 1,2,3,4,5,6,7,8,9 127.0.0.1 9",
    "-G 5 -g 127.0.0.1 127.0.0.1 9",
    "--proxy 127.0.0.1 --proxy-type foo 1.2.3.4 9",
    "--proxy 127.0.0.1:abc 1.2.3.4 9",
    "--proxy-type socks4 127.0.0.1 9",
    "--proxy-dns foo --proxy 127.0.0.1:9 1.2.3.4 9",
    "-l --proxy-type socks4 9999",
    "-l --proxy 127.0.0.1:9 9999",
    "-l --ssl --ssl-cert /nonexistent 9999",
    "-l --ssl --ssl-cert /nonexistent --ssl-key /nonexistent 9999",
    "--ssl-verify --ssl-trustfile /nonexistent 127.0.0.1 9",
    "-o /nonexistent/x 127.0.0.1 9",
    "-x /nonexistent/x 127.0.0.1 9",
    "--lua-exec /nonexistent 127.0.0.1 9",
    "--ssl=1 127.0.0.1 9",
    "--ver",
];

#[test]
fn what_means_nothing_ends_with_2_and_is_told_under_the_name_that_was_called() {
    for words in REFUSED {
        let seen = both(|ncat| {
            let seen = Seen::of(&ncat.with(words).run());
            assert!(!ncat.ours || seen.err.starts_with("Ncat: "), "{words:?}: {}", seen.err);
            Seen { err: String::new(), ..seen }
        });
        assert_eq!((seen.code, seen.out.as_str()), (Some(2), ""), "{words:?}");
    }
}

#[test]
fn options_may_follow_operands_and_be_abbreviated() {
    let forms = [
        "--wai 1 127.0.0.1 P",
        "--wait=1 127.0.0.1 P",
        "-w1 127.0.0.1 P",
        "127.0.0.1 P -w 1",
        "127.0.0.1 -w 1s P",
    ];
    for form in forms {
        let seen = both(|ncat| {
            let server = super::peer::sink();
            let finished =
                ncat.with(&form.replace('P', &server.port.to_string())).run_with_input("x");
            Seen::of(&finished).beside(server.done())
        });
        seen.is(0, "", "").peer_got(&["x"]);
    }
}

#[test]
fn durations_take_ms_s_m_and_h_and_fractions() {
    for form in ["150ms", "0.15", "0.0025m"] {
        let seen = both(|ncat| {
            let server = super::peer::silent();
            let client = ncat.client(&format!("-i {form}"), server.port).spawn();
            Seen::of(&client.wait_with_open_stdin())
        });
        seen.is(1, "", "Ncat: Idle timeout expired (150 ms).\n");
    }
    both(|ncat| Seen::of(&ncat.client("-w 1h", super::peer::closed_port()).run())).is(
        1,
        "",
        "Ncat: Connection refused.\n",
    );
}

#[test]
fn the_default_port_is_31337() {
    if !callbox_testkit::namespace::available() {
        return;
    }
    let seen = both(|ncat| {
        let program = ncat.with("-v 127.0.0.1").command_line();
        let finished = callbox_testkit::in_namespace("exec \"$@\"").args(program.split(' ')).run();
        Seen::of(&finished)
    });
    seen.is(1, "", "Ncat: Version V\nNcat: Connection refused.\n");
    let seen = both(|ncat| {
        let program = ncat.with("-lv --test").command_line();
        let script =
            r#""$@" & until grep -q ":7A69 0*:0000 0A" /proc/net/tcp; do :; done; kill $!"#;
        let finished = callbox_testkit::in_namespace(script).args(program.split(' ')).run();
        Seen { code: None, ..Seen::of(&finished) }
    });
    assert_eq!(
        seen.err,
        "Ncat: Version V\nNcat: Listening on :::P\nNcat: Listening on 0.0.0.0:P\n"
    );
}

#[test]
fn the_version_goes_to_standard_error_and_the_help_to_standard_output() {
    let seen = both(|ncat| Seen::of(&ncat.with("--version").run()));
    seen.is(0, "", "Ncat: Version V\n");
    for words in ["--help", "-h"] {
        let seen = ours(|ncat| Seen::of(&ncat.with(words).run()));
        assert_eq!((seen.code, seen.err.as_str()), (Some(0), ""));
        for option in
            ["--ssl-verify", "--proxy-type", "--no-shutdown", "-k, --keep-open", "--lua-exec"]
        {
            assert!(seen.out.contains(option), "{option} is not in the help:\n{}", seen.out);
        }
    }
}
