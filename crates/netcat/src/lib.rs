//! `callbox nc`: what people type as `nc` and `ncat`.
//!
//! The modules without I/O decide, the others move bytes:
//!
//! | module | what it is for |
//! |---|---|
//! | [`access`] | who may connect: the lists of `--allow` and `--deny` and their files |
//! | [`bridge`] | two links joined: a program behind TLS, what a proxy carries |
//! | [`broker`] | many clients: who is sent what, `--broker`, `--chat`, standard input to all |
//! | [`client`], [`connect`] | connecting: names, addresses, proxies, and what lies over the socket |
//! | [`conversation`], [`source`] | one link and standard input and output |
//! | [`duration`] | times as options take them: `500ms`, `1.5m` |
//! | [`filter`] | `-C` and `-t`: line ends, and telnet's negotiations |
//! | [`link`], [`wait`] | the connection to a peer, whatever lies between: streams, TLS, WebSocket, datagrams, DTLS, QUIC |
//! | [`listen`] | listening: one connection, or any number of them |
//! | [`options`] | the command line: one table, and what was asked for |
//! | [`program`], [`run`] | a program with a connection as its input and output: `-e`, `-c`, `--lua-exec` |
//! | [`proxy`] | going through HTTP and SOCKS proxies, and being an HTTP proxy |
//! | [`record`], [`progress`] | what passed, kept in files: text, hex, a capture; and how far it is |
//! | [`says`] | everything said on standard error, and the exit status |
#![forbid(unsafe_code)]

pub mod access;
pub mod bridge;
pub mod broker;
pub mod client;
pub mod connect;
pub mod conversation;
pub mod duration;
pub mod filter;
pub mod link;
pub mod listen;
pub mod options;
pub mod program;
pub mod progress;
pub mod proxy;
pub mod record;
pub mod run;
pub mod says;
pub mod source;
pub mod wait;
