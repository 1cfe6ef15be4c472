//! The sockets that are listened on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Instant;

use callbox_net::listening::Listener;
use callbox_net::lookup;
use callbox_net::message::{self, MessageListener};
use callbox_net::peer::Peer;
use callbox_net::poller::Poller;
use callbox_net::stream::is_out_of_resources;

use crate::connect::{family, tls_options, unresolved};
use crate::link::{Link, datagram, dtls, quic, stream, tls, websocket};
use crate::options::{Carrier, Family, Options, Target, Together};
use crate::says::{Says, Trouble, shown, words};

/// The poller's tokens of the doors begin here.
pub(super) const DOORS: u64 = 1 << 48;

/// The token of whoever asks for the lists to be read again.
pub(super) const HANGUP: u64 = DOORS - 1;

/// Somebody who connected, without any layer over the socket.
pub(super) struct Arrival {
    pub(super) link: Box<dyn Link>,
    pub(super) peer: Peer,
    pub(super) local: Peer,
}

/// All sockets that are listened on, and what every connection is dressed in.
pub(super) struct Doors {
    doors: Vec<Door>,
    tls: Option<tls::Server>,
    carrier: Carrier,
    /// The pages that may open a WebSocket, if it is that.
    websocket: Option<websocket::Origins>,
    chats: bool,
    /// The last attempt to accept found no descriptor or no memory left.
    exhausted: bool,
}

enum Door {
    Streams(Listener),
    Messages(MessageListener),
    Quic(quic::Listener, SocketAddr),
}

impl Doors {
    /// Opens all that the options ask for, or none.
    pub(super) fn open(options: &Options, target: &Target, says: Says) -> Result<Self, Trouble> {
        let carrier = options.carrier;
        let tls = if options.tls.wanted || carrier == Carrier::Quic {
            let server = match options.carrier {
                Carrier::Datagram => tls::Server::for_datagrams(&tls_options(options)),
                _ => tls::Server::new(&tls_options(options)),
            };
            Some(server.map_err(|error| Trouble::Call(error.to_string()))?)
        } else {
            None
        };
        if let Some(tls) = &tls {
            tls.story().iter().for_each(|line| says.verbose(line));
        }
        let mut doors: Vec<Door> = Vec::new();
        for mut local in locals(options, target)? {
            // With port 0 the system chooses, once for both families.
            if let (Peer::Inet(address), Some(first)) = (&mut local, doors.first())
                && address.port() == 0
            {
                address.set_port(first.local().inet().map_or(0, |first| first.port()));
            }
            let door = open(&local, carrier, tls.as_ref()).map_err(|error| {
                Trouble::Call(format!("bind to {}: {}", shown(&local), words(&error)))
            })?;
            says.verbose(format_args!("Listening on {}", shown(&door.local())));
            doors.push(door);
        }
        if options.listen.announce {
            // Without a prefix: tests wait for these very words.
            doors.iter().for_each(|_| eprintln!("NCAT TEST: LISTEN"));
        }
        Ok(Self {
            doors,
            tls,
            carrier,
            websocket: options.websocket.as_ref().map(|_| options.listen.origins.clone()),
            chats: options.listen.together == Together::Chat,
            exhausted: false,
        })
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.doors.len()
    }

    /// Has all of them waited for.
    pub(super) fn register(&self, poller: &mut Poller) -> io::Result<()> {
        for (at, door) in self.doors.iter().enumerate() {
            let token = DOORS + at as u64;
            match door {
                Door::Streams(listener) => poller.set(listener.as_fd(), token, true, false)?,
                Door::Messages(listener) => poller.set(listener.as_fd(), token, true, false)?,
                Door::Quic(listener, _) => {
                    poller.set(listener.source(), token, true, listener.needs().writable)?;
                }
            }
        }
        Ok(())
    }

    /// Has none of them waited for, while there is no descriptor left for another connection.
    pub(super) fn unregister(&self, poller: &mut Poller) {
        for door in &self.doors {
            match door {
                Door::Streams(listener) => poller.remove(listener.as_fd()),
                Door::Messages(listener) => poller.remove(listener.as_fd()),
                Door::Quic(listener, _) => poller.remove(listener.source()),
            }
        }
    }

    /// When they are to be asked for arrivals, whatever happens until then.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.doors
            .iter()
            .filter_map(|door| match door {
                Door::Quic(listener, _) => listener.poll_timeout(),
                Door::Messages(listener) => listener.has_waiting().then(Instant::now),
                Door::Streams(_) => None,
            })
            .min()
    }

    /// Somebody who connected, if there is anybody. A failure is said and is nobody.
    pub(super) fn accept(&mut self, now: Instant, says: Says) -> Option<Arrival> {
        self.exhausted = false;
        for door in &mut self.doors {
            match door.accept(now) {
                Ok(Some(arrival)) => {
                    announce(&arrival, self.carrier, self.chats, says);
                    return Some(arrival);
                }
                Ok(None) => {}
                Err(error) => {
                    self.exhausted |= is_out_of_resources(&error);
                    says.debug(format_args!("accept: {}.", words(&error)));
                }
            }
        }
        None
    }

    /// Whether the system had nothing left for one more connection: trying again at once is in vain.
    pub(super) const fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// What lies over the sockets, in ncat's words.
    pub(super) const fn layer(&self) -> &'static str {
        if self.websocket.is_some() { "WebSocket" } else { "SSL" }
    }

    /// Whether connections have handshakes, and with them times of their own.
    pub(super) const fn has_handshakes(&self) -> bool {
        self.tls.is_some() || self.websocket.is_some()
    }

    /// What lies over a new connection, its handshakes still to come.
    pub(super) fn dress(&self, link: Box<dyn Link>) -> io::Result<Box<dyn Link>> {
        let link = match (&self.tls, self.carrier) {
            (Some(tls), Carrier::Stream | Carrier::Sctp) => tls::server(link, tls)?,
            (Some(tls), Carrier::Datagram) => dtls::server(link, tls, Instant::now())?,
            _ => link,
        };
        Ok(match &self.websocket {
            Some(origins) => websocket::server(link, origins.clone()),
            None => link,
        })
    }
}

