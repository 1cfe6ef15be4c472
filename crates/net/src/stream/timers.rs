//! Deadlines of connections.
//!
//! All deadlines of one kind lie equally far ahead of the moment they are set, so a list to whose end each is put when it is
//! set stays in order by itself: no heap, no wheel. The list is linked through a table with one entry for each place that
//! a connection can have, so setting, putting off and removing a deadline touch a few words, and nothing is left behind
//! by connections that come and go.

use std::time::Duration;

/// No place.
const NONE: usize = usize::MAX;

/// Deadlines that all lie `after` ahead, at most one for each place.
#[derive(Debug)]
pub(super) struct Timers {
    after: Duration,
    /// The earliest and the latest.
    first: usize,
    last: usize,
    links: Vec<Link>,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    /// When it is due, since the server's start; `None` for a place without a deadline.
    at: Option<Duration>,
    before: usize,
    after: usize,
}

impl Timers {
    pub(super) const fn new(after: Duration) -> Self {
        Self { after, first: NONE, last: NONE, links: Vec::new() }
    }

    /// Sets the deadline of this place, or puts it off. `now` never goes back.
    pub(super) fn set(&mut self, now: Duration, place: usize) {
        self.remove(place);
        if place >= self.links.len() {
            self.links.resize(place + 1, Link { at: None, before: NONE, after: NONE });
        }
        self.links[place] = Link { at: Some(now + self.after), before: self.last, after: NONE };
        match self.last {
            NONE => self.first = place,
            last => self.links[last].after = place,
        }
        self.last = place;
    }

    /// Forgets the deadline of this place, if it has one.
    pub(super) fn remove(&mut self, place: usize) {
        let Some(&Link { at: Some(_), before, after }) = self.links.get(place) else { return };
        self.links[place].at = None;
        match before {
            NONE => self.first = after,
            before => self.links[before].after = after,
        }
        match after {
            NONE => self.last = before,
            after => self.links[after].before = before,
        }
    }

    /// Whether this place has a deadline.
    pub(super) fn holds(&self, place: usize) -> bool {
        self.links.get(place).is_some_and(|link| link.at.is_some())
    }

    /// The place whose deadline comes first, whether it is due or not.
    pub(super) const fn first(&self) -> Option<usize> {
        match self.first {
            NONE => None,
            first => Some(first),
        }
    }

    /// The first place whose deadline is due.
    pub(super) fn due(&self, now: Duration) -> Option<usize> {
        self.first().filter(|_| self.next().is_some_and(|at| at <= now))
    }

    /// When the first deadline is due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.links.get(self.first).and_then(|link| link.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn deadlines_come_up_in_order_and_not_early() {
        let mut timers = Timers::new(seconds(60));
        timers.set(seconds(1), 7);
        timers.set(seconds(2), 3);
        assert_eq!(timers.next(), Some(seconds(61)));
        assert_eq!(timers.due(seconds(60)), None);
        assert_eq!(timers.due(seconds(61)), Some(7));
        timers.remove(7);
        assert_eq!(timers.due(seconds(61)), None);
        assert_eq!(timers.due(seconds(62)), Some(3));
        timers.remove(3);
        assert_eq!((timers.first(), timers.next()), (None, None));
    }

    #[test]
    fn a_deadline_that_is_put_off_gives_way_to_the_others() {
        let mut timers = Timers::new(seconds(4));
        timers.set(seconds(0), 1);
        timers.set(seconds(3), 2);
        timers.set(seconds(5), 1);
        assert_eq!(timers.due(seconds(7)), Some(2));
        timers.remove(2);
        assert_eq!(timers.next(), Some(seconds(9)));
    }

    proptest! {
        #[test]
        fn any_order_of_settings_and_removals_is_that_of_a_sorted_list(
            steps in prop::collection::vec((0usize..6, any::<bool>()), 0..60),
        ) {
            let mut timers = Timers::new(seconds(10));
            let mut expected: Vec<(Duration, usize)> = Vec::new();
            for (now, (place, set)) in steps.into_iter().enumerate() {
                expected.retain(|(_, other)| *other != place);
                if set {
                    timers.set(seconds(now as u64), place);
                    expected.push((seconds(now as u64 + 10), place));
                } else {
                    timers.remove(place);
                }
                prop_assert_eq!(timers.next(), expected.first().map(|(at, _)| *at));
                prop_assert_eq!(timers.first(), expected.first().map(|(_, place)| *place));
            }
            while let Some(first) = timers.first() {
                prop_assert_eq!(first, expected.remove(0).1);
                timers.remove(first);
            }
            prop_assert!(expected.is_empty());
        }
    }
}
