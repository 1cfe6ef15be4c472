//! What the system lets this process have.

use std::thread;

/// Raises the soft limit on open descriptors to the hard one, and gives it. Servers want it; nothing else suffers.
pub fn raise_open_files() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls are given one rlimit, which lives through them.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) < 0 {
            // What POSIX guarantees (_POSIX_OPEN_MAX).
            return 20;
        }
        let wanted = libc::rlimit { rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max };
        if libc::setrlimit(libc::RLIMIT_NOFILE, &wanted) == 0 {
            limit = wanted;
        }
    }
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}

/// Processors that this process may run on: one worker is worth having for each.
pub fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
