//! Which entries are shown when there are too many: the first of each second, as long as the budget lasts.

use std::time::Duration;

/// A budget of entries a second, with one second's worth saved up at most.
#[derive(Debug)]
pub(super) struct Sampler {
    rate: u32,
    left: u32,
    second: u64,
}

impl Sampler {
    pub(super) const fn new(rate: u32) -> Self {
        Self { rate, left: rate, second: 0 }
    }

    /// Whether one more may be shown.
    #[inline]
    pub(super) const fn take(&mut self, now: Duration) -> bool {
        if now.as_secs() != self.second {
            self.second = now.as_secs();
            self.left = self.rate;
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_budget() {
        let mut sampler = Sampler::new(2);
        let taken = |sampler: &mut Sampler, ms| sampler.take(Duration::from_millis(ms));
        assert!(taken(&mut sampler, 0) && taken(&mut sampler, 1) && !taken(&mut sampler, 999));
        assert!(
            taken(&mut sampler, 1_000) && taken(&mut sampler, 1_001) && !taken(&mut sampler, 1_002)
        );
        assert!(taken(&mut sampler, 60_000), "a pause saves nothing up");
    }
}
