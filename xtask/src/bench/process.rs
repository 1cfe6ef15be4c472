//! A program under measurement: what it costs the machine, and that it ends with all it started.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result};

use crate::shell::{program, typed, works};

/// A program at work; dropping it ends it and its children.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts a command without an input, in a group of its own, so that what it forks can be ended
    /// with it.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).process_group(0).spawn();
        Ok(Self { child: child.with_context(|| format!("cannot start {}", typed(command)))? })
    }

    /// Its number, which is its group's as well.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// The resident memory of the program alone, in KiB: VmRSS of proc_pid_status(5).
    pub(crate) fn resident_kib(&self) -> Result<u64> {
        let file = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(&file).with_context(|| file.clone())?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        number.with_context(|| format!("no VmRSS in {file}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        works(&mut program("kill", &["-KILL", "--", &group]));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_memory_and_is_gone_when_dropped() {
        let process = Process::spawn(&mut program("sleep", &["60"])).expect("sleep");
        let folder = format!("/proc/{}", process.child.id());
        assert!(process.resident_kib().expect("VmRSS") > 0);
        drop(process);
        assert!(!fs::exists(folder).expect("known"));
    }
}
