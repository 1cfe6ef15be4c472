//! The event loops: sockets, connections, ticks.
//!
//! Each thread waits in a poll of its own for its own connections. What they said is read, the hub is locked once and told
//! all of it, and what the hub says goes to the threads that carry the connections concerned, each line once however many
//! are to have it. Then every connection with something to send is written to once. That is a tick.
//!
//! | module | what it is for |
//! |---|---|
//! | `contract` | what is asked of the hub, of a connection's bytes, of the store |
//! | `worker` | one event loop |
//! | `reading` | the part of it that takes connections in, and reads |
//! | `tick` | the part that holds the hub's lock |
//! | `mail` | the part that carries out what the hub said |
//! | `closing` | the part that ends connections |
//! | `connection`, `outbox`, `pool` | one connection: reading, sending, an end that loses nothing |
//! | `table`, `timers` | a thread's connections and their deadlines |
//! | `sink`, `batch`, `inbox` | from the hub to the threads |
//! | `entrance` | the hub for threads that carry connections in their own way |
//! | `acceptor`, `admission` | taking connections in, or not |
//! | `tickets` | what became of what was given to the store |
//! | `shared`, `metrics` | what threads share, and what they count |

mod acceptor;
mod admission;
mod batch;
mod closing;
mod connection;
mod contract;
mod entrance;
mod inbox;
mod mail;
mod metrics;
mod outbox;
mod pool;
mod reading;
mod shared;
mod sink;
mod table;
#[cfg(test)]
mod tests;
mod tick;
mod tickets;
mod timers;
mod worker;

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use callbox_net::limits::processors;
use callbox_net::stream::StreamListener;
use mio::{Poll, Token};

use crate::settings::{Connections, Network};
use acceptor::Acceptor;
use admission::Admission;
pub use contract::{Doors, Incoming, Keeper, Machine, Notice, Pipe, Report};
pub use entrance::{Entrance, Told};
use inbox::Inbox;
pub use metrics::Metrics;
pub use shared::Handle;
use shared::{Common, Shared, Stop};
use worker::Worker;

/// How much of everything.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Event loops, each a thread, at most 254. `None` makes one for each processor, and gives new connections only to as
    /// many as there are processors at that time: what two threads send from one processor takes more and smaller writes.
    pub threads: Option<usize>,
    /// Connections in all. Each costs a descriptor and a few KiB; the default is what a small machine carries easily.
    pub connections: usize,
    /// Connections from one address (of IPv6: one network of 64 bits). An office behind one address fits; one machine that
    /// opens connections to no end does not fill the server.
    pub per_address: usize,
    /// Connections whose door is not known yet.
    pub unopened: usize,
    /// Who is not counted by the two limits above: this machine, where proxies and tests are.
    pub exempt: Vec<Network>,
    /// How long a connection may take until its door is known: time for a person with netcat to type the first line.
    pub open_within: Duration,
    /// How long the last words of a connection may take, and its peer to close after them.
    pub closing: Duration,
    /// Bytes that may wait for one connection, beside what the kernel holds for it; one with more is dropped. The longest
    /// replies, a list of ten thousand channels or a page of a thousand lines of history, take about 2 MiB.
    pub send_queue: usize,
    /// Bytes that may wait for all connections together. While there are more, [`send_queue`](Self::send_queue) is
    /// [`FAIR_QUEUE`] for everybody, so that those go who make it so.
    pub send_queues: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threads: None,
            connections: 20_000,
            per_address: 100,
            unopened: 10_000,
            exempt: Connections::default().exempt,
            open_within: Duration::from_secs(60),
            closing: Duration::from_secs(3),
            send_queue: 4 << 20,
            send_queues: 256 << 20,
        }
    }
}

/// What may wait for one connection when memory is short: more than a lively room says in a second.
pub const FAIR_QUEUE: usize = 64 << 10;

/// What fits into a connection's number, beside the entrance.
const THREADS: usize = 254;

/// A server that is about to run.
pub struct Server<D> {
    listeners: Vec<StreamListener>,
    settings: Settings,
    doors: D,
    report: Arc<dyn Report>,
    polls: Vec<Poll>,
    common: Arc<Common>,
}

