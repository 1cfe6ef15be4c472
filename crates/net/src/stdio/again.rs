//! Opening what we were given once more, for an open file of our own: only through Linux's `/proc/self/fd`. What other systems
//! have under `/dev/fd` is the same open file again.

#[cfg(linux_calls)]
pub(super) use linux::{never_waits, open};
#[cfg(not(linux_calls))]
pub(super) use nowhere::{never_waits, open};

#[cfg(linux_calls)]
mod linux {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::fd::{AsRawFd, BorrowedFd};
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::{FileType, Stat, major, minor};

    /// Opens a pipe or a terminal, unless that would not be the same thing. `reads` says for what.
    pub(crate) fn open(
        fd: BorrowedFd<'_>,
        status: &Stat,
        options: &mut OpenOptions,
        reads: bool,
    ) -> Option<File> {
        match FileType::from_raw_mode(status.st_mode) {
            // One that has just been opened does not tell that its last writer is gone if that was before
            // (`fifo_open` in Linux): only a pipe without a name is sure to.
            FileType::Fifo if reads && !is_nameless(fd) => None,
            FileType::Fifo => reopen(fd, options).ok(),
            FileType::CharacterDevice if is_reopenable(status.st_rdev) => reopen(fd, options).ok(),
            _ => None,
        }
    }

    /// /dev/null, /dev/zero and their like.
    pub(crate) fn never_waits(status: &Stat) -> bool {
        FileType::from_raw_mode(status.st_mode) == FileType::CharacterDevice
            && major(status.st_rdev) == 1
    }

    /// Fails without `/proc`, and for who was given something that he may not open.
    fn reopen(fd: BorrowedFd<'_>, options: &mut OpenOptions) -> io::Result<File> {
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        options.custom_flags(flags).open(format!("/proc/self/fd/{}", fd.as_raw_fd()))
    }

    /// Whether a pipe is one that pipe(2) made.
    fn is_nameless(fd: BorrowedFd<'_>) -> bool {
        let name = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()));
        name.is_ok_and(|name| name.to_string_lossy().starts_with("pipe:["))
    }

    /// Whether a device is a terminal that opens as itself. The other side of a pseudo-terminal does not: opening
    /// `/dev/ptmx` makes a new one. A serial line may drop its signals when it is opened. The numbers are those of Linux
    /// (its Documentation/admin-guide/devices.txt).
    fn is_reopenable(device: u64) -> bool {
        let (major, minor) = (major(device), minor(device));
        match major {
            4 => minor < 64,
            5 => minor == 0 || minor == 1,
            _ => (136..=143).contains(&major),
        }
    }
}

#[cfg(not(linux_calls))]
mod nowhere {
    use std::fs::{File, OpenOptions};
    use std::os::fd::BorrowedFd;

    use rustix::fs::Stat;

    /// Nothing is opened.
    pub(crate) fn open(
        _: BorrowedFd<'_>,
        _: &Stat,
        _: &mut OpenOptions,
        _reads: bool,
    ) -> Option<File> {
        None
    }

    /// No device is known to.
    pub(crate) fn never_waits(_: &Stat) -> bool {
        false
    }
}
