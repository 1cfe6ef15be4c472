//! Flags, the configuration file, and the file read again while the server runs.

use std::net::{SocketAddr, TcpListener, UdpSocket};

use callbox_testkit::{Program, Signal};

use crate::{Folder, Irc, chat, hash_of, ready, start, start_in, start_with};

/// The message of the day that somebody gets who asks for it.
#[track_caller]
fn motd(irc: &mut Irc) -> String {
    irc.send("MOTD");
    irc.expect(" 375 ");
    let line = irc.expect(" 372 ");
    irc.expect(" 376 ");
    line
}

fn server_with(file: &std::path::Path) -> Program {
    chat().args(["server", "-p", "0", "--ephemeral", "--config"]).arg(file)
}

#[test]
fn the_printed_file_starts_a_server_as_it_is() {
    let folder = Folder::new();
    let printed = chat().arg("config").run();
    printed.expect_code(0).stderr_is("").stdout_contains("[server]").stdout_contains("[limits]");
    let (_server, address) = start_with(&folder, &printed.stdout_text());
    Irc::in_lobby(address, "alice");
}

#[test]
fn the_users_own_file_is_found() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("callbox")).expect("a folder");
    folder.write("callbox/chat.toml", "[server]\nmotd = \"found\"\n");
    let program = chat().args(["server", "-p", "0", "--ephemeral"]);
    let (_server, address) = ready(program.env("XDG_CONFIG_HOME", folder.path()));
    assert!(motd(&mut Irc::register(address, "alice")).ends_with(":found"));
}

#[test]
fn a_file_with_mistakes_is_refused_whole_with_every_line() {
    let folder = Folder::new();
    let text =
        "[server]\nname = 3\nmotd = \"fine\"\ncolour = \"red\"\n[flood]\nburst = -1\n[nosuch]\n";
    let path = folder.write("chat.toml", text);
    let finished = server_with(&path).run();
    finished.expect_code(2).stdout_is("").stderr_lacks("Listening");
    let shown = finished.stderr_text();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 4, "{shown}");
    for (line, number) in lines.iter().zip([2, 4, 6, 7]) {
        let start = format!("callbox: {}:{number}: ", path.display());
        assert!(line.starts_with(&start), "{line} does not start with {start}");
    }
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_its_line() {
    let folder = Folder::new();
    let path = folder.write("chat.toml", "[server]\nadmin = [\n");
    let finished = server_with(&path).run();
    finished.expect_code(2).stderr_contains(&format!("callbox: {}:", path.display()));
}

#[test]
fn a_file_that_was_named_has_to_be_there() {
    let finished = server_with(std::path::Path::new("/nonexistent/chat.toml")).run();
    finished.expect_code(2).stderr_contains("cannot read /nonexistent/chat.toml");
}

#[test]
fn flags_come_before_the_file() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let file = format!(
        "[[listen]]\naddress = \"127.0.0.1\"\nport = {port}\n[flood]\nburst = 1\nper-second = 1\n"
    );
    let path = folder.write("chat.toml", &file);
    let program = server_with(&path).args(["--bind", "127.0.0.2", "--no-flood-control"]);
    let (_server, address) = ready(program);
    assert_eq!(address.ip().to_string(), "127.0.0.2");
    let mut alice = Irc::in_lobby(address, "alice");
    // At one line a second these would outlast the deadline.
    (0..200).for_each(|_| alice.say("fast"));
    alice.so_far();
}

#[test]
fn several_places_can_be_listened_at() {
    let program = chat().args(["server", "-p", "0", "--ephemeral"]);
    let mut server = program.args(["--bind", "127.0.0.1", "--bind", "::1"]).spawn();
    let first = server.wait_until_listening();
    let second = server.wait_until_listening();
    assert!(first.is_ipv4() && second.is_ipv6(), "{first} {second}");
    let mut alice = Irc::in_lobby(first, "alice");
    Irc::in_lobby(second, "bob").say("over IPv6");
    alice.expect_end_of_line("over IPv6");
}

#[test]
fn a_star_is_every_address_and_a_name_is_an_interface() {
    let (_server, address) = start(&["--bind", "*"]);
    let v4 = SocketAddr::from(([127, 0, 0, 5], address.port()));
    let v6: SocketAddr = format!("[::1]:{}", address.port()).parse().expect("an address");
    let mut alice = Irc::in_lobby(v4, "alice");
    Irc::in_lobby(v6, "bob").say("hello");
    alice.expect_end_of_line("hello");
    let (_server, address) = start(&["--bind", "lo"]);
    assert!(address.ip().is_loopback());
    let finished = chat().args(["server", "-p", "0", "--ephemeral", "--bind", "nosuch0"]).run();
    assert_ne!(finished.code, Some(0));
    finished.stderr_contains("cannot listen at nosuch0");
}

#[test]
fn a_port_in_use_is_told() {
    let (_server, address) = start(&[]);
    let port = address.port().to_string();
    let finished = chat().args(["server", "--ephemeral", "-p", &port]).run();
    assert_ne!(finished.code, Some(0));
    finished.stderr_contains(&address.to_string()).stderr_lacks("Listening");
}

#[test]
fn two_servers_do_not_share_a_folder() {
    let folder = Folder::new();
    let data = folder.path().join("data");
    let (_server, address) = start_in(&data, &[]);
    let finished = chat().args(["server", "-p", "0", "--data"]).arg(&data).run();
    finished.expect_code(2).stderr_lacks("Listening");
    finished.stderr_contains(&data.display().to_string());
    Irc::in_lobby(address, "alice");
}

