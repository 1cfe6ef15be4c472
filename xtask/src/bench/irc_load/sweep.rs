//! Clients that read all and look at nothing.
//!
//! To read and check every delivery costs about as much as to make it, so a load that does can keep
//! one processor of a server busy and no more. Those clients are not waited for: what the kernel has
//! for them is read in large pieces every few milliseconds, and only ends of lines are counted. That
//! leaves a server with two processors nearly both of them.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::Registry;

use super::Client;

/// The time between two sweeps: long, for large pieces, and short enough that no receive buffer fills.
const SWEEP_EVERY: Duration = Duration::from_millis(10);

/// The clients from a number on.
pub(super) struct Swept {
    from: usize,
    /// When the next sweep is due.
    due: Instant,
    /// Ends of lines since counting began.
    lines: u64,
}

impl Swept {
    /// Takes the clients from `from` on out of the poll.
    pub(super) fn new(clients: &mut [Client], from: usize, registry: &Registry) -> Result<Self> {
        for client in &mut clients[from..] {
            registry.deregister(&mut client.stream)?;
        }
        Ok(Self { from, due: Instant::now(), lines: 0 })
    }

    /// The number of the first one.
    pub(super) fn first(&self) -> usize {
        self.from
    }

    /// Begins to count anew.
    pub(super) fn count(&mut self) {
        self.lines = 0;
    }

    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// The time until the next sweep.
    pub(super) fn wait(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now())
    }

    /// Reads all that is there, if it is time to.
    pub(super) fn sweep(&mut self, clients: &mut [Client], buffer: &mut [u8]) -> Result<()> {
        let now = Instant::now();
        if now < self.due {
            return Ok(());
        }
        self.due = now + SWEEP_EVERY;
        for (number, client) in clients.iter_mut().enumerate().skip(self.from) {
            loop {
                match client.stream.read(buffer) {
                    Ok(0) => bail!("the server closed the connection of client {number}"),
                    Ok(length) => {
                        let ends = buffer[..length].iter().filter(|&&byte| byte == b'\n');
                        self.lines += ends.count() as u64;
                        if length < buffer.len() {
                            break;
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => {
                        return Err(error).with_context(|| format!("client {number} reads"));
                    }
                }
            }
        }
        Ok(())
    }
}
