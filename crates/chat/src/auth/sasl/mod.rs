//! The mechanisms of SASL (RFC 4422), server side.
//!
//! A mechanism is a machine: it is given a response and a [`Desk`], which reaches what the server knows, and says what
//! follows. None of them tells whether an account exists: not by its answer, and as far as that goes not by its time.

mod external;
mod plain;
pub(super) mod scram;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use callbox_hub::contract::SaslOutcome;

use super::Trouble;
use super::account::{AccountRow, AccountStore, fold_account};
use super::settings::AuthSettings;
use super::throttle::{Throttle, Try};
use scram::Disguise;

/// The longest response that is looked at, in bytes: a name twice, a password of full length or a nonce, several times
/// over. A longer one fails.
pub(super) const MAX_RESPONSE: usize = 2_048;

/// An exchange that was begun.
#[derive(Debug)]
pub(super) struct Exchange {
    /// From where.
    pub(super) address: IpAddr,
    /// The client's certificate.
    pub(super) fingerprint: Option<Box<str>>,
    /// How far it is.
    pub(super) state: State,
}

/// How far an exchange is.
pub(super) enum State {
    /// PLAIN: the only message is to come.
    Plain,
    /// EXTERNAL: the only message is to come.
    External,
    /// SCRAM-SHA-256: the first message is to come.
    ScramFirst,
    /// SCRAM-SHA-256: the proof is to come.
    ScramProof(Box<ScramProof>),
}

/// SCRAM between its two messages.
pub(super) struct ScramProof {
    offer: scram::Offer,
    /// The folded name that was claimed.
    key: String,
    /// The name as shown, if there is such an account.
    name: Option<Box<str>>,
}

/// What follows from a response: what to say, and if more is to come, the exchange.
pub(super) type Step = (SaslOutcome, Option<Exchange>);

/// What a mechanism reaches of the server.
pub(super) struct Desk<'a> {
    pub(super) store: &'a dyn AccountStore,
    pub(super) settings: &'a AuthSettings,
    pub(super) throttle: &'a Mutex<Throttle>,
    pub(super) disguise: &'a Disguise,
    pub(super) now: Duration,
}

impl State {
    /// The beginning of a mechanism, if there is one with this name.
    pub(super) fn of(mechanism: &str) -> Option<Self> {
        match mechanism {
            "PLAIN" => Some(Self::Plain),
            "EXTERNAL" => Some(Self::External),
            "SCRAM-SHA-256" => Some(Self::ScramFirst),
            _ => None,
        }
    }

    /// Whether whoever takes this way could be guessing.
    pub(super) fn is_guessable(&self) -> bool {
        !matches!(self, Self::External)
    }
}

impl Exchange {
    /// Takes the client's next message.
    ///
    /// # Errors
    ///
    /// The server could not find out, through no fault of the client's.
    pub(super) fn handle_response(self, response: &[u8], desk: &Desk<'_>) -> Result<Step, Trouble> {
        if response.len() > MAX_RESPONSE {
            return Ok((SaslOutcome::Failure, None));
        }
        let Self { address, fingerprint, state } = self;
        let outcome = match state {
            State::Plain => plain::handle_message(response, address, desk)?,
            State::External => {
                external::handle_message(response, address, fingerprint.as_deref(), desk)?
            }
            State::ScramFirst => {
                let Some(proof) = ScramProof::offer(response, desk)? else {
                    return Ok((SaslOutcome::Failure, None));
                };
                let challenge = proof.offer.message().into();
                let state = State::ScramProof(Box::new(proof));
                let exchange = Self { address, fingerprint, state };
                return Ok((SaslOutcome::Challenge(challenge), Some(exchange)));
            }
            State::ScramProof(proof) => proof.check(response, address, desk),
        };
        Ok((outcome, None))
    }
}

impl ScramProof {
    /// Answers the first message: with the account's salt, or with one made up.
    fn offer(message: &[u8], desk: &Desk<'_>) -> Result<Option<Self>, Trouble> {
        let Some(first) = scram::ClientFirst::parse(message) else {
            return Ok(None);
        };
        let Some(key) = claimed(first.username(), first.authzid()) else {
            return Ok(None);
        };
        let row = desk.account(&key)?;
        let made_up = desk.disguise.keys(&key, desk.settings.iterations());
        let (keys, name) = match row {
            Some(AccountRow { scram: Some(keys), name, .. }) => (keys, Some(name.into())),
            _ => (made_up, None),
        };
        let nonce = scram::nonce().map_err(|error| Trouble::Random(error.to_string()))?;
        Ok(Some(Self { offer: first.offer(&nonce, keys), key, name }))
    }

    fn check(self, message: &[u8], address: IpAddr, desk: &Desk<'_>) -> SaslOutcome {
        let Some(begun) = desk.begin_try(address, &self.key) else {
            return SaslOutcome::Slowed;
        };
        match (self.offer.verify(message), self.name) {
            (Some(last), Some(account)) => {
                desk.succeed(begun);
                let last = Some(last.into_bytes().into());
                SaslOutcome::Success { account, last }
            }
            _ => SaslOutcome::Failure,
        }
    }
}

impl Desk<'_> {
    fn account(&self, key: &str) -> Result<Option<AccountRow>, Trouble> {
        self.store.account(key).map_err(Trouble::Store)
    }

    fn begin_try(&self, address: IpAddr, account: &str) -> Option<Try> {
        self.throttle().begin(self.now, address, Some(account))
    }

    fn succeed(&self, begun: Try) {
        self.throttle().succeed(self.now, begun);
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The folded name of the account that is claimed by name, if it can be one, and if nobody else is to be spoken for:
/// the authorization identity, if there is one, must be the same account.
fn claimed(username: &str, authzid: &str) -> Option<String> {
    let key = fold_account(username)?;
    let same = authzid.is_empty() || fold_account(authzid).is_some_and(|other| other == key);
    same.then_some(key)
}

/// The mechanism's name and nothing of the exchange.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            Self::External => "External",
            Self::ScramFirst => "ScramFirst",
            Self::ScramProof(_) => "ScramProof",
        })
    }
}
