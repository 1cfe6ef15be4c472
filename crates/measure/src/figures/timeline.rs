//! A run over time: how many replies came in each interval, and how long they took.
//!
//! There is room for [`MOST_INTERVALS`]. When it is full, neighbours are joined and each interval is twice as long from
//! there on, so memory stays the same however long the run, and nothing is forgotten but the finer detail. Each interval
//! has a histogram of its own, coarser than that of the whole, so that joined ones tell their percentiles rightly, and
//! so that a comparison can draw intervals again and again and see how much the percentiles depend on which.

use hdrhistogram::Histogram;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::encoding::{self, EncodingError};
use super::histogram::{LONGEST, quantile};
use crate::{Nanos, SECOND};

/// As many intervals as a picture is wide at most, so that each is seen.
pub const MOST_INTERVALS: usize = 300;

/// A latency within an interval is kept to two digits, and to 64 ns below 16 µs. So a histogram takes 4 to 15 KB, and a
/// timeline 1 to 5 MB. A bucket counts to four thousand million, which is days at any rate.
const DIGITS: u8 = 2;
const SHORTEST: Nanos = 64;

/// How long an interval may be to begin with: round numbers that are easy to read off an axis.
const STEPS: [Nanos; 10] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
const MILLISECOND: Nanos = 1_000_000;

/// The run, cut into intervals of one length.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    begin: Nanos,
    interval: Nanos,
    intervals: Vec<Interval>,
}

/// What happened in one interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    errors: u64,
    latencies: Histogram<u32>,
}

impl Timeline {
    /// The timeline of a stretch that begins at `begin` and is to last for `duration`: at most two hundred intervals of
    /// a round length, at least a millisecond each.
    pub fn new(begin: Nanos, duration: Nanos) -> Self {
        let wanted = duration.div_ceil(200).max(1);
        let round = STEPS.iter().map(|step| step * MILLISECOND).find(|step| *step >= wanted);
        let interval = round.unwrap_or_else(|| wanted.div_ceil(SECOND) * SECOND);
        Self { begin, interval, intervals: Vec::new() }
    }

    /// Counts a reply that came at `now`. What came before the beginning counts as come then.
    pub fn record(&mut self, now: Nanos, latency: Nanos) {
        self.at(now).record(latency);
    }

    /// Counts an error that was noticed at `now`: a reply that was wrong, a connection that broke.
    pub fn record_error(&mut self, now: Nanos) {
        self.at(now).errors += 1;
    }

    /// Takes in another timeline of the same stretch, such as that of another thread.
    pub fn merge(&mut self, other: &Self) {
        let mut other = other.clone();
        while other.interval < self.interval {
            other.join();
        }
        while self.interval < other.interval {
            self.join();
        }
        if self.intervals.len() < other.intervals.len() {
            self.intervals.resize_with(other.intervals.len(), Interval::new);
        }
        for (mine, theirs) in self.intervals.iter_mut().zip(&other.intervals) {
            mine.take_in(theirs);
        }
    }

    /// Ends it: the stretch lasted until `end`, and where nothing came until then, there are empty intervals.
    pub fn close(&mut self, end: Nanos) {
        if end > self.begin {
            self.at(end - 1);
        }
    }

    /// When the first interval began.
    pub fn begin(&self) -> Nanos {
        self.begin
    }

    /// How long each interval is. The last one may have been cut short by the end of the run.
    pub fn interval(&self) -> Nanos {
        self.interval
    }

    /// The intervals, first to last.
    pub fn intervals(&self) -> &[Interval] {
        &self.intervals
    }

    /// The same in at most `most` intervals, of which each is then some times as long.
    pub fn joined_to(&self, most: usize) -> Self {
        let mut joined = self.clone();
        while joined.intervals.len() > most.max(1) {
            joined.join();
        }
        joined
    }

    /// The interval in which `now` lies; makes room for it if need be.
    fn at(&mut self, now: Nanos) -> &mut Interval {
        let since = now.saturating_sub(self.begin);
        while since / self.interval >= MOST_INTERVALS as u64 {
            self.join();
        }
        let index = (since / self.interval) as usize;
        if index >= self.intervals.len() {
            self.intervals.resize_with(index + 1, Interval::new);
        }
        &mut self.intervals[index]
    }

