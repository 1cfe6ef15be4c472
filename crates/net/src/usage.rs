//! What a thread has used of the processors.

#[cfg(target_os = "linux")]
use std::time::Duration;

/// Processor time, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessorTime {
    /// In its own code.
    pub user: u64,
    /// In the kernel.
    pub system: u64,
}

impl ProcessorTime {
    /// What the calling thread has used since it began; `None` where the system does not tell it of a single thread.
    pub fn of_this_thread() -> Option<Self> {
        of_this_thread()
    }
}

#[cfg(target_os = "linux")]
fn of_this_thread() -> Option<ProcessorTime> {
    // SAFETY: rusage is plain data, for which zero is a valid value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the call writes one rusage, which lives through it.
    if unsafe { libc::getrusage(libc::RUSAGE_THREAD, &mut usage) } < 0 {
        return None;
    }
    Some(ProcessorTime { user: nanoseconds(usage.ru_utime), system: nanoseconds(usage.ru_stime) })
}

#[cfg(not(target_os = "linux"))]
fn of_this_thread() -> Option<ProcessorTime> {
    None
}

#[cfg(target_os = "linux")]
fn nanoseconds(time: libc::timeval) -> u64 {
    // Neither is negative; the types differ between systems.
    let (seconds, micros) = (time.tv_sec as u64, time.tv_usec as u64);
    let time = Duration::from_secs(seconds) + Duration::from_micros(micros);
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_works_is_seen_to_and_its_time_is_its_own() {
        let total = |time: ProcessorTime| time.user + time.system;
        let before = ProcessorTime::of_this_thread().unwrap();
        let spent = std::thread::spawn(move || {
            let begin = total(ProcessorTime::of_this_thread().unwrap());
            loop {
                let now = total(ProcessorTime::of_this_thread().unwrap());
                if now > begin + 20_000_000 {
                    break now - begin;
                }
            }
        });
        let spent = spent.join().unwrap();
        let after = ProcessorTime::of_this_thread().unwrap();
        assert!(total(after) - total(before) < spent);
    }
}
