//! The lines of one room: each once, in the server's order, the oldest dropped at the cap.
//!
//! Lines come in two ways: live, at the end, and in pages of history, anywhere. A page is contiguous and in the server's
//! order, so what is new in it finds its place from its neighbours that are known, and by time where none is.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::HashMap;
use crate::contract::Millis;
use crate::line::{Line, LineId};

/// The lines of one room.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    entries: VecDeque<Entry>,
    /// Where lines with a msgid stand: under which time they are sorted.
    places: HashMap<Arc<str>, Millis>,
    /// The same for all lines, by their numbers.
    times: HashMap<LineId, Millis>,
    bytes: usize,
    version: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    /// The time by which it is sorted: never less than that of the entry before.
    at: Millis,
    line: Line,
}

impl Timeline {
    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The line at a place, 0 being the oldest.
    pub fn at(&self, index: usize) -> Option<&Line> {
        self.entries.get(index).map(|entry| &entry.line)
    }

    /// The lines, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Line> + ExactSizeIterator {
        self.entries.iter().map(|entry| &entry.line)
    }

    /// The last line.
    pub fn last(&self) -> Option<&Line> {
        self.entries.back().map(|entry| &entry.line)
    }

    /// Changes whenever any line does.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// About how many bytes the lines take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first place whose line came after `time`.
    pub fn first_after(&self, time: Millis) -> usize {
        self.entries.partition_point(|entry| entry.at <= time)
    }

    /// Whether there is a line with this msgid.
    pub fn contains(&self, msgid: &str) -> bool {
        self.places.contains_key(msgid)
    }

    /// Where the line with this msgid stands.
    pub fn position(&self, msgid: &str) -> Option<usize> {
        self.stands_at(*self.places.get(msgid)?, |line| line.msgid.as_deref() == Some(msgid))
    }

    /// The line with this msgid.
    pub fn by_msgid(&self, msgid: &str) -> Option<&Line> {
        self.at(self.position(msgid)?)
    }

    /// Where the line with this number stands.
    pub fn position_of(&self, id: LineId) -> Option<usize> {
        self.stands_at(*self.times.get(&id)?, |line| line.id == id)
    }

    /// The line with this number.
    pub fn by_id(&self, id: LineId) -> Option<&Line> {
        self.at(self.position_of(id)?)
    }

    /// Changes the line at a place. Its msgid and time stay as they are.
    pub(crate) fn change(&mut self, index: usize, change: impl FnOnce(&mut Line)) {
        if let Some(entry) = self.entries.get_mut(index) {
            self.bytes -= entry.line.size();
            change(&mut entry.line);
            self.bytes += entry.line.size();
            self.version += 1;
        }
    }

    /// Adds a line that came just now, unless it is there already. Says whether it was added.
    pub(crate) fn push(&mut self, line: Line) -> bool {
        if self.find(&line).is_some() {
            return false;
        }
        self.insert(self.entries.len(), line);
        true
    }

    /// Adds a page of history, oldest line first, and returns the numbers of the lines that were not there yet. Lines
    /// without a msgid count as there if one of the same time, sender and words is.
    ///
    /// What is new stands before the line `before`, if one is named and it does not follow a line that stands behind it:
    /// times tell no order within a millisecond.
    pub(crate) fn merge(&mut self, page: Vec<Line>, before: Option<LineId>) -> Vec<LineId> {
        let known: Vec<Option<usize>> = page.iter().map(|line| self.find(line)).collect();
        let end = before.and_then(|id| self.position_of(id));
        // For each line the place of the next one that is known.
        let mut next = end;
        let mut nexts: Vec<Option<usize>> = known
            .iter()
            .rev()
            .map(|place| {
                next = place.iter().chain(&next).min().copied();
                next
            })
            .collect();
        nexts.reverse();
        let mut added = Vec::new();
        // Behind what went before in the page.
        let mut lower = 0;
        for (index, line) in page.into_iter().enumerate() {
            if let Some(place) = known[index] {
                lower = lower.max(place + added.len() + 1);
                continue;
            }
            // A page may hold a line twice.
            if self.find(&line).is_some() {
                continue;
            }
            let upper = nexts[index].map_or(self.len(), |place| place + added.len());
            let place = self.first_after(line.time).min(upper).max(lower);
            added.push(line.id);
            self.insert(place, line);
            lower = place + 1;
        }
        added
    }

    /// Drops the oldest lines beyond `most`. Says whether there were any.
    pub(crate) fn trim(&mut self, most: usize) -> bool {
        let surplus = self.len().saturating_sub(most);
        for entry in self.entries.drain(..surplus) {
            self.bytes -= entry.line.size();
            self.times.remove(&entry.line.id);
            if let Some(msgid) = &entry.line.msgid {
                self.places.remove(msgid);
            }
        }
        self.version += u64::from(surplus > 0);
        surplus > 0
    }

    /// Where among the lines that are sorted under `at` the one stands that `is_it`. Mostly there is but one.
    fn stands_at(&self, at: Millis, is_it: impl Fn(&Line) -> bool) -> Option<usize> {
        let first = self.entries.partition_point(|entry| entry.at < at);
        let same = self.entries.range(first..).take_while(|entry| entry.at == at);
        same.enumerate().find(|(_, entry)| is_it(&entry.line)).map(|(offset, _)| first + offset)
    }

    /// Where a line that is this one stands.
    fn find(&self, line: &Line) -> Option<usize> {
        if let Some(msgid) = &line.msgid {
            return self.position(msgid);
        }
        self.stands_at(line.time, |other| {
            other.msgid.is_none() && other.from == line.from && other.what == line.what
        })
    }

    fn insert(&mut self, place: usize, line: Line) {
        let place = place.min(self.len());
        let earliest = place.checked_sub(1).map_or(0, |before| self.entries[before].at);
        let latest = self.entries.get(place).map_or(Millis::MAX, |after| after.at);
        let at = line.time.max(earliest).min(latest);
        if let Some(msgid) = &line.msgid {
            self.places.insert(Arc::clone(msgid), at);
        }
        self.times.insert(line.id, at);
        self.bytes += line.size();
        self.version += 1;
        self.entries.insert(place, Entry { at, line });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::What;

    fn line(id: u64, time: Millis, msgid: &str) -> Line {
        Line {
            id: LineId(id),
            time,
            msgid: (!msgid.is_empty()).then(|| msgid.into()),
            from: "ann".into(),
            account: None,
            sender: 0,
            what: What::Said(msgid.into()),
            own: false,
            mention: false,
            extra: None,
        }
    }

    fn shown(timeline: &Timeline) -> Vec<u64> {
        timeline.iter().map(|line| line.id.0).collect()
    }

    #[test]
    fn a_line_that_comes_twice_is_there_once() {
        let mut timeline = Timeline::default();
        assert!(timeline.push(line(1, 10, "a")) && !timeline.push(line(2, 10, "a")));
        assert!(
            timeline.merge(vec![line(3, 10, "a"), line(4, 9, "b"), line(5, 9, "b")], None)
                == [LineId(4)]
        );
        assert_eq!(timeline.len(), 2);
    }

    #[test]
    fn a_page_of_what_was_missed_goes_before_what_came_since() {
        let mut timeline = Timeline::default();
        timeline.push(line(1, 10, "a"));
        timeline.push(line(2, 10, "e"));
        // All within one millisecond: only the neighbours tell.
        let page = vec![line(3, 10, "b"), line(4, 10, "c"), line(5, 10, "e"), line(6, 10, "f")];
        timeline.merge(page, None);
        assert_eq!(shown(&timeline), [1, 3, 4, 2, 6]);
        timeline.merge(vec![line(7, 10, "x")], Some(LineId(1)));
        assert_eq!(shown(&timeline), [7, 1, 3, 4, 2, 6]);
    }

    #[test]
    fn lines_of_our_own_stand_by_their_time_among_those_of_a_page() {
        let mut timeline = Timeline::default();
        timeline.push(line(1, 10, "a"));
        timeline.push(line(2, 20, ""));
        timeline.push(line(3, 30, "d"));
        timeline.merge(
            vec![line(4, 10, "a"), line(5, 15, "b"), line(6, 25, "c"), line(7, 30, "d")],
            None,
        );
        assert_eq!(shown(&timeline), [1, 5, 2, 6, 3]);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_disturb_the_order() {
        let mut timeline = Timeline::default();
        for (id, time) in [(1, 30), (2, 10), (3, 20), (4, 40)] {
            timeline.push(line(id, time, &id.to_string()));
        }
        assert_eq!(shown(&timeline), [1, 2, 3, 4]);
        assert_eq!(timeline.position("3"), Some(2));
        assert_eq!((timeline.first_after(29), timeline.first_after(30)), (0, 3));
    }

    #[test]
    fn the_oldest_go_at_the_cap_and_may_come_again() {
        let mut timeline = Timeline::default();
        for id in 1..=5 {
            timeline.push(line(id, id, &id.to_string()));
        }
        assert!(timeline.trim(3) && !timeline.trim(3));
        assert_eq!(shown(&timeline), [3, 4, 5]);
        assert!(!timeline.contains("2"));
        timeline.merge(vec![line(6, 1, "1"), line(7, 2, "2")], Some(LineId(3)));
        assert_eq!(shown(&timeline), [6, 7, 3, 4, 5]);
        timeline.trim(0);
        assert!(timeline.is_empty() && timeline.bytes() == 0 && timeline.places.is_empty());
        assert!(timeline.times.is_empty());
    }

    #[test]
    fn what_changes_in_a_line_is_counted() {
        let mut timeline = Timeline::default();
        timeline.push(line(1, 1, "a"));
        let before = (timeline.version(), timeline.bytes());
        timeline.change(0, |line| line.extra_mut().edited = true);
        assert!(timeline.version() > before.0 && timeline.bytes() > before.1);
        assert!(timeline.by_msgid("a").is_some_and(|line| line.id == LineId(1)));
    }
}
