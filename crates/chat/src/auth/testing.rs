//! What the tests of this module share: a store in memory, a client for SCRAM, and the mechanisms without threads.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use callbox_hub::contract::SaslOutcome;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::account::{AccountRow, AccountStore};
use super::admin::add_account;
use super::sasl::scram::Disguise;
use super::sasl::{Desk, Exchange, State, Step};
use super::settings::{AuthSettings, Hashing};
use super::throttle::Throttle;
use super::{Trouble, password};

/// Far more than any step takes: a test that waits so long has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The defaults, but with hashes that cost next to nothing.
pub(super) fn quick_settings() -> AuthSettings {
    AuthSettings {
        hashing: Hashing { memory_kib: 8, passes: 1, lanes: 1 },
        scram_iterations: 1,
        ..AuthSettings::default()
    }
}

/// Accounts in memory. Asked for the account `broken` it fails, for `panic` it panics, and for `gate` it waits until
/// the gate is opened.
#[derive(Default)]
pub(super) struct MemoryStore {
    rows: Mutex<HashMap<String, AccountRow>>,
    gate: Mutex<Gate>,
    moved: Condvar,
}

#[derive(Default)]
struct Gate {
    open: bool,
    waiting: usize,
}

impl MemoryStore {
    pub(super) fn change(&self, key: &str, change: impl FnOnce(&mut AccountRow)) {
        change(self.rows.lock().unwrap().get_mut(key).unwrap());
    }

    /// Returns once so many threads are at the gate.
    pub(super) fn await_waiting(&self, threads: usize) {
        let gate = self.gate.lock().unwrap();
        let enough = self.moved.wait_timeout_while(gate, PATIENCE, |gate| gate.waiting < threads);
        assert!(!enough.unwrap().1.timed_out(), "nobody came to the gate");
    }

    pub(super) fn open_gate(&self) {
        self.gate.lock().unwrap().open = true;
        self.moved.notify_all();
    }

    fn pass_gate(&self) {
        let mut gate = self.gate.lock().unwrap();
        gate.waiting += 1;
        self.moved.notify_all();
        // Not for ever, so that a test that fails before it opens the gate ends too.
        let passed = self.moved.wait_timeout_while(gate, PATIENCE, |gate| !gate.open).unwrap();
        gate = passed.0;
        gate.waiting -= 1;
    }
}

impl AccountStore for MemoryStore {
    fn account(&self, key: &str) -> Result<Option<AccountRow>, String> {
        match key {
            "broken" => return Err("the disk is on fire".into()),
            "panic" => panic!("the store panics, as the test wants it"),
            "gate" => self.pass_gate(),
            _ => {}
        }
        Ok(self.rows.lock().unwrap().get(key).cloned())
    }

    fn account_by_fingerprint(&self, fingerprint: &str) -> Result<Option<AccountRow>, String> {
        let rows = self.rows.lock().unwrap();
        let has = |row: &&AccountRow| row.fingerprints.iter().any(|own| own == fingerprint);
        Ok(rows.values().find(has).cloned())
    }

    fn insert_account(&self, row: AccountRow) -> Result<bool, String> {
        let mut rows = self.rows.lock().unwrap();
        let free = !rows.contains_key(&row.key);
        if free {
            rows.insert(row.key.clone(), row);
        }
        Ok(free)
    }

    fn update_account(&self, row: AccountRow) -> Result<bool, String> {
        Ok(self.rows.lock().unwrap().get_mut(&row.key).map(|old| *old = row).is_some())
    }

    fn remove_account(&self, key: &str) -> Result<bool, String> {
        Ok(self.rows.lock().unwrap().remove(key).is_some())
    }
}

/// Where a mechanism is run by hand, at one moment, for one address.
pub(super) struct Counter {
    pub(super) store: Arc<MemoryStore>,
    settings: AuthSettings,
    throttle: Mutex<Throttle>,
    disguise: Disguise,
}

