//! A server that stands still for 200 ms once a second: who measures it with an open loop sees it, and who waits for each
//! reply before the next request does not.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use callbox_measure::report::Step;
use callbox_testkit::{Folder, Running};

use crate::{callbox, report};

const STALL: Duration = Duration::from_millis(200);

/// A p99 above this shows the stalls, one below hides them.
const SHOWN: u64 = 150_000_000;

/// A server that says what it was sent, and stalls. Gives when each request came to it.
fn stalling() -> (SocketAddr, Arc<Mutex<Vec<Instant>>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("its address");
    let received = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&received);
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        let mut awake_since = None;
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let now = Instant::now();
            told.lock().expect("no panic").push(now);
            if now - *awake_since.get_or_insert(now) >= Duration::from_secs(1) {
                // The stall itself: nothing is waited for.
                thread::sleep(STALL);
                awake_since = Some(Instant::now());
            }
            let _ = socket.send_to(&buffer[..length], from);
        }
    });
    (address, received)
}

/// A run over one socket, every request of which counts.
fn run(folder: &Folder, name: &str, address: SocketAddr, load: &[&str]) -> Running {
    let words = ["bench", "udp", &address.to_string(), "--check", "echo", "--connections", "1"];
    // What a machine that is busy makes late is late, and not lost.
    let times = ["--warmup", "0", "--duration", "3s", "--lost-after", "20s"];
    callbox(&words).args(times).args(load).arg("--json").arg(folder.join(name)).spawn()
}

fn step(folder: &Folder, name: &str, running: Running) -> Step {
    running.wait().expect_code(0);
    report(&folder.join(name)).steps.remove(0)
}

#[test]
fn the_open_loop_reports_a_stall_in_p99_and_the_closed_loop_alone_does_not() {
    let folder = Folder::new("stalls");
    let (one, _) = stalling();
    let (other, received) = stalling();
    let open = run(&folder, "open.json", one, &["--rate", "100"]);
    let closed = run(&folder, "closed.json", other, &["--window", "1"]);

    // Of 300 requests p99 is the fourth from above. Into a single stall fall the request that began it and those of the
    // next 200 ms, one each 10 ms, and the first six of them have waited for 150 ms or longer when it ends. A machine that
    // is slow only adds to that.
    let open = step(&folder, "open.json", open);
    assert_eq!((open.counts.requests, open.counts.replies), (300, 300));
    let p99 = open.latency.percentile(99.0);
    assert!(p99 >= SHOWN, "the open loop's p99 is {p99} ns");

    // A latency of 150 ms lies between the requests before and after it, as they came to the server, so that one of the two
    // gaps between these has 75 ms or more: of the stalls, and of a machine that stood still.
    let closed = step(&folder, "closed.json", closed);
    let received = received.lock().expect("no panic");
    let gaps = received.windows(2).filter(|pair| pair[1] - pair[0] >= STALL * 3 / 8).count() as u64;
    let p99 = closed.latency.percentile(99.0);
    println!("{} replies, {gaps} gaps, p99 {p99} ns", closed.counts.replies);
    if 2 * (gaps + 1) * 100 < closed.counts.replies {
        assert!(p99 < SHOWN, "the closed loop's p99 is {p99} ns");
    }
    // That there was a stall it can only tell by its longest latency.
    if gaps > 0 && received.len() as u64 == closed.counts.replies {
        assert!(closed.latency.max() >= SHOWN / 2);
    }
}
