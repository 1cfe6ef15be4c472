//! Talk to a running program as a user would: lines in, lines out, signals, exit.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::child::OwnedChild;
use crate::collected::{Collected, Missed};
use crate::finished::Finished;
use crate::report::{self, StreamText};
use crate::{EVENT_DEADLINE, Signal};

/// How long a report waits for the exit of a program whose stream has just ended, so that it can tell
/// the status: the two come a moment apart.
const STATUS_GRACE: Duration = Duration::from_secs(1);

/// A program at work. Dropping it kills that one process and reaps it.
///
/// Each `wait_for_…` looks only at what no earlier wait on the same stream has passed: waiting twice
/// for the same text means two occurrences.
pub struct Running {
    command_line: String,
    child: OwnedChild,
    /// To the thread that writes standard input, so that a program which does not read cannot block
    /// its test.
    stdin: Option<Sender<Vec<u8>>>,
    stdout: Arc<Collected>,
    stderr: Arc<Collected>,
}

impl Running {
    pub(crate) fn new(command_line: String, mut child: OwnedChild) -> Self {
        let pipes = child.pipes();
        let stdin = pipes.stdin.take().map(write_from_thread);
        let stdout = pipes.stdout.take().map(Collected::from_reader).unwrap_or_else(ended);
        let stderr = pipes.stderr.take().map(Collected::from_reader).unwrap_or_else(ended);
        Self { command_line, child, stdin, stdout, stderr }
    }

    /// The process identifier.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on standard output that contains `pattern`, and returns that line.
    #[track_caller]
    pub fn wait_for_stdout(&mut self, pattern: &str) -> String {
        let found = self.stdout.wait_for_line(pattern, deadline());
        self.or_report(found, || format!("a line on standard output that contains {pattern:?}"))
    }

    /// Waits for a line on standard error that contains `pattern`, and returns that line.
    #[track_caller]
    pub fn wait_for_stderr(&mut self, pattern: &str) -> String {
        let found = self.stderr.wait_for_line(pattern, deadline());
        self.or_report(found, || format!("a line on standard error that contains {pattern:?}"))
    }

    /// Waits for the next `count` lines on standard output, and returns them.
    #[track_caller]
    pub fn wait_for_stdout_lines(&mut self, count: usize) -> Vec<String> {
        let found = self.stdout.wait_for_lines(count, deadline());
        self.or_report(found, || format!("{count} more lines on standard output"))
    }

    /// Waits for the next `count` lines on standard error, and returns them.
    #[track_caller]
    pub fn wait_for_stderr_lines(&mut self, count: usize) -> Vec<String> {
        let found = self.stderr.wait_for_lines(count, deadline());
        self.or_report(found, || format!("{count} more lines on standard error"))
    }

    /// Waits for the next `Listening at ADDRESS` on standard error: the address a server took.
    #[track_caller]
    pub fn wait_until_listening(&mut self) -> SocketAddr {
        let line = self.wait_for_stderr("Listening at ");
        listening_address(&line)
    }

    /// Writes a line to standard input. The program's own end is no failure here: it shows elsewhere.
    #[track_caller]
    pub fn write_line(&mut self, line: &str) {
        self.write(format!("{line}\n"));
    }

