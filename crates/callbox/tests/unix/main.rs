//! End-to-end tests of `callbox unix`: the same services at a path, and what becomes of the file there.

mod exchange;
mod faults;
mod files;
mod python;

use std::fs;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use callbox_testkit::{EVENT_DEADLINE, Finished, Program, Running, Signal};

/// A directory that goes when the test ends. In the system's own, since a socket's path has room for 107 bytes.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("callbox-unix-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a directory");
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn callbox(args: &[&str]) -> Program {
    Program::new(env!("CARGO_BIN_EXE_callbox")).args(args)
}

fn at(end: &str, path: &Path, args: &[&str]) -> Program {
    callbox(&["unix", end]).arg(path).args(args)
}

fn client(path: &Path, args: &[&str]) -> Program {
    at("client", path, args)
}

/// A server at `path` that is ready.
#[track_caller]
fn server(path: &Path, args: &[&str]) -> Running {
    let mut running = at("server", path, args).spawn();
    let line = running.wait_for_stderr("Listening at ");
    assert_eq!(line, format!("Listening at {}", path.display()));
    running
}

#[track_caller]
fn stop(server: Running) -> Finished {
    server.signal(Signal::TERM);
    let finished = server.wait();
    finished.expect_code(0);
    finished
}

#[track_caller]
fn connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).expect("a connection");
    stream.set_read_timeout(Some(EVENT_DEADLINE)).expect("a time limit");
    stream
}

#[track_caller]
fn read_to_end(stream: &mut UnixStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("an orderly end of file");
    all
}

/// Both kinds of socket.
const TYPES: [&str; 2] = ["stream", "datagram"];
