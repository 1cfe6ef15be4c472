//! Axes: where a value stands between the two ends of one, and which round values are marked on it.
//!
//! Latencies run from nanoseconds to a minute on one page, so an axis chooses its scale: logarithmic where the values
//! span more than a factor of twenty, else linear, and then always from zero, since a curve over an axis that begins
//! elsewhere looks steeper than it is.

use crate::figures::show::{RoundNumber, RoundSpan};
use crate::{Nanos, SECOND};

/// From this ratio of the largest value to the smallest on, an axis is logarithmic.
const LOGARITHMIC_FROM: f64 = 20.0;
/// The most decades between whose marks finer lines are drawn.
const FINE_DECADES: f64 = 4.5;

/// Between what the ends of an axis lie. Whatever is measured does by far; a foreign file may hold a number that has no
/// power of ten above or below it.
const ENDS: (f64, f64) = (1e-9, 1e21);

/// What the values along an axis are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// Latencies, in nanoseconds.
    Time,
    /// Requests a second.
    Rate,
    /// The time since the run began, in nanoseconds.
    Elapsed,
    /// Shares of all samples, from 0 up to but without 1.
    Quantile,
}

/// Which values an axis has to hold, and what they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// What the values are.
    pub unit: Unit,
    /// The smallest value that is drawn.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

impl Range {
    /// From the smallest to the largest of `values` that is above zero; what is no number is left out.
    ///
    /// Zeros do not count towards the smallest, since they have no place on a logarithmic axis; they are drawn at its end.
    pub fn of(unit: Unit, values: impl IntoIterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
        for value in values {
            if value.is_finite() && value > 0.0 {
                let value = value.clamp(ENDS.0, ENDS.1);
                low = low.min(value);
                high = high.max(value);
            }
        }
        Self { unit, low: if low.is_finite() { low } else { 0.0 }, high }
    }

    /// Whether its axis is logarithmic.
    pub fn is_logarithmic(&self) -> bool {
        let has_scale = matches!(self.unit, Unit::Time | Unit::Rate);
        has_scale && self.low > 0.0 && self.high >= LOGARITHMIC_FROM * self.low
    }

    /// The axis of quantiles that `samples` samples reach: up to the share that leaves one of them, and a little further,
    /// so that the largest is seen.
    pub fn quantiles(samples: u64) -> Self {
        let decades = (samples.max(1) as f64).log10().max(1.0) + 0.18;
        Self { unit: Unit::Quantile, low: 0.0, high: 1.0 - 10_f64.powf(-decades) }
    }
}

/// A value that is marked on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Where it stands, from 0 at the axis's beginning to 1 at its end.
    pub at: f64,
    /// What is written beside it.
    pub label: String,
}

/// An axis with its marks.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    scale: Scale,
    /// Marks with a label, in rising order.
    pub marks: Vec<Mark>,
    /// Where finer lines help, without a label.
    pub fine: Vec<f64>,
    /// What has to be said about the axis beside its name, such as that it is logarithmic. Empty text if nothing.
    pub remark: &'static str,
}

impl Axis {
    /// The axis for `range` with at most about `room` labels, which is never fewer than two.
    pub fn new(range: Range, room: usize) -> Self {
        let room = room.max(2);
        match range.unit {
            Unit::Elapsed => Self::elapsed(range.high, room),
            Unit::Quantile => Self::quantiles(range.high),
            Unit::Time | Unit::Rate if range.is_logarithmic() => Self::logarithmic(range, room),
            Unit::Time | Unit::Rate => Self::linear(range, room),
        }
    }

