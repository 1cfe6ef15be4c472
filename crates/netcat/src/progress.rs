//! How far it is: the line of `--progress`.
//!
//! Counts and the time go in, a line comes out, at most ten times a second. It is plain ASCII, so that its width is its
//! length, and no longer than the terminal is wide.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long between two lines: what a reader can follow.
const PAUSE: Duration = Duration::from_millis(100);

/// Over how long the rate is taken: so long that it does not flicker, and short enough to follow a change.
const WINDOW: Duration = Duration::from_secs(3);

/// Counts, and when the next line is due.
#[derive(Debug)]
pub struct Progress {
    begun: Instant,
    total: Option<u64>,
    /// What had moved at which time, of the last seconds, the oldest first.
    past: VecDeque<(Instant, u64)>,
    /// What the last line told, and when.
    told: Option<(Instant, u64)>,
}

impl Progress {
    /// Begins to count. `total` is what there is to move, if that is known.
    pub fn new(total: Option<u64>, now: Instant) -> Self {
        Self { begun: now, total, past: VecDeque::from([(now, 0)]), told: None }
    }

    /// So many bytes have moved in all. Gives a line of at most `width` characters if one is due.
    pub fn handle_moved(&mut self, bytes: u64, width: usize, now: Instant) -> Option<String> {
        if let Some((last, told)) = self.told
            && (now < last + PAUSE || told == bytes && now < last + PAUSE * 10)
        {
            return None;
        }
        self.told = Some((now, bytes));
        self.past.push_back((now, bytes));
        while self.past.len() > 2 && self.past[1].0 + WINDOW <= now {
            self.past.pop_front();
        }
        let (since, before) = self.past[0];
        let rate = rate(bytes - before.min(bytes), now - since);
        let mut parts = self.amount(bytes);
        parts.push(format!("{}/s", size(rate)));
        if let Some(left) = self.total.map(|total| total.saturating_sub(bytes))
            && rate > 0
        {
            parts.push(format!("{} left", clock(left.div_ceil(rate))));
        }
        Some(fit(&parts, width))
    }

    /// The last line: all of it, how long it took, and the rate over that.
    pub fn end(&self, bytes: u64, width: usize, now: Instant) -> String {
        let took = now - self.begun;
        let mut parts = self.amount(bytes);
        parts.push(format!("{}/s", size(rate(bytes, took))));
        parts.push(format!("in {:.1} s", took.as_secs_f64()));
        fit(&parts, width)
    }

    /// When the next line is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        Some(self.told.map_or(self.begun, |(last, _)| last + PAUSE * 10))
    }

    fn amount(&self, bytes: u64) -> Vec<String> {
        let Some(total) = self.total else { return vec![size(bytes)] };
        // A file may have grown since its size was asked.
        let percent = match total {
            0 => 100,
            total => (u128::from(bytes.min(total)) * 100 / u128::from(total)) as u64,
        };
        vec![format!("{} of {}", size(bytes), size(total)), format!("{percent}%")]
    }
}

/// Bytes a second.
fn rate(bytes: u64, time: Duration) -> u64 {
    let time = time.max(Duration::from_millis(1));
    (u128::from(bytes) * 1_000_000_000 / time.as_nanos()).min(u64::MAX.into()) as u64
}

/// As many of the parts as fit, the most important first.
fn fit(parts: &[String], width: usize) -> String {
    let mut line = String::new();
    for part in parts {
        let gap = if line.is_empty() { "" } else { "  " };
        if line.len() + gap.len() + part.len() > width {
            break;
        }
        line.push_str(gap);
        line.push_str(part);
    }
    line
}

/// Bytes with three digits: `987 B`, `1.21 GiB`.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // What would be rounded to 1000 or more has the next unit.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// Seconds as `1:02` or `3:04:05`.
fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        1..100 => format!("{hours}:{minutes:02}:{seconds:02}"),
        // At that rate nobody waits for it.
        _ => format!("{} days", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_line_tells_bytes_rate_and_time_left() {
        let start = Instant::now();
        let mut progress = Progress::new(Some(100 * MIB), start);
        assert_eq!(
            progress.handle_moved(10 * MIB, 80, start + Duration::from_secs(1)).unwrap(),
            "10.0 MiB of 100 MiB  10%  10.0 MiB/s  0:09 left"
        );
        let end = progress.end(100 * MIB, 80, start + Duration::from_secs(8));
        assert_eq!(end, "100 MiB of 100 MiB  100%  12.5 MiB/s  in 8.0 s");
        let mut endless = Progress::new(None, start);
        let line = endless.handle_moved(1500, 80, start + Duration::from_secs(1));
        assert_eq!(line.unwrap(), "1.46 KiB  1.46 KiB/s");
    }

    #[test]
    fn lines_come_ten_times_a_second_at_most() {
        let start = Instant::now();
        let mut progress = Progress::new(None, start);
        let lines = (0..1000u64)
            .filter(|&ms| {
                progress.handle_moved(ms, 80, start + Duration::from_millis(ms)).is_some()
            })
            .count();
        assert_eq!(lines, 10);
        // Where nothing moves, once a second, since the rate falls.
        let still = progress.poll_timeout().unwrap();
        assert!(progress.handle_moved(900, 80, still - PAUSE).is_none());
        assert!(progress.handle_moved(900, 80, still).is_some());
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let start = Instant::now();
        let mut progress = Progress::new(None, start);
        let mut line = String::new();
        for tenth in 0..200u64 {
            // Fast for ten seconds, then a tenth of it.
            let bytes = if tenth < 100 { tenth * 10 } else { 1000 + (tenth - 100) };
            let now = start + Duration::from_millis(tenth * 100);
            line = progress.handle_moved(bytes, 80, now).unwrap_or(line);
        }
        assert_eq!(line, "1.07 KiB  10 B/s");
    }

    #[test]
    fn a_narrow_terminal_gets_the_parts_that_fit() {
        let start = Instant::now();
        for width in 0..80 {
            let mut progress = Progress::new(Some(u64::MAX), start);
            let line = progress.handle_moved(7, width, start + Duration::from_secs(1)).unwrap();
            assert!(line.len() <= width);
            assert!(progress.end(7, width, start).len() <= width);
        }
    }

    #[test]
    fn sizes_have_three_digits() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (10_240, "10.0 KiB"),
            (1_023_999, "0.98 MiB"),
            (4 << 30, "4.00 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        assert_eq!((clock(62), clock(3_723), clock(u64::MAX / 2)).0, "1:02");
        assert_eq!(clock(3_723), "1:02:03");
    }
}
