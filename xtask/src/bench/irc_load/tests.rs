use super::*;
use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// What a server under test makes of a message for somebody: the lines that they get.
type Change = fn(String) -> Vec<String>;

/// A server with just enough IRC for a crowd; it ends with the last client.
fn serve(clients: usize, change: Change) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        let (say, said) = channel();
        let mut streams = Vec::new();
        for number in 0..clients {
            let stream = listener.accept().expect("a client").0;
            streams.push(stream.try_clone().expect("a second handle"));
            let say = say.clone();
            thread::spawn(move || hear(number, stream, &say));
        }
        drop(say);
        relay(&mut streams, &said, change);
    });
    port
}

fn hear(number: usize, stream: TcpStream, say: &Sender<(usize, String)>) {
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        // The relay ends when a client is gone.
        let _ = say.send((number, line));
    }
}

fn relay(streams: &mut [TcpStream], said: &Receiver<(usize, String)>, change: Change) {
    for (from, line) in said {
        let mut tell = |to: usize, line: &str| drop(write!(streams[to], "{line}\r\n"));
        match line.split(' ').next().unwrap_or_default() {
            "USER" => {
                tell(from, "PING :are you there");
                tell(from, &format!(":irc.test 001 b{from} :Welcome"));
            }
            "JOIN" => tell(from, &format!(":irc.test 366 b{from} {ROOM} :End")),
            "PING" => tell(from, ":irc.test PONG irc.test :settled"),
            "PRIVMSG" => {
                for to in (0..streams.len()).filter(|&to| to != from) {
                    let said = change(format!("@time=now :b{from}!u@h {line}"));
                    said.iter().for_each(|line| drop(write!(streams[to], "{line}\r\n")));
                }
            }
            _ => {}
        }
    }
}

const TALK: Talk = Talk { talkers: 2, window: 3, size: 24, messages: 50 };
const LIMIT: Duration = Duration::from_secs(20);

fn talk(change: Change) -> Tally {
    let mut crowd = Crowd::connect(serve(4, change), 4).expect("a crowd");
    crowd.join().expect("in the room");
    crowd.talk(TALK).expect("begun");
    crowd.pump_to_the_end(LIMIT).expect("an end");
    crowd.tally()
}

#[test]
fn every_message_reaches_everybody_else() {
    let tally = talk(|line| vec![line]);
    assert_eq!((tally.bad, tally.latencies.total()), (0, 2 * 50 * 3));
}

#[test]
fn a_changed_text_is_bad() {
    assert!(talk(|line| vec![line.replace("abc", "abd")]).bad > 0);
}

#[test]
fn a_second_copy_is_bad() {
    assert!(talk(|line| vec![line.clone(), line]).bad > 0);
}

#[test]
fn a_message_under_another_name_is_bad() {
    assert!(talk(|line| vec![line.replace(":b0!", ":b1!")]).bad > 0);
}

#[test]
fn messages_out_of_order_are_bad() {
    // The first of each talker is lost, and so the second comes too early.
    let skipped = |line: String| if line.contains(" 0 abc") { vec![] } else { vec![line] };
    assert!(talk(skipped).bad > 0);
}

#[test]
fn counting_begins_anew() {
    let mut crowd = Crowd::connect(serve(2, |line| vec![line]), 2).expect("a crowd");
    crowd.join().expect("in the room");
    crowd.talk(Talk { talkers: 1, ..TALK }).expect("begun");
    crowd.pump_to_the_end(LIMIT).expect("an end");
    crowd.count();
    assert_eq!(crowd.tally().latencies.total(), 0);
}

#[test]
fn a_server_that_refuses_is_quoted() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    let refuse = move || {
        let mut stream = listener.accept().expect("a client").0;
        stream.write_all(b":irc.test 433 * b0 :In use\r\n").expect("told");
        stream
    };
    let stream = thread::spawn(refuse);
    let error = Crowd::connect(port, 1).err().expect("refused").to_string();
    assert!(error.contains("433 * b0"), "{error}");
    drop(stream.join());
}

#[test]
fn who_looks_at_nothing_is_counted_all_the_same() {
    let mut crowd = Crowd::connect(serve(4, |line| vec![line]), 4).expect("a crowd");
    crowd.join().expect("in the room");
    crowd.spare_all_but(3).expect("spared");
    crowd.talk(TALK).expect("begun");
    crowd.pump_to_the_end(LIMIT).expect("an end");
    let swept = |crowd: &Crowd| crowd.swept.as_ref().map_or(0, Swept::lines);
    let until = Instant::now() + LIMIT;
    while swept(&crowd) < 2 * 50 {
        assert!(Instant::now() < until, "{} lines", swept(&crowd));
        crowd.pump(PUMP_WAIT).expect("served");
    }
    let tally = crowd.tally();
    assert_eq!((tally.bad, tally.latencies.total(), tally.unchecked), (0, 2 * 50 * 2, 2 * 50));
}