    /// Writes bytes to standard input, from a thread: the call returns at once.
    #[track_caller]
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_ref().expect("standard input is open and the test's");
        let _ = stdin.send(bytes.as_ref().to_vec());
    }

    /// Closes standard input once all that was written has gone out.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Sends a signal to this process.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        let sent = self.child.signal(signal);
        sent.unwrap_or_else(|error| panic!("cannot signal {}: {error}", self.command_line));
    }

    /// Everything on standard output so far, as text.
    pub fn stdout_so_far(&self) -> String {
        String::from_utf8_lossy(&self.stdout.bytes()).into_owned()
    }

    /// Everything on standard error so far, as text.
    pub fn stderr_so_far(&self) -> String {
        String::from_utf8_lossy(&self.stderr.bytes()).into_owned()
    }

    /// Closes standard input and waits for the exit and the end of both streams.
    #[track_caller]
    pub fn wait(self) -> Finished {
        self.wait_within(EVENT_DEADLINE)
    }

    /// As [`wait`](Self::wait), for a promise such as "ends within a second".
    #[track_caller]
    pub fn wait_within(mut self, limit: Duration) -> Finished {
        self.close_stdin();
        self.finish_within(limit)
    }

    /// Waits for the exit and the end of both streams with standard input still open: the end was not that of its input.
    #[track_caller]
    pub fn wait_with_open_stdin(self) -> Finished {
        self.finish_within(EVENT_DEADLINE)
    }

    #[track_caller]
    fn finish_within(mut self, limit: Duration) -> Finished {
        let Some(status) = self.child.wait(Instant::now() + limit) else {
            self.fail(&format!("the exit within {limit:?}"));
        };
        // A grandchild can hold a stream open; that is a fault of the program too.
        let closed = |stream: &Collected| stream.wait_for_end(deadline()).is_ok();
        if !(closed(&self.stdout) && closed(&self.stderr)) {
            self.fail("the end of both streams after the exit");
        }
        if self.stdout.discarded() + self.stderr.discarded() > 0 {
            self.fail("no more output than is kept");
        }
        let (stdout, stderr) = (self.stdout.bytes(), self.stderr.bytes());
        Finished::new(self.command_line, status, stdout, stderr)
    }

    #[track_caller]
    fn or_report<T>(&mut self, found: Result<T, Missed>, expected: impl FnOnce() -> String) -> T {
        match found {
            Ok(found) => found,
            Err(Missed::Ended) => self.fail(&format!("{}, but the stream ended", expected())),
            Err(Missed::TimedOut) => {
                self.fail(&format!("{} within {EVENT_DEADLINE:?}", expected()))
            }
        }
    }

    #[track_caller]
    fn fail(&mut self, expected: &str) -> ! {
        let grace = Instant::now() + STATUS_GRACE;
        let status = self.child.wait(grace);
        if status.is_some() {
            // What it wrote last may still be on its way through the other stream's thread.
            let _ = self.stdout.wait_for_end(grace);
            let _ = self.stderr.wait_for_end(grace);
        }
        let status = status.map_or_else(|| "still running".to_owned(), |status| status.to_string());
        let (stdout, stderr) = (self.stdout.bytes(), self.stderr.bytes());
        let streams = [
            StreamText {
                name: "standard output",
                bytes: &stdout,
                discarded: self.stdout.discarded(),
            },
            StreamText {
                name: "standard error",
                bytes: &stderr,
                discarded: self.stderr.discarded(),
            },
        ];
        panic!("{}", report::failure(expected, &self.command_line, &status, &streams));
    }
}

/// The address in a line such as `Listening at 127.0.0.1:3000` or `Listening at [::1]:3000 (…)`.
#[track_caller]
pub fn listening_address(line: &str) -> SocketAddr {
    let address = line.split("Listening at ").nth(1).and_then(|rest| rest.split(' ').next());
    let address = address.and_then(|address| address.trim_end_matches([',', '.']).parse().ok());
    address.unwrap_or_else(|| panic!("no address after `Listening at ` in {line:?}"))
}

fn deadline() -> Instant {
    Instant::now() + EVENT_DEADLINE
}

/// A stream that is not the test's to read.
fn ended() -> Arc<Collected> {
    let collected = Arc::new(Collected::default());
    collected.end();
    collected
}

