//! Datagrams by the batch: one system call receives up to 64, and one sends their answers.
//!
//! The memory of a batch is laid out once and used for its whole life: a slot for each arrival, then room for answers
//! that are longer than their questions. An answer that is no longer than its question is written in its place and
//! leaves from there, so the way of a datagram through callbox copies nothing and allocates nothing.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::ptr;

use super::DatagramSocket;
use super::control::{self, ControlBuffer, Told};
use super::outbox::{Full, MAX_PIECES, MAX_RUNS, Outbox};
use super::responder::{Arrival, Reply, Responder, Sent};
use crate::eager::Eager;

/// Datagrams received by one call. More gains little: the fixed cost of a call is shared by 64 already.
const BATCH: usize = 64;

/// The longest datagram, or run of coalesced ones, that the kernel hands over.
const SLOT: usize = 65_536;

/// Distance between slots. A power of two would map the first bytes of all slots to the same few cache lines.
const STRIDE: usize = SLOT + 3 * 64;

/// Room for answers that are longer than their questions; when it is full, what is there is sent first.
const SPILL: usize = 4 * SLOT;

/// Memory for one batch of datagrams and its answers. One a thread.
pub struct Batch {
    memory: Box<Memory>,
    slab: Box<[u8]>,
    outbox: Outbox,
    arrivals: Vec<(Arrival, Told, usize)>,
    spill: Vec<u8>,
    spill_used: usize,
    overflow: u32,
    eager: Eager,
}

/// What the kernel reads and writes. It holds pointers to itself and to the slab, all of which are set before each call.
struct Memory {
    receive: [libc::mmsghdr; BATCH],
    receive_iov: [libc::iovec; BATCH],
    receive_control: [ControlBuffer; BATCH],
    names: [libc::sockaddr_storage; BATCH],
    send: [libc::mmsghdr; MAX_RUNS],
    send_iov: [libc::iovec; MAX_PIECES],
    send_control: [ControlBuffer; MAX_RUNS],
}

// SAFETY: the raw pointers in `Memory` are set before each system call, point only into this batch, and are used by that
// call alone.
unsafe impl Send for Batch {}

impl Batch {
    /// A batch for `socket`. `segmentation` gathers answers into segmented messages where the kernel can do that.
    pub fn new(segmentation: bool) -> Self {
        // SAFETY: every field is plain data for which zero is a valid value.
        let memory = unsafe { Box::<Memory>::new_zeroed().assume_init() };
        Self {
            memory,
            slab: vec![0; BATCH * STRIDE + SPILL].into_boxed_slice(),
            outbox: Outbox::new(segmentation),
            arrivals: Vec::with_capacity(BATCH),
            spill: Vec::with_capacity(SLOT),
            spill_used: 0,
            overflow: 0,
            eager: Eager::new(),
        }
    }

