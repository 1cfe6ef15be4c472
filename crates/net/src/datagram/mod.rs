//! Datagram sockets: one call at a time for clients, batches for servers.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::address::{canonical, mapped};
use crate::error_queue;
use crate::trace::{self, Trace};
use crate::waking::Waking;

#[cfg(linux_calls)]
mod batch;
#[cfg(not(linux_calls))]
#[path = "fallback.rs"]
mod batch;
#[cfg(linux_calls)]
pub(crate) mod control;
pub mod flow;
mod mail;
#[cfg(linux_calls)]
mod outbox;
mod responder;

pub use batch::Batch;
pub use mail::Mail;
pub use responder::{Arrival, Reply, Responder, Sent};

/// What a server asks of the kernel for its socket buffers, in bytes. At 64-byte datagrams the kernel's accounting
/// makes this about 5,000 waiting datagrams, which bridges a pause of the thread of about 10 ms. The kernel gives
/// what `net.core.rmem_max` allows.
const SERVER_BUFFER: usize = 4 << 20;

/// The most that a UDP datagram to `peer` can carry, in bytes: 65,535 less the headers that the 16-bit lengths include
/// (RFC 768, RFC 791: 28 bytes over IPv4; RFC 8200 section 3: 8 bytes over IPv6).
pub const fn max_payload(peer: &SocketAddr) -> usize {
    match peer {
        SocketAddr::V4(_) => 65_507,
        SocketAddr::V6(_) => 65_527,
    }
}

/// A UDP socket.
#[derive(Debug)]
pub struct DatagramSocket {
    socket: Socket,
    is_ipv6: bool,
    waking: Waking,
    trace: Trace,
    /// The kernel gives a datagram for all hosts, or for a group of them, to every socket on the port. Of the sockets of
    /// one server the first alone answers it.
    #[cfg(linux_calls)]
    answers_groups: bool,
}

impl DatagramSocket {
    /// A socket of the family that `like` has; neither bound nor connected. An IPv6 socket takes IPv4 as well.
    pub fn open(like: &SocketAddr, trace: &Trace) -> io::Result<Self> {
        let socket = new_socket(like, trace)?;
        if like.is_ipv6() {
            // A dual-stack socket reaches every peer that a name may stand for. Some systems forbid it; then it is v6 only.
            let _ = socket.set_only_v6(false);
        }
        Ok(Self {
            socket,
            is_ipv6: like.is_ipv6(),
            waking: Waking::default(),
            trace: trace.clone(),
            #[cfg(linux_calls)]
            answers_groups: true,
        })
    }

    /// `workers` sockets bound to `address`, among which the kernel spreads the peers (`SO_REUSEPORT`).
    ///
    /// The first one is bound alone, so that an address in use is an error even if its owner lets others in; port 0
    /// becomes the port that the first one got. `dual_stack` lets `[::]` take IPv4 as well. Where the kernel does not spread
    /// peers there is one socket.
    pub fn bind_group(
        address: SocketAddr,
        dual_stack: bool,
        workers: usize,
        trace: &Trace,
    ) -> io::Result<Vec<Self>> {
        let first = Self::bind_server(address, dual_stack, false, trace)?;
        let address = first.local_addr()?;
        let mut group = vec![first];
        // Elsewhere all peers come to one of the sockets, and what is for all hosts comes to each of them.
        if cfg!(linux_calls) && workers > 1 && group[0].share_port().is_ok() {
            while group.len() < workers {
                match Self::bind_server(address, dual_stack, true, trace) {
                    Ok(socket) => group.push(socket),
                    // One socket serves as well, on one core.
                    Err(_) => break,
                }
            }
        }
        Ok(group)
    }

    fn bind_server(
        address: SocketAddr,
        dual_stack: bool,
        share: bool,
        trace: &Trace,
    ) -> io::Result<Self> {
        let socket = Self {
            socket: new_socket(&address, trace)?,
            is_ipv6: address.is_ipv6(),
            waking: Waking::default(),
            trace: trace.clone(),
            #[cfg(linux_calls)]
            answers_groups: !share,
        };
        if address.is_ipv6() {
            let set = socket.socket.set_only_v6(!dual_stack);
            socket.told_option("IPV6_V6ONLY", set)?;
        }
        if share {
            socket.share_port()?;
        }
        socket.bind(address)?;
        let (receive, send) = (
            socket.socket.set_recv_buffer_size(SERVER_BUFFER),
            socket.socket.set_send_buffer_size(SERVER_BUFFER),
        );
        let _ = socket.told_option("SO_RCVBUF", receive);
        let _ = socket.told_option("SO_SNDBUF", send);
        if address.ip().is_unspecified() {
            socket.ask_for_local_address(&address)?;
        }
        socket.ask_for_batches();
        Ok(socket)
    }

