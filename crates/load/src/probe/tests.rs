//! Each kind of server, played by a thread of the test. Where a test waits for the probe's patience to end, the server
//! never says more, so that no wait is too short; everywhere else patience is longer than any machine stands still.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::thread;

use socket2::{Domain, Socket, Type};

use super::*;

const FAREWELL: &[u8] = b"Goodbye, client!";

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(20);

const PATIENT: Patience<'_> = Patience { datagrams: &[LONG; 3], first: LONG, more: LONG };
const HASTY: Patience<'_> = Patience { datagrams: &[SHORT; 3], first: SHORT, more: SHORT };

fn asked(place: &Place, patience: &Patience<'_>) -> Result<Found, LoadError> {
    let control = Control::new();
    let asking = Asking { fixed: &[FAREWELL], control: &control, patience };
    match place {
        Place::Udp(addresses) => asking.udp(addresses),
        Place::UnixDatagram(path) => asking.unix_datagram(path),
        Place::Tcp(_) | Place::UnixStream(_) => asking.stream(place),
    }
}

/// A server that answers every datagram after the first `deaf` ones, until the test ends.
fn udp(deaf: usize, answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 1024];
        for nth in 0.. {
            let (length, peer) = socket.recv_from(&mut buffer).unwrap();
            if nth >= deaf {
                socket.send_to(&answer(&buffer[..length]), peer).unwrap();
            }
        }
    });
    address
}

/// A server that does the same with one connection after the other.
fn tcp(serve: impl Fn(BufReader<TcpStream>) + Send + 'static) -> Place {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            serve(BufReader::new(stream.unwrap()));
        }
    });
    Place::Tcp(vec![address])
}

/// Answers each line.
fn lines(answer: impl Fn(&str) -> String + Send + 'static) -> Place {
    tcp(move |mut stream| {
        let mut line = String::new();
        while stream.read_line(&mut line).is_ok_and(|length| length > 0) {
            let _ = stream.get_mut().write_all(answer(&line).as_bytes());
            line.clear();
        }
    })
}

/// Reads a line, says something, and ends the connection when its client has.
fn once(answer: impl Fn(&str) -> String + Send + 'static) -> Place {
    tcp(move |mut stream| {
        let mut line = String::new();
        let _ = stream.read_line(&mut line);
        let _ = stream.get_mut().write_all(answer(&line).as_bytes());
        let _ = stream.get_mut().shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    })
}

fn checked(check: Check) -> (Check, Framing, bool) {
    (check, Framing::Line, false)
}

fn told(found: Result<Found, LoadError>) -> (Check, Framing, bool) {
    let found = found.unwrap();
    (found.check, found.framing, found.connect_each)
}

#[test]
fn a_datagram_server_is_known_by_its_answer() {
    let upper = udp(0, |text| text.to_ascii_uppercase());
    let found = asked(&Place::Udp(vec![upper]), &PATIENT).unwrap();
    assert_eq!((found.check, found.address), (Check::Upper, Some(upper)));
    let of = |address| asked(&Place::Udp(vec![address]), &PATIENT).unwrap().check;
    assert_eq!(of(udp(0, |text| text.to_vec())), Check::Echo);
    assert_eq!(of(udp(0, |_| FAREWELL.to_vec())), Check::Fixed(FAREWELL));
    assert_eq!(of(udp(0, |_| b"something else".to_vec())), Check::None);
    assert_eq!(of(udp(0, |_| Vec::new())), Check::None);
    assert_eq!(of(udp(0, |text| text[1..].to_ascii_uppercase())), Check::None);
}

#[test]
fn a_lost_datagram_is_asked_again() {
    let patience = Patience { datagrams: &[SHORT, LONG, LONG], ..PATIENT };
    let place = Place::Udp(vec![udp(1, |text| text.to_vec())]);
    assert_eq!(asked(&place, &patience).unwrap().check, Check::Echo);
}

/// A port of this machine that answers nobody but its peer: the kernel refuses what others send there, and gives it to
/// nobody else meanwhile.
fn closed_udp() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect("127.0.0.1:9").unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn closed_tcp() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

#[test]
fn where_nobody_listens_the_probe_says_so_at_once() {
    // With this patience a wait would outlive the test.
    let (_udp, udp) = closed_udp();
    let (_tcp, tcp) = closed_tcp();
    let nowhere = PathBuf::from("/nowhere/at/all");
    for place in [
        Place::Udp(vec![udp]),
        Place::Tcp(vec![tcp]),
        Place::UnixStream(nowhere.clone()),
        Place::UnixDatagram(nowhere),
    ] {
        let found = asked(&place, &PATIENT);
        assert!(matches!(found, Err(LoadError::Connect(_))), "{place:?}: {found:?}");
    }
}

#[test]
fn of_several_addresses_the_one_where_somebody_listens_is_asked() {
    let (_udp, closed) = closed_udp();
    let open = udp(0, |text| text.to_vec());
    let found = asked(&Place::Udp(vec![closed, open]), &PATIENT).unwrap();
    assert_eq!(found.address, Some(open));
}

