//! The unconnected sockets, and the threads that receive on them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;

use callbox_net::address::unspecified_like;
use callbox_net::datagram::DatagramSocket;
use callbox_net::trace::Trace;

use super::Event;
use crate::client::output::Output;

/// One byte more than any datagram carries.
const BUFFER: usize = 65_536;

/// One unconnected socket for each family, opened when the first message needs it.
pub(super) struct Sockets {
    v4: Option<Open>,
    v6: Option<Open>,
    trace: Trace,
    events: SyncSender<Event>,
}

struct Open {
    socket: Arc<DatagramSocket>,
    announced: bool,
}

impl Sockets {
    /// No socket yet. What comes to those that will be opened is told to `events`.
    pub(super) const fn new(trace: Trace, events: SyncSender<Event>) -> Self {
        Self { v4: None, v6: None, trace, events }
    }

    /// The socket that reaches `to`.
    pub(super) fn of(&mut self, to: &SocketAddr) -> io::Result<&DatagramSocket> {
        let place = if to.is_ipv4() { &mut self.v4 } else { &mut self.v6 };
        if place.is_none() {
            let socket = Arc::new(DatagramSocket::open(to, &self.trace)?);
            socket.keep_errors()?;
            // Bound now, so that the thread that receives does not wait on a socket without an address.
            socket.bind(unspecified_like(to))?;
            let (theirs, events) = (Arc::clone(&socket), self.events.clone());
            let receive = move || receive_all(&theirs, &events);
            thread::Builder::new().name("receive".to_owned()).spawn(receive)?;
            *place = Some(Open { socket, announced: false });
        }
        place.as_ref().map(|open| &*open.socket).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Says which address the kernel gave us.
    pub(super) fn announce(&mut self, output: &mut Output) {
        for open in [&mut self.v4, &mut self.v6].into_iter().flatten() {
            if !open.announced
                && let Ok(address) = open.socket.local_addr()
            {
                output.status(format!("The OS assigned the address {address} to me"));
            }
            open.announced = true;
        }
    }
}

fn receive_all(socket: &DatagramSocket, events: &SyncSender<Event>) {
    let mut buffer = vec![0; BUFFER];
    loop {
        let received = socket.recv_from(&mut buffer, None);
        while let Ok(Some((server, error))) = socket.next_refusal() {
            let refused = error.kind() == io::ErrorKind::ConnectionRefused;
            if refused && events.send(Event::Refused(server)).is_err() {
                return;
            }
        }
        if let Ok(Some((length, from))) = received
            && events.send(Event::Datagram { from, datagram: buffer[..length].to_vec() }).is_err()
        {
            return;
        }
    }
}
