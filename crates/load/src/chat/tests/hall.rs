//! A server with just enough IRC for a crowd, which does what a test wants of it.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Everybody who is connected, by the order in which they came.
pub(super) struct Hall {
    pub(super) guests: Vec<Guest>,
}

pub(super) struct Guest {
    pub(super) stream: TcpStream,
    pub(super) nick: String,
    pub(super) channel: String,
}

/// What happens to a server.
pub(super) enum Event<'a> {
    /// Somebody has connected.
    Came(usize),
    /// A client sent a line.
    Line(usize, &'a str),
    /// Nobody has sent anything for a while.
    Quiet,
}

/// A moment without a line after which a server that holds something back may think that no more comes.
const QUIET: Duration = Duration::from_millis(20);

enum Happened {
    Came(TcpStream),
    Line(usize, String),
}

/// Starts a server. It ends when the test does.
pub(super) fn serve(mut handle: impl FnMut(&mut Hall, Event<'_>) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
    let address = listener.local_addr().expect("an address");
    let (tell, told) = channel();
    let accept = tell.clone();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if accept.send(Happened::Came(stream)).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || run(&tell, &told, &mut handle));
    address
}

fn run(
    tell: &Sender<Happened>,
    told: &Receiver<Happened>,
    handle: &mut impl FnMut(&mut Hall, Event<'_>),
) {
    let mut hall = Hall { guests: Vec::new() };
    loop {
        match told.recv_timeout(QUIET) {
            Ok(Happened::Came(stream)) => {
                let number = hall.guests.len();
                stream.set_nodelay(true).expect("no delay");
                let lines = BufReader::new(stream.try_clone().expect("a second handle"));
                hall.guests.push(Guest { stream, nick: String::new(), channel: String::new() });
                let tell = tell.clone();
                thread::spawn(move || {
                    for line in lines.lines().map_while(Result::ok) {
                        if tell.send(Happened::Line(number, line)).is_err() {
                            return;
                        }
                    }
                });
                handle(&mut hall, Event::Came(number));
            }
            Ok(Happened::Line(from, line)) => handle(&mut hall, Event::Line(from, &line)),
            Err(RecvTimeoutError::Timeout) => handle(&mut hall, Event::Quiet),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl Hall {
    /// Does what any server does with all but PRIVMSG. Gives the words of one that is said.
    pub(super) fn welcome<'a>(&mut self, event: &Event<'a>) -> Option<(usize, &'a str)> {
        let &Event::Line(from, line) = event else { return None };
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        match command {
            "NICK" => rest.clone_into(&mut self.guests[from].nick),
            "USER" => {
                let nick = self.guests[from].nick.clone();
                self.tell(from, &format!(":irc.test 001 {nick} :Welcome"));
                self.tell(from, &format!(":irc.test 422 {nick} :There is no message of the day"));
            }
            "JOIN" => {
                rest.clone_into(&mut self.guests[from].channel);
                let nick = self.guests[from].nick.clone();
                for to in self.others(from) {
                    self.tell(to, &format!(":{nick}!u@h JOIN {rest}"));
                }
                self.tell(from, &format!(":irc.test 366 {nick} {rest} :End"));
            }
            "PING" => self.tell(from, &format!(":irc.test PONG irc.test :{rest}")),
            "PRIVMSG" => return Some((from, line)),
            _ => {}
        }
        None
    }

    /// Who hears what one says.
    pub(super) fn others(&self, from: usize) -> Vec<usize> {
        let hears =
            |to: &usize| *to != from && self.guests[*to].channel == self.guests[from].channel;
        (0..self.guests.len()).filter(hears).collect()
    }

    /// What others get of a line.
    pub(super) fn relayed(&self, from: usize, line: &str) -> String {
        format!(":{}!u@h {line}", self.guests[from].nick)
    }

    /// Passes a line on to all who hear it.
    pub(super) fn relay(&mut self, from: usize, line: &str) {
        let relayed = self.relayed(from, line);
        for to in self.others(from) {
            self.tell(to, &relayed);
        }
    }

    /// Sends one line. Who is gone does not get it.
    pub(super) fn tell(&mut self, to: usize, line: &str) {
        let _ = self.guests[to].stream.write_all(format!("{line}\r\n").as_bytes());
    }

    /// Ends a connection.
    pub(super) fn throw_out(&mut self, guest: usize) {
        let _ = self.guests[guest].stream.shutdown(Shutdown::Both);
    }
}
