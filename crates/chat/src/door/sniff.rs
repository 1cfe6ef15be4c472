//! Which door? Told from the first bytes of a stream, as early as they allow it.
//!
//! Nobody says which protocol they speak, but each of them begins in its own way. The answer depends on the bytes alone
//! and not on how they were cut into reads: once it is given, no further byte changes it.

/// What a stream begins with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// More bytes are needed.
    Undecided,
    /// A TLS handshake record (RFC 8446, section 5.1).
    Tls,
    /// A command with which an IRC client may begin.
    Irc,
    /// An HTTP request.
    Http,
    /// Text of any other kind.
    Text,
    /// Bytes that nobody types.
    Junk,
}

/// The most bytes that can leave [`sniff`] undecided. It is below any limit on lines, so that what was looked at is
/// never too long to be the beginning of a line.
const SNIFF_CAP: usize = 256;

/// The commands with which an IRC client may begin: those of registration. A server refuses the others at this point,
/// so a line that begins with one of them is rather somebody's text.
const COMMANDS: [&[u8]; 8] =
    [b"CAP", b"NICK", b"USER", b"PASS", b"PING", b"QUIT", b"AUTHENTICATE", b"WEBIRC"];

/// The methods of HTTP (RFC 9110, section 9, and PATCH), and the first word of HTTP/2, which gets an error it knows.
const METHODS: [&[u8]; 10] = [
    b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT", b"PRI",
];

/// Looks at a stream's first bytes until they say which door it is.
#[derive(Debug, Default)]
pub(super) struct Sniffer {
    /// What was taken in while undecided; without memory while nothing came.
    kept: Vec<u8>,
}

impl Sniffer {
    /// Looks at what came. Undecided, it takes all of `input`, at most [`SNIFF_CAP`] bytes from all calls together;
    /// otherwise it takes nothing but blanks, and what it took before stands in [`into_kept`](Self::into_kept).
    pub(super) fn look(&mut self, input: &mut &[u8]) -> Verdict {
        if self.kept.is_empty() {
            *input = without_blanks(input);
        }
        let before = self.kept.len();
        let verdict = if before == 0 {
            sniff(input)
        } else {
            self.kept.extend_from_slice(&input[..input.len().min(SNIFF_CAP)]);
            let verdict = sniff(&self.kept);
            self.kept.truncate(before);
            verdict
        };
        if verdict == Verdict::Undecided {
            self.kept.extend_from_slice(std::mem::take(input));
        }
        verdict
    }

    /// Whether anything came that was no blank.
    pub(super) fn has_begun(&self) -> bool {
        !self.kept.is_empty()
    }

    /// What was taken in, and comes before whatever is read next. It holds no LF.
    pub(super) fn into_kept(self) -> Vec<u8> {
        self.kept
    }
}

/// The blanks that may stand before the first word; they mean nothing on any door.
fn without_blanks(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().take_while(|byte| b" \r\n".contains(byte)).count();
    &bytes[blanks..]
}

/// What `bytes`, the beginning of a stream from its first byte that is no blank, are the beginning of.
fn sniff(bytes: &[u8]) -> Verdict {
    match bytes.first() {
        None => Verdict::Undecided,
        Some(0x16) => match bytes.get(1) {
            None => Verdict::Undecided,
            Some(3) => Verdict::Tls,
            Some(_) => Verdict::Junk,
        },
        Some(b'@' | b':') => prefixed(bytes),
        // Tabs are text, and so are escapes: somebody leaned on an arrow key.
        Some(&byte) if byte < b' ' && !matches!(byte, b'\t' | 0x1b) => Verdict::Junk,
        Some(_) => match request(bytes) {
            Verdict::Text => command(bytes),
            verdict => verdict,
        },
    }
}

/// `@tags` or a `:source`, and a command behind it. A smiley is neither.
fn prefixed(bytes: &[u8]) -> Verdict {
    // As much as is looked at, however much there is.
    let looked_at = &bytes[..bytes.len().min(SNIFF_CAP)];
    let mut rest = looked_at;
    while let [b'@' | b':', ..] = rest {
        let Some(end) = rest.iter().position(|byte| b" \r\n".contains(byte)) else {
            rest = &[];
            break;
        };
        if rest[end] != b' ' {
            return Verdict::Text;
        }
        rest = &rest[end..];
        rest = &rest[rest.iter().take_while(|byte| **byte == b' ').count()..];
    }
    match if rest.is_empty() { Verdict::Undecided } else { command(rest) } {
        // Nobody types a first word like this.
        Verdict::Undecided if looked_at.len() == SNIFF_CAP => Verdict::Irc,
        verdict => verdict,
    }
}

/// One of the commands, in any case, and then the end of the word.
fn command(bytes: &[u8]) -> Verdict {
    let mut verdict = Verdict::Text;
    for command in COMMANDS {
        let common = command.len().min(bytes.len());
        if !bytes[..common].eq_ignore_ascii_case(&command[..common]) {
            continue;
        }
        match bytes.get(command.len()) {
            None => verdict = Verdict::Undecided,
            Some(b' ' | b'\r' | b'\n') => return Verdict::Irc,
            Some(_) => {}
        }
    }
    verdict
}

