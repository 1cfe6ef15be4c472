//! A server that is reached from outside: in a network of its own, where no address is this machine's loopback.

use std::ffi::OsStr;
use std::net::SocketAddr;

use callbox_testkit::{Finished, Running, listening_address, namespace};

use crate::NOWHERE;

/// A server at 192.0.2.1, ready. Its network has 192.0.2.2 and 192.0.2.3 for others.
pub(crate) fn server_outside<A: AsRef<OsStr>>(
    flags: impl IntoIterator<Item = A>,
) -> (Running, SocketAddr) {
    let script = r#"for n in 1 2 3; do ip address add 192.0.2.$n/24 dev lo; done; exec "$@""#;
    let mut server = namespace::in_namespace(script)
        .arg(env!("CARGO_BIN_EXE_callbox"))
        .args(["chat", "server", "-p", "0", "--bind", "192.0.2.1"])
        .args(flags)
        .env("XDG_CONFIG_HOME", NOWHERE)
        .spawn();
    let address = listening_address(&server.wait_for_stderr("Listening at "));
    (server, address)
}

/// Runs a Python program in the network of the server, whose address and port are its arguments, to a good end.
#[track_caller]
pub(crate) fn run_beside(server: &Running, script: &str, address: SocketAddr) -> Finished {
    let finished = namespace::beside(server, r#"exec "$@""#)
        .args(["python3", "-c", script, &address.ip().to_string(), &address.port().to_string()])
        .run();
    finished.expect_code(0);
    finished
}
