//! Servers that a measurement starts, and that end with it.
//!
//! Each is the first process of a group of its own, so that a Ctrl-C for us is not one for it, and so that what it starts in
//! turn ends with it: asked to by SIGTERM and, if that does not help, by SIGKILL. That holds for every way on which a
//! measurement ends, but a SIGKILL for ourselves.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder};
use std::io::{self, PipeReader, Read};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use callbox_net::signal;
use rustix::process::{
    Pid, Signal, WaitOptions, kill_process_group, test_kill_process_group, waitpgid,
};

use super::Measured;
use crate::messages::{self, Failure, Reason};

/// How long a server may take to end when it is asked to: chat servers say goodbye to thousands.
const GRACE: Duration = Duration::from_secs(5);

/// How long the system may take with what was killed: longer only if a disk or a network holds a process up.
const GRACE_OF_DEAD: Duration = Duration::from_secs(1);

/// How often is looked whether a process has ended, which the system tells nobody who also waits for other things.
const LOOKS_EVERY: Duration = Duration::from_millis(5);

/// How much of what a server says is kept, to be shown if it fails: its last lines.
const MOST_SAID: usize = 16 << 10;

/// A running server.
#[derive(Debug)]
pub struct Served {
    /// What was started, for the reader.
    name: String,
    child: Child,
    group: Pid,
    said: Arc<Said>,
    /// Set once the process was waited for: its number may be another's then.
    status: Option<ExitStatus>,
    /// Set once it was ended: its group's number may be another's then.
    is_over: bool,
}

impl Served {
    /// Starts a server. `name` is what it is called where it fails.
    pub fn start(mut command: Command, name: impl Into<String>) -> Result<Self, Failure> {
        let name = name.into();
        let failed =
            |error: io::Error| Failure::usage(format!("cannot start {name}: {}", Reason(&error)));
        // Without this its end could not be waited for, where whoever started us does not care about children.
        signal::heed_children().and_then(|()| signal::adopt_orphans()).map_err(failed)?;
        let (reader, writer) = io::pipe().map_err(failed)?;
        command.stdin(Stdio::null()).stdout(writer.try_clone().map_err(failed)?).stderr(writer);
        let mut running = running();
        let child = command.process_group(0).spawn().map_err(failed)?;
        let group = Pid::from_child(&child);
        running.groups.push(group);
        drop(running);
        // The command holds the pipe's other end, which is to be the server's alone.
        drop(command);
        let said = Arc::new(Said::default());
        let mut served = Self { name, child, group, said, status: None, is_over: false };
        if let Err(error) = served.listen(reader) {
            served.end();
            return Err(messages::no_thread(&error));
        }
        Ok(served)
    }

