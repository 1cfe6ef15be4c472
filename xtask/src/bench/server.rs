//! A server under comparison: started on a free port, known to answer, and ended with all it started.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::peers::{Peer, Transport};
use super::process::Process;
use super::{tcp_load, udp_load};
use crate::shell::program;

/// How long a server may take until it answers. The slowest, a Python behind a version manager,
/// takes a fifth of a second.
const START_LIMIT: Duration = Duration::from_secs(10);

/// The pause between two questions whether it answers yet.
const START_PAUSE: Duration = Duration::from_millis(20);

/// A server at work, until it is dropped.
pub(crate) struct Server {
    process: Process,
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
        command.args(&args).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::spawn(&mut command).context(peer.name)?;
        let mut server = Self { process, port };
        server.wait_until_it_answers(peer)?;
        Ok(server)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The processor time so far of the server and of all that it started.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        self.process.processor_time()
    }

    fn wait_until_it_answers(&mut self, peer: &Peer) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            if let Some(status) = self.process.ended()? {
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

/// A port that was free a moment ago: the peers cannot all say which one the kernel gave them.
pub(crate) fn free_port(transport: Transport) -> Result<u16> {
    let any = (Ipv4Addr::LOCALHOST, 0);
    Ok(match transport {
        Transport::Udp => UdpSocket::bind(any)?.local_addr()?.port(),
        Transport::Tcp => TcpListener::bind(any)?.local_addr()?.port(),
    })
}
