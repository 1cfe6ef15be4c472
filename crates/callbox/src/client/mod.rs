//! Clients: sockets around an exchange.

use std::hash::{BuildHasher, RandomState};
use std::process;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use callbox_net::address::HostPort;
use callbox_net::{resolve, signal};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::messages::{self, Exit, Failure, Reason};

pub mod input;
mod many;
pub(crate) mod output;
pub mod stream;
pub mod udp;
pub mod unix;

/// What is said of a client that is ended in mid-work.
const INTERRUPTED: &str = "interrupted; what was not answered by now is lost";

/// How long an interrupted client waits for that to be written: whoever reads standard error may have stopped.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// All addresses of a server.
pub(crate) fn addresses(server: &HostPort, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    if server.port.unwrap_or(port) == 0 {
        return Err(messages::no_port(&server.host));
    }
    resolve::resolve(server, port).map_err(|e| messages::unknown_host(&server.host, &e))
}

/// The one address of a server that datagrams go to. Nothing tells before the first reply which of several is the right
/// one, so it is the one that the system prefers; but where a name stands for this machine, it is 127.0.0.1, on which
/// servers listen unless told otherwise.
pub(crate) fn datagram_address(server: &HostPort, port: u16) -> Result<SocketAddr, Failure> {
    Ok(most_likely(&addresses(server, port)?))
}

pub(crate) fn most_likely(addresses: &[SocketAddr]) -> SocketAddr {
    let local = |address: &&SocketAddr| address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST);
    *addresses.iter().find(local).unwrap_or(&addresses[0])
}

/// A seed for jitter. The standard library's hasher is seeded by the system, and nothing here needs more.
fn seed() -> u64 {
    RandomState::new().hash_one(process::id())
}

/// SIGINT, SIGTERM or SIGHUP ends a client at once, with a line that says so: it has nothing to finish that a user would want
/// to wait for.
fn end_on_signal() -> Result<(), Failure> {
    let exit = || process::exit(Exit::Interrupted as i32);
    let end = move || {
        let (saying, said) = mpsc::channel::<()>();
        let say = move || {
            let _saying = saying;
            input::restore_terminal();
            messages::error(INTERRUPTED);
        };
        if thread::Builder::new().name("last words".to_owned()).spawn(say).is_ok() {
            let _ = said.recv_timeout(LAST_WORDS);
        }
        exit()
    };
    signal::on_interrupt(end, exit)
        .map_err(|e| Failure::network(format!("cannot listen for signals: {}", Reason(&e))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_this_machine_is_asked_where_servers_listen_by_default() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (v6, v4) = (address("[::1]:3000"), address("127.0.0.1:3000"));
        assert_eq!(most_likely(&[v6, v4]), v4);
        let elsewhere = [address("[2001:db8::1]:3000"), address("192.0.2.1:3000")];
        assert_eq!(most_likely(&elsewhere), elsewhere[0]);
    }
}
