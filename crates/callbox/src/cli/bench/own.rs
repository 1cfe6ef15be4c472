//! Flags of `callbox bench self`.

use clap::Subcommand;

use super::{ChatLoadArgs, StreamLoadArgs, UdpLoadArgs};

/// Which of callbox's own servers is started and measured.
#[derive(Clone, Debug, Subcommand)]
pub enum SelfCommand {
    /// The UDP server, which answers in capitals, or with --check echo unchanged
    Udp(UdpLoadArgs),
    /// The TCP server, the same; with --connect-each the greeting, which is one exchange a connection
    Tcp(StreamLoadArgs),
    /// The chat server, which keeps its history in a folder that goes afterwards, and holds nobody back
    Chat(ChatLoadArgs),
}