#[test]
fn a_silent_server_is_an_error_that_says_what_was_tried() {
    let silent = Place::Udp(vec![udp(usize::MAX, |text| text.to_vec())]);
    let error = asked(&silent, &HASTY).unwrap_err().to_string();
    let expected =
        "no answer to 3 datagrams of 32 bytes in 0.06 s; --check none measures without asking";
    assert_eq!(error, expected);
    let silent = lines(|_| String::new());
    let error = asked(&silent, &HASTY).unwrap_err().to_string();
    let expected =
        "no answer to a line of 33 bytes in 0.02 s; --check none measures without asking";
    assert_eq!(error, expected);
    let error = asked(&once(|_| String::new()), &PATIENT).unwrap_err().to_string();
    assert!(error.starts_with("the server ended the connection without an answer"), "{error}");
}

#[test]
fn who_is_there_is_told_from_who_is_silent_and_from_nobody() {
    let control = Control::new();
    let presence = |place: Place, time| presence(&place, time, &control).unwrap();
    let answers = Place::Udp(vec![udp(0, |text| text.to_vec())]);
    assert!(matches!(presence(answers, LONG), Presence::There));
    assert!(matches!(presence(lines(str::to_owned), LONG), Presence::There));
    let silent = Place::Udp(vec![udp(usize::MAX, |text| text.to_vec())]);
    assert!(matches!(presence(silent, SHORT), Presence::Silent));
    let (_udp, udp) = closed_udp();
    let (_tcp, tcp) = closed_tcp();
    for place in [Place::Udp(vec![udp]), Place::Tcp(vec![tcp])] {
        assert!(matches!(presence(place, LONG), Presence::Nobody(_)));
    }
}

#[test]
fn a_probe_that_is_stopped_ends_with_its_server_silent() {
    let place = Place::Udp(vec![udp(usize::MAX, |text| text.to_vec())]);
    let control = Control::new();
    control.stop();
    assert!(matches!(probe(&place, &[], &control), Err(LoadError::Stopped)));
}

#[test]
fn a_server_of_lines_is_known_by_its_answer() {
    let upper = lines(|line| line.to_ascii_uppercase());
    assert_eq!(told(asked(&upper, &PATIENT)), checked(Check::Upper));
    assert_eq!(told(asked(&lines(str::to_owned), &PATIENT)), checked(Check::Echo));
    // Of these nobody knows how long the answer is.
    let other = lines(|_| "something else\r\n".to_owned());
    assert_eq!(told(asked(&other, &Patience { more: SHORT, ..PATIENT })), checked(Check::None));
    let text = lines(|_| "ok".to_owned());
    let of_two_bytes = (Check::None, Framing::Length(2), false);
    assert_eq!(told(asked(&text, &Patience { more: SHORT, ..PATIENT })), of_two_bytes);
}

#[test]
fn a_server_that_answers_once_is_asked_with_a_connection_each() {
    let each = |check| (check, Framing::Connection, true);
    let farewell = once(|_| String::from_utf8(FAREWELL.to_vec()).unwrap());
    assert_eq!(told(asked(&farewell, &PATIENT)), each(Check::Fixed(FAREWELL)));
    let quote = once(|_| "two\nlines\n".to_owned());
    assert_eq!(told(asked(&quote, &PATIENT)), each(Check::None));
    let upper = once(|line| line.to_ascii_uppercase());
    assert_eq!(told(asked(&upper, &PATIENT)), each(Check::Upper));
}

#[test]
fn a_server_that_speaks_first_and_goes_is_heard() {
    let place = tcp(|mut stream| {
        let _ = stream.get_mut().write_all(b"a quote\n");
    });
    assert_eq!(told(asked(&place, &PATIENT)), (Check::None, Framing::Connection, true));
}

#[test]
fn an_answer_without_end_is_read_no_further_than_needed() {
    let place = tcp(|mut stream| while stream.get_mut().write_all(b"abcdefg\n").is_ok() {});
    assert_eq!(told(asked(&place, &PATIENT)), checked(Check::None));
}

#[test]
fn unix_sockets_are_asked_as_well() {
    let folder = std::env::temp_dir().join(format!("callbox-probe-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (stream, datagram) = (folder.join("stream"), folder.join("datagram"));
    let listener = UnixListener::bind(&stream).unwrap();
    let socket = UnixDatagram::bind(&datagram).unwrap();
    thread::spawn(move || {
        let mut line = String::new();
        let mut peer = BufReader::new(listener.accept().unwrap().0);
        while peer.read_line(&mut line).is_ok_and(|length| length > 0) {
            let _ = peer.get_mut().write_all(line.as_bytes());
            line.clear();
        }
    });
    thread::spawn(move || {
        let mut buffer = [0; 1024];
        let (length, peer) = socket.recv_from(&mut buffer).unwrap();
        let upper = buffer[..length].to_ascii_uppercase();
        socket.send_to_addr(&upper, &peer).unwrap();
    });
    assert_eq!(told(asked(&Place::UnixStream(stream), &PATIENT)), checked(Check::Echo));
    assert_eq!(told(asked(&Place::UnixDatagram(datagram), &PATIENT)), checked(Check::Upper));
    std::fs::remove_dir_all(&folder).unwrap();
}
