//! What is set, as the server uses it: every field is checked, every path complete.
//!
//! Each `Default` here, and that of the hub's `Config`, is what `default.toml` says; a test holds them together. The
//! reasons for the numbers stand in that file, where the operator reads them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use callbox_hub::config::Config;
use callbox_net::address::{BindAddress, DEFAULT_PORT};

use super::network::Network;

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What the hub is to know: names, limits, operators, and more.
    pub hub: Config,
    /// Event-loop threads; `None` for one a core.
    pub threads: Option<usize>,
    /// Where to listen: at least one.
    pub listen: Vec<Listener>,
    /// The certificate.
    pub tls: Tls,
    /// The web server.
    pub web: Web,
    /// What is kept on disk.
    pub data: Data,
    /// How many connections there may be, and what each may cost.
    pub connections: Connections,
    /// The doors for people who speak no IRC.
    pub plain: Plain,
    /// How passwords are hashed and guessing is slowed.
    pub accounts: PasswordWork,
}

/// One address and port. Every door is behind it: IRC, TLS, HTTP and bare text are told apart by their first bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// The address, all addresses, or an interface's.
    pub address: BindAddress,
    /// The port, of TCP and of UDP; 0 lets the system choose.
    pub port: u16,
    /// Whether TLS is spoken there.
    pub tls: ListenerTls,
    /// Whether there is a UDP socket as well, if the datagram door is open at all ([`Plain::datagrams`]).
    pub datagrams: bool,
}

/// Whether TLS is spoken on a listener.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ListenerTls {
    /// By whoever starts a handshake, if TLS is enabled.
    #[default]
    Optional,
    /// By everybody: what is no handshake is closed. TLS is enabled.
    Required,
    /// By nobody: a handshake is closed.
    Off,
}

/// The certificate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tls {
    /// Whether there is TLS at all.
    pub enabled: bool,
    /// The certificate chain, PEM. There is a `cert` exactly when there is a `key`.
    pub cert: Option<PathBuf>,
    /// The private key, PEM.
    pub key: Option<PathBuf>,
}

impl Tls {
    /// Whether the server makes a certificate of its own at its first start, and keeps it in the data folder.
    pub fn is_self_signed(&self) -> bool {
        self.enabled && self.cert.is_none()
    }
}

/// The web server.
#[derive(Clone, Debug, PartialEq)]
pub struct Web {
    /// The origins, besides the server's own, whose pages may open a WebSocket, as a browser writes them
    /// (`https://chat.example`, small letters); `*` for any.
    pub origins: Vec<Box<str>>,
    /// Who may read `/metrics`.
    pub metrics: Vec<Network>,
}

/// What is kept on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// Where; `None` for the user's own data folder (XDG).
    pub folder: Option<PathBuf>,
    /// Whether nothing is written to disk and all is forgotten at the end. There is no `folder` then.
    pub ephemeral: bool,
    /// When the disk has to have what was written.
    pub sync: Sync,
    /// The age at which history is deleted; `None` for never.
    pub max_age: Option<Duration>,
    /// Events kept in each conversation, beyond which the oldest are deleted; `None` for all.
    pub max_events: Option<usize>,
}

/// When the disk has to have what was written (SQLite's `synchronous`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Sync {
    /// At checkpoints: the death of the program loses nothing, a power cut the last moments.
    #[default]
    Normal,
    /// At each commit: a power cut loses nothing either.
    Full,
}

/// How many connections there may be, and what each may cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Connections {
    /// Streams at a time, from everywhere.
    pub total: usize,
    /// Streams at a time from one IPv4 address or one IPv6 /64.
    pub per_address: usize,
    /// Streams at a time of which nothing has come yet that would tell their door, from everywhere.
    pub unopened: usize,
    /// Who is not counted by `per_address` and `unopened`.
    pub exempt: Vec<Network>,
    /// TLS handshakes in progress, from everywhere.
    pub handshakes: usize,
    /// For a TLS handshake, and for the head of an HTTP request, each from its first byte.
    pub handshake: Duration,
    /// Bytes that may wait for one reader; it is dropped when there are more.
    pub send_queue: usize,
    /// For sending the last bytes, once a connection is to be closed.
    pub closing: Duration,
}

/// The doors for people who speak no IRC.
#[derive(Clone, Debug, PartialEq)]
pub struct Plain {
    /// Whether bare text over TCP comes into the lobby.
    pub streams: bool,
    /// Whether datagrams do.
    pub datagrams: bool,
    /// Of silence, after which a guest of the datagram door leaves.
    pub idle: Duration,
    /// Guests of the datagram door at a time.
    pub guests: usize,
    /// Lines at once from one guest of the datagram door.
    pub burst: u32,
    /// Lines a second from it after that.
    pub per_second: u32,
}

