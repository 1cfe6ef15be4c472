//! Stream sockets: a server that carries any number of connections, and a client's connection.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use socket2::{Domain, Socket, Type};

use crate::trace::Trace;

mod accepted;
mod client;
mod connection;
mod connector;
mod keepalive;
mod listener;
mod server;
mod timers;
mod unread;

pub use accepted::{AcceptedSocket, is_out_of_resources};
pub use client::{KEEPALIVE_IDLE, StreamSocket};
pub use connection::{CloseReason, Endpoints, Next, PeerName, Protocol};
pub use connector::{Begun, Connector};
pub use keepalive::keep_alive;
pub use listener::StreamListener;
pub(crate) use listener::accept;
pub use server::{Limits, Server, Service, Stopper, Trouble};
pub use unread::drop_unread;

/// `socket`: a TCP socket of the family that `like` has, which does not block.
pub(crate) fn new_tcp_socket(like: &SocketAddr, trace: &Trace) -> io::Result<Socket> {
    let name = if like.is_ipv4() { "AF_INET" } else { "AF_INET6" };
    let result =
        Socket::new(Domain::for_address(*like), Type::STREAM, Some(socket2::Protocol::TCP));
    let socket = trace.result(result, format_args!("socket({name}, SOCK_STREAM)"), |socket| {
        format!("fd {}, unbound {}", socket.as_raw_fd(), crate::address::unspecified_like(like))
    })?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
