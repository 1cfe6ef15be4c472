//! The thread that prints.

use std::hash::Hash;
use std::io::{self, Write};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use callbox_services::guard::{Reason, Refused};

use super::{Distinct, Entries, Recorder};
use crate::messages;

/// Pause after printing, so that at a high rate many entries are printed at once. Nobody sees a delay of this length.
const GATHER: Duration = Duration::from_millis(10);

/// How often it is said how much was not shown.
const SUMMARY: Duration = Duration::from_secs(1);

/// Serving threads of which the guard's counts are kept apart; further ones share the last place, which then tells the
/// latest of them.
const WORKERS: usize = 64;

/// A server's log: the printing thread, and the recorders that feed it.
pub struct Log {
    shared: Option<Arc<Shared>>,
    printer: Option<JoinHandle<()>>,
}

impl Log {
    /// Starts the printing thread, or nothing if the log is to be `quiet`. `what` names one entry, such as `datagram`;
    /// `on_closed` is called when nobody reads
    /// standard output any more.
    pub fn start(
        quiet: bool,
        what: &'static str,
        on_closed: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        if quiet {
            return Ok(Self::silent());
        }
        let shared = Arc::new(Shared::new(what));
        let theirs = Arc::clone(&shared);
        let printer =
            thread::Builder::new().name("log".to_owned()).spawn(move || theirs.print(on_closed))?;
        Ok(Self { shared: Some(shared), printer: Some(printer) })
    }

    /// A log that prints nothing.
    pub const fn silent() -> Self {
        Self { shared: None, printer: None }
    }

    /// A recorder for one serving thread.
    pub fn recorder(&self) -> Recorder {
        if let (Some(shared), Some(printer)) = (&self.shared, &self.printer) {
            // Before the first entry, so that the first wake-up reaches it.
            let _ = shared.printer.set(printer.thread().clone());
        }
        Recorder::with(self.shared.clone())
    }

    /// Prints a line of the server's own, in its place among the entries.
    pub fn line(&self, line: &'static str) {
        if let Some(shared) = &self.shared {
            shared.record(|entries| entries.push_line(line));
        }
    }

    /// Prints what is left and ends the thread.
    pub fn finish(self) {
        if let (Some(shared), Some(printer)) = (self.shared, self.printer) {
            shared.ended.store(true, Ordering::Release);
            printer.thread().unpark();
            let _ = printer.join();
        }
    }
}

/// What the serving threads and the printing thread share.
pub(super) struct Shared {
    /// What an entry is: `datagram` or `connection`.
    what: &'static str,
    /// The lock is taken at most a few thousand times a second, by the samplers' budgets, and held for a copy or a swap.
    waiting: Mutex<Entries>,
    skipped: AtomicU64,
    peers: Distinct,
    refused: [[AtomicU64; Reason::ALL.len()]; WORKERS],
    /// The printing thread sleeps until it is woken.
    asleep: AtomicBool,
    ended: AtomicBool,
    printer: std::sync::OnceLock<Thread>,
}

impl Shared {
    fn new(what: &'static str) -> Self {
        Self {
            what,
            waiting: Mutex::new(Entries::with_capacity()),
            skipped: AtomicU64::new(0),
            peers: Distinct::new(),
            refused: [const { [const { AtomicU64::new(0) }; Reason::ALL.len()] }; WORKERS],
            asleep: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            printer: std::sync::OnceLock::new(),
        }
    }

