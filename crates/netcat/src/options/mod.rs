//! The command line: one table of options, and what was asked for with them.

mod command;
mod flavour;
mod operands;
mod read;
pub mod table;

use std::path::PathBuf;
use std::time::Duration;

use crate::link::websocket::Origins;
use crate::proxy::{Credentials, Dns, Kind};

pub use command::command;
pub use flavour::Flavour;
pub use read::{Asked, Misuse, read};

/// The port where none is given.
pub const DEFAULT_PORT: u16 = 31337;

/// Connections at once, unless `--max-conns` says otherwise. ncat's number.
pub const MAX_CONNS: usize = 100;

/// What was asked for, checked for form; nothing of it was looked up on this machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether to listen, to connect, or only to look.
    pub mode: Mode,
    /// What carries the bytes.
    pub carrier: Carrier,
    /// IPv4 or IPv6 only.
    pub family: Option<Family>,
    /// No name is resolved.
    pub numeric: bool,
    /// How to bind and route the socket of a client.
    pub from: From,
    /// TLS, if it is asked for (QUIC has it in any case).
    pub tls: Tls,
    /// WebSocket over the stream.
    pub websocket: Option<WebSocket>,
    /// The proxies to go through, in order. When listening: empty.
    pub proxies: Vec<Proxy>,
    /// Where the names behind a proxy are resolved.
    pub proxy_dns: Dns,
    /// The program to run with the connection.
    pub run: Option<Run>,
    /// What moves and when it ends.
    pub flow: Flow,
    /// A listener's ways.
    pub listen: Listen,
    /// What is told and kept.
    pub output: Output,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Mode {
    /// Connect, and move bytes.
    Connect(Target),
    /// Connect to each port in turn, and say what is there (`-z`).
    Look(Target),
    /// Listen.
    Listen(Target),
}

/// What the operands name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// A host (none: every address of this machine, when listening) and ports; more than one only with `-z`.
    Host {
        /// A name or an address.
        host: Option<String>,
        /// In the order given, at least one.
        ports: Vec<u16>,
    },
    /// The path of a Unix socket.
    Path(PathBuf),
    /// A machine beside this one and its port.
    Vsock {
        /// The machine's number; none: any, when listening.
        cid: Option<u32>,
        /// The port.
        port: u32,
    },
}

/// What carries the bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Carrier {
    /// A stream: TCP, or a Unix or vsock stream.
    Stream,
    /// Datagrams: UDP or Unix.
    Datagram,
    /// SCTP, one stream.
    Sctp,
    /// QUIC, one stream.
    Quic,
}

/// One family of addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// How a client's socket is bound and routed, and how long connecting may take.
#[derive(Clone, Debug, Default)]
pub struct From {
    /// The address, a name or a path to bind.
    pub source: Option<String>,
    /// The port to bind.
    pub port: Option<u16>,
    /// The hosts of a loose source route.
    pub hops: Vec<String>,
    /// The pointer into that route: a multiple of four, at most 28.
    pub hop_pointer: u8,
    /// How long connecting may take.
    pub wait: Option<Duration>,
}

/// What TLS is to do.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Whether it is asked for.
    pub wanted: bool,
    /// The file of the certificate to show.
    pub certificate: Option<PathBuf>,
    /// The file of its key; the certificate's file if none is given.
    pub key: Option<PathBuf>,
    /// Whether the peer's certificate has to be trusted and for its name.
    pub verify: bool,
    /// The file of the certificates to trust.
    pub trust: Option<PathBuf>,
    /// The cipher suites, by OpenSSL's names, as typed.
    pub ciphers: Option<String>,
    /// The name to ask for instead of the host's.
    pub server_name: Option<String>,
    /// The protocols to offer or to take.
    pub alpn: Vec<String>,
}

/// A WebSocket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebSocket {
    /// The path and query to ask for; `/` at least. A listener takes any.
    pub path: String,
    /// The `Host` header's value.
    pub host: String,
}

/// One proxy on the way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proxy {
    /// What it speaks.
    pub kind: Kind,
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whom to be.
    pub login: Option<Credentials>,
}

/// A program to run with the connection as its input and output.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Run {
    /// A program and its arguments in one string (`-e`).
    Exec(String),
    /// A line for the shell (`-c`).
    Shell(String),
    /// A Lua script.
    Lua(PathBuf),
}

/// What moves and when it ends.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// Send CRLF for LF.
    pub crlf: bool,
    /// Answer Telnet's negotiations.
    pub telnet: bool,
    /// Between two lines that are sent.
    pub delay: Option<Duration>,
    /// End when nothing moved for so long.
    pub idle: Option<Duration>,
    /// How long it goes on after the end of standard input.
    pub quit: Option<Duration>,
    /// Whether that is counted anew with all that comes.
    pub quit_after_last: bool,
    /// How long nothing may come. Only the other flavours have it (`-w`).
    pub silence: Option<Duration>,
    /// Whether that counts from the end of standard input on.
    pub silence_after_input: bool,
    /// Receive nothing, and end with standard input.
    pub send_only: bool,
    /// Send nothing.
    pub recv_only: bool,
    /// Do not half-close at the end of standard input.
    pub no_shutdown: bool,
}

/// A listener's ways.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Take connection after connection. For a client: stay when the peer ends.
    pub keep_open: bool,
    /// At once.
    pub max_conns: usize,
    /// What the clients are to one another.
    pub together: Together,
    /// Be an HTTP proxy.
    pub proxy_server: bool,
    /// Whom its clients have to be.
    pub login: Option<Credentials>,
    /// Who may connect: lists of hosts, as typed. With any list or file, nobody else may.
    pub allow: Vec<String>,
    /// Who may not.
    pub deny: Vec<String>,
    /// Files with more of who may.
    pub allow_files: Vec<PathBuf>,
    /// Files with more of who may not.
    pub deny_files: Vec<PathBuf>,
    /// Of web pages, which may open a WebSocket.
    pub origins: Origins,
    /// Read the files again at SIGHUP.
    pub reuse_lists: bool,
    /// Say when the listener is ready, for tests.
    pub announce: bool,
}

/// What a listener's clients are to one another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Together {
    /// Each talks with standard input and output.
    Apart,
    /// Each hears the others.
    Broker,
    /// Each hears the others' lines, with names.
    Chat,
}

/// What is told and kept.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// How many `-v` there were.
    pub verbosity: u8,
    /// A file for all that passes.
    pub text: Option<PathBuf>,
    /// The same in hex.
    pub hex: Option<PathBuf>,
    /// Append to them.
    pub append: bool,
    /// A capture of all that passes.
    pub pcap: Option<PathBuf>,
    /// Show how far it is.
    pub progress: bool,
}
