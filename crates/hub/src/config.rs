//! The settings of the hub. Whoever makes a [`Config`] has checked it; the hub takes it as it stands.
//!
//! Each field's default is what `callbox chat config` prints, with its reason.

use std::time::Duration;

use crate::contract::Millis;

/// All settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The name that the server calls itself, as a host name: `callbox.local`.
    pub server_name: Box<str>,
    /// The network's name, for people (`NETWORK` in ISUPPORT): no spaces.
    pub network: Box<str>,
    /// What LINKS and WHOIS say of the server.
    pub description: Box<str>,
    /// Who runs it, for ADMIN: up to three lines.
    pub admin: Vec<Box<str>>,
    /// The message of the day.
    pub motd: Vec<Box<str>>,
    /// The room that the plain doors lead into.
    pub lobby: Box<str>,
    /// The hash (PHC string) of the password that everybody must give, if there is one.
    pub password: Option<Box<str>>,
    /// Who may become an operator.
    pub operators: Vec<Operator>,
    /// How much of everything.
    pub limits: Limits,
    /// How fast a connection may speak; `None` for as fast as it likes.
    pub flood: Option<Flood>,
    /// When connections are given up.
    pub timeouts: Timeouts,
    /// What of the past is shown.
    pub history: History,
    /// Who may make an account.
    pub accounts: Accounts,
    /// The port of TLS that plain connections are told to use (the `sts` capability), and for how long they are to
    /// remember it; `None` to say nothing.
    pub sts: Option<Sts>,
    /// Whether hosts of others are shown as a keyed hash of the address, and not as the address.
    pub cloak: bool,
}

/// Somebody who may become an operator by OPER.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// The name to give.
    pub name: Box<str>,
    /// The hash (PHC string) of the password to give.
    pub password: Box<str>,
    /// The certificate that is needed as well, if there is one.
    pub fingerprint: Option<Box<str>>,
    /// The host that the operator shows from then on, if there is one.
    pub host: Option<Box<str>>,
}

/// How much of everything. Lengths are in bytes of UTF-8.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Of a nickname (`NICKLEN`).
    pub nick: usize,
    /// Of the user name (`USERLEN`).
    pub user: usize,
    /// Of a channel's name (`CHANNELLEN`).
    pub channel: usize,
    /// Of a topic (`TOPICLEN`).
    pub topic: usize,
    /// Of a kick's reason (`KICKLEN`).
    pub kick: usize,
    /// Of an away message (`AWAYLEN`).
    pub away: usize,
    /// Of a real name (`NAMELEN`).
    pub realname: usize,
    /// Of a channel's key (`KEYLEN`).
    pub key: usize,
    /// Channels that one client may be in (`CHANLIMIT`).
    pub channels: usize,
    /// Channels in all.
    pub total_channels: usize,
    /// Entries in each list of a channel (`MAXLIST`).
    pub list: usize,
    /// Nicknames that one client may monitor (`MONITOR`).
    pub monitor: usize,
    /// Mode changes with a parameter in one command (`MODES`).
    pub modes: usize,
    /// Targets of one PRIVMSG, NOTICE or TAGMSG (`TARGMAX`).
    pub targets: usize,
    /// Nicknames that WHOWAS remembers.
    pub whowas: usize,
    /// Bytes of a message of several lines (`draft/multiline`).
    pub multiline_bytes: usize,
    /// Lines of such a message.
    pub multiline_lines: usize,
    /// Keys of metadata that one user or channel may have.
    pub metadata_keys: usize,
    /// Bytes of one value.
    pub metadata_value: usize,
    /// Keys of metadata that one client may watch.
    pub metadata_subs: usize,
    /// Events in one page of history (`CHATHISTORY`).
    pub history_page: usize,
    /// Lines of LIST, WHO and the like in one reply.
    pub replies: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            nick: 32,
            user: 16,
            channel: 64,
            topic: 390,
            kick: 300,
            away: 200,
            realname: 120,
            key: 32,
            channels: 100,
            total_channels: 20_000,
            list: 100,
            monitor: 128,
            modes: 6,
            targets: 4,
            whowas: 1_000,
            multiline_bytes: 16_384,
            multiline_lines: 100,
            metadata_keys: 32,
            metadata_value: 300,
            metadata_subs: 32,
            history_page: 1_000,
            replies: 10_000,
        }
    }
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flood {
    /// Lines at once.
    pub burst: u32,
    /// Lines a second after that.
    pub per_second: u32,
}

/// When connections are given up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timeouts {
    /// For registration, counted from connecting.
    pub register: Duration,
    /// Of silence, before a PING is sent.
    pub ping: Duration,
    /// For the PONG.
    pub pong: Duration,
}

/// What of the past is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct History {
    /// Whether anything is recorded at all.
    pub enabled: bool,
    /// Messages shown to who joins a channel with a client that cannot ask for them.
    pub on_join: usize,
    /// The oldest that is shown, in milliseconds before now; 0 for no bound.
    pub max_age: Millis,
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accounts {
    /// Whether REGISTER works.
    pub registration: bool,
    /// Whether only who is logged in may come in.
    pub required: bool,
    /// Whether a nickname that is an account's name, or looks like it, is kept for it.
    pub reserve_nicks: bool,
}

/// The `sts` capability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sts {
    /// The port of TLS.
    pub port: u16,
    /// For how long clients remember it.
    pub duration: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server_name: "callbox.local".into(),
            network: "callbox".into(),
            description: "a callbox".into(),
            admin: Vec::new(),
            motd: vec!["Welcome. Say /join #lobby to meet whoever is there.".into()],
            lobby: "#lobby".into(),
            password: None,
            operators: Vec::new(),
            limits: Limits::default(),
            flood: Some(Flood { burst: 20, per_second: 5 }),
            timeouts: Timeouts {
                register: Duration::from_secs(60),
                ping: Duration::from_secs(120),
                pong: Duration::from_secs(60),
            },
            history: History { enabled: true, on_join: 50, max_age: 0 },
            accounts: Accounts { registration: true, required: false, reserve_nicks: true },
            sts: None,
            cloak: true,
        }
    }
}
