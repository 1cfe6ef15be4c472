//! Datagrams as a [`Link`]: a conversation with one peer over UDP, Unix or vsock datagrams.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use callbox_net::message::MessageSocket;

use super::{Got, Link};

/// The longest message of UDP over IPv4. Others carry as much, and some a little more.
const LONGEST: usize = 65_507;

/// A conversation that keeps messages. Nothing in it says that a side has ended: that is for the owner to decide.
#[derive(Debug)]
pub struct Datagram(MessageSocket);

impl Datagram {
    /// Carries what `socket` carries.
    pub const fn new(socket: MessageSocket) -> Self {
        Self(socket)
    }
}

impl Link for Datagram {
    fn source(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    fn has_text(&self) -> bool {
        self.0.has_text()
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Got> {
        self.0.receive(buffer).map(Got::Bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes)
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn keeps_messages(&self) -> bool {
        true
    }

    fn longest(&self) -> usize {
        LONGEST
    }

    fn direct(&self) -> Option<BorrowedFd<'_>> {
        self.0.is_own().then(|| self.0.as_fd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use callbox_net::message::MessageListener;
    use std::net::UdpSocket;

    #[test]
    fn messages_are_kept_as_they_are_and_empty_ones_are_no_end() {
        let mut listener = MessageListener::udp("127.0.0.1:0".parse().unwrap()).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(listener.local().inet().unwrap()).unwrap();
        for message in ["one", "", "three"] {
            client.send(message.as_bytes()).unwrap();
        }
        let mut link = Datagram::new(listener.accept_only().unwrap().0);
        assert!(link.keeps_messages() && link.has_text());
        assert!(link.direct().is_none(), "what waits outside of the kernel would be lost");
        let mut buffer = [0; 64];
        for length in [3, 0, 5] {
            assert_eq!(link.read(&mut buffer).unwrap(), Got::Bytes(length));
        }
        assert_eq!(link.read(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(link.direct().is_some());
        link.finish().unwrap();
        assert_eq!(link.write(b"").unwrap(), 0);
        assert_eq!(client.recv(&mut buffer).unwrap(), 0);
        drop(client);
        link.write(b"anybody?").unwrap();
        let error = link.read(&mut buffer).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
