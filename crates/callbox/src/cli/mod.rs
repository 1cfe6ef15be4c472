//! The command line.
//!
//! What was typed and what will run are two things: the types here hold exactly what was typed, checked for form, and
//! touch nothing. [`crate::server`] and [`crate::client`] find out what it means on this machine.

mod bench;
mod chat;
mod services;
mod shell;
mod tcp;
mod udp;
mod unix;
mod values;

use std::ffi::OsString;

use clap::{Args, Parser, Subcommand};

pub use bench::{
    BenchChatArgs, BenchCommand, BenchTcpArgs, BenchUdpArgs, BenchUnixArgs, CallArgs, ChatLoadArgs,
    CompareArgs, MessageArgs, OutputArgs, PairArgs, RateArgs, RunArgs, SecretArgs, SelfCommand,
    ServerArgs, StreamLoadArgs, UdpLoadArgs,
};
pub use chat::{
    AccountArgs, AccountCommand, CertificateArgs, ChatArgs, ChatClientArgs, ChatCommand,
    ChatServerArgs, ConfigArgs, DataArgs, ExportArgs, ExportFormat, FolderArgs, HistoryCommand,
    HostArgs, LoginArgs, PasswordArgs, PersonArgs, TlsClientArgs,
};
pub use services::{DatagramServiceName, StreamServiceName};
pub use shell::{CompletionsArgs, Documented, ManualArgs, completions, manual};
pub use tcp::{StreamServeArgs, StreamTalkArgs, TcpClientArgs, TcpServerArgs};
pub use udp::{GuardArgs, UdpClientArgs, UdpServerArgs};
pub use unix::{UnixClientArgs, UnixServerArgs, UnixType};
pub use values::{MAX_ROOM, Seconds, length, max_rate, room};

/// Talk over sockets: a box of socket calls, each done well.
///
/// Exit status: 0 done; 1 the network said no (refused, no reply, reset, timed out); 2 the call was wrong (usage, a
/// name that does not resolve, an address that cannot be bound).
#[derive(Debug, Parser)]
#[command(name = "callbox", version, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What callbox can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Datagrams: a server that answers each one, and a client that asks until it has its answer
    #[command(subcommand)]
    Udp(EndpointCommand<UdpServerArgs, UdpClientArgs>),
    /// Streams: a server for any number of connections, and a client
    #[command(subcommand)]
    Tcp(EndpointCommand<TcpServerArgs, TcpClientArgs>),
    /// The same services between processes, over a socket that is a file
    #[command(subcommand)]
    Unix(EndpointCommand<UnixServerArgs, UnixClientArgs>),
    /// A chat with every door on one port: IRC, TLS, the web, netcat and datagrams
    Chat(ChatArgs),
    /// Connect to anything, listen for anyone: a drop-in for ncat
    #[command(disable_help_flag = true)]
    Nc(NcArgs),
    /// Load a server, and tell how fast it answers: rates, latencies, losses, pictures
    #[command(subcommand)]
    Bench(Box<BenchCommand>),
    /// Every exchange once, on loopback, told step by step
    Tour(TourArgs),
    /// The table of services
    Services,
    /// The script by which a shell completes this command line
    Completions(CompletionsArgs),
    /// The page for man, in roff
    Manual(ManualArgs),
}

/// The two ends of a conversation.
#[derive(Debug, Subcommand)]
pub enum EndpointCommand<S: Args, C: Args> {
    /// Listen and answer
    Server(S),
    /// Ask
    Client(C),
}

/// `callbox nc`. Its words are read by the netcat itself, from a table of its own.
#[derive(Clone, Debug, Default, Args)]
pub struct NcArgs {
    /// Options and operands: see callbox nc --help
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

/// `callbox tour`.
#[derive(Clone, Debug, Default, Args)]
pub struct TourArgs {
    /// Also print each socket call of both ends
    #[arg(short, long)]
    pub verbose: bool,
}

/// Reads the command line. The error knows whether it is help that was asked for.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_table_of_flags_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_is_explained() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} is not explained", command.get_name());
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{} {}",
                    command.get_name(),
                    argument.get_id()
                );
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