/// How passwords are hashed and guessing is slowed.
#[derive(Clone, Debug, PartialEq)]
pub struct PasswordWork {
    /// Bytes of memory for one argon2id hash; a part of a KiB does not count.
    pub memory: usize,
    /// Passes over that memory.
    pub iterations: u32,
    /// Rounds of PBKDF2 in the SCRAM keys of new accounts.
    pub scram_iterations: u32,
    /// Threads that hash; `None` for two, or one on a machine with one processor.
    pub workers: Option<usize>,
    /// Wrong passwords from one IPv4 address or one IPv6 /64 within `tries_window`.
    pub tries_per_address: u32,
    /// Wrong passwords for one account within `tries_window`.
    pub tries_per_account: u32,
    /// For how long wrong passwords are remembered.
    pub tries_window: Duration,
    /// Characters that a new password needs at least.
    pub min_password: usize,
}

impl Settings {
    /// Listens on these addresses and this port in place of what the file says: `--bind` and `--port`. What is not
    /// given is 127.0.0.1, and 3000. Does nothing if neither is given.
    pub fn listen_on(&mut self, bind: &[BindAddress], port: Option<u16>) {
        if bind.is_empty() && port.is_none() {
            return;
        }
        let port = port.unwrap_or(DEFAULT_PORT);
        let bind = if bind.is_empty() { &[BindAddress::LOOPBACK] } else { bind };
        // Whoever wants TLS and nothing else does not want it less at another port.
        let required = self.listen.iter().any(|listener| listener.tls == ListenerTls::Required);
        let tls = if required { ListenerTls::Required } else { ListenerTls::Optional };
        let listener = |address: &BindAddress| Listener {
            address: address.clone(),
            port,
            tls,
            ..Listener::default()
        };
        self.listen = bind.iter().map(listener).collect();
    }

    /// Speaks TLS with this certificate and key in place of what the file says: `--tls-cert` and `--tls-key`.
    pub fn use_certificate(&mut self, cert: PathBuf, key: PathBuf) {
        self.tls = Tls { enabled: true, cert: Some(cert), key: Some(key) };
    }

    /// Lets everybody speak as fast as they can, by datagrams too: `--no-flood-control`.
    pub fn lift_flood_control(&mut self) {
        self.hub.flood = None;
        (self.plain.burst, self.plain.per_second) = (u32::MAX, u32::MAX);
    }

    /// What differs from `old` and takes effect only when the server is started again, as it stands in the file. All
    /// else changes at once by REHASH or SIGHUP: what the hub knows, the certificate's files, who may come by the web.
    pub fn needs_restart(&self, old: &Self) -> Vec<&'static str> {
        let register = |settings: &Self| settings.hub.timeouts.register;
        let differs = [
            ("[server] lobby", self.hub.lobby != old.hub.lobby),
            ("[server] threads", self.threads != old.threads),
            ("[[listen]]", self.listen != old.listen),
            ("[tls] enabled", self.tls.enabled != old.tls.enabled),
            ("[accounts], of passwords", self.accounts != old.accounts),
            ("[timeouts] register, for the first line", register(self) != register(old)),
            ("[connections]", self.connections != old.connections),
            ("[plain]", self.plain != old.plain),
            ("[history] keep-for", self.data.max_age != old.data.max_age),
            ("[history] keep-events", self.data.max_events != old.data.max_events),
            ("[data] folder", self.data.folder != old.data.folder),
            ("[data] ephemeral", self.data.ephemeral != old.data.ephemeral),
            ("[data] sync", self.data.sync != old.data.sync),
        ];
        differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hub: Config::default(),
            threads: None,
            listen: vec![Listener::default()],
            tls: Tls::default(),
            web: Web::default(),
            data: Data::default(),
            connections: Connections::default(),
            plain: Plain::default(),
            accounts: PasswordWork::default(),
        }
    }
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            address: BindAddress::LOOPBACK,
            port: DEFAULT_PORT,
            tls: ListenerTls::Optional,
            datagrams: true,
        }
    }
}

impl Default for Web {
    fn default() -> Self {
        Self { origins: Vec::new(), metrics: loopback() }
    }
}

impl Default for Data {
    fn default() -> Self {
        Self {
            folder: None,
            ephemeral: false,
            sync: Sync::Normal,
            max_age: None,
            max_events: Some(100_000),
        }
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            total: 16_000,
            per_address: 16,
            unopened: 1_000,
            exempt: loopback(),
            handshakes: 512,
            handshake: Duration::from_secs(10),
            send_queue: 4 << 20,
            closing: Duration::from_secs(3),
        }
    }
}

impl Default for Plain {
    fn default() -> Self {
        Self {
            streams: true,
            datagrams: true,
            idle: Duration::from_secs(600),
            guests: 1_000,
            burst: 20,
            per_second: 5,
        }
    }
}

impl Default for PasswordWork {
    fn default() -> Self {
        Self {
            memory: 19 << 20,
            iterations: 2,
            scram_iterations: 64_000,
            workers: None,
            tries_per_address: 20,
            tries_per_account: 10,
            tries_window: Duration::from_secs(600),
            min_password: 8,
        }
    }
}

fn loopback() -> Vec<Network> {
    vec![
        Network { address: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), bits: 8 },
        Network { address: IpAddr::V6(Ipv6Addr::LOCALHOST), bits: 128 },
    ]
}
