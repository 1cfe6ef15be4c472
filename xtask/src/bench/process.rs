//! A program under measurement: what it costs the machine, and that it ends with all it started.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::shell::{program, typed, works};

/// The unit of the times in `/proc/PID/stat`: Linux's USER_HZ is 100 on all the machines we know.
const TICK: Duration = Duration::from_millis(10);

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

    /// The processor time so far of the program, of what it has started, and of those of its
    /// children that have ended and were waited for.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        let mut ticks = 0;
        for entry in fs::read_dir("/proc")? {
            // A process may end while we look; it is then no longer in the sum by itself.
            let Ok(stat) = fs::read_to_string(entry?.path().join("stat")) else { continue };
            ticks += ticks_of(&stat, self.child.id()).unwrap_or(0);
        }
        Ok(TICK * ticks)
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

    #[test]
    fn a_program_has_memory_and_is_gone_when_dropped() {
        let process = Process::spawn(&mut program("sleep", &["60"])).expect("sleep");
        let folder = format!("/proc/{}", process.child.id());
        assert!(process.resident_kib().expect("VmRSS") > 0);
        drop(process);
        assert!(!fs::exists(folder).expect("known"));
    }
}
