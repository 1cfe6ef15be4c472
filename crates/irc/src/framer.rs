//! Bytes in, lines out: the cap on what one connection can make the server keep.
//!
//! A server holds one [`Framer`] for each connection, by the ten thousand, so it keeps nothing while
//! no line is half read. Tags and body have caps of their own (IRCv3 message-tags): a client may not
//! spend the room of one on the other.

use crate::build::BODY_MAX;
use crate::tags::CLIENT_SECTION_MAX;

/// What a line may hold at most, in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The tag section, from `@` to the space after it.
    pub tags: u32,
    /// What comes after the tags, with two bytes for CR LF.
    pub body: u32,
}

impl Default for Limits {
    /// What the specifications say: 4096 and 512.
    fn default() -> Self {
        Self { tags: CLIENT_SECTION_MAX as u32, body: BODY_MAX as u32 }
    }
}

impl Limits {
    /// Whether `line`, without its ending, keeps to the limits. For lines that come in frames of
    /// another kind, such as WebSocket messages.
    pub fn admit(&self, line: &[u8]) -> bool {
        let body_at = body_at(line);
        // The space after the tags, which a line without a body may lack, has its byte in any case.
        let tags = body_at.unwrap_or(line.len() + 1);
        let body = line.len() - body_at.unwrap_or(line.len());
        tags <= self.tags as usize && body <= self.body_room()
    }

    /// The most bytes of a body without its ending.
    fn body_room(&self) -> usize {
        (self.body as usize).saturating_sub(2)
    }

    /// The most bytes that are kept: a line, and a CR of which it is not yet known whether an LF
    /// follows it.
    fn kept(&self) -> usize {
        self.tags as usize + self.body_room() + 1
    }
}

/// What [`Framer`] gives out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Frame<'a> {
    /// A line, never empty, without its ending. It may hold anything but LF.
    Line(&'a [u8]),
    /// A line was over the limits. It is reported once, as soon as that is known, and the rest of
    /// it, to its LF, is skipped.
    TooLong,
}

/// Cuts a stream of bytes into lines.
///
/// Calling contract: hand what was read to [`next`](Self::next) again and again until it gives
/// `None`. A line that lies whole in what was read is lent from there; only a line that began in an
/// earlier read is put together in memory, which is given back with the call after it was lent.
#[derive(Clone, Debug)]
pub struct Framer {
    limits: Limits,
    /// The beginning of a line, or a line that was lent. Without memory at all other times.
    kept: Vec<u8>,
    /// `kept` was lent, and goes with the next call.
    lent: bool,
    /// The rest of an over-long line is passing by.
    skipping: bool,
}

impl Default for Framer {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Framer {
    /// The least memory taken for the beginning of a line, so that a peer that sends byte after
    /// byte does not make it grow time and again.
    const LEAST: usize = 128;

    /// A framer at the beginning of a stream.
    pub fn new(limits: Limits) -> Self {
        Self { limits, kept: Vec::new(), lent: false, skipping: false }
    }

    /// Takes the next line off the front of `input`. `None` means that all of `input` was taken in.
    ///
    /// A line ends with LF, and a CR before that belongs to the ending. Empty lines are skipped.
    pub fn next<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<Frame<'s>> {
        if std::mem::take(&mut self.lent) {
            self.kept = Vec::new();
        }
        loop {
            let Some(lf) = find(b'\n', input) else {
                return self.keep(std::mem::take(input));
            };
            let (head, tail) = input.split_at(lf);
            *input = &tail[1..];
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if self.kept.is_empty() {
                let line = without_cr(head);
                if line.is_empty() {
                    continue;
                }
                return Some(self.frame(line));
            }
            if self.kept.len() + head.len() > self.limits.kept() {
                self.kept = Vec::new();
                return Some(Frame::TooLong);
            }
            self.append(head);
            if self.kept == b"\r" {
                self.kept = Vec::new();
                continue;
            }
            self.lent = true;
            return Some(self.frame(without_cr(&self.kept)));
        }
    }

    /// How many bytes of a line that is not yet whole are kept.
    pub fn kept(&self) -> usize {
        if self.lent { 0 } else { self.kept.len() }
    }

