//! IRC over WebSocket (RFC 6455, and IRCv3's WebSocket specification): one line is one message, without its CR LF.

mod codec;
mod handshake;

pub(super) use codec::WebSocket;
pub(super) use handshake::upgrade;

/// The kinds of messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Encoding {
    /// UTF-8 only (`text.ircv3.net`).
    Text,
    /// Any bytes (`binary.ircv3.net`).
    Binary,
}