    /// Joins neighbours; each interval is twice as long then.
    fn join(&mut self) {
        self.interval = self.interval.saturating_mul(2);
        let joined = self.intervals.len().div_ceil(2);
        for index in 0..joined {
            self.intervals.swap(index, 2 * index);
            if 2 * index + 1 < self.intervals.len() {
                let (first, second) = self.intervals.split_at_mut(2 * index + 1);
                first[index].take_in(&second[0]);
            }
        }
        self.intervals.truncate(joined);
    }
}

impl Interval {
    fn new() -> Self {
        let counts = Histogram::new_with_bounds(SHORTEST, 2 * SHORTEST, DIGITS);
        let mut latencies = counts.expect("the bounds are constants that the histogram accepts");
        latencies.auto(true);
        Self { errors: 0, latencies }
    }

    fn record(&mut self, latency: Nanos) {
        let recorded = self.latencies.record(latency.min(LONGEST));
        debug_assert!(recorded.is_ok(), "the histogram grows to what it is given");
    }

    fn take_in(&mut self, other: &Self) {
        // A file may hold any number.
        self.errors = self.errors.saturating_add(other.errors);
        let added = self.latencies.add(&other.latencies);
        debug_assert!(added.is_ok(), "the histogram grows to what it is given");
    }

    /// How many replies came.
    pub fn count(&self) -> u64 {
        self.latencies.len()
    }

    /// How many errors were noticed.
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// The latency that `of_hundred` of a hundred of the replies did not exceed, to two digits; 0 of none.
    pub fn percentile(&self, of_hundred: f64) -> Nanos {
        self.latencies.value_at_quantile(quantile(of_hundred))
    }

    /// The longest latency, to two digits; 0 of none.
    pub fn max(&self) -> Nanos {
        self.latencies.max()
    }

    /// Each latency that came, shortest first, and how often.
    pub fn buckets(&self) -> impl Iterator<Item = (Nanos, u64)> + '_ {
        self.latencies
            .iter_recorded()
            .map(|bucket| (bucket.value_iterated_to(), bucket.count_since_last_iteration()))
    }
}

/// As in a report: each interval with its histogram, and with the figures that a reader wants first.
impl Serialize for Timeline {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let intervals = self.intervals.iter().map(WrittenInterval::of).collect();
        Written { begin: self.begin, interval: self.interval, intervals }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Timeline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        if written.interval == 0 {
            return Err(D::Error::custom("an interval of a timeline has no length"));
        }
        if written.intervals.len() > MOST_INTERVALS {
            let text = format!("a timeline has more than {MOST_INTERVALS} intervals");
            return Err(D::Error::custom(text));
        }
        let intervals = written.intervals.into_iter().map(WrittenInterval::read);
        let intervals = intervals.collect::<Result<_, _>>().map_err(D::Error::custom)?;
        Ok(Self { begin: written.begin, interval: written.interval, intervals })
    }
}

#[derive(Deserialize, Serialize)]
struct Written {
    #[serde(rename = "begin_ns")]
    begin: Nanos,
    #[serde(rename = "interval_ns")]
    interval: Nanos,
    intervals: Vec<WrittenInterval>,
}

/// Only the errors and the histogram are read; the other figures follow from it.
#[derive(Deserialize, Serialize)]
struct WrittenInterval {
    #[serde(skip_deserializing)]
    count: u64,
    errors: u64,
    #[serde(rename = "p50_ns", skip_deserializing)]
    p50: Nanos,
    #[serde(rename = "p99_ns", skip_deserializing)]
    p99: Nanos,
    #[serde(rename = "max_ns", skip_deserializing)]
    max: Nanos,
    hdr: String,
}

impl WrittenInterval {
    fn of(interval: &Interval) -> Self {
        Self {
            count: interval.count(),
            errors: interval.errors(),
            p50: interval.percentile(50.0),
            p99: interval.percentile(99.0),
            max: interval.max(),
            hdr: encoding::encode(&interval.latencies),
        }
    }

    fn read(self) -> Result<Interval, EncodingError> {
        let read = encoding::decode::<u32>(&self.hdr)?;
        if read.max() > longest_in_an_interval() {
            return Err(EncodingError::TooLong);
        }
        let mut interval = Interval::new();
        interval.errors = self.errors;
        interval.latencies.add(read).map_err(|_| EncodingError::TooLong)?;
        Ok(interval)
    }
}

