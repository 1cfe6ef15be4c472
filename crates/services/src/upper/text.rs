//! The slow way of `upper`: text with characters beyond ASCII.
//!
//! A character's capital may take more or fewer bytes (`ŉ` gives `ʼN`, `ı` gives `I`), so a whole
//! datagram does not always fit where it stood. Only what is raised is copied: a Chinese text,
//! which has no capitals, passes without a byte moving.

use super::ascii::upper_ascii_in_place;
use crate::contract::{Answer, MAX_DATAGRAM};

/// The most bytes that one byte of a question becomes: `ΐ` (2 bytes) gives `Ϊ́` (6). A test goes
/// through every character.
pub const MAX_GROWTH: usize = 3;

/// Raises a whole datagram: UTF-8 text by [`char::to_uppercase`], bytes that are not UTF-8
/// unchanged.
///
/// The answer is cut at a character boundary where it would be longer than [`MAX_DATAGRAM`] (and
/// longer than the question, which over a Unix socket may itself exceed it).
#[inline]
pub fn upper_in_place(datagram: &mut [u8], reply: &mut Vec<u8>) -> Answer {
    let scan = upper_ascii_in_place(datagram);
    if scan.ascii {
        return Answer::InPlace { changed: scan.changed };
    }
    raise_beyond_ascii(datagram, scan.changed, reply)
}

/// Appends `bytes` in capitals to `out` and returns how many of them were used.
///
/// Those left over, three at most, begin a character that `bytes` does not hold whole.
pub fn append_upper(bytes: &[u8], out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(bytes);
    if upper_ascii_in_place(&mut out[start..]).ascii {
        return bytes.len();
    }
    out.truncate(start);
    let mut used = 0;
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| append_capitals(c, out));
        used += chunk.valid().len();
        if used + chunk.invalid().len() == bytes.len() && begins_character(chunk.invalid()) {
            return used;
        }
        out.extend_from_slice(chunk.invalid());
        used += chunk.invalid().len();
    }
    used
}

