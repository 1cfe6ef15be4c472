use super::*;
use crate::link::stream::Stream;
use crate::options::Output as Kept;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;

/// More than sockets and pipes hold.
const PLENTY: usize = 4 << 20;

/// Carries on a conversation between `input`, standard output and the other end of `peer`.
fn converse(input: &PipeReader, output: &PipeWriter, ours: UnixStream) -> (Ended, Amounts) {
    let mut recorder = Recorder::open(&Kept::default()).unwrap();
    let records =
        Records::begin(&mut recorder, (&Peer::NAMELESS, &Peer::NAMELESS), false, Side::Local);
    let ways = Ways {
        flow: Flow::default(),
        stays: false,
        is_listener: false,
        needs_goodbye: false,
        answer_within: None,
        progress: false,
    };
    Conversation::new(
        Box::new(Stream::of_pair(ours).unwrap()),
        Input::of(input.as_fd()).unwrap(),
        Output::of(output.as_fd()).unwrap(),
        ways,
        records,
        Says::new("", 0),
    )
    .run()
}

#[test]
fn what_is_on_its_way_goes_to_a_peer_that_has_nothing_to_say_itself() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let ((input, mut fed), (_shown, output)) = (pipe().unwrap(), pipe().unwrap());
    theirs.shutdown(std::net::Shutdown::Write).unwrap();
    let feeder = thread::spawn(move || fed.write_all(&vec![b'x'; PLENTY]).unwrap());
    let reader = thread::spawn(move || theirs.read_to_end(&mut Vec::new()).unwrap());
    let (ended, amounts) = converse(&input, &output, ours);
    assert!(matches!(ended, Ended::Done), "{ended:?}");
    assert_eq!(amounts, Amounts { sent: PLENTY as u64, received: 0 });
    assert_eq!(reader.join().unwrap(), PLENTY);
    feeder.join().unwrap();
}

#[test]
fn it_ends_with_its_peer_when_nothing_comes_any_more() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let ((input, _fed), (mut shown, output)) = (pipe().unwrap(), pipe().unwrap());
    theirs.write_all(b"bye").unwrap();
    drop(theirs);
    let (ended, amounts) = converse(&input, &output, ours);
    assert!(matches!(ended, Ended::Done), "{ended:?}");
    assert_eq!(amounts, Amounts { sent: 0, received: 3 });
    drop(output);
    let mut text = String::new();
    shown.read_to_string(&mut text).unwrap();
    assert_eq!(text, "bye");
}

#[test]
fn who_has_gone_altogether_takes_nothing_and_that_is_no_error() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let ((input, mut fed), (_shown, output)) = (pipe().unwrap(), pipe().unwrap());
    drop(theirs);
    fed.write_all(b"too late").unwrap();
    let (ended, _) = converse(&input, &output, ours);
    assert!(matches!(ended, Ended::Done), "{ended:?}");
}
