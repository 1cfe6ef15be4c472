//! Moving bytes from one descriptor to another inside the kernel.
//!
//! Reading into memory and writing from it copies each byte twice. Linux can hand over the pages instead: from a file to a
//! socket (sendfile(2)), between a pipe and a socket (splice(2)), and from a socket to a file through a pipe of our own. What
//! it can do depends on both ends, and for some of them only a try tells; then the caller goes on by copying.

use std::io;
use std::os::fd::BorrowedFd;

use thiserror::Error;

/// What a step came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moved {
    /// So many bytes have reached the sink. There may be more.
    Bytes(u64),
    /// The source has ended, and everything of it is in the sink.
    End,
    /// There is nothing to be read for now.
    SourceBlocked,
    /// The sink takes nothing for now.
    SinkBlocked,
    /// The kernel cannot do it between these two: go on by copying, first what [`Transfer::rest`] gives.
    Unsupported,
}

/// Which end has failed.
#[derive(Debug, Error)]
pub enum TransferError {
    /// The one that is read.
    #[error(transparent)]
    Source(io::Error),
    /// The one that is written.
    #[error(transparent)]
    Sink(io::Error),
}

#[cfg(linux_calls)]
pub use linux::Transfer;
#[cfg(not(linux_calls))]
pub use nowhere::Transfer;

#[cfg(linux_calls)]
mod linux {
    use std::os::fd::{AsFd, OwnedFd};
    use std::time::Duration;

    use rustix::fs::{FileType, OFlags, Stat, fcntl_getfl, fcntl_setfl, fstat, sendfile, tell};
    use rustix::io::Errno;
    use rustix::pipe::{
        PipeFlags, SpliceFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with, splice,
    };
    use socket2::{SockRef, Type};

    use super::{BorrowedFd, Moved, TransferError, io};
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
}

/// Where the kernel cannot do it, or does it differently.
#[cfg(not(linux_calls))]
mod nowhere {
    use super::{BorrowedFd, Moved, TransferError};

    /// Never made: everything is copied.
    #[derive(Debug)]
    pub enum Transfer {}

    impl Transfer {
        /// None.
        pub fn between(_: BorrowedFd<'_>, _: BorrowedFd<'_>) -> Option<Self> {
            None
        }

        /// Cannot be called.
        pub fn step(
            &mut self,
            _: BorrowedFd<'_>,
            _: BorrowedFd<'_>,
        ) -> Result<Moved, TransferError> {
            match *self {}
        }

        /// Cannot be called.
        pub fn rest(&mut self) -> Vec<u8> {
            match *self {}
        }
    }
}

#[cfg(all(test, linux_calls))]
mod tests {
    use super::*;
    use std::fs::{File, OpenOptions};
    use std::io::{Read, Seek, Write, pipe};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::{AsFd, OwnedFd};
    use std::path::PathBuf;
    use std::thread;

    use crate::ready;

