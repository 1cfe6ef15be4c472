//! SIGINT, SIGTERM and SIGHUP: the first drains, the second stops; or SIGHUP has settings read again.

use std::ffi::c_int;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::unix::net::UnixStream;
use std::ptr;
use std::sync::mpsc;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

/// Calls `first` on a thread of its own when the first SIGINT, SIGTERM or SIGHUP comes, and `second` when another does.
/// A SIGHUP that is ignored when this is called, as under nohup, stays so.
///
/// `second` is expected to end the process, and must not wait for anything; `first` may, and holds up nobody.
pub fn on_interrupt(
    first: impl FnOnce() + Send + 'static,
    second: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    on_signals(&[SIGINT, SIGTERM, SIGHUP], first, second)
}

/// As [`on_interrupt`], for SIGINT and SIGTERM alone: SIGHUP has another meaning.
pub fn on_termination(
    first: impl FnOnce() + Send + 'static,
    second: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    on_signals(&[SIGINT, SIGTERM], first, second)
}

fn on_signals(
    signals: &[c_int],
    first: impl FnOnce() + Send + 'static,
    second: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let (mut told, tell) = UnixStream::pair()?;
    let (begin, begun) = mpsc::channel::<()>();
    // Both threads are there before a signal is: at that time there might be no room for another.
    thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
        if begun.recv().is_ok() {
            first();
        }
    })?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut one = [0u8];
        if told.read_exact(&mut one).is_ok() {
            let _ = begin.send(());
            if told.read_exact(&mut one).is_ok() {
                second();
            }
        }
    })?;
    for signal in signals {
        if *signal != SIGHUP || !is_ignored(*signal) {
            pipe::register(*signal, tell.try_clone()?)?;
        }
    }
    Ok(())
}

/// Calls `act` on a thread of its own whenever SIGHUP comes: a server that is asked to read its settings again.
pub fn on_hangup(mut act: impl FnMut() + Send + 'static) -> io::Result<()> {
    let (mut told, tell) = UnixStream::pair()?;
    thread::Builder::new().name("hangup".to_owned()).spawn(move || {
        let mut many = [0u8; 64];
        // Several that came while one was acted on are one.
        while told.read(&mut many).is_ok_and(|count| count > 0) {
            act();
        }
    })?;
    pipe::register(SIGHUP, tell)?;
    Ok(())
}

/// Makes the end of a child something that can be waited for, also where whoever started us had it ignored: then the
/// kernel would throw the child's status away, and children would inherit that.
pub fn heed_children() -> io::Result<()> {
    // SAFETY: the default action of SIGCHLD runs nothing of ours; nobody in this program has a handler for it.
    let before = unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    if before == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Makes what our children leave behind ours, so that its end can be waited for: whose parent has ended belongs to process 1
/// otherwise, and that may let the dead lie for a while. Linux alone has this.
pub fn adopt_orphans() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    // SAFETY: this prctl takes a number and touches no memory.
    if unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1 as libc::c_ulong) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Whether the process was started with this signal ignored, which a handler of ours would undo.
fn is_ignored(signal: c_int) -> bool {
    let mut found = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action, sigaction only writes the old one to `found`, which has room for it.
    let known = unsafe { libc::sigaction(signal, ptr::null(), found.as_mut_ptr()) } == 0;
    // SAFETY: it succeeded, so `found` was written.
    known && unsafe { found.assume_init() }.sa_sigaction == libc::SIG_IGN
}