    /// `bind`: gives the socket its own address.
    pub fn bind(&self, address: SocketAddr) -> io::Result<()> {
        let call = format_args!("bind(fd {}, {address})", self.as_raw_fd());
        self.trace.result(self.socket.bind(&address.into()), call, trace::ok)
    }

    /// `connect`: from now on the kernel sends only to `peer` and lets in only what comes from it. Without a `bind`
    /// before, the kernel chooses our address here.
    pub fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        let call = format_args!("connect(fd {}, {peer})", self.as_raw_fd());
        self.trace.result(self.socket.connect(&peer.into()), call, trace::ok)
    }

    /// `getsockname`: the socket's own address, `0.0.0.0:0` as long as it has none.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let result = self.socket.local_addr().and_then(inet);
        let call = format_args!("getsockname(fd {})", self.as_raw_fd());
        self.trace.result(result, call, ToString::to_string)
    }

    /// `send` on a connected socket.
    pub fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        let call = format_args!("send(fd {}, {})", self.as_raw_fd(), trace::Bytes(datagram.len()));
        self.trace.result(self.socket.send(datagram), call, ToString::to_string)
    }

    /// `send` on a connected socket, without waiting for room in its buffer.
    #[cfg(not(linux_calls))]
    fn send_now(&self, datagram: &[u8]) -> io::Result<usize> {
        let call = format_args!("send(fd {}, {})", self.as_raw_fd(), trace::Bytes(datagram.len()));
        let result = self.socket.send_with_flags(datagram, libc::MSG_DONTWAIT);
        self.trace.result(result, call, ToString::to_string)
    }

    /// `sendto`. The first one on an unbound socket also gives it its address.
    pub fn send_to(&self, datagram: &[u8], peer: SocketAddr) -> io::Result<usize> {
        let call = format_args!(
            "sendto(fd {}, {}, {peer})",
            self.as_raw_fd(),
            trace::Bytes(datagram.len())
        );
        let result = self.socket.send_to(datagram, &self.in_family(peer).into());
        self.trace.result(result, call, ToString::to_string)
    }

    /// `recv` on a connected socket, waiting `timeout` at most (for ever if `None`). `None` means that nothing came in time.
    /// A port that nobody listens on is `ConnectionRefused`.
    pub fn recv(&self, buffer: &mut [u8], timeout: Option<Duration>) -> io::Result<Option<usize>> {
        if !self.waking.readable(&self.socket, timeout)? {
            return Ok(None);
        }
        let call = format_args!("recv(fd {})", self.as_raw_fd());
        let result = without_waiting((&self.socket).recv_now(buffer).map(|(n, _)| n));
        self.trace.result(result, call, |n| {
            n.map_or_else(|| "nothing".to_owned(), |n| trace::Bytes(n).to_string())
        })
    }

    /// `recvfrom`, waiting `timeout` at most. `None` means that nothing came in time.
    pub fn recv_from(
        &self,
        buffer: &mut [u8],
        timeout: Option<Duration>,
    ) -> io::Result<Option<(usize, SocketAddr)>> {
        if !self.waking.readable(&self.socket, timeout)? {
            return Ok(None);
        }
        let result =
            (&self.socket).recv_now(buffer).and_then(|(n, from)| Ok((n, canonical(inet(from)?))));
        let call = format_args!("recvfrom(fd {})", self.as_raw_fd());
        self.trace.result(without_waiting(result), call, |got| {
            got.map_or_else(
                || "nothing".to_owned(),
                |(n, from)| format!("{} from {from}", trace::Bytes(n)),
            )
        })
    }

    /// Asks the kernel to keep the ICMP errors that answers to our datagrams bring, for [`Self::next_refusal`].
    /// An unconnected socket is told of them in no other way.
    pub fn keep_errors(&self) -> io::Result<()> {
        self.told_option("IP_RECVERR", error_queue::enable(self.as_fd(), self.is_ipv6))
    }

    /// The next peer of whom ICMP said that our datagram reached nobody, with the error. Needs [`Self::keep_errors`].
    pub fn next_refusal(&self) -> io::Result<Option<(SocketAddr, io::Error)>> {
        let refusal = error_queue::next(self.as_fd())?;
        if let Some((peer, error)) = &refusal {
            self.trace.line(format_args!(
                "recvmsg(fd {}, MSG_ERRQUEUE) = sent to {peer}: {error}",
                self.as_raw_fd()
            ));
        }
        Ok(refusal)
    }

    /// Makes every `recv` on this socket return, now and later. Queued datagrams are still given out first.
    pub fn wake(&self) {
        self.waking.wake(&self.socket);
    }

    #[cfg(linux_calls)]
    pub(crate) const fn answers_groups(&self) -> bool {
        self.answers_groups
    }

    #[cfg(linux_calls)]
    pub(crate) const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The address as this socket's family has it: a dual-stack socket wants IPv4 mapped into IPv6.
    fn in_family(&self, peer: SocketAddr) -> SocketAddr {
        if self.is_ipv6 { SocketAddr::V6(mapped(peer)) } else { peer }
    }

    fn share_port(&self) -> io::Result<()> {
        self.told_option("SO_REUSEPORT", self.socket.set_reuse_port(true))
    }

    /// Reports that the option with this name was set.
    fn told_option(&self, name: &str, set: io::Result<()>) -> io::Result<()> {
        self.trace.result(
            set,
            format_args!("setsockopt(fd {}, {name})", self.as_raw_fd()),
            trace::ok,
        )
    }

    #[cfg(linux_calls)]
    fn set_option(&self, name: &str, level: i32, option: i32) -> io::Result<()> {
        self.told_option(name, crate::sockopt::set(self.as_fd(), level, option, 1))
    }

    /// On a wildcard address, each datagram is to tell which of our addresses it was sent to.
    #[cfg(linux_calls)]
    fn ask_for_local_address(&self, address: &SocketAddr) -> io::Result<()> {
        // A dual-stack socket asks both layers: that of IPv4 knows the address to answer a broadcast from.
        let ipv4 = self.set_option("IP_PKTINFO", libc::IPPROTO_IP, libc::IP_PKTINFO);
        match address {
            SocketAddr::V4(_) => ipv4,
            SocketAddr::V6(_) => {
                self.set_option("IPV6_RECVPKTINFO", libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)
            }
        }
    }

    #[cfg(not(linux_calls))]
    fn ask_for_local_address(&self, _: &SocketAddr) -> io::Result<()> {
        Ok(())
    }

    /// Coalesced runs of datagrams and the count of lost ones, where the kernel has them.
    #[cfg(linux_calls)]
    fn ask_for_batches(&self) {
        let _ = self.set_option("UDP_GRO", libc::SOL_UDP, libc::UDP_GRO);
        let _ = self.set_option("SO_RXQ_OVFL", libc::SOL_SOCKET, libc::SO_RXQ_OVFL);
    }

    #[cfg(not(linux_calls))]
    fn ask_for_batches(&self) {}
}

