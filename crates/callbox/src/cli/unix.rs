//! Flags of `callbox unix`.

use std::path::PathBuf;

use callbox_services::GREETING_LENGTH;
use clap::{Args, ValueEnum};

use super::{Seconds, length};

/// The kind of a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum UnixType {
    /// A stream of bytes, as over TCP
    Stream,
    /// Datagrams, as over UDP; only answers that nobody reads are lost
    Datagram,
}

/// `callbox unix server`.
#[derive(Clone, Debug, Args)]
pub struct UnixServerArgs {
    /// The socket file to make; one that nobody listens at any more is replaced
    pub path: PathBuf,
    /// The kind of socket
    #[arg(short = 't', long = "type", value_enum, default_value_t = UnixType::Stream)]
    pub kind: UnixType,
    /// What to answer [default: greeting on a stream, upper for datagrams]
    #[arg(short, long, value_name = "NAME")]
    pub service: Option<String>,
    /// Close a stream on which nothing happens for so long
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub idle_timeout: Seconds,
    /// Streams open at a time [default: what the limit on open files allows, at most 65536]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: Option<u32>,
    /// Print nothing for each exchange
    #[arg(short, long)]
    pub quiet: bool,
    /// Print each socket call as it happens
    #[arg(short, long)]
    pub verbose: bool,
}

/// `callbox unix client`.
#[derive(Clone, Debug, Args)]
pub struct UnixClientArgs {
    /// The server's socket file
    pub path: PathBuf,
    /// The kind of socket
    #[arg(short = 't', long = "type", value_enum, default_value_t = UnixType::Stream)]
    pub kind: UnixType,
    /// What the server does [default: greeting on a stream, upper for datagrams]
    #[arg(short, long, value_name = "NAME")]
    pub service: Option<String>,
    /// What to send to the greeting service
    #[arg(short, long, value_name = "TEXT", default_value = "Greetings, server")]
    pub message: String,
    /// How many bytes the greeting service answers
    #[arg(short, long, value_name = "BYTES", default_value_t = GREETING_LENGTH, value_parser = length)]
    pub length: usize,
    /// How long the server may be silent
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub timeout: Seconds,
    /// Print the bare reply, one a line
    #[arg(short, long)]
    pub quiet: bool,
    /// Print each socket call as it happens
    #[arg(short, long)]
    pub verbose: bool,
}
