//! When to try again what failed.

use callbox_measure::{Nanos, SECOND};

/// The time between attempts that fail, longer each time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pause {
    length: Nanos,
    until: Nanos,
}

impl Pause {
    /// The first pause, long enough that a server which ends every connection costs next to nothing, and short enough for
    /// one that restarts; each is twice as long as the one before.
    const SHORTEST: Nanos = SECOND / 1000;
    const LONGEST: Nanos = SECOND / 4;

    /// It worked: the next time there is no pause.
    pub(crate) fn end(&mut self) {
        *self = Self::default();
    }

    /// It failed.
    pub(crate) fn begin(&mut self, now: Nanos) {
        self.length = (self.length * 2).clamp(Self::SHORTEST, Self::LONGEST);
        self.until = now.saturating_add(self.length);
    }

    /// When to try again.
    pub(crate) fn until(&self) -> Nanos {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_grows_to_a_quarter_of_a_second_and_begins_anew_after_a_success() {
        let mut pause = Pause::default();
        let lengths = std::iter::repeat_with(|| {
            pause.begin(5);
            (pause.until() - 5) / 1_000_000
        });
        let lengths: Vec<_> = lengths.take(10).collect();
        assert_eq!(lengths, [1, 2, 4, 8, 16, 32, 64, 128, 250, 250]);
        pause.end();
        assert_eq!(pause.until(), 0);
        pause.begin(5);
        assert_eq!(pause.until(), 5 + Pause::SHORTEST);
    }
}
