//! Bytes that a thread collects from a stream while a test waits for what it hopes to see.
//!
//! The thread reads whatever comes at once, so that a program never blocks on a full pipe because its
//! test looks at the other stream. Waiting is on a condition variable: no polling, no sleep.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

/// The most that is kept of one stream. A test of a chatty program writes a few MiB; a program that
/// runs wild must not take the machine's memory. What comes later is read, counted and thrown away.
const KEPT_BYTES: usize = 64 << 20;

/// How much one read takes: the size of a Linux pipe.
const READ_BYTES: usize = 64 << 10;

/// Everything that a stream has given so far, and how far the test has looked.
#[derive(Default)]
pub(crate) struct Collected {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// Bytes that came after the cap.
    discarded: u64,
    ended: bool,
    /// The first byte that no successful wait has passed.
    cursor: usize,
}

/// Why a wait gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// The stream ended, so what was awaited cannot come any more.
    Ended,
    /// The deadline passed.
    TimedOut,
}

impl Collected {
    /// Starts a thread that collects `reader` up to its end; a read error counts as the end (a
    /// pseudo-terminal ends with EIO).
    pub(crate) fn from_reader(reader: impl Read + Send + 'static) -> Arc<Self> {
        let collected = Arc::new(Self::default());
        let writer = Arc::clone(&collected);
        thread::spawn(move || {
            each_read(reader, |bytes| writer.push(bytes));
            writer.end();
        });
        collected
    }

    /// Adds bytes at the end, up to the cap.
    pub(crate) fn push(&self, bytes: &[u8]) {
        let mut state = self.lock();
        let kept = bytes.len().min(KEPT_BYTES - state.bytes.len());
        state.bytes.extend_from_slice(&bytes[..kept]);
        state.discarded += (bytes.len() - kept) as u64;
        self.changed.notify_all();
    }

    /// Says that nothing more will come.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Waits until `find` makes something of the bytes that no earlier wait has passed.
    ///
    /// `find` is given those bytes and whether the stream has ended; it returns what it found and how
    /// many of the bytes that takes. The next wait starts after them, so that waiting twice for the
    /// same text means two occurrences.
    pub(crate) fn wait_for<T>(
        &self,
        deadline: Instant,
        mut find: impl FnMut(&[u8], bool) -> Option<(T, usize)>,
    ) -> Result<T, Missed> {
        let mut state = self.lock();
        loop {
            if let Some((found, taken)) = find(&state.bytes[state.cursor..], state.ended) {
                state.cursor += taken;
                return Ok(found);
            }
            if state.ended {
                return Err(Missed::Ended);
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                return Err(Missed::TimedOut);
            };
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for the next line that contains `pattern` and returns it without its line end.
    pub(crate) fn wait_for_line(&self, pattern: &str, deadline: Instant) -> Result<String, Missed> {
        let mut scanned = 0;
        self.wait_for(deadline, |bytes, ended| {
            while let Some(line) = next_line(&bytes[scanned..], ended) {
                scanned += line.len();
                let line = text(line);
                if line.contains(pattern) {
                    return Some((line, scanned));
                }
            }
            None
        })
    }

    /// Waits for the next `count` lines and returns them without their line ends.
    pub(crate) fn wait_for_lines(
        &self,
        count: usize,
        deadline: Instant,
    ) -> Result<Vec<String>, Missed> {
        let (mut scanned, mut lines) = (0, Vec::with_capacity(count));
        self.wait_for(deadline, |bytes, ended| {
            while lines.len() < count {
                let line = next_line(&bytes[scanned..], ended)?;
                scanned += line.len();
                lines.push(text(line));
            }
            Some((std::mem::take(&mut lines), scanned))
        })
    }

    /// Waits for the end of the stream.
    pub(crate) fn wait_for_end(&self, deadline: Instant) -> Result<(), Missed> {
        self.wait_for(deadline, |_, ended| ended.then_some(((), 0)))
    }

    /// All that was kept, from the first byte.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    /// How many bytes came after the cap and were thrown away.
    pub(crate) fn discarded(&self) -> u64 {
        self.lock().discarded
    }

    /// The state, even if a test thread panicked while it held the lock: a report is then most wanted.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives `take` everything that `reader` yields, up to its end or its first error.
pub(crate) fn each_read(mut reader: impl Read, mut take: impl FnMut(&[u8])) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => take(&buffer[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// The first line of `bytes` with its line end; an unfinished one only once the stream has ended.
fn next_line(bytes: &[u8], ended: bool) -> Option<&[u8]> {
    match bytes.iter().position(|&byte| byte == b'\n') {
        Some(end) => Some(&bytes[..=end]),
        None if ended && !bytes.is_empty() => Some(bytes),
        None => None,
    }
}

/// A line as text, without its line end.
fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EVENT_DEADLINE;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + EVENT_DEADLINE
    }

    #[test]
    fn waiting_twice_for_the_same_text_means_two_occurrences() {
        let collected = Collected::default();
        collected.push(b"x 1\ny\nx 2\n");
        collected.end();
        assert_eq!(collected.wait_for_line("x", soon()), Ok("x 1".into()));
        assert_eq!(collected.wait_for_line("x", soon()), Ok("x 2".into()));
        assert_eq!(collected.wait_for_line("x", soon()), Err(Missed::Ended));
    }

    #[test]
    fn a_line_counts_once_it_is_whole() {
        let collected = Collected::default();
        collected.push(b"Listening at 127.0");
        let past = Instant::now() - Duration::from_millis(1);
        assert_eq!(collected.wait_for_line("Listening", past), Err(Missed::TimedOut));
        collected.push(b".0.1:3000\r\n");
        let line = collected.wait_for_line("Listening", soon());
        assert_eq!(line, Ok("Listening at 127.0.0.1:3000".into()));
    }

    #[test]
    fn the_last_line_needs_no_line_end() {
        let collected = Collected::default();
        collected.push(b"a\nb");
        collected.end();
        assert_eq!(collected.wait_for_lines(2, soon()), Ok(vec!["a".into(), "b".into()]));
    }

    #[test]
    fn what_comes_after_the_cap_is_counted_and_not_kept() {
        let collected = Collected::default();
        let block = vec![b'.'; KEPT_BYTES / 2 + 1];
        collected.push(&block);
        collected.push(&block);
        assert_eq!(collected.bytes().len(), KEPT_BYTES);
        assert_eq!(collected.discarded(), 2);
    }
}
