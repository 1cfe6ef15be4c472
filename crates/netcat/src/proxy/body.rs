//! Where the body of an HTTP message ends (RFC 9112 section 6).

use super::head;

/// The most bytes of one line that says how long a chunk is: 16 digits, and extensions, which nobody uses.
const CHUNK_LINE_MAX: usize = 1024;

/// The most bytes of the lines behind the last chunk.
const TRAILERS_MAX: usize = 8 * 1024;

/// A body that is passed on as it comes: this finds its end and keeps nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes are still to come.
    Length(u64),
    Chunked(Chunked),
}

/// Where in a chunked body we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    /// In a line that says a size; so far it has `length` bytes, and the digits, while they last, come to `size`.
    Size {
        size: u64,
        length: usize,
        digits: bool,
    },
    /// In a chunk, of which so many bytes are left.
    Data(u64),
    /// Behind a chunk, at the CR and LF that end it.
    DataEnd {
        cr: bool,
    },
    /// In the lines behind the last chunk.
    Trailers {
        length: usize,
        line: usize,
    },
    Over,
}

/// A chunk that does not look like one, or lines that are too long. So many bytes before it belong to the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadChunk(pub usize);

/// What a head says about its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// Why a head does not say where its body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadFraming {
    /// A length that is no number, or two that differ.
    Length,
    /// A length and chunks: two parties may read such a message in two ways (RFC 9112 section 11.2).
    Both,
    /// A transfer coding other than chunked.
    Coding,
}

impl Framing {
    pub(super) fn of(headers: &[httparse::Header<'_>]) -> Result<Self, BadFraming> {
        let mut length = None;
        for value in head::values(headers, "content-length") {
            let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
            let number = str::from_utf8(value).ok().filter(|_| digits).and_then(|v| v.parse().ok());
            let number: u64 = number.ok_or(BadFraming::Length)?;
            if length.is_some_and(|known| known != number) {
                return Err(BadFraming::Length);
            }
            length = Some(number);
        }
        let mut codings = head::words(headers, "transfer-encoding");
        match (codings.next(), codings.next()) {
            (None, _) => Ok(length.map_or(Self::None, Self::Length)),
            (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => match length {
                None => Ok(Self::Chunked),
                Some(_) => Err(BadFraming::Both),
            },
            _ => Err(BadFraming::Coding),
        }
    }
}

impl Body {
    pub(super) fn chunked() -> Self {
        Self::Chunked(Chunked::Size { size: 0, length: 0, digits: true })
    }

    /// How many bytes from the front of `input` belong to the body; they are taken as passed on.
    pub(super) fn take(&mut self, input: &[u8]) -> Result<usize, BadChunk> {
        match self {
            Self::Length(left) => Ok(take_up_to(left, input.len())),
            Self::Chunked(state) => {
                let mut at = 0;
                while at < input.len() && *state != Chunked::Over {
                    at += state.step(&input[at..]).ok_or(BadChunk(at))?;
                }
                Ok(at)
            }
        }
    }

    /// As [`take`](Self::take), and appends the text among them: of chunks what is in them.
    pub(super) fn unwrap(&mut self, input: &[u8], text: &mut Vec<u8>) -> Result<usize, BadChunk> {
        let mut at = 0;
        while at < input.len() && !self.is_over() {
            let is_text = matches!(self, Self::Length(_) | Self::Chunked(Chunked::Data(_)));
            let taken = match self {
                Self::Length(left) => take_up_to(left, input.len() - at),
                Self::Chunked(state) => state.step(&input[at..]).ok_or(BadChunk(at))?,
            };
            if is_text {
                text.extend_from_slice(&input[at..at + taken]);
            }
            at += taken;
        }
        Ok(at)
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunked::Over))
    }
}

/// Takes off `left` what of `length` bytes belongs to it.
fn take_up_to(left: &mut u64, length: usize) -> usize {
    let taken = usize::try_from(*left).map_or(length, |left| left.min(length));
    *left -= taken as u64;
    taken
}

