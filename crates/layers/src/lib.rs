//! What may lie between a socket and the bytes that are meant: TLS, DTLS, QUIC and WebSocket.
//!
//! Each layer is given bytes and gives bytes, so it can lie on another one, and is tested with plain calls. None owns a
//! socket or knows what it carries: the chat's client and server use them, and so does anything else that connects.
//!
//! | module | what it is for |
//! |---|---|
//! | [`dtls`] | TLS over datagrams, in both roles |
//! | [`quic`] | QUIC, in both roles: one stream in both directions on each connection |
//! | [`tls`] | TLS in both roles, and what makes a server trusted |
//! | [`websocket`] | the handshake and frames, in both roles |
#![forbid(unsafe_code)]

pub mod dtls;
pub mod quic;
pub mod tls;
pub mod websocket;
