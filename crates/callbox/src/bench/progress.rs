//! The line that tells how far a run is, on a terminal alone.
//!
//! It is written over and over in its place, and taken away before anything else is printed.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use callbox_load::Control;
use callbox_measure::figures::show::PerSecond;

use super::measure::{Stage, Watch};

/// How often the line is written: often enough to be seen to move, seldom enough not to disturb what is measured.
const EVERY: Duration = Duration::from_millis(250);

/// The time whose replies make the rate that is shown.
const RECENT: Duration = Duration::from_secs(1);

/// How many columns the bar has.
const BAR: usize = 20;

/// A line on standard error, if that is a terminal.
#[derive(Debug)]
pub struct Progress {
    shown: Option<(Arc<Shared>, JoinHandle<()>)>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    doing: Option<Doing>,
    is_over: bool,
}

/// What a measurement is at.
#[derive(Clone, Copy, Debug)]
enum Doing {
    /// The server is asked what it does.
    Asking,
    /// A run, since when.
    Run(Stage, Instant),
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    /// A line that tells of the runs of this handle; none if `quiet`, or if nobody would see it.
    pub fn start(control: &Control, quiet: bool) -> Self {
        if quiet || !is_shown() {
            return Self { shown: None };
        }
        let shared = Arc::<Shared>::default();
        let (seen, control) = (Arc::clone(&shared), control.clone());
        let thread = thread::Builder::new().name("progress".to_owned());
        // Without a thread to be had it is measured all the same.
        let thread = thread.spawn(move || show(&seen, &control)).ok();
        Self { shown: thread.map(|thread| (shared, thread)) }
    }

    /// Takes the line away.
    pub fn finish(mut self) {
        self.end();
    }

    fn does(&self, doing: Doing) {
        if let Some((shared, _)) = &self.shown {
            shared.state().doing = Some(doing);
            shared.changed.notify_all();
        }
    }

