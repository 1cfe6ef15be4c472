//! The table of keys: all that may stand in the file, what it takes and what it sets.
//!
//! A key set here stands in `default.toml` as well, with its default and its reason; a test holds the two together.

use std::path::PathBuf;
use std::time::Duration;

use callbox_hub::config::{Flood, Operator};
use callbox_net::address::BindAddress;

use super::values;
use super::{Listener, ListenerTls, Network, Settings, Sync};
use callbox_settings::{Key, Kind, Vocabulary};

use Kind::{Count, CountOr, Flag, Port, Rate, Size, Text, Texts, Time, TimeOr};

/// Every section, in the order of the file.
pub(super) const SECTIONS: &[&str] = &[
    "server",
    "listen",
    "tls",
    "web",
    "operator",
    "accounts",
    "connections",
    "flood",
    "timeouts",
    "plain",
    "history",
    "data",
    "limits",
];

/// Those of them that may stand any number of times.
pub(super) const REPEATED: &[&str] = &["listen", "operator"];

/// The file as it is read, before its parts are held against each other.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) settings: Settings,
    pub(super) flood_control: bool,
    pub(super) flood: Flood,
    pub(super) motd: Option<String>,
    pub(super) motd_file: Option<PathBuf>,
    /// 0 for no `sts`.
    pub(super) sts_port: u16,
    pub(super) sts_duration: Duration,
    pub(super) show_for: Option<Duration>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            flood_control: true,
            flood: Flood { burst: 20, per_second: 5 },
            motd: None,
            motd_file: None,
            sts_port: 0,
            sts_duration: Duration::from_secs(30 * DAY),
            show_for: None,
        }
    }
}

/// An `[[operator]]` as it is read.
#[derive(Debug, Default)]
pub(super) struct OperatorDraft {
    pub(super) name: Option<Box<str>>,
    pub(super) password: Option<Box<str>>,
    pub(super) fingerprint: Option<Box<str>>,
    pub(super) host: Option<Box<str>>,
}

impl OperatorDraft {
    /// The operator, or the keys that are missing.
    pub(super) fn finish(self) -> Result<Operator, &'static str> {
        match (self.name, self.password) {
            (Some(name), Some(password)) => {
                Ok(Operator { name, password, fingerprint: self.fingerprint, host: self.host })
            }
            (None, Some(_)) => Err("name"),
            (Some(_), None) => Err("password"),
            (None, None) => Err("name and password"),
        }
    }
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

/// The most entries in a list of networks or origins. Each is compared with each newcomer.
const LIST: usize = 100;

