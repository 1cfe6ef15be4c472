//! Who sits in which channel, and who talks.

use thiserror::Error;

/// Who takes part: client `i` sits in channel `i % channels`, the first `talkers` clients talk, and the first `checked`
/// look at what they hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowd {
    clients: usize,
    channels: usize,
    talkers: usize,
    checked: usize,
}

impl Crowd {
    /// The most pairs of a talker and somebody who hears them: 16 bytes are kept for each, 128 MiB in all.
    pub const MAX_PAIRS: usize = 1 << 23;

    /// Clients spread evenly over channels, talkers likewise; all look at what they hear.
    pub fn new(clients: usize, channels: usize, talkers: usize) -> Result<Self, CrowdError> {
        Self::partly_checked(clients, channels, talkers, clients)
    }

    /// The same, but only so many look at what they hear, spread evenly as well. What the others hear is not known.
    pub fn partly_checked(
        clients: usize,
        channels: usize,
        talkers: usize,
        checked: usize,
    ) -> Result<Self, CrowdError> {
        // Twice the channels may be more than there are numbers.
        if channels == 0 || clients / 2 < channels {
            return Err(CrowdError::Lonely);
        }
        if talkers == 0 || talkers > clients {
            return Err(CrowdError::Talkers);
        }
        if checked / 2 < channels || checked > clients {
            return Err(CrowdError::Checked);
        }
        let crowd = Self { clients, channels, talkers, checked };
        match checked.checked_mul(talkers.div_ceil(channels)) {
            Some(pairs) if pairs <= Self::MAX_PAIRS => Ok(crowd),
            _ => Err(CrowdError::TooMany),
        }
    }

    /// How many clients there are.
    pub fn clients(&self) -> usize {
        self.clients
    }

    /// How many of them talk: the first ones.
    pub fn talkers(&self) -> usize {
        self.talkers
    }

    /// How many of them look at what they hear: the first ones.
    pub fn checked(&self) -> usize {
        self.checked
    }

    /// How many channels there are.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The channel that a client sits in.
    pub fn channel_of(&self, client: usize) -> usize {
        client % self.channels
    }

    /// How many in a channel look at what they hear.
    pub(super) fn checked_in(&self, channel: usize) -> usize {
        (self.checked - channel).div_ceil(self.channels)
    }

    /// Talkers of one channel, at most: those of its first clients.
    pub(super) fn talkers_in_channel(&self) -> usize {
        self.talkers.div_ceil(self.channels)
    }
}

/// Why there can be no such crowd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CrowdError {
    /// A channel would have nobody to hear its talker.
    #[error("there are at least two clients for each channel, and at least one channel")]
    Lonely,
    /// Nobody would talk, or more than there are.
    #[error("between one and all of the clients talk")]
    Talkers,
    /// A line could not be known to have arrived, or more would look than there are.
    #[error("at least two clients of each channel are checked, and at most all")]
    Checked,
    /// The record of who heard whom would grow too large.
    #[error("checked clients times talkers in a channel are at most {}", Crowd::MAX_PAIRS)]
    TooMany,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crowds_that_cannot_be_are_refused() {
        let refused = |clients, channels, talkers| Crowd::new(clients, channels, talkers).err();
        assert_eq!(refused(1, 1, 1), Some(CrowdError::Lonely));
        assert_eq!(refused(5, 0, 1), Some(CrowdError::Lonely));
        assert_eq!(refused(5, 3, 1), Some(CrowdError::Lonely));
        assert_eq!(refused(5, 2, 0), Some(CrowdError::Talkers));
        assert_eq!(refused(5, 2, 6), Some(CrowdError::Talkers));
        assert_eq!(refused(10_000, 1, 10_000), Some(CrowdError::TooMany));
        assert_eq!(refused(10_000, 100, 10_000), None);
        assert_eq!(refused(usize::MAX, 1, usize::MAX), Some(CrowdError::TooMany));
        assert_eq!(refused(9, usize::MAX, 1), Some(CrowdError::Lonely));
        let checked = |checked| Crowd::partly_checked(9, 2, 1, checked).err();
        assert_eq!([3, 10].map(checked), [Some(CrowdError::Checked); 2]);
        assert_eq!([4, 9].map(checked), [None; 2]);
        // Who looks at nothing needs no record.
        assert_eq!(Crowd::partly_checked(60_000, 1, 10_000, 8).err(), None);
    }
}