    /// The process, which leads its group.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.look();
        self.status.is_some()
    }

    /// Whether it has ended while it was measured. Where a measurement has failed, its end may be the reason, which is known
    /// a moment later.
    pub fn has_ended_in(&mut self, measured: &Result<Measured, Failure>) -> bool {
        match measured {
            Ok(Measured { error: None, .. }) => self.has_ended(),
            _ => self.ends_within(GRACE_OF_DEAD),
        }
    }

    fn ends_within(&mut self, time: Duration) -> bool {
        let end = Instant::now() + time;
        while !self.has_ended() {
            if Instant::now() >= end {
                return false;
            }
            thread::sleep(LOOKS_EVERY);
        }
        true
    }

    /// The rest of the first line with this text that the server says within a time; `None` if it says none, has ended
    /// or `stopped` says that nobody waits any more.
    pub fn hear(
        &mut self,
        text: &str,
        time: Duration,
        stopped: impl Fn() -> bool,
    ) -> Option<String> {
        let mut end = Instant::now() + time;
        let mut is_alive = true;
        loop {
            // Looked at before its words are: what it said at last is heard.
            let is_over = self.said.is_over() || stopped() || Instant::now() >= end;
            if let Some(line) = self.said.line(text) {
                return Some(line);
            }
            if is_over {
                return None;
            }
            if is_alive && self.has_ended() {
                // Its last words may be on their way; what it has started may hold the pipe open for ever.
                is_alive = false;
                end = end.min(Instant::now() + GRACE_OF_DEAD);
            }
            self.said.wait(LOOKS_EVERY * 4);
        }
    }

    /// Shows what it said last, and gives in words that it failed: `problem` completes "the server …".
    pub fn failed(&mut self, problem: &str) -> String {
        // Its pipe is closed a little before its end is known, or what it said last is on its way after that.
        if self.has_ended() || self.said.is_over() && self.ends_within(GRACE_OF_DEAD) {
            self.said.wait_for_end(GRACE_OF_DEAD);
        }
        for line in self.said.text().lines() {
            messages::status(format_args!("  {}", messages::visible(line)));
        }
        let status = self.status.map_or_else(String::new, |status| format!(" ({status})"));
        format!("{} {problem}{status}", self.name)
    }

    /// Ends it and all that it has started.
    pub fn end(&mut self) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        // A group without members cannot be told anything, and need not.
        let _ = kill_process_group(self.group, Signal::TERM);
        if !self.wait_until_gone(GRACE) {
            let _ = kill_process_group(self.group, Signal::KILL);
            self.wait_until_gone(GRACE_OF_DEAD);
        }
        running().groups.retain(|group| *group != self.group);
    }

    /// Waits for the end of all its processes, and gives whether it came.
    fn wait_until_gone(&mut self, time: Duration) -> bool {
        let end = Instant::now() + time;
        while !(self.has_ended() && self.is_alone()) {
            if Instant::now() >= end {
                return false;
            }
            thread::sleep(LOOKS_EVERY);
        }
        true
    }

    /// Whether nothing is left of its group. The server itself was waited for before.
    fn is_alone(&mut self) -> bool {
        while let Ok(Some(_)) = waitpgid(self.group, WaitOptions::NOHANG) {}
        test_kill_process_group(self.group).is_err()
    }

    fn look(&mut self) {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
        }
    }

    fn listen(&self, reader: PipeReader) -> io::Result<()> {
        let said = Arc::clone(&self.said);
        // It ends when the last process that has the pipe does.
        thread::Builder::new()
            .name("served".to_owned())
            .spawn(move || said.take_in(reader))
            .map(drop)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a server has said.
#[derive(Debug, Default)]
struct Said {
    bytes: Mutex<(VecDeque<u8>, bool)>,
    more: Condvar,
}

impl Said {
    fn take_in(&self, mut reader: PipeReader) {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            let mut bytes = self.lock();
            bytes.0.extend(&buffer[..count]);
            let over = bytes.0.len().saturating_sub(MOST_SAID);
            bytes.0.drain(..over);
            drop(bytes);
            self.more.notify_all();
        }
        self.lock().1 = true;
        self.more.notify_all();
    }

    fn text(&self) -> String {
        let mut bytes = self.lock();
        String::from_utf8_lossy(bytes.0.make_contiguous()).into_owned()
    }

    /// What stands behind `text` in the first whole line that has it.
    fn line(&self, text: &str) -> Option<String> {
        let said = self.text();
        let (whole, _) = said.rsplit_once('\n')?;
        whole.lines().find_map(|line| Some(line.split_once(text)?.1.to_owned()))
    }

    /// Whether nothing more comes.
    fn is_over(&self) -> bool {
        self.lock().1
    }

    fn wait(&self, time: Duration) {
        let _ = self.more.wait_timeout(self.lock(), time);
    }

    fn wait_for_end(&self, time: Duration) {
        let _ = self.more.wait_timeout_while(self.lock(), time, |bytes| !bytes.1);
    }

    fn lock(&self) -> MutexGuard<'_, (VecDeque<u8>, bool)> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What has to go where the program ends without cleaning up.
#[derive(Debug)]
struct Running {
    groups: Vec<Pid>,
    folders: Vec<PathBuf>,
}

static RUNNING: Mutex<Running> = Mutex::new(Running { groups: Vec::new(), folders: Vec::new() });

fn running() -> MutexGuard<'static, Running> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends all servers at once, for a program that is ending: they are not asked.
pub fn abandon() {
    // Whoever holds the lock is starting a server or forgetting one, which takes no time.
    let running = running();
    for group in &running.groups {
        let _ = kill_process_group(*group, Signal::KILL);
    }
    for folder in &running.folders {
        let _ = fs::remove_dir_all(folder);
    }
}

/// Ctrl-C before there was anything to report.
pub fn interrupted() -> Failure {
    Failure::interrupted("interrupted before anything was measured")
}

/// A folder for a server's data, which goes with this value.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new folder among the temporary ones, for this user alone.
    pub fn new() -> io::Result<Self> {
        let mut number = 0;
        loop {
            let name = format!("callbox-bench-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            // `create` fails where something is already, be it a link that somebody laid there for us.
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
                Ok(()) => {
                    running().folders.push(path.clone());
                    return Ok(Self(path));
                }
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
        running().folders.retain(|folder| *folder != self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Served {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Served::start(command, "the shell").unwrap()
    }

    fn exists(process: &str) -> bool {
        Path::new("/proc").join(process).exists()
    }

    #[test]
    fn what_a_server_says_is_heard_by_the_line() {
        let mut served =
            shell("echo one; printf 'Listening at 127'; echo .0.0.1:5; exec sleep 1000");
        let heard = served.hear("Listening at ", Duration::from_secs(20), || false);
        assert_eq!(heard.as_deref(), Some("127.0.0.1:5"));
    }

    #[test]
    fn one_that_ends_before_it_says_anything_is_not_waited_for() {
        let mut served = shell("echo no >&2; exit 3");
        assert_eq!(served.hear("Listening at ", Duration::from_secs(1000), || false), None);
        let failed = served.failed("did not come up");
        assert_eq!(failed, "the shell did not come up (exit status: 3)");
    }

    #[test]
    fn all_that_a_server_has_started_ends_with_it() {
        let mut served = shell("sleep 1000 & echo it is $!; sleep 1000; true");
        let child = served.hear("it is ", Duration::from_secs(20), || false).unwrap();
        let shell = served.id().to_string();
        assert!(exists(&shell) && exists(&child));
        drop(served);
        assert!(!exists(&shell) && !exists(&child));
    }

    #[test]
    fn one_that_ends_by_itself_leaves_nothing_behind() {
        let mut served = shell("sleep 1000 & echo it is $!");
        let child = served.hear("it is ", Duration::from_secs(20), || false).unwrap();
        served.end();
        assert!(!exists(&child));
    }

    #[test]
    fn a_folder_goes_with_what_is_in_it() {
        let (one, two) = (Scratch::new().unwrap(), Scratch::new().unwrap());
        let path = one.path().to_owned();
        assert_ne!(path, two.path());
        fs::write(path.join("file"), "text").unwrap();
        drop(one);
        assert!(!path.exists() && two.path().exists());
    }
}
