//! Lines out of a stream of bytes: the replies of a line service, and piped input.
//!
//! A read may end anywhere, so a line is put together from pieces; how many is the peer's choice,
//! and so would the size of the buffer be without a cap.

/// The most bytes in one line, its ending not counted: 1 MiB. Sixteen times the longest datagram,
/// so that nothing a datagram client can send is too long for a stream client, and small enough
/// that a peer that never ends its line costs us next to nothing.
pub const MAX_LINE: usize = 1 << 20;

/// What [`Lines`] gives out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line without its ending, LF or CRLF.
    Whole(&'a [u8]),
    /// A line was longer than the limit. It is reported once; what came of it is gone, and the
    /// rest of it, up to its LF, is skipped.
    TooLong,
}

/// Cuts a stream of bytes into lines.
///
/// Calling contract: hand each piece that was read to [`handle_bytes`](Self::handle_bytes), again
/// and again until it gives `None`; at the end of the stream call [`finish`](Self::finish) once.
/// A CR is part of the ending only right before an LF; anywhere else it is part of the line.
///
/// A line that lies whole in one piece is lent from that piece. Others are put together in a buffer
/// of at most the limit and one byte (a CR whose LF is still to come).
#[derive(Clone, Debug)]
pub struct Lines {
    limit: usize,
    buffer: Vec<u8>,
    /// The buffer holds a line that was given out, to be cleared on the next call.
    lent: bool,
    /// The rest of an over-long line is passing by.
    skipping: bool,
}

impl Default for Lines {
    fn default() -> Self {
        Self::new()
    }
}

impl Lines {
    /// Lines of up to [`MAX_LINE`] bytes.
    pub fn new() -> Self {
        Self::with_limit(MAX_LINE)
    }

    /// Lines of up to `limit` bytes, their endings not counted.
    pub fn with_limit(limit: usize) -> Self {
        Self { limit, buffer: Vec::new(), lent: false, skipping: false }
    }

