//! What has come to a connected socket, taken with one call.

use std::io;
use std::os::fd::AsRawFd;
use std::ptr;

use super::super::DatagramSocket;
use super::super::control::{self, ControlBuffer};
use super::BURST;

/// The longest datagram, or run of datagrams put together.
const SLOT: usize = 65_536;

/// Distance between slots. A power of two would map the first bytes of all slots to the same few cache lines.
const STRIDE: usize = SLOT + 3 * 64;

/// Memory for what comes with one call. Of its four megabytes those are really taken from the system that something was
/// received into.
pub struct Incoming {
    memory: Box<Memory>,
    slab: Box<[u8]>,
    /// How many messages the last call gave.
    messages: usize,
    batched: bool,
    runs: bool,
}

/// What the kernel reads and writes. It holds pointers to itself and to the slab, all of which are set before each call.
struct Memory {
    headers: [libc::mmsghdr; BURST],
    iov: [libc::iovec; BURST],
    control: [ControlBuffer; BURST],
}

// SAFETY: the raw pointers in `Memory` are set before each system call, point only into this value, and are used by that
// call alone.
unsafe impl Send for Incoming {}

impl Incoming {
    /// Room for what comes. `batched` takes many messages with one call (`recvmmsg`), and not one with each; `runs` is for
    /// sockets that [accept runs](DatagramSocket::accept_runs).
    pub fn new(batched: bool, runs: bool) -> Self {
        // SAFETY: every field is plain data for which zero is a valid value.
        let memory = unsafe { Box::<Memory>::new_zeroed().assume_init() };
        let slab = vec![0; BURST * STRIDE].into_boxed_slice();
        Self { memory, slab, messages: 0, batched, runs }
    }

    /// Takes what is there without waiting, up to `most` messages and [`BURST`], and gives how many it took. Each may be a
    /// run of several datagrams. With 0, and an error, none is there; an error that is about an earlier datagram, as
    /// `ConnectionRefused` is, leaves the socket as good as before.
    pub fn receive(&mut self, socket: &DatagramSocket, most: usize) -> io::Result<usize> {
        self.messages = 0;
        let most = most.clamp(1, BURST);
        self.prepare(most);
        let result = match self.batched {
            true => self.receive_together(socket, most),
            false => self.receive_one_by_one(socket, most),
        };
        match result {
            Ok(n) => self.messages = n,
            Err(error) if is_nothing(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(self.messages)
    }

    /// The datagrams that the last call gave.
    #[inline]
    pub fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        let headers = self.memory.headers[..self.messages].iter();
        headers.zip(self.slab.chunks_exact(STRIDE)).flat_map(|(header, slot)| {
            let run = &slot[..(header.msg_len as usize).min(SLOT)];
            // SAFETY: the kernel filled in this header, and its control buffer is part of this value.
            let told = unsafe { control::read(&header.msg_hdr) };
            let segment = if told.segment == 0 { run.len().max(1) } else { told.segment };
            // A datagram may be empty, and is one all the same.
            let count = run.len().div_ceil(segment).max(1);
            (0..count)
                .map(move |number| &run[number * segment..((number + 1) * segment).min(run.len())])
        })
    }

    fn receive_together(&mut self, socket: &DatagramSocket, most: usize) -> io::Result<usize> {
        let headers = self.memory.headers.as_mut_ptr();
        let flags = libc::MSG_DONTWAIT;
        // SAFETY: `most` headers were set just now and point to memory of this value, with the lengths given in them.
        let n = unsafe {
            libc::recvmmsg(socket.as_raw_fd(), headers, most as _, flags as _, ptr::null_mut())
        };
        let result = if n < 0 { Err(io::Error::last_os_error()) } else { Ok(n as usize) };
        let call = format_args!("recvmmsg(fd {}, up to {most})", socket.as_raw_fd());
        socket.trace().result(result, call, ToString::to_string)
    }

    fn receive_one_by_one(&mut self, socket: &DatagramSocket, most: usize) -> io::Result<usize> {
        for taken in 0..most {
            let header = &mut self.memory.headers[taken];
            // SAFETY: as above, of this one header.
            let n = unsafe {
                libc::recvmsg(socket.as_raw_fd(), &mut header.msg_hdr, libc::MSG_DONTWAIT)
            };
            let result = if n < 0 { Err(io::Error::last_os_error()) } else { Ok(n as usize) };
            let call = format_args!("recvmsg(fd {})", socket.as_raw_fd());
            match socket.trace().result(result, call, ToString::to_string) {
                Ok(n) => header.msg_len = n as _,
                Err(error) if taken == 0 => return Err(error),
                // As recvmmsg does it: what has come is given first.
                Err(_) => return Ok(taken),
            }
        }
        Ok(most)
    }

    fn prepare(&mut self, most: usize) {
        let Memory { headers, iov, control } = &mut *self.memory;
        let slots = self.slab.chunks_exact_mut(STRIDE);
        let parts = headers.iter_mut().zip(iov).zip(control).zip(slots);
        for (((header, iov), control), slot) in parts.take(most) {
            *iov = libc::iovec { iov_base: slot.as_mut_ptr().cast(), iov_len: SLOT };
            let header = &mut header.msg_hdr;
            header.msg_iov = iov;
            header.msg_iovlen = 1;
            // Nothing but the length of a run's datagrams is told, and a connected socket needs no sender's name.
            if self.runs {
                header.msg_control = control.0.as_mut_ptr().cast();
                header.msg_controllen = control::CONTROL_SPACE as _;
            }
        }
    }
}

/// Readiness can be wrong, and somebody else may have been quicker: that is nothing, not an error.
fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
