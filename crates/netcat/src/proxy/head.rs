//! The head of an HTTP message, gathered up to its empty line and not a byte further.

/// The most bytes of a head: twice what most servers take, since proxies add to what they pass on. A peer that sends
/// more is refused.
pub const HEAD_MAX: usize = 16 * 1024;

/// The most header lines of a head. A peer that sends more is refused.
pub const HEADERS_MAX: usize = 100;

/// A head that is being gathered.
#[derive(Clone, Debug, Default)]
pub(super) struct Head(Vec<u8>);

/// What became of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// All were taken in, and the head goes on.
    More,
    /// The head is whole; what stands behind it was left.
    Whole,
    /// It is longer than [`HEAD_MAX`].
    TooLong,
}

impl Head {
    /// Takes bytes from the front of `input` up to the end of the head.
    pub(super) fn handle(&mut self, input: &mut &[u8]) -> Progress {
        while !input.is_empty() {
            let newline = input.iter().position(|&byte| byte == b'\n');
            let (line, rest) = input.split_at(newline.map_or(input.len(), |at| at + 1));
            if self.0.len() + line.len() > HEAD_MAX {
                return Progress::TooLong;
            }
            self.0.extend_from_slice(line);
            *input = rest;
            if self.0.ends_with(b"\n\r\n") || self.0.ends_with(b"\n\n") {
                return Progress::Whole;
            }
        }
        Progress::More
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first line as far as it is there, without its end.
    pub(super) fn first_line(&self) -> &[u8] {
        let line = self.0.split(|&byte| byte == b'\n').next().unwrap_or_default();
        line.strip_suffix(b"\r").unwrap_or(line)
    }
}

/// The values of all headers with this name.
pub(super) fn values<'h>(
    headers: &'h [httparse::Header<'_>],
    name: &str,
) -> impl Iterator<Item = &'h [u8]> {
    headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .map(|header| header.value)
}

/// Whether the values of this header, lists with commas, hold this word.
pub(super) fn has_word(headers: &[httparse::Header<'_>], name: &str, word: &str) -> bool {
    words(headers, name).any(|found| found.eq_ignore_ascii_case(word.as_bytes()))
}

/// The words in the values of this header, lists with commas.
pub(super) fn words<'h>(
    headers: &'h [httparse::Header<'_>],
    name: &str,
) -> impl Iterator<Item = &'h [u8]> {
    values(headers, name)
        .flat_map(|value| value.split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_stands_behind_the_empty_line_is_left() {
        for text in ["HTTP/1.1 200 OK\r\nA: b\r\n\r\nrest\n\n", "HTTP/1.1 200 OK\nA: b\n\nrest\n\n"]
        {
            let mut input = text.as_bytes();
            let mut head = Head::default();
            assert_eq!(head.handle(&mut input), Progress::Whole);
            assert_eq!(input, b"rest\n\n");
            assert_eq!(head.first_line(), b"HTTP/1.1 200 OK");
        }
    }

    #[test]
    fn an_endless_head_is_refused() {
        let mut head = Head::default();
        for _ in 0..HEAD_MAX / 4 {
            assert_eq!(head.handle(&mut &b"A:b\n"[..]), Progress::More);
        }
        assert_eq!(head.handle(&mut &b"A:b\n"[..]), Progress::TooLong);
        assert_eq!(Head::default().handle(&mut &vec![b'x'; HEAD_MAX + 1][..]), Progress::TooLong);
    }

    proptest! {
        #[test]
        fn how_it_is_cut_makes_no_difference(text in "[a\r\n]{0,30}", size in 1_usize..4) {
            let mut input = text.as_bytes();
            let mut whole = Head::default();
            let progress = whole.handle(&mut input);
            let mut cut = Head::default();
            let mut left = Vec::new();
            let mut over = Progress::More;
            for mut piece in text.as_bytes().chunks(size) {
                if over == Progress::More {
                    over = cut.handle(&mut piece);
                }
                left.extend_from_slice(piece);
            }
            prop_assert_eq!((over, &left[..], cut.bytes()), (progress, input, whole.bytes()));
        }
    }
}
