//! `callbox nc`: what people type as `nc` and `ncat`.
//!
//! The modules without I/O decide, the others move bytes:
//!
//! | module | what it is for |
//! |---|---|
//! | [`link`] | the connection to a peer, whatever lies between: streams, TLS, WebSocket, datagrams, DTLS, QUIC |
#![forbid(unsafe_code)]

pub mod link;