/// Every key of the sections that stand once.
pub(super) const KEYS: &[Key<Draft>] = &[
    key(
        "server",
        "name",
        Text(|d, text| set(&mut d.settings.hub.server_name, values::server_name(text))),
    ),
    key(
        "server",
        "network",
        Text(|d, text| set(&mut d.settings.hub.network, values::network_name(text))),
    ),
    key(
        "server",
        "description",
        Text(|d, text| set(&mut d.settings.hub.description, values::line(text))),
    ),
    key(
        "server",
        "admin",
        Texts(
            3,
            |d| d.settings.hub.admin.clear(),
            |d, text| push(&mut d.settings.hub.admin, values::line(text)),
        ),
    ),
    key("server", "motd", Text(|d, text| set(&mut d.motd, Ok(Some(text.into()))))),
    key("server", "motd-file", Text(|d, text| set(&mut d.motd_file, path(text)))),
    key("server", "lobby", Text(|d, text| set(&mut d.settings.hub.lobby, values::channel(text)))),
    key(
        "server",
        "password",
        Text(|d, text| set(&mut d.settings.hub.password, values::password_hash(text).map(Some))),
    ),
    key("server", "cloak", Flag(|d| &mut d.settings.hub.cloak)),
    key("server", "threads", CountOr("auto", 1..=256, |d| &mut d.settings.threads)),
    key("tls", "enabled", Flag(|d| &mut d.settings.tls.enabled)),
    key("tls", "cert", Text(|d, text| set(&mut d.settings.tls.cert, path(text)))),
    key("tls", "key", Text(|d, text| set(&mut d.settings.tls.key, path(text)))),
    key("tls", "sts-port", Port(1..=65_535, |d| &mut d.sts_port)),
    key("tls", "sts-duration", Time(0..=10 * YEAR, |d| &mut d.sts_duration)),
    key(
        "web",
        "origins",
        Texts(
            LIST,
            |d| d.settings.web.origins.clear(),
            |d, text| push(&mut d.settings.web.origins, values::origin(text)),
        ),
    ),
    key(
        "web",
        "metrics",
        Texts(
            LIST,
            |d| d.settings.web.metrics.clear(),
            |d, text| push(&mut d.settings.web.metrics, network(text)),
        ),
    ),
    key("accounts", "registration", Flag(|d| &mut d.settings.hub.accounts.registration)),
    key("accounts", "required", Flag(|d| &mut d.settings.hub.accounts.required)),
    key("accounts", "reserve-nicks", Flag(|d| &mut d.settings.hub.accounts.reserve_nicks)),
    key("accounts", "min-password", Count(1..=128, |d| &mut d.settings.accounts.min_password)),
    key(
        "accounts",
        "tries-per-address",
        Rate(1..=10_000, |d| &mut d.settings.accounts.tries_per_address),
    ),
    key(
        "accounts",
        "tries-per-account",
        Rate(1..=10_000, |d| &mut d.settings.accounts.tries_per_account),
    ),
    key("accounts", "tries-window", Time(10..=DAY, |d| &mut d.settings.accounts.tries_window)),
    key("accounts", "hash-memory", Size(MIB..=1_024 * MIB, |d| &mut d.settings.accounts.memory)),
    key(
        "accounts",
        "hash-iterations",
        Rate(1..=values::HASH_ITERATIONS, |d| &mut d.settings.accounts.iterations),
    ),
    key(
        "accounts",
        "scram-iterations",
        Rate(4_096..=10_000_000, |d| &mut d.settings.accounts.scram_iterations),
    ),
    key("accounts", "workers", CountOr("auto", 1..=64, |d| &mut d.settings.accounts.workers)),
    key("connections", "total", Count(1..=1_000_000, |d| &mut d.settings.connections.total)),
    key(
        "connections",
        "per-address",
        Count(1..=1_000_000, |d| &mut d.settings.connections.per_address),
    ),
    key("connections", "unopened", Count(1..=1_000_000, |d| &mut d.settings.connections.unopened)),
    key(
        "connections",
        "exempt",
        Texts(
            LIST,
            |d| d.settings.connections.exempt.clear(),
            |d, text| push(&mut d.settings.connections.exempt, network(text)),
        ),
    ),
    key(
        "connections",
        "handshakes",
        Count(1..=100_000, |d| &mut d.settings.connections.handshakes),
    ),
    key(
        "connections",
        "handshake",
        Time(1..=5 * MINUTE, |d| &mut d.settings.connections.handshake),
    ),
    key(
        "connections",
        "send-queue",
        Size(64 * KIB..=1_024 * MIB, |d| &mut d.settings.connections.send_queue),
    ),
    key("connections", "closing", Time(1..=MINUTE, |d| &mut d.settings.connections.closing)),
    key("flood", "enabled", Flag(|d| &mut d.flood_control)),
    key("flood", "burst", Rate(1..=100_000, |d| &mut d.flood.burst)),
    key("flood", "per-second", Rate(1..=100_000, |d| &mut d.flood.per_second)),
    key("timeouts", "register", Time(5..=10 * MINUTE, |d| &mut d.settings.hub.timeouts.register)),
    key("timeouts", "ping", Time(10..=HOUR, |d| &mut d.settings.hub.timeouts.ping)),
    key("timeouts", "pong", Time(5..=10 * MINUTE, |d| &mut d.settings.hub.timeouts.pong)),
    key("plain", "streams", Flag(|d| &mut d.settings.plain.streams)),
    key("plain", "datagrams", Flag(|d| &mut d.settings.plain.datagrams)),
    key("plain", "idle", Time(10..=DAY, |d| &mut d.settings.plain.idle)),
    key("plain", "guests", Count(1..=100_000, |d| &mut d.settings.plain.guests)),
    key("plain", "burst", Rate(1..=10_000, |d| &mut d.settings.plain.burst)),
    key("plain", "per-second", Rate(1..=10_000, |d| &mut d.settings.plain.per_second)),
    key("history", "enabled", Flag(|d| &mut d.settings.hub.history.enabled)),
    key("history", "on-join", Count(0..=1_000, |d| &mut d.settings.hub.history.on_join)),
    key("history", "show-for", TimeOr("forever", MINUTE..=100 * YEAR, |d| &mut d.show_for)),
    key(
        "history",
        "keep-for",
        TimeOr("forever", MINUTE..=100 * YEAR, |d| &mut d.settings.data.max_age),
    ),
    key(
        "history",
        "keep-events",
        CountOr("all", 100..=1_000_000_000, |d| &mut d.settings.data.max_events),
    ),
    key("data", "folder", Text(|d, text| set(&mut d.settings.data.folder, path(text)))),
    key("data", "ephemeral", Flag(|d| &mut d.settings.data.ephemeral)),
    key("data", "sync", Text(|d, text| set(&mut d.settings.data.sync, sync(text)))),
    key("limits", "nick-length", Count(9..=64, |d| &mut d.settings.hub.limits.nick)),
    key("limits", "user-length", Count(4..=32, |d| &mut d.settings.hub.limits.user)),
    key("limits", "channel-length", Count(8..=100, |d| &mut d.settings.hub.limits.channel)),
    key("limits", "topic-length", Count(50..=390, |d| &mut d.settings.hub.limits.topic)),
    key("limits", "kick-length", Count(32..=390, |d| &mut d.settings.hub.limits.kick)),
    key("limits", "away-length", Count(32..=390, |d| &mut d.settings.hub.limits.away)),
    key("limits", "realname-length", Count(16..=300, |d| &mut d.settings.hub.limits.realname)),
    key("limits", "key-length", Count(4..=64, |d| &mut d.settings.hub.limits.key)),
    key("limits", "channels", Count(1..=1_000, |d| &mut d.settings.hub.limits.channels)),
    key(
        "limits",
        "total-channels",
        Count(1..=1_000_000, |d| &mut d.settings.hub.limits.total_channels),
    ),
    key("limits", "list", Count(1..=10_000, |d| &mut d.settings.hub.limits.list)),
    key("limits", "monitor", Count(1..=10_000, |d| &mut d.settings.hub.limits.monitor)),
    key("limits", "modes", Count(1..=20, |d| &mut d.settings.hub.limits.modes)),
    key("limits", "targets", Count(1..=20, |d| &mut d.settings.hub.limits.targets)),
    key("limits", "whowas", Count(0..=100_000, |d| &mut d.settings.hub.limits.whowas)),
    key(
        "limits",
        "multiline-bytes",
        Size(512..=MIB, |d| &mut d.settings.hub.limits.multiline_bytes),
    ),
    key(
        "limits",
        "multiline-lines",
        Count(2..=1_000, |d| &mut d.settings.hub.limits.multiline_lines),
    ),
    key("limits", "metadata-keys", Count(1..=1_000, |d| &mut d.settings.hub.limits.metadata_keys)),
    key("limits", "metadata-value", Count(16..=350, |d| &mut d.settings.hub.limits.metadata_value)),
    key("limits", "metadata-subs", Count(1..=1_000, |d| &mut d.settings.hub.limits.metadata_subs)),
    key("limits", "history-page", Count(10..=10_000, |d| &mut d.settings.hub.limits.history_page)),
    key("limits", "replies", Count(100..=1_000_000, |d| &mut d.settings.hub.limits.replies)),
];

