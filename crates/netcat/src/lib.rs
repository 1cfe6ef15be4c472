//! `callbox nc`: what people type as `nc` and `ncat`.
//!
//! The modules without I/O decide, the others move bytes:
//!
//! | module | what it is for |
//! |---|---|
//! | [`access`] | who may connect: the lists of `--allow` and `--deny` and their files |
//! | [`broker`] | many clients: who is sent what, `--broker`, `--chat`, standard input to all |
//! | [`duration`] | times as options take them: `500ms`, `1.5m` |
//! | [`filter`] | `-C` and `-t`: line ends, and telnet's negotiations |
//! | [`link`] | the connection to a peer, whatever lies between: streams, TLS, WebSocket, datagrams, DTLS, QUIC |
//! | [`options`] | the command line: one table, and what was asked for |
//! | [`progress`] | how far it is: the line of `--progress` |
//! | [`proxy`] | going through HTTP and SOCKS proxies, and being an HTTP proxy |
//! | [`record`] | what passed, kept in files: text, hex, a capture |
//! | [`run`] | programs and Lua scripts that talk to the peer in our place |
#![forbid(unsafe_code)]

pub mod access;
pub mod broker;
pub mod duration;
pub mod filter;
pub mod link;
pub mod options;
pub mod progress;
pub mod proxy;
pub mod record;
pub mod run;
