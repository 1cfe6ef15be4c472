//! No allocation per datagram: the way of a datagram through the UDP server, counted.
//!
//! The server's own loop runs in this process on real sockets, with the guard and the log that it has by default, while
//! an allocator counts what the serving thread asks for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{SocketAddr, UdpSocket};

use callbox::log::Log;
use callbox::server::datagram::Answering;
use callbox::server::udp::turn;
use callbox_net::datagram::{Batch, DatagramSocket};
use callbox_net::trace::Trace;
use callbox_services::find;
use callbox_services::guard::{Guard, Policy};
use callbox_testkit::{EVENT_DEADLINE, Program};

/// Counts, for each thread, the calls that give or move memory.
struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no counter any more; nothing is measured there.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// An allocator is an unsafe trait, so this test cannot count without `unsafe`; the program itself forbids it.
// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as the caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as the caller promised.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The calls that `work` makes on this thread.
fn calls(work: impl FnOnce()) -> u64 {
    let before = CALLS.get();
    work();
    CALLS.get() - before
}

/// Set for the copy of this test that measures. It is a process of its own because the log prints.
const MEASURE: &str = "CALLBOX_MEASURE_ALLOCATIONS";

/// Datagrams sent before the server's turn: few enough for every socket buffer and for one batch.
const BURST: usize = 48;

/// Bursts of each text. Together more datagrams than the log shows in a second, so that both its ways are gone.
const BURSTS: usize = 40;

/// What is sent, and what comes back: ASCII, other letters in as many bytes, and letters that grow.
const TEXTS: [(&str, &str); 3] = [
    ("sally", "SALLY"),
    ("héllo 你好", "HÉLLO 你好"),
    ("\u{390} grows from two bytes to six", "\u{399}\u{308}\u{301} GROWS FROM TWO BYTES TO SIX"),
];

/// What is its own answer, and so is answered only until the guard takes it for a loop.
const UNCHANGED: &str = "SALLY";

#[test]
fn the_counter_counts() {
    assert_eq!(calls(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(100)))), 1);
    assert_eq!(calls(|| ()), 0);
}

#[test]
fn a_datagram_is_received_shown_and_answered_without_an_allocation() {
    if std::env::var_os(MEASURE).is_some() {
        return measure();
    }
    let name = "a_datagram_is_received_shown_and_answered_without_an_allocation";
    let this = std::env::current_exe().expect("the path of this test");
    let finished =
        Program::new(this).args(["--exact", name, "--nocapture"]).env(MEASURE, "1").run();
    // The log was alive all the while.
    finished.expect_code(0).stdout_contains(" says 'sally'").stdout_contains(" not shown)");
}

fn measure() {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let socket = DatagramSocket::bind_group(any, false, 1, &Trace::off()).unwrap().remove(0);
    let server = socket.local_addr().unwrap();
    let upper = find("upper").unwrap();
    let guard = Guard::new(Policy::default(), upper, &[server]);
    let log = Log::start(false, "datagram", || {}).unwrap();
    let service = upper.datagram.unwrap()();
    let mut answering = Answering::new(service, guard, log.recorder());
    let mut batch = Batch::new(true);

    let client = UdpSocket::bind(any).unwrap();
    client.connect(server).unwrap();
    client.set_read_timeout(Some(EVENT_DEADLINE)).unwrap();
    let mut serve = |question: &str| {
        for _ in 0..BURST {
            client.send(question.as_bytes()).unwrap();
        }
        // Loopback delivers while it sends, so all of them wait and one batch takes them.
        calls(|| turn(&socket, &mut batch, &mut answering))
    };
    let expect = |answer: &str| {
        let mut buffer = [0; 100];
        for _ in 0..BURST {
            let length = client.recv(&mut buffer).unwrap();
            assert_eq!(str::from_utf8(&buffer[..length]), Ok(answer));
        }
    };
    let mut round = || {
        let mut total = 0;
        for (question, answer) in TEXTS {
            total += serve(question);
            expect(answer);
        }
        total
    };
    // What is set up once is set up in the first round.
    round();
    let total: u64 = (0..BURSTS).map(|_| round()).sum();
    assert_eq!(total, 0, "allocations for {} datagrams", BURST * BURSTS * TEXTS.len());
    let refused = serve(UNCHANGED) + serve(UNCHANGED);
    assert_eq!(refused, 0, "allocations for datagrams that are refused");
    log.finish();
}
