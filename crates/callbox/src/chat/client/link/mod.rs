//! A connection to a chat: lines out, lines in, on a thread of its own.
//!
//! What lies between is put together here from parts that know nothing of each other: the sockets of `callbox-net`, TLS and
//! WebSocket of `callbox-layers`, and the framer of `callbox-irc`. A link is one attempt: whoever holds it decides whether
//! there is another one.
//!
//! Both directions are bounded. What is to be sent waits in a queue that says when it is full. What came is handed over in
//! batches, and only so many are out at a time: a holder that is slow to drop them slows the server down, by TCP.
//!
//! | module | what it is for |
//! |---|---|
//! | `lines` | a batch, and the count of those that are out |
//! | `stack` | the layers of a connection, in memory |
//! | `thread` | the name and the attempts, until there is a connection |
//! | `carrier` | the loop around its socket |
//! | `reason` | why a link ended, in a user's words |

mod carrier;
mod lines;
mod reason;
mod stack;
#[cfg(test)]
mod tests;
mod thread;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use callbox_layers::tls;
use mio::{Poll, Waker};

pub use lines::Lines;
pub use reason::{CloseReason, Stage};

use super::address::ChatAddress;
use lines::Flow;

/// The most bytes of lines that wait to be sent while the server does not read. Lines of a person's take days to be as
/// much; a paste or a pipe learns that it has to wait.
pub const MAX_QUEUED: usize = 1 << 20;

/// How long the whole way to a connection may take, unless somebody knows better.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// Whom to connect to, and how.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where.
    pub address: ChatAddress,
    /// Whom to believe, and who to be, where TLS is spoken.
    pub tls: tls::Settings,
    /// For the whole way to [`LinkEvent::Connected`]: the name, the attempts, TLS and WebSocket.
    pub timeout: Duration,
}

impl Target {
    /// The server at `address`, believed if an authority of this system's says so.
    pub fn new(address: ChatAddress) -> Self {
        Self { address, tls: tls::Settings::default(), timeout: CONNECT_TIMEOUT }
    }
}

/// What becomes of a link.
#[derive(Debug)]
pub enum LinkEvent {
    /// Lines can flow. At most once, and before all lines.
    Connected(Connected),
    /// Lines came.
    Lines(Lines),
    /// It has ended. Once, and last.
    Closed(CloseReason),
}

/// What a link is connected to.
#[derive(Clone, Debug)]
pub struct Connected {
    /// The server's address.
    pub peer: SocketAddr,
    /// What is known from TLS, if that is spoken.
    pub tls: Option<TlsInfo>,
}

impl Connected {
    /// Whether nobody on the way can read or change what is said.
    pub fn is_secure(&self) -> bool {
        self.tls.is_some() || self.peer.ip().to_canonical().is_loopback()
    }
}

/// What is known from TLS.
#[derive(Clone, Debug)]
pub struct TlsInfo {
    /// The SHA-256 of the server's certificate: `AB:CD:…`.
    pub fingerprint: String,
    /// The server is believed for this fingerprint, and not for what an authority says.
    pub pinned: bool,
    /// We have a certificate to show, so SASL EXTERNAL is possible.
    pub has_identity: bool,
}

/// More lines wait than may: the server does not read. Nothing was taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Full;

/// A connection, or the attempt to make one. Dropping it ends it at once, with what was not yet sent.
#[derive(Debug)]
pub struct Link {
    shared: Arc<Shared>,
}

impl Link {
    /// Starts to connect. Each event is given to `events` on the link's own thread, in order; that must not block, but
    /// hand it on.
    ///
    /// # Errors
    ///
    /// If the system has no thread or descriptor left.
    pub fn spawn(
        target: Target,
        events: impl FnMut(LinkEvent) + Send + 'static,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), carrier::CALLED)?);
        let shared = Arc::new(Shared {
            outgoing: Mutex::default(),
            flow: Arc::new(Flow::new(Arc::clone(&waker))),
            waker,
        });
        thread::start(target, poll, Arc::clone(&shared), events)?;
        Ok(Self { shared })
    }

    /// Queues whole lines, each with its CR LF. They wait for the connection, if there is none yet.
    ///
    /// # Errors
    ///
    /// If more than [`MAX_QUEUED`] bytes would wait. Nothing of `lines` was taken then.
    pub fn send(&self, lines: &[u8]) -> Result<(), Full> {
        let mut outgoing = self.shared.outgoing();
        if outgoing.lines.len() + lines.len() > MAX_QUEUED {
            return Err(Full);
        }
        let was_empty = outgoing.lines.is_empty();
        outgoing.lines.extend_from_slice(lines);
        drop(outgoing);
        if was_empty {
            self.shared.wake();
        }
        Ok(())
    }

    /// Sends what is queued, says goodbye in each layer, and gives the server a moment to end the connection. What it
    /// still says is given as ever. Before there is a connection this gives up at once.
    pub fn close(&self) {
        self.shared.outgoing().wish.raise(Wish::Close);
        self.shared.wake();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.shared.outgoing().wish.raise(Wish::Drop);
        self.shared.wake();
    }
}

/// What the holder of a link and its thread share.
#[derive(Debug)]
struct Shared {
    outgoing: Mutex<Outgoing>,
    flow: Arc<Flow>,
    waker: Arc<Waker>,
}

#[derive(Debug, Default)]
struct Outgoing {
    lines: Vec<u8>,
    wish: Wish,
}

/// What the holder wants.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
enum Wish {
    #[default]
    Talk,
    Close,
    Drop,
}

impl Wish {
    fn raise(&mut self, to: Self) {
        *self = to.max(*self);
    }
}

impl Shared {
    fn outgoing(&self) -> MutexGuard<'_, Outgoing> {
        // Nothing is done under this lock that could fail half-way.
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        // A descriptor of our own; where it fails, the thread has ended.
        let _ = self.waker.wake();
    }
}
