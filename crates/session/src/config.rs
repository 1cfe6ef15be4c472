//! Who somebody is on a network, and how much of it is kept.

use std::time::Duration;

/// The settings of a session.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name to be known by. If it is taken, others that begin like it are tried.
    pub nick: String,
    /// The user name of `USER`; servers may replace it.
    pub user: String,
    /// The name beside the nickname.
    pub realname: String,
    /// The server's password (PASS), if it wants one.
    pub server_password: Option<Secret>,
    /// How to log in.
    pub login: Option<Login>,
    /// The rooms to be in, each with its key if it has one.
    pub join: Vec<(String, Option<String>)>,
    /// Whether the last page of a room's history is fetched when it is joined. What was missed while the connection was
    /// lost is fetched in any case.
    pub backlog: bool,
    /// Whether a lost connection is tried again.
    pub reconnect: bool,
    /// How much is kept.
    pub limits: Limits,
    /// Decides the jitter of waits. Take it from the clock.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            nick: "guest".to_owned(),
            user: "callbox".to_owned(),
            realname: String::new(),
            server_password: None,
            login: None,
            join: Vec::new(),
            backlog: true,
            reconnect: true,
            limits: Limits::default(),
            seed: 1,
        }
    }
}

/// An account and what proves it.
#[derive(Clone, Debug)]
pub struct Login {
    /// The account.
    pub account: String,
    /// Its password (SASL PLAIN, RFC 4616); `None` logs in with the TLS certificate (SASL EXTERNAL).
    pub password: Option<Secret>,
}

/// What is never shown.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Caps on what a server can make us keep.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The most lines in a room. The oldest make room, and can be fetched again where the server keeps them.
    pub lines: usize,
    /// The most bytes of all lines of all rooms. The longest room gives up its oldest.
    pub bytes: usize,
    /// The most rooms. Further ones are refused, and lines from further people go to the server's room.
    pub rooms: usize,
    /// The most people in a room that are known by name. Further ones are counted only.
    pub people: usize,
    /// The most own lines that wait to be sent or confirmed.
    pub outbox: usize,
    /// How long a connection may be silent before it is asked, and again before it counts as lost.
    pub silence: Duration,
}

impl Default for Limits {
    /// A year of a lively room; some hundred megabytes at the very most.
    fn default() -> Self {
        Self {
            lines: 100_000,
            bytes: 128 << 20,
            rooms: 500,
            people: 50_000,
            outbox: 1_000,
            silence: Duration::from_secs(60),
        }
    }
}
