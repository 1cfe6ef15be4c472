//! Every way, with ends that block, end, break and are not what they seem.

use super::*;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write, pipe};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
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
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
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
