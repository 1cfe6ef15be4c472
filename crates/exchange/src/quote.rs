//! How bytes from a peer are shown to a person.
//!
//! A peer's bytes may be anything: text in any script, noise, or a sequence that retitles the
//! window, recolours the prompt or turns the line around so that it reads as something else. Text
//! is shown as it is; all else is shown escaped, so that no byte of a peer's can drive a terminal.
//!
//! Formatting allocates nothing, and a run of plain text goes out in one `write_str`.

mod visible;

use std::fmt::{self, Display, Formatter, Write};
pub use visible::is_hidden;
use visible::is_shown;

/// Bytes as a quoted literal: `'text'`.
///
/// | in the bytes                                             | shown as                   |
/// |----------------------------------------------------------|----------------------------|
/// | newline, tab, carriage return                            | `\n` `\t` `\r`             |
/// | backslash, single quote                                  | `\\` `\'`                  |
/// | any other control character below 0x80                   | `\x1b`                     |
/// | a byte that is not part of UTF-8                         | `\xff`                     |
/// | a character that cannot be seen or that reorders others  | `\u{202e}`                 |
/// | anything else                                            | itself                     |
///
/// No two byte strings are shown alike.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a [u8]);

impl<'a> Quoted<'a> {
    /// The same, but of long data only the first `limit` bytes, or a few fewer so as not to cut a
    /// character: `'xxxx'… and 64483 bytes more`.
    pub fn cut(self, limit: usize) -> Cut<'a> {
        Cut { bytes: self.0, limit, length: self.0.len() }
    }
}

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('\'')?;
        write_bytes(f, self.0, Style::Quoted)?;
        f.write_char('\'')
    }
}

/// Bytes on one line for a script: escaped as [`Quoted`] does, but without the quotes, and with
/// backslashes and single quotes left alone. So what a script gets of ordinary text is that text.
#[derive(Clone, Copy, Debug)]
pub struct Bare<'a>(pub &'a [u8]);

impl Display for Bare<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_bytes(f, self.0, Style::Bare)
    }
}

/// The beginning of long data, made by [`Quoted::cut`].
#[derive(Clone, Copy, Debug)]
pub struct Cut<'a> {
    bytes: &'a [u8],
    limit: usize,
    length: usize,
}

impl Cut<'_> {
    /// The same for data of which only the beginning was kept: it was `length` bytes long. At least the `limit` and
    /// three bytes more must have been kept, so that it is seen which characters are whole.
    pub fn of(self, length: usize) -> Self {
        Self { length: length.max(self.bytes.len()), ..self }
    }
}

impl Display for Cut<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let head = &self.bytes[..boundary(self.bytes, self.limit)];
        Quoted(head).fmt(f)?;
        match self.length - head.len() {
            0 => Ok(()),
            1 => f.write_str("… and 1 byte more"),
            more => write!(f, "… and {more} bytes more"),
        }
    }
}

/// The last place, at most `limit` bytes in, that does not lie within a character.
fn boundary(bytes: &[u8], limit: usize) -> usize {
    const LONGEST: usize = 4;
    if limit >= bytes.len() {
        return bytes.len();
    }
    (limit.saturating_sub(LONGEST - 1)..limit)
        .rev()
        .find(|&start| {
            let end = bytes.len().min(start + LONGEST);
            let valid = bytes[start..end].utf8_chunks().next().map_or("", |chunk| chunk.valid());
            valid.chars().next().is_some_and(|c| start + c.len_utf8() > limit)
        })
        .unwrap_or(limit)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Quoted,
    Bare,
}

impl Style {
    /// Whether a byte is an ASCII character that is shown as it is.
    fn is_plain(self, byte: u8) -> bool {
        let printable = byte.wrapping_sub(b' ') < 0x7f - b' ';
        printable & (self == Self::Bare || (byte != b'\'') & (byte != b'\\'))
    }
}

fn write_bytes(f: &mut Formatter<'_>, bytes: &[u8], style: Style) -> fmt::Result {
    // Checked as a whole first: `utf8_chunks` goes byte by byte, `from_utf8` is many times faster.
    if let Ok(text) = str::from_utf8(bytes) {
        return write_text(f, text, style);
    }
    for chunk in bytes.utf8_chunks() {
        write_text(f, chunk.valid(), style)?;
        for &byte in chunk.invalid() {
            write_hex(f, byte)?;
        }
    }
    Ok(())
}

fn write_text(f: &mut Formatter<'_>, text: &str, style: Style) -> fmt::Result {
    let mut run = 0;
    let mut at = 0;
    loop {
        at += plain_prefix(&text.as_bytes()[at..], style);
        let Some(c) = text[at..].chars().next() else {
            return f.write_str(&text[run..]);
        };
        let end = at + c.len_utf8();
        // An ASCII character that ends a plain run is one that is escaped.
        if c.is_ascii() || !is_shown(c, &text[..at], &text[end..]) {
            f.write_str(&text[run..at])?;
            write_escape(f, c)?;
            run = end;
        }
        at = end;
    }
}

/// How many bytes from the start are plain ASCII. Blocks are tested without an early way out, which
/// the compiler turns into vector instructions.
fn plain_prefix(bytes: &[u8], style: Style) -> usize {
    const BLOCK: usize = 16;
    let is_plain = |block: &[u8; BLOCK]| block.iter().fold(true, |all, &b| all & style.is_plain(b));
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let plain = blocks.iter().take_while(|block| is_plain(block)).count() * BLOCK;
    plain + bytes[plain..].iter().take_while(|&&byte| style.is_plain(byte)).count()
}

fn write_escape(f: &mut Formatter<'_>, c: char) -> fmt::Result {
    match c {
        '\n' => f.write_str("\\n"),
        '\t' => f.write_str("\\t"),
        '\r' => f.write_str("\\r"),
        '\\' => f.write_str("\\\\"),
        '\'' => f.write_str("\\'"),
        // The cast loses nothing: the character is below 0x80.
        _ if c.is_ascii() => write_hex(f, c as u8),
        _ => write!(f, "\\u{{{:x}}}", u32::from(c)),
    }
}

fn write_hex(f: &mut Formatter<'_>, byte: u8) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    f.write_str("\\x")?;
    f.write_char(DIGITS[usize::from(byte >> 4)].into())?;
    f.write_char(DIGITS[usize::from(byte & 15)].into())
}

#[cfg(test)]
mod tests;
