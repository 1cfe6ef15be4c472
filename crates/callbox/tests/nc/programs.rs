//! `-e`, `-c` and `--lua-exec`: a program has the connection as its standard input and output.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use callbox_testkit::Folder;

use super::ncat::{Seen, both, named, ours};
use super::peer::{connect, datagram, datagrams, end, read_to_close, read_to_end, send, server};

#[test]
fn a_shell_command_talks_to_the_client() {
    let seen = both(|ncat| {
        let listener =
            ncat.listen_with("", |program| program.args(["-c", "read name; echo hello $name"]));
        let mut client = connect(listener.port);
        send(&mut client, "sally\n");
        let got = read_to_end(&mut client);
        listener.ended().beside(got)
    });
    seen.is(0, "", "").peer_got(&["hello sally\\n"]);
}

#[test]
fn a_client_that_has_ended_is_still_answered_by_its_program() {
    // ncat ends the program together with the client's input.
    let seen = ours(|ncat| {
        let listener = ncat.listen_with("", |program| program.args(["-c", "sort"]));
        let mut client = connect(listener.port);
        send(&mut client, "b\na\n");
        end(&client);
        let got = read_to_end(&mut client);
        listener.ended().beside(got)
    });
    seen.is(0, "", "").peer_got(&["a\\nb\\n"]);
}

#[test]
fn the_program_is_told_both_ends_and_the_protocol() {
    let command = "env | grep ^NCAT_ | sort";
    let seen = both(|ncat| {
        let listener = ncat.listen_with("", |program| program.args(["-c", command]));
        let mut client = connect(listener.port);
        let own = client.local_addr().expect("its address").port();
        let got = String::from_utf8(read_to_end(&mut client)).expect("text");
        let got =
            got.replace(&own.to_string(), "THEIRS").replace(&listener.port.to_string(), "OURS");
        listener.ended().beside(got)
    });
    let told = "NCAT_LOCAL_ADDR=127.0.0.1\\nNCAT_LOCAL_PORT=OURS\\nNCAT_PROTO=TCP\\n\
                NCAT_REMOTE_ADDR=127.0.0.1\\nNCAT_REMOTE_PORT=THEIRS\\n";
    seen.is(0, "", "").peer_got(&[told]);
    let seen = both(|ncat| {
        let server = server(|mut stream| {
            let own = stream.peer_addr().expect("its address").port();
            let got = String::from_utf8(read_to_end(&mut stream)).expect("text");
            got.replace(&own.to_string(), "OURS")
        });
        let port = server.port.to_string();
        let finished = ncat.with("-c").arg(command).args(["127.0.0.1", &port]).run();
        Seen::of(&finished).beside(server.done().replace(&port, "THEIRS"))
    });
    seen.is(0, "", "").peer_got(&[told]);
}

#[test]
fn the_program_of_a_datagram_listener_is_told_the_same() {
    let seen = both(|ncat| {
        let listener = ncat.listen_with("-u", |program| {
            program.args(["-c", "read x; echo $NCAT_PROTO $NCAT_REMOTE_ADDR $x"])
        });
        let socket = datagrams();
        socket.send_to(b"hello\n", ("127.0.0.1", listener.port)).expect("sent");
        let got = datagram(&socket).0;
        listener.ended().beside(got)
    });
    seen.is(0, "", "").peer_got(&["UDP 127.0.0.1 hello\\n"]);
}

#[test]
fn e_runs_a_program_by_its_path_with_words_split_at_blanks() {
    let folder = Folder::new("program");
    let path = folder.join("args");
    fs::write(&path, "#!/bin/sh\nfor word; do echo \"[$word]\"; done\n").expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    let seen = both(|ncat| {
        let listener = ncat
            .listen_with("", |program| program.args(["-e", &format!("{} a b", path.display())]));
        let got = read_to_end(&mut connect(listener.port));
        listener.ended().beside(got)
    });
    seen.is(0, "", "").peer_got(&["[a]\\n[b]\\n"]);
}

#[test]
fn the_status_of_the_program_is_ignored() {
    for command in ["exit 3", "kill -9 $$"] {
        let seen = both(|ncat| {
            let listener = ncat.listen_with("", |program| program.args(["-c", command]));
            let got = read_to_end(&mut connect(listener.port));
            listener.ended().beside(got)
        });
        seen.is(0, "", "").peer_got(&[""]);
    }
    let seen = both(|ncat| {
        let server = super::peer::sink();
        let port = server.port.to_string();
        let finished = ncat.with("-c").args(["echo out; exit 5", "127.0.0.1", &port]).run();
        Seen::of(&finished).beside(server.done())
    });
    seen.is(0, "", "").peer_got(&["out\\n"]);
}

#[test]
fn standard_error_of_the_program_is_the_listener_s_own() {
    let seen = both(|ncat| {
        let listener =
            ncat.listen_with("", |program| program.args(["-c", "echo out; echo err >&2"]));
        let got = read_to_end(&mut connect(listener.port));
        listener.ended().beside(got)
    });
    seen.is(0, "", "err\n").peer_got(&["out\\n"]);
}