/// Every key of a `[[listen]]`.
pub(super) const LISTEN: &[Key<Listener>] = &[
    key("listen", "address", Text(|d, text| set(&mut d.address, bind_address(text)))),
    key("listen", "port", Port(0..=65_535, |d| &mut d.port)),
    key("listen", "tls", Text(|d, text| set(&mut d.tls, listener_tls(text)))),
    key("listen", "datagrams", Flag(|d| &mut d.datagrams)),
];

/// Every key of an `[[operator]]`.
pub(super) const OPERATOR: &[Key<OperatorDraft>] = &[
    key(
        "operator",
        "name",
        Text(|d, text| set(&mut d.name, values::operator_name(text).map(Some))),
    ),
    key(
        "operator",
        "password",
        Text(|d, text| set(&mut d.password, values::password_hash(text).map(Some))),
    ),
    key(
        "operator",
        "fingerprint",
        Text(|d, text| set(&mut d.fingerprint, values::fingerprint(text).map(Some))),
    ),
    key("operator", "host", Text(|d, text| set(&mut d.host, values::shown_host(text).map(Some)))),
];

/// Every key that there is, with its section.
pub(super) fn known() -> impl Iterator<Item = (&'static str, &'static str)> {
    let keys = KEYS.iter().map(|key| (key.section, key.name));
    let listen = LISTEN.iter().map(|key| (key.section, key.name));
    let operator = OPERATOR.iter().map(|key| (key.section, key.name));
    keys.chain(listen).chain(operator)
}

/// All that may stand in the file.
pub(super) fn vocabulary() -> Vocabulary {
    Vocabulary { sections: SECTIONS, repeated: REPEATED, named: &[], keys: known().collect() }
}

const fn key<T>(section: &'static str, name: &'static str, kind: Kind<T>) -> Key<T> {
    Key { section, name, kind }
}

fn set<V>(field: &mut V, value: Result<V, String>) -> Result<(), String> {
    *field = value?;
    Ok(())
}

fn push<V>(field: &mut Vec<V>, value: Result<V, String>) -> Result<(), String> {
    field.push(value?);
    Ok(())
}

fn path(text: &str) -> Result<Option<PathBuf>, String> {
    if text.is_empty() || text.contains('\0') {
        return Err("has to be a path".into());
    }
    Ok(Some(text.into()))
}

fn network(text: &str) -> Result<Network, String> {
    text.parse().map_err(|error| format!("is a list of networks: {error}"))
}

fn bind_address(text: &str) -> Result<BindAddress, String> {
    text.parse().map_err(|_| {
        "has to be an IPv4 or IPv6 address, \"*\" for all, or an interface's name; the port stands in a key of its own"
            .into()
    })
}

fn listener_tls(text: &str) -> Result<ListenerTls, String> {
    match text {
        "optional" => Ok(ListenerTls::Optional),
        "required" => Ok(ListenerTls::Required),
        "off" => Ok(ListenerTls::Off),
        _ => Err("has to be \"optional\", \"required\" or \"off\"".into()),
    }
}

fn sync(text: &str) -> Result<Sync, String> {
    match text {
        "normal" => Ok(Sync::Normal),
        "full" => Ok(Sync::Full),
        _ => Err("has to be \"normal\" or \"full\"".into()),
    }
}
