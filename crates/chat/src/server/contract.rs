//! What the event loops ask of the parts around them: the hub, a connection's bytes, the store, the person in charge.
//!
//! The loops move bytes and know nothing of IRC. What they need to be told stands here as traits, so that they are tested
//! with a hub of twenty lines, and so that each part may be read without the others.

use std::net::SocketAddr;
use std::time::Duration;

use callbox_hub::contract::{Answer, ConnId, Flow, Job, Now, Peer, Record, Reloaded, Sink};

/// The hub, as the loops see it.
///
/// It is called by several threads in turn, under one lock. A connection that it does not know, because it closed it
/// a moment ago from another thread, is no error: lines of it are answered with [`Flow::Closed`], all else is ignored.
pub trait Machine: Send {
    /// `conn` was opened by `peer`. Called once, before all else about it.
    fn connect(&mut self, conn: ConnId, peer: Peer, now: Now, sink: &mut dyn Sink);
    /// `conn` said `line`, which is given without its ending.
    fn handle_line(&mut self, conn: ConnId, line: &[u8], now: Now, sink: &mut dyn Sink) -> Flow;
    /// `conn` said a line that was longer than a line may be; it is gone.
    fn handle_too_long(&mut self, conn: ConnId, now: Now, sink: &mut dyn Sink) -> Flow;
    /// `conn` is no more, for `reason`. Nothing that is put out for it is sent.
    fn disconnect(&mut self, conn: ConnId, reason: &str, now: Now, sink: &mut dyn Sink);
    /// The job of `conn` is done. Gives whether the next line is taken.
    fn handle_answer(
        &mut self,
        conn: ConnId,
        answer: Answer,
        now: Now,
        sink: &mut dyn Sink,
    ) -> Flow;
    /// When [`handle_timeout`](Self::handle_timeout) is wanted, on the monotonic clock. Asked once a tick.
    fn poll_timeout(&self) -> Option<Duration>;
    /// The time asked for has come.
    fn handle_timeout(&mut self, now: Now, sink: &mut dyn Sink);
    /// The server stops, for `reason`. Called once; what is put out is kept, and nobody has to be told.
    fn stop(&mut self, reason: &str, now: Now, sink: &mut dyn Sink);
    /// The settings are these from now on.
    fn reload(&mut self, reloaded: Reloaded, now: Now, sink: &mut dyn Sink);
}

/// What a pipe gives out of the bytes that were put in.
#[derive(Debug, PartialEq)]
pub enum Incoming<'a> {
    /// The door is known, and with it the peer. Comes once, before any line. What never opens (a page of the web, a peer
    /// that is refused) is never seen by the hub.
    Opened(Peer),
    /// A line, without its ending.
    Line(&'a [u8]),
    /// A line was too long and is gone.
    TooLong,
    /// Nothing more can come of this connection, for this reason. What the pipe still has to say is sent.
    Close(&'static str),
}

/// The bytes of one connection, on their way from the wire to lines and back.
///
/// Calling contract: what was read goes to [`receive`](Self::receive), unless the pipe is
/// [`transparent`](Self::transparent); then [`next`](Self::next) is called until it gives `None`. Nothing more is read from
/// the wire until then, so a pipe keeps what came of one read and one unfinished piece at most. After each of these calls
/// [`take_output`](Self::take_output) is asked, and then the lines of the hub go through [`encode`](Self::encode).
pub trait Pipe: Send {
    /// Bytes of the wire. Called while the hub is not locked: this is the place for what costs time.
    fn receive(&mut self, wire: &[u8], now: Now);

    /// Whether the bytes of the wire are the lines themselves, both ways: then `input` of [`next`](Self::next) is what was
    /// read, lines are lent from it, and `encode` is left out. Once true it stays true.
    fn transparent(&self) -> bool;

    /// The next thing, or `None` when more has to be read. What was given to `receive` comes before `input`, which is empty
    /// for a pipe that is not transparent and is taken off from the front. Called under the hub's lock.
    fn next<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<Incoming<'s>>;

    /// What to take as read when the peer has ended its stream: where a line counts that has no ending, its ending.
    fn last_input(&self) -> &'static [u8] {
        b""
    }

    /// Turns whole lines, each with its CR LF, into bytes of the wire.
    fn encode(&mut self, lines: &[u8], wire: &mut Vec<u8>);

    /// What the pipe itself has to send: handshakes, pages, pongs.
    fn take_output(&mut self, wire: &mut Vec<u8>);

    /// The last words of the wire's own protocol (a close frame, `close_notify`), once all lines are encoded.
    fn finish(&mut self, wire: &mut Vec<u8>);

    /// The last line to a peer whose connection the loops end for `reason`, with its ending: as whoever it is reads lines.
    fn parting(&self, reason: &str) -> String {
        format!("ERROR :Closing link: {reason}\r\n")
    }

    /// When [`handle_timeout`](Self::handle_timeout) is wanted, on the monotonic clock.
    fn poll_timeout(&self) -> Option<Duration>;

    /// The time asked for has come. `next` and `take_output` say what follows.
    fn handle_timeout(&mut self, now: Now);
}

/// Makes the pipe of each new connection. Shared by all threads.
pub trait Doors: Send + Sync {
    /// What carries the bytes.
    type Pipe: Pipe;

    /// A peer has connected from `peer` to the listener with this number, counted from 0 as they were given.
    fn open(&self, listener: usize, peer: SocketAddr, now: Now) -> Self::Pipe;
}

/// The store and the workers, as the loops see them.
///
/// What becomes of a submission is told to the [`Handle`](super::Handle): `kept` or `lost` for its ticket, `answer` for
/// each job.
pub trait Keeper: Send + Sync {
    /// Takes over the records and jobs of one tick, in the order in which they happened. Called under the hub's lock, so it
    /// must not wait for anything. Gives a ticket, greater than all that were given before; the first is 1 or more.
    fn submit(&self, records: Vec<Record>, jobs: Vec<(ConnId, Job)>) -> u64;

    /// Waits until all that was submitted is kept or lost. Called once, at the end.
    fn flush(&self);
}

/// What the person who runs the server should know.
#[derive(Debug)]
pub enum Notice<'a> {
    /// A connection was refused, because there are as many as there may be. Said once for each time it begins.
    Full {
        /// How many there may be.
        connections: usize,
    },
    /// The system has no descriptor or memory left for another connection. Said once for each time it begins.
    OutOfResources(&'a std::io::Error),
    /// The code for one connection panicked; the connection was closed. What the panic said went to standard error.
    Panicked {
        /// Whose connection it was, if it was that of a peer.
        peer: Option<SocketAddr>,
    },
    /// A peer did not read what was sent to it, and was dropped with so much waiting.
    SendQueue {
        /// The peer.
        peer: SocketAddr,
        /// Bytes that waited.
        bytes: usize,
    },
    /// Records could not be kept, and those who waited for them were closed.
    Lost {
        /// The ticket.
        ticket: u64,
    },
}

/// Hears what goes on. Called on the event loops' threads, so it must not wait.
pub trait Report: Send + Sync {
    /// Something happened.
    fn notice(&self, notice: Notice<'_>);
}
