//! WebSocket (RFC 6455): the handshake and frames, in both roles.
//!
//! Frames' headers are read and written by tungstenite. Its own socket is not used: it wants a stream to block on, keeps
//! a message whole before anybody has looked at it, and holds a read buffer for each connection.

mod frames;
mod handshake;
mod origins;
#[cfg(test)]
mod tests;
mod upgrade;

pub use frames::{Broken, Caps, Event, Goodbye, Kind, Role, WebSocket};
pub use handshake::{Handshake, Request, UpgradeError};
pub use origins::Origins;
pub use upgrade::{Refused, Upgrade};
