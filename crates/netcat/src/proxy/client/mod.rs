//! Going through a proxy: the handshake that makes a connection to it one to the target.

mod chain;
mod http;
mod problem;
mod socks4;
mod socks5;

pub use chain::Chain;
pub use problem::{Problem, ProxyError, Said};

use super::{Credentials, Kind, Target};

/// A proxy as its user gave it.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// What it speaks.
    pub kind: Kind,
    /// How errors call it: HOST:PORT.
    pub name: String,
    /// What is answered if it asks who we are; to SOCKS 4 the user is told anyway.
    pub credentials: Option<Credentials>,
}

/// What a handshake came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send what there is to send, and wait for more.
    More,
    /// The connection is one to the target. What is left of the input comes from there.
    Done,
    /// The proxy is done with this connection: open another one. The handshake begins there anew by itself.
    Again,
    /// There will be no connection.
    Failed(ProxyError),
}

/// The handshake with one proxy.
///
/// Calling contract: open a connection, send what [`poll_output`](Self::poll_output) gives, and hand what comes to
/// [`handle`](Self::handle), which takes it from the front of the slice up to the end of the handshake and not a byte
/// further; after each time poll and send again. At the end of the peer's bytes call [`handle_end`](Self::handle_end).
/// There is no clock: who waits decides how long. After [`Step::Done`] and [`Step::Failed`] nothing more is to be called
/// but [`restart`](Self::restart). What is kept of what a proxy sends is at most a head of
/// [`HEAD_MAX`](super::HEAD_MAX) bytes.
#[derive(Clone, Debug)]
pub struct Handshake {
    name: String,
    protocol: Protocol,
    output: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Protocol {
    Http(Box<http::Http>),
    Socks4(socks4::Socks4),
    Socks5(socks5::Socks5),
}

/// What the protocols' machines say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    More,
    Done,
    Again,
}

impl Handshake {
    /// A handshake with `proxy` for a connection to `target`. `chance` are random bytes, which a Digest wants.
    ///
    /// # Errors
    ///
    /// If the protocol has no way to say the target or the credentials.
    pub fn new(proxy: &Proxy, target: &Target, chance: [u8; 16]) -> Result<Self, ProxyError> {
        let credentials = proxy.credentials.as_ref();
        let protocol = match proxy.kind {
            Kind::Http => {
                http::Http::new(target, credentials, chance).map(Box::new).map(Protocol::Http)
            }
            Kind::Socks4 => socks4::Socks4::new(target, credentials).map(Protocol::Socks4),
            Kind::Socks5 => socks5::Socks5::new(target, credentials).map(Protocol::Socks5),
        };
        let fail = |problem| ProxyError { proxy: proxy.name.clone(), problem };
        let mut handshake = Self {
            name: proxy.name.clone(),
            protocol: protocol.map_err(fail)?,
            output: Vec::new(),
        };
        handshake.restart();
        Ok(handshake)
    }

    /// Takes in what came from the proxy.
    pub fn handle(&mut self, input: &mut &[u8]) -> Step {
        let output = &mut self.output;
        let result = match &mut self.protocol {
            Protocol::Http(http) => http.handle(input, output),
            Protocol::Socks4(socks) => socks.handle(input),
            Protocol::Socks5(socks) => socks.handle(input, output),
        };
        self.step(result)
    }

    /// The proxy will send nothing more on this connection.
    pub fn handle_end(&mut self) -> Step {
        let result = match &mut self.protocol {
            Protocol::Http(http) => http.handle_end(),
            Protocol::Socks4(_) | Protocol::Socks5(_) => Err(Problem::Closed),
        };
        self.step(result)
    }

    /// Appends what is to be sent to the proxy.
    pub fn poll_output(&mut self, output: &mut Vec<u8>) {
        output.append(&mut self.output);
    }

    /// Begins anew, for another connection to the same proxy. What was learnt of how it wants to be told who we are is
    /// kept. Of use where proxies are chained and a later one wants another connection.
    pub fn restart(&mut self) {
        self.output.clear();
        match &mut self.protocol {
            Protocol::Http(http) => http.restart(&mut self.output),
            Protocol::Socks4(socks) => socks.restart(&mut self.output),
            Protocol::Socks5(socks) => socks.restart(&mut self.output),
        }
    }

    fn step(&mut self, result: Result<Progress, Problem>) -> Step {
        match result {
            Ok(Progress::More) => Step::More,
            Ok(Progress::Done) => Step::Done,
            Ok(Progress::Again) => {
                self.restart();
                Step::Again
            }
            Err(problem) => Step::Failed(ProxyError { proxy: self.name.clone(), problem }),
        }
    }
}

#[cfg(test)]
mod tests;
