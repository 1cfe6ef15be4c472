//! Why datagrams were not answered, counted, so that a server can say it in one line now and then.

use std::ops::AddAssign;

/// Why a datagram was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It came from a source port below 1024, where only services live and no clients.
    ReservedPort,
    /// It claims to come from an address of the server itself.
    OwnAddress,
    /// Its address has had as many answers this second as it may.
    Rate,
    /// The same exchange was had too often: a datagram is going round.
    Loop,
    /// The answer would be more than three times the question, and its address may be forged.
    Amplification,
}

impl Reason {
    /// Every reason, in the order of the counters.
    pub const ALL: [Self; 5] =
        [Self::ReservedPort, Self::OwnAddress, Self::Rate, Self::Loop, Self::Amplification];

    /// A phrase that completes "not answered: ".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReservedPort => "source port below 1024",
            Self::OwnAddress => "from the server's own address",
            Self::Rate => "over the rate of its address",
            Self::Loop => "going round in a loop",
            Self::Amplification => "answer more than three times the question",
        }
    }
}

/// How many datagrams were not answered, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    counts: [u64; Reason::ALL.len()],
}

impl Refused {
    /// Those of one reason.
    pub fn of(&self, reason: Reason) -> u64 {
        self.counts[reason as usize]
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The reasons that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL.into_iter().map(|reason| (reason, self.of(reason))).filter(|(_, n)| *n > 0)
    }

    pub(super) fn add(&mut self, reason: Reason, count: usize) {
        self.counts[reason as usize] += count as u64;
    }
}

impl AddAssign for Refused {
    /// Adds up what several guards counted.
    fn add_assign(&mut self, other: Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_counter_and_its_own_words() {
        let mut refused = Refused::default();
        for (place, reason) in Reason::ALL.into_iter().enumerate() {
            refused.add(reason, place + 1);
        }
        refused += refused;
        for (place, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(refused.of(reason), 2 * (place as u64 + 1));
            assert!(Reason::ALL[..place].iter().all(|other| other.as_str() != reason.as_str()));
        }
        assert_eq!((refused.total(), refused.iter().count()), (30, 5));
        assert_eq!(Refused::default().iter().count(), 0);
    }
}
