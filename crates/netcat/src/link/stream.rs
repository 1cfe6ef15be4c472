//! A plain stream as a [`Link`]: TCP, SCTP, Unix and vsock sockets.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use callbox_net::stream::StreamSocket;

use super::{Got, Link};

/// A connected socket that carries the text itself.
#[derive(Debug)]
pub struct Stream {
    socket: StreamSocket,
    is_finished: bool,
}

impl Stream {
    /// Carries what `socket` carries.
    pub const fn new(socket: StreamSocket) -> Self {
        Self { socket, is_finished: false }
    }

    /// The same over one end of a pair, at whose other end there is another part of this process, or a program.
    pub fn of_pair(end: UnixStream) -> io::Result<Self> {
        StreamSocket::from_pair(end).map(Self::new)
    }
}

impl Link for Stream {
    fn source(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Got> {
        Ok(match self.socket.receive(buffer)? {
            0 if !buffer.is_empty() => Got::End,
            n => Got::Bytes(n),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.send(bytes)
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.is_finished {
            return Ok(());
        }
        self.is_finished = true;
        match self.socket.finish() {
            // The peer has gone in both directions; whether that was an end or a reset, the next read tells.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }

    fn direct(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn bytes_go_both_ways_and_each_way_ends_by_itself() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut link = Stream::of_pair(ours).unwrap();
        let mut buffer = [0; 64];
        assert_eq!(link.read(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        theirs.write_all(b"question").unwrap();
        assert_eq!(link.read(&mut buffer).unwrap(), Got::Bytes(8));
        assert_eq!(link.write(b"answer").unwrap(), 6);
        link.finish().unwrap();
        link.finish().unwrap();
        let mut heard = String::new();
        theirs.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "answer");
        theirs.write_all(b"!").unwrap();
        assert_eq!(link.read(&mut buffer).unwrap(), Got::Bytes(1));
        drop(theirs);
        assert_eq!(link.read(&mut buffer).unwrap(), Got::End);
        assert_eq!(link.write(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_peer_that_never_reads_takes_no_more_than_its_socket_holds() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut link = Stream::of_pair(ours).unwrap();
        let error = loop {
            if let Err(error) = link.write(&[b'x'; 65_536]) {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(theirs);
    }
}
