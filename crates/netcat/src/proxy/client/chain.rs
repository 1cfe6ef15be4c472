//! Proxies behind proxies: `--proxy` given several times.

use super::{Handshake, Step};

/// Handshakes one after the other over one connection: each with the proxy that the one before has connected us to. The
/// target of each is the next proxy, that of the last one the target itself.
///
/// The calling contract is that of a [`Handshake`]: on [`Step::Again`] open another connection to the first proxy, and
/// all of them begin anew there.
#[derive(Clone, Debug)]
pub struct Chain {
    handshakes: Vec<Handshake>,
    at: usize,
}

impl Chain {
    /// The handshakes with the proxies from the nearest to the farthest. Without any it is done at once.
    pub fn new(handshakes: Vec<Handshake>) -> Self {
        Self { handshakes, at: 0 }
    }

    /// See [`Handshake::handle`].
    pub fn handle(&mut self, input: &mut &[u8]) -> Step {
        loop {
            let Some(current) = self.handshakes.get_mut(self.at) else {
                return Step::Done;
            };
            let step = current.handle(input);
            if step != Step::Done {
                return self.end(step);
            }
            self.at += 1;
            // A proxy speaks first only in tunnels: what it said too early is for the next one to judge.
            if self.at < self.handshakes.len() && input.is_empty() {
                return Step::More;
            }
        }
    }

    /// See [`Handshake::handle_end`].
    pub fn handle_end(&mut self) -> Step {
        let Some(current) = self.handshakes.get_mut(self.at) else {
            return Step::Done;
        };
        let step = current.handle_end();
        self.end(step)
    }

    /// See [`Handshake::poll_output`].
    pub fn poll_output(&mut self, output: &mut Vec<u8>) {
        if let Some(current) = self.handshakes.get_mut(self.at) {
            current.poll_output(output);
        }
    }

    fn end(&mut self, step: Step) -> Step {
        if step == Step::Again {
            // The one that asked for it has begun anew already.
            self.handshakes[..self.at].iter_mut().for_each(Handshake::restart);
            self.at = 0;
        }
        step
    }
}
