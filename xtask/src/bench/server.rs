//! A server under comparison: started on a free port, known to answer, and ended with all it started.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::peers::{Peer, Transport};
use super::process::Process;
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
    /// Starts a peer, whose program is at `path`, on one processor if one is named, and waits until it answers.
    pub(crate) fn start(peer: &Peer, path: &str, core: Option<&str>) -> Result<Self> {
        let port = free_port(peer.transport)?;
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

    /// Its process, which leads the group of all that it starts.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    fn wait_until_it_answers(&mut self, peer: &Peer) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            if let Some(status) = self.process.ended()? {
                bail!("{} ended at once: {status}", peer.name);
            }
            let answered = match peer.transport {
                Transport::Udp => answers_a_datagram(self.port),
                Transport::Tcp => answers_a_stream(self.port),
            };
            if answered.is_ok() {
                return Ok(());
            }
            thread::sleep(START_PAUSE);
        }
        bail!("{} did not answer within {START_LIMIT:?}", peer.name)
    }
}

/// How long a server that is there may take for its first answer.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);

/// Sixteen bytes, which every peer answers.
const GREETING: &[u8] = b"Greetings, serve";

fn answers_a_datagram(port: u16) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(ANSWER_LIMIT))?;
    socket.send(GREETING)?;
    socket.recv(&mut [0; 64]).map(drop)
}

fn answers_a_stream(port: u16) -> io::Result<()> {
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&server, ANSWER_LIMIT)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.write_all(GREETING)?;
    stream.read_exact(&mut [0; GREETING.len()])
}

/// A port that was free a moment ago: the peers cannot all say which one the kernel gave them.
pub(crate) fn free_port(transport: Transport) -> Result<u16> {
    let any = (Ipv4Addr::LOCALHOST, 0);
    Ok(match transport {
        Transport::Udp => UdpSocket::bind(any)?.local_addr()?.port(),
        Transport::Tcp => TcpListener::bind(any)?.local_addr()?.port(),
    })
}
