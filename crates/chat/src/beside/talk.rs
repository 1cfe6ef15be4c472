//! The person at the server's terminal, who talks in the lobby as everybody else (`--talk`).
//!
//! A thread reads the terminal and another writes to it, so that a terminal that is stopped stops nobody else. Between
//! them and the event loop lies a socket pair: what was typed makes it readable.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use callbox_hub::contract::{Door, Peer};
use callbox_irc::framer::{Frame, Framer, Limits};

/// Lines that wait for a terminal which does not show them. What comes after is not shown.
const WAITING: usize = 1_000;

/// Bytes of the longest line that is typed: that of the plain door, and its ending.
const LINE_MAX: u32 = crate::plain::MAX_TEXT as u32 + 2;

/// The chat's side of the person at the terminal.
#[derive(Debug)]
pub struct Talk {
    name: String,
    typed: UnixStream,
    framer: Framer,
    read: Vec<u8>,
    screen: Screen,
}

/// Where the person reads.
#[derive(Clone, Debug)]
pub struct Screen(Arc<Mutex<Option<SyncSender<Vec<u8>>>>>);

/// Why text is not shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unshown {
    /// So much waits already: the terminal is stopped.
    Full,
    /// Nobody reads any more.
    Closed,
}

impl Screen {
    /// Shows `text`, lines with their LFs.
    pub fn show(&self, text: &[u8]) -> Result<(), Unshown> {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = &*sender else { return Err(Unshown::Closed) };
        sender.try_send(text.to_vec()).map_err(|error| match error {
            TrySendError::Full(_) => Unshown::Full,
            TrySendError::Disconnected(_) => Unshown::Closed,
        })
    }

    /// Shows nothing more. The terminal's side hears the end after what waits.
    pub fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The terminal's side.
#[derive(Debug)]
pub struct Terminal {
    typed: UnixStream,
    shown: Receiver<Vec<u8>>,
}

/// The two sides of the person at the terminal, who is called `name`.
pub fn talk(name: &str) -> io::Result<(Talk, Terminal)> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let (sender, receiver) = sync_channel(WAITING);
    let talk = Talk {
        name: name.to_owned(),
        typed: ours,
        framer: Framer::new(Limits { tags: 0, body: LINE_MAX }),
        read: Vec::new(),
        screen: Screen(Arc::new(Mutex::new(Some(sender)))),
    };
    Ok((talk, Terminal { typed: theirs, shown: receiver }))
}

impl Terminal {
    /// The two halves: where to write what was typed, each line with its LF, and where text comes from that is to be
    /// shown, also with LFs. The latter ends when the screen is closed.
    pub fn split(self) -> (impl Write + Send, Receiver<Vec<u8>>) {
        (self.typed, self.shown)
    }
}

impl Talk {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Who sits there.
    pub(super) const fn peer() -> Peer {
        Peer {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            secure: true,
            fingerprint: None,
            door: Door::Terminal,
        }
    }

    pub(super) fn source(&self) -> RawFd {
        self.typed.as_raw_fd()
    }

    /// The next line that was typed.
    pub(super) fn next_line(&mut self) -> Option<Vec<u8>> {
        loop {
            let mut input = self.read.as_slice();
            let frame = self.framer.next(&mut input).map(|frame| match frame {
                Frame::Line(line) => line.to_vec(),
                Frame::TooLong => Vec::new(),
            });
            let taken = self.read.len() - input.len();
            self.read.drain(..taken);
            if let Some(line) = frame {
                return Some(line);
            }
            let mut buffer = [0; 4096];
            match self.typed.read(&mut buffer) {
                Ok(0) => return None,
                Ok(length) => self.read.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }

    /// What the person reads, for who else has something to say.
    pub fn screen(&self) -> Screen {
        self.screen.clone()
    }

    pub(super) fn show(&self, text: &[u8]) {
        // A terminal that is gone is told no more, and one that is stopped does without.
        let _ = self.screen.show(text);
    }
}
