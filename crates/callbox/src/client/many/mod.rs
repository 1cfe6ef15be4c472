//! `callbox udp client --many`: one unconnected socket, any number of servers.
//!
//! Input is read on one thread ([`reader`]), datagrams on a thread a socket ([`sockets`]), and the main thread in the
//! middle ([`talker`]) holds the machine that knows who is waited for. A reply is printed when it comes, whatever the
//! prompt is doing.

mod reader;
mod sockets;
mod talker;

use std::net::SocketAddr;
use std::sync::mpsc::sync_channel;

use super::input;
use super::output::Output;
use crate::cli::UdpClientArgs;
use crate::messages::{self, Failure};
use sockets::Sockets;
use talker::Talker;

/// Events that wait to be looked at; whoever has more waits, and what comes too fast is lost in the kernel. It bounds
/// memory to 4 MiB even if all are datagrams of the longest kind.
const MAX_WAITING: usize = 64;

/// What the thread in the middle is told.
enum Event {
    /// A message for a server.
    Send { to: SocketAddr, message: Vec<u8> },
    /// A line of input was no good; the run will end with this.
    Wrong(Failure),
    /// A datagram came.
    Datagram { from: SocketAddr, datagram: Vec<u8> },
    /// ICMP said that a datagram reached nobody.
    Refused(SocketAddr),
    /// There is no more input, or it cannot be read.
    End(Result<(), Failure>),
}

/// Runs the client until the end of input and the last reply.
pub(super) fn run(args: &UdpClientArgs) -> Result<(), Failure> {
    super::end_on_signal()?;
    let servers = reader::known_servers(args)?;
    let (events, inbox) = sync_channel(MAX_WAITING);
    let (permit, permits) = sync_channel(0);
    let printer = reader::start(servers, args.clone(), events.clone(), permits)?;
    let sockets = Sockets::new(messages::trace(args.verbose), events);
    let mut talker = Talker::new(args, sockets, Output::new(printer)?, permit);
    let talked = talker.run(&inbox);
    if talked.is_err() {
        // Output failed or the prompt was interrupted, and somebody may still stand at it.
        input::restore_terminal();
        return talked;
    }
    talker.finish()
}
