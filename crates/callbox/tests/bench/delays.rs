//! A server that takes a known time for each reply, and notes when each request came and each reply left: the latencies of
//! the report are those, within the histogram's precision.

use std::net::UdpSocket;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use callbox_testkit::Folder;

use crate::{callbox, counted};

const DELAYS: [u64; 4] = [5, 10, 20, 40];

/// What a figure with three digits may be above or below what it stands for.
const PRECISION: f64 = 1.001;

#[test]
fn latencies_of_a_known_delay_come_back_within_the_histogram_s_precision() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("its address").to_string();
    let noted: Arc<Mutex<Vec<(Instant, Instant)>>> = Arc::default();
    let notes = Arc::clone(&noted);
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        for delay in DELAYS.iter().cycle() {
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { return };
            let received = Instant::now();
            // The delay itself: nothing is waited for.
            thread::sleep(Duration::from_millis(*delay));
            notes.lock().expect("no panic").push((received, Instant::now()));
            let _ = socket.send_to(&buffer[..length], from);
        }
    });

    let folder = Folder::new("delays");
    let json = folder.join("report.json");
    let words = ["bench", "udp", &address, "--check", "echo", "--connections", "1"];
    let times = ["--window", "1", "--warmup", "0", "--duration", "1500ms", "--lost-after", "20s"];
    let load = || {
        noted.lock().expect("no panic").clear();
        callbox(&words).args(times)
    };
    let latency = counted(&json, load).1.steps.remove(0).latency;

    // With one request on its way, each was sent after the reply before it had left the server, and its reply was there
    // before the next one came to the server. So its latency is as long as the server took at least, and as long as lies
    // between those two moments at most, however slow the machine is.
    let noted = noted.lock().expect("no panic");
    assert_eq!(latency.count(), noted.len() as u64);
    let mut shortest: Vec<_> = noted.iter().map(|(received, sent)| *sent - *received).collect();
    let mut longest: Vec<_> = (0..noted.len())
        .map(|at| match (at.checked_sub(1), noted.get(at + 1)) {
            (Some(before), Some((next, _))) => *next - noted[before].1,
            // Of the first and the last one the server does not know it.
            _ => Duration::MAX,
        })
        .collect();
    shortest.sort_unstable();
    longest.sort_unstable();
    let within = |name: &str, figure: u64, at: usize| {
        let (low, high) = (shortest[at].as_nanos() as f64, longest[at].as_nanos() as f64);
        let figure = figure as f64;
        println!("{name}: {figure} ns, between {low} and {high}");
        assert!(figure * PRECISION >= low && figure <= high * PRECISION, "{name}");
    };
    within("min", latency.min(), 0);
    for of_hundred in [25.0, 50.0, 75.0] {
        let rank = (of_hundred / 100.0 * noted.len() as f64).ceil() as usize;
        within(&format!("p{of_hundred}"), latency.percentile(of_hundred), rank.max(1) - 1);
    }
    within("max", latency.max(), noted.len() - 1);
    assert!(latency.min() as f64 * PRECISION >= DELAYS[0] as f64 * 1e6);
}
