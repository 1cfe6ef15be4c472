//! The token bucket that keeps one connection from flooding everybody.

use std::time::Duration;

use crate::config::Flood;

/// A bucket of lines, full at first.
///
/// What is kept is the moment at which everything taken will be paid for. So a bucket is one number, ten thousand of
/// them cost little, and new settings work at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    /// On the monotonic clock.
    paid: Duration,
}

impl Bucket {
    /// Charges `cost` lines. If that emptied the bucket: when there will be room for a line again.
    pub(crate) fn charge(&mut self, cost: u32, flood: Flood, now: Duration) -> Option<Duration> {
        let one = Duration::from_secs(1) / flood.per_second.max(1);
        let depth = one * flood.burst.max(1);
        self.paid = self.paid.max(now) + one * cost;
        let until = (self.paid + one).saturating_sub(depth);
        (until > now).then_some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOD: Flood = Flood { burst: 10, per_second: 2 };

    #[test]
    fn a_burst_passes_and_then_lines_come_at_the_rate() {
        let mut bucket = Bucket::default();
        let start = Duration::from_secs(5);
        let passed = (0..100).take_while(|_| bucket.charge(1, FLOOD, start).is_none()).count();
        assert_eq!(passed, 9, "the tenth is taken and empties the bucket");
        let mut now = start;
        for _ in 0..20 {
            now = bucket.charge(1, FLOOD, now).expect("it stays empty while lines come this fast");
        }
        assert_eq!((now - start).as_secs(), 10, "20 lines at 2 a second");
    }

    #[test]
    fn silence_fills_it_again_but_not_beyond_the_burst() {
        let mut bucket = Bucket::default();
        let later = Duration::from_secs(1000);
        let passed = (0..100).take_while(|_| bucket.charge(1, FLOOD, later).is_none()).count();
        assert_eq!(passed, 9);
    }
}
