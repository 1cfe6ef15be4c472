//! A plain IRC client of which one process can hold ten thousand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use callbox_testkit::EVENT_DEADLINE;

/// Clients that come in together: enough to keep the server busy, and no more than its queue of new connections holds.
const TOGETHER: usize = 100;

/// A connection, and what came on it after the last line that was awaited.
pub(crate) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
    last: String,
}

impl Client {
    #[track_caller]
    pub(crate) fn connect(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).expect("a connection");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        stream.set_read_timeout(Some(EVENT_DEADLINE)).expect("a time limit");
        Self { stream, read: Vec::new(), last: String::new() }
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the bytes are sent");
    }

    /// Waits for a line that contains `text`; those before it are passed over.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_for_any(&[text]);
    }

    #[track_caller]
    fn wait_for_any(&mut self, texts: &[&str]) {
        loop {
            while let Some(end) = self.read.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                self.last = String::from_utf8_lossy(&line).trim_end().to_owned();
                if texts.iter().any(|text| self.last.contains(text)) {
                    return;
                }
            }
            let mut bytes = [0; 4096];
            let length = self.stream.read(&mut bytes).unwrap_or_else(|error| {
                panic!("no line with {texts:?}: {error}; the last was {:?}", self.last)
            });
            assert!(length > 0, "closed before {texts:?}; the last line was {:?}", self.last);
            self.read.extend_from_slice(&bytes[..length]);
        }
    }

    /// The line that was awaited last.
    pub(crate) fn last(&self) -> &str {
        &self.last
    }
}

/// Lets all of them come in, under `name` and a number.
#[track_caller]
pub(crate) fn welcome_all(clients: &mut [Client], name: &str) {
    let mut number = 0;
    for clients in clients.chunks_mut(TOGETHER) {
        for client in &mut *clients {
            client.send(format!("NICK {name}{number}\r\nUSER u 0 * :u\r\n").as_bytes());
            number += 1;
        }
        for client in clients {
            // The last of the welcome: the message of the day (RPL_ENDOFMOTD), or that there is none (ERR_NOMOTD).
            client.wait_for_any(&[" 376 ", " 422 "]);
        }
    }
}
