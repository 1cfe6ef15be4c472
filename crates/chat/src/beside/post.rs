//! Datagrams: the sockets, and the doors that they lead to.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use callbox_hub::contract::{ConnId, Now, Peer};

use crate::datagram::socket::DoorSocket;
use crate::datagram::{DatagramDoor, Outputs, Settings};

/// What a door wants done.
#[derive(Debug)]
pub(super) enum News {
    /// Somebody comes in.
    Open(ConnId, Peer),
    /// Lines for the hub.
    Lines(ConnId, Vec<u8>),
    /// Somebody left.
    Close(ConnId, String),
}

/// The sockets and their doors.
#[derive(Debug)]
pub(super) struct Post {
    boxes: Vec<(DoorSocket, DatagramDoor)>,
    /// The number of the next guest. 0 is the terminal's.
    next: u64,
}

impl Post {
    pub(super) fn new(sockets: Vec<DoorSocket>, settings: &Settings, key: [u8; 16]) -> Self {
        let boxes = sockets
            .into_iter()
            .map(|socket| (socket, DatagramDoor::new(settings.clone(), key)))
            .collect();
        Self { boxes, next: 1 }
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = RawFd> {
        self.boxes.iter().map(|(socket, _)| socket.as_raw_fd())
    }

    /// Takes what came to a socket. True if there may be more.
    pub(super) fn receive(
        &mut self,
        source: usize,
        now: Now,
        number: impl Fn(u64) -> ConnId,
    ) -> (Vec<News>, bool) {
        let next = &mut self.next;
        let Some((socket, door)) = self.boxes.get_mut(source) else {
            return (Vec::new(), false);
        };
        let mut news = Vec::new();
        let more = socket.receive(|from, local, datagram, mail| {
            let mut out = Out { mail, news: &mut news, next, number: &number };
            door.handle_datagram(from, local, datagram, now, &mut out);
        });
        (news, more)
    }

    /// A line of the hub's to `conn`.
    pub(super) fn hear(
        &mut self,
        conn: ConnId,
        line: &[u8],
        number: impl Fn(u64) -> ConnId,
    ) -> Vec<News> {
        let mut news = Vec::new();
        for (socket, door) in &mut self.boxes {
            let next = &mut self.next;
            let mut out = Out { mail: socket.mail(), news: &mut news, next, number: &number };
            door.hear(conn, line, &mut out);
        }
        news
    }

    /// A line of the server's own to `conn`, with its LF.
    pub(super) fn tell(&mut self, conn: ConnId, text: &str, number: impl Fn(u64) -> ConnId) {
        let mut news = Vec::new();
        for (socket, door) in &mut self.boxes {
            let next = &mut self.next;
            let mut out = Out { mail: socket.mail(), news: &mut news, next, number: &number };
            // Nothing comes of it that the hub would be told.
            door.tell(conn, text, &mut out);
        }
    }

    /// The hub closed `conn`.
    pub(super) fn close(&mut self, conn: ConnId) {
        for (_, door) in &mut self.boxes {
            door.handle_close(conn);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.boxes.iter().filter_map(|(_, door)| door.poll_timeout()).min()
    }

    pub(super) fn handle_timeout(&mut self, now: Now, number: impl Fn(u64) -> ConnId) -> Vec<News> {
        let mut news = Vec::new();
        for (socket, door) in &mut self.boxes {
            let next = &mut self.next;
            let mut out = Out { mail: socket.mail(), news: &mut news, next, number: &number };
            door.handle_timeout(now, &mut out);
        }
        news
    }

    /// The server stops.
    pub(super) fn handle_stop(&mut self, number: impl Fn(u64) -> ConnId) {
        let mut news = Vec::new();
        for (socket, door) in &mut self.boxes {
            let next = &mut self.next;
            let mut out = Out { mail: socket.mail(), news: &mut news, next, number: &number };
            door.handle_stop(&mut out);
        }
        // There is no hub any more that could be told anything.
        self.send();
    }

    /// Sends what the doors put out. What the kernel does not take is lost, as datagrams may be.
    pub(super) fn send(&mut self) {
        for (socket, _) in &mut self.boxes {
            socket.send();
        }
    }
}

/// The outputs of one call of a door.
struct Out<'a> {
    mail: &'a mut callbox_net::datagram::Mail,
    news: &'a mut Vec<News>,
    next: &'a mut u64,
    /// Gives the connection with a number.
    number: &'a dyn Fn(u64) -> ConnId,
}

impl Outputs for Out<'_> {
    fn datagram(&mut self, to: SocketAddr, from: Option<IpAddr>, datagram: &[u8]) {
        self.mail.push(to, from, datagram);
    }

    fn open(&mut self, peer: Peer) -> Option<ConnId> {
        let conn = (self.number)(*self.next);
        *self.next += 1;
        self.news.push(News::Open(conn, peer));
        Some(conn)
    }

    fn lines(&mut self, conn: ConnId, lines: &[u8]) {
        self.news.push(News::Lines(conn, lines.to_vec()));
    }

    fn close(&mut self, conn: ConnId, reason: &str) {
        self.news.push(News::Close(conn, reason.to_owned()));
    }
}
