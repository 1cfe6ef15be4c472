//! The settings of password work, each default with its reason.

use std::fmt;
use std::num::NonZeroUsize;
use std::thread;

use super::throttle::ThrottleSettings;

/// The least PBKDF2 rounds of SCRAM-SHA-256 (RFC 7677, section 4).
pub const MIN_ITERATIONS: u32 = 4_096;

/// All settings of [`Auth`](super::Auth) and of the command line's calls.
#[derive(Clone, Debug)]
pub struct AuthSettings {
    /// Threads. By default two, or one on a machine with one processor: logging in is rare, and the chat itself wants
    /// the processors more. Each takes [`Hashing::memory_kib`] while it works.
    pub workers: NonZeroUsize,
    /// Jobs that wait; beyond it they are refused at once. By default 1,024, which two threads do in about 13 s:
    /// whoever got in line is served within the minute that a client has to register its connection.
    pub queue: usize,
    /// Jobs of one address (of IPv6 per /64) that wait. By default 32: a household, or an office that lost its line and
    /// comes back.
    pub queue_per_address: usize,
    /// The same for loopback, where gateways speak for many. By default 512, half of the queue.
    pub queue_loopback: usize,
    /// SASL exchanges begun and not ended. By default 16,384, at well under 1 KiB each; beyond it new ones are refused.
    pub exchanges: usize,
    /// The least length of a new password in characters. By default 8 (NIST SP 800-63B, section 5.1.1).
    pub password_min: usize,
    /// What argon2id costs, for new passwords.
    pub hashing: Hashing,
    /// PBKDF2's rounds in new accounts' SCRAM keys, at least [`MIN_ITERATIONS`]. By default 64,000, as the services of
    /// large networks have it: whoever steals the accounts attacks their cheapest hash, and the 4,096 of RFC 7677 are
    /// nothing to a graphics card. It is the client that computes them, once a login.
    pub scram_iterations: u32,
    /// Of what the salts of accounts that do not exist are made. With `None` it is random, and such a salt changes when
    /// the server is started again, which tells that there is no account; so keep one.
    pub salt_secret: Option<SaltSecret>,
    /// Who may try how often.
    pub throttle: ThrottleSettings,
}

/// What argon2id costs. The default is what OWASP's cheat sheet on password storage says: 19 MiB, 2 passes, 1 lane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hashing {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes. They are computed one after the other.
    pub lanes: u32,
}

/// A secret of 32 random bytes.
#[derive(Clone)]
pub struct SaltSecret(pub [u8; 32]);

impl fmt::Debug for SaltSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaltSecret(..)")
    }
}

impl AuthSettings {
    /// The rounds to use: those set, but never less than the specification allows.
    pub(super) fn iterations(&self) -> u32 {
        self.scram_iterations.max(MIN_ITERATIONS)
    }
}

impl Default for AuthSettings {
    fn default() -> Self {
        let processors = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            workers: processors.min(NonZeroUsize::MIN.saturating_add(1)),
            queue: 1_024,
            queue_per_address: 32,
            queue_loopback: 512,
            exchanges: 16_384,
            password_min: 8,
            hashing: Hashing::default(),
            scram_iterations: 64_000,
            salt_secret: None,
            throttle: ThrottleSettings::default(),
        }
    }
}

impl Default for Hashing {
    fn default() -> Self {
        Self { memory_kib: 19 * 1_024, passes: 2, lanes: 1 }
    }
}
