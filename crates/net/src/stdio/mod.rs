//! Standard input and output without waiting, and without a trace on those who share them.
//!
//! `O_NONBLOCK` belongs to the open file and not to the descriptor: set on a terminal it stays set for the shell that
//! started us, and on a pipe it hits whoever else writes there, whose output then fails in the middle. So nothing is ever set
//! on what we were given. Linux opens a pipe or a terminal once more (`again`), which gives an open file of our own; sockets
//! are told with each call; files do not wait. What is left is asked before each call whether it is ready, and given no more
//! than it then takes.

mod again;

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{FileType, OFlags};
use socket2::SockRef;

use crate::ready;

/// What a pipe that has room takes in one piece (`PIPE_BUF`, pipe(7)).
const PIECE: usize = libc::PIPE_BUF;

/// What comes in, by default from standard input.
#[derive(Debug)]
pub struct Input(Shared);

/// What goes out, by default to standard output.
#[derive(Debug)]
pub struct Output(Shared);

/// A descriptor that others may share, and how it is used without waiting.
#[derive(Debug)]
struct Shared {
    fd: OwnedFd,
    manner: Manner,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Manner {
    /// It does not wait: an open file of our own, a file on a disk, or others have made it so.
    AsItIs,
    /// Each call says that it does not want to wait.
    Socket,
    /// It is asked before each call.
    Asked,
}

impl Input {
    /// Standard input.
    pub fn standard() -> io::Result<Self> {
        Self::of(io::stdin().as_fd())
    }

    /// Reads from `fd`, of which it keeps a duplicate.
    pub fn of(fd: BorrowedFd<'_>) -> io::Result<Self> {
        Shared::new(fd, OpenOptions::new().read(true), true).map(Self)
    }

    /// Whether somebody types here.
    pub fn is_terminal(&self) -> bool {
        self.0.fd.is_terminal()
    }

    /// How many bytes are left, where that can be known: of a file.
    pub fn size_left(&self) -> Option<u64> {
        let status = rustix::fs::fstat(&self.0.fd).ok()?;
        let is_file = FileType::from_raw_mode(status.st_mode) == FileType::RegularFile;
        let at = if is_file { rustix::fs::tell(&self.0.fd).ok()? } else { return None };
        Some(u64::try_from(status.st_size).ok()?.saturating_sub(at))
    }
}

impl Output {
    /// Standard output.
    pub fn standard() -> io::Result<Self> {
        Self::of(io::stdout().as_fd())
    }

    /// Writes to `fd`, of which it keeps a duplicate.
    pub fn of(fd: BorrowedFd<'_>) -> io::Result<Self> {
        Shared::new(fd, OpenOptions::new().write(true), false).map(Self)
    }

    /// Whether somebody reads this on a screen.
    pub fn is_terminal(&self) -> bool {
        self.0.fd.is_terminal()
    }
}

impl Read for Input {
    /// Reads what is there: 0 is the end, `WouldBlock` says that there is nothing for now.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Shared { fd, manner } = &self.0;
        match manner {
            Manner::Socket => {
                SockRef::from(fd).recv_with_flags(crate::uninit(buffer), libc::MSG_DONTWAIT)
            }
            Manner::Asked if !ready::readable(fd.as_fd(), Some(Duration::ZERO))? => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            Manner::Asked | Manner::AsItIs => Ok(rustix::io::read(fd, buffer)?),
        }
    }
}

