//! What one listener has heard of one talker.

/// Which lines were heard: exactly for the last 64, in 16 bytes, since there is one of these for each pair.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heard {
    /// The line after the latest that was heard.
    next: u64,
    /// Which of the 64 lines before `next` were heard; the lowest bit is the latest.
    recent: u64,
}

/// Where a line stands among those that were heard before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Later than all of them.
    Next,
    /// Before one of them.
    After,
    /// It is one of them.
    Again,
    /// So much earlier that nobody knows.
    Unknown,
}

impl Heard {
    /// A line was heard.
    #[inline]
    pub(super) fn take(&mut self, seq: u64) -> Order {
        if seq >= self.next {
            let ahead = seq - self.next + 1;
            self.recent = if ahead < 64 { self.recent << ahead } else { 0 } | 1;
            self.next = seq + 1;
            return Order::Next;
        }
        let back = self.next - 1 - seq;
        if back >= 64 {
            return Order::Unknown;
        }
        if self.recent >> back & 1 == 1 {
            return Order::Again;
        }
        self.recent |= 1 << back;
        Order::After
    }

    /// Whether a line was heard, as far as is known: of one that is 64 lines back it is believed.
    pub(super) fn has(&self, seq: u64) -> bool {
        match self.next.checked_sub(seq + 1) {
            Some(back) => back >= 64 || self.recent >> back & 1 == 1,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_known_for_the_next_sixty_four() {
        let mut heard = Heard::default();
        assert!(!heard.has(0));
        assert_eq!([0, 3, 1, 3, 1].map(|seq| heard.take(seq)), {
            use Order::{After, Again, Next};
            [Next, Next, After, Again, Again]
        });
        assert_eq!([0, 1, 2, 3, 4].map(|seq| heard.has(seq)), [true, true, false, true, false]);
        assert_eq!((heard.take(67), heard.take(3), heard.take(4)), {
            (Order::Next, Order::Unknown, Order::After)
        });
        assert_eq!(heard.take(u64::from(u32::MAX)), Order::Next);
        assert!(!heard.has(u64::from(u32::MAX) - 1));
    }
}