impl Door {
    fn local(&self) -> Peer {
        match self {
            Self::Streams(listener) => listener.local().clone(),
            Self::Messages(listener) => listener.local().clone(),
            Self::Quic(_, local) => Peer::Inet(*local),
        }
    }

    fn accept(&mut self, now: Instant) -> io::Result<Option<Arrival>> {
        let later = |error: io::Error| match error.kind() {
            // It is nobody, or it has gone.
            io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionAborted => Ok(None),
            _ => Err(error),
        };
        match self {
            Self::Streams(listener) => match listener.accept() {
                Ok((socket, peer)) => {
                    let local = socket.local();
                    Ok(Some(Arrival { link: Box::new(stream::Stream::new(socket)), peer, local }))
                }
                Err(error) => later(error),
            },
            Self::Messages(listener) => match listener.accept() {
                Ok((socket, peer)) => {
                    let local = socket.local().clone();
                    Ok(Some(Arrival {
                        link: Box::new(datagram::Datagram::new(socket)),
                        peer,
                        local,
                    }))
                }
                Err(error) => later(error),
            },
            Self::Quic(listener, local) => {
                listener.advance(now)?;
                Ok(listener.accept().map(|(link, peer)| Arrival {
                    link,
                    peer: Peer::Inet(peer),
                    local: Peer::Inet(*local),
                }))
            }
        }
    }
}

/// ncat's two lines about somebody who connected.
fn announce(arrival: &Arrival, carrier: Carrier, chats: bool, says: Says) {
    if says.verbosity() == 0 {
        return;
    }
    match &arrival.peer {
        peer @ Peer::Unix(_) if carrier == Carrier::Datagram => {
            says.verbose(format_args!("Connection from {peer}."));
        }
        Peer::Unix(_) => says.verbose("Connection from a client on Unix domain socket."),
        peer => {
            let name = peer.ip().map_or_else(|| peer.to_string(), |ip| ip.to_string());
            match (chats, arrival.link.direct()) {
                (true, Some(fd)) => {
                    let number = std::os::fd::AsRawFd::as_raw_fd(&fd);
                    says.verbose(format_args!(
                        "Connection from {name} on file descriptor {number}."
                    ));
                }
                _ => says.verbose(format_args!("Connection from {name}.")),
            }
        }
    }
    if carrier != Carrier::Datagram && !matches!(arrival.peer, Peer::Unix(_)) {
        says.verbose(format_args!("Connection from {}.", shown(&arrival.peer)));
    }
}

/// The addresses to listen on.
fn locals(options: &Options, target: &Target) -> Result<Vec<Peer>, Trouble> {
    let (host, ports) = match target {
        Target::Path(path) => {
            let bytes = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str());
            return Ok(vec![Peer::Unix(bytes.to_vec())]);
        }
        Target::Vsock { cid, port } => {
            // VMADDR_CID_ANY.
            return Ok(vec![Peer::Vsock { cid: cid.unwrap_or(u32::MAX), port: *port }]);
        }
        Target::Host { host, ports } => (host, ports),
    };
    let port = ports.first().copied().unwrap_or_default();
    let Some(host) = host else {
        let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let mut locals = vec![];
        if options.family != Some(Family::V4) && has_v6() {
            locals.push(Peer::Inet(v6));
        }
        if options.family != Some(Family::V6) {
            locals.push(Peer::Inet(v4));
        }
        return Ok(locals);
    };
    let addresses = lookup::lookup(host, port, family(options), options.numeric)
        .map_err(|error| Trouble::Call(unresolved("hostname", host, &error)))?;
    // Of a name with several addresses the first, as ncat has it.
    Ok(addresses.into_iter().take(1).map(Peer::Inet).collect())
}

/// Whether this system has IPv6 at all.
fn has_v6() -> bool {
    std::net::UdpSocket::bind((IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0)).is_ok()
}

fn open(local: &Peer, carrier: Carrier, tls: Option<&tls::Server>) -> io::Result<Door> {
    Ok(match (local, carrier) {
        (Peer::Inet(address), Carrier::Stream) => Door::Streams(Listener::tcp(*address)?),
        (Peer::Inet(address), Carrier::Sctp) => Door::Streams(Listener::sctp(*address)?),
        (Peer::Inet(address), Carrier::Datagram) => Door::Messages(MessageListener::udp(*address)?),
        (Peer::Inet(address), Carrier::Quic) => {
            let Some(tls) = tls else { return Err(io::ErrorKind::Unsupported.into()) };
            let socket = message::udp_socket(*address)?;
            let local = socket.local_addr()?;
            Door::Quic(quic::Listener::new(socket, tls, Instant::now())?, local)
        }
        (Peer::Unix(path), Carrier::Datagram) => {
            Door::Messages(MessageListener::unix(as_path(path))?)
        }
        (Peer::Unix(path), _) => Door::Streams(Listener::unix(as_path(path))?),
        (Peer::Vsock { cid, port }, _) => Door::Streams(Listener::vsock(*cid, *port)?),
    })
}

fn as_path(bytes: &[u8]) -> &std::path::Path {
    let text: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(bytes);
    text.as_ref()
}