    /// Waits until datagrams are there and takes up to 64 of them. Gives how many messages came; each may hold several
    /// coalesced datagrams. 0 means that the socket was woken by [`DatagramSocket::wake`].
    pub fn receive(&mut self, socket: &DatagramSocket) -> io::Result<usize> {
        let look = |batch: &mut (&mut Memory, &mut [u8])| match receive(
            socket,
            batch.0,
            batch.1,
            libc::MSG_DONTWAIT,
        ) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            result => result.map(Some),
        };
        let sleep = |batch: &mut (&mut Memory, &mut [u8])| {
            receive(socket, batch.0, batch.1, libc::MSG_WAITFORONE)
        };
        let n = self.eager.wait(&mut (&mut *self.memory, &mut *self.slab), look, sleep)?;
        self.note_arrivals(n);
        let call = format_args!("recvmmsg(fd {}, up to {BATCH})", socket.as_raw_fd());
        socket.trace().result(Ok(self.arrivals.len()), call, |n| match n {
            0 => "woken".to_owned(),
            n => messages(*n),
        })
    }

    /// Takes up to 64 of the messages that are there, without waiting: for a socket in somebody's event loop. 0 means
    /// that none is there.
    pub fn receive_waiting(&mut self, socket: &DatagramSocket) -> io::Result<usize> {
        self.arrivals.clear();
        let n = match receive(socket, &mut self.memory, &mut self.slab, libc::MSG_DONTWAIT) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            result => result?,
        };
        self.note_arrivals(n);
        let call = format_args!("recvmmsg(fd {}, up to {BATCH})", socket.as_raw_fd());
        socket.trace().result(Ok(self.arrivals.len()), call, |n| messages(*n))
    }

    /// The datagrams of the batch, for whoever does not answer them in place; coalesced ones apart.
    ///
    /// What went to a group is given to the first socket of its port alone, as [`Self::respond`] does it.
    pub fn datagrams(&self, socket: &DatagramSocket) -> impl Iterator<Item = (&Arrival, &[u8])> {
        let answers_groups = socket.answers_groups();
        let ours = move |told: &Told| answers_groups || !told.to_group;
        let arrivals = self.arrivals.iter().enumerate();
        arrivals.filter(move |(_, (_, told, _))| ours(told)).flat_map(
            |(index, (arrival, told, length))| {
                let start = index * STRIDE;
                let run = &self.slab[start..start + length];
                let segment = if told.segment == 0 { run.len().max(1) } else { told.segment };
                let count = run.len().div_ceil(segment).max(1);
                (0..count).map(move |number| {
                    let end = ((number + 1) * segment).min(run.len());
                    (arrival, &run[number * segment..end])
                })
            },
        )
    }

    /// Hands every datagram of the batch to `responder` and sends the answers.
    pub fn respond(&mut self, socket: &DatagramSocket, responder: &mut impl Responder) -> Sent {
        let mut sent = Sent::default();
        for index in 0..self.arrivals.len() {
            let (arrival, told, length) = self.arrivals[index];
            if told.to_group && !socket.answers_groups() {
                continue;
            }
            let segment = if told.segment == 0 { length.max(1) } else { told.segment };
            let count = length.div_ceil(segment).max(1);
            let admitted = responder.admit(&arrival, count);
            let start = index * STRIDE;
            for number in 0..admitted.min(count) {
                let at = start + number * segment..start + ((number + 1) * segment).min(length);
                self.spill.clear();
                let reply =
                    responder.respond(&arrival, &mut self.slab[at.clone()], &mut self.spill);
                let range = match reply {
                    Reply::None => continue,
                    Reply::InPlace(length) => at.start..at.start + length.min(at.len()),
                    Reply::Spilled => self.keep_spilled(socket, &mut sent),
                };
                self.push(socket, index, range, &mut sent);
            }
        }
        self.flush(socket, &mut sent);
        sent
    }

    /// Datagrams that were lost since the socket was opened because its receive buffer was full.
    pub const fn overflow(&self) -> u32 {
        self.overflow
    }

    fn note_arrivals(&mut self, n: usize) {
        self.arrivals.clear();
        for i in 0..n {
            let header = &self.memory.receive[i].msg_hdr;
            let Some(peer) = decode(&self.memory.names[i], header.msg_namelen) else {
                // Only a socket that was shut down (see `DatagramSocket::wake`) gives a message without a sender,
                // and it is the last of its batch.
                break;
            };
            // SAFETY: the kernel has just filled this header in, and its control buffer is part of this batch.
            let told = unsafe { control::read(header) };
            if let Some(overflow) = told.overflow {
                self.overflow = overflow;
            }
            let arrival = Arrival { peer: crate::address::canonical(peer), local: told.local };
            self.arrivals.push((arrival, told, self.memory.receive[i].msg_len as usize));
        }
    }

    /// Moves the spilled answer to where it can stay until it is sent.
    fn keep_spilled(&mut self, socket: &DatagramSocket, sent: &mut Sent) -> Range<usize> {
        let length = self.spill.len().min(SLOT);
        if self.spill_used + length > SPILL {
            self.flush(socket, sent);
        }
        let start = BATCH * STRIDE + self.spill_used;
        self.slab[start..start + length].copy_from_slice(&self.spill[..length]);
        self.spill_used += length;
        start..start + length
    }

    fn push(
        &mut self,
        socket: &DatagramSocket,
        index: usize,
        range: Range<usize>,
        sent: &mut Sent,
    ) {
        let arrivals = &self.arrivals;
        let same = |a: usize, b: usize| arrivals[a].0 == arrivals[b].0;
        if let Err(Full) = self.outbox.push(index, range.clone(), same) {
            // Sending frees the slots' answers; a spilled one stands behind what is sent, so its room is kept.
            let spill_used = self.spill_used;
            self.flush(socket, sent);
            self.spill_used = spill_used;
            let _ = self.outbox.push(index, range, |_, _| false);
        }
    }

    fn flush(&mut self, socket: &DatagramSocket, sent: &mut Sent) {
        let runs = self.outbox.runs().len();
        self.prepare_to_send();
        let mut next = 0;
        while next < runs {
            // SAFETY: the headers up to `runs` were set before and point into this batch.
            let n = unsafe {
                let headers = self.memory.send.as_mut_ptr().add(next);
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    headers,
                    (runs - next) as _,
                    libc::MSG_NOSIGNAL as _,
                )
            };
            let result = if n < 0 { Err(io::Error::last_os_error()) } else { Ok(n as usize) };
            let call = format_args!("sendmmsg(fd {}, {})", socket.as_raw_fd(), runs - next);
            match socket.trace().result(result, call, |n| messages(*n)) {
                Ok(n) => {
                    let taken = &self.outbox.runs()[next..next + n];
                    sent.datagrams += taken.iter().map(|run| u64::from(run.segments)).sum::<u64>();
                    next += n;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.send_one_by_one(socket, next, &error, sent);
                    next += 1;
                    self.prepare_to_send();
                }
            }
        }
        self.outbox.clear();
        self.spill_used = 0;
    }

    /// Message `index` was refused. If it was segmented, its datagrams are sent again each by itself: devices without
    /// checksum offload refuse segmentation (EIO), and so do paths with a smaller frame (EINVAL, EMSGSIZE).
    fn send_one_by_one(
        &mut self,
        socket: &DatagramSocket,
        index: usize,
        error: &io::Error,
        sent: &mut Sent,
    ) {
        let run = self.outbox.runs()[index].clone();
        if run.segments == 1 {
            sent.refused += 1;
            return;
        }
        if matches!(
            error.raw_os_error(),
            Some(libc::EIO | libc::EINVAL | libc::EOPNOTSUPP | libc::ENOPROTOOPT)
        ) {
            self.outbox.stop_segmentation();
        }
        let (arrival, told, _) = self.arrivals[run.arrival];
        let source = arrival.local.filter(can_be_source).map(|local| (local, told.interface));
        let mut control = ControlBuffer::EMPTY;
        let mut header = self.memory.send[index].msg_hdr;
        header.msg_name = ptr::from_mut(&mut self.memory.names[run.arrival]).cast();
        header.msg_controllen = control::write(&mut control, source, 0) as _;
        header.msg_control = match header.msg_controllen {
            0 => ptr::null_mut(),
            _ => control.0.as_mut_ptr().cast(),
        };
        for piece in run.pieces {
            let piece = self.outbox.pieces()[piece].clone();
            for datagram in self.slab[piece].chunks(run.segment as usize) {
                let mut iov = libc::iovec {
                    iov_base: datagram.as_ptr().cast_mut().cast(),
                    iov_len: datagram.len(),
                };
                header.msg_iov = &mut iov;
                header.msg_iovlen = 1;
                // SAFETY: the header points to this datagram, to a name inside this batch and to `control` above.
                let n = unsafe { libc::sendmsg(socket.as_raw_fd(), &header, libc::MSG_NOSIGNAL) };
                if n < 0 { sent.refused += 1 } else { sent.datagrams += 1 }
            }
        }
    }

    fn prepare_to_send(&mut self) {
        let (memory, slab) = (&mut *self.memory, self.slab.as_mut_ptr());
        for (i, piece) in self.outbox.pieces().iter().enumerate() {
            // SAFETY: pieces are ranges of the slab.
            let start = unsafe { slab.add(piece.start) };
            memory.send_iov[i] = libc::iovec { iov_base: start.cast(), iov_len: piece.len() };
        }
        for (i, run) in self.outbox.runs().iter().enumerate() {
            let (arrival, told, _) = &self.arrivals[run.arrival];
            let source = arrival.local.filter(can_be_source).map(|local| (local, told.interface));
            let segment = if run.segments > 1 { run.segment as u16 } else { 0 };
            let header = &mut memory.send[i].msg_hdr;
            header.msg_name = ptr::from_mut(&mut memory.names[run.arrival]).cast();
            header.msg_namelen = memory.receive[run.arrival].msg_hdr.msg_namelen;
            header.msg_iov = &mut memory.send_iov[run.pieces.start];
            header.msg_iovlen = run.pieces.len() as _;
            let length = control::write(&mut memory.send_control[i], source, segment);
            header.msg_controllen = length as _;
            header.msg_control = if length == 0 {
                ptr::null_mut()
            } else {
                memory.send_control[i].0.as_mut_ptr().cast()
            };
        }
    }
}

