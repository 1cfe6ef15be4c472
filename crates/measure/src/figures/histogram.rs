//! Every latency of a run in little room, right to three digits.
//!
//! A mean hides what a percentile tells, and a list of all latencies grows with the run. An HdrHistogram does neither:
//! it counts how often each latency came, its buckets so narrow that the first three digits of each are kept, and takes
//! the same memory for a second as for a week. Its encoding is that of <http://hdrhistogram.org>, which the plotter
//! there and the libraries in other languages read.

use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::encoding::{self, EncodingError};
use crate::{Nanos, SECOND};

/// The longest latency that is told apart; a longer one counts as this long. Nobody waits longer for a reply, and each
/// doubling costs 8 KiB.
pub const LONGEST: Nanos = 3600 * SECOND;

/// How many digits of a latency are kept.
const DIGITS: u8 = 3;

/// A percentile that every table and picture shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentile {
    /// How it is called: `p99.9`.
    pub name: &'static str,
    /// How many of a hundred latencies are at most that long.
    pub of_hundred: f64,
}

/// The percentiles that every table and picture shows, between the shortest and the longest latency.
pub const PERCENTILES: [Percentile; 5] = [
    Percentile { name: "p50", of_hundred: 50.0 },
    Percentile { name: "p90", of_hundred: 90.0 },
    Percentile { name: "p99", of_hundred: 99.0 },
    Percentile { name: "p99.9", of_hundred: 99.9 },
    Percentile { name: "p99.99", of_hundred: 99.99 },
];

/// How often which latency came. About 270 KB, however many there are.
#[derive(Clone, Debug, PartialEq)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet.
    pub fn new() -> Self {
        let counts = Histogram::new_with_bounds(1, LONGEST, DIGITS);
        Self(counts.expect("the bounds are constants that the histogram accepts"))
    }

    /// Counts one. Allocates nothing.
    pub fn record(&mut self, latency: Nanos) {
        self.0.saturating_record(latency);
    }

    /// Takes in those of another, as if they had been recorded here.
    pub fn merge(&mut self, other: &Self) {
        let merged = self.0.add(&other.0);
        debug_assert!(merged.is_ok(), "histograms of the same bounds can be added");
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The shortest, 0 of none.
    pub fn min(&self) -> Nanos {
        self.0.min()
    }

    /// The longest, to three digits; 0 of none.
    pub fn max(&self) -> Nanos {
        self.0.max()
    }

    /// Their mean, 0 of none.
    pub fn mean(&self) -> f64 {
        self.0.mean()
    }

    /// The latency that `of_hundred` of a hundred do not exceed; 0 of none.
    pub fn percentile(&self, of_hundred: f64) -> Nanos {
        self.0.value_at_quantile(quantile(of_hundred))
    }

    /// How many samples lie above a percentile, which is what it stands on: of ten thousand latencies, one is above
    /// p99.99, and that figure is the chance of a single moment.
    pub fn samples_above(&self, of_hundred: f64) -> u64 {
        // Rounded first, or one in a hundred of ten thousand would come to 99.99999999.
        let above = self.count() as f64 * (100.0 - of_hundred) / 100.0;
        (above + 1e-6).floor() as u64
    }

    /// How many were `from..=to` long, by the buckets in which the two lie.
    pub fn count_between(&self, from: Nanos, to: Nanos) -> u64 {
        self.0.count_between(from.min(LONGEST), to.min(LONGEST))
    }

    /// The row that every table and picture shows: `min`, the [`PERCENTILES`], `max`.
    pub fn row(&self) -> [(&'static str, Nanos); PERCENTILES.len() + 2] {
        let mut row = [("min", self.min()); PERCENTILES.len() + 2];
        for (cell, percentile) in row[1..].iter_mut().zip(PERCENTILES) {
            *cell = (percentile.name, self.percentile(percentile.of_hundred));
        }
        row[PERCENTILES.len() + 1] = ("max", self.max());
        row
    }

    /// Each latency that came, shortest first, and how often: the curve of a picture.
    pub fn buckets(&self) -> impl Iterator<Item = (Nanos, u64)> + '_ {
        self.0.iter_recorded().map(|bucket| (bucket.value_iterated_to(), bucket.count_at_value()))
    }

    /// The histogram in its standard encoding: V2, compressed, as base64.
    pub fn encode(&self) -> String {
        encoding::encode(&self.0)
    }

    /// Reads what [`encode`](Self::encode) or another HdrHistogram wrote.
    pub fn decode(text: &str) -> Result<Self, EncodingError> {
        let mut latencies = Self::new();
        latencies.0.add(encoding::decode::<u64>(text)?).map_err(|_| EncodingError::TooLong)?;
        Ok(latencies)
    }
}

