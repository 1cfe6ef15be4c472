//! `callbox bench`, end to end: real servers under a load, and what is told of it.
//!
//! | module | whose promises |
//! |---|---|
//! | `calls` | what may be typed |
//! | `runs` | a load on each kind of server, and its report |
//! | `faults` | servers that are not there, or answer wrongly, and files that cannot be written |
//! | `ending` | runs that are ended early |
//! | `screen` | the line of progress |
//! | `stalls` | a server that stands still is seen |
//! | `relay` | what is lost, doubled and swapped is counted to the exact number |
//! | `delays` | latencies are what a server knows that it took |
//! | `pictures` | table, file and page say the same |
//! | `own` | callbox's own servers, started and ended |
//! | `comparing` | two reports, or two servers in turn |

mod calls;
mod comparing;
mod delays;
mod ending;
mod faults;
mod own;
mod pictures;
mod relay;
mod runs;
mod screen;
mod stalls;

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::thread;

use callbox_measure::report::Report;
use callbox_testkit::{Finished, Program, Running};

/// callbox with these words.
fn callbox(words: &[&str]) -> Program {
    Program::new(env!("CARGO_BIN_EXE_callbox")).args(words)
}

/// `callbox bench` of this kind, to a place, for a moment. A reply may take as long as a busy machine makes it.
fn bench(kind: &str, place: impl ToString) -> Program {
    bench_losing(kind, place, "10s")
}

/// The same, with the time after which a request is lost.
fn bench_losing(kind: &str, place: impl ToString, lost_after: &str) -> Program {
    let times = ["--duration", "200ms", "--warmup", "50ms"];
    let program = callbox(&["bench", kind]).arg(place.to_string()).args(times);
    program.args(["--lost-after", lost_after])
}

/// One of callbox's own servers, on a port of the kernel's choice.
#[track_caller]
fn server(words: &[&str]) -> (Running, SocketAddr) {
    let mut server = callbox(words).args(["-q", "-p", "0"]).spawn();
    let address = server.wait_until_listening();
    (server, address)
}

/// The report in a file.
#[track_caller]
fn report(path: &Path) -> Report {
    let file = std::fs::read(path).expect("the report's file");
    Report::from_json(&file).expect("a report")
}

/// Runs a load, with its report in a file, until one has counted something: a machine that stands still may take all the
/// time of a closed loop.
#[track_caller]
fn counted(json: &Path, load: impl Fn() -> Program) -> (Finished, Report) {
    let mut tries = 0;
    loop {
        let finished = load().arg("--json").arg(json).run();
        finished.expect_code(0);
        let report = report(json);
        tries += 1;
        if tries == 10 || report.steps.iter().all(|step| step.counts.requests > 0) {
            return (finished, report);
        }
    }
}

/// A UDP server of this test's own that says what it was sent, and calls `each` for each request before. It goes with the
/// test.
fn echo(mut each: impl FnMut() + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("its address");
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            each();
            let _ = socket.send_to(&buffer[..length], from);
        }
    });
    address
}

/// A UDP server that never says anything, and lives as long as the test.
fn silent() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("its address");
    thread::spawn(move || while socket.recv_from(&mut [0; 2048]).is_ok() {});
    address
}
