//! Programs on a connection, started as the listener starts them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use callbox_net::peer::Peer;
use rustix::event::{PollFd, PollFlags, poll};

use super::{Environment, Running, lua, start};
use crate::options::Run;

fn environment() -> Environment {
    let remote = SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), 4011));
    let local = SocketAddr::from((Ipv6Addr::LOCALHOST, 31337));
    Environment { local: Peer::Inet(local), remote: Peer::Inet(remote), protocol: "TCP" }
}

/// Starts a program, with its connection not blocking, as the loop has it; gives our end of that.
fn run(run: &Run) -> (UnixStream, Running) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    let program = start(run, both(theirs), &environment(), "test: ").unwrap();
    (ours, program)
}

/// One connection as input and output.
fn both(connection: UnixStream) -> (OwnedFd, OwnedFd) {
    (connection.try_clone().unwrap().into(), connection.into())
}

fn said_by(mut connection: UnixStream) -> String {
    let mut said = String::new();
    connection.read_to_string(&mut said).unwrap();
    said
}

fn wait(program: &mut Running) {
    let fd = program.as_fd();
    while poll(&mut [PollFd::new(&fd, PollFlags::IN)], None).is_err() {}
    assert!(program.reap());
}

#[test]
fn a_program_talks_on_the_connection_and_its_end_is_the_connections() {
    let (mut connection, mut program) = run(&Run::Exec("/bin/cat".to_owned()));
    assert!(!program.reap());
    connection.write_all("grüß dich".as_bytes()).unwrap();
    connection.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(said_by(connection), "grüß dich");
    wait(&mut program);
}

#[test]
fn the_end_is_seen_where_processes_have_no_descriptor() {
    let (connection, program) = run(&Run::Exec("/bin/cat".to_owned()));
    let mut program = Running::with_thread(program.child).unwrap();
    assert!(!program.reap());
    drop(connection);
    wait(&mut program);
}

#[test]
fn a_program_is_told_who_is_there() {
    let (connection, _) = run(&Run::Shell("env | grep ^NCAT_ | sort".to_owned()));
    assert_eq!(
        said_by(connection),
        "NCAT_LOCAL_ADDR=::1\nNCAT_LOCAL_PORT=31337\nNCAT_PROTO=TCP\n\
         NCAT_REMOTE_ADDR=127.0.0.1\nNCAT_REMOTE_PORT=4011\n"
    );
}

#[test]
fn behind_a_unix_socket_a_program_is_told_what_ncat_tells_it() {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let environment = Environment {
        local: Peer::at_path(Path::new("/run/socket")),
        remote: Peer::NAMELESS,
        protocol: "TCP",
    };
    let run = Run::Shell("env | grep ^NCAT_ | sort".to_owned());
    start(&run, both(theirs), &environment, "").unwrap();
    let mut said = String::new();
    ours.read_to_string(&mut said).unwrap();
    assert_eq!(
        said,
        "NCAT_LOCAL_ADDR=localhost\nNCAT_LOCAL_PORT=\nNCAT_PROTO=TCP\n\
         NCAT_REMOTE_ADDR=localhost\nNCAT_REMOTE_PORT=\n"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_begins_with_a_clean_house() {
    let other = std::fs::File::open("/dev/zero").unwrap();
    let script = "grep -E 'SigIgn|SigBlk' /proc/self/status; grep flags /proc/self/fdinfo/0; \
                  ls -l /proc/self/fd | grep -c /dev/zero";
    let (connection, _) = run(&Run::Shell(script.to_owned()));
    let said = said_by(connection);
    drop(other);
    let lines: Vec<&str> = said.lines().collect();
    let [blocked, ignored, flags, ours] = lines[..] else { panic!("{said}") };
    assert!(blocked.ends_with("0000000000000000"), "{said}");
    let ignored = u64::from_str_radix(ignored.trim_start_matches("SigIgn:\t"), 16).unwrap();
    let bit = |signal: i32| 1u64 << (signal - 1);
    let must_not =
        bit(rustix::process::Signal::PIPE.as_raw()) | bit(rustix::process::Signal::CHILD.as_raw());
    assert_eq!(ignored & must_not, 0, "{said}");
    let flags = u32::from_str_radix(flags.trim_start_matches("flags:\t"), 8).unwrap();
    assert_eq!(flags & rustix::fs::OFlags::NONBLOCK.bits(), 0, "{said}");
    assert_eq!(ours, "0", "{said}");
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    for command in ["/nonexistent/program", "", "  "] {
        let (_ours, theirs) = UnixStream::pair().unwrap();
        let run = Run::Exec(command.to_owned());
        start(&run, both(theirs), &environment(), "test: ").unwrap_err();
    }
}

#[test]
fn a_script_is_checked_before_anybody_comes() {
    let folder = callbox_testkit::Folder::new("lua");
    let check = |text: &[u8]| {
        let file = folder.join("script.lua");
        std::fs::write(&file, text).unwrap();
        lua::check(&file).map_err(|why| why.replace(&folder.path().display().to_string(), ""))
    };
    assert_eq!(check(b"print('hello')"), Ok(()));
    assert_eq!(check(b"#!/usr/bin/lua\nprint('hello')"), Ok(()));
    let wrong = check(b"#!/usr/bin/lua\nx = = 1\n").unwrap_err();
    assert_eq!(wrong, "/script.lua:2: unexpected symbol near '='");
    // Bytecode could be made to break memory.
    assert!(check(b"\x1bLua\x54").unwrap_err().contains("binary chunk"));
    assert!(lua::check(Path::new("/dev/zero")).unwrap_err().contains("is larger"));
    assert!(lua::check(Path::new("/nonexistent")).unwrap_err().starts_with("cannot open /nonex"));
}
