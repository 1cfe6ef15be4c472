//! Registration: who we are and under which name, from the first line to the end of the welcome.

use std::time::Duration;

use callbox_irc::capability::CapSet;

use crate::contract::{End, Event, Now, Status};
use crate::heard::Heard;
use crate::network::Network;
use crate::room::{Kind, Presence};
use crate::session::Session;

/// What of a session belongs to registration.
#[derive(Debug, Default)]
pub(crate) struct Registration {
    pub(crate) stage: Stage,
    /// What the server offers, as far as we know it.
    pub(crate) offered: CapSet,
    /// The mechanisms of SASL that it offers; empty if it does not tell.
    pub(crate) mechanisms: String,
    /// What it says of draft/account-registration.
    pub(crate) accounts: String,
    /// The value of draft/multiline.
    pub(crate) multiline: String,
    /// Questions for capabilities that are not answered.
    pub(crate) asked: usize,
    /// Whether CAP END waits for anything.
    pub(crate) negotiating: bool,
    /// Whether the settings' login was begun: once on a connection, however it went.
    pub(crate) login_begun: bool,
    /// How many names were refused, and whether one of them as no name at all.
    refused_names: u32,
    wrong_name: bool,
    /// When we ask for our own name again, if we have another, and how often we did.
    reclaim: Option<(Duration, u32)>,
    /// When the welcome counts as over, if the server does not say so.
    welcome_ends: Option<Duration>,
    /// Whether we were let in before: the welcome was shown.
    pub(crate) was_welcome: bool,
    /// Whether the server told how it compares names.
    pub(crate) knows_casemapping: bool,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Stage {
    /// There is no connection.
    #[default]
    Off,
    /// We have said who we are.
    Introducing,
    /// We were let in; the server tells about itself.
    Welcome,
    /// We are in.
    In,
}

/// How many rooms one JOIN names. A line has room for more; servers may not (MAXTARGETS).
const JOIN_NAMES: usize = 4;

/// How long the welcome may take. Servers end it with the message of the day or with the news that there is none.
const WELCOME: Duration = Duration::from_secs(5);

/// How long after we were let in under another name we ask for our own: it may be a ghost's, of the connection that broke,
/// which servers take some minutes to notice. The wait triples from try to try.
const RECLAIM: Duration = Duration::from_secs(5);

/// How often we ask. Who has a name for longer than that is somebody else.
const RECLAIMS: u32 = 5;

/// How many names are tried before the connection is given up.
const NAMES: u32 = 40;

impl Session {
    /// Says who we are. All of it at once: a server without capabilities passes over the first line.
    pub(crate) fn introduce(&mut self) {
        let was_welcome = self.registration.was_welcome;
        self.registration =
            Registration { stage: Stage::Introducing, was_welcome, ..Registration::default() };
        self.sasl = None;
        self.network.sts = None;
        self.network.caps = CapSet::EMPTY;
        self.registration.negotiating = true;
        self.send("CAP", |line| line.param("LS").param("302"));
        if let Some(password) = self.config.server_password.clone() {
            self.send("PASS", |line| line.text(&password.0));
        }
        let nick = self.config.nick.clone();
        self.set_nick(&nick);
        self.send("NICK", |line| line.param(&nick));
        let (user, realname) = (self.config.user.clone(), self.config.realname.clone());
        let realname = if realname.is_empty() { nick } else { realname };
        self.send("USER", |line| line.params([&*user, "0", "*"]).text(&realname));
    }

    /// 001: we are in, and this is our name.
    pub(crate) fn handle_welcome(&mut self, heard: &Heard<'_>, now: Now) {
        if self.registration.stage != Stage::Introducing {
            return;
        }
        if std::mem::take(&mut self.registration.negotiating) {
            // The server knows no capabilities, so no login either.
            self.begin_login(now);
        }
        self.registration.stage = Stage::Welcome;
        self.registration.welcome_ends = Some(now.monotonic + WELCOME);
        let told = Network::default();
        self.network = Network {
            caps: self.network.caps,
            multiline: self.network.multiline,
            // Until it is told anew: rooms are found by it.
            casemapping: self.network.casemapping,
            name: std::mem::take(&mut self.network.name),
            server: heard.nick.to_owned(),
            sts: self.network.sts.take(),
            ..told
        };
        if !self.network.caps.contains(CapSet::MULTILINE) {
            self.network.multiline = None;
        }
        self.set_nick(heard.param(0));
    }

