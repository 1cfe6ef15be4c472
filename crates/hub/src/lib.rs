//! The chat server as a state machine: who is connected, who is in which room, what each may do and what each is told.
//! No I/O.
//!
//! | module | what it is for |
//! |---|---|
//! | [`contract`] | what passes between the hub and the program around it: lines, records, jobs and their answers |
//! | [`config`] | the settings, valid as they stand |
//! | `hub` | [`Hub`]: connections, lines and time in |
//! | `turn`, `reply`, `deliver`, `refusal` | one turn: how commands reply, tell others, record and refuse |
//! | `command` | the table of commands, and each command |
//! | `client`, `clients`, `channel`, `channels` | who and what there is, and how it is found |
//! | `welcome`, `leave` | how a user comes and goes |
//! | `say` | something said: to whom it goes and in which form |
//! | `policy`, `sight` | who may join, speak and change what, and who sees what |
//! | `metadata` | facts about users and channels, and who is told of them |
//! | `services` | ChanServ, with whom people claim channels |
//! | `history`, `saved` | what is kept, under which name, and taken up again |
//! | `playback` | what was kept, as lines again |
//! | `answer`, `pending` | how a command goes on when its job is done |
//! | `isupport`, `reload` | what clients are told of the settings, and new settings |
//! | `cloak`, `ids`, `throttle`, `whowas` | hosts in place of addresses, ids of messages, flood control, who has left |
//! | `check` | for tests: what must hold of a hub between any two calls |

#![forbid(unsafe_code)]

mod answer;
mod channel;
mod channels;
#[cfg(feature = "check")]
mod check;
mod client;
mod clients;
mod cloak;
mod command;
pub mod config;
pub mod contract;
mod deliver;
mod history;
mod hub;
mod ids;
mod isupport;
mod leave;
mod metadata;
mod pending;
mod playback;
mod policy;
mod refusal;
mod rehost;
mod reload;
mod reply;
mod saved;
mod say;
mod services;
mod sight;
mod throttle;
mod turn;
mod welcome;
mod whowas;

#[cfg(feature = "check")]
pub use history::check_text;
pub use hub::Hub;

/// Maps whose keys peers choose, so hashed with a seed that they do not know.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::quality::RandomState>;

/// The same for sets.
pub(crate) type HashSet<K> = std::collections::HashSet<K, foldhash::quality::RandomState>;
