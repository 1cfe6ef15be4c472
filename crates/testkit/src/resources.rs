//! What the system lets a test have, and what a program takes of it.
//!
//! A test of ten thousand connections holds one end of each itself, and then asks what the other ends
//! cost the server.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit on open descriptors of this process to the hard one, and gives what the
/// limit is then.
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    // None is no limit.
    current.unwrap_or(u64::MAX)
}

/// The resident memory of a running process in bytes: `VmRSS` of proc(5).
#[track_caller]
pub fn resident_memory(process: u32) -> u64 {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let kibibytes = status.lines().find_map(|line| {
        line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    });
    kibibytes.unwrap_or_else(|| panic!("no VmRSS in {path}")) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_that_is_told_is_the_one_in_force() {
        let limit = raise_open_files();
        assert_eq!(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), limit);
    }

    #[test]
    fn memory_that_is_written_to_is_resident() {
        const TAKEN: usize = 32 << 20;
        let before = resident_memory(std::process::id());
        let memory = vec![1u8; TAKEN];
        let after = resident_memory(std::process::id());
        assert!(memory.iter().all(|&byte| byte == 1));
        assert!(after > before + TAKEN as u64 / 2, "{before} before, {after} after");
    }
}