    /// Keeps the beginning of a line, unless it is too long already.
    fn keep(&mut self, tail: &[u8]) -> Option<Frame<'static>> {
        if self.skipping || tail.is_empty() {
            return None;
        }
        if self.kept.len() + tail.len() <= self.limits.kept() {
            self.append(tail);
            if self.limits.admit(without_cr(&self.kept)) {
                return None;
            }
        }
        self.kept = Vec::new();
        self.skipping = true;
        Some(Frame::TooLong)
    }

    /// Appends to what is kept. The memory doubles as it does in any vector, but not beyond the cap.
    fn append(&mut self, bytes: &[u8]) {
        let needed = self.kept.len() + bytes.len();
        if needed > self.kept.capacity() {
            let room = (2 * self.kept.capacity()).max(Self::LEAST).min(self.limits.kept());
            self.kept.reserve_exact(room.max(needed) - self.kept.len());
        }
        self.kept.extend_from_slice(bytes);
    }

    fn frame<'a>(&self, line: &'a [u8]) -> Frame<'a> {
        if self.limits.admit(line) { Frame::Line(line) } else { Frame::TooLong }
    }
}

/// Where the body begins; `None` if there are only tags so far.
fn body_at(line: &[u8]) -> Option<usize> {
    match line.first() {
        Some(b'@') => find(b' ', line).map(|space| space + 1),
        _ => Some(0),
    }
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Where the first `wanted` is. Blocks are tested without an early way out, which the compiler turns
/// into vector instructions.
fn find(wanted: u8, bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 32;
    let has = |block: &[u8; BLOCK]| block.iter().fold(false, |any, &b| any | (b == wanted));
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let clean = blocks.iter().take_while(|block| !has(block)).count() * BLOCK;
    bytes[clean..].iter().position(|&byte| byte == wanted).map(|at| clean + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SMALL: Limits = Limits { tags: 6, body: 5 };

    /// All lines of a stream that arrives in these pieces; `None` stands for an over-long one.
    fn cut<'a>(limits: Limits, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Option<String>> {
        let mut framer = Framer::new(limits);
        let mut out = Vec::new();
        for mut piece in pieces {
            while let Some(frame) = framer.next(&mut piece) {
                out.push(match frame {
                    Frame::Line(line) => Some(String::from_utf8(line.to_vec()).expect("text")),
                    Frame::TooLong => None,
                });
                assert!(framer.kept.capacity() <= limits.kept());
            }
            assert!(piece.is_empty(), "None means that the piece was taken in");
            assert!(framer.kept.capacity() <= limits.kept());
            assert_eq!(framer.kept(), framer.kept.len());
            if framer.kept.is_empty() {
                assert_eq!(framer.kept.capacity(), 0, "no memory while no line is half read");
            }
        }
        out
    }

    fn one(limits: Limits, stream: &str) -> Vec<Option<String>> {
        let whole = cut(limits, [stream.as_bytes()]);
        assert_eq!(whole, cut(limits, stream.as_bytes().chunks(1)), "byte by byte: {stream:?}");
        whole
    }

    fn lines(lines: &[&str]) -> Vec<Option<String>> {
        lines.iter().map(|line| Some(String::from(*line))).collect()
    }

    #[test]
    fn both_endings_end_a_line_and_empty_lines_are_skipped() {
        assert_eq!(
            one(Limits::default(), "a\nb\r\n\r\n\nc\rd\r\r\nrest"),
            lines(&["a", "b", "c\rd\r"])
        );
        assert_eq!(one(Limits::default(), ""), lines(&[]));
    }

    #[test]
    fn a_body_of_the_limit_is_a_line_and_one_byte_more_is_not() {
        assert_eq!(one(SMALL, "abc\r\nabc\n"), lines(&["abc", "abc"]));
        assert_eq!(one(SMALL, "abcd\nok\n"), [None, Some("ok".into())]);
        let line = "x".repeat(510);
        assert_eq!(one(Limits::default(), &format!("{line}\r\n")), lines(&[&line]));
        assert_eq!(one(Limits::default(), &format!("{line}x\r\n")), [None]);
    }

    #[test]
    fn tags_have_room_of_their_own_which_the_body_cannot_use() {
        assert_eq!(one(SMALL, "@1234 abc\n"), lines(&["@1234 abc"]));
        assert_eq!(one(SMALL, "@12345 a\n@1 abcd\n@1234 abcd\nok\n")[..3], [None, None, None]);
        assert_eq!(one(SMALL, "@1234\n@12345\n"), [Some("@1234".into()), None]);
        // The space after which the body begins is the first one.
        assert_eq!(one(SMALL, "@1  ab\n@1  abc\n"), [Some("@1  ab".into()), None]);
        let tags = format!("@{} ", "t".repeat(4094));
        let body = "b".repeat(510);
        assert_eq!(
            one(Limits::default(), &format!("{tags}{body}\r\n")),
            lines(&[&format!("{tags}{body}")])
        );
        assert_eq!(one(Limits::default(), &format!("@t{} X\r\n", &tags[1..])), [None]);
    }

    #[test]
    fn an_over_long_line_is_reported_once_and_at_once() {
        let mut framer = Framer::new(SMALL);
        assert_eq!(framer.next(&mut &b"ab"[..]), None);
        assert_eq!(framer.next(&mut &b"cd"[..]), Some(Frame::TooLong));
        for _ in 0..9 {
            assert_eq!(framer.next(&mut &b"more of it"[..]), None);
        }
        let mut rest = &b"end\nok\n"[..];
        assert_eq!(framer.next(&mut rest), Some(Frame::Line(b"ok")));
        assert_eq!(framer.next(&mut rest), None);
    }

    #[test]
    fn a_line_within_one_read_is_lent_and_not_copied() {
        let read = b"hello\r\nworld\n";
        let mut rest = &read[..];
        let mut framer = Framer::default();
        let Some(Frame::Line(line)) = framer.next(&mut rest) else { panic!("a line") };
        assert!(std::ptr::eq(line, &read[..5]));
        assert_eq!(framer.kept.capacity(), 0);
    }

    #[test]
    fn a_framer_is_small() {
        assert!(size_of::<Framer>() <= 40, "{}", size_of::<Framer>());
    }

    #[test]
    fn a_byte_is_found_wherever_it_stands() {
        for length in 0..100 {
            let mut bytes = vec![b'x'; length];
            assert_eq!(find(b'\n', &bytes), None);
            for at in (0..length).rev() {
                bytes[at] = b'\n';
                assert_eq!(find(b'\n', &bytes), Some(at));
            }
        }
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_frames(
            stream in "[\r\n @xy]{0,120}",
            sizes in proptest::collection::vec(1_usize..12, 120),
            tags in 0_u32..9, body in 0_u32..9,
        ) {
            let mut rest = stream.as_bytes();
            let pieces = sizes.iter().map(|&size| rest.split_off(..size.min(rest.len())).unwrap());
            let pieces: Vec<_> = pieces.collect();
            let limits = Limits { tags, body };
            prop_assert_eq!(cut(limits, pieces), whole_lines(limits, &stream));
        }
    }

    /// What the frames of `stream` must be, found the plain way.
    fn whole_lines(limits: Limits, stream: &str) -> Vec<Option<String>> {
        let (ended, rest) = stream.rsplit_once('\n').map_or(("", stream), |(a, b)| (a, b));
        let fits = |line: &str| {
            let (tags, body) = match (line.starts_with('@'), line.split_once(' ')) {
                (false, _) => (0, line),
                (true, Some((tags, body))) => (tags.len() + 1, body),
                (true, None) => (line.len() + 1, ""),
            };
            tags <= limits.tags as usize && body.len() + 2 <= (limits.body as usize).max(2)
        };
        let strip = |line: &str| String::from(line.strip_suffix('\r').unwrap_or(line));
        let lines = ended.split('\n').map(strip).filter(|line| !line.is_empty());
        let mut frames: Vec<_> = lines.map(|line| fits(&line).then_some(line)).collect();
        // What is not yet a line may be known already to be too long for one.
        frames.extend((!fits(&strip(rest))).then_some(None));
        frames
    }
}
