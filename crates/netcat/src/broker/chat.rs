//! What a chat makes of what people send: lines with who said them, and who came and went.
//!
//! The texts are ncat's, since scripts look for them. Different from it on purpose: each line has its `<userN> `, not each
//! read, so that half a line never stands under a name that did not say it; text in any language is readable; and a
//! carriage return within a line, which would let somebody write over his own name, is escaped as other control characters
//! are: `\033`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use callbox_exchange::quote::is_hidden;

/// The longest line that is kept of one that is not ended. A longer one goes on as several.
pub(super) const LINE: usize = 4096;

/// How many of those who are there a newcomer is told, and in how large a company everybody hears of it, as in ncat,
/// whose largest company this is unless it is told otherwise. Beyond it, telling everybody would cost the square of the company for
/// each who comes.
const ROLL: usize = 100;

/// How much of an address is announced. A Unix socket may have been bound to anything.
const ADDRESS: usize = 200;

/// The number of whoever types at the server.
const INPUT: usize = 0;

#[derive(Debug)]
pub(super) struct Chat {
    people: Vec<Option<Person>>,
    /// By number, those who are there.
    present: BTreeMap<usize, usize>,
    /// Numbers below `next` that are nobody's.
    free: BTreeSet<usize>,
    next: usize,
    /// The line that standard input has begun.
    input: Vec<u8>,
}

#[derive(Debug)]
struct Person {
    number: usize,
    address: String,
    /// The line that was begun.
    line: Vec<u8>,
}

impl Chat {
    pub(super) fn new(first: usize) -> Self {
        Self {
            people: Vec::new(),
            present: BTreeMap::new(),
            free: BTreeSet::new(),
            next: first,
            input: Vec::new(),
        }
    }

    /// Somebody came: what all are told, and what the newcomer alone is told before it.
    pub(super) fn handle_arrived(
        &mut self,
        id: usize,
        address: &str,
        all: &mut Vec<u8>,
        newcomer: &mut Vec<u8>,
    ) {
        let number = self.free.pop_first().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        });
        let mut shown = Vec::new();
        escape(&address.as_bytes()[..address.floor_char_boundary(ADDRESS)], &mut shown);
        let address = String::from_utf8_lossy(&shown).into_owned();
        // A Vec takes all that is written.
        let _ = writeln!(all, "<announce> {address} is connected as <user{number}>.");
        let is_small = self.present.len() <= ROLL;
        self.write_roll(if is_small { all } else { newcomer });
        self.present.insert(number, id);
        if self.people.len() <= id {
            self.people.resize_with(id + 1, || None);
        }
        self.people[id] = Some(Person { number, address, line: Vec::new() });
    }

    /// Who is there already.
    fn write_roll(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<announce> already connected: ");
        if self.present.is_empty() {
            out.extend_from_slice(b"nobody");
        }
        for (index, (number, &id)) in self.present.iter().take(ROLL).enumerate() {
            let Some(Some(person)) = self.people.get(id) else { continue };
            let comma = if index == 0 { "" } else { ", " };
            let _ = write!(out, "{comma}{} as <user{number}>", person.address);
        }
        if let Some(more @ 1..) = self.present.len().checked_sub(ROLL) {
            let _ = write!(out, " and {more} more");
        }
        out.extend_from_slice(b".\n");
    }

    pub(super) fn handle_bytes(&mut self, id: usize, bytes: &[u8], out: &mut Vec<u8>) {
        if let Some(Some(person)) = self.people.get_mut(id) {
            write_lines(person.number, &mut person.line, bytes, out);
        }
    }

    pub(super) fn handle_input(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        write_lines(INPUT, &mut self.input, bytes, out);
    }

    pub(super) fn handle_input_ended(&mut self, out: &mut Vec<u8>) {
        end_line(INPUT, &mut self.input, out);
    }

    /// Somebody will say nothing more, but may still listen: the number stays taken.
    pub(super) fn handle_ended(&mut self, id: usize, out: &mut Vec<u8>) {
        let Some(Some(person)) = self.people.get_mut(id) else { return };
        if self.present.remove(&person.number).is_some() {
            end_line(person.number, &mut person.line, out);
            let _ = writeln!(out, "<announce> <user{}> is disconnected.", person.number);
        }
    }

    pub(super) fn handle_gone(&mut self, id: usize, out: &mut Vec<u8>) {
        self.handle_ended(id, out);
        if let Some(person) = self.people.get_mut(id).and_then(Option::take) {
            self.free.insert(person.number);
        }
    }
}

/// Writes the lines that end in `bytes`; what is behind them is kept in `begun`.
fn write_lines(number: usize, begun: &mut Vec<u8>, mut bytes: &[u8], out: &mut Vec<u8>) {
    while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
        let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
        if begun.is_empty() {
            write_long(number, line, out);
        } else {
            begun.extend_from_slice(line);
            write_long(number, begun, out);
            begun.clear();
        }
        bytes = rest;
    }
    begun.extend_from_slice(bytes);
    while begun.len() > LINE {
        let end = cut(begun);
        write_line(number, &begun[..end], out);
        begun.drain(..end);
    }
}

fn end_line(number: usize, begun: &mut Vec<u8>, out: &mut Vec<u8>) {
    if !begun.is_empty() {
        write_long(number, begun, out);
        *begun = Vec::new();
    }
}

/// A line as one or, if it is too long, as several.
fn write_long(number: usize, mut line: &[u8], out: &mut Vec<u8>) {
    while line.len() > LINE {
        let (now, later) = line.split_at(cut(line));
        write_line(number, now, out);
        line = later;
    }
    write_line(number, line, out);
}

fn write_line(number: usize, line: &[u8], out: &mut Vec<u8>) {
    let _ = write!(out, "<user{number}> ");
    let (line, end) = match line {
        [line @ .., b'\r'] => (line, "\r\n"),
        _ => (line, "\n"),
    };
    escape(line, out);
    out.extend_from_slice(end.as_bytes());
}

/// Where a line that is too long is cut: after [`LINE`] bytes, or a few fewer where that would cut a character.
fn cut(line: &[u8]) -> usize {
    let is_inside = |at: usize| line[at] & 0b1100_0000 == 0b1000_0000;
    (LINE - 3..=LINE).rev().find(|&at| !is_inside(at)).unwrap_or(LINE)
}

/// Writes text as it is, and what would drive a terminal, or is no text, in octal: `\033`.
fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    // Characters that join their neighbours are part of Persian, Hindi and many emoji, and move no cursor.
    let is_shown = |c: char| c == '\t' || matches!(c, '\u{200c}' | '\u{200d}') || !is_hidden(c);
    for chunk in bytes.utf8_chunks() {
        let text = chunk.valid();
        let mut plain = 0;
        for (at, c) in text.char_indices().filter(|&(_, c)| !is_shown(c)) {
            out.extend_from_slice(&text.as_bytes()[plain..at]);
            plain = at + c.len_utf8();
            write_octal(&text.as_bytes()[at..plain], out);
        }
        out.extend_from_slice(&text.as_bytes()[plain..]);
        write_octal(chunk.invalid(), out);
    }
}

fn write_octal(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        let digits = [byte >> 6, byte >> 3 & 7, byte & 7].map(|digit| b'0' + digit);
        out.push(b'\\');
        out.extend_from_slice(&digits);
    }
}