    /// The welcome is over: 376, 422, or long enough after 001.
    pub(crate) fn welcome_is_over(&mut self, now: Now) {
        if self.registration.stage != Stage::Welcome {
            return;
        }
        self.registration.stage = Stage::In;
        let is_first = !std::mem::replace(&mut self.registration.was_welcome, true);
        self.registration.welcome_ends = None;
        self.connection.online_since = Some(now.monotonic);
        if !self.registration.knows_casemapping {
            self.network.casemapping = crate::network::CaseMapping::default();
        }
        self.refold();
        if self.network.name.is_empty() {
            let server = self.network.server.clone();
            self.name_network(&server);
        }
        self.registration.reclaim = Some((now.monotonic + RECLAIM, 0));
        self.set_status(Status::Online);
        self.flow_online(now);
        if let Some(words) = self.away_wish.clone() {
            // Who was away when the connection broke still is.
            self.send("AWAY", |line| line.text(&words));
        }
        self.join_again();
        if is_first
            && self.config.join.is_empty()
            && let Some(lobby) = self.network.lobby.clone()
        {
            // A name that cannot be one is the server's mistake, and there are other rooms.
            let _ = self.join(&lobby, None, now);
        }
        let private = self.rooms.iter().filter(|room| room.kind == Kind::Private);
        for id in private.map(|room| room.id).collect::<Vec<_>>() {
            self.flow_joined(id, now);
        }
    }

    /// Joins the rooms in which we were or wanted to be.
    fn join_again(&mut self) {
        let joining = self.rooms.iter().filter(|room| room.presence == Presence::Joining);
        let mut rooms: Vec<(String, Option<Box<str>>)> = joining
            .map(|room| (room.name.as_ref().to_owned(), self.keys.get(&room.id).cloned()))
            .collect();
        // Keys belong to the first names of a line.
        rooms.sort_by_key(|(_, key)| key.is_none());
        for chunk in rooms.chunks(JOIN_NAMES) {
            let names: Vec<&str> = chunk.iter().map(|(name, _)| name.as_str()).collect();
            let keys: Vec<&str> = chunk.iter().filter_map(|(_, key)| key.as_deref()).collect();
            let (names, keys) = (names.join(","), keys.join(","));
            self.send("JOIN", |line| {
                let line = line.param(&names);
                if keys.is_empty() { line } else { line.param(&keys) }
            });
        }
    }

    /// Takes over the name that the server says we have.
    pub(crate) fn set_nick(&mut self, nick: &str) {
        if *self.nick != *nick && !nick.is_empty() {
            self.nick = nick.into();
            self.event(Event::Nick);
        }
    }

    /// 432, 433, 436, 437 while we introduce ourselves: another name.
    pub(crate) fn try_another_name(&mut self, code: u16) {
        self.registration.refused_names += 1;
        if self.registration.refused_names > NAMES {
            self.hang_up("the server accepts no name of ours");
            return;
        }
        self.registration.wrong_name |= code == 432;
        let nick = self.another_name(self.registration.refused_names);
        self.set_nick(&nick);
        self.send("NICK", |line| line.param(&nick));
    }

    /// A name in place of one that was refused: like it, and short and plain enough for any server if it was found wrong.
    fn another_name(&mut self, count: u32) -> String {
        let mut base = self.config.nick.clone();
        if self.registration.wrong_name || (count > 2 && !base.is_ascii()) {
            base.retain(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
            base = base.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).into();
            // Nine characters are what RFC 1459 allows.
            base.truncate(9);
        }
        if base.is_empty() {
            base = "guest".to_owned();
        }
        match count {
            1 if self.registration.wrong_name => base,
            1 | 2 => format!("{base}{}", "_".repeat(count as usize)),
            _ => {
                let short: String = base.chars().take(5).collect();
                format!("{short}{}", self.connection.random() % 10_000)
            }
        }
    }

    /// Does what is due.
    pub(crate) fn registration_timeout(&mut self, now: Now) {
        if self.registration.welcome_ends.is_some_and(|end| end <= now.monotonic) {
            self.welcome_is_over(now);
        }
        if let Some((at, tries)) = self.registration.reclaim
            && at <= now.monotonic
        {
            let wait = RECLAIM.saturating_mul(3_u32.saturating_pow(tries + 1));
            let again = self.reclaim_nick() && tries + 1 < RECLAIMS;
            self.registration.reclaim = again.then(|| (now.monotonic + wait, tries + 1));
        }
    }

    /// Asks for our own name, if we have another. Says whether we have.
    pub(crate) fn reclaim_nick(&mut self) -> bool {
        let has_another =
            self.is_registered() && !self.network.casemapping.same(&self.nick, &self.config.nick);
        if has_another && self.nick_wish.is_none() {
            let nick = self.config.nick.clone();
            self.send("NICK", |line| line.param(&nick));
        }
        has_another
    }

    /// When `registration_timeout` is to be called.
    pub(crate) fn registration_next(&self) -> Option<Duration> {
        let reclaim = self.registration.reclaim.map(|(at, _)| at);
        let moments = [self.registration.welcome_ends, reclaim];
        moments.into_iter().flatten().min().filter(|_| self.connection.is_open)
    }

    /// The server will not have us, whenever we come.
    pub(crate) fn refused(&mut self, words: &str) {
        self.end(End::Refused(words.into()));
    }
}
