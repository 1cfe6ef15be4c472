//! Flags of `callbox bench`.
//!
//! Each transport has two structs: what the load is, and that with the place it goes to.

mod compare;
mod groups;
mod own;

use std::path::PathBuf;

use callbox_load::chat::ChatLoad;
use callbox_net::address::{DEFAULT_PORT, HostPort};
use clap::{Args, Subcommand};

pub use compare::{CompareArgs, PairArgs};
pub use groups::{MessageArgs, OutputArgs, RateArgs, RunArgs, SecretArgs};
pub use own::SelfCommand;

use super::UnixType;

/// What `callbox bench` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum BenchCommand {
    /// Load a UDP server
    #[command(after_help = UDP_EXAMPLES)]
    Udp(BenchUdpArgs),
    /// Load a TCP server
    #[command(after_help = TCP_EXAMPLES)]
    Tcp(BenchTcpArgs),
    /// Load a server at a Unix socket
    #[command(after_help = UNIX_EXAMPLES)]
    Unix(BenchUnixArgs),
    /// Load a chat server with a crowd of IRC clients, some of whom talk
    #[command(after_help = CHAT_EXAMPLES)]
    Chat(BenchChatArgs),
    /// Start a server of callbox's own on loopback, load it, and end it
    #[command(subcommand, name = "self", after_help = SELF_EXAMPLES)]
    Own(SelfCommand),
    /// Compare what two servers, or two versions of one, were measured to do
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(CompareArgs),
}

const UDP_EXAMPLES: &str = "\
Examples:
  callbox bench udp 127.0.0.1 --duration 5s
      8 sockets with 32 requests on their way on each: what the server can do
  callbox bench udp server.example:3000 --rate 10k --html report.html
      10,000 requests a second, whatever the server does: how long people wait
  callbox bench udp 127.0.0.1 --rate 1k..200k --html report.html
      rates from 1,000 to 200,000, and up to which the server keeps up";

const TCP_EXAMPLES: &str = "\
Examples:
  callbox bench tcp 127.0.0.1 --connections 100
      100 connections, one request on its way on each
  callbox bench tcp 127.0.0.1 --connect-each --rate 500
      500 connections a second, each for one exchange, with the time to connect told apart";

const UNIX_EXAMPLES: &str = "\
Examples:
  callbox bench unix /tmp/upper.sock
      8 connections, one request on its way on each
  callbox bench unix -t datagram /tmp/upper.sock --rate 20k
      20,000 datagrams a second";

const CHAT_EXAMPLES: &str = "\
A chat that holds back who speaks fast holds back the talkers too: callbox's takes any load with
callbox chat server --no-flood-control --ephemeral.

Examples:
  callbox bench chat 127.0.0.1 --clients 200 --channels 4 --talkers 8
      4 rooms of 50, in each of which two people talk as fast as the others get to read it
  callbox bench chat 127.0.0.1 --clients 1000 --rate 200 --json report.json
      200 lines a second in one room";

const SELF_EXAMPLES: &str = "\
Examples:
  callbox bench self udp
      what this machine can do
  callbox bench self chat --clients 200 --rate 100 --html chat.html
      100 lines a second in a room of 200";

const COMPARE_EXAMPLES: &str = "\
Examples:
  callbox bench compare before.json after.json
      the ratio of each figure, between what it lies, and whether that is more than noise
  callbox bench compare a.a1.json,a.a2.json a.b1.json,a.b2.json
      the same from several runs of each, as --pair makes them
  callbox bench udp 127.0.0.1:4000 --pair 'old -p 4000' 'new -p 4000'
      both servers in turn, without a file";

/// `callbox bench udp`.
#[derive(Clone, Debug, Args)]
pub struct BenchUdpArgs {
    /// Where it goes.
    #[command(flatten)]
    pub server: ServerArgs,
    /// What it is.
    #[command(flatten)]
    pub load: UdpLoadArgs,
    /// Two servers that are started for it.
    #[command(flatten)]
    pub pair: PairArgs,
}

/// A server on the network.
#[derive(Clone, Debug, Args)]
pub struct ServerArgs {
    /// The server, as HOST or HOST:PORT
    #[arg(value_name = "ADDRESS")]
    pub address: HostPort,
    /// The port, if ADDRESS has none
    #[arg(short, long, default_value_t = DEFAULT_PORT)]
    pub port: u16,
}

/// A load on a UDP server.
#[derive(Clone, Debug, Args)]
pub struct UdpLoadArgs {
    /// Sockets that send
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = groups::connections, help_heading = groups::LOAD)]
    pub connections: u32,
    /// Threads that share the sockets
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = groups::threads, help_heading = groups::LOAD)]
    pub threads: u32,
    /// Requests on their way on each socket; a reply brings the next one
    #[arg(long, value_name = "W", default_value_t = 32, conflicts_with = "rate", value_parser = groups::window, help_heading = groups::LOAD)]
    pub window: u32,
    /// Or a rate.
    #[command(flatten)]
    pub rate: RateArgs,
    /// What is sent.
    #[command(flatten)]
    pub messages: MessageArgs,
    /// How it is sent.
    #[command(flatten)]
    pub calls: CallArgs,
    /// How long.
    #[command(flatten)]
    pub run: RunArgs,
    /// Where the report goes.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Calls that move many datagrams at once, each of which can be left out.
