//! The chat server around the hub: its doors, its send queues and its store.
//!
//! | module | what it is for |
//! |---|---|
//! | [`settings`] | the configuration file: read, checked, printed |
//! | [`server`] | the event loops: sockets, connections, ticks |
//! | [`door`] | one connection's bytes, from the socket to lines of IRC and back: TLS, HTTP, WebSocket |
//! | [`running`] | all of it put together |
//! | [`front`] | the hub with a plain door before it |
//! | [`beside`] | who is not on a stream: datagrams, the terminal |
//! | `guests` | what both of these keep of people behind plain doors |
//! | [`plain`] | people who speak no IRC: bare text in, bare text out |
//! | [`datagram`] | the door for datagrams |
//! | [`store`] | what is kept, in SQLite |
//! | [`auth`] | accounts and passwords |

#![forbid(unsafe_code)]

pub mod auth;
pub mod beside;
pub mod datagram;
pub mod door;
pub mod front;
mod guests;
pub mod plain;
pub mod running;
pub mod server;
pub mod settings;
pub mod store;
