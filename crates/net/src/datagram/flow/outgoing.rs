//! What is sent over a connected socket with one call.

use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::ptr;

use super::super::DatagramSocket;
use super::super::control::{self, ControlBuffer};
use super::super::outbox::Outbox;
use super::{BURST, Leaving, refused};

/// Datagrams that wait to be sent. They stand one behind another, so that those of one length are one piece of memory,
/// which the kernel cuts up.
pub struct Outgoing {
    memory: Box<Memory>,
    slab: Box<[u8]>,
    used: usize,
    outbox: Outbox,
    /// The first message that has not left.
    next: usize,
    /// How many datagrams have been written and not left.
    waiting: usize,
    batched: bool,
    largest: usize,
    tries: u32,
}

/// What the kernel reads. It holds pointers to itself and to the slab, all of which are set before each call.
struct Memory {
    headers: [libc::mmsghdr; BURST],
    iov: [libc::iovec; BURST],
    control: [ControlBuffer; BURST],
}

// SAFETY: the raw pointers in `Memory` are set before each system call, point only into this value, and are used by that
// call alone.
unsafe impl Send for Outgoing {}

impl Outgoing {
    /// Room for [`BURST`] datagrams of at most `largest` bytes. `batched` sends all messages with one call (`sendmmsg`);
    /// `segmentation` makes one message of several datagrams of one length, where the kernel does not refuse that.
    pub fn new(largest: usize, batched: bool, segmentation: bool) -> Self {
        // SAFETY: every field is plain data for which zero is a valid value.
        let memory = unsafe { Box::<Memory>::new_zeroed().assume_init() };
        let slab = vec![0; BURST * largest].into_boxed_slice();
        let outbox = Outbox::new(segmentation);
        Self { memory, slab, used: 0, outbox, next: 0, waiting: 0, batched, largest, tries: 0 }
    }

    /// How many datagrams wait.
    #[inline]
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Forgets what waits.
    #[inline]
    pub fn clear(&mut self) {
        self.outbox.clear();
        (self.used, self.next, self.waiting, self.tries) = (0, 0, 0, 0);
    }

    /// Adds a datagram. `write` is given the room for it, `largest` bytes, and gives how many it wrote. False if
    /// there is no room before what waits has been sent, or [cleared](Self::clear); then nothing is written.
    #[inline]
    pub fn push(&mut self, write: impl FnOnce(&mut [u8]) -> usize) -> bool {
        if self.waiting == 0 {
            self.clear();
        }
        let start = self.used;
        let Some(room) = self.slab.get_mut(start..start + self.largest) else { return false };
        if self.waiting == BURST || self.outbox.runs().len() == BURST {
            return false;
        }
        let length = write(room).min(self.largest);
        self.used += length;
        self.waiting += 1;
        // All go to the one peer of the socket, as the answers to one arrival do.
        self.outbox.push(0, start..start + length, |_, _| true).is_ok()
    }

    /// Sends what waits with one call, in order and without waiting, and says what became of the first of it. What has
    /// left, or is lost, waits no longer; as long as something does, the next call goes on behind it.
    ///
    /// # Errors
    ///
    /// The call keeps failing for a reason of its own: there is no way to the peer, or it is forbidden.
    pub fn send(&mut self, socket: &DatagramSocket) -> io::Result<Leaving> {
        loop {
            let messages = self.prepare();
            if messages == 0 {
                return Ok(Leaving::Sent(0));
            }
            let error = match self.call(socket, messages) {
                Ok(n) => return Ok(Leaving::Sent(self.leave(n))),
                Err(error) => error,
            };
            let run = &self.outbox.runs()[self.next];
            match error.raw_os_error() {
                Some(libc::EINTR) => {}
                // Devices without checksum offload refuse to cut up messages (EIO), and so do paths with a smaller
                // frame (EINVAL, EMSGSIZE).
                Some(
                    libc::EIO
                    | libc::EINVAL
                    | libc::EMSGSIZE
                    | libc::EOPNOTSUPP
                    | libc::ENOPROTOOPT,
                ) if run.segments > 1 => self.take_apart(),
                _ => {
                    let told = refused(error, usize::from(run.segments), &mut self.tries);
                    if matches!(told, Ok(Leaving::Lost(_))) {
                        self.leave(1);
                    }
                    return told;
                }
            }
        }
    }

