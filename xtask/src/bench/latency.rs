//! Latencies by the million in little room: a histogram whose buckets are at most a thirty-second of
//! their value wide, so that a percentile is right to three in a hundred.

use std::time::Duration;

/// Two to this power is the number of buckets in each doubling.
const FINE_BITS: u32 = 5;
const FINE: u64 = 1 << FINE_BITS;

/// How often which latency came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies {
    counts: Vec<u64>,
    total: u64,
}

impl Latencies {
    /// Counts one latency, to the microsecond.
    pub(crate) fn add(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let bucket = bucket_of(micros);
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.total += 1;
    }

    /// How many there were.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The latency, in microseconds, that this share (0 to 1) of all did not exceed; 0 of none.
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        let wanted = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let reaches = |count: &u64| {
            seen += count;
            seen >= wanted
        };
        self.counts.iter().position(reaches).map_or(0, start_of)
    }
}

/// Below 64 one bucket each; from there 32 in each doubling.
fn bucket_of(micros: u64) -> usize {
    let shift = (u64::BITS - micros.leading_zeros()).saturating_sub(FINE_BITS + 1);
    (u64::from(shift) * FINE + (micros >> shift)) as usize
}

/// The smallest latency in a bucket.
fn start_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let shift = (bucket / FINE).saturating_sub(1);
    (bucket - shift * FINE) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_starts_at_most_a_thirty_second_below_what_is_in_it() {
        for micros in (0..5_000).chain([65_535, 65_536, 10_000_000, u64::MAX / 2]) {
            let start = start_of(bucket_of(micros));
            assert!(start <= micros && micros - start <= micros / FINE, "{micros} in {start}");
        }
    }

    #[test]
    fn quantiles_are_found() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile(0.5), 0);
        for micros in 1..=60 {
            latencies.add(Duration::from_micros(micros));
        }
        assert_eq!((latencies.quantile(0.5), latencies.quantile(1.0)), (30, 60));
        assert_eq!(latencies.total(), 60);
    }
}