    /// The most bytes in one line, its ending not counted.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Takes the next line off the front of `input`. `None` means that all of `input` was taken in
    /// and the line it ends with is not yet whole.
    pub fn handle_bytes<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<Line<'s>> {
        self.take_back_what_was_lent();
        if self.skipping {
            let end = find_lf(input).map(|lf| lf + 1);
            *input = &input[end.unwrap_or(input.len())..];
            self.skipping = end.is_none();
        }
        let Some(lf) = find_lf(input) else {
            return self.buffer_tail(std::mem::take(input));
        };
        let (head, tail) = input.split_at(lf);
        *input = &tail[1..];
        if self.buffer.is_empty() {
            return Some(self.measure(without_cr(head)));
        }
        if self.is_over(head) {
            self.buffer = Vec::new();
            return Some(Line::TooLong);
        }
        self.buffer.extend_from_slice(head);
        self.lent = true;
        Some(self.measure(without_cr(&self.buffer)))
    }

    /// The last line, where the stream ended without an LF.
    pub fn finish(&mut self) -> Option<Line<'_>> {
        self.take_back_what_was_lent();
        if self.buffer.is_empty() {
            return None;
        }
        self.lent = true;
        Some(self.measure(&self.buffer))
    }

    fn take_back_what_was_lent(&mut self) {
        if std::mem::take(&mut self.lent) {
            self.buffer.clear();
        }
    }

    /// Keeps the beginning of a line, unless it is already too long to become one.
    fn buffer_tail(&mut self, tail: &[u8]) -> Option<Line<'static>> {
        if self.is_over(tail) {
            // A new buffer, so that one over-long line does not hold its memory for good.
            self.buffer = Vec::new();
            self.skipping = true;
            return Some(Line::TooLong);
        }
        self.buffer.extend_from_slice(tail);
        None
    }

    /// Whether the buffered bytes and `more` are too long, whatever comes next. One byte above the
    /// limit is borne if it is a CR, which may turn out to be part of the ending.
    fn is_over(&self, more: &[u8]) -> bool {
        let length = self.buffer.len() + more.len();
        let last = more.last().or_else(|| self.buffer.last());
        length > self.limit && !(length == self.limit + 1 && last == Some(&b'\r'))
    }

    fn measure<'a>(&self, line: &'a [u8]) -> Line<'a> {
        if line.len() > self.limit { Line::TooLong } else { Line::Whole(line) }
    }
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Where the first LF is. Blocks are tested without an early way out, which the compiler turns into
/// vector instructions; `position` alone looks at one byte at a time.
fn find_lf(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 64;
    let has_lf = |block: &[u8; BLOCK]| block.iter().fold(false, |any, &b| any | (b == b'\n'));
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let clean = blocks.iter().take_while(|block| !has_lf(block)).count() * BLOCK;
    bytes[clean..].iter().position(|&byte| byte == b'\n').map(|at| clean + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All lines of a stream that arrives in these pieces; `None` stands for an over-long one.
    fn cut<'a>(limit: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Option<Vec<u8>>> {
        let own = |line: Line<'_>| match line {
            Line::Whole(bytes) => Some(bytes.to_vec()),
            Line::TooLong => None,
        };
        let mut lines = Lines::with_limit(limit);
        let mut out = Vec::new();
        for mut piece in pieces {
            while let Some(line) = lines.handle_bytes(&mut piece) {
                out.push(own(line));
            }
            assert!(piece.is_empty(), "None means that the piece was taken in");
            assert!(lines.buffer.len() <= limit + 1);
        }
        out.extend(lines.finish().map(own));
        assert_eq!(lines.finish(), None, "the last line is given once");
        out
    }

    fn whole(lines: &[&str]) -> Vec<Option<Vec<u8>>> {
        lines.iter().map(|line| Some(line.as_bytes().to_vec())).collect()
    }

    #[test]
    fn both_endings_end_a_line_and_the_last_one_needs_none() {
        assert_eq!(cut(9, [&b"a\nb\r\n\r\n\nlast"[..]]), whole(&["a", "b", "", "", "last"]));
        assert_eq!(cut(9, [&b"a\n"[..]]), whole(&["a"]));
        assert_eq!(cut(9, [&b""[..]]), whole(&[]));
    }

    #[test]
    fn a_cr_alone_is_part_of_the_line() {
        assert_eq!(cut(9, [&b"a\rb\r\r\nc\r"[..]]), whole(&["a\rb\r", "c\r"]));
    }

    #[test]
    fn an_ending_split_over_two_pieces_is_one_ending() {
        assert_eq!(cut(3, [&b"abc\r"[..], b"\n", b"d\r", b"\ne"]), whole(&["abc", "d", "e"]));
    }

    #[test]
    fn an_over_long_line_is_reported_once_and_skipped_to_its_end() {
        let mut expected = whole(&["ok", "abc", "fine"]);
        expected.insert(1, None);
        let stream = b"ok\nabcdefghij\nabc\r\nfine"[..].split_inclusive(|_| true);
        assert_eq!(cut(4, stream), expected);
        assert_eq!(cut(4, [&b"ok\nabcdefghij\nabc\r\nfine"[..]]), expected);
    }

    #[test]
    fn a_line_of_exactly_the_limit_is_whole_and_one_byte_more_is_not() {
        assert_eq!(cut(3, [&b"abc\nabc\r\nabcd\nabc"[..]])[2], None);
        assert_eq!(cut(3, [&b"abc\r"[..]]), [None]);
        assert_eq!(cut(3, [&b"abcd"[..]]), [None]);
        assert_eq!(cut(0, [&b"\n\r\nx\n"[..]]), [Some(vec![]), Some(vec![]), None]);
    }

    #[test]
    fn an_over_long_line_is_reported_as_soon_as_it_is_one_and_keeps_no_memory() {
        for long in
            [&b"xxxxxxxxxxxxxxxxxxxx"[..], b"xxxxxxxxxxxxxxxxxxx\r", b"xxxxxxxxxxxxxxxx\r\n"]
        {
            let mut lines = Lines::with_limit(3);
            assert_eq!(lines.handle_bytes(&mut &b"ab"[..]), None);
            assert_eq!(lines.handle_bytes(&mut &long[..]), Some(Line::TooLong));
            assert_eq!(lines.buffer.capacity(), 0);
        }
    }

    #[test]
    fn a_line_within_one_piece_is_lent_and_not_copied() {
        let piece = b"hello\nworld\n";
        let mut rest = &piece[..];
        let mut lines = Lines::new();
        let Some(Line::Whole(line)) = lines.handle_bytes(&mut rest) else { panic!("a line") };
        assert!(std::ptr::eq(line, &piece[..5]));
        assert_eq!(lines.buffer.capacity(), 0);
    }

    #[test]
    fn a_line_feed_is_found_wherever_it_stands() {
        for length in 0..200 {
            let mut bytes = vec![b'x'; length];
            assert_eq!(find_lf(&bytes), None);
            for at in (0..length).rev() {
                bytes[at] = b'\n';
                assert_eq!(find_lf(&bytes), Some(at));
            }
        }
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_lines(
            stream in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'x'), Just(b'y')], 0..80),
            sizes in proptest::collection::vec(1_usize..9, 80),
            limit in 0_usize..7,
        ) {
            let mut rest = &stream[..];
            let pieces = sizes.iter().map(|&size| rest.split_off(..size.min(rest.len())).unwrap());
            let pieces: Vec<_> = pieces.collect();
            prop_assert_eq!(cut(limit, pieces), cut(limit, [&stream[..]]));
        }

        #[test]
        fn without_a_limit_the_lines_are_those_of_a_plain_split(stream in "[xy\r\n]{0,60}") {
            let expected: Vec<_> = stream
                .split_inclusive('\n')
                .map(|line| line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line)))
                .collect();
            prop_assert_eq!(cut(1000, [stream.as_bytes()]), whole(&expected));
        }
    }
}