#[test]
fn sighup_reloads_the_file_and_drops_nobody() {
    let folder = Folder::new();
    let (mut server, address) = start_with(&folder, "[server]\nmotd = \"first\"\n");
    let mut alice = Irc::in_lobby(address, "alice");
    assert!(motd(&mut alice).ends_with(":first"));
    folder.write("chat.toml", "[server]\nmotd = \"second\"\n[[listen]]\nport = 1\n");
    server.signal(Signal::HUP);
    server.wait_for_stderr("The new settings hold");
    assert!(motd(&mut alice).ends_with(":second"));
    Irc::in_lobby(address, "bob").say("hello");
    alice.expect_end_of_line(":hello");

    folder.write("chat.toml", "[server]\nmotd = \"third\"\nname = 3\n[flood]\nburst = \"x\"\n");
    server.signal(Signal::HUP);
    server.wait_for_stderr("The configuration has mistakes; nothing was changed");
    server.wait_for_stderr("chat.toml:3: ");
    server.wait_for_stderr("chat.toml:5: ");
    assert!(motd(&mut alice).ends_with(":second"));
    // Nothing stands in the way of the next one.
    folder.write("chat.toml", "[server]\nmotd = \"fourth\"\n");
    server.signal(Signal::HUP);
    server.wait_for_stderr("The new settings hold");
    assert!(motd(&mut alice).ends_with(":fourth"));
}

#[test]
fn what_waits_for_a_restart_is_told_by_name() {
    let folder = Folder::new();
    let (mut server, _) = start_with(&folder, "");
    folder.write("chat.toml", "[server]\nthreads = 1\n");
    server.signal(Signal::HUP);
    server.wait_for_stderr("threads is different; that waits for a restart");
}

#[test]
fn a_quiet_server_says_what_is_wrong_and_nothing_else() {
    let folder = Folder::new();
    let config = folder.path().join("chat.toml");
    folder.write("chat.toml", "[server]\nmotd = 3\n");
    let flags = ["server", "-p", "0", "--ephemeral", "--tls", "--quiet", "--config"];
    chat().args(flags).arg(&config).run().expect_code(2).stderr_contains("motd");
    folder.write("chat.toml", "");
    let mut server = chat().args(flags).arg(&config).spawn();
    server.wait_for_stderr("Listening at");
    folder.write("chat.toml", "[server]\nmotd = 3\n");
    server.signal(Signal::HUP);
    server.wait_for_stderr("The configuration has mistakes; nothing was changed");
    server.wait_for_stderr("motd");
    server.signal(Signal::TERM);
    server.wait().stderr_lacks("certificate");
}

#[test]
fn an_operator_can_reload_and_sees_the_mistakes() {
    let folder = Folder::new();
    let file = |motd: &str| {
        let hash = hash_of("open sesame");
        format!("[server]\nmotd = {motd}\n[[operator]]\nname = \"admin\"\npassword = \"{hash}\"\n")
    };
    let (_server, address) = start_with(&folder, &file("\"first\""));
    let mut alice = Irc::in_lobby(address, "alice");
    alice.send("REHASH");
    alice.expect(" 481 ");
    alice.send("OPER admin wrong");
    alice.expect(" 464 ");
    alice.send("OPER admin :open sesame");
    alice.expect(" 381 ");
    folder.write("chat.toml", &file("\"second\""));
    alice.send("REHASH");
    alice.expect(" 382 ");
    assert!(motd(&mut alice).ends_with(":second"));
    // All of it is refused, and each mistake told with its line.
    let wrong = file("\"third\"") + "[limits]\nnosuch = 1\n[timeouts]\nping = \"1s\"\n";
    folder.write("chat.toml", &wrong);
    alice.send("REHASH");
    alice.expect(" NOTICE alice :The configuration has mistakes; nothing was changed");
    alice.expect("chat.toml:7: ");
    alice.expect("chat.toml:9: ");
    assert!(motd(&mut alice).ends_with(":second"));
}

#[test]
fn all_who_speak_no_irc_meet_in_the_lobby_that_was_there_at_the_start() {
    let folder = Folder::new();
    let (mut server, address) = start_with(&folder, "[server]\nlobby = \"#hall\"\n");
    let mut alice = Irc::register(address, "alice");
    alice.join("#hall");
    folder.write("chat.toml", "[server]\nlobby = \"#garden\"\nmotd = \"new\"\n");
    server.signal(Signal::HUP);
    server.wait_for_stderr("[server] lobby is different; that waits for a restart");
    server.wait_for_stderr("The new settings hold");
    assert!(motd(&mut alice).ends_with(":new"));
    let mut guest = Irc::connect(address);
    guest.send_bytes("hello from nc\n");
    guest.expect(" in #hall; ");
    alice.expect_end_of_line("PRIVMSG #hall :hello from nc");
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("a port");
    datagrams.send_to(b"hello by a datagram", address).expect("a datagram");
    alice.expect_end_of_line("PRIVMSG #hall :hello by a datagram");
}

#[test]
fn a_server_password_keeps_out_who_does_not_know_it() {
    let folder = Folder::new();
    let file = format!("[server]\npassword = \"{}\"\n", hash_of("open sesame"));
    let (_server, address) = start_with(&folder, &file);
    let enter = |password: &str| {
        let mut irc = Irc::connect(address);
        irc.send(&format!("{password}NICK alice\r\nUSER alice 0 * :alice"));
        irc
    };
    enter("").expect(" 464 ");
    enter("PASS wrong\r\n").expect(" 464 ");
    enter("PASS :open sesame\r\n").expect(" 001 ");
}

#[test]
fn quiet_prints_where_it_listens_and_no_more() {
    let (server, _) = start(&["--quiet"]);
    server.signal(Signal::TERM);
    let finished = server.wait();
    assert_eq!(finished.expect_code(0).stderr_text().lines().count(), 1);
}
