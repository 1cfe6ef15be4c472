//! What nobody has read of a connection that is about to be closed.

use std::os::fd::BorrowedFd;

use socket2::SockRef;

/// The most that is taken in for nothing. Who sends more than this to somebody who does not read gets a reset.
const MOST: usize = 1 << 20;

/// Takes what has come and was not read. With such bytes a close is a reset, which may cost the peer what it was sent last.
/// It does not wait for more, and does not ask whether the socket blocks.
pub fn drop_unread(socket: BorrowedFd<'_>) {
    let mut buffer = [0; 4096];
    let mut dropped = 0;
    while dropped < MOST {
        let buffer = crate::uninit(&mut buffer);
        match SockRef::from(&socket).recv_with_flags(buffer, libc::MSG_DONTWAIT) {
            Ok(count @ 1..) => dropped += count,
            _ => break,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    #[test]
    fn a_close_is_an_end_and_no_reset() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut server = listener.accept().unwrap().0;
        client.write_all(b"a question that nobody reads").unwrap();
        // It is there once some of it is.
        server.peek(&mut [0]).unwrap();
        server.write_all(b"an answer").unwrap();
        drop_unread(server.as_fd());
        drop(server);
        let mut heard = String::new();
        client.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "an answer");
    }
}