impl Write for Output {
    /// Writes as much as is taken at once; `WouldBlock` says that nothing is taken for now.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Shared { fd, manner } = &self.0;
        match manner {
            Manner::Socket => {
                SockRef::from(fd).send_with_flags(bytes, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
            }
            Manner::Asked if !ready::writable(fd.as_fd(), Some(Duration::ZERO))? => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            Manner::Asked => Ok(rustix::io::write(fd, &bytes[..bytes.len().min(PIECE)])?),
            Manner::AsItIs => Ok(rustix::io::write(fd, bytes)?),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Input {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

impl AsFd for Output {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

impl Shared {
    fn new(fd: BorrowedFd<'_>, options: &mut OpenOptions, reads: bool) -> io::Result<Self> {
        let status = rustix::fs::fstat(fd)?;
        let is_non_blocking = rustix::fs::fcntl_getfl(fd)?.contains(OFlags::NONBLOCK);
        let own = match FileType::from_raw_mode(status.st_mode) {
            // Whether others have made it so or not: a socket that does not wait for them waits for nobody.
            FileType::Socket => {
                return Ok(Self { fd: fd.try_clone_to_owned()?, manner: Manner::Socket });
            }
            // A file may keep its reader waiting for the disk, which nothing can change (open(2) on O_NONBLOCK).
            FileType::RegularFile | FileType::Directory | FileType::BlockDevice => {
                return Self::as_it_is(fd);
            }
            _ if is_non_blocking || again::never_waits(&status) => return Self::as_it_is(fd),
            _ => again::open(fd, &status, options, reads),
        };
        match own {
            Some(file) => Ok(Self { fd: file.into(), manner: Manner::AsItIs }),
            None => Ok(Self { fd: fd.try_clone_to_owned()?, manner: Manner::Asked }),
        }
    }

    fn as_it_is(fd: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(Self { fd: fd.try_clone_to_owned()?, manner: Manner::AsItIs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::ErrorKind::WouldBlock;
    use std::io::pipe;
    use std::os::unix::fs::OpenOptionsExt;
    use std::os::unix::net::UnixStream;
    use std::process::Command;

    /// How a pipe or a terminal is used.
    const OPENED: Manner = if cfg!(linux_calls) { Manner::AsItIs } else { Manner::Asked };

    fn is_non_blocking(fd: impl AsFd) -> bool {
        rustix::fs::fcntl_getfl(fd).unwrap().contains(OFlags::NONBLOCK)
    }

    fn read(input: &mut Input) -> Result<Vec<u8>, io::ErrorKind> {
        let mut buffer = [0; 64];
        input.read(&mut buffer).map(|n| buffer[..n].to_vec()).map_err(|error| error.kind())
    }

    fn fill(output: &mut Output) -> usize {
        let mut written = 0;
        loop {
            match output.write(&[b'x'; 10_000]) {
                Ok(n) => written += n,
                Err(error) => {
                    assert_eq!(error.kind(), WouldBlock);
                    return written;
                }
            }
        }
    }

    #[test]
    fn a_pipe_is_read_without_waiting_and_stays_as_it_was_for_others() {
        let (reader, mut writer) = pipe().unwrap();
        let mut input = Input::of(reader.as_fd()).unwrap();
        assert_eq!(input.0.manner, OPENED);
        assert_eq!(read(&mut input), Err(WouldBlock));
        writer.write_all(b"word").unwrap();
        assert_eq!(read(&mut input), Ok(b"word".to_vec()));
        assert!(!is_non_blocking(&reader));
        drop(writer);
        assert_eq!(read(&mut input), Ok(vec![]));
    }

    #[test]
    fn a_full_pipe_says_so_and_stays_as_it_was_for_others() {
        let (mut reader, writer) = pipe().unwrap();
        let mut output = Output::of(writer.as_fd()).unwrap();
        let written = fill(&mut output);
        assert!(!is_non_blocking(&writer));
        drop((output, writer));
        assert_eq!(reader.read_to_end(&mut Vec::new()).unwrap(), written);
    }

    #[test]
    fn what_cannot_be_opened_again_is_asked_first() {
        let (mut reader, mut writer) = pipe().unwrap();
        let asked = |fd: BorrowedFd<'_>| Shared {
            fd: fd.try_clone_to_owned().unwrap(),
            manner: Manner::Asked,
        };
        let mut input = Input(asked(reader.as_fd()));
        assert_eq!(read(&mut input), Err(WouldBlock));
        writer.write_all(b"word").unwrap();
        assert_eq!(read(&mut input), Ok(b"word".to_vec()));
        let mut output = Output(asked(writer.as_fd()));
        let written = fill(&mut output);
        drop((output, writer));
        assert_eq!(reader.read_to_end(&mut Vec::new()).unwrap(), written);
    }

    #[test]
    fn a_pipe_with_a_name_whose_writer_has_gone_ends() {
        let folder = std::env::temp_dir().join(format!("callbox-net-fifo-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("fifo");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let both = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let reader = File::open(&path).unwrap();
        (&both).write_all(b"word").unwrap();
        drop(both);
        let mut input = Input::of(reader.as_fd()).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(read(&mut input), Ok(b"word".to_vec()));
        // What a loop would wait for is told: this neither waits for ever nor gives up.
        assert!(ready::readable(input.as_fd(), None).unwrap());
        assert_eq!(read(&mut input), Ok(vec![]));
    }

    #[test]
    fn a_terminal_is_used_without_waiting_and_stays_as_it_was_for_the_shell() {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let control = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&control).unwrap();
        unlockpt(&control).unwrap();
        let path = ptsname(&control, Vec::new()).unwrap().into_string().unwrap();
        let terminal = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NOCTTY)
            .open(path)
            .unwrap();
        let mut input = Input::of(terminal.as_fd()).unwrap();
        let mut output = Output::of(terminal.as_fd()).unwrap();
        assert_eq!((input.0.manner, output.0.manner), (OPENED, OPENED));
        assert!(input.is_terminal() && output.is_terminal());
        assert_eq!(read(&mut input), Err(WouldBlock));
        rustix::io::write(&control, b"typed\n").unwrap();
        assert!(ready::readable(input.as_fd(), None).unwrap());
        assert_eq!(read(&mut input), Ok(b"typed\n".to_vec()));
        output.write_all(b"shown").unwrap();
        assert!(!is_non_blocking(&terminal));
    }

    #[test]
    fn a_socket_is_used_without_waiting_and_stays_as_it_was() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut input = Input::of(ours.as_fd()).unwrap();
        assert_eq!(read(&mut input), Err(WouldBlock));
        theirs.write_all(b"word").unwrap();
        assert_eq!(read(&mut input), Ok(b"word".to_vec()));
        assert!(fill(&mut Output::of(ours.as_fd()).unwrap()) > 0);
        assert!(!is_non_blocking(&ours));
    }

    #[test]
    fn a_file_tells_what_is_left_of_it() {
        let mut file = File::open("Cargo.toml").unwrap();
        let size = file.metadata().unwrap().len();
        let input = Input::of(file.as_fd()).unwrap();
        assert_eq!(input.size_left(), Some(size));
        file.read_exact(&mut [0; 10]).unwrap();
        assert_eq!(input.size_left(), Some(size - 10));
        let (reader, _writer) = pipe().unwrap();
        assert_eq!(Input::of(reader.as_fd()).unwrap().size_left(), None);
    }

    #[test]
    fn the_other_side_of_a_terminal_is_not_opened_again() {
        let control = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR).unwrap();
        assert_eq!(Input::of(control.as_fd()).unwrap().0.manner, Manner::Asked);
    }
}