/// A method, a space and what may begin a target (RFC 9112, section 3.2). `GET OUT` is no request.
fn request(bytes: &[u8]) -> Verdict {
    let mut verdict = Verdict::Text;
    for method in METHODS {
        let common = method.len().min(bytes.len());
        if bytes[..common] != method[..common] {
            continue;
        }
        match (bytes.get(method.len()), bytes.get(method.len() + 1)) {
            (None, _) | (Some(b' '), None) => verdict = Verdict::Undecided,
            (Some(b' '), Some(b'/' | b'*')) => return Verdict::Http,
            (Some(b' '), Some(_)) if method == b"CONNECT" => return Verdict::Http,
            (Some(b' '), Some(_)) => match target_with_scheme(&bytes[method.len() + 1..]) {
                Verdict::Text => {}
                found => return found,
            },
            (Some(_), _) => {}
        }
    }
    verdict
}

/// A target such as clients send to proxies.
fn target_with_scheme(target: &[u8]) -> Verdict {
    let mut verdict = Verdict::Text;
    for scheme in [&b"http://"[..], b"https://"] {
        let common = scheme.len().min(target.len());
        if target[..common].eq_ignore_ascii_case(&scheme[..common]) {
            match common == scheme.len() {
                true => return Verdict::Http,
                false => verdict = Verdict::Undecided,
            }
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str) -> Verdict {
        sniff(text.as_bytes())
    }

    #[test]
    fn an_irc_client_begins_with_a_command_of_registration() {
        for text in [
            "NICK bob\r\n",
            "nick bob",
            "CAP LS 302\r\n",
            "PASS x",
            "Ping\n",
            "quit\r",
            "AUTHENTICATE ",
        ] {
            assert_eq!(of(text), Verdict::Irc, "{text:?}");
        }
    }

    #[test]
    fn a_word_that_only_begins_like_a_command_is_text() {
        for text in [
            "nickel is a metal",
            "users",
            "caps lock",
            "PRIVMSG #a :b",
            "hello",
            "张三",
            "pass\tme",
        ] {
            assert_eq!(of(text), Verdict::Text, "{text:?}");
        }
    }

    #[test]
    fn tags_and_a_source_are_looked_through() {
        for text in ["@label=1 NICK bob", ":bob NICK bob", "@a=b;c :bob   CAP LS"] {
            assert_eq!(of(text), Verdict::Irc, "{text:?}");
        }
        for text in [":) hello", ":-)\n", "@bob hello", "@bob\r\n", ":(\r\nNICK a"] {
            assert_eq!(of(text), Verdict::Text, "{text:?}");
        }
        for text in ["@", ":bob", "@bob ", ":bob NIC", "@a :b"] {
            assert_eq!(of(text), Verdict::Undecided, "{text:?}");
        }
        assert_eq!(of(&format!("@{} CAP LS", "x".repeat(4000))), Verdict::Irc);
    }

    #[test]
    fn a_request_is_a_method_and_a_target() {
        for text in [
            "GET / HTTP/1.1",
            "HEAD /x",
            "OPTIONS *",
            "GET http://a/",
            "CONNECT a:443",
            "PRI * HTTP/2.0",
            "POST /",
        ] {
            assert_eq!(of(text), Verdict::Http, "{text:?}");
        }
        for text in ["GET OUT", "get /", "GETTING / on", "PUT it there", "GET happy"] {
            assert_eq!(of(text), Verdict::Text, "{text:?}");
        }
        for text in ["G", "GET", "GET ", "GET h", "P", "C"] {
            assert_eq!(of(text), Verdict::Undecided, "{text:?}");
        }
    }

    #[test]
    fn a_tls_record_is_one_and_other_binary_is_junk() {
        assert_eq!(sniff(&[0x16, 3, 1]), Verdict::Tls);
        assert_eq!(sniff(&[0x16]), Verdict::Undecided);
        for junk in [&[0x16, 4][..], &[0], &[3, 0, 0], &[5, 1]] {
            assert_eq!(sniff(junk), Verdict::Junk, "{junk:?}");
        }
        assert_eq!(sniff(b"\x1b[A"), Verdict::Text);
        assert_eq!(sniff(&[0xff, 0xfb]), Verdict::Text, "telnet negotiates");
    }

    fn beginnings() -> impl Strategy<Value = Vec<u8>> {
        let words = prop_oneof![
            Just("NICK"),
            Just("AUTHENTICATE"),
            Just("GET"),
            Just("@x"),
            Just(":"),
            Just(" "),
            Just("/"),
            Just("h"),
            Just("http://"),
            Just("\r\n"),
            Just("\u{16}\u{3}"),
            Just("P"),
            Just("CONNECT"),
            Just("xxxxxxxxxxxxxxxxxxx"),
        ];
        proptest::collection::vec(words, 0..24).prop_map(|words| words.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn a_verdict_stands_whatever_follows(bytes in beginnings()) {
            let bytes = without_blanks(&bytes);
            let mut decided = Verdict::Undecided;
            for end in 0..=bytes.len() {
                let verdict = sniff(&bytes[..end]);
                if decided != Verdict::Undecided {
                    prop_assert_eq!(verdict, decided, "{:?} at {}", bytes, end);
                }
                prop_assert!(verdict != Verdict::Undecided || end < SNIFF_CAP);
                decided = verdict;
            }
        }

        #[test]
        fn no_bytes_are_too_odd_to_look_at(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            sniff(without_blanks(&bytes));
        }
    }
}
