//! IRC over WebSocket (RFC 6455, and IRCv3's WebSocket specification): one line is one message, without its CR LF.

mod codec;
mod handshake;

/// The kinds of messages: UTF-8 only (`text.ircv3.net`), or any bytes (`binary.ircv3.net`).
pub(super) use callbox_layers::websocket::Kind as Encoding;
pub(super) use codec::WebSocket;
pub(super) use handshake::upgrade;
