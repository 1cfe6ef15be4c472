//! Programs that talk to the peer in our place: `-e`, `-c` and `--lua-exec`.
//!
//! The program gets a descriptor as its standard input and output, and its standard error stays ours. A plain connection is
//! given to it as it is, so that nothing of ours stands between it and the peer; where there is TLS or a record, or messages
//! come, the owner keeps the connection and gives the ends of others.
//!
//! What is [`Running`] is waited for beside everything else: its descriptor becomes readable when it has ended. How it ended
//! is of no interest, as in ncat.

pub mod lua;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use callbox_net::peer::Peer;
use callbox_net::signal;

use crate::options::Run;
pub use words::split;

/// What a program is told of its connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Environment {
    /// Our end.
    pub local: Peer,
    /// The other end.
    pub remote: Peer,
    /// `TCP`, `UDP` or `SCTP`; for Unix sockets ncat says `TCP`.
    pub protocol: &'static str,
}

impl Environment {
    fn give(&self, command: &mut Command) {
        command.env("NCAT_PROTO", self.protocol);
        for (end, address, port) in [
            (&self.remote, "NCAT_REMOTE_ADDR", "NCAT_REMOTE_PORT"),
            (&self.local, "NCAT_LOCAL_ADDR", "NCAT_LOCAL_PORT"),
        ] {
            command.env(address, address_of(end));
            command.env(port, end.port().map_or_else(String::new, |port| port.to_string()));
        }
    }
}

fn address_of(end: &Peer) -> String {
    match end {
        Peer::Inet(address) => address.ip().to_canonical().to_string(),
        Peer::Vsock { cid, .. } => cid.to_string(),
        // What ncat says, so that a script that is served over both finds the same.
        Peer::Unix(_) => "localhost".to_owned(),
    }
}

/// Starts a program with these as its standard input and output, which may be one and the same connection. They are made
/// blocking, which programs expect, and belong to the program then. `prefix` begins what a Lua script's mistakes are told
/// with.
///
/// # Errors
///
/// If there is no such program, or the system has no room for another.
pub fn start(
    run: &Run,
    (input, output): (OwnedFd, OwnedFd),
    environment: &Environment,
    prefix: &str,
) -> io::Result<Running> {
    // Ignored by whoever started us, the signal would be ignored in the program as well, and its own children would
    // vanish before it can wait for them.
    signal::heed_children()?;
    rustix::io::ioctl_fionbio(&input, false)?;
    rustix::io::ioctl_fionbio(&output, false)?;
    let mut command = command(run, prefix)?;
    environment.give(&mut command);
    command.stdin(Stdio::from(input)).stdout(Stdio::from(output));
    // The standard library gives the program SIGPIPE's default and an empty mask, and all our descriptors close.
    let child = command.spawn()?;
    // Ours of the connection: while they are open, the peer would not see the program's end.
    drop(command);
    Running::new(child)
}

fn command(run: &Run, prefix: &str) -> io::Result<Command> {
    match run {
        Run::Exec(line) => {
            let mut words = split(line).into_iter();
            let Some(name) = words.next() else {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "no program is named"));
            };
            // ncat wants a path, and takes a bare name from the current folder. Where there is none, the search path is
            // asked, as everywhere else.
            let here = Path::new(".").join(&name);
            let mut command = match !name.contains('/') && here.is_file() {
                true => Command::new(here),
                false => Command::new(&name),
            };
            command.arg0(&name).args(words);
            Ok(command)
        }
        Run::Shell(line) => {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", line]);
            Ok(command)
        }
        Run::Lua(file) => lua::command(file, prefix),
    }
}

/// A program that was started. If it is dropped, it runs on.
pub struct Running {
    child: Child,
    end: End,
}

/// What becomes readable when the program has ended.
enum End {
    #[cfg(target_os = "linux")]
    Process(OwnedFd),
    /// The other end of this is closed by a thread that waits.
    Thread(UnixStream),
}

impl Running {
    fn new(child: Child) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(pid) = rustix::process::Pid::from_raw(child.id().cast_signed())
            && let Ok(process) =
                rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::NONBLOCK)
        {
            return Ok(Self { child, end: End::Process(process) });
        }
        Self::with_thread(child)
    }

    /// Where processes have no descriptor: elsewhere than on Linux, and on kernels before 5.3.
    fn with_thread(child: Child) -> io::Result<Self> {
        let (told, tell) = UnixStream::pair()?;
        let pid = rustix::process::Pid::from_child(&child);
        thread::Builder::new().name("program".to_owned()).spawn(move || {
            // It is left to be reaped: until then its number is nobody else's.
            let options =
                rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
            while let Err(rustix::io::Errno::INTR) =
                rustix::process::waitid(rustix::process::WaitId::Pid(pid), options)
            {}
            drop(tell);
        })?;
        Ok(Self { child, end: End::Thread(told) })
    }

    /// Whether it has ended. It must be asked once the descriptor is readable, or it stays in the table of processes.
    pub fn reap(&mut self) -> bool {
        // An error means that somebody else has waited for it.
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) {
        let _ = self.child.wait();
    }
}

impl AsFd for Running {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.end {
            #[cfg(target_os = "linux")]
            End::Process(process) => process.as_fd(),
            End::Thread(told) => told.as_fd(),
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("pid", &self.child.id()).finish_non_exhaustive()
    }
}