    /// Where `value` stands, from 0 to 1; what lies outside stands at the end.
    pub fn place(&self, value: f64) -> f64 {
        let place = self.scale.place(value);
        if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) }
    }

    /// Whether equal steps along it are equal factors.
    pub fn is_logarithmic(&self) -> bool {
        matches!(self.scale, Scale::Logarithmic { .. })
    }

    fn linear(range: Range, room: usize) -> Self {
        let least = if range.unit == Unit::Time { 10.0 } else { 1.0 };
        let high = range.high.max(least);
        let step = round_up(high / room as f64);
        // What is a hair above the last mark because of the division above is no reason for another one.
        let steps = (high / step - 1e-9).ceil().max(1.0);
        let scale = Scale::Linear { high: steps * step };
        let marks = (0..=steps as usize)
            .map(|index| index as f64 * step)
            .map(|value| Mark { at: scale.place(value), label: label(range.unit, value) })
            .collect();
        Self { scale, marks, fine: Vec::new(), remark: "" }
    }

    fn logarithmic(range: Range, room: usize) -> Self {
        let low = round_down(range.low);
        let high = round_up(range.high * (1.0 - 1e-9));
        let scale = Scale::Logarithmic { low, high };
        let decades = (high / low).log10();
        let first = low.log10().floor() as i32;
        let last = high.log10().ceil() as i32;
        let inside = |value: f64| (low * 0.999..=high * 1.001).contains(&value);
        let values = |digits: &'static [f64]| {
            (first..=last)
                .flat_map(move |power| digits.iter().map(move |digit| digit * 10_f64.powi(power)))
                .filter(move |&value| inside(value))
        };
        let all: Vec<f64> = values(&[1.0, 2.0, 5.0]).collect();
        let labelled = if all.len() <= room {
            all
        } else {
            let powers: Vec<f64> = values(&[1.0]).collect();
            // Every second or third power where there is room for no more, always with the largest.
            let stride = powers.len().div_ceil(room).max(1);
            let skipped = powers.len().saturating_sub(1) % stride;
            powers.into_iter().skip(skipped).step_by(stride).collect()
        };
        let marks = labelled
            .into_iter()
            .map(|value| Mark { at: scale.place(value), label: label(range.unit, value) })
            .collect();
        let fine = if decades <= FINE_DECADES {
            values(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
                .map(|value| scale.place(value))
                .collect()
        } else {
            values(&[1.0]).map(|value| scale.place(value)).collect()
        };
        Self { scale, marks, fine, remark: "logarithmic" }
    }

    fn elapsed(end: f64, room: usize) -> Self {
        const MINUTE: Nanos = 60 * SECOND;
        const HOUR: Nanos = 60 * MINUTE;
        const DAY: Nanos = 24 * HOUR;
        let end = if end > 0.0 { end.min(Nanos::MAX as f64) } else { SECOND as f64 };
        // Round on a clock; what comes after them is counted in days.
        const STEPS: [(Nanos, &[Nanos]); 4] = [
            (SECOND, &[1, 2, 5, 10, 15, 30]),
            (MINUTE, &[1, 2, 5, 10, 15, 30]),
            (HOUR, &[1, 2, 3, 6, 12]),
            (DAY, &[1, 2, 7, 30]),
        ];
        let step = if end < room as f64 * SECOND as f64 {
            round_up(end / room as f64)
        } else {
            let mut on_a_clock = STEPS
                .iter()
                .flat_map(|(unit, counts)| counts.iter().map(move |count| (unit * count) as f64));
            let in_days = || round_up(end / room as f64 / DAY as f64) * DAY as f64;
            on_a_clock.find(|step| end / step <= room as f64).unwrap_or_else(in_days)
        };
        let (remark, clock): (_, fn(Nanos) -> String) = if end <= 120.0 * SECOND as f64 {
            ("", |at| RoundSpan(at as f64).to_string())
        } else if end <= (2 * HOUR) as f64 {
            ("minutes:seconds", |at| format!("{}:{:02}", at / MINUTE, at % MINUTE / SECOND))
        } else if end <= (3 * DAY) as f64 {
            ("hours:minutes", |at| format!("{}:{:02}", at / HOUR, at % HOUR / MINUTE))
        } else {
            ("days", |at| format!("{}", at / DAY))
        };
        let scale = Scale::Linear { high: end };
        let marks = (0..)
            .map(|index| f64::from(index) * step)
            .take_while(|&at| at <= end * 1.0001)
            .map(|at| Mark {
                at: scale.place(at),
                label: if at == 0.0 { "0".into() } else { clock(at.round() as Nanos) },
            })
            .collect();
        Self { scale, marks, fine: Vec::new(), remark }
    }

    fn quantiles(high: f64) -> Self {
        let scale = Scale::Quantile { decades: -(1.0 - high).log10() };
        let mut marks = vec![Mark { at: 0.0, label: "min".into() }];
        let mut put = |percent: &str, rest: f64| {
            let at = scale.place(1.0 - rest);
            if at <= 1.0 {
                marks.push(Mark { at, label: format!("p{percent}") });
            }
        };
        put("50", 0.5);
        put("90", 0.1);
        put("99", 0.01);
        let mut percent = "99.".to_owned();
        for power in 3..=18 {
            percent.push('9');
            put(&percent, 10_f64.powi(-power));
        }
        Self { scale, marks, fine: Vec::new(), remark: "logarithmic" }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    /// From zero.
    Linear {
        high: f64,
    },
    Logarithmic {
        low: f64,
        high: f64,
    },
    /// The number of nines: a share `q` stands at log10(1 / (1 - q)).
    Quantile {
        decades: f64,
    },
}

impl Scale {
    fn place(&self, value: f64) -> f64 {
        match *self {
            Self::Linear { high } => value / high,
            Self::Logarithmic { low, high } => (value.max(low) / low).ln() / (high / low).ln(),
            Self::Quantile { decades } => -(1.0 - value).log10() / decades,
        }
    }
}

fn label(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Rate => RoundNumber(value).to_string(),
        Unit::Time | Unit::Elapsed | Unit::Quantile => RoundSpan(value).to_string(),
    }
}

/// The next of 1, 2 and 5 times a power of ten, upwards.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let digit = [1.0, 2.0, 5.0].into_iter().find(|digit| digit * power >= value * (1.0 - 1e-9));
    digit.unwrap_or(10.0) * power
}

