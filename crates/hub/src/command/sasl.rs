//! AUTHENTICATE: logging in (IRCv3 sasl 3.1 and 3.2). What a mechanism says is decided elsewhere; here its messages are
//! taken apart and put together.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use callbox_irc::build::Line;
use callbox_irc::capability::CapSet;
use callbox_irc::message::Message;
use callbox_irc::modes::UserModes;
use callbox_irc::names::Account;
use callbox_irc::numeric as n;

use crate::contract::{Job, SaslOutcome, SaslStep};
use crate::deliver::Tags;
use crate::pending::Then;
use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

/// The mechanisms, as the capability and RPL_SASLMECHS name them.
pub(crate) const MECHANISMS: &str = "PLAIN,SCRAM-SHA-256,EXTERNAL";

/// Encoded bytes in one line, as the specification sets it. A shorter chunk is the last one.
const CHUNK: usize = 400;

/// Encoded bytes of one message. The longest that a mechanism needs is a few hundred; a name and a password of the
/// longest kind still fit.
const MESSAGE_MAX: usize = 4 * CHUNK;

/// An exchange that is under way.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// The message that is being gathered, still encoded.
    encoded: String,
    /// The account that the client is logged in to once it has acknowledged the mechanism's last word.
    done: Option<Box<str>>,
}

/// AUTHENTICATE.
pub(crate) fn authenticate(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let said = message.params[0];
    if !turn.me().has(CapSet::SASL) {
        return Err(Refusal::told(n::ERR_SASLFAIL, &[], "Ask for the capability sasl first"));
    }
    if said == "*" {
        turn.give_up();
        return Err(Refusal::numeric(n::ERR_SASLABORTED, &[]));
    }
    if turn.me().gathering.sasl.is_none() {
        let mechanism = said.to_ascii_uppercase().into();
        let peer = &turn.me().peer;
        let step = SaslStep::Start {
            mechanism,
            address: peer.address,
            fingerprint: peer.fingerprint.clone(),
        };
        turn.start(Job::Sasl(step), Then::Sasl);
        return Ok(());
    }
    turn.gather(said)
}

