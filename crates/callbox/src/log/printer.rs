//! The thread that prints.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use callbox_services::guard::Reason;

use super::Recorder;
use super::entry::Entries;
use super::shared::{Counts, Shared};
use crate::messages;

/// Pause after printing, so that at a high rate many entries are printed at once. Nobody sees a delay of this length.
const GATHER: Duration = Duration::from_millis(10);

/// How often it is said how much was not shown.
const SUMMARY: Duration = Duration::from_secs(1);

/// How long a server that ends waits for its last lines to be printed. Whoever reads them may have stopped, and must not
/// keep the server from ending.
const LAST_LINES: Duration = Duration::from_secs(1);

/// A server's log: the printing thread, and the recorders that feed it.
pub struct Log(Option<Running>);

struct Running {
    shared: Arc<Shared>,
    /// Closed by the thread when it ends.
    printed: Receiver<()>,
}

impl Log {
    /// A log that prints nothing.
    pub const fn silent() -> Self {
        Self(None)
    }

    /// Starts the printing thread, or nothing if the log is to be `quiet`. `what` names one entry, such as `datagram`;
    /// `on_closed` is called when nobody reads standard output any more.
    pub fn start(
        quiet: bool,
        what: &'static str,
        on_closed: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        if quiet {
            return Ok(Self::silent());
        }
        let shared = Arc::new(Shared::new());
        let printer = Printer {
            shared: Arc::clone(&shared),
            what,
            text: String::new(),
            said: Counts::default(),
        };
        let (printing, printed) = mpsc::channel::<()>();
        thread::Builder::new().name("log".to_owned()).spawn(move || {
            let _printing = printing;
            printer.run(on_closed);
        })?;
        Ok(Self(Some(Running { shared, printed })))
    }

    /// A recorder for one serving thread.
    pub fn recorder(&self) -> Recorder {
        Recorder::new(self.0.as_ref().map(|running| Arc::clone(&running.shared)))
    }

    /// Prints a line of the server's own, in its place among the entries.
    pub fn line(&self, line: &'static str) {
        if let Some(running) = &self.0 {
            running.shared.record(|entries| entries.push_line(line));
        }
    }

    /// Prints what is left and ends the thread.
    pub fn finish(self) {
        if let Some(running) = self.0 {
            running.shared.end();
            let _ = running.printed.recv_timeout(LAST_LINES);
        }
    }
}

struct Printer {
    shared: Arc<Shared>,
    what: &'static str,
    text: String,
    /// What of the refused datagrams was said.
    said: Counts,
}

impl Printer {
    fn run(mut self, on_closed: impl FnOnce()) {
        let mut taken = Entries::with_capacity();
        let mut summary_at = Instant::now() + SUMMARY;
        loop {
            let ended = self.shared.has_ended();
            self.shared.take_entries(&mut taken);
            taken.render(&mut self.text);
            taken.clear();
            if ended || Instant::now() >= summary_at {
                self.summarise();
                summary_at = Instant::now() + SUMMARY;
            }
            if let Err(error) = self.print() {
                if error.kind() == io::ErrorKind::BrokenPipe {
                    return on_closed();
                }
                // A full disk must not end a server.
                return messages::error(format_args!(
                    "cannot write to standard output: {}; the server goes on and prints no more",
                    messages::Reason(&error)
                ));
            }
            if ended {
                return;
            }
            if self.shared.is_idle(&self.said) {
                self.shared.sleep(&self.said);
                // What comes after a pause is shown, and what is skipped then is summed up a second later.
                summary_at = Instant::now() + SUMMARY;
            }
            thread::sleep(GATHER);
        }
    }

    /// Says how many entries were not shown, and how many datagrams were not answered.
    fn summarise(&mut self) {
        if let Some(skipped) = self.shared.take_skipped() {
            let (entries, peers) =
                (Plural(skipped.entries, self.what), Plural(skipped.peers, "peer"));
            let about = if skipped.estimate { "about " } else { "" };
            // Writing to a string cannot fail.
            let _ = writeln!(
                self.text,
                "({} more {entries} from {about}{} {peers} not shown)",
                skipped.entries, skipped.peers
            );
        }
        let lost = self.shared.take_lost();
        if lost > 0 {
            let datagrams = Plural(lost, "datagram");
            messages::status(format_args!(
                "({lost} {datagrams} lost unread: the receive buffer was full)"
            ));
        }
        let refused = self.shared.refused();
        for reason in Reason::ALL {
            let new = refused[reason as usize] - self.said[reason as usize];
            if new > 0 {
                let (datagrams, why) = (Plural(new, "datagram"), reason.as_str());
                messages::status(format_args!("({new} {datagrams} not answered: {why})"));
            }
        }
        self.said = refused;
    }

    fn print(&mut self) -> io::Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(self.text.as_bytes())?;
        self.text.clear();
        out.flush()
    }
}

/// A noun for so many.
struct Plural(u64, &'static str);

impl fmt::Display for Plural {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.1, if self.0 == 1 { "" } else { "s" })
    }
}
