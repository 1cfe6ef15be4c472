//! What a server uses while it is measured, where it runs on this machine: its processor time with that of all it has
//! started, and its memory. The kernel tells it of every process in `/proc`; other systems tell nothing.

use std::fs;

use callbox_measure::Nanos;
use callbox_measure::report::ServerUse;

use crate::machine;

/// A process and those of the group that it leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch(u32);

/// What had been used at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Processor time since they began.
    processor: Nanos,
    /// Resident memory, in bytes.
    memory: u64,
}

impl Watch {
    /// Watches a process and, where it leads a group, all in that.
    pub fn new(pid: u32) -> Self {
        Self(pid)
    }

    /// What they have used until now; `None` where the system does not tell it, or they are gone.
    pub fn look(self) -> Option<Look> {
        let mut sum = None;
        for entry in fs::read_dir("/proc").ok()?.flatten() {
            // A process may end while we look, and is then no longer in the sum by itself.
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            let Some(stat) = Stat::of(&stat).filter(|it| it.pid == self.0 || it.group == self.0)
            else {
                continue;
            };
            let sum = sum.get_or_insert_with(Look::default);
            sum.processor = sum.processor.saturating_add(machine::of_ticks(stat.ticks));
            sum.memory += resident(&entry.path()).unwrap_or(0);
        }
        sum
    }

    /// What was used from one look to the other.
    pub fn between(self, before: Look, after: Look) -> ServerUse {
        let processor = after.processor.saturating_sub(before.processor);
        ServerUse { pid: self.0, processor, memory: after.memory }
    }
}

/// What proc_pid_stat(5) tells of a process.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    pid: u32,
    group: u32,
    /// User and system time, its own and that of children it has waited for: fields 14 to 17.
    ticks: u64,
}

impl Stat {
    fn of(stat: &str) -> Option<Self> {
        // The name in field 2 can hold anything, so counting goes on after its parenthesis.
        let (before, after) = stat.rsplit_once(')')?;
        let pid = before.split_once(' ')?.0.parse().ok()?;
        let fields: Vec<&str> = after.split_ascii_whitespace().collect();
        let group = fields.get(2)?.parse().ok()?;
        let ticks =
            fields.get(11..15)?.iter().map(|field| field.parse::<u64>().ok()).sum::<Option<_>>()?;
        Some(Self { pid, group, ticks })
    }
}

/// VmRSS of proc_pid_status(5), which says its unit.
fn resident(process: &std::path::Path) -> Option<u64> {
    let status = fs::read_to_string(process.join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_past_a_name_with_blanks() {
        let stat = "42 (a) b) S 1 2 3 4 5 6 7 8 9 10 100 20 3 4 20 0 1";
        assert_eq!(Stat::of(stat), Some(Stat { pid: 42, group: 2, ticks: 127 }));
        for short in ["42 (a) S 1 2", "", "x (a) S"] {
            assert_eq!(Stat::of(short), None);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_memory_and_one_that_is_not_there_tells_nothing() {
        let watch = Watch::new(std::process::id());
        let (before, after) = (watch.look().unwrap(), watch.look().unwrap());
        let used = watch.between(before, after);
        assert!(used.memory > 0 && used.pid == std::process::id());
        // No process has the highest number there is.
        assert_eq!(Watch::new(u32::MAX).look(), None);
    }
}