impl Chunked {
    /// Goes on by at least one of the bytes, of which there are some; `None` if the first makes no sense.
    fn step(&mut self, input: &[u8]) -> Option<usize> {
        let byte = input[0];
        *self = match *self {
            Self::Size { length: CHUNK_LINE_MAX, .. } => return None,
            Self::Size { size, length, digits: true } if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                let size = size.checked_mul(16)? | u64::from(digit);
                Self::Size { size, length: length + 1, digits: true }
            }
            Self::Size { length: 0, .. } => return None,
            // Behind the size only an extension or the line's end; white space before them was once common.
            Self::Size { digits: true, .. }
                if !matches!(byte, b';' | b' ' | b'\t' | b'\r' | b'\n') =>
            {
                return None;
            }
            Self::Size { size: 0, .. } if byte == b'\n' => Self::Trailers { length: 0, line: 0 },
            Self::Size { size, .. } if byte == b'\n' => Self::Data(size),
            Self::Size { size, length, .. } => {
                Self::Size { size, length: length + 1, digits: false }
            }
            Self::Data(mut left) => {
                let taken = take_up_to(&mut left, input.len());
                *self = if left == 0 { Self::DataEnd { cr: false } } else { Self::Data(left) };
                return Some(taken);
            }
            Self::DataEnd { cr: false } if byte == b'\r' => Self::DataEnd { cr: true },
            Self::DataEnd { .. } if byte == b'\n' => {
                Self::Size { size: 0, length: 0, digits: true }
            }
            Self::DataEnd { .. } => return None,
            Self::Trailers { length: TRAILERS_MAX, .. } => return None,
            Self::Trailers { line: 0, .. } if byte == b'\n' => Self::Over,
            Self::Trailers { length, .. } if byte == b'\n' => {
                Self::Trailers { length: length + 1, line: 0 }
            }
            // The CR of an empty line does not count for it.
            Self::Trailers { length, line: 0 } if byte == b'\r' => {
                Self::Trailers { length: length + 1, line: 0 }
            }
            Self::Trailers { length, line } => {
                Self::Trailers { length: length + 1, line: line + 1 }
            }
            Self::Over => return Some(0),
        };
        Some(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framing(lines: &[(&str, &str)]) -> Result<Framing, BadFraming> {
        let headers: Vec<_> = lines
            .iter()
            .map(|(name, value)| httparse::Header { name, value: value.as_bytes() })
            .collect();
        Framing::of(&headers)
    }

    #[test]
    fn the_head_says_where_its_body_ends() {
        assert_eq!(framing(&[]), Ok(Framing::None));
        assert_eq!(framing(&[("Content-Length", "5")]), Ok(Framing::Length(5)));
        assert_eq!(
            framing(&[("Content-Length", "5"), ("content-length", "5")]),
            Ok(Framing::Length(5))
        );
        assert_eq!(framing(&[("Transfer-Encoding", "Chunked")]), Ok(Framing::Chunked));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for value in ["+5", "5, 5", "", "0x5", "99999999999999999999999"] {
            assert_eq!(framing(&[("Content-Length", value)]), Err(BadFraming::Length), "{value}");
        }
        let two = [("Content-Length", "5"), ("Content-Length", "6")];
        assert_eq!(framing(&two), Err(BadFraming::Length));
        let both = [("Content-Length", "5"), ("Transfer-Encoding", "chunked")];
        assert_eq!(framing(&both), Err(BadFraming::Both));
        assert_eq!(framing(&[("Transfer-Encoding", "gzip, chunked")]), Err(BadFraming::Coding));
        assert_eq!(framing(&[("Transfer-Encoding", "xchunked")]), Err(BadFraming::Coding));
    }

    #[test]
    fn chunks_end_behind_their_trailers() {
        for (text, rest) in [
            ("3\r\nabc\r\n0\r\n\r\nrest", "rest"),
            ("3;x=\"y\"\r\nabc\r\n00\r\nA: b\r\nC: d\r\n\r\nrest", "rest"),
            ("A \nabcdefghij\n0\n\nrest", "rest"),
            ("0\r\n\r\n", ""),
        ] {
            let mut body = Body::chunked();
            let taken = body.take(text.as_bytes()).unwrap();
            assert_eq!(&text[taken..], rest, "{text:?}");
            assert!(body.is_over(), "{text:?}");
        }
    }

    #[test]
    fn the_text_of_chunks_is_what_is_in_them() {
        let chunks = b"3;x=y\r\nabc\r\n2\r\n\r\n\r\n0\r\nTrailer: t\r\n\r\nrest";
        for size in [1, 2, 3, chunks.len()] {
            let (mut body, mut text, mut taken) = (Body::chunked(), Vec::new(), 0);
            for piece in chunks.chunks(size) {
                taken += body.unwrap(piece, &mut text).unwrap();
            }
            assert_eq!(text, b"abc\r\n", "{size}");
            assert!(body.is_over() && &chunks[taken..] == b"rest", "{size}");
        }
        let (mut body, mut text) = (Body::Length(3), Vec::new());
        assert_eq!((body.unwrap(b"abcd", &mut text), &text[..]), (Ok(3), &b"abc"[..]));
        let (mut body, mut text) = (Body::chunked(), Vec::new());
        assert_eq!(body.unwrap(b"1\r\nab", &mut text), Err(BadChunk(4)));
        assert_eq!(text, b"a");
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for text in ["\r\n", "x\r\n", "3\r\nabcd", "-1\r\n", "3\r\nabc\rx", "10000000000000000\r\n"]
        {
            assert!(Body::chunked().take(text.as_bytes()).is_err(), "{text:?}");
        }
        let endless =
            ["1;".to_owned() + &"x".repeat(9_999), "0\n".to_owned() + &"a: b\n".repeat(9_999)];
        for text in endless {
            assert!(Body::chunked().take(text.as_bytes()).is_err());
        }
    }

    #[test]
    fn a_length_ends_where_it_ends() {
        let mut body = Body::Length(5);
        assert_eq!(body.take(b"abc"), Ok(3));
        assert!(!body.is_over());
        assert_eq!(body.take(b"defg"), Ok(2));
        assert!(body.is_over());
        assert_eq!(body.take(b"x"), Ok(0));
    }

    proptest! {
        #[test]
        fn how_it_is_cut_makes_no_difference(text in "([0-3]{1,2}[ ;a]{0,2}\r?\n|[a\r\n0-3]{0,4}){0,8}", size in 1_usize..4) {
            let mut whole = Body::chunked();
            let expected = whole.take(text.as_bytes());
            let mut cut = Body::chunked();
            let mut taken = Ok(0);
            for piece in text.as_bytes().chunks(size) {
                taken = taken.and_then(|sum| match cut.take(piece) {
                    Ok(taken) => Ok(sum + taken),
                    Err(BadChunk(good)) => Err(BadChunk(sum + good)),
                });
            }
            prop_assert_eq!(taken, expected);
            if expected.is_ok() {
                prop_assert_eq!(cut, whole);
            }
        }

        #[test]
        fn any_bytes_come_to_an_end(bytes: Vec<u8>) {
            for mut body in [Body::chunked(), Body::Length(7)] {
                if let Ok(taken) = body.take(&bytes) {
                    prop_assert!(taken <= bytes.len());
                }
            }
        }
    }
}
