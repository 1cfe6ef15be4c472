//! What may lie between a socket and the bytes that are meant: TLS, and WebSocket.
//!
//! Each layer is given bytes and gives bytes, so it can lie on another one, and is tested with plain calls. None owns a
//! socket or knows what it carries: the chat's client and server use them, and so does anything else that connects.
//!
//! | module | what it is for |
//! |---|---|
//! | [`tls`] | TLS in both roles, and what makes a server trusted |
//! | [`websocket`] | frames in both roles, and the client's handshake |
#![forbid(unsafe_code)]

pub mod tls;
pub mod websocket;
