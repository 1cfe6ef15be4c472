//! Message ids and the times of events.

use crate::contract::Millis;

/// Gives out ids and times. Neither comes twice or goes backwards, whatever the clock does.
#[derive(Debug)]
pub(crate) struct Ids {
    /// Sets the ids of two runs within one millisecond apart.
    run: u32,
    last: Millis,
    count: u64,
}

/// When something happened, and its id.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Stamp {
    pub(crate) time: Millis,
    pub(crate) msgid: Box<str>,
}

/// Digits and small letters without those that look alike (Crockford's base 32).
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl Ids {
    /// `seed` is another one for each run, and public; `last` is the time of the last event that was kept.
    pub(crate) const fn new(seed: u64, last: Millis) -> Self {
        Self { run: seed as u32, last, count: 0 }
    }

    /// The time of something that happens at `wall`: that, or the last one given out if the clock went back.
    pub(crate) fn time(&mut self, wall: Millis) -> Millis {
        self.last = self.last.max(wall);
        self.last
    }

    /// The time and the id of something that happens at `wall`.
    pub(crate) fn stamp(&mut self, wall: Millis) -> Stamp {
        Stamp { time: self.time(wall), msgid: self.next() }
    }

    /// An id, unique for all time: the run in 7 digits and a count in at least 4.
    pub(crate) fn next(&mut self) -> Box<str> {
        self.count += 1;
        let start = (u128::from(self.last) << 32) | u128::from(self.run);
        let mut digits = Vec::with_capacity(24);
        push(start, 16, &mut digits);
        push(u128::from(self.count), 4, &mut digits);
        String::from_utf8(digits).unwrap_or_default().into_boxed_str()
    }
}

/// Whether the id `one` was given out after `other`, both by [`Ids`]; of other ids it says nothing.
pub(crate) fn is_later(one: &str, other: &str) -> bool {
    /// The time and the run, and the count, of which a longer one is greater.
    fn parts(id: &str) -> Option<(&str, usize, &str)> {
        let (start, count) = id.split_at_checked(16)?;
        Some((start, count.len(), count))
    }
    parts(one) > parts(other)
}

/// Writes `number` in at least `width` digits.
fn push(number: u128, width: u32, out: &mut Vec<u8>) {
    let mut places = width;
    while places < 25 && number >> (5 * places) != 0 {
        places += 1;
    }
    for place in (0..places).rev() {
        out.push(DIGITS[((number >> (5 * place)) & 31) as usize]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_never_come_twice() {
        let mut ids = Ids::new(7, 0);
        let mut seen = HashSet::new();
        for wall in [5, 5, 6, 3, 6].into_iter().cycle().take(100_000) {
            assert!(seen.insert(ids.stamp(wall).msgid));
        }
    }

    #[test]
    fn ids_tell_which_is_later() {
        let mut ids = Ids::new(7, 0);
        let first: Vec<_> = (0..40_000).map(|_| ids.stamp(1_800_000_000_000).msgid).collect();
        assert!(first.windows(2).all(|pair| is_later(&pair[1], &pair[0])));
    }

    #[test]
    fn time_never_goes_back() {
        let mut ids = Ids::new(7, 1000);
        assert_eq!(ids.stamp(10).time, 1000);
        assert_eq!(ids.stamp(2000).time, 2000);
        assert_eq!(ids.stamp(1999).time, 2000);
    }
}
