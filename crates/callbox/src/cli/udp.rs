//! Flags of `callbox udp`.

use callbox_exchange::DEFAULT_TRIES;
use callbox_net::address::{BindAddress, DEFAULT_PORT, HostPort};
use callbox_services::guard::{MaxRate, Policy};
use clap::Args;

use super::{DatagramServiceName, Seconds, max_rate};

/// `callbox udp server`.
#[derive(Clone, Debug, Args)]
pub struct UdpServerArgs {
    /// The port to listen on; 0 lets the system choose
    #[arg(short, long, default_value_t = DEFAULT_PORT)]
    pub port: u16,
    /// Where to listen: an IPv4 or IPv6 address, * for all of both, or an interface's name; may be repeated
    #[arg(short, long = "bind", value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub bind: Vec<BindAddress>,
    /// What to answer; `callbox services` lists them
    #[arg(short, long, value_name = "NAME", default_value = DatagramServiceName::DEFAULT)]
    pub service: DatagramServiceName,
    /// Print nothing for each datagram
    #[arg(short, long)]
    pub quiet: bool,
    /// Print each socket call as it happens
    #[arg(short, long)]
    pub verbose: bool,
    #[command(flatten)]
    /// Whom to answer, and how often.
    pub guard: GuardArgs,
}

/// Flags that say whom a datagram server answers, and how often.
#[derive(Clone, Debug, Args)]
pub struct GuardArgs {
    /// Answers a second to one address from each core; none for no limit [default: none on loopback, 10000 elsewhere]
    #[arg(long, value_name = "N", value_parser = max_rate)]
    pub max_rate: Option<MaxRate>,
    /// Answer requests from source ports below 1024 too, where other services live
    #[arg(long)]
    pub any_port: bool,
}

impl GuardArgs {
    /// The guard's policy that these flags ask for.
    pub fn policy(&self) -> Policy {
        Policy { max_rate: self.max_rate.unwrap_or_default(), any_port: self.any_port }
    }
}

/// `callbox udp client`.
#[derive(Clone, Debug, Args)]
pub struct UdpClientArgs {
    /// Whom to ask, as HOST or HOST:PORT; each line goes to all of several servers [default: 127.0.0.1]
    #[arg(value_name = "SERVER")]
    pub servers: Vec<HostPort>,
    /// The port of servers that are given without one
    #[arg(short, long, default_value_t = DEFAULT_PORT)]
    pub port: u16,
    /// Use one unconnected socket and name the server with each message; piped lines are `HOST[:PORT] MESSAGE`
    #[arg(long)]
    pub many: bool,
    /// How often a request is sent before giving up
    #[arg(long, value_name = "N", default_value_t = DEFAULT_TRIES, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub tries: u32,
    /// How long to wait for the first reply; each further wait is twice as long
    #[arg(long, value_name = "TIME", default_value = "1s")]
    pub timeout: Seconds,
    /// Accept a reply from another port of the server
    #[arg(long)]
    pub from_any_port: bool,
    /// Print the bare reply, one a line
    #[arg(short, long)]
    pub quiet: bool,
    /// Print each socket call as it happens
    #[arg(short, long)]
    pub verbose: bool,
}
