//! `-e`, `-c` and `--lua-exec`: a program has the connection as its standard input and output.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use callbox_testkit::{Folder, Program};

use super::ncat::{Seen, both, in_time, named, ours};
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
fn a_connection_on_which_neither_peer_nor_program_says_anything_is_idle() {
    let seen = both(|ncat| {
        let mut listener = ncat.listen_with("-k -i 100ms", |program| program.args(["-c", "cat"]));
        let client = connect(listener.port);
        listener.wait_for_stderr("QUITTING.");
        // ncat leaves somebody behind who carries on.
        drop(client);
        listener.ended()
    });
    seen.is(2, "", "Ncat: Idle timeout expired (100 ms). QUITTING.\n");
    // Without -k ncat leaves it to the program.
    let seen = ours(|ncat| {
        let listener = ncat.listen_with("-i 100ms", |program| program.args(["-c", "cat"]));
        let mut client = connect(listener.port);
        let seen = listener.ended();
        seen.beside(read_to_end(&mut client))
    });
    seen.is(2, "", "Ncat: Idle timeout expired (100 ms). QUITTING.\n").peer_got(&[""]);
    let seen = ours(|ncat| {
        let server = server(|mut stream| read_to_end(&mut stream));
        let client = ncat.with("-i 100ms -c cat").arg("127.0.0.1").arg(server.port.to_string());
        Seen::of(&client.run()).beside(server.done())
    });
    seen.is(1, "", "Ncat: Idle timeout expired (100 ms).\n").peer_got(&[""]);
}

#[test]
fn a_program_that_talks_is_not_idle() {
    // ncat does not see what its programs say, and ends.
    in_time(1_000, 8_000, |idle| {
        let seen = ours(|ncat| {
            let words = format!("-k -i {idle}ms");
            let listener = ncat.listen_with(&words, |program| program.args(["-c", "cat"]));
            let mut client = connect(listener.port);
            let start = std::time::Instant::now();
            while start.elapsed() < std::time::Duration::from_millis(idle * 3 / 2) {
                send(&mut client, "x");
                super::peer::expect(&mut client, "x");
            }
            listener.ended()
        });
        seen.is(2, "", &format!("Ncat: Idle timeout expired ({idle} ms). QUITTING.\n"));
    });
}

#[test]
fn over_datagrams_a_program_reads_a_stream() {
    // A shell reads byte by byte; of a socket that keeps messages it would get no more than the first.
    let seen = both(|ncat| {
        let socket = datagrams();
        let port = socket.local_addr().expect("its address").port();
        let command = "echo ready; read a; read b; echo $a and $b";
        let client = ncat.with("-u -c").arg(command).args(["127.0.0.1", &port.to_string()]);
        let mut client = client.spawn();
        let (ready, from) = datagram(&socket);
        socket.send_to(b"one\n", from).expect("sent");
        socket.send_to(b"other\n", from).expect("sent");
        let got = datagram(&socket).0;
        client.close_stdin();
        Seen::of(&client.wait()).beside(ready).beside(got)
    });
    seen.is(0, "", "").peer_got(&["ready\\n", "one and other\\n"]);
}

#[test]
fn over_datagrams_each_write_of_a_program_is_one() {
    let folder = Folder::new("writes");
    let words = format!("-u -o {}", folder.join("record").display());
    for words in ["-u", &words] {
        let seen = ours(|ncat| {
            let socket = datagrams();
            let port = socket.local_addr().expect("its address").port();
            let client = ncat.with(words).args(["-c", "printf one; printf other"]);
            let seen = Seen::of(&client.args(["127.0.0.1", &port.to_string()]).run());
            seen.beside(datagram(&socket).0).beside(datagram(&socket).0)
        });
        seen.is(0, "", "").peer_got(&["one", "other"]);
    }
    // A listener's dump has a line for each piece that it read.
    let seen = ours(|ncat| {
        let file = folder.join("hex");
        let mut listener = ncat.listen(&format!("-u --ssl -x {}", file.display()));
        let client = ncat.with("-u --ssl -c").arg("printf one; printf other");
        let finished = client.args(["127.0.0.1", &listener.port.to_string()]).run();
        listener.wait_for_stdout("oneother");
        super::peer::wait_for_record(&file, b"other");
        listener.stop();
        let lines = fs::read_to_string(&file).expect("a dump");
        let texts = lines.lines().filter_map(|line| line.split_whitespace().last());
        Seen::of(&finished).beside(texts.collect::<Vec<_>>().join("|"))
    });
    seen.is(0, "", "").peer_got(&["one|other"]);
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

/// Where a program waits until a test writes there.
#[track_caller]
pub(super) fn gate(folder: &Folder) -> PathBuf {
    let gate = folder.join("gate");
    let _ = fs::remove_file(&gate);
    Program::new("mkfifo").arg(&gate).run().expect_code(0);
    gate
}

#[test]
fn what_a_program_did_not_read_costs_the_client_nothing_of_what_it_said() {
    let folder = Folder::new("unread");
    let (file, said) = (folder.join("file"), "a request that nobody reads\n".repeat(100));
    // With a record something of ours is between them.
    for words in ["", "-k", &format!("-o {}", file.display())] {
        let seen = both(|ncat| {
            let gate = gate(&folder);
            let command = format!("read x < {}; echo answer", gate.display());
            let listener = ncat.listen_with(words, |program| program.args(["-c", &command]));
            let mut client = connect(listener.port);
            send(&mut client, &said);
            fs::write(&gate, "go\n").expect("somebody reads there");
            // A reset would be an error here.
            let got = read_to_end(&mut client);
            if words == "-k" { listener.stop() } else { listener.ended() }.beside(got)
        });
        seen.peer_got(&["answer\\n"]);
    }
}

#[test]
fn c_holds_for_what_a_program_says() {
    for words in ["-C", "-C -k"] {
        let seen = both(|ncat| {
            let command = r"echo a; printf 'b\r\nc\r'; read x; printf '\n'; echo $x";
            let listener = ncat.listen_with(words, |program| program.args(["-c", command]));
            let mut client = connect(listener.port);
            send(&mut client, "d\n");
            let got = read_to_end(&mut client);
            if words == "-C" { listener.ended() } else { listener.stop() }.beside(got)
        });
        seen.peer_got(&["a\\r\\nb\\r\\nc\\r\\nd\\r\\n"]);
    }
    let seen = both(|ncat| {
        let server = super::peer::sink();
        let port = server.port.to_string();
        let finished = ncat.with("-C -c").args(["echo a", "127.0.0.1", &port]).run();
        Seen::of(&finished).beside(server.done())
    });
    seen.is(0, "", "").peer_got(&["a\\r\\n"]);
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