    /// Bytes that are all different from their neighbours, more than sockets and pipes hold.
    fn plenty() -> Vec<u8> {
        (0..20_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    /// A connection; ours does not block.
    fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        ours.set_nonblocking(true).unwrap();
        (ours, listener.accept().unwrap().0)
    }

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("callbox-transfer-{}-{name}", std::process::id()))
    }

    /// A file without a name that holds `bytes`, with its position at `at`.
    fn file(name: &str, bytes: &[u8], at: u64) -> File {
        let path = path(name);
        let mut file =
            OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        file.write_all(bytes).unwrap();
        file.seek(io::SeekFrom::Start(at)).unwrap();
        file
    }

    /// Moves until the source ends, waiting as a loop would. Gives the bytes moved.
    fn run(source: BorrowedFd<'_>, sink: BorrowedFd<'_>) -> u64 {
        let mut transfer = Transfer::between(source, sink).unwrap();
        let mut moved = 0;
        loop {
            match transfer.step(source, sink).unwrap() {
                Moved::Bytes(n) => moved += n,
                Moved::End => return moved,
                Moved::SourceBlocked => drop(ready::readable(source, None).unwrap()),
                Moved::SinkBlocked => drop(ready::writable(sink, None).unwrap()),
                Moved::Unsupported => panic!("unsupported"),
            }
        }
    }

    /// Everything that comes out of `from`, taken by a thread.
    fn collect(from: impl Into<OwnedFd>) -> thread::JoinHandle<Vec<u8>> {
        let mut from = File::from(from.into());
        thread::spawn(move || {
            let mut all = Vec::new();
            from.read_to_end(&mut all).unwrap();
            all
        })
    }

    fn feed(to: impl Into<OwnedFd>, bytes: &[u8]) -> thread::JoinHandle<()> {
        let (mut to, bytes) = (File::from(to.into()), bytes.to_vec());
        thread::spawn(move || to.write_all(&bytes).unwrap())
    }

    #[test]
    fn a_file_goes_into_a_socket_whole_from_where_it_stands() {
        let all = plenty();
        let source = file("out", &all, 1000);
        let (ours, theirs) = connection();
        let heard = collect(theirs);
        assert_eq!(run(source.as_fd(), ours.as_fd()), all.len() as u64 - 1000);
        drop(ours);
        assert!(heard.join().unwrap() == all[1000..]);
    }

    #[test]
    fn a_pipe_goes_into_a_socket_whole() {
        let all = plenty();
        let (reader, writer) = pipe().unwrap();
        let fed = feed(writer, &all);
        let (ours, theirs) = connection();
        let heard = collect(theirs);
        assert_eq!(run(reader.as_fd(), ours.as_fd()), all.len() as u64);
        drop(ours);
        fed.join().unwrap();
        assert!(heard.join().unwrap() == all);
    }

    #[test]
    fn a_socket_goes_into_a_pipe_whole() {
        let all = plenty();
        let (ours, theirs) = connection();
        let fed = feed(theirs, &all);
        let (reader, writer) = pipe().unwrap();
        let heard = collect(reader);
        assert_eq!(run(ours.as_fd(), writer.as_fd()), all.len() as u64);
        drop(writer);
        fed.join().unwrap();
        assert!(heard.join().unwrap() == all);
    }

    #[test]
    fn a_socket_goes_into_a_file_and_another_socket_whole() {
        let all = plenty();
        let (ours, theirs) = connection();
        let fed = feed(theirs, &all);
        let mut sink = file("in", b"", 0);
        assert_eq!(run(ours.as_fd(), sink.as_fd()), all.len() as u64);
        fed.join().unwrap();
        sink.rewind().unwrap();
        let mut written = Vec::new();
        sink.read_to_end(&mut written).unwrap();
        assert!(written == all);

        let ((from, theirs), (to, far)) = (connection(), connection());
        let (fed, heard) = (feed(theirs, &all), collect(far));
        assert_eq!(run(from.as_fd(), to.as_fd()), all.len() as u64);
        drop(to);
        fed.join().unwrap();
        assert!(heard.join().unwrap() == all);
    }

    #[test]
    fn what_goes_nowhere_is_counted() {
        let all = plenty();
        let null = OpenOptions::new().write(true).open("/dev/null").unwrap();
        let (ours, theirs) = connection();
        let fed = feed(theirs, &all);
        assert_eq!(run(ours.as_fd(), null.as_fd()), all.len() as u64);
        fed.join().unwrap();
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let fed = feed(theirs, &all);
        assert_eq!(run(ours.as_fd(), null.as_fd()), all.len() as u64);
        fed.join().unwrap();
    }

    #[test]
    fn what_stands_behind_an_urgent_byte_is_not_taken_for_the_end() {
        let null = OpenOptions::new().write(true).open("/dev/null").unwrap();
        let (_reader, pipe) = pipe().unwrap();
        for sink in [null.as_fd(), pipe.as_fd()] {
            for ends in [false, true] {
                let (ours, mut theirs) = connection();
                let mut transfer = Transfer::between(ours.as_fd(), sink).unwrap();
                theirs.write_all(b"ab").unwrap();
                socket2::SockRef::from(&theirs).send_out_of_band(b"!").unwrap();
                theirs.write_all(b"cd").unwrap();
                if ends {
                    theirs.shutdown(std::net::Shutdown::Write).unwrap();
                }
                let mut moved = 0;
                let last = loop {
                    match transfer.step(ours.as_fd(), sink).unwrap() {
                        Moved::Bytes(n) => moved += n,
                        Moved::SourceBlocked => drop(ready::readable(ours.as_fd(), None).unwrap()),
                        other => break other,
                    }
                };
                assert_eq!((last, moved), (Moved::Unsupported, 2));
                assert_eq!(transfer.rest(), b"");
                let mut behind = [0; 4];
                assert_eq!((&ours).read(&mut behind).unwrap(), 2);
                assert_eq!(&behind[..2], b"cd");
            }
        }
    }

    #[test]
    fn an_idle_source_and_a_full_sink_are_told_apart() {
        let (reader, mut writer) = pipe().unwrap();
        let (ours, theirs) = connection();
        let mut transfer = Transfer::between(reader.as_fd(), ours.as_fd()).unwrap();
        let mut step = || transfer.step(reader.as_fd(), ours.as_fd()).unwrap();
        assert_eq!(step(), Moved::SourceBlocked);
        writer.write_all(b"word").unwrap();
        assert_eq!(step(), Moved::Bytes(4));
        loop {
            writer.write_all(&[0; 65_536]).unwrap();
            match step() {
                Moved::Bytes(_) => {}
                Moved::SinkBlocked => break,
                other => panic!("{other:?}"),
            }
        }
        drop(theirs);
    }

    #[test]
    fn a_sink_that_breaks_in_the_middle_is_told_and_nothing_is_lost_before() {
        let (reader, writer) = pipe().unwrap();
        let (ours, mut theirs) = connection();
        theirs.write_all(b"word").unwrap();
        drop(reader);
        let mut transfer = Transfer::between(ours.as_fd(), writer.as_fd()).unwrap();
        let error = transfer.step(ours.as_fd(), writer.as_fd()).unwrap_err();
        assert!(matches!(error, TransferError::Sink(e) if e.kind() == io::ErrorKind::BrokenPipe));
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert!(Transfer::between(ours.as_fd(), full.as_fd()).is_none());
        let mut back = [0; 4];
        assert_eq!((&ours).read(&mut back).unwrap(), 4);
    }

    #[test]
    fn what_a_sink_refuses_at_last_is_given_back() {
        let (ours, mut theirs) = connection();
        theirs.write_all(b"word").unwrap();
        let good = file("good", b"", 0);
        // A file that cannot be written to is no sink; the descriptor's kind does not show it.
        let bad = File::open("/proc/self/exe").unwrap();
        let mut transfer = Transfer::between(ours.as_fd(), good.as_fd()).unwrap();
        assert!(transfer.step(ours.as_fd(), bad.as_fd()).is_err());
        assert_eq!(transfer.rest(), b"word");
        assert_eq!(transfer.rest(), b"");
    }

    #[test]
    fn what_would_block_or_cannot_be_spliced_is_left_to_copying() {
        let (ours, theirs) = connection();
        let appended = path("append");
        let sink = OpenOptions::new().append(true).create(true).open(&appended).unwrap();
        std::fs::remove_file(&appended).unwrap();
        assert!(Transfer::between(ours.as_fd(), sink.as_fd()).is_none());
        let (reader, _writer) = pipe().unwrap();
        assert!(Transfer::between(reader.as_fd(), theirs.as_fd()).is_none(), "it blocks");
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_nonblocking(true).unwrap();
        assert!(Transfer::between(reader.as_fd(), udp.as_fd()).is_none(), "it keeps messages");
    }

    #[test]
    fn what_came_before_a_reset_is_moved_before_it_is_told() {
        let (ours, mut theirs) = connection();
        let mut sink = file("reset", b"", 0);
        theirs.write_all(b"word").unwrap();
        let mut transfer = Transfer::between(ours.as_fd(), sink.as_fd()).unwrap();
        // What is read before the reset comes is not lost with it.
        assert!(ready::readable(ours.as_fd(), None).unwrap());
        assert_eq!(transfer.step(ours.as_fd(), sink.as_fd()).unwrap(), Moved::Bytes(4));
        socket2::SockRef::from(&theirs).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(theirs);
        assert!(transfer.step(ours.as_fd(), sink.as_fd()).is_err());
        sink.rewind().unwrap();
        let mut written = String::new();
        sink.read_to_string(&mut written).unwrap();
        assert_eq!(written, "word");
    }

    #[test]
    fn a_reset_is_told_as_the_sources() {
        let (ours, theirs) = connection();
        let null = OpenOptions::new().write(true).open("/dev/null").unwrap();
        socket2::SockRef::from(&theirs).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(theirs);
        let mut transfer = Transfer::between(ours.as_fd(), null.as_fd()).unwrap();
        let error = transfer.step(ours.as_fd(), null.as_fd()).unwrap_err();
        assert!(
            matches!(error, TransferError::Source(e) if e.kind() == io::ErrorKind::ConnectionReset)
        );
    }
}