    pub(super) fn record(&self, push: impl FnOnce(&mut Entries) -> bool) -> bool {
        let pushed = push(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake();
        pushed
    }

    #[inline]
    pub(super) fn skip(&self, peer: &(impl Hash + ?Sized)) {
        self.peers.add(peer);
        self.skipped.fetch_add(1, Ordering::SeqCst);
        self.wake();
    }

    pub(super) fn note_refused(&self, worker: usize, refused: &Refused) {
        let counts = &self.refused[worker.min(WORKERS - 1)];
        let mut grown = false;
        for (reason, count) in refused.iter() {
            let place = &counts[reason as usize];
            if place.load(Ordering::Relaxed) != count {
                place.store(count, Ordering::Relaxed);
                grown = true;
            }
        }
        if grown {
            self.wake();
        }
    }

    #[inline]
    fn wake(&self) {
        // A plain read first: almost always the thread is awake, or has been woken.
        if self.asleep.load(Ordering::SeqCst)
            && self.asleep.swap(false, Ordering::SeqCst)
            && let Some(printer) = self.printer.get()
        {
            printer.unpark();
        }
    }

    fn print(&self, on_closed: impl FnOnce()) {
        let mut taken = Entries::with_capacity();
        let mut text = String::new();
        let mut said = [0; Reason::ALL.len()];
        let mut since_summary = Duration::ZERO;
        loop {
            let ended = self.ended.load(Ordering::Acquire);
            mem::swap(&mut taken, &mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            text.clear();
            taken.render(&mut text);
            taken.clear();
            if since_summary >= SUMMARY || ended {
                since_summary = Duration::ZERO;
                self.summarise(&mut text);
                self.tell_refused(&mut said);
            }
            if let Err(error) = print(&text) {
                if error.kind() == io::ErrorKind::BrokenPipe {
                    return on_closed();
                }
                // A full disk must not end a server; the next line is tried again, the error said once.
                messages::error(format_args!(
                    "cannot write to standard output: {}; the server goes on and prints no more",
                    messages::Reason(&error)
                ));
                return;
            }
            if ended {
                return;
            }
            if self.is_idle(&said) {
                self.sleep();
                // What comes after a pause is shown, and what is skipped then is summed up a second later.
                since_summary = Duration::ZERO;
            }
            thread::sleep(GATHER);
            since_summary += GATHER;
        }
    }

    fn is_idle(&self, said: &[u64; Reason::ALL.len()]) -> bool {
        self.skipped.load(Ordering::SeqCst) == 0 && self.refused_so_far() == *said && {
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
        }
    }

    fn sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        // Whatever came before the flag was up did not wake us, so look once more; `skip` and `record` leave their trace
        // before they look at the flag.
        let waiting = !self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let skipped = self.skipped.load(Ordering::SeqCst) != 0;
        while !waiting
            && !skipped
            && !self.ended.load(Ordering::Acquire)
            && self.asleep.load(Ordering::SeqCst)
        {
            thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }

    fn summarise(&self, text: &mut String) {
        use std::fmt::Write as _;
        let skipped = self.skipped.swap(0, Ordering::SeqCst);
        if skipped == 0 {
            return;
        }
        let (peers, estimate) = self.peers.take();
        // An estimate may say more than is possible.
        let peers = peers.clamp(1, skipped);
        let about = if estimate { "about " } else { "" };
        let (entries, peers_noun) = (plural(skipped, self.what), plural(peers, "peer"));
        // Writing to a string cannot fail.
        let _ =
            writeln!(text, "({skipped} more {entries} from {about}{peers} {peers_noun} not shown)");
    }

    fn refused_so_far(&self) -> [u64; Reason::ALL.len()] {
        let mut sum = [0; Reason::ALL.len()];
        for counts in &self.refused {
            for (sum, count) in sum.iter_mut().zip(counts) {
                *sum += count.load(Ordering::Relaxed);
            }
        }
        sum
    }

    fn tell_refused(&self, said: &mut [u64; Reason::ALL.len()]) {
        let now = self.refused_so_far();
        for reason in Reason::ALL {
            let new = now[reason as usize] - said[reason as usize];
            if new > 0 {
                let noun = plural(new, "datagram");
                messages::status(format_args!("({new} {noun} not answered: {})", reason.as_str()));
            }
        }
        *said = now;
    }
}

fn print(text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn plural(n: u64, noun: &'static str) -> impl std::fmt::Display {
    if n == 1 { noun.to_owned() } else { format!("{noun}s") }
}