/// A percentile as a share, less by what dividing may have put on it: 99.9 / 100 is a little more than 0.999, and of
/// twenty thousand latencies it would be the 19,981st.
pub(super) fn quantile(of_hundred: f64) -> f64 {
    (of_hundred / 100.0 - 1e-12).max(0.0)
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

/// As in a report: the histogram, and beside it, for whoever does not decode it, the figures that come of it.
impl Serialize for Latencies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [p50, p90, p99, p99_9, p99_99] = PERCENTILES.map(|p| self.percentile(p.of_hundred));
        Written {
            count: self.count(),
            min: self.min(),
            mean: self.mean(),
            percentiles: WrittenPercentiles { p50, p90, p99, p99_9, p99_99 },
            max: self.max(),
            hdr: self.encode(),
        }
        .serialize(serializer)
    }
}

/// Only the histogram is read; the other figures follow from it.
impl<'de> Deserialize<'de> for Latencies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(deserializer)?;
        Self::decode(&read.hdr).map_err(serde::de::Error::custom)
    }
}

#[derive(Serialize)]
struct Written {
    count: u64,
    #[serde(rename = "min_ns")]
    min: Nanos,
    #[serde(rename = "mean_ns")]
    mean: f64,
    #[serde(rename = "percentiles_ns")]
    percentiles: WrittenPercentiles,
    #[serde(rename = "max_ns")]
    max: Nanos,
    hdr: String,
}

#[derive(Serialize)]
struct WrittenPercentiles {
    p50: Nanos,
    p90: Nanos,
    p99: Nanos,
    #[serde(rename = "p99.9")]
    p99_9: Nanos,
    #[serde(rename = "p99.99")]
    p99_99: Nanos,
}

#[derive(Deserialize)]
struct Read {
    hdr: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(latencies: impl IntoIterator<Item = Nanos>) -> Latencies {
        let mut all = Latencies::new();
        latencies.into_iter().for_each(|latency| all.record(latency));
        all
    }

    #[test]
    fn percentiles_are_right_to_three_digits() {
        let latencies = of((1..=100_000).map(|micros| micros * 1000));
        let close = |got: Nanos, want: Nanos| got.abs_diff(want) <= want / 1000;
        for (of_hundred, want) in [(50.0, 50_000_000), (99.0, 99_000_000), (99.99, 99_990_000)] {
            assert!(close(latencies.percentile(of_hundred), want), "p{of_hundred}");
        }
        assert!(close(latencies.min(), 1000));
        assert!(close(latencies.max(), 100_000_000));
    }

    #[test]
    fn a_percentile_that_falls_between_two_latencies_is_the_shorter() {
        let latencies = of((0..20_000).map(|at| if at % 1000 == 999 { 5000 } else { 100 }));
        assert_eq!(latencies.percentile(99.9), 100);
        assert_eq!(latencies.percentile(99.99), 5000 | 3);
    }

    #[test]
    fn it_is_told_how_many_samples_stand_behind_a_percentile() {
        let latencies = of((0..10_000).map(|_| 1000));
        assert_eq!(latencies.samples_above(50.0), 5000);
        assert_eq!(latencies.samples_above(99.0), 100);
        assert_eq!(latencies.samples_above(99.9), 10);
        assert_eq!(latencies.samples_above(99.99), 1);
        assert_eq!(Latencies::new().samples_above(50.0), 0);
    }

    #[test]
    fn a_latency_beyond_the_longest_counts_as_the_longest() {
        let latencies = of([Nanos::MAX]);
        assert_eq!(latencies.count(), 1);
        assert!(latencies.max() >= LONGEST && latencies.max() < LONGEST + LONGEST / 500);
    }

    #[test]
    fn nothing_has_no_latencies() {
        let row = Latencies::new().row();
        assert_eq!(row.map(|(_, latency)| latency), [0; 7]);
        assert_eq!(
            row.map(|(name, _)| name),
            ["min", "p50", "p90", "p99", "p99.9", "p99.99", "max"]
        );
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        assert_eq!(Latencies::decode("no base64!"), Err(EncodingError::Base64));
        for text in ["", "AAAA", "HISTFAAAAAA=", "HISTEw=="] {
            assert_eq!(Latencies::decode(text), Err(EncodingError::Foreign), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_again_whole(
            latencies in prop::collection::vec(0..=LONGEST, 0..200)
        ) {
            let latencies = of(latencies);
            prop_assert_eq!(Latencies::decode(&latencies.encode()).unwrap(), latencies);
        }

        #[test]
        fn merging_is_recording_in_one(
            first in prop::collection::vec(0..=LONGEST, 0..100),
            second in prop::collection::vec(0..=LONGEST, 0..100),
        ) {
            let mut merged = of(first.clone());
            merged.merge(&of(second.clone()));
            prop_assert_eq!(merged, of(first.into_iter().chain(second)));
        }
    }
}