    fn end(&mut self) {
        if let Some((shared, thread)) = self.shown.take() {
            shared.state().is_over = true;
            shared.changed.notify_all();
            let _ = thread.join();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

impl Watch for Progress {
    fn asks(&self) {
        self.does(Doing::Asking);
    }

    fn begins(&self, stage: Stage) {
        self.does(Doing::Run(stage, Instant::now()));
    }
}

/// Whether a line could be shown, and taken away again.
fn is_shown() -> bool {
    let is_plain = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    io::stderr().is_terminal() && !is_plain
}

/// Takes away what may stand of a line, at once: the program is about to end.
pub fn clear() {
    if is_shown() {
        write("");
    }
}

/// Writes the line until it is no longer wanted.
fn show(shared: &Shared, control: &Control) {
    let mut recent = Recent::default();
    let mut state = shared.state();
    while !state.is_over {
        let doing = state.doing;
        drop(state);
        let now = Instant::now();
        let text = doing.map(|doing| match doing {
            Doing::Asking => "asking the server what it answers".to_owned(),
            Doing::Run(stage, since) => {
                // All connections come before the clock, of a run before this one as well.
                let began = control.began().filter(|began| *began >= since);
                let passed = began.map(|began| now.saturating_duration_since(began));
                line(&stage, passed, recent.rate(now, control.replies()))
            }
        });
        if let Some(text) = text {
            let columns = rustix::termios::tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_col);
            write(&cut(&text, usize::from(columns)));
        }
        state = shared.state();
        if !state.is_over {
            let waited = shared.changed.wait_timeout(state, EVERY);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
    write("");
}

/// Writes a line over the last one.
fn write(line: &str) {
    let mut out = io::stderr().lock();
    // Whoever closed standard error does not want to see it.
    let _ = write!(out, "\r{line}\x1b[K");
    let _ = out.flush();
}

/// The replies of the last second.
#[derive(Debug, Default)]
struct Recent(VecDeque<(Instant, u64)>);

impl Recent {
    /// Takes in how many replies there have been until now, and gives how many a second came lately.
    fn rate(&mut self, now: Instant, replies: u64) -> Option<f64> {
        self.0.push_back((now, replies));
        while self.0.len() > 2 && now - self.0[1].0 >= RECENT {
            self.0.pop_front();
        }
        let (since, before) = *self.0.front()?;
        let time = (now - since).as_secs_f64();
        (time > 0.0).then(|| replies.saturating_sub(before) as f64 / time)
    }
}

/// The line of a run. Before its clock begins, no time of it has passed.
fn line(stage: &Stage, passed: Option<Duration>, rate: Option<f64>) -> String {
    let which = match (stage.rate, stage.of) {
        (Some(rate), 2..) => format!("rate {} of {}, {rate}/s  ", stage.number, stage.of),
        _ => String::new(),
    };
    let Some(passed) = passed else { return which + "connecting" };
    let passed = passed.min(stage.lasts);
    let share = passed.as_secs_f64() / stage.lasts.as_secs_f64().max(f64::MIN_POSITIVE);
    let full = (share * BAR as f64) as usize;
    let bar = format!("{}{}", "█".repeat(full), "░".repeat(BAR - full.min(BAR)));
    let (passed, lasts) = (passed.as_secs_f64(), stage.lasts.as_secs_f64());
    let rate = rate.map_or_else(String::new, |rate| format!("  {}", PerSecond(rate)));
    format!("{which}{bar}  {passed:.1} of {lasts:.1} s{rate}")
}

/// The line, cut so that it stays one; a terminal that does not tell its columns has enough.
fn cut(line: &str, columns: usize) -> String {
    let columns = if columns == 0 { usize::MAX } else { columns - 1 };
    line.chars().take(columns).collect()
}

#[cfg(test)]
mod tests {
    use callbox_measure::plan::Rate;

    use super::*;

    fn stage(of: usize) -> Stage {
        let rate = (of > 1).then(|| Rate::per_second(8000));
        Stage { number: of.min(3), of, rate, lasts: Duration::from_secs(10) }
    }

    #[test]
    fn the_line_tells_the_time_and_the_rate() {
        let text = line(&stage(1), Some(Duration::from_millis(2500)), Some(412_345.0));
        assert_eq!(text, "█████░░░░░░░░░░░░░░░  2.5 of 10.0 s  412,345/s");
        let text = line(&stage(1), Some(Duration::from_secs(99)), None);
        assert_eq!(text, "████████████████████  10.0 of 10.0 s");
    }

    #[test]
    fn in_a_climb_it_tells_which_rate_it_is() {
        let text = line(&stage(12), Some(Duration::ZERO), None);
        assert_eq!(text, "rate 3 of 12, 8k/s  ░░░░░░░░░░░░░░░░░░░░  0.0 of 10.0 s");
    }

    #[test]
    fn before_the_clock_begins_no_time_passes() {
        assert_eq!(line(&stage(1), None, Some(0.0)), "connecting");
        assert_eq!(line(&stage(12), None, Some(0.0)), "rate 3 of 12, 8k/s  connecting");
    }

    #[test]
    fn it_never_takes_two_rows() {
        let line = line(&stage(12), Some(Duration::ZERO), Some(1.0));
        assert_eq!([1, 20, 40].map(|columns| cut(&line, columns).chars().count()), [0, 19, 39]);
        assert_eq!(cut(&line, 0), line);
    }

    #[test]
    fn a_run_of_no_time_is_no_division_by_nothing() {
        let stage = Stage { lasts: Duration::ZERO, ..stage(1) };
        assert!(line(&stage, Some(Duration::ZERO), None).ends_with("0.0 of 0.0 s"));
    }

    #[test]
    fn the_rate_is_that_of_the_last_second() {
        let mut recent = Recent::default();
        let begin = Instant::now();
        let mut at = |millis, replies| recent.rate(begin + Duration::from_millis(millis), replies);
        assert_eq!(at(0, 0), None);
        assert_eq!(at(500, 50), Some(100.0));
        assert_eq!(at(1000, 100), Some(100.0));
        assert_eq!(at(1500, 1100), Some(1050.0));
        assert_eq!(at(2000, 2100), Some(2000.0));
        assert_eq!(at(9000, 2100), Some(0.0));
    }
}