impl Counter {
    pub(super) fn with_account(name: &str, password: &str) -> Self {
        let (store, settings) = (Arc::new(MemoryStore::default()), quick_settings());
        add_account(&*store, name, password, &settings).unwrap();
        let throttle = Mutex::new(Throttle::new(settings.throttle));
        Self { store, settings, throttle, disguise: Disguise::new([7; 32]) }
    }

    pub(super) fn begin(&self, mechanism: &str) -> Exchange {
        let state = State::of(mechanism).unwrap();
        Exchange { address: "192.0.2.1".parse().unwrap(), fingerprint: None, state }
    }

    pub(super) fn step(
        &self,
        exchange: Exchange,
        response: &[u8],
    ) -> (SaslOutcome, Option<Exchange>) {
        self.try_step(exchange, response).unwrap()
    }

    /// A whole exchange; the outcome of its last step.
    pub(super) fn run(
        &self,
        mechanism: &str,
        fingerprint: Option<&str>,
        responses: &[&[u8]],
    ) -> Result<SaslOutcome, Trouble> {
        let mut exchange = Some(self.begin(mechanism));
        let mut outcome = SaslOutcome::NoMechanism;
        for response in responses {
            let mut next = exchange.take().expect("the exchange goes on");
            next.fingerprint = fingerprint.map(Into::into);
            (outcome, exchange) = self.try_step(next, response)?;
        }
        Ok(outcome)
    }

    fn try_step(&self, exchange: Exchange, response: &[u8]) -> Result<Step, Trouble> {
        let desk = Desk {
            store: &*self.store,
            settings: &self.settings,
            throttle: &self.throttle,
            disguise: &self.disguise,
            now: Duration::ZERO,
        };
        exchange.handle_response(response, &desk)
    }
}

/// The client's side of SCRAM-SHA-256, written from RFC 5802, section 3, apart from the server's.
pub(super) struct ScramClient {
    first: String,
    password: String,
}

impl ScramClient {
    pub(super) fn new(username: &str, password: &str) -> Self {
        let password = password::prepare(password).unwrap().to_string();
        Self { first: format!("n,,n={username},r=fyko+d2lbbFgONRv9qkxdawL"), password }
    }

    pub(super) fn first(&self) -> &[u8] {
        self.first.as_bytes()
    }

    /// The last message, and what the server has to say to it.
    pub(super) fn last(&self, challenge: &[u8]) -> (Vec<u8>, String) {
        self.last_with_header(challenge, "n,,")
    }

    /// The same from a client that says in the end that it had begun with `header`.
    pub(super) fn last_with_header(&self, challenge: &[u8], header: &str) -> (Vec<u8>, String) {
        let challenge = std::str::from_utf8(challenge).unwrap();
        let attribute = |letter| {
            let own = |part: &&str| part.starts_with(letter);
            &challenge.split(',').find(own).expect("the challenge has it")[2..]
        };
        let (nonce, salt) = (attribute('r'), STANDARD.decode(attribute('s')).unwrap());
        let iterations: u32 = attribute('i').parse().unwrap();
        assert!(iterations >= 4_096);

        let mut salted = hmac(self.password.as_bytes(), &[salt.as_slice(), &[0, 0, 0, 1]].concat());
        let mut last = salted;
        for _ in 1..iterations {
            last = hmac(self.password.as_bytes(), &last);
            salted.iter_mut().zip(last).for_each(|(byte, other)| *byte ^= other);
        }
        let client_key = hmac(&salted, b"Client Key");
        let stored_key = Sha256::digest(client_key);
        let without_proof = format!("c={},r={nonce}", STANDARD.encode(header));
        let said = format!("{},{challenge},{without_proof}", &self.first[3..]);
        let signature = hmac(&stored_key, said.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        let verifier = hmac(&hmac(&salted, b"Server Key"), said.as_bytes());
        let message = format!("{without_proof},p={}", STANDARD.encode(proof));
        (message.into_bytes(), format!("v={}", STANDARD.encode(verifier)))
    }
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().into()
}