fn receive(
    socket: &DatagramSocket,
    memory: &mut Memory,
    slab: &mut [u8],
    flags: libc::c_int,
) -> io::Result<usize> {
    let slots = slab.as_mut_ptr();
    for i in 0..BATCH {
        // SAFETY: the slab has BATCH slots of STRIDE bytes.
        let slot = unsafe { slots.add(i * STRIDE) };
        memory.receive_iov[i] = libc::iovec { iov_base: slot.cast(), iov_len: SLOT };
        let header = &mut memory.receive[i].msg_hdr;
        header.msg_name = ptr::from_mut(&mut memory.names[i]).cast();
        header.msg_namelen = size_of::<libc::sockaddr_storage>() as _;
        header.msg_iov = &mut memory.receive_iov[i];
        header.msg_iovlen = 1;
        header.msg_control = memory.receive_control[i].0.as_mut_ptr().cast();
        header.msg_controllen = control::CONTROL_SPACE as _;
        header.msg_flags = 0;
    }
    let headers = memory.receive.as_mut_ptr();
    // SAFETY: the headers were set just now and point to memory of the batch, with the lengths given in them.
    let n = unsafe {
        libc::recvmmsg(socket.as_raw_fd(), headers, BATCH as _, flags as _, ptr::null_mut())
    };
    if n < 0 { Err(io::Error::last_os_error()) } else { Ok(n as usize) }
}

