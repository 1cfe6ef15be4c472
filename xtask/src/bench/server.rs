//! A server under comparison: started on a free port, known to answer, and ended with all it started.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::peers::{Peer, Transport};
use super::{tcp_load, udp_load};
use crate::shell::{program, works};

/// How long a server may take until it answers. The slowest, a Python behind a version manager,
/// takes a fifth of a second.
const START_LIMIT: Duration = Duration::from_secs(10);

/// The pause between two questions whether it answers yet.
const START_PAUSE: Duration = Duration::from_millis(20);

/// The unit of the times in `/proc/PID/stat`: Linux's USER_HZ is 100 on all the machines we know.
const TICK: Duration = Duration::from_millis(10);

/// A server at work; dropping it ends it and its children.
pub(crate) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts a peer, on one processor if one is named, and waits until it answers.
    pub(crate) fn start(peer: &Peer, callbox: &str, core: Option<&str>) -> Result<Self> {
        let port = free_port(peer.transport)?;
        let path = if peer.is_ours() { callbox } else { peer.program };
        let args: Vec<String> =
            peer.args.iter().map(|arg| arg.replace("PORT", &port.to_string())).collect();
        let mut command = match core {
            Some(core) => program("taskset", &["-c", core, path]),
            None => program(path, &[]),
        };
        command.args(&args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // A group of its own, so that what it forks can be ended with it.
        let child = command.process_group(0).spawn();
        let mut server = Self { child: child.with_context(|| peer.name)?, port };
        server.wait_until_it_answers(peer)?;
        Ok(server)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The processor time so far of the server, of what it has started, and of those of its children
    /// that have ended and were waited for.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        let mut ticks = 0;
        for entry in fs::read_dir("/proc")? {
            // A process may end while we look; it is then no longer in the sum by itself.
            let Ok(stat) = fs::read_to_string(entry?.path().join("stat")) else { continue };
            ticks += ticks_of(&stat, self.child.id()).unwrap_or(0);
        }
        Ok(TICK * ticks)
    }

    fn wait_until_it_answers(&mut self, peer: &Peer) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended at once: {status}", peer.name);
            }
            let answered = match peer.transport {
                Transport::Udp => udp_load::answers(peer.answer, self.port),
                Transport::Tcp => tcp_load::answers(self.port),
            };
            if answered {
                return Ok(());
            }
            thread::sleep(START_PAUSE);
        }
        bail!("{} did not answer within {START_LIMIT:?}", peer.name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        works(&mut program("kill", &["-KILL", "--", &group]));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago: the peers cannot all say which one the kernel gave them.
fn free_port(transport: Transport) -> Result<u16> {
    let any = (Ipv4Addr::LOCALHOST, 0);
    Ok(match transport {
        Transport::Udp => UdpSocket::bind(any)?.local_addr()?.port(),
        Transport::Tcp => TcpListener::bind(any)?.local_addr()?.port(),
    })
}

/// User and system time of a process of this group, own and of children waited for: fields 14 to 17 of
/// proc_pid_stat(5); the group is field 5. The name in field 2 can hold anything, so counting starts
/// after its parenthesis.
fn ticks_of(stat: &str, group: u32) -> Option<u32> {
    let after_name = stat.rsplit_once(')')?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    if fields.get(2)?.parse() != Ok(group) {
        return None;
    }
    fields.get(11..15)?.iter().map(|field| field.parse::<u32>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_past_a_name_with_blanks() {
        let stat = "42 (a) b) S 1 2 3 4 5 6 7 8 9 10 100 20 3 4 20 0 1";
        assert_eq!(ticks_of(stat, 2), Some(127));
        assert_eq!(ticks_of(stat, 3), None);
        assert_eq!(ticks_of("42 (a) S 1 2", 2), None);
        assert_eq!(ticks_of("", 2), None);
    }
}
