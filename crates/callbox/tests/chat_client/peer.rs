//! The other side, as plain IRC lines: a peer in a room of the real server, and a server of the test's own.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use callbox_testkit::EVENT_DEADLINE;

/// Somebody in a room, who sends what bytes it likes.
pub(crate) struct Peer {
    stream: BufReader<TcpStream>,
    seen: String,
}

impl Peer {
    /// Comes in under `nick`, and joins `room`.
    #[track_caller]
    pub(crate) fn joins(server: SocketAddr, nick: &str, room: &str) -> Self {
        let stream = TcpStream::connect(server).expect("a connection");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        stream.set_read_timeout(Some(EVENT_DEADLINE)).expect("a time limit");
        let mut peer = Self { stream: BufReader::new(stream), seen: String::new() };
        peer.send(&format!("NICK {nick}\r\nUSER {nick} 0 * :{nick}"));
        peer.hears(" 001 ");
        peer.send(&format!("JOIN {room}"));
        peer.hears(" 366 ");
        peer
    }

    #[track_caller]
    pub(crate) fn send(&mut self, line: &str) {
        let sent = self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes());
        sent.expect("the line is sent");
    }

    /// Waits for a line that contains `text`, and returns it.
    #[track_caller]
    pub(crate) fn hears(&mut self, text: &str) -> String {
        loop {
            let line = self.line().unwrap_or_else(|problem| {
                panic!("no line with {text:?} came: {problem}; before:\n{}", self.seen)
            });
            if line.contains(text) {
                return line;
            }
        }
    }

    /// All that is said in its room until `nick` is gone.
    #[track_caller]
    pub(crate) fn hears_said_until_gone(&mut self, nick: &str) -> Vec<String> {
        let mut said = Vec::new();
        loop {
            let line = self.line().unwrap_or_else(|problem| panic!("{problem} after {said:?}"));
            if let Some((_, text)) = line.split_once(" PRIVMSG ") {
                said.push(text.split_once(" :").map_or(text, |(_, text)| text).to_owned());
            } else if line.starts_with(&format!(":{nick}!")) && line.contains(" QUIT ") {
                return said;
            }
        }
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        match self.stream.read_until(b'\n', &mut line) {
            Ok(0) => return Err("the connection ended".to_owned()),
            Err(error) => return Err(error.to_string()),
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        self.seen.push_str(&line);
        self.seen.push('\n');
        if let Some(token) = line.strip_prefix("PING ") {
            self.send(&format!("PONG {token}"));
        }
        Ok(line)
    }
}

/// What a server of the test's own does; the first four let everybody in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Manners {
    /// Answers as servers did before there were capabilities: no echo, but a PONG for each PING.
    Old,
    /// The same, and a service speaks to whoever comes in.
    Serviced,
    /// Says nothing more.
    Silent,
    /// Closes the connection when something is said.
    Hangup,
    /// Is no chat: closes at once.
    Closing,
    /// Is no chat: answers as a web server does to what is no request.
    Web,
    /// Is no chat: says nothing at all.
    Mute,
}

/// A server that lets one person after the other in.
pub(crate) fn own_server(manners: Manners) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            serve(stream, manners);
        }
    });
    address
}

fn serve(stream: TcpStream, manners: Manners) {
    let Ok(mut out) = stream.try_clone() else { return };
    if manners == Manners::Closing {
        return;
    }
    let mut nick = String::new();
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        let (command, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match command {
            _ if manners == Manners::Mute => String::new(),
            _ if manners == Manners::Web => {
                let _ = out.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
                return;
            }
            "NICK" => {
                nick = rest.to_owned();
                String::new()
            }
            "CAP" => format!(":own 421 * {command} :Unknown command\r\n"),
            "USER" if manners == Manners::Serviced => format!(
                ":own 001 {nick} :Welcome\r\n:Serv!s@own NOTICE {nick} :Who are you?\r\n:own 422 {nick} :No message\r\n"
            ),
            "USER" => format!(":own 001 {nick} :Welcome\r\n:own 422 {nick} :No message\r\n"),
            "JOIN" => format!(
                ":{nick}!u@h JOIN {rest}\r\n:own 353 {nick} = {rest} :{nick}\r\n:own 366 {nick} {rest} :End\r\n"
            ),
            "PING" if matches!(manners, Manners::Old | Manners::Serviced) => {
                format!(":own PONG own {rest}\r\n")
            }
            "PRIVMSG" if manners == Manners::Hangup => return,
            _ => String::new(),
        };
        if out.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
