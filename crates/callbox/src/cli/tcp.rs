//! Flags of `callbox tcp`.

use callbox_net::address::{BindAddress, DEFAULT_PORT, HostPort};
use callbox_services::GREETING_LENGTH;
use clap::Args;

use super::{Seconds, StreamServiceName, length};

/// `callbox tcp server`.
#[derive(Clone, Debug, Args)]
pub struct TcpServerArgs {
    /// The port to listen on; 0 lets the system choose
    #[arg(short, long, default_value_t = DEFAULT_PORT)]
    pub port: u16,
    /// Where to listen: an IPv4 or IPv6 address, * for all of both, or an interface's name; may be repeated
    #[arg(short, long = "bind", value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub bind: Vec<BindAddress>,
    /// What to answer, and how to print it.
    #[command(flatten)]
    pub serve: StreamServeArgs,
}

/// Flags of every stream server.
#[derive(Clone, Debug, Args)]
pub struct StreamServeArgs {
    /// What to answer; `callbox services` lists them
    #[arg(short, long, value_name = "NAME", default_value = StreamServiceName::DEFAULT)]
    pub service: StreamServiceName,
    /// Close a connection on which nothing happens for so long
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub idle_timeout: Seconds,
    /// Connections open at a time; more wait until one ends [default: what the limit on open files allows, at most 65536]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: Option<u32>,
    /// Print nothing for each connection
    #[arg(short, long)]
    pub quiet: bool,
    /// Print each socket call, TCP state and 4-tuple as it happens
    #[arg(short, long)]
    pub verbose: bool,
}

/// `callbox tcp client`.
#[derive(Clone, Debug, Args)]
pub struct TcpClientArgs {
    /// Whom to call, as HOST or HOST:PORT
    #[arg(value_name = "SERVER", default_value = "127.0.0.1")]
    pub server: HostPort,
    /// The port, if SERVER has none
    #[arg(short, long, default_value_t = DEFAULT_PORT)]
    pub port: u16,
    /// How long all attempts to connect may take
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub connect_timeout: Seconds,
    /// What to say, and how to print the answer.
    #[command(flatten)]
    pub talk: StreamTalkArgs,
}

/// Flags of every stream client.
#[derive(Clone, Debug, Args)]
pub struct StreamTalkArgs {
    /// What the server does; with any but greeting, lines are read from standard input
    #[arg(short, long, value_name = "NAME", default_value = StreamServiceName::DEFAULT)]
    pub service: StreamServiceName,
    /// What to send to the greeting service
    #[arg(short, long, value_name = "TEXT", default_value = "Greetings, server")]
    pub message: String,
    /// How many bytes the greeting service answers
    #[arg(short, long, value_name = "BYTES", default_value_t = GREETING_LENGTH, value_parser = length)]
    pub length: usize,
    /// How long the server may be silent
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub timeout: Seconds,
    /// Print the bare reply
    #[arg(short, long)]
    pub quiet: bool,
    /// Print each socket call, TCP state and 4-tuple as it happens
    #[arg(short, long)]
    pub verbose: bool,
}
