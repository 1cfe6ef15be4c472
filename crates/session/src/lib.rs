//! The chat client as a state machine. No I/O.
//!
//! A [`Session`] is one person on one network: the lines that come, what is typed, and the time go in; lines to send and
//! a model of rooms, people and lines come out. The terminal client, the line tool and the tests stand on it.
//!
//! | module | what it is for |
//! |---|---|
//! | [`contract`] | what passes between a session and the program around it |
//! | [`config`] | who somebody is, and what is kept |
//! | `session` | [`Session`]: lines, wishes and time in; actions and events out |
//! | [`room`], [`line`](mod@line), [`timeline`], [`people`] | the model: rooms, what was said in them, who is there |
//! | `heard`, `wire` | lines from the server, and lines to it |
//! | `connection`, `registration`, `caps`, `sasl`, `isupport` | the connection, and how we are let in |
//! | `dispatch` | each line from the server to whoever it concerns |
//! | `membership`, `crowd`, `names`, `modes`, `splits` | who is where, and what they may do |
//! | `replies`, `accounts`, `ctcp` | what the server answers, accounts, what other programs ask |
//! | `rooms` | which rooms there are, and which one a line is for |
//! | `flow` | what is said: own lines, lines that come, history |
//! | [`network`] | what the server says of itself |
//! | `check` | for tests: what must hold of a session between any two calls |
//! | [`commands`] | the table of commands that are typed |

#![forbid(unsafe_code)]

mod accounts;
mod caps;
#[cfg(feature = "check")]
mod check;
pub mod commands;
pub mod config;
mod connection;
pub mod contract;
mod crowd;
mod ctcp;
mod dispatch;
mod flow;
mod heard;
mod isupport;
pub mod line;
mod membership;
mod modes;
mod names;
pub mod network;
pub mod people;
mod registration;
mod replies;
pub mod room;
mod rooms;
mod sasl;
mod session;
mod splits;
pub mod timeline;
mod wire;

pub use session::{Manner, Refusal, Session};

/// Maps whose keys peers choose, so hashed with a seed that they do not know.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::quality::RandomState>;
