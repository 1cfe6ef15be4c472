//! Flags of `callbox chat`.

use std::num::NonZeroU16;
use std::path::PathBuf;

use callbox_layers::tls::Fingerprint;
use callbox_net::address::BindAddress;
use clap::{Args, Subcommand, ValueEnum};

use super::{Seconds, room};
use crate::chat::client::address::ChatAddress;

/// `callbox chat`: with nothing behind it, the chat on this machine is joined, and started before if there is none.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ChatArgs {
    /// What to do, if it is something else than to join.
    #[command(subcommand)]
    pub command: Option<ChatCommand>,
    /// Who joins.
    #[command(flatten)]
    pub person: PersonArgs,
    /// The chat that is joined or started.
    #[command(flatten)]
    pub host: HostArgs,
}

/// The chat on this machine, for whoever is the first there.
#[derive(Clone, Debug, Default, Args)]
pub struct HostArgs {
    /// The chat's port on 127.0.0.1 [default: 3000]
    #[arg(short, long)]
    pub port: Option<NonZeroU16>,
    /// The folder that a chat which is started keeps history and accounts in [default: callbox/chat in ~/.local/share]
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Keep nothing on disk if a chat is started
    #[arg(long, conflicts_with = "data")]
    pub ephemeral: bool,
}

impl HostArgs {
    /// The server that these ask for.
    pub fn server(&self) -> ChatServerArgs {
        ChatServerArgs {
            port: self.port.map(NonZeroU16::get),
            folder: FolderArgs { data: self.data.clone() },
            ephemeral: self.ephemeral,
            quiet: true,
            ..ChatServerArgs::default()
        }
    }
}

/// Who takes part in a chat, and where.
#[derive(Clone, Debug, Default, Args)]
pub struct PersonArgs {
    /// The name to talk under [default: what is answered when it is asked for]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Rooms to join, such as #lobby; several with commas between them or by repeating this
    #[arg(long, value_name = "ROOM", value_delimiter = ',', value_parser = room)]
    pub join: Vec<String>,
}

/// What `callbox chat` can do.
#[derive(Debug, Subcommand)]
pub enum ChatCommand {
    /// Join a chat: callbox's own, or any IRC network
    Client(Box<ChatClientArgs>),
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

/// `callbox chat client`.
#[derive(Clone, Debug, Args)]
pub struct ChatClientArgs {
    /// Where: HOST or HOST:PORT for a chat of callbox's (port 3000), irc://HOST (6667) or ircs://HOST (6697, TLS) for IRC,
    /// both with /#ROOM if wanted, ws://HOST/PATH or wss://HOST/PATH for IRC in a WebSocket, udp://HOST:PORT for bare
    /// datagrams [default: 127.0.0.1:3000]
    #[arg(value_name = "ADDRESS")]
    pub address: Option<ChatAddress>,
    /// Who joins.
    #[command(flatten)]
    pub person: PersonArgs,
    /// Who to log in as.
    #[command(flatten)]
    pub login: LoginArgs,
    /// What makes the server trusted.
    #[command(flatten)]
    pub tls: TlsClientArgs,
    /// Use this profile of the configuration file [default: the one that it names as default, if it does]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// The client's configuration file; --print-config prints one [default: callbox/client.toml in ~/.config, if it is
    /// there]
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print a configuration file with every key, and do nothing else
    #[arg(long, exclusive = true)]
    pub print_config: bool,
    /// Print what is heard as JSON, one object a line
    #[arg(long)]
    pub json: bool,
    /// Say what standard input holds, wait until the server has it, and end: exit status 0, or 1 if no receipt came. With
    /// udp:// an answer is the receipt
    #[arg(long)]
    pub once: bool,
    /// How long to wait for the next receipt
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub receipt_timeout: Seconds,
    /// How long the whole way to a connection may take
    #[arg(long, value_name = "TIME", default_value = "20s")]
    pub connect_timeout: Seconds,
    /// Print what is heard and errors, and nothing about the connection
    #[arg(short, long)]
    pub quiet: bool,
}

/// Which account to log in to. A password is never an argument, where others on the machine could read it.
#[derive(Clone, Debug, Default, Args)]
pub struct LoginArgs {
    /// The account to log in to [default: the name]
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Log in; the password is asked for
    #[arg(long, conflicts_with_all = ["password_file", "password_env"])]
    pub password: bool,
    /// Log in with the password that is the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    pub password_file: Option<PathBuf>,
    /// Log in with the password in this variable of the environment
    #[arg(long, value_name = "VARIABLE")]
    pub password_env: Option<String>,
}

/// TLS with a server. Each of these asks for TLS by itself.
#[derive(Clone, Debug, Default, Args)]
pub struct TlsClientArgs {
    /// Speak TLS, and believe the server if an authority that this system trusts has signed its certificate for this host
    #[arg(long)]
    pub tls: bool,
    /// The same, with the authorities in this file (PEM) and no others
    #[arg(long, value_name = "FILE", conflicts_with = "tls_fingerprint")]
    pub tls_ca: Option<PathBuf>,
    /// The same, but believe the one certificate that has this SHA-256, and no other
    #[arg(long, value_name = "SHA256")]
    pub tls_fingerprint: Option<Fingerprint>,
    /// A certificate of one's own (PEM) to log in with, instead of a password (SASL EXTERNAL)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key of that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

impl TlsClientArgs {
    /// Whether TLS was asked for in any way.
    pub const fn is_wanted(&self) -> bool {
        self.tls
            || self.tls_ca.is_some()
            || self.tls_fingerprint.is_some()
            || self.tls_cert.is_some()
    }
}

/// `callbox chat server`.
#[derive(Clone, Debug, Default, Args)]
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
#[derive(Clone, Debug, Default, Args)]
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