fn messages(n: usize) -> String {
    format!("{n} message{}", if n == 1 { "" } else { "s" })
}

/// A datagram sent to a group is answered from whichever address the route gives.
fn can_be_source(address: &IpAddr) -> bool {
    let address = address.to_canonical();
    !address.is_multicast() && !address.is_unspecified()
}

/// The address in a `sockaddr_storage` of which the kernel filled in `length` bytes.
fn decode(name: &libc::sockaddr_storage, length: libc::socklen_t) -> Option<SocketAddr> {
    let length = length as usize;
    match i32::from(name.ss_family) {
        libc::AF_INET if length >= size_of::<libc::sockaddr_in>() => {
            // SAFETY: the family says that this is a sockaddr_in, which is shorter than and aligned as the storage.
            let v4 = unsafe { &*ptr::from_ref(name).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 if length >= size_of::<libc::sockaddr_in6>() => {
            // SAFETY: the family says that this is a sockaddr_in6, which is shorter than and aligned as the storage.
            let v6 = unsafe { &*ptr::from_ref(name).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Some(
                SocketAddrV6::new(
                    ip,
                    u16::from_be(v6.sin6_port),
                    v6.sin6_flowinfo,
                    v6.sin6_scope_id,
                )
                .into(),
            )
        }
        _ => None,
    }
}
