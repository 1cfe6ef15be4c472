//! SOCKS 5 (RFC 1928), without authentication or with a user and a password (RFC 1929).

use super::problem::Said;
use super::{Credentials, Problem, Progress, Target};
use crate::proxy::Host;
use std::net::IpAddr;

const VERSION: u8 = 5;
const CONNECT: u8 = 1;
const NO_AUTHENTICATION: u8 = 0;
const PASSWORD: u8 = 2;
const NO_METHOD: u8 = 255;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Which version of the exchange of user and password this is (RFC 1929 section 2).
const PASSWORD_VERSION: u8 = 1;

/// The exchange, at most three requests and replies.
#[derive(Clone, Debug)]
pub(super) struct Socks5 {
    request: Vec<u8>,
    /// What tells the user and the password, if we have them.
    password: Option<Vec<u8>>,
    state: State,
    reply: Vec<u8>,
}

/// Which reply is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Method,
    Password,
    Connect,
}

impl Socks5 {
    pub(super) fn new(target: &Target, credentials: Option<&Credentials>) -> Result<Self, Problem> {
        let mut request = vec![VERSION, CONNECT, 0];
        match &target.host {
            Host::Address(IpAddr::V4(address)) => {
                request.push(IPV4);
                request.extend(address.octets());
            }
            Host::Address(IpAddr::V6(address)) => {
                request.push(IPV6);
                request.extend(address.octets());
            }
            Host::Name(name) => {
                request.push(NAME);
                push_text(name, &mut request)?;
            }
        }
        request.extend(target.port.to_be_bytes());
        let password = match credentials {
            None => None,
            Some(Credentials { user, .. }) if user.is_empty() => {
                return Err(Problem::Unsayable("SOCKS 5 has no empty user"));
            }
            Some(Credentials { user, password }) => {
                let mut request = vec![PASSWORD_VERSION];
                push_text(user, &mut request)?;
                push_text(password, &mut request)?;
                Some(request)
            }
        };
        Ok(Self { request, password, state: State::Method, reply: Vec::new() })
    }

    pub(super) fn restart(&mut self, output: &mut Vec<u8>) {
        self.state = State::Method;
        self.reply.clear();
        match self.password {
            None => output.extend([VERSION, 1, NO_AUTHENTICATION]),
            Some(_) => output.extend([VERSION, 2, NO_AUTHENTICATION, PASSWORD]),
        }
    }

    pub(super) fn handle(
        &mut self,
        input: &mut &[u8],
        output: &mut Vec<u8>,
    ) -> Result<Progress, Problem> {
        loop {
            let said = [&self.reply, *input].concat();
            let version = if self.state == State::Password { PASSWORD_VERSION } else { VERSION };
            if said.first().is_some_and(|&said| said != version) {
                return Err(nonsense(&said));
            }
            let (taken, rest) = input.split_at(input.len().min(self.missing()));
            self.reply.extend_from_slice(taken);
            *input = rest;
            let Some(&code) = self.reply.get(1) else {
                return Ok(Progress::More);
            };
            match self.state {
                State::Method => match (code, &self.password) {
                    (NO_AUTHENTICATION, _) => {
                        output.extend_from_slice(&self.request);
                        self.state = State::Connect;
                    }
                    (PASSWORD, Some(password)) => {
                        output.extend_from_slice(password);
                        self.state = State::Password;
                    }
                    (NO_METHOD, None) => return Err(Problem::WantsCredentials),
                    (NO_METHOD, Some(_)) => return Err(Problem::Authentication(Said::new(&said))),
                    _ => return Err(nonsense(&said)),
                },
                State::Password if code == 0 => {
                    output.extend_from_slice(&self.request);
                    self.state = State::Connect;
                }
                State::Password => return Err(Problem::Credentials(Said::new(&said))),
                State::Connect => match (code, self.missing()) {
                    (0, _)
                        if self
                            .reply
                            .get(3)
                            .is_some_and(|kind| ![IPV4, IPV6, NAME].contains(kind)) =>
                    {
                        return Err(nonsense(&said));
                    }
                    (0, 0) => return Ok(Progress::Done),
                    (0, _) if input.is_empty() => return Ok(Progress::More),
                    (0, _) => continue,
                    // Nothing of what follows is of use, and some proxies leave it out.
                    _ => return Err(refusal(code, &said)),
                },
            }
            self.reply.clear();
        }
    }

    /// How many bytes the reply wants, as far as that can be told from what is there of it.
    fn missing(&self) -> usize {
        let address = match (self.state, self.reply.get(3), self.reply.get(4)) {
            (State::Method | State::Password, ..) => return 2 - self.reply.len(),
            (_, Some(&IPV4), _) => 4,
            (_, Some(&IPV6), _) => 16,
            (_, Some(&NAME), Some(&length)) => 1 + usize::from(length),
            // Up to the byte that tells.
            (_, Some(&NAME), None) => return 1,
            _ => return 4_usize.saturating_sub(self.reply.len()),
        };
        (4 + address + 2) - self.reply.len()
    }
}

fn push_text(text: &str, request: &mut Vec<u8>) -> Result<(), Problem> {
    let length = u8::try_from(text.len()).map_err(|_| {
        Problem::Unsayable("SOCKS 5 has names, users and passwords of at most 255 bytes")
    })?;
    request.push(length);
    request.extend(text.as_bytes());
    Ok(())
}

fn nonsense(said: &[u8]) -> Problem {
    Problem::Nonsense { protocol: "SOCKS 5", said: Said::new(said) }
}

fn refusal(code: u8, said: &[u8]) -> Problem {
    let reason = match code {
        1 => "it failed",
        2 => "its rules do not allow it",
        3 => "the network cannot be reached",
        4 => "the host cannot be reached",
        5 => "the connection was refused",
        6 => "the time to live ran out",
        7 => "it does not know this request",
        8 => "it does not know this kind of address",
        _ => return nonsense(said),
    };
    Problem::Code { code, reason }
}