    /// Sends `messages` of the headers that were prepared, or as many as the kernel takes.
    fn call(&mut self, socket: &DatagramSocket, messages: usize) -> io::Result<usize> {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        let headers = self.memory.headers.as_mut_ptr();
        let (n, name) = if self.batched {
            // SAFETY: so many headers were set just now and point into this value.
            let n =
                unsafe { libc::sendmmsg(socket.as_raw_fd(), headers, messages as _, flags as _) };
            (n as isize, "sendmmsg")
        } else {
            // SAFETY: the first header was set just now and points into this value.
            let n = unsafe { libc::sendmsg(socket.as_raw_fd(), &(*headers).msg_hdr, flags) };
            (n.min(1), "sendmsg")
        };
        let result = match n {
            ..0 => Err(io::Error::last_os_error()),
            // An empty datagram is one too.
            _ if self.batched => Ok(n as usize),
            _ => Ok(1),
        };
        let call = format_args!("{name}(fd {}, {messages} waiting)", socket.as_raw_fd());
        socket.trace().result(result, call, |n| format!("{n} sent"))
    }

    /// So many messages have left, or are lost. Gives how many datagrams were in them.
    fn leave(&mut self, messages: usize) -> usize {
        let runs = &self.outbox.runs()[self.next..self.next + messages];
        let datagrams = runs.iter().map(|run| usize::from(run.segments)).sum();
        self.next += messages;
        self.waiting -= datagrams;
        self.tries = 0;
        datagrams
    }

    /// From now on every datagram is a message of its own, those that wait too.
    fn take_apart(&mut self) {
        self.outbox.stop_segmentation();
        let whole: Vec<(Range<usize>, u32)> = self.outbox.runs()[self.next..]
            .iter()
            .map(|run| {
                let pieces = &self.outbox.pieces()[run.pieces.clone()];
                let start = pieces.first().map_or(0, |piece| piece.start);
                (start..pieces.last().map_or(start, |piece| piece.end), run.segment)
            })
            .collect();
        self.outbox.clear();
        self.next = 0;
        for (memory, segment) in whole {
            let mut start = memory.start;
            loop {
                let end = (start + segment as usize).min(memory.end);
                // There are at most as many datagrams as messages fit.
                let _ = self.outbox.push(0, start..end, |_, _| false);
                start = end;
                if start >= memory.end {
                    break;
                }
            }
        }
    }

    /// Sets the headers of what waits, and gives how many messages that are.
    fn prepare(&mut self) -> usize {
        let Memory { headers, iov, control } = &mut *self.memory;
        let runs = &self.outbox.runs()[self.next..];
        for (((run, header), iov), control) in runs.iter().zip(headers).zip(iov).zip(control) {
            let pieces = &self.outbox.pieces()[run.pieces.clone()];
            // Neighbours are one piece.
            let memory = pieces.first().map_or(0..0, Clone::clone);
            let memory = &self.slab[memory];
            *iov =
                libc::iovec { iov_base: memory.as_ptr().cast_mut().cast(), iov_len: memory.len() };
            let segment = if run.segments > 1 { run.segment as u16 } else { 0 };
            let length = control::write(control, None, segment);
            let header = &mut header.msg_hdr;
            header.msg_iov = iov;
            header.msg_iovlen = 1;
            header.msg_controllen = length as _;
            header.msg_control =
                if length == 0 { ptr::null_mut() } else { control.0.as_mut_ptr().cast() };
        }
        runs.len()
    }
}