impl Turn<'_> {
    /// Takes a chunk of a message in; the message is passed on when it is whole.
    fn gather(&mut self, chunk: &str) -> Outcome {
        let Some(exchange) = &mut self.me_mut().gathering.sasl else {
            return Err(Refusal::numeric(n::ERR_SASLFAIL, &[]));
        };
        if chunk.len() > CHUNK || exchange.encoded.len() + chunk.len() > MESSAGE_MAX {
            self.give_up();
            return Err(Refusal::numeric(n::ERR_SASLTOOLONG, &[]));
        }
        if chunk != "+" {
            exchange.encoded.push_str(chunk);
        }
        if chunk.len() == CHUNK {
            return Ok(());
        }
        let encoded = std::mem::take(&mut exchange.encoded);
        if let Some(account) = exchange.done.take() {
            self.me_mut().gathering.sasl = None;
            self.logged_in(&account);
            return Ok(());
        }
        match STANDARD.decode(&encoded) {
            Ok(response) => {
                self.start(Job::Sasl(SaslStep::Response(response.into())), Then::Sasl);
                Ok(())
            }
            Err(_) => {
                self.give_up();
                Err(Refusal::numeric(n::ERR_SASLFAIL, &[]))
            }
        }
    }

    /// Forgets an exchange. Says whether one was under way.
    pub(crate) fn give_up(&mut self) -> bool {
        let under_way = self.me_mut().gathering.sasl.take().is_some();
        if under_way {
            let conn = self.me().conn;
            self.sink.job(conn, Job::Sasl(SaslStep::Abort));
        }
        under_way
    }

    /// The mechanism has answered.
    pub(crate) fn sasl(&mut self, outcome: SaslOutcome) -> Outcome {
        self.me_mut().gathering.sasl = None;
        match outcome {
            SaslOutcome::Challenge(challenge) => {
                self.me_mut().gathering.sasl = Some(Box::default());
                self.challenge(&challenge);
                Ok(())
            }
            SaslOutcome::Success { account, last: Some(last) } => {
                let exchange = Exchange { done: Some(account), ..Exchange::default() };
                self.me_mut().gathering.sasl = Some(Box::new(exchange));
                self.challenge(&last);
                Ok(())
            }
            SaslOutcome::Success { account, last: None } => {
                self.logged_in(&account);
                Ok(())
            }
            SaslOutcome::NoMechanism => {
                self.numeric(n::RPL_SASLMECHS, &[MECHANISMS], n::RPL_SASLMECHS.text);
                Err(Refusal::numeric(n::ERR_SASLFAIL, &[]))
            }
            SaslOutcome::Failure => Err(Refusal::numeric(n::ERR_SASLFAIL, &[])),
            SaslOutcome::Slowed => {
                let text = "Too many tries; wait a minute and try again";
                Err(Refusal::told(n::ERR_SASLFAIL, &[], text))
            }
        }
    }

    /// What the mechanism says, in chunks.
    fn challenge(&mut self, bytes: &[u8]) {
        let encoded = STANDARD.encode(bytes);
        let mut rest = encoded.as_str();
        loop {
            let (chunk, after) = rest.split_at(rest.len().min(CHUNK));
            let shown = if chunk.is_empty() { "+" } else { chunk };
            let mut body = Vec::new();
            Line::bare(&mut body, "AUTHENTICATE").param(shown).end();
            self.send(&Tags::default(), &body);
            if chunk.len() < CHUNK {
                return;
            }
            rest = after;
        }
    }

    /// SASL is done.
    fn logged_in(&mut self, account: &str) {
        let before = self.me().modes;
        self.log_in(account);
        self.numeric(n::RPL_SASLSUCCESS, &[], n::RPL_SASLSUCCESS.text);
        self.tell_registered(before);
    }

    /// Tells me that I have `+r`, which I had not `before`: a client knows its modes by what it is told. What comes before
    /// registration is complete is told with the welcome.
    pub(crate) fn tell_registered(&mut self, before: UserModes) {
        let me = self.me();
        if me.modes.contains(UserModes::REGISTERED) && !before.contains(UserModes::REGISTERED) {
            let mut body = Vec::new();
            Line::from_source(&mut body, &me.prefix, "MODE").param(me.name()).param("+r").end();
            let actor = self.actor();
            self.send(&actor.unstamped_tags(), &body);
        }
    }

    /// I am `name` from now on: RPL_LOGGEDIN to me, ACCOUNT to those who see me and asked for it.
    pub(crate) fn log_in(&mut self, name: &str) {
        // The store holds valid names only; one from an older, laxer version is shown as it is in no other way.
        let Ok(account) = Account::parse(name, name.len()) else {
            return;
        };
        self.hub.know_account(&account);
        let shown = account.as_str().to_owned();
        let facts = self.hub.metadata_of(crate::metadata::Owner::User(self.me)).clone();
        let before = self.me_mut().account.replace(account.into());
        let prefix = self.me().prefix.clone();
        let shown_prefix = if prefix.is_empty() { "*!*@*" } else { &prefix };
        let text = format!("You are now logged in as {shown}");
        self.numeric(n::RPL_LOGGEDIN, &[shown_prefix, &shown], &text);
        self.adopt_metadata(&facts);
        if !self.me().registered || before.is_some_and(|before| before.as_str() == shown) {
            return;
        }
        self.me_mut().modes.insert(UserModes::REGISTERED);
        let stamp = self.stamp();
        let actor = self.actor();
        let mut body = Vec::new();
        Line::from_source(&mut body, &actor.prefix, "ACCOUNT").param(&shown).end();
        self.tell_those_who_see_me(CapSet::ACCOUNT_NOTIFY, &actor.tags(&stamp), &body);
    }

    /// `body`, a change of mine, to everybody who shares a channel with me and negotiated `cap`, and to me if I did; and
    /// to those who watch me with extended-monitor.
    pub(crate) fn tell_those_who_see_me(&mut self, cap: CapSet, tags: &Tags<'_>, body: &[u8]) {
        self.tell_others_who_see_me(cap, tags, body);
        if self.me().has(cap) {
            self.send(tags, body);
        }
    }

    /// The same without me.
    pub(crate) fn tell_others_who_see_me(&mut self, cap: CapSet, tags: &Tags<'_>, body: &[u8]) {
        let me = self.me;
        let mut told = self.peers_of(me);
        told.retain(|id| self.client(*id).has(cap));
        let watching = cap.union(CapSet::EXTENDED_MONITOR);
        if let Some(nick) = self.me().nick.as_ref()
            && let Some(watchers) = self.hub.monitors.get(nick.key())
        {
            let more: Vec<_> = watchers
                .iter()
                .copied()
                .filter(|id| *id != me && self.client(*id).has(watching) && !told.contains(id))
                .collect();
            told.extend(more);
        }
        self.send_to_all(&told, tags, body);
    }
}

impl crate::hub::Hub {
    /// There is an account called this.
    pub(crate) fn know_account(&mut self, account: &Account) {
        if !self.accounts.contains_key(account.key()) {
            self.account_looks.insert(account.key());
            self.accounts.insert(account.key().clone(), account.as_str().into());
        }
    }
}
