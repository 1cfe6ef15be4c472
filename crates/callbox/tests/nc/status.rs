//! Exit codes, and what is said with them: 0 done, 1 the network said no, 2 the call was wrong.

use callbox_testkit::Program;

use super::ncat::{both, free_port, named};
use super::peer::{blackhole, closed_port, connect, echo, has_ipv6, reset, send, server, silent};
use crate::ncat::Seen;

#[test]
fn an_exchange_that_is_done_ends_with_0_and_says_nothing() {
    let seen = both(|ncat| {
        let server = echo();
        let finished = ncat.client("", server.port).run_with_input("one\ntwo\n");
        Seen::of(&finished).beside(server.done())
    });
    seen.is(0, "one\ntwo\n", "").peer_got(&["one\\ntwo\\n"]);
}

#[test]
fn a_refusal_ends_with_1() {
    let seen = both(|ncat| Seen::of(&ncat.client("", closed_port()).run()));
    seen.is(1, "", "Ncat: Connection refused.\n");
}

#[test]
fn a_reset_ends_with_1() {
    let seen = both(|ncat| {
        let server = server(|mut stream| {
            send(&mut stream, "some\n");
            assert_eq!(super::peer::line(&mut stream), "seen\n");
            reset(stream);
        });
        let mut client = ncat.client("", server.port).spawn();
        client.wait_for_stdout("some");
        client.write_line("seen");
        Seen::of(&client.wait_with_open_stdin())
    });
    seen.is(1, "some\n", "Ncat: Connection reset by peer.\n");
}

#[test]
fn a_connection_that_is_not_answered_within_w_ends_with_1() {
    let seen = both(|ncat| Seen::of(&ncat.client("-w 100ms", blackhole().port).run()));
    seen.is(1, "", "Ncat: TIMEOUT.\n");
}

#[test]
fn a_name_that_does_not_resolve_ends_with_2() {
    let seen = both(|ncat| Seen::of(&ncat.with("bad..name 9").run()));
    seen.is(
        2,
        "",
        "Ncat: Could not resolve hostname \"bad..name\": Name or service not known. QUITTING.\n",
    );
    let seen = both(|ncat| Seen::of(&ncat.with("-n localhost 9").run()));
    seen.is(
        2,
        "",
        "Ncat: Could not resolve hostname \"localhost\": Name or service not known. QUITTING.\n",
    );
    let seen = both(|ncat| Seen::of(&ncat.with("-l bad..name 9999").run()));
    seen.is(
        2,
        "",
        "Ncat: Could not resolve hostname \"bad..name\": Name or service not known. QUITTING.\n",
    );
}

#[test]
fn a_port_in_use_ends_with_2_and_is_named() {
    let seen = both(|ncat| {
        let listener = ncat.listen("");
        Seen::of(&ncat.with("-l 127.0.0.1").arg(listener.port.to_string()).run())
    });
    seen.is(2, "", "Ncat: bind to 127.0.0.1:P: Address already in use. QUITTING.\n");
    if has_ipv6() {
        let seen = both(|ncat| {
            let port = free_port();
            let _held = std::net::TcpListener::bind(("::", port)).expect("a free port");
            Seen::of(&ncat.with("-l").arg(port.to_string()).run())
        });
        seen.is(2, "", "Ncat: bind to :::P: Address already in use. QUITTING.\n");
    }
}

#[test]
fn an_address_that_is_not_ours_ends_a_listener_with_2() {
    let seen = both(|ncat| Seen::of(&ncat.with("-l 192.0.2.1 12321").run()));
    seen.is(2, "", "Ncat: bind to 192.0.2.1:P: Cannot assign requested address. QUITTING.\n");
}

#[test]
fn a_full_disk_under_standard_output_ends_with_2() {
    let seen = both(|ncat| {
        let server = server(|mut stream| send(&mut stream, "too much\n"));
        let finished = ncat.client("", server.port).stdout_full().run();
        Seen { err: String::new(), ..Seen::of(&finished) }
    });
    assert_eq!(seen.code, Some(2));
}

#[test]
fn z_says_nothing_of_a_refusal_and_shows_it_in_the_status() {
    both(|ncat| Seen::of(&ncat.client("-z", closed_port()).run())).is(1, "", "");
    both(|ncat| Seen::of(&ncat.client("-z -w 100ms", blackhole().port).run())).is(1, "", "");
    let said = "Ncat: Version V\nNcat: Connection refused.\n";
    both(|ncat| Seen::of(&ncat.client("-zv", closed_port()).run())).is(1, "", said);
}

#[test]
fn z_sends_nothing_and_ends_with_0_where_somebody_listens() {
    let scenario = |words: &'static str| {
        both(|ncat| {
            let server = super::peer::sink();
            let finished = ncat.client(words, server.port).run_with_input("not sent\n");
            Seen::of(&finished).beside(server.done())
        })
    };
    scenario("-z").is(0, "", "").peer_got(&[""]);
    let said = "Ncat: Version V\nNcat: Connected to 127.0.0.1:P.\n\
                Ncat: 0 bytes sent, 0 bytes received in T seconds.\n";
    scenario("-zv").is(0, "", said).peer_got(&[""]);
}

#[test]
fn an_idle_time_ends_a_client_with_1_and_a_listener_with_2() {
    let seen = both(|ncat| {
        let server = silent();
        Seen::of(&ncat.client("-i 100ms", server.port).spawn().wait_with_open_stdin())
    });
    seen.is(1, "", "Ncat: Idle timeout expired (100 ms).\n");
    let seen = both(|ncat| {
        let listener = ncat.listen("-i 100ms");
        let _client = connect(listener.port);
        listener.ended()
    });
    seen.is(2, "", "Ncat: Idle timeout expired (100 ms). QUITTING.\n");
}

#[test]
fn under_its_own_name_the_program_says_which_of_its_commands_speaks() {
    let run = |program: Program| program.args(["127.0.0.1", &closed_port().to_string()]).run();
    let callbox = Program::new(env!("CARGO_BIN_EXE_callbox")).arg("nc");
    run(callbox).expect_code(1).stdout_is("").stderr_is("callbox nc: Connection refused.\n");
    for name in ["nc", "ncat"] {
        run(Program::new(named(name)))
            .expect_code(1)
            .stdout_is("")
            .stderr_is("Ncat: Connection refused.\n");
    }
}