#[test]
fn with_k_every_client_has_a_program_of_its_own_at_once() {
    let seen = both(|ncat| {
        let listener = ncat.listen_with("-k", |program| program.args(["-e", "/bin/cat"]));
        let (mut one, mut other) = (connect(listener.port), connect(listener.port));
        send(&mut other, "second\n");
        let mut got = super::peer::line(&mut other);
        send(&mut one, "first\n");
        got += &super::peer::line(&mut one);
        drop((one, other));
        listener.stop().beside(got)
    });
    assert_eq!(seen.err, "");
    seen.peer_got(&["second\\nfirst\\n"]);
}

/// Runs the listener by a Python that ignores a signal first, as some parents do; an ignored signal is inherited.
const IGNORING: &str = "import os, signal, sys\n\
    signal.signal(getattr(signal, sys.argv[1]), signal.SIG_IGN)\n\
    os.execv(sys.argv[2], sys.argv[2:])";

#[test]
fn a_signal_that_the_parent_ignores_disturbs_no_program() {
    for signal in ["SIGCHLD", "SIGPIPE"] {
        let seen = ours(|_| {
            let port = super::ncat::free_port();
            let script = ["-l", "-k", "--test", "-m", "2", "-c", "echo hi; exec cat", "127.0.0.1"];
            let listener =
                callbox_testkit::python(IGNORING).arg(signal).arg(named("ncat")).args(script);
            let mut listener = listener.arg(port.to_string()).spawn();
            listener.wait_for_stderr("NCAT TEST: LISTEN");
            let mut got = Vec::new();
            // More than are let in at once: a place is free again when the end of a program was noticed, which comes
            // a moment after its client sees it.
            while got.len() < 5 * "hi\nx".len() {
                let mut client = connect(port);
                let _ = std::io::Write::write_all(&mut client, b"x");
                let _ = client.shutdown(std::net::Shutdown::Write);
                got.extend(read_to_close(&mut client));
            }
            listener.signal(callbox_testkit::Signal::TERM);
            Seen { code: None, ..Seen::of(&listener.wait()) }.beside(got)
        });
        seen.peer_got(&["hi\\nxhi\\nxhi\\nxhi\\nxhi\\nx"]);
    }
}

#[test]
fn a_program_ends_of_a_pipe_that_nobody_reads() {
    // Rust programs ignore SIGPIPE; what they start must not.
    let seen = both(|ncat| {
        let command = "grep ^SigIgn /proc/self/status";
        let listener = ncat.listen_with("", |program| program.args(["-c", command]));
        let got = String::from_utf8(read_to_end(&mut connect(listener.port))).expect("text");
        let ignored = got.split_whitespace().nth(1).expect("a mask");
        let ignored = u64::from_str_radix(ignored, 16).expect("hexadecimal");
        // SIGPIPE is 13, SIGCHLD 17.
        listener.ended().beside(format!("{:x}", ignored & (1 << 12 | 1 << 16)))
    });
    seen.is(0, "", "").peer_got(&["0"]);
}

#[test]
fn a_lua_script_talks_to_the_client() {
    let folder = Folder::new("lua");
    let script = folder.join("script.lua");
    fs::write(&script, "print('hello', os.getenv('NCAT_PROTO'))\nprint('got', io.read())\n")
        .expect("a file");
    let seen = both(|ncat| {
        let listener = ncat.listen_with("", |program| program.arg("--lua-exec").arg(&script));
        let mut client = connect(listener.port);
        send(&mut client, "line\n");
        let got = read_to_end(&mut client);
        listener.ended().beside(got)
    });
    seen.is(0, "", "").peer_got(&["hello\\tTCP\\ngot\\tline\\n"]);
}

#[test]
fn a_client_s_program_talks_to_the_server() {
    let seen = both(|ncat| {
        let server = server(|mut stream| {
            send(&mut stream, "question\n");
            read_to_end(&mut stream)
        });
        let port = server.port.to_string();
        let finished =
            ncat.with("-c").args(["read q; echo answer to $q", "127.0.0.1", &port]).run();
        Seen::of(&finished).beside(server.done())
    });
    seen.is(0, "", "").peer_got(&["answer to question\\n"]);
}

#[test]
fn nc_in_nc_is_a_relay() {
    // The users' guide has this as a way to redirect a port.
    let seen = both(|ncat| {
        let server = super::peer::echo();
        let next = ncat.client("", server.port).command_line();
        let listener = ncat.listen_with("", |program| program.args(["-c", &next]));
        let mut client = ncat.client("", listener.port).spawn();
        client.write_line("through");
        client.wait_for_stdout("through");
        let seen = Seen::of(&client.wait());
        listener.ended();
        seen.beside(server.done())
    });
    seen.is(0, "through\n", "").peer_got(&["through\\n"]);
}
