//! What a client asks of the kernel for its socket.

use std::io;

use super::super::DatagramSocket;

/// How much a socket's buffers hold, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferSizes {
    /// Of what is sent.
    pub send: usize,
    /// Of what is received.
    pub receive: usize,
}

impl DatagramSocket {
    /// Asks for buffers of so many bytes, and gives what the kernel made of it, in the same measure.
    ///
    /// Linux gives at most `net.core.rmem_max` and `wmem_max`, sets twice as much aside, for its own records of what
    /// waits are charged to the buffer too, and tells the doubled number (socket(7)); half of that is given here. A small
    /// datagram takes up far more than its bytes: one of 64 some 770, so that a buffer of 200 KiB holds about 550.
    pub fn set_buffers(&self, bytes: usize) -> io::Result<BufferSizes> {
        let set = self.socket.set_recv_buffer_size(bytes);
        self.told_option("SO_RCVBUF", set)?;
        let set = self.socket.set_send_buffer_size(bytes);
        self.told_option("SO_SNDBUF", set)?;
        Ok(BufferSizes {
            send: self.socket.send_buffer_size()? / KERNELS_FACTOR,
            receive: self.socket.recv_buffer_size()? / KERNELS_FACTOR,
        })
    }

    /// From now on datagrams of one length may come together as one message (`UDP_GRO`), which
    /// [`Incoming`](super::Incoming) takes apart. An error where the system cannot do that; then they come one by one.
    pub fn accept_runs(&self) -> io::Result<()> {
        self.ask_for_runs()
    }

    /// How many datagrams were lost so far since the receive buffer was full; it only grows, and begins again at zero
    /// after 2^32. `None` where the system does not tell.
    ///
    /// It is the counter that `SO_RXQ_OVFL` gives along with datagrams, asked for by itself (`SO_MEMINFO`, Linux 4.12):
    /// so what was lost after the last datagram that came is known as well, and no datagram is slowed by it.
    pub fn overflow(&self) -> Option<u32> {
        self.drops()
    }

    #[cfg(linux_calls)]
    fn ask_for_runs(&self) -> io::Result<()> {
        self.set_option("UDP_GRO", libc::SOL_UDP, libc::UDP_GRO)
    }

    #[cfg(not(linux_calls))]
    fn ask_for_runs(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[cfg(linux_calls)]
    fn drops(&self) -> Option<u32> {
        use std::os::fd::AsFd;
        // The kernel may know more of them than we do, and gives as many as there is room for.
        let mut told = [0_u32; libc::SK_MEMINFO_DROPS as usize + 1];
        let room = size_of_val(&told);
        let filled =
            crate::sockopt::read(self.as_fd(), libc::SOL_SOCKET, libc::SO_MEMINFO, &mut told);
        (filled.ok()? == room).then(|| told[libc::SK_MEMINFO_DROPS as usize])
    }

    #[cfg(not(linux_calls))]
    fn drops(&self) -> Option<u32> {
        None
    }
}

/// By how much the size that the kernel tells is larger than the one that it gave.
const KERNELS_FACTOR: usize = if cfg!(target_os = "linux") { 2 } else { 1 };