impl AsRawFd for DatagramSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl AsFd for DatagramSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn new_socket(like: &SocketAddr, trace: &Trace) -> io::Result<Socket> {
    let domain = Domain::for_address(*like);
    let name = if like.is_ipv4() { "AF_INET" } else { "AF_INET6" };
    let result = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP));
    let unbound = crate::address::unspecified_like(like);
    trace.result(result, format_args!("socket({name}, SOCK_DGRAM)"), |socket| {
        format!("fd {}, unbound {unbound}", socket.as_raw_fd())
    })
}

fn inet(address: socket2::SockAddr) -> io::Result<SocketAddr> {
    address
        .as_socket()
        .ok_or_else(|| io::Error::other("the kernel gave an address of another family"))
}

/// Readiness can be wrong: a datagram with a bad checksum wakes us and is then dropped. That is nothing, not an error.
fn without_waiting<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Receiving into initialised memory without waiting, which socket2 offers for uninitialised memory only.
trait RecvNow {
    fn recv_now(self, buffer: &mut [u8]) -> io::Result<(usize, socket2::SockAddr)>;
}

impl RecvNow for &Socket {
    fn recv_now(self, buffer: &mut [u8]) -> io::Result<(usize, socket2::SockAddr)> {
        let buffer = crate::uninit(buffer);
        self.recv_from_with_flags(buffer, libc::MSG_DONTWAIT)
    }
}

/// Whether a send failed because a queue on the way to the device was full (`ENOBUFS`): the datagram is lost as a
/// network would lose it, and may be sent again.
pub fn is_out_of_buffers(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOBUFS)
}
