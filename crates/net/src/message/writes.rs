//! What a program writes, each write as a message.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, Socket, Type};

/// The end at which a program's writes are received. The other end is its standard output.
#[derive(Debug)]
pub struct Writes(Socket);

impl Writes {
    /// Both ends; only this one does not block.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, its) = Socket::pair(Domain::UNIX, KIND, None)?;
        ours.set_nonblocking(true)?;
        Ok((Self(ours), its.into()))
    }

    /// The next write, cut to the buffer; `None` if there will be no more. `WouldBlock` says that there is none for now.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.0.recv(crate::uninit(buffer)) {
            // A write of nothing looks like the end, at which alone the other end is closed.
            Ok(0) if self.is_closed() => Ok(None),
            // So a pair of datagram sockets tells it.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(None),
            result => result.map(Some),
        }
    }

    fn is_closed(&self) -> bool {
        let mut socket = [PollFd::new(&self.0, PollFlags::IN)];
        poll(&mut socket, Some(&Timespec::default())).is_ok()
            && socket[0].revents().contains(PollFlags::HUP)
    }
}

impl AsFd for Writes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A socket that keeps messages and tells the end.
#[cfg(not(target_vendor = "apple"))]
const KIND: Type = Type::SEQPACKET;
/// Apple's systems have none of that kind; what they have tells the end by an error.
#[cfg(target_vendor = "apple")]
const KIND: Type = Type::DGRAM;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Write;

    #[test]
    fn each_write_is_a_message_and_the_end_is_told_behind_the_last() {
        let (mut writes, end) = Writes::pair().unwrap();
        let mut program = File::from(end);
        let mut buffer = [0; 4];
        assert_eq!(writes.receive(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        for text in [&b"one"[..], b"two", b"longer"] {
            program.write_all(text).unwrap();
        }
        rustix::io::write(&program, b"").unwrap();
        for expected in [&b"one"[..], b"two", b"long", b""] {
            assert_eq!(writes.receive(&mut buffer).unwrap(), Some(expected.len()));
            assert_eq!(&buffer[..expected.len()], expected);
        }
        program.write_all(b"last").unwrap();
        drop(program);
        assert_eq!(writes.receive(&mut buffer).unwrap(), Some(4));
        assert_eq!(writes.receive(&mut buffer).unwrap(), None);
    }
}