/// Appends the capitals of one character, up to three of them.
pub(super) fn append_capitals(c: char, out: &mut Vec<u8>) {
    for capital in c.to_uppercase() {
        out.extend_from_slice(capital.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// Whether `bytes` are the beginning of one character and no more is wrong with them than that they
/// end too early.
pub(super) fn begins_character(bytes: &[u8]) -> bool {
    str::from_utf8(bytes)
        .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
}

/// The second pass, for a datagram whose ASCII letters are already raised.
#[inline(never)]
fn raise_beyond_ascii(datagram: &mut [u8], ascii_changed: bool, reply: &mut Vec<u8>) -> Answer {
    let limit = MAX_DATAGRAM.max(datagram.len());
    match write_raised(datagram, limit, reply) {
        Raised::Nothing => Answer::InPlace { changed: ascii_changed },
        Raised::Whole if reply.len() == datagram.len() => {
            datagram.copy_from_slice(reply);
            reply.clear();
            Answer::InPlace { changed: true }
        }
        Raised::Whole | Raised::Cut => Answer::Written,
    }
}

/// How far [`write_raised`] came.
enum Raised {
    /// No character has a capital, nothing was written.
    Nothing,
    /// The whole text is in `reply`.
    Whole,
    /// `reply` was full before the text ended.
    Cut,
}

/// Writes `text` in capitals to `reply`, starting with the first character that differs from its
/// own.
fn write_raised(text: &[u8], limit: usize, reply: &mut Vec<u8>) -> Raised {
    let mut written = 0;
    let mut chunk_start = 0;
    for chunk in text.utf8_chunks() {
        for (offset, c) in chunk.valid().char_indices() {
            if !may_have_capital(c) {
                continue;
            }
            let capitals = c.to_uppercase();
            if capitals.clone().eq([c]) {
                continue;
            }
            let at = chunk_start + offset;
            if !append_within(&text[written..at], limit, reply) {
                return Raised::Cut;
            }
            for capital in capitals {
                if !append_within(capital.encode_utf8(&mut [0; 4]).as_bytes(), limit, reply) {
                    return Raised::Cut;
                }
            }
            written = at + c.len_utf8();
        }
        chunk_start += chunk.valid().len() + chunk.invalid().len();
    }
    if written == 0 {
        Raised::Nothing
    } else if append_within(&text[written..], limit, reply) {
        Raised::Whole
    } else {
        Raised::Cut
    }
}

/// Appends `piece`, or as many of its characters as fit into `limit` bytes; false when it was cut.
fn append_within(piece: &[u8], limit: usize, reply: &mut Vec<u8>) -> bool {
    let room = limit - reply.len();
    if piece.len() <= room {
        reply.extend_from_slice(piece);
        return true;
    }
    reply.extend_from_slice(&piece[..character_boundary(piece, room)]);
    false
}

/// The last boundary of a character at or before `end`; `end` itself when the bytes around it are
/// not UTF-8.
fn character_boundary(bytes: &[u8], end: usize) -> usize {
    let earliest = end.saturating_sub(3);
    (earliest..=end).rev().find(|&at| bytes[at] & 0xc0 != 0x80).unwrap_or(end)
}

/// False for characters certainly without a capital, which spares them the search through the table
/// of cases: ASCII, whose letters are raised by now, and the blocks from CJK Radicals to Vai and
/// from Hangul to CJK Compatibility Ideographs.
fn may_have_capital(c: char) -> bool {
    !matches!(c, '\0'..='\x7f' | '\u{2e80}'..='\u{a63f}' | '\u{ac00}'..='\u{faff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The answer to `text` and whether it differs, through whichever way it went.
    fn raise(text: &[u8]) -> (Vec<u8>, bool) {
        let mut datagram = text.to_vec();
        let mut reply = Vec::new();
        match upper_in_place(&mut datagram, &mut reply) {
            Answer::InPlace { changed } => {
                assert!(reply.is_empty(), "an answer in place leaves the reply empty");
                (datagram, changed)
            }
            Answer::Written => (reply, true),
            Answer::Silence => panic!("upper always answers"),
        }
    }

    fn raise_text(text: &str) -> String {
        String::from_utf8(raise(text.as_bytes()).0).unwrap()
    }

    /// The definition that the fast ways must agree with: character by character, no shortcut.
    fn plainly(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for chunk in bytes.utf8_chunks() {
            out.extend_from_slice(chunk.valid().to_uppercase().as_bytes());
            out.extend_from_slice(chunk.invalid());
        }
        out
    }

    fn all_characters() -> impl Iterator<Item = char> {
        ('\0'..=char::MAX).filter(|c| !c.is_ascii())
    }

    #[test]
    fn text_in_other_scripts_is_raised_by_its_characters() {
        assert_eq!(raise_text("sally"), "SALLY");
        assert_eq!(raise_text("héllo 你好"), "HÉLLO 你好");
        assert_eq!(raise_text("straße"), "STRASSE");
        assert_eq!(raise_text("привет, Κόσμε"), "ПРИВЕТ, ΚΌΣΜΕ");
        assert_eq!(raise_text("ŉ ı ﬃ"), "ʼN I FFI");
    }

    #[test]
    fn text_without_capitals_is_answered_in_place_as_unchanged() {
        for text in ["", "123", "HELLO", "你好，世界", "HÉLLO 你好"] {
            assert_eq!(raise(text.as_bytes()), (text.as_bytes().to_vec(), false), "{text}");
        }
    }

    #[test]
    fn a_capital_of_the_same_length_stays_in_place() {
        let mut datagram = "é straße".as_bytes().to_vec();
        let mut reply = Vec::new();
        assert_eq!(upper_in_place(&mut datagram, &mut reply), Answer::InPlace { changed: true });
        assert_eq!(datagram, "É STRASSE".as_bytes());
    }

    #[test]
    fn bytes_that_are_not_utf8_pass_and_ascii_letters_among_them_are_raised() {
        assert_eq!(raise(b"a\xffb\xc3").0, b"A\xffB\xc3");
        assert_eq!(raise(b"\xe4\xbdx\xc3\xa9").0, b"\xe4\xbdX\xc3\x89");
    }

    #[test]
    fn no_character_grows_beyond_three_times_and_a_second_raising_changes_nothing() {
        let mut text = [0; 4];
        let mut longest = 0.0f64;
        for c in all_characters() {
            let question = c.encode_utf8(&mut text).as_bytes();
            let (answer, changed) = raise(question);
            assert!(answer.len() <= MAX_GROWTH * question.len(), "{c:?}");
            assert_eq!(changed, answer != question, "{c:?}");
            assert_eq!(answer, plainly(question), "{c:?}");
            assert!(!raise(&answer).1, "a loop would feed on {c:?}");
            longest = longest.max(answer.len() as f64 / question.len() as f64);
        }
        assert_eq!(longest, MAX_GROWTH as f64, "the bound is stated no larger than it is");
    }

    #[test]
    fn an_answer_too_long_for_a_datagram_is_cut_between_characters() {
        // Two bytes become six: 32,753 characters would be 196,518 bytes.
        let question = "ΐ".repeat(MAX_DATAGRAM / 2);
        let (answer, _) = raise(question.as_bytes());
        let answer = String::from_utf8(answer).expect("cut between characters");
        assert!(answer.len() <= MAX_DATAGRAM && answer.len() > MAX_DATAGRAM - 4);
        assert!(question.to_uppercase().starts_with(&answer));
    }

    #[test]
    fn a_run_of_untouched_text_is_cut_between_characters_too() {
        for padding in 0..4 {
            let question =
                format!("ŉ{}{}", "-".repeat(padding), "你".repeat((MAX_DATAGRAM - 5) / 3));
            let mut bytes = question.into_bytes();
            bytes.resize(MAX_DATAGRAM, b'.');
            let (answer, _) = raise(&bytes);
            assert!(answer.len() <= MAX_DATAGRAM);
            assert!(str::from_utf8(&answer).is_ok(), "padding {padding}");
        }
        let (answer, _) = raise(&["ŉ".as_bytes(), &[0x80; MAX_DATAGRAM - 2]].concat());
        assert_eq!(answer.len(), MAX_DATAGRAM, "what is not text has no boundary to keep");
    }

    #[test]
    fn a_longer_question_than_udp_carries_is_answered_at_its_own_length() {
        let question = "é".repeat(MAX_DATAGRAM);
        assert_eq!(raise_text(&question), "É".repeat(MAX_DATAGRAM));
    }

    #[test]
    fn a_reply_with_room_for_one_datagram_is_never_reallocated() {
        let mut reply = Vec::with_capacity(MAX_DATAGRAM);
        let before = (reply.as_ptr(), reply.capacity());
        for text in ["ΐ".repeat(MAX_DATAGRAM / 2), "straße ŉ".repeat(100), "ı".repeat(20_000)] {
            reply.clear();
            upper_in_place(&mut text.into_bytes(), &mut reply);
            assert_eq!((reply.as_ptr(), reply.capacity()), before);
        }
    }

    #[test]
    fn the_shortcut_skips_only_characters_without_capitals() {
        for c in all_characters().filter(|c| !may_have_capital(*c)) {
            assert!(c.to_uppercase().eq([c]), "{c:?}");
        }
    }

    /// Text and rubbish in turn, so that boundaries between them are common.
    fn mixture() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            "[a-zA-Z0-9 ßéŉıΐ你好ﬃ]{0,8}".prop_map(String::into_bytes),
            any::<String>().prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..6),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_bytes_give_what_the_definition_gives(bytes in mixture()) {
            let (answer, changed) = raise(&bytes);
            prop_assert_eq!(&answer, &plainly(&bytes));
            prop_assert_eq!(changed, answer != bytes);
            prop_assert!(answer.len() <= MAX_GROWTH * bytes.len());
        }

        #[test]
        fn appending_uses_all_but_an_unfinished_character(bytes in mixture()) {
            let mut out = b"kept ".to_vec();
            let used = append_upper(&bytes, &mut out);
            prop_assert!(bytes.len() - used <= 3);
            prop_assert!(used == bytes.len() || begins_character(&bytes[used..]));
            let mut expected = b"kept ".to_vec();
            expected.extend(plainly(&bytes[..used]));
            prop_assert_eq!(out, expected);
        }
    }
}
