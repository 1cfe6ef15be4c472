//! Clients that read all and look at nothing.
//!
//! To read and check every delivery costs about as much as to make it, so a load that does can keep
//! one processor of a server busy and no more. Those clients are not waited for: what the kernel has
//! for them is read in large pieces every few milliseconds, and counted in bytes. All of them hear the
//! same, so the lines of one tell how many lines the bytes of all are. That leaves a server with two
//! processors nearly both of them.

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
    /// Bytes since counting began, of all of them and of the first one, and the lines of the first one.
    bytes: u64,
    first_bytes: u64,
    first_lines: u64,
}

impl Swept {
    /// Takes the clients from `from` on out of the poll.
    pub(super) fn new(clients: &mut [Client], from: usize, registry: &Registry) -> Result<Self> {
        for client in &mut clients[from..] {
            registry.deregister(&mut client.stream)?;
        }
        Ok(Self { from, due: Instant::now(), bytes: 0, first_bytes: 0, first_lines: 0 })
    }

    /// The number of the first one.
    pub(super) fn first(&self) -> usize {
        self.from
    }

    /// Begins to count anew.
    pub(super) fn count(&mut self) {
        (self.bytes, self.first_bytes, self.first_lines) = (0, 0, 0);
    }

    /// Lines since counting began, of all of them.
    pub(super) fn lines(&self) -> u64 {
        let share = self.bytes as f64 / self.first_bytes.max(1) as f64;
        (self.first_lines as f64 * share).round() as u64
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
                        self.bytes += length as u64;
                        if number == self.from {
                            let ends = buffer[..length].iter().filter(|&&byte| byte == b'\n');
                            self.first_lines += ends.count() as u64;
                            self.first_bytes += length as u64;
                        }
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
