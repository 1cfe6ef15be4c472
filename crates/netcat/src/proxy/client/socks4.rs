//! SOCKS 4, and 4a for names.

use super::problem::Said;
use super::{Credentials, Problem, Progress, Target};
use crate::proxy::Host;
use std::net::IpAddr;

const VERSION: u8 = 4;
const CONNECT: u8 = 1;
const GRANTED: u8 = 90;

/// How long the reply is.
const REPLY: usize = 8;

/// The longest name and the longest user; there is no limit in the protocol, and proxies have one of about this.
const TEXT_MAX: usize = 255;

/// One request and one reply.
#[derive(Clone, Debug)]
pub(super) struct Socks4 {
    request: Vec<u8>,
    reply: Vec<u8>,
}

impl Socks4 {
    pub(super) fn new(target: &Target, credentials: Option<&Credentials>) -> Result<Self, Problem> {
        let mut request = vec![VERSION, CONNECT];
        request.extend(target.port.to_be_bytes());
        let (address, name) = match &target.host {
            Host::Address(IpAddr::V4(address)) => (address.octets(), None),
            Host::Address(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
                Some(address) => (address.octets(), None),
                None => return Err(Problem::Unsayable("SOCKS 4 has no IPv6 addresses")),
            },
            // 4a: an address that there cannot be says that a name follows.
            Host::Name(name) => ([0, 0, 0, 1], Some(name)),
        };
        request.extend(address);
        let user = credentials.map_or("", |credentials| &credentials.user);
        for text in std::iter::once(user).chain(name.map(String::as_str)) {
            if text.len() > TEXT_MAX || text.contains('\0') {
                return Err(Problem::Unsayable(
                    "a name or a user is too long for SOCKS 4, or has a NUL",
                ));
            }
            request.extend(text.as_bytes());
            request.push(0);
        }
        Ok(Self { request, reply: Vec::new() })
    }

    pub(super) fn restart(&mut self, output: &mut Vec<u8>) {
        self.reply.clear();
        output.extend_from_slice(&self.request);
    }

    pub(super) fn handle(&mut self, input: &mut &[u8]) -> Result<Progress, Problem> {
        let said = [&self.reply, *input].concat();
        // The reply's version is 0; some proxies say 4.
        if said.first().is_some_and(|&version| version != 0 && version != VERSION) {
            return Err(Problem::Nonsense { protocol: "SOCKS 4", said: Said::new(&said) });
        }
        let (taken, rest) = input.split_at(input.len().min(REPLY - self.reply.len()));
        self.reply.extend_from_slice(taken);
        *input = rest;
        match self.reply.get(1) {
            None => Ok(Progress::More),
            Some(&GRANTED) if self.reply.len() == REPLY => Ok(Progress::Done),
            Some(&GRANTED) => Ok(Progress::More),
            Some(&code @ 91..=93) => Err(Problem::Code {
                code,
                reason: match code {
                    91 => "it cannot or may not connect there",
                    92 => "it could not ask this machine's identd who we are",
                    _ => "this machine's identd names another user",
                },
            }),
            Some(_) => Err(Problem::Nonsense { protocol: "SOCKS 4", said: Said::new(&said) }),
        }
    }
}