/// Starts the thread that writes what it is sent, and closes the pipe when the sender goes.
fn write_from_thread(mut pipe: impl Write + Send + 'static) -> Sender<Vec<u8>> {
    let (sender, receiver) = channel::<Vec<u8>>();
    thread::spawn(move || {
        for bytes in receiver {
            if pipe.write_all(&bytes).and_then(|()| pipe.flush()).is_err() {
                return;
            }
        }
    });
    sender
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Program;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::Path;

    fn sh(script: &str) -> Program {
        Program::new("/bin/sh").args(["-c", script])
    }

    /// The text with which `f` panics.
    fn panic_text<T>(f: impl FnOnce() -> T) -> String {
        let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else { panic!("it did not panic") };
        *payload.downcast::<String>().expect("a formatted panic")
    }

    #[test]
    fn lines_go_in_and_come_back() {
        let mut cat = Program::new("cat").spawn();
        cat.write_line("héllo");
        assert_eq!(cat.wait_for_stdout("h"), "héllo");
        cat.write_line("a");
        cat.write_line("b");
        assert_eq!(cat.wait_for_stdout_lines(2), ["a", "b"]);
        cat.wait().expect_code(0).stdout_is("héllo\na\nb\n").stderr_is("");
    }

    #[test]
    fn both_streams_may_be_larger_than_a_pipe() {
        let script = "head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero; cat | wc -c";
        let finished = sh(script).run_with_input(vec![b'x'; 1_000_000]);
        finished.expect_code(0).stdout_contains("1000000");
        assert_eq!(finished.stderr.len(), 3_000_000);
    }

    #[test]
    fn a_program_that_never_reads_does_not_block_its_test() {
        let mut running = sh("echo ready; exec sleep 1000").spawn();
        running.write(vec![b'x'; 1_000_000]);
        running.wait_for_stdout("ready");
    }

    #[test]
    fn a_program_that_ends_by_itself_does_so_with_its_input_open() {
        let script = "head -n 1; exit 4";
        let mut running = sh(script).spawn();
        running.write_line("one");
        running.wait_with_open_stdin().expect_code(4).stdout_is("one\n");
    }

    #[test]
    fn a_signal_reaches_the_program() {
        let mut running =
            sh("trap 'echo caught; exit 7' TERM; echo ready; while :; do read x; done").spawn();
        running.wait_for_stdout("ready");
        running.signal(Signal::TERM);
        running.write_line("wake the builtin");
        running.wait().expect_code(7).stdout_contains("caught");
    }

    #[test]
    fn an_end_by_a_signal_is_no_exit_code() {
        let mut running = sh("echo ready; exec sleep 1000").spawn();
        running.wait_for_stdout("ready");
        running.signal(Signal::INT);
        let finished = running.wait();
        finished.expect_signal(Signal::INT);
        assert_eq!(finished.code, None);
    }

    #[test]
    fn a_dropped_program_is_killed_and_reaped() {
        let mut running = sh("echo ready; exec sleep 1000").spawn();
        running.wait_for_stdout("ready");
        let entry = format!("/proc/{}", running.id());
        assert!(Path::new(&entry).exists());
        drop(running);
        assert!(!Path::new(&entry).exists(), "{entry} is still there");
    }

    #[test]
    fn what_a_program_started_in_its_group_ends_with_it() {
        let mut running = sh("sleep 1000 & echo $!; exec sleep 1000").with_group().spawn();
        let entry = format!("/proc/{}/stat", running.wait_for_stdout_lines(1)[0]);
        assert!(Path::new(&entry).exists());
        drop(running);
        // Gone, or dead and not reaped by whoever has it now.
        let has_ended = || {
            let stat = std::fs::read_to_string(&entry).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        };
        let limit = deadline();
        while !has_ended() {
            assert!(Instant::now() < limit, "{entry} is still there");
            thread::yield_now();
        }
    }

    #[test]
    fn a_line_that_never_comes_is_reported_with_everything() {
        let text = panic_text(|| {
            let mut running = sh("echo out; echo err >&2; exit 3").spawn();
            running.wait_for_stderr("Listening at ")
        });
        for part in ["Listening at ", "/bin/sh -c", "exited with code 3", "\nout\n", "\nerr\n"] {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
    }

    #[test]
    fn a_wrong_exit_code_is_reported_with_everything() {
        let text = panic_text(|| {
            sh("echo out; echo err >&2; exit 3").run().expect_code(0);
        });
        for part in ["exit code 0", "exited with code 3", "\nout\n", "\nerr\n"] {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
    }

    #[test]
    fn expectations_of_the_streams_fail_when_they_do_not_hold() {
        let finished = sh("echo out; echo err >&2").run();
        panic_text(|| finished.stdout_is("out").expect_code(0).code);
        panic_text(|| finished.stderr_is("out\n").code);
        panic_text(|| finished.stdout_contains("err").code);
        panic_text(|| finished.stderr_contains("out").code);
        panic_text(|| finished.stdout_lacks("out").code);
        panic_text(|| finished.stderr_lacks("err").code);
    }

    #[test]
    fn a_closed_standard_output_fails_the_first_write() {
        let script = "import os\ntry: os.write(1, b'x')\nexcept BrokenPipeError: exit(9)";
        crate::python(script).stdout_closed().run().expect_code(9);
    }

    #[test]
    fn the_address_is_read_from_the_readiness_line() {
        let v4 = listening_address("Listening at 127.0.0.1:3000");
        assert_eq!(v4, "127.0.0.1:3000".parse().expect("an address"));
        let v6 = listening_address("callbox: Listening at [::1]:46734 (udp)");
        assert_eq!(v6, "[::1]:46734".parse().expect("an address"));
        panic_text(|| listening_address("Listening at nothing"));
    }
}
