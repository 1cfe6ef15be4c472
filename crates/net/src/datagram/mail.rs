//! Datagrams to many peers, sent together: what a room hears goes to everybody in it.
//!
//! A [`Batch`](super::Batch) sends answers, each to the peer of an arrival. Here the peers are the caller's choice, and
//! so is the moment. The bytes of all datagrams stand one after another in one buffer, which is kept for the next time.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use super::DatagramSocket;
use super::responder::Sent;

/// The most bytes that wait to be sent. What a room says in a tick, times its readers, is far less; at the cap a
/// datagram is lost, as a network loses one.
const MAX_WAITING: usize = 8 << 20;

/// What is kept of the buffer from one sending to the next.
const KEPT: usize = 256 << 10;

/// Datagrams that wait to be sent. One a socket.
#[derive(Debug, Default)]
pub struct Mail {
    bytes: Vec<u8>,
    letters: Vec<Letter>,
    lost: u64,
}

#[derive(Debug)]
struct Letter {
    to: SocketAddr,
    /// Of our addresses, the one to send from; `None` for what the route gives.
    #[cfg_attr(not(linux_calls), expect(dead_code, reason = "the route always chooses"))]
    from: Option<IpAddr>,
    bytes: Range<usize>,
}

impl Mail {
    /// No datagrams yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a datagram to `to`. `from` is the address of ours that it leaves from: the `local` of an
    /// [`Arrival`](super::Arrival), so that a peer hears from the address that it wrote to.
    pub fn push(&mut self, to: SocketAddr, from: Option<IpAddr>, datagram: &[u8]) {
        if self.bytes.len() + datagram.len() > MAX_WAITING {
            self.lost += 1;
            return;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(datagram);
        self.letters.push(Letter { to, from, bytes: start..self.bytes.len() });
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// Sends what waits, in order and without waiting for room: what the kernel does not take is lost and counted.
    pub fn send(&mut self, socket: &DatagramSocket) -> Sent {
        let mut sent = Sent { datagrams: 0, refused: std::mem::take(&mut self.lost) };
        for group in self.letters.chunks(GROUP) {
            send_group(socket, group, &self.bytes, &mut sent);
        }
        self.letters.clear();
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        sent
    }
}

/// Datagrams sent by one call.
const GROUP: usize = 64;

#[cfg(linux_calls)]
fn send_group(socket: &DatagramSocket, group: &[Letter], bytes: &[u8], sent: &mut Sent) {
    linux::send_group(socket, group, bytes, sent);
}

#[cfg(not(linux_calls))]
fn send_group(socket: &DatagramSocket, group: &[Letter], bytes: &[u8], sent: &mut Sent) {
    for letter in group {
        match socket.send_to(&bytes[letter.bytes.clone()], letter.to) {
            Ok(_) => sent.datagrams += 1,
            Err(_) => sent.refused += 1,
        }
    }
}

#[cfg(linux_calls)]
mod linux {
    use std::io;
    use std::net::{IpAddr, SocketAddr};
    use std::os::fd::AsRawFd;
    use std::ptr;

    use socket2::SockAddr;

    use super::super::DatagramSocket;
    use super::super::control::{self, ControlBuffer};
    use super::super::responder::Sent;
    use super::{GROUP, Letter};

    /// One `sendmmsg`, and again from where it stopped. A datagram that is refused is lost, and the next one tried.
    pub(super) fn send_group(
        socket: &DatagramSocket,
        group: &[Letter],
        bytes: &[u8],
        sent: &mut Sent,
    ) {
        let names: Vec<SockAddr> =
            group.iter().map(|letter| socket.in_family(letter.to).into()).collect();
        let mut controls = [ControlBuffer::EMPTY; GROUP];
        let mut pieces: Vec<libc::iovec> = group
            .iter()
            .map(|letter| {
                let datagram = &bytes[letter.bytes.clone()];
                libc::iovec {
                    iov_base: datagram.as_ptr().cast_mut().cast(),
                    iov_len: datagram.len(),
                }
            })
            .collect();
        let mut headers: Vec<libc::mmsghdr> = Vec::with_capacity(group.len());
        for (((letter, name), control), piece) in
            group.iter().zip(&names).zip(&mut controls).zip(&mut pieces)
        {
            let length = control::write(control, source(letter), 0);
            // SAFETY: mmsghdr is plain data for which zero is a valid value.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_name = name.as_ptr().cast_mut().cast();
            header.msg_hdr.msg_namelen = name.len();
            header.msg_hdr.msg_iov = piece;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_controllen = length as _;
            header.msg_hdr.msg_control =
                if length == 0 { ptr::null_mut() } else { control.0.as_mut_ptr().cast() };
            headers.push(header);
        }
        let mut rest = &mut headers[..];
        let mut tried_again = false;
        while !rest.is_empty() {
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            // SAFETY: each header points to a name, a piece and a control buffer of this function, all of which outlive
            // the call, and to bytes that the caller lends.
            let n = unsafe {
                libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), rest.len() as _, flags as _)
            };
            let result = if n < 0 { Err(io::Error::last_os_error()) } else { Ok(n as usize) };
            let call = format_args!("sendmmsg(fd {}, {})", socket.as_raw_fd(), rest.len());
            match socket.trace().result(result, call, |n| format!("{n} sent")) {
                Ok(n) => {
                    sent.datagrams += n as u64;
                    rest = &mut rest[n.max(1)..];
                    tried_again = false;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    sent.refused += rest.len() as u64;
                    return;
                }
                // It may be about an earlier datagram, by an ICMP message that came back: then the next try is clean.
                Err(_) if !tried_again => tried_again = true,
                Err(_) => {
                    sent.refused += 1;
                    rest = &mut rest[1..];
                    tried_again = false;
                }
            }
        }
    }

    /// The address to send from, with the interface that a link-local one needs.
    fn source(letter: &Letter) -> Option<(IpAddr, u32)> {
        let from = letter.from.filter(|from| {
            let from = from.to_canonical();
            !from.is_multicast() && !from.is_unspecified()
        })?;
        let interface = match letter.to {
            SocketAddr::V6(to) => to.scope_id(),
            SocketAddr::V4(_) => 0,
        };
        Some((from, interface))
    }
}
