//! sendfile(2) and splice(2): which way the bytes of two descriptors can go, and one step on it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{FileType, OFlags, Stat, fcntl_getfl, fcntl_setfl, fstat, sendfile, tell};
use rustix::io::Errno;
use rustix::pipe::{
    PipeFlags, SpliceFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with, splice,
};
use socket2::{SockRef, Type};

use super::{Moved, TransferError};
use crate::ready;

/// What pipes are made to hold: the most that anybody may ask for by default (`fs.pipe-max-size`).
const PIPE: usize = 1 << 20;

/// The most that one step moves, so that others have their turn. A socket takes less than this at a time.
const STEP: usize = 8 << 20;

/// The way of the bytes from one descriptor to another. Nothing here waits, but for a disk.
///
/// Calling contract: the same two descriptors in each call of [`step`](Self::step).
#[derive(Debug)]
pub struct Transfer {
    way: Way,
}

#[derive(Debug)]
enum Way {
    /// From a file.
    File,
    /// One end is a pipe.
    Straight,
    /// Through a pipe of our own. So it is for /dev/null too: TCP would throw away by itself
    /// what is read with `MSG_TRUNC`, but then the pages are given back on the sender's side, which is slower in all.
    Through(Between),
}

/// A pipe of our own.
#[derive(Debug)]
struct Between {
    reader: OwnedFd,
    writer: OwnedFd,
    size: usize,
    /// Bytes that stand in it.
    held: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    File,
    Pipe,
    Socket,
    Null,
}

impl Transfer {
    /// The way from `source` to `sink`, or `None` if it is known that there is none.
    pub fn between(source: BorrowedFd<'_>, sink: BorrowedFd<'_>) -> Option<Self> {
        let way = match (kind(source)?, kind(sink)?) {
            (Kind::File, Kind::Socket) => Way::File,
            (Kind::Pipe, Kind::Socket) => {
                widen(source);
                Way::Straight
            }
            (Kind::Socket, Kind::Pipe) => {
                widen(sink);
                Way::Straight
            }
            // What is written to the end of a file, whoever else writes there, cannot be spliced (splice(2): EINVAL).
            (Kind::Socket, Kind::File) if is_appending(sink) => return None,
            (Kind::Socket, Kind::File | Kind::Socket | Kind::Null) => {
                Way::Through(Between::new().ok()?)
            }
            _ => return None,
        };
        Some(Self { way })
    }

    /// Moves what can be moved at once, some MiB at most.
    pub fn step(
        &mut self,
        source: BorrowedFd<'_>,
        sink: BorrowedFd<'_>,
    ) -> Result<Moved, TransferError> {
        match &mut self.way {
            Way::File => from_file(source, sink),
            Way::Straight => straight(source, sink),
            Way::Through(between) => through(source, sink, between),
        }
    }

    /// What was read and has not reached the sink. Empties it.
    pub fn rest(&mut self) -> Vec<u8> {
        let Way::Through(between) = &mut self.way else { return Vec::new() };
        let mut rest = vec![0; std::mem::take(&mut between.held)];
        let mut filled = 0;
        // The pipe is ours alone and holds that much.
        while filled < rest.len() {
            match rustix::io::read(&between.reader, &mut rest[filled..]) {
                Ok(0) | Err(_) => break,
                Ok(n) => filled += n,
            }
        }
        rest.truncate(filled);
        rest
    }
}

impl Between {
    fn new() -> io::Result<Self> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        widen(writer.as_fd());
        let size = fcntl_getpipe_size(&writer)?;
        Ok(Self { reader, writer, size, held: 0 })
    }

    /// Takes all that the source has, as far as there is room. Gives what is to be told if there is nothing.
    fn fill(&mut self, source: BorrowedFd<'_>) -> Result<Option<Moved>, TransferError> {
        match again(|| {
            all_of(source, || splice(source, None, &self.writer, None, self.size, FLAGS))
        }) {
            // As in `straight`.
            Ok(0) if ready::has_urgent(source) => Ok(Some(Moved::Unsupported)),
            Ok(0) => Ok(Some(Moved::End)),
            Ok(n) => {
                self.held = n;
                Ok(None)
            }
            Err(Errno::AGAIN) => Ok(Some(Moved::SourceBlocked)),
            Err(error) if is_unsupported(error) => Ok(Some(Moved::Unsupported)),
            Err(error) => Err(TransferError::Source(error.into())),
        }
    }
}

/// Splices from a socket that does not block as if it did.
///
/// From one that does not, a call of splice(2) takes what stood there when it began. From one that does, it goes on with
/// what has come meanwhile, and so the sender is woken seldom and for much: on two processors that makes a stream from
/// a pipe faster by a fifth. It waits for nothing, since there is something to be read; who else reads from the socket
/// would have to have been quicker.
fn all_of(
    source: BorrowedFd<'_>,
    splice: impl FnOnce() -> Result<usize, Errno>,
) -> Result<usize, Errno> {
    if !ready::readable(source, Some(Duration::ZERO)).unwrap_or(true) {
        return Err(Errno::AGAIN);
    }
    let flags = fcntl_getfl(source)?;
    fcntl_setfl(source, flags.difference(OFlags::NONBLOCK))?;
    let result = splice();
    fcntl_setfl(source, flags)?;
    result
}

