//! One child process that is always ended and reaped, and whose exit can be awaited with a deadline.
//!
//! The standard library can wait for a child for ever or look once. Here a thread waits without
//! reaping (`waitid` with `WNOWAIT`), so that the process identifier stays ours until the owner
//! reaps it, and a signal can never reach a stranger that was given the same number. The same holds
//! for the group of a child that leads one, whose number is its own.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use std::{fmt, io};

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

/// A child process; dropping it kills it, by its own identifier only, and reaps it.
pub(crate) struct OwnedChild {
    child: Child,
    exit: Arc<Exit>,
    watcher: Option<JoinHandle<()>>,
    leads_group: bool,
}

#[derive(Default)]
struct Exit {
    seen: Mutex<bool>,
    changed: Condvar,
}

impl OwnedChild {
    /// Starts `command`, whose streams the caller has arranged.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        Self::start(command, false)
    }

    /// Starts `command` as the first process of a group, all of which ends when this is dropped.
    pub(crate) fn spawn_group(command: &mut Command) -> io::Result<Self> {
        Self::start(command.process_group(0), true)
    }

    fn start(command: &mut Command, leads_group: bool) -> io::Result<Self> {
        let child = command.spawn()?;
        let exit = Arc::new(Exit::default());
        let watcher = thread::spawn({
            let (pid, exit) = (Pid::from_child(&child), Arc::clone(&exit));
            move || exit.watch(pid)
        });
        Ok(Self { child, exit, watcher: Some(watcher), leads_group })
    }

    /// The child, to take its pipes from.
    pub(crate) fn pipes(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The process identifier.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends one signal to this process and to no other.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Waits for the exit and reaps; nothing if the deadline passes first.
    pub(crate) fn wait(&mut self, deadline: Instant) -> Option<Status> {
        if !self.exit.wait(deadline) {
            return None;
        }
        self.child.wait().ok().map(Status)
    }
}

impl Drop for OwnedChild {
    fn drop(&mut self) {
        // The order matters: the watcher must be done before the identifier is given back.
        if self.leads_group {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        }
        let _ = self.child.kill();
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
        let _ = self.child.wait();
    }
}

impl Exit {
    fn watch(&self, pid: Pid) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(pid), options), Err(Errno::INTR)) {}
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Whether the exit came before the deadline.
    fn wait(&self, deadline: Instant) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(seen, left, |seen| !*seen);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// How a process ended, worded for a report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status(ExitStatus);

impl Status {
    /// The exit code, if it ended by itself.
    pub(crate) fn code(self) -> Option<i32> {
        self.0.code()
    }

    /// The number of the signal that ended it, if one did.
    pub(crate) fn signal(self) -> Option<i32> {
        std::os::unix::process::ExitStatusExt::signal(&self.0)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code(), self.signal()) {
            (Some(code), _) => write!(f, "exited with code {code}"),
            (None, Some(signal)) => write!(f, "ended by signal {signal}"),
            (None, None) => write!(f, "{}", self.0),
        }
    }
}