/// What the longest latency becomes when it is kept to two digits.
fn longest_in_an_interval() -> Nanos {
    LONGEST + LONGEST / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(timeline: &Timeline) -> Vec<u64> {
        timeline.intervals().iter().map(Interval::count).collect()
    }

    #[test]
    fn a_run_is_cut_into_intervals_of_a_round_length() {
        let interval = |duration| Timeline::new(0, duration).interval();
        assert_eq!(interval(0), MILLISECOND);
        assert_eq!(interval(SECOND), 5 * MILLISECOND);
        assert_eq!(interval(10 * SECOND), 50 * MILLISECOND);
        assert_eq!(interval(60 * SECOND), 500 * MILLISECOND);
        assert_eq!(interval(3600 * SECOND), 18 * SECOND);
    }

    #[test]
    fn replies_are_counted_in_the_interval_in_which_they_came() {
        let mut timeline = Timeline::new(5 * SECOND, SECOND);
        for (now, latency) in [(0, 100), (4, 200), (5, 300_000), (14, 50)] {
            timeline.record(5 * SECOND + now * MILLISECOND, latency * 1000);
        }
        timeline.record_error(5 * SECOND + 11 * MILLISECOND);
        timeline.close(5 * SECOND + 20 * MILLISECOND);
        assert_eq!(counts(&timeline), [2, 1, 1, 0]);
        let errors: Vec<_> = timeline.intervals().iter().map(Interval::errors).collect();
        assert_eq!(errors, [0, 0, 1, 0]);
        let slow = timeline.intervals()[1].max();
        assert!(slow.abs_diff(300 * MILLISECOND) < 3 * MILLISECOND, "{slow}");
    }

    #[test]
    fn however_long_the_run_there_are_no_more_intervals_and_nothing_is_lost() {
        let mut timeline = Timeline::new(0, SECOND);
        let replies = 100_000;
        for reply in 0..replies {
            timeline.record(reply * SECOND, 1000 + reply);
        }
        assert!(timeline.intervals().len() <= MOST_INTERVALS);
        assert!(timeline.intervals().len() > MOST_INTERVALS / 4);
        assert_eq!(counts(&timeline).iter().sum::<u64>(), replies);
        assert_eq!(timeline.interval() % (5 * MILLISECOND), 0);
    }

    #[test]
    fn a_picture_with_little_room_gets_fewer_and_longer_intervals() {
        let mut timeline = Timeline::new(SECOND, SECOND);
        (0..1000).for_each(|tick| timeline.record(SECOND + tick * MILLISECOND, 1000));
        let joined = timeline.joined_to(30);
        assert_eq!((joined.begin(), joined.interval()), (SECOND, 40 * MILLISECOND));
        assert_eq!(counts(&joined), [40; 25]);
        assert_eq!(timeline.joined_to(500), timeline);
        assert_eq!(counts(&timeline.joined_to(0)), [1000]);
    }

    #[test]
    fn errors_from_a_file_stay_at_the_largest_number() {
        let mut timeline = Timeline::new(0, SECOND);
        timeline.record_error(0);
        timeline.record_error(SECOND - 1);
        let json = serde_json::to_string(&timeline).unwrap();
        let most = json.replace("\"errors\":1", &format!("\"errors\":{}", u64::MAX));
        let joined = serde_json::from_str::<Timeline>(&most).unwrap().joined_to(1);
        assert_eq!(joined.intervals()[0].errors(), u64::MAX);
    }

    #[test]
    fn threads_whose_intervals_have_come_to_differ_are_merged_to_the_longer() {
        let (mut short, mut long) = (Timeline::new(0, SECOND), Timeline::new(0, SECOND));
        let mut one = Timeline::new(0, SECOND);
        for tick in 0..2000 {
            let at = tick * MILLISECOND;
            long.record(at, 1000 * tick);
            one.record(at, 1000 * tick);
            if tick < 500 {
                short.record(at, 77_000);
                one.record(at, 77_000);
            }
        }
        assert!(short.interval() < long.interval());
        let mut merged = short.clone();
        merged.merge(&long);
        assert_eq!(counts(&merged), counts(&one));
        long.merge(&short);
        assert_eq!(counts(&long), counts(&one));
        for (merged, one) in merged.intervals().iter().zip(one.intervals()) {
            assert_eq!(merged.percentile(50.0), one.percentile(50.0));
            assert_eq!(merged.percentile(99.0), one.percentile(99.0));
        }
    }
}