fn from_file(source: BorrowedFd<'_>, sink: BorrowedFd<'_>) -> Result<Moved, TransferError> {
    // Asked for more than there is, the kernel may hold the last packet back for what could follow.
    let left = fstat(source).ok().zip(tell(source).ok()).map_or(0, |(status, at)| {
        usize::try_from(status.st_size).unwrap_or(0).saturating_sub(at as usize)
    });
    let count = if left == 0 { STEP } else { left.min(STEP) };
    match again(|| sendfile(sink, source, None, count)) {
        Ok(0) => Ok(Moved::End),
        Ok(n) => Ok(Moved::Bytes(n as u64)),
        Err(Errno::AGAIN) => Ok(Moved::SinkBlocked),
        Err(error) if is_unsupported(error) => Ok(Moved::Unsupported),
        // A disk that cannot be read says that it is that.
        Err(Errno::IO) => Err(TransferError::Source(Errno::IO.into())),
        Err(error) => Err(TransferError::Sink(error.into())),
    }
}

fn straight(source: BorrowedFd<'_>, sink: BorrowedFd<'_>) -> Result<Moved, TransferError> {
    match again(|| splice(source, None, sink, None, PIPE, FLAGS)) {
        // splice(2) stops before an urgent byte for ever, as if the stream had ended or nothing had come; recv(2) passes
        // over it.
        Ok(0) if ready::has_urgent(source) => Ok(Moved::Unsupported),
        Ok(0) => Ok(Moved::End),
        Ok(n) => Ok(Moved::Bytes(n as u64)),
        // Either end may be meant. If the source has got something in this very moment, the sink is asked for nothing.
        Err(Errno::AGAIN) => {
            let readable = ready::readable(source, Some(Duration::ZERO));
            Ok(match readable.map_err(TransferError::Source)? {
                false => Moved::SourceBlocked,
                true if ready::has_urgent(source) => Moved::Unsupported,
                true => Moved::SinkBlocked,
            })
        }
        Err(error) if is_unsupported(error) => Ok(Moved::Unsupported),
        Err(Errno::PIPE) => Err(TransferError::Sink(Errno::PIPE.into())),
        // A reset is told by whichever side is the socket.
        Err(error) if kind(source) == Some(Kind::Socket) => {
            Err(TransferError::Source(error.into()))
        }
        Err(error) => Err(TransferError::Sink(error.into())),
    }
}

fn through(
    source: BorrowedFd<'_>,
    sink: BorrowedFd<'_>,
    between: &mut Between,
) -> Result<Moved, TransferError> {
    if between.held == 0
        && let Some(moved) = between.fill(source)?
    {
        return Ok(moved);
    }
    match again(|| splice(&between.reader, None, sink, None, between.held, FLAGS)) {
        Ok(n) => {
            between.held -= n;
            Ok(Moved::Bytes(n as u64))
        }
        Err(Errno::AGAIN) => Ok(Moved::SinkBlocked),
        Err(error) if is_unsupported(error) => Ok(Moved::Unsupported),
        Err(error) => Err(TransferError::Sink(error.into())),
    }
}

const FLAGS: SpliceFlags = SpliceFlags::MOVE.union(SpliceFlags::NONBLOCK);

/// A call that a signal has interrupted is made again.
fn again<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

fn is_unsupported(error: Errno) -> bool {
    matches!(error, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

/// What it is, if the kernel may move bytes there without ever keeping us waiting.
fn kind(fd: BorrowedFd<'_>) -> Option<Kind> {
    let status = fstat(fd).ok()?;
    match FileType::from_raw_mode(status.st_mode) {
        FileType::RegularFile => Some(Kind::File),
        FileType::Fifo => Some(Kind::Pipe),
        FileType::Socket => is_ready_stream(fd).then_some(Kind::Socket),
        FileType::CharacterDevice if is_null(&status) => Some(Kind::Null),
        _ => None,
    }
}

/// A socket that others made may block, and splicing has no flag against that.
fn is_ready_stream(fd: BorrowedFd<'_>) -> bool {
    let is_stream = SockRef::from(&fd).r#type().is_ok_and(|kind| kind == Type::STREAM);
    is_stream && fcntl_getfl(fd).is_ok_and(|flags| flags.contains(OFlags::NONBLOCK))
}

fn is_appending(fd: BorrowedFd<'_>) -> bool {
    fcntl_getfl(fd).is_ok_and(|flags| flags.contains(OFlags::APPEND))
}

fn is_null(status: &Stat) -> bool {
    use rustix::fs::{major, minor};
    (major(status.st_rdev), minor(status.st_rdev)) == (1, 3)
}

/// Makes a pipe hold more; a user who has many large ones already is refused, and goes on with what there is.
fn widen(pipe: BorrowedFd<'_>) {
    if fcntl_getpipe_size(pipe).is_ok_and(|size| size < PIPE) {
        let _ = fcntl_setpipe_size(pipe, PIPE);
    }
}