/// The next of 1, 2 and 5 times a power of ten, downwards.
fn round_down(value: f64) -> f64 {
    let power = 10_f64.powf((value * (1.0 + 1e-9)).log10().floor());
    let digit = [5.0, 2.0].into_iter().find(|digit| digit * power <= value * (1.0 + 1e-9));
    digit.unwrap_or(1.0) * power
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.marks.iter().map(|mark| mark.label.as_str()).collect()
    }

    fn axis(unit: Unit, low: f64, high: f64, room: usize) -> Axis {
        Axis::new(Range { unit, low, high }, room)
    }

    #[test]
    fn values_of_one_size_stand_on_a_linear_axis_from_zero() {
        let axis = axis(Unit::Time, 20_000.0, 95_000.0, 6);
        assert!(!axis.is_logarithmic());
        assert_eq!(labels(&axis), ["0 ns", "20 µs", "40 µs", "60 µs", "80 µs", "100 µs"]);
        assert_eq!(axis.place(50_000.0), 0.5);
    }

    #[test]
    fn values_of_many_sizes_stand_on_a_logarithmic_axis() {
        let axis = axis(Unit::Time, 12_000.0, 4_000_000.0, 9);
        assert!(axis.is_logarithmic());
        assert_eq!(
            labels(&axis),
            ["10 µs", "20 µs", "50 µs", "100 µs", "200 µs", "500 µs", "1 ms", "2 ms", "5 ms"]
        );
    }

    #[test]
    fn a_nanosecond_and_a_minute_fit_on_one_axis() {
        let axis = axis(Unit::Time, 1.0, 60e9, 6);
        assert_eq!(labels(&axis), ["10 ns", "1 µs", "100 µs", "10 ms", "1 s", "100 s"]);
    }

    #[test]
    fn times_of_a_run_are_marked_as_a_clock_shows_them() {
        let seconds = |seconds: f64| axis(Unit::Elapsed, 0.0, seconds * 1e9, 6);
        assert_eq!(labels(&seconds(0.5)), ["0", "100 ms", "200 ms", "300 ms", "400 ms", "500 ms"]);
        assert_eq!(labels(&seconds(30.0)), ["0", "5 s", "10 s", "15 s", "20 s", "25 s", "30 s"]);
        assert_eq!(labels(&seconds(600.0)), ["0", "2:00", "4:00", "6:00", "8:00", "10:00"]);
        assert_eq!(labels(&seconds(36_000.0)), ["0", "2:00", "4:00", "6:00", "8:00", "10:00"]);
        assert_eq!(seconds(36_000.0).remark, "hours:minutes");
        assert_eq!(labels(&seconds(864_000.0)), ["0", "2", "4", "6", "8", "10"]);
    }

    #[test]
    fn quantiles_reach_as_far_as_the_samples() {
        let reach = |samples| labels_of(&Axis::new(Range::quantiles(samples), 9));
        fn labels_of(axis: &Axis) -> String {
            labels(axis).join(" ")
        }
        assert_eq!(reach(0), "min p50 p90");
        assert_eq!(reach(1), "min p50 p90");
        assert_eq!(reach(5_000), "min p50 p90 p99 p99.9");
        assert_eq!(reach(1_000_000), "min p50 p90 p99 p99.9 p99.99 p99.999 p99.9999");
    }

    #[test]
    fn an_axis_of_nothing_still_has_two_ends() {
        for unit in [Unit::Time, Unit::Rate, Unit::Elapsed] {
            let axis = Axis::new(Range::of(unit, []), 5);
            assert!(axis.marks.len() >= 2, "{unit:?}: {axis:?}");
            assert!(axis.place(f64::NAN).abs() < 1.0);
        }
    }

    #[test]
    fn the_largest_and_the_smallest_number_there_is_have_an_axis() {
        for values in [[f64::MAX, 1.0], [1.0, f64::MIN_POSITIVE / 2.0]] {
            let axis = Axis::new(Range::of(Unit::Rate, values), 5);
            assert!((2..=7).contains(&axis.marks.len()), "{axis:?}");
            assert_eq!(values.map(|value| axis.place(value)), [1.0, 0.0]);
        }
    }

    proptest! {
        #[test]
        fn marks_rise_within_the_axis_and_none_is_written_twice(
            low in 1.0..1e12_f64, factor in 1.0..1e11_f64, room in 0..12_usize, unit in 0..3,
        ) {
            let unit = [Unit::Time, Unit::Rate, Unit::Elapsed][unit as usize];
            let axis = axis(unit, low, low * factor, room);
            prop_assert!(axis.marks.len() >= 2 || axis.fine.len() >= 2, "{axis:?}");
            prop_assert!(axis.marks.len() <= room.max(2) + 2, "{axis:?}");
            for pair in axis.marks.windows(2) {
                prop_assert!(pair[0].at < pair[1].at, "{axis:?}");
                prop_assert!(pair[0].label != pair[1].label, "{axis:?}");
            }
            for at in axis.marks.iter().map(|mark| mark.at).chain(axis.fine.iter().copied()) {
                prop_assert!((-1e-6..=1.0 + 1e-3).contains(&at), "{axis:?}");
            }
            prop_assert!(axis.place(low) <= axis.place(low * factor));
        }
    }
}
