//! Text on its way: cleaned when it comes from the person, made safe when it is shown.

use std::borrow::Cow;
use std::fmt::Write;

use callbox_exchange::Bare;

use super::Style;

/// What the person said, of bytes that may be anything: what is not UTF-8 becomes U+FFFD, a tab a space, and control
/// characters are taken out. Out of a stream, so are the commands that telnet clients mix into the text (RFC 854).
pub(super) fn said(bytes: &[u8], style: Style) -> String {
    let bytes = match style {
        Style::Stream => without_telnet_commands(bytes),
        Style::Datagram => Cow::Borrowed(bytes),
    };
    let cleaned = |c: char| match c {
        '\t' => Some(' '),
        c if c.is_control() => None,
        c => Some(c),
    };
    String::from_utf8_lossy(&bytes).chars().filter_map(cleaned).collect()
}

/// Appends `line` as it is safe to show, with an LF: without IRC's formatting codes, and with what cannot be seen or
/// would drive a terminal escaped (see [`Bare`]).
pub(crate) fn show(line: &str, to: &mut Vec<u8>) {
    let mut shown = String::new();
    let plain = without_formatting(line);
    // Writing to a string does not fail.
    let _ = write!(shown, "{}", Bare(plain.as_bytes()));
    to.extend_from_slice(shown.as_bytes());
    to.push(b'\n');
}

/// `text` without the codes for bold, italics, colours and the like (modern.ircdocs.horse/formatting).
fn without_formatting(text: &str) -> Cow<'_, str> {
    const CODES: [char; 9] =
        [BOLD, COLOUR, HEX_COLOUR, RESET, MONOSPACE, REVERSE, ITALICS, STRIKE, UNDERLINE];
    if !text.contains(CODES) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(CODES) {
        let (before, code) = rest.split_at(at);
        plain.push_str(before);
        let after = &code[1..];
        rest = match code.as_bytes().first() {
            Some(&COLOUR_BYTE) => {
                without_colours(after, |t| digits(t, 1, 2, |b| b.is_ascii_digit()))
            }
            Some(&HEX_COLOUR_BYTE) => {
                without_colours(after, |t| digits(t, 6, 6, |b| b.is_ascii_hexdigit()))
            }
            _ => after,
        };
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

const BOLD: char = '\x02';
const COLOUR: char = '\x03';
const COLOUR_BYTE: u8 = 3;
const HEX_COLOUR: char = '\x04';
const HEX_COLOUR_BYTE: u8 = 4;
const RESET: char = '\x0f';
const MONOSPACE: char = '\x11';
const REVERSE: char = '\x16';
const ITALICS: char = '\x1d';
const STRIKE: char = '\x1e';
const UNDERLINE: char = '\x1f';

/// What follows a colour code and its one colour, or two with a comma between them; `colour` gives a colour's length.
fn without_colours(text: &str, colour: impl Fn(&str) -> usize) -> &str {
    let first = colour(text);
    let text = &text[first..];
    match text.strip_prefix(',') {
        Some(second) if first > 0 && colour(second) > 0 => &second[colour(second)..],
        _ => text,
    }
}

/// How many bytes at the start are digits: `most` at the most, and 0 if they are fewer than `least`.
fn digits(text: &str, least: usize, most: usize, is_digit: impl Fn(&u8) -> bool) -> usize {
    let count = text.bytes().take(most).take_while(is_digit).count();
    if count < least { 0 } else { count }
}

/// `bytes` without telnet's commands, each of which begins with a byte that no UTF-8 text has.
fn without_telnet_commands(bytes: &[u8]) -> Cow<'_, [u8]> {
    const IAC: u8 = 255;
    const SB: u8 = 250;
    const SE: u8 = 240;
    const WILL: u8 = 251;
    const DONT: u8 = 254;
    if !bytes.contains(&IAC) {
        return Cow::Borrowed(bytes);
    }
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [byte, after @ ..] = rest {
        rest = match (*byte, after) {
            (IAC, [WILL..=DONT, _, after @ ..]) => after,
            (IAC, [SB, after @ ..]) => {
                let end = after.windows(2).position(|pair| pair == [IAC, SE]);
                end.map_or(&[][..], |end| &after[end + 2..])
            }
            // A doubled one stands for the byte itself, which then is no UTF-8.
            (IAC, [IAC, after @ ..]) => {
                text.push(IAC);
                after
            }
            (IAC, [SE..=DONT, after @ ..]) => after,
            (byte, after) => {
                text.push(byte);
                after
            }
        };
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(bytes: &[u8]) -> String {
        super::said(bytes, Style::Stream)
    }

    fn shown(line: &str) -> String {
        let mut to = Vec::new();
        show(line, &mut to);
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn what_is_said_is_text_and_nothing_else() {
        assert_eq!(said("héllo 张三".as_bytes()), "héllo 张三");
        assert_eq!(said(b"a\tb\x07\x1b[31mc\r"), "a b[31mc");
        assert_eq!(said(b"\xfea\xc3"), "\u{fffd}a\u{fffd}");
        assert_eq!(super::said(b"\xff\xfda", Style::Datagram), "\u{fffd}\u{fffd}a");
        assert_eq!(said("\u{85}".as_bytes()), "");
    }

    #[test]
    fn what_telnet_negotiates_is_not_said() {
        assert_eq!(said(b"\xff\xfd\x03hi\xff\xf4\xff\xfd\x06"), "hi");
        assert_eq!(said(b"a\xff\xfa\x18\x00xterm\xff\xf0b"), "ab");
        assert_eq!(said(b"a\xff\xfa\x18never ended"), "a");
        assert_eq!(said(b"a\xff"), "a\u{fffd}");
        assert_eq!(said(b"a\xff\xffb"), "a\u{fffd}b");
    }

    #[test]
    fn formatting_is_taken_out() {
        assert_eq!(shown("\x02bold\x0f \x1ditalic\x1d"), "bold italic\n");
        assert_eq!(shown("\x0304,12red on blue\x03 plain"), "red on blue plain\n");
        assert_eq!(shown("\x034,not a colour"), ",not a colour\n");
        assert_eq!(shown("\x03123"), "3\n");
        assert_eq!(shown("\x04ff0000red \x04ff"), "red ff\n");
    }

    #[test]
    fn nothing_drives_the_terminal_it_is_shown_in() {
        assert_eq!(shown("a\x1b]0;title\x07b\u{202e}c"), "a\\x1b]0;title\\x07b\\u{202e}c\n");
    }

    proptest! {
        #[test]
        fn no_bytes_become_a_control_character(bytes: Vec<u8>) {
            prop_assert!(!said(&bytes).contains(char::is_control));
        }

        #[test]
        fn a_shown_line_is_one_line(line: String) {
            let shown = shown(&line);
            prop_assert!(!shown[..shown.len() - 1].contains(char::is_control));
        }
    }
}
