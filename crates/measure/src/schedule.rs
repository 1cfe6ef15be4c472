//! The open loop: when each request is meant to be sent.
//!
//! An intended time depends on the rate and the request's number alone, never on when the one before was sent. So a
//! generator or server that falls behind moves no later request, and a latency that counts from the intended time
//! holds all that a client would have waited. To count from the moment of sending instead would leave out exactly
//! the requests that a stall keeps back: coordinated omission, as Gil Tene called it.

use crate::Nanos;
use crate::plan::Rate;

/// The intended times of requests at an even rate, or of one generator's share of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Requests in a thousand seconds.
    rate: u64,
    begin: Nanos,
    /// The number of the next request within the whole plan.
    next: u64,
    /// How many generators share the plan: each takes one request, then leaves the others theirs.
    generators: u64,
    /// When `next` is due, and the parts of a nanosecond, in `rate`ths, that were rounded off from it.
    due_at: Nanos,
    rest: u64,
    /// From one of this generator's requests to the following, in the same two parts.
    step: Nanos,
    step_rest: u64,
}

impl Schedule {
    /// Requests at a rate, the first at `begin`.
    pub fn new(rate: Rate, begin: Nanos) -> Self {
        Self::share(rate, begin, 0, 1)
    }

    /// The part of generator `index` of `generators`: together they keep the rate and the even distance.
    ///
    /// At least one generator is assumed, and an index that exists.
    pub fn share(rate: Rate, begin: Nanos, index: u64, generators: u64) -> Self {
        let generators = generators.max(1);
        Self::from_request(rate, begin, index % generators, generators)
    }

    fn from_request(rate: Rate, begin: Nanos, next: u64, generators: u64) -> Self {
        let rate = rate.thousandths();
        let (after, rest) = time_of(next, rate);
        let (step, step_rest) = time_of(generators, rate);
        let due_at = begin.saturating_add(after);
        Self { rate, begin, next, generators, due_at, rest, step, step_rest }
    }

    /// When the next request is meant to be sent.
    #[inline]
    pub fn peek(&self) -> Nanos {
        self.due_at
    }

    /// Takes the next request, due or not, and says when it is meant to be sent.
    ///
    /// The steps are added up with what was rounded off, so the billionth request is as exact as the first, and no
    /// division is needed for each.
    #[inline]
    pub fn take(&mut self) -> Nanos {
        let taken = self.due_at;
        self.next = self.next.saturating_add(self.generators);
        self.due_at = self.due_at.saturating_add(self.step);
        self.rest += self.step_rest;
        if self.rest >= self.rate {
            self.rest -= self.rate;
            self.due_at = self.due_at.saturating_add(1);
        }
        taken
    }

    /// How many requests are due at `now` and have not been taken.
    pub fn due(&self, now: Nanos) -> u64 {
        if now < self.due_at {
            return 0;
        }
        // The last request k with begin + k * 10^12 / rate <= now, where the division rounds down.
        let since = u128::from(now - self.begin) + 1;
        let last = (since * u128::from(self.rate) - 1) / THOUSAND_SECONDS;
        // `next` is due, so `last` is not below it; both are below 2^64 for every rate there is.
        (last as u64 - self.next) / self.generators + 1
    }
}

/// How long after the beginning a request is due, rounded down, and what was rounded off in `rate`ths of a nanosecond.
fn time_of(request: u64, rate: u64) -> (Nanos, u64) {
    let product = u128::from(request) * THOUSAND_SECONDS;
    let (whole, rest) = (product / u128::from(rate), product % u128::from(rate));
    // The rest is below `rate`.
    (Nanos::try_from(whole).unwrap_or(Nanos::MAX), rest as u64)
}

/// The nanoseconds of a thousand seconds, in which a [`Rate`] is a whole number of requests.
const THOUSAND_SECONDS: u128 = 1_000_000_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::SECOND;

    #[test]
    fn requests_are_evenly_spaced_and_never_drift() {
        // A third of a nanosecond is left over with each request.
        let mut schedule = Schedule::new(Rate::per_second(3_000_000), 5);
        assert_eq!([schedule.take(), schedule.take(), schedule.take()], [5, 338, 671]);
        for _ in 3..3_000_000 {
            schedule.take();
        }
        assert_eq!(schedule.peek(), 5 + SECOND);
    }

    #[test]
    fn after_a_year_the_intended_times_are_still_exact() {
        let year = 365 * 86_400 * 10_000;
        let mut schedule = Schedule::from_request(Rate::per_second(10_000), 0, year, 1);
        assert_eq!(schedule.take(), 365 * 86_400 * SECOND);
        assert_eq!(schedule.take(), 365 * 86_400 * SECOND + 100_000);
    }

    #[test]
    fn what_is_due_is_counted_until_it_is_taken() {
        let mut schedule = Schedule::new(Rate::per_second(1000), SECOND);
        assert_eq!(schedule.due(0), 0);
        assert_eq!(schedule.due(SECOND), 1);
        assert_eq!(schedule.due(SECOND + 200_000_000), 201);
        assert_eq!((schedule.peek(), schedule.take()), (SECOND, SECOND));
        assert_eq!(schedule.due(SECOND + 200_000_000), 200);
    }

    #[test]
    fn a_slow_rate_waits_its_time() {
        let mut schedule = Schedule::new("0.5".parse().expect("a rate"), 0);
        assert_eq!([schedule.take(), schedule.take()], [0, 2 * SECOND]);
    }

    proptest! {
        #[test]
        fn adding_up_the_steps_comes_to_the_time_of_each_request(
            thousandths in 1..=Rate::MAX.thousandths(), index in 0..4_u64, count in 1..300_u64
        ) {
            let rate = Rate::of_thousandths(thousandths);
            let mut added = Schedule::share(rate, 77, index, 4);
            for _ in 0..count {
                added.take();
            }
            prop_assert_eq!(added, Schedule::from_request(rate, 77, index + 4 * count, 4));
        }

        #[test]
        fn shares_together_are_the_whole_plan(
            thousandths in 1_000..1_000_000_000_u64, generators in 1..9_u64, begin in 0..SECOND
        ) {
            let rate = Rate::of_thousandths(thousandths);
            let mut whole = Schedule::new(rate, begin);
            let mut shares: Vec<_> =
                (0..generators).map(|index| Schedule::share(rate, begin, index, generators)).collect();
            for request in 0..50 {
                let share = &mut shares[request % generators as usize];
                prop_assert_eq!(whole.take(), share.take());
            }
        }

        #[test]
        fn the_number_due_is_the_number_that_can_be_taken(
            thousandths in 1..10_000_000_u64, index in 0..3_u64, begin in 0..10 * SECOND, now in 0..20 * SECOND
        ) {
            let mut schedule = Schedule::share(Rate::of_thousandths(thousandths), begin, index, 3);
            let due = schedule.due(now);
            for _ in 0..due {
                prop_assert!(schedule.take() <= now);
            }
            prop_assert!(schedule.peek() > now);
            prop_assert_eq!(schedule.due(now), 0);
        }
    }
}