impl<D: Doors> Server<D> {
    /// A server for the connections that come to `listeners`.
    pub fn new(
        listeners: Vec<StreamListener>,
        settings: Settings,
        doors: D,
        report: Arc<dyn Report>,
    ) -> io::Result<Self> {
        let (mut polls, mut inboxes) = (Vec::new(), Vec::new());
        // One more, for the entrance.
        for _ in 0..=settings.threads.unwrap_or_else(processors).clamp(1, THREADS) {
            let poll = Poll::new()?;
            inboxes.push(Inbox::new(poll.registry(), worker::INBOX)?);
            polls.push(poll);
        }
        let common = Arc::new(Common::new(inboxes));
        Ok(Self { listeners, settings, doors, report, polls, common })
    }

    /// What the store and the signals talk to.
    pub fn handle(&self) -> Handle {
        Handle { common: Arc::clone(&self.common) }
    }

    /// Serves until the [`Handle`] is told to stop, on this thread and others. What was submitted is kept when it returns.
    ///
    /// # Errors
    ///
    /// Whatever keeps an event loop from going on; the others are stopped then.
    pub fn run<M: Machine>(self, machine: M, keeper: Arc<dyn Keeper>) -> io::Result<()> {
        self.run_with(machine, keeper, None::<fn(Entrance<'_, M, D>) -> io::Result<()>>)
    }

    /// Like [`run`](Self::run), with a thread beside the loops that carries connections in its own way. It is to end soon
    /// after [`Entrance::wait`] says that the server stops.
    ///
    /// # Errors
    ///
    /// Those of `run`, and that of the thread.
    pub fn run_with<M: Machine>(
        mut self,
        machine: M,
        keeper: Arc<dyn Keeper>,
        beside: Option<impl FnOnce(Entrance<'_, M, D>) -> io::Result<()> + Send>,
    ) -> io::Result<()> {
        let last = self.polls.pop();
        let admission = Arc::new(Admission::new(&self.settings));
        let common = self.common;
        let shared = Shared::new(
            Arc::clone(&common),
            self.settings,
            self.doors,
            machine,
            Arc::clone(&keeper),
            self.report,
        );
        let mut listeners = Some(self.listeners);
        let mut workers = Vec::new();
        for (index, poll) in self.polls.into_iter().enumerate() {
            let acceptor = match listeners.take() {
                Some(sockets) => {
                    let admission = Arc::clone(&admission);
                    let first = worker::FIRST_LISTENER;
                    Some(Acceptor::new(sockets, admission, poll.registry(), first)?)
                }
                None => None,
            };
            workers.push(Worker::new(index, poll, acceptor, &shared));
        }
        let entrance = last.map(|poll| Entrance::new(workers.len(), poll, &shared));
        let served = thread::scope(|scope| {
            let mut workers = workers.into_iter();
            let first = workers.next();
            let mut threads = Vec::new();
            let mut result = Ok(());
            if let (Some(beside), Some(entrance)) = (beside, entrance) {
                let serve = || {
                    let _stop_others = StopOthers(&common);
                    beside(entrance)
                };
                match thread::Builder::new()
                    .name("chat-beside".to_owned())
                    .spawn_scoped(scope, serve)
                {
                    Ok(thread) => threads.push(thread),
                    Err(error) => {
                        common.stop(Stop::Now);
                        result = Err(error);
                    }
                }
            }
            for (n, worker) in workers.enumerate() {
                let name = format!("chat-{}", n + 1);
                match thread::Builder::new().name(name).spawn_scoped(scope, || guarded(worker)) {
                    Ok(thread) => threads.push(thread),
                    Err(error) => {
                        common.stop(Stop::Now);
                        result = Err(error);
                    }
                }
            }
            let ended = first.map_or(Ok(()), guarded);
            result = result.and(ended);
            for thread in threads {
                let panicked = || Err(io::Error::other("an event loop panicked"));
                let ended = thread.join().unwrap_or_else(|_| panicked());
                result = result.and(ended);
            }
            result
        });
        keeper.flush();
        served
    }
}

/// Stops the server when a thread ends in any other way than being told to.
struct StopOthers<'a>(&'a Common);

impl Drop for StopOthers<'_> {
    fn drop(&mut self) {
        if self.0.stopping() == Stop::No {
            self.0.stop(Stop::Now);
        }
    }
}

/// Runs a worker, and stops the others if it ends in any other way than being told to.
fn guarded<M: Machine, D: Doors>(worker: Worker<'_, M, D>) -> io::Result<()> {
    let common = Arc::clone(&worker.shared.common);
    let _stop_others = StopOthers(&common);
    worker.run()
}

/// The token of the connection in `slot`, and back: tokens of slots and others do not meet.
const fn token(slot: u32) -> Token {
    Token(slot as usize)
}
