//! Loads on servers of datagrams at Unix sockets.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use callbox_load::unix_datagram::UnixDatagramLoad;
use callbox_load::{Control, LoadError, Plan};
use callbox_measure::payload::{Check, Payload};
use callbox_measure::plan::{Shape, Stretch};
use callbox_measure::report::Ended;

use crate::{LONG, MILLISECOND, PATIENT, all_is_well, closed, lost_after, open, run};

/// The path of a server's socket, which goes with the test.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("callbox-load-{name}.{}", std::process::id()));
        let _ = fs::remove_file(&path);
        Self(path)
    }

    fn bind(&self) -> UnixDatagram {
        let _ = fs::remove_file(&self.0);
        UnixDatagram::bind(&self.0).expect("a socket")
    }

    /// A server that does what `each` does with each datagram, and its number, until it says that it is enough.
    fn serve(&self, each: impl Fn(u64, &mut [u8], &dyn Fn(&[u8])) -> bool + Send + 'static) {
        let socket = self.bind();
        thread::spawn(move || {
            let mut buffer = [0; 2048];
            for number in 0.. {
                let (length, peer) = socket.recv_from(&mut buffer).expect("a datagram");
                // A load that is over does not read its answers.
                let answer = |bytes: &[u8]| drop(socket.send_to_addr(bytes, &peer));
                if !each(number, &mut buffer[..length], &answer) {
                    break;
                }
            }
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn load(path: &Path, check: Check, shape: Shape) -> UnixDatagramLoad {
    let payload = Payload::datagrams(1, "64".parse().expect("a size"), check).expect("a payload");
    let stretch = Stretch { warmup: 0, duration: 50 * MILLISECOND };
    let plan = Plan { shape, stretch, lost_after: LONG, threads: 1, seed: 1, buffers: None };
    UnixDatagramLoad { path: path.to_owned(), payload: payload.into(), plan }
}

#[test]
fn every_request_has_its_reply_and_every_byte_is_counted() {
    let place = Place::new("echo");
    place.serve(|_, bytes, answer| {
        bytes.make_ascii_uppercase();
        answer(bytes);
        true
    });
    for shape in [closed(1, 1), closed(3, 4), closed(1, 50)] {
        let counts = all_is_well(&run(&load(&place.0, Check::Upper, shape)));
        let bytes = counts.requests * 64;
        assert_eq!((counts.bytes_sent, counts.bytes_received), (bytes, bytes));
    }
}

#[test]
fn an_open_loop_sends_exactly_what_was_intended() {
    let place = Place::new("open");
    place.serve(|_, bytes, answer| {
        answer(bytes);
        true
    });
    let shape = open(2_000, 3);
    let outcome = run(&load(&place.0, Check::Echo, shape));
    assert_eq!(all_is_well(&outcome).requests, 100);
    assert_eq!(outcome.step.slip.map(|it| it.count()), Some(100));
}

#[test]
fn wrong_and_doubled_and_missing_replies_are_counted_to_the_exact_number() {
    let place = Place::new("faults");
    let numbers: Arc<[AtomicU64; 3]> = Arc::default();
    let counted = numbers.clone();
    place.serve(move |number, bytes, answer| {
        let kind = (number % 10) as usize;
        if let Some(count) = counted.get(kind) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        match kind {
            0 => bytes[40] ^= 1,
            1 => answer(bytes),
            2 => return true,
            _ => {}
        }
        answer(bytes);
        true
    });
    let shape = open(2_000, 3);
    let load = lost_after(PATIENT, load(&place.0, Check::Echo, shape));
    let counts = run(&load).step.counts;
    let [wrong, doubled, missing] = [0, 1, 2].map(|kind| numbers[kind].load(Ordering::Relaxed));
    assert_eq!((counts.wrong, counts.duplicated, counts.lost.no_reply), (wrong, doubled, missing));
    assert_eq!((counts.requests, counts.replies), (100, 100 - wrong - missing));
}

#[test]
fn who_never_reads_holds_up_no_run() {
    for shape in [closed(2, 1000), open(100_000, 2)] {
        let place = Place::new("unread");
        let _socket = place.bind();
        let load = lost_after(30 * MILLISECOND, load(&place.0, Check::Echo, shape));
        let outcome = run(&load);
        let counts = outcome.step.counts;
        assert!(outcome.error.is_none() && counts.requests > 0, "{outcome:?}");
        assert_eq!((counts.replies, counts.lost.total()), (0, counts.requests));
        if matches!(shape, Shape::Open { .. }) {
            assert_eq!(counts.requests, 5_000);
        }
    }
}

#[test]
fn a_server_that_is_not_there_is_told_before_the_run_begins() {
    let place = Place::new("nobody");
    let error = load(&place.0, Check::Echo, closed(1, 1)).run(&Control::new());
    assert!(matches!(error, Err(LoadError::Connect(_))), "{error:?}");
}

#[test]
fn a_server_that_goes_is_told_and_after_a_while_that_is_the_end() {
    let place = Place::new("gone");
    place.serve(|number, bytes, answer| {
        answer(bytes);
        number < 9
    });
    let load = lost_after(200 * MILLISECOND, load(&place.0, Check::Echo, closed(2, 1)));
    let stretch = Stretch { warmup: 0, duration: LONG };
    let outcome = run(&UnixDatagramLoad { plan: Plan { stretch, ..load.plan }, ..load });
    let counts = outcome.step.counts;
    assert!(matches!(outcome.error, Some(LoadError::NoneLeft)), "{:?}", outcome.error);
    assert_eq!(counts.replies + counts.late, 10);
    assert!((2..100).contains(&counts.refused), "{counts:?}");
}

#[test]
fn a_server_that_comes_back_is_measured_again() {
    let place = Place::new("back");
    let (ends, ended) = mpsc::channel();
    place.serve(move |number, bytes, answer| {
        answer(bytes);
        // How many of its answers are read before a request is refused is up to the machine.
        number < 9 || ends.send(()).is_err()
    });
    let (control, is_over) = (Control::new(), AtomicBool::new(false));
    let wait_for = |replies: u64| {
        while control.replies() < replies && !is_over.load(Ordering::Relaxed) {
            thread::yield_now();
        }
    };
    let outcome = thread::scope(|scope| {
        let (control, place, wait_for) = (&control, &place, &wait_for);
        scope.spawn(move || {
            ended.recv().expect("the first server's end");
            place.serve(|_, bytes, answer| {
                answer(bytes);
                true
            });
            wait_for(100);
            control.stop();
        });
        // Nobody tells that a server is gone but the next datagram, and that does not wait for a reply.
        let shape = open(1_000, 2);
        let load = load(&place.0, Check::Echo, shape);
        let stretch = Stretch { warmup: 0, duration: LONG };
        let load = UnixDatagramLoad { plan: Plan { stretch, ..load.plan }, ..load };
        let outcome = load.run(control);
        is_over.store(true, Ordering::Relaxed);
        outcome.expect("a run")
    });
    let counts = outcome.step.counts;
    assert_eq!(outcome.ended, Ended::Interrupted, "{:?}", outcome.error);
    assert!(counts.replies >= 100, "{counts:?}");
    assert_eq!(counts.requests, counts.replies + counts.lost.total() + counts.late);
}

#[test]
fn the_buffers_that_were_asked_for_are_reported_as_they_are() {
    let place = Place::new("buffers");
    place.serve(|_, bytes, answer| {
        answer(bytes);
        true
    });
    let load = load(&place.0, Check::Echo, closed(2, 1));
    let outcome =
        run(&UnixDatagramLoad { plan: Plan { buffers: Some(16_384), ..load.plan }, ..load });
    all_is_well(&outcome);
    let buffers = outcome.step.buffers.expect("buffers");
    assert_eq!((buffers.asked, buffers.send, buffers.receive), (16_384, 16_384, 16_384));
}
