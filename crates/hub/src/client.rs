//! One connection and, once it is registered, the user behind it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use callbox_irc::capability::CapSet;
use callbox_irc::fold::Folded;
use callbox_irc::modes::UserModes;
use callbox_irc::names::{Account, Nick};

use crate::channel::ChannelId;
use crate::contract::{ConnId, Millis, Peer, Secret};
use crate::pending::Pending;
use crate::throttle::Bucket;

/// A client's place in the hub. It may be used again after the client has gone, so none is kept longer than that.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct ClientId(pub(crate) u32);

/// One connection and the user behind it.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) conn: ConnId,
    pub(crate) peer: Peer,
    /// Whether the welcome was sent. Only then the client is a user whom others see.
    pub(crate) registered: bool,
    pub(crate) negotiation: Negotiation,
    pub(crate) caps: CapSet,
    pub(crate) nick: Option<Nick>,
    /// The user name given by USER; empty before.
    pub(crate) user: Box<str>,
    pub(crate) realname: Box<str>,
    /// The host that others see.
    pub(crate) host: Box<str>,
    /// `nick!user@host`, kept ready because each line said begins with it. Shared, so that a line can be built while the
    /// hub is changed.
    pub(crate) prefix: Arc<str>,
    /// The names that masks are held against, folded and kept ready, since each line said in a channel with bans is
    /// checked: the prefix, and the prefix with the address in the host's place.
    pub(crate) masked: [Box<str>; 2],
    /// Shared, for the same reason.
    pub(crate) account: Option<Arc<Account>>,
    pub(crate) modes: UserModes,
    /// As what `Clients::recount` counted it.
    pub(crate) counted: UserModes,
    /// Under which name of the configuration the client became an operator.
    pub(crate) operator: Option<Box<str>>,
    pub(crate) away: Option<Box<str>>,
    /// The channels it is in. The hub keeps this and [`crate::channel::Channel::members`] in agreement.
    pub(crate) channels: Vec<ChannelId>,
    /// The channels it was invited to, the latest last. Kept small by `command::invite`.
    pub(crate) invited: Vec<Invitation>,
    /// The nicknames it watches, as it wrote them.
    pub(crate) monitoring: BTreeMap<Folded, Box<str>>,
    pub(crate) metadata: BTreeMap<Box<str>, Box<str>>,
    pub(crate) metadata_subs: Vec<Box<str>>,
    pub(crate) signon: Millis,
    /// When it last said something to somebody, on the monotonic clock.
    pub(crate) active: Duration,
    /// When anything was last heard of it.
    pub(crate) heard: Duration,
    /// When a PING was sent that has no PONG yet.
    pub(crate) pinged: Option<Duration>,
    pub(crate) bucket: Bucket,
    /// What is waited for. While this is not empty no further line is taken.
    pub(crate) pending: VecDeque<Pending>,
    /// What a command of several lines has gathered.
    pub(crate) gathering: Gathering,
    /// The side that the client is in private conversations while it has no account: unique for all time.
    pub(crate) session: Box<str>,
    /// How far a guest has read, by folded target. An account's are the hub's.
    pub(crate) read_markers: BTreeMap<Box<str>, Millis>,
    /// Set by [`crate::turn::Turn::peers_of`] to count each client once.
    pub(crate) mark: u64,
}

/// How far registration is.
#[derive(Debug, Default)]
pub(crate) struct Negotiation {
    /// The version that CAP LS was given: 302 or more means values and cap-notify.
    pub(crate) version: u16,
    /// Whether CAP LS or REQ was said and CAP END not yet.
    pub(crate) open: bool,
    /// What PASS gave.
    pub(crate) password: Option<Secret>,
    /// Whether the server's password was found right.
    pub(crate) password_checked: bool,
}

/// What commands of several lines have gathered.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    /// The exchange that AUTHENTICATE began.
    pub(crate) sasl: Option<Box<crate::command::sasl::Exchange>>,
    /// The messages of a batch that the client has open.
    pub(crate) batch: Option<Box<crate::command::batch::OpenBatch>>,
}

/// An invitation into a channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invitation {
    pub(crate) channel: ChannelId,
    /// The channel's, so that an invitation does not outlive it.
    pub(crate) serial: u64,
    /// Until when it holds, on the monotonic clock.
    pub(crate) until: Duration,
    /// Whether it opens a closed channel: it is from somebody who moderates there.
    pub(crate) opens: bool,
}

impl Client {
    pub(crate) fn new(
        conn: ConnId,
        peer: Peer,
        now: crate::contract::Now,
        session: Box<str>,
    ) -> Self {
        let host = peer.address.to_string().into_boxed_str();
        Self {
            conn,
            peer,
            registered: false,
            negotiation: Negotiation::default(),
            caps: CapSet::default(),
            nick: None,
            user: "".into(),
            realname: "".into(),
            prefix: Arc::from(""),
            masked: ["".into(), "".into()],
            host,
            account: None,
            modes: UserModes::default(),
            counted: UserModes::default(),
            operator: None,
            away: None,
            channels: Vec::new(),
            invited: Vec::new(),
            monitoring: BTreeMap::new(),
            metadata: BTreeMap::new(),
            metadata_subs: Vec::new(),
            signon: now.wall,
            active: now.monotonic,
            heard: now.monotonic,
            pinged: None,
            bucket: Bucket::default(),
            pending: VecDeque::new(),
            gathering: Gathering::default(),
            session,
            read_markers: BTreeMap::new(),
            mark: 0,
        }
    }

    /// The nickname, or `*` before there is one (modern specification, "Numeric replies").
    pub(crate) fn name(&self) -> &str {
        self.nick.as_ref().map_or("*", Nick::as_str)
    }

    /// Whether it negotiated `cap`.
    pub(crate) fn has(&self, cap: CapSet) -> bool {
        self.caps.contains(cap)
    }

    /// To be called after the nickname, the user name or the host changed.
    pub(crate) fn set_prefix(&mut self) {
        self.prefix = Arc::from(format!("{}!{}@{}", self.name(), self.user, self.host));
        let real = format!("{}!{}@{}", self.name(), self.user, self.peer.address);
        self.masked =
            [&*self.prefix, &*real].map(|name| callbox_irc::fold::fold_text(name).into_boxed_str());
    }

    /// Whether an answer of SASL is waited for.
    pub(crate) fn waits_for_sasl(&self) -> bool {
        self.pending.iter().any(|pending| matches!(pending.then, crate::pending::Then::Sasl))
    }

    /// The side that the client is in private conversations: its account, or this session of a guest's.
    ///
    /// A guest's name is anybody's tomorrow, so what is said to a guest belongs to the session and not to the name.
    pub(crate) fn side(&self) -> String {
        match &self.account {
            Some(account) => crate::history::account_side(account.key()),
            None => crate::history::session_side(&self.session),
        }
    }
}
