//! Standard error that nobody reads: whoever should read it hangs, and both ends can be ended all the same.

use std::io::{BufRead, BufReader, PipeWriter, Write, pipe};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Instant;

use super::*;

/// What a pipe holds on Linux (pipe(7)): the next byte waits for a reader.
const PIPE: usize = 65_536;

/// A callbox that is killed if a test fails.
struct Stuck(Child);

impl Stuck {
    fn spawn(args: &[&str], stderr: &PipeWriter) -> Self {
        let stderr = stderr.try_clone().expect("the same pipe");
        let mut command = Command::new(env!("CARGO_BIN_EXE_callbox"));
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(stderr);
        Self(command.spawn().expect("callbox starts"))
    }

    #[track_caller]
    fn terminate(&self) {
        let id = self.0.id().to_string();
        Program::new("kill").args(["-TERM", &id]).run().expect_code(0);
    }

    #[track_caller]
    fn wait(mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().expect("our child") {
                return status;
            }
            assert!(start.elapsed() < EVENT_DEADLINE, "it still runs");
            thread::yield_now();
        }
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_stops_although_nobody_reads_what_it_says() {
    let (said, mut stderr) = pipe().expect("a pipe");
    let server = Stuck::spawn(&["tcp", "server", "-p", "0", "-s", "upper"], &stderr);
    let mut said = BufReader::with_capacity(PIPE, said);
    let mut line = String::new();
    said.read_line(&mut line).expect("its first line");
    let address = callbox_testkit::listening_address(line.trim_end());
    let mut open = connect(address);
    open.write_all(b"a\n").expect("it is taken");
    assert_eq!(read_exactly(&mut open, 2), b"A\n");
    stderr.write_all(&[b'\n'; PIPE]).expect("the pipe is empty");
    server.terminate();
    wait_until_refused(address);
    drop(open);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_client_ends_although_nobody_reads_what_it_says() {
    let (_said, mut stderr) = pipe().expect("a pipe");
    stderr.write_all(&[b'\n'; PIPE]).expect("the pipe is empty");
    let (listener, address) = listener();
    let client = Stuck::spawn(&["tcp", "client", "-q", &address.to_string()], &stderr);
    let _connection = accept(&listener);
    client.terminate();
    assert_eq!(client.wait().code(), Some(130));
}
