//! Tells what the hub says to people behind plain doors from what it says to everybody else.

use callbox_hub::contract::{ConnId, Job, Record, Sink};

use crate::guests::Guests;

/// Something that the hub said to somebody behind a plain door.
#[derive(Debug)]
pub(super) enum Heard {
    /// A line, without its ending.
    Line(ConnId, Vec<u8>),
    /// The hub closed the connection.
    Close(ConnId),
}

/// A sink that gathers what is for guests and passes the rest on.
pub(super) struct FrontSink<'a> {
    pub(super) out: &'a mut dyn Sink,
    pub(super) guests: &'a Guests,
    pub(super) heard: &'a mut Vec<Heard>,
}

impl Sink for FrontSink<'_> {
    fn line(&mut self, to: ConnId, line: &[u8]) {
        if self.guests.contains(to) {
            let line = line.strip_suffix(b"\r\n").unwrap_or(line);
            self.heard.push(Heard::Line(to, line.to_vec()));
        } else {
            self.out.line(to, line);
        }
    }

    fn receipt(&mut self, to: ConnId) {
        // Over a stream a person sees what was typed, so the door asks for no echoes; should one come, it waits like any.
        self.out.receipt(to);
    }

    fn record(&mut self, record: Record) {
        self.out.record(record);
    }

    fn job(&mut self, conn: ConnId, job: Job) {
        self.out.job(conn, job);
    }

    fn close(&mut self, conn: ConnId) {
        if self.guests.contains(conn) {
            self.heard.push(Heard::Close(conn));
        } else {
            self.out.close(conn);
        }
    }
}
