//! Flags of `callbox chat`.

use std::path::PathBuf;

use callbox_net::address::BindAddress;
use clap::{Args, Subcommand, ValueEnum};

/// `callbox chat`.
#[derive(Debug, Subcommand)]
pub enum ChatCommand {
    /// Run a chat that IRC clients, netcat, datagrams and browsers come to, all on one port
    Server(ChatServerArgs),
    /// Print the configuration file with every default and its reason
    Config,
    /// Make and change accounts, whether the server runs or not
    #[command(subcommand)]
    Account(AccountCommand),
    /// Read what was said
    #[command(subcommand)]
    History(HistoryCommand),
    /// Ask for a password and print the hash that the configuration file takes
    Password(PasswordArgs),
}

/// `callbox chat server`.
#[derive(Clone, Debug, Args)]
pub struct ChatServerArgs {
    /// The port to listen on, UDP and TCP; 0 lets the system choose [default: 3000]
    #[arg(short, long)]
    pub port: Option<u16>,
    /// Where to listen: an IPv4 or IPv6 address, * for all of both, or an interface's name; may be repeated [default:
    /// 127.0.0.1]
    #[arg(short, long = "bind", value_name = "ADDRESS")]
    pub bind: Vec<BindAddress>,
    /// Where the settings are.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Where to keep history and accounts.
    #[command(flatten)]
    pub folder: FolderArgs,
    /// Keep nothing on disk
    #[arg(long, conflicts_with = "data")]
    pub ephemeral: bool,
    /// Speak TLS too, with a certificate that is made at the first start and kept
    #[arg(long)]
    pub tls: bool,
    /// Speak TLS too, with this certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key of that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Talk in the lobby from this terminal
    #[arg(long)]
    pub talk: bool,
    /// The name to talk under [default: the login name]
    #[arg(long, value_name = "NAME", requires = "talk")]
    pub name: Option<String>,
    /// Let everybody speak as fast as they can, for benchmarks
    #[arg(long)]
    pub no_flood_control: bool,
    /// Threads that serve connections [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=254))]
    pub threads: Option<u8>,
    /// Print nothing but that it listens, and errors
    #[arg(short, long)]
    pub quiet: bool,
}

/// Which settings are meant.
#[derive(Clone, Debug, Default, Args)]
pub struct ConfigArgs {
    /// The server's configuration file; `callbox chat config` prints one [default: callbox/chat.toml in ~/.config, if it
    /// is there]
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Which server's data are meant: those in the folder that is named, or that its settings name.
#[derive(Clone, Debug, Args)]
pub struct DataArgs {
    /// Where they are kept.
    #[command(flatten)]
    pub folder: FolderArgs,
    /// Where the settings are.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// The folder for data.
#[derive(Clone, Debug, Args)]
pub struct FolderArgs {
    /// The folder that history and accounts are kept in [default: callbox/chat in ~/.local/share]
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
}

/// `callbox chat account`.
#[derive(Clone, Debug, Subcommand)]
pub enum AccountCommand {
    /// Make an account; the password is asked for, or read from standard input
    Add(AccountArgs),
    /// Give an account another password
    Password(AccountArgs),
    /// Let a TLS certificate log in to an account (SASL EXTERNAL)
    Certificate(CertificateArgs),
    /// Delete an account, with its private conversations
    Remove(AccountArgs),
    /// List the accounts
    List(DataArgs),
}

/// An account.
#[derive(Clone, Debug, Args)]
pub struct AccountArgs {
    /// The account's name, which is also a nickname kept for it
    pub name: String,
    /// Where it is kept.
    #[command(flatten)]
    pub data: DataArgs,
}

/// An account and a certificate.
#[derive(Clone, Debug, Args)]
pub struct CertificateArgs {
    /// The account's name
    pub name: String,
    /// The SHA-256 of the certificate in hexadecimal
    pub fingerprint: String,
    /// Where it is kept.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `callbox chat history`.
#[derive(Clone, Debug, Subcommand)]
pub enum HistoryCommand {
    /// Write all that is kept of a room to standard output
    Export(ExportArgs),
}

/// `callbox chat history export`.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// The room, such as #lobby
    pub room: String,
    /// As what
    #[arg(long, value_enum, default_value_t = ExportFormat::Text)]
    pub format: ExportFormat,
    /// Where it is kept.
    #[command(flatten)]
    pub data: DataArgs,
}

/// How a room is written out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum ExportFormat {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

/// `callbox chat password`.
#[derive(Clone, Debug, Default, Args)]
pub struct PasswordArgs {
    /// Where it says what a hash may cost.
    #[command(flatten)]
    pub config: ConfigArgs,
}