#[derive(Clone, Copy, Debug, Args)]
pub struct CallArgs {
    /// Receive one datagram a call
    #[arg(long, help_heading = groups::LOAD)]
    pub no_recvmmsg: bool,
    /// Send one message a call
    #[arg(long, help_heading = groups::LOAD)]
    pub no_sendmmsg: bool,
    /// Send no long message for the kernel to cut into datagrams
    #[arg(long, help_heading = groups::LOAD)]
    pub no_gso: bool,
    /// Receive no datagrams that the kernel has put together
    #[arg(long, help_heading = groups::LOAD)]
    pub no_gro: bool,
}

/// `callbox bench tcp`.
#[derive(Clone, Debug, Args)]
pub struct BenchTcpArgs {
    /// Where it goes.
    #[command(flatten)]
    pub server: ServerArgs,
    /// What it is.
    #[command(flatten)]
    pub load: StreamLoadArgs,
    /// Two servers that are started for it.
    #[command(flatten)]
    pub pair: PairArgs,
}

/// A load on a server of streams, or at a Unix socket.
#[derive(Clone, Debug, Args)]
pub struct StreamLoadArgs {
    /// Connections at a time [default: 8; 256 where each request of a --rate has its own]
    #[arg(long, value_name = "N", value_parser = groups::connections, help_heading = groups::LOAD)]
    pub connections: Option<u32>,
    /// Threads that share the connections
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = groups::threads, help_heading = groups::LOAD)]
    pub threads: u32,
    /// Requests on their way on each connection; a reply brings the next one
    #[arg(long, value_name = "W", default_value_t = 1, conflicts_with = "rate", value_parser = groups::window, help_heading = groups::LOAD)]
    pub window: u32,
    /// Or a rate.
    #[command(flatten)]
    pub rate: RateArgs,
    /// Connect anew for each request; how long that takes is told apart from the exchange
    #[arg(long, help_heading = groups::LOAD)]
    pub connect_each: bool,
    /// What is sent.
    #[command(flatten)]
    pub messages: MessageArgs,
    /// How long.
    #[command(flatten)]
    pub run: RunArgs,
    /// Where the report goes.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `callbox bench unix`.
#[derive(Clone, Debug, Args)]
pub struct BenchUnixArgs {
    /// The server's socket file
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// The kind of socket
    #[arg(short = 't', long = "type", value_enum, default_value_t = UnixType::Stream)]
    pub kind: UnixType,
    /// What it is.
    #[command(flatten)]
    pub load: StreamLoadArgs,
    /// Two servers that are started for it.
    #[command(flatten)]
    pub pair: PairArgs,
}

/// `callbox bench chat`.
#[derive(Clone, Debug, Args)]
pub struct BenchChatArgs {
    /// Where it goes.
    #[command(flatten)]
    pub server: ServerArgs,
    /// What it is.
    #[command(flatten)]
    pub load: ChatLoadArgs,
    /// Two servers that are started for it.
    #[command(flatten)]
    pub pair: PairArgs,
    /// The server's password.
    #[command(flatten)]
    pub secret: SecretArgs,
}

/// A load on a chat.
#[derive(Clone, Debug, Args)]
pub struct ChatLoadArgs {
    /// Clients that connect
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = groups::connections, help_heading = groups::LOAD)]
    pub clients: u32,
    /// Rooms that they are spread over
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = groups::connections, help_heading = groups::LOAD)]
    pub channels: u32,
    /// Clients that talk, spread over the rooms; the others listen
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = groups::connections, help_heading = groups::LOAD)]
    pub talkers: u32,
    /// Clients that check and time what they hear, spread over the rooms; the others only count it, which leaves more of the
    /// machine to the server [default: all]
    #[arg(long, value_name = "N", value_parser = groups::connections, help_heading = groups::LOAD)]
    pub checked: Option<u32>,
    /// Lines of each talker on their way; when all in the room have read one, it says the next
    #[arg(long, value_name = "W", default_value_t = 1, conflicts_with = "rate", value_parser = groups::window, help_heading = groups::LOAD)]
    pub window: u32,
    /// Or a rate.
    #[command(flatten)]
    pub rate: RateArgs,
    /// Letters of a line
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = line_size, help_heading = groups::MESSAGES)]
    pub size: usize,
    /// How long.
    #[command(flatten)]
    pub run: RunArgs,
    /// Where the report goes.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `--size` of a chat: what a line of IRC has room for, and no less than the number that each line bears.
fn line_size(text: &str) -> Result<usize, String> {
    groups::number(text, ChatLoad::MIN_SIZE..=ChatLoad::MAX_SIZE)
}
