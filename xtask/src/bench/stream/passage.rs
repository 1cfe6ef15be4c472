//! One passage of a file through two programs: how long it takes, and what both of them cost.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::programs::{Carrier, End};
use crate::bench::peers::Transport;
use crate::bench::server::free_port;
use crate::shell::typed;

/// The unit of the times in `/proc/PID/stat`.
const TICK: Duration = Duration::from_millis(10);

/// How long a listener may take until it listens; with TLS some make a key first.
const START_LIMIT: Duration = Duration::from_secs(20);

/// The way that the bytes come to the sender, and what lies between the two.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    File,
    Pipe,
    Tls,
}

impl Way {
    pub(super) const ALL: [Self; 3] = [Self::File, Self::Pipe, Self::Tls];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Pipe => "pipe",
            Self::Tls => "tls",
        }
    }
}

/// What one passage took.
#[derive(Clone, Copy)]
pub(super) struct Passage {
    pub(super) time: Duration,
    /// Processor time, user and system.
    pub(super) send: Duration,
    pub(super) receive: Duration,
}

/// Sends the file at `path` from one end of `carrier` to the other, which throws it away.
pub(super) fn measure(carrier: &Carrier, way: Way, path: &str, callbox: &str) -> Result<Passage> {
    let port = free_port(Transport::Tcp)?;
    let with_tls = way == Way::Tls;
    let mut receiver = Started::new(
        carrier
            .command(End::Receive, callbox, port, with_tls)?
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    )?;
    receiver.wait_until_it_listens(port)?;
    let mut command = carrier.command(End::Send, callbox, port, with_tls)?;
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let mut feeder = None;
    match way {
        Way::File | Way::Tls => command.stdin(File::open(path)?),
        Way::Pipe => {
            let mut cat = Command::new("cat").arg(path).stdout(Stdio::piped()).spawn()?;
            let out = cat.stdout.take().context("a pipe")?;
            feeder = Some(cat);
            command.stdin(out)
        }
    };
    let sender = Started::new(&mut command)?;
    // The command keeps the pipe's end, and with it the pipe.
    drop(command);
    let (send, receive) = (sender.finish()?, receiver.finish()?);
    let time = begun.elapsed();
    if let Some(mut cat) = feeder {
        ensure!(cat.wait()?.success(), "cat was not read to its end");
    }
    Ok(Passage { time, send, receive })
}

/// A program at work; dropping it ends it.
struct Started {
    child: Child,
    words: String,
}

impl Started {
    fn new(command: &mut Command) -> Result<Self> {
        let words = typed(command);
        let child = command.spawn().with_context(|| format!("cannot start {words}"))?;
        Ok(Self { child, words })
    }

    /// A listener for one connection cannot be asked by connecting; the kernel tells.
    fn wait_until_it_listens(&mut self, port: u16) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended at once: {status}", self.words);
            }
            if listens(&fs::read_to_string("/proc/net/tcp")?, port) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(2));
        }
        bail!("{} does not listen", self.words)
    }

    /// Waits for its end, and gives the processor time that it took.
    fn finish(mut self) -> Result<Duration> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("a pid")?;
        // As long as nobody has asked how it ended, the kernel still tells what it took.
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let ticks = ticks_of(&stat).context("no times in /proc/PID/stat")?;
        let status = self.child.wait()?;
        ensure!(status.success(), "{}: {status}", self.words);
        Ok(TICK * ticks)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether somebody listens on this port of 127.0.0.1, by the table in proc_net(5): the address is in the second column,
/// the state in the fourth, and 0A is LISTEN.
fn listens(table: &str, port: u16) -> bool {
    let address = u32::from_ne_bytes(Ipv4Addr::LOCALHOST.octets());
    let wanted = format!("{address:08X}:{port:04X}");
    table.lines().any(|line| {
        let mut columns = line.split_whitespace().skip(1);
        columns.next() == Some(&*wanted) && columns.nth(1) == Some("0A")
    })
}

/// User and system time: fields 14 and 15 of proc_pid_stat(5), counted from behind the name, which can hold anything.
fn ticks_of(stat: &str) -> Option<u32> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    fields.get(11..13)?.iter().map(|field| field.parse::<u32>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_found_in_the_kernels_table() {
        let table = "  sl  local_address rem_address   st tx_queue\n   0: 0100007F:1F90 00000000:0000 0A 0\n   1: 0100007F:1F91 0100007F:1F90 01 0\n";
        assert!(listens(table, 8080));
        assert!(!listens(table, 8081));
        assert!(!listens(table, 8082));
    }

    #[test]
    fn processor_time_is_read_past_a_name_with_blanks() {
        assert_eq!(ticks_of("42 (a) b) S 1 2 3 4 5 6 7 8 9 10 100 20 3 4 20"), Some(120));
        assert_eq!(ticks_of("42 (a) S 1"), None);
    }
}
