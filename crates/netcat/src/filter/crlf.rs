//! `-C`: line ends as most protocols of text want them.

/// Makes each LF a CRLF, but for those that have their CR already: no CR is doubled, also where CR and LF come in two
/// pieces.
///
/// Calling contract: [`handle`](Self::handle) for each piece, in their order. Nothing is held back; what comes out is at
/// most twice as long as the piece. A new connection needs a new `Crlf`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Crlf {
    after_cr: bool,
}

impl Crlf {
    /// Appends to `output` what `input` becomes.
    pub fn handle(&mut self, input: &[u8], output: &mut Vec<u8>) {
        output.reserve(input.len());
        for line in input.split_inclusive(|&byte| byte == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(text) => {
                    let has_cr = text.last().map_or(self.after_cr, |&last| last == b'\r');
                    output.extend_from_slice(text);
                    output.extend_from_slice(if has_cr { b"\n" } else { b"\r\n" });
                    self.after_cr = false;
                }
                None => {
                    output.extend_from_slice(line);
                    self.after_cr = line.ends_with(b"\r");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filtered<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut crlf = Crlf::default();
        let mut output = Vec::new();
        for piece in pieces {
            crlf.handle(piece, &mut output);
        }
        output
    }

    #[test]
    fn a_bare_newline_gets_its_carriage_return() {
        assert_eq!(filtered([&b"a\nb\n\nc"[..]]), b"a\r\nb\r\n\r\nc");
    }

    #[test]
    fn no_carriage_return_is_doubled() {
        assert_eq!(filtered([&b"a\r\nb\r\r\nc\rd\n"[..]]), b"a\r\nb\r\r\nc\rd\r\n");
    }

    #[test]
    fn a_pair_that_was_cut_stays_a_pair() {
        assert_eq!(filtered([&b"a\r"[..], b"", b"\nb"]), b"a\r\nb");
        assert_eq!(filtered([&b"a\r"[..], b"b", b"\n"]), b"a\rb\r\n");
        assert_eq!(filtered([&b"a"[..], b"\n"]), b"a\r\n");
    }

    proptest! {
        #[test]
        fn how_it_is_cut_makes_no_difference(text in "[a\r\n]{0,40}", size in 1_usize..5) {
            let whole = filtered([text.as_bytes()]);
            prop_assert_eq!(&filtered(text.as_bytes().chunks(size)), &whole);
            // The definition.
            let expected = text.replace("\r\n", "\n").replace('\n', "\r\n");
            prop_assert_eq!(String::from_utf8(whole).unwrap(), expected);
        }

        #[test]
        fn what_has_its_pairs_stays_as_it_is(lines in "([^\n]{0,5}\r\n){0,6}") {
            prop_assert_eq!(filtered([lines.as_bytes()]), lines.as_bytes());
        }
    }
}
