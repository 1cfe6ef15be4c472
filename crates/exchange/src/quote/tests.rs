//! What is shown, what is escaped, and that nothing else is possible.

use super::*;
use proptest::prelude::*;

fn quoted(bytes: impl AsRef<[u8]>) -> String {
    Quoted(bytes.as_ref()).to_string()
}

fn bare(bytes: impl AsRef<[u8]>) -> String {
    Bare(bytes.as_ref()).to_string()
}

/// Reads a quoted literal back: there to prove that no two byte strings are shown alike.
fn unquote(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chars = text.strip_prefix('\'')?.strip_suffix('\'')?.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        match chars.next()? {
            'n' => bytes.push(b'\n'),
            't' => bytes.push(b'\t'),
            'r' => bytes.push(b'\r'),
            plain @ ('\\' | '\'') => bytes.push(plain as u8),
            'x' => {
                let digits: String = chars.by_ref().take(2).collect();
                bytes.push(u8::from_str_radix(&digits, 16).ok()?);
            }
            'u' => {
                let digits: String =
                    chars.by_ref().skip(1).take_while(|&digit| digit != '}').collect();
                let c = char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?;
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => return None,
        }
    }
    Some(bytes)
}

/// What UAX 9 calls explicit directional formatting characters and implicit marks.
fn reorders(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn ordinary_text_in_any_language_is_shown_as_it_is() {
    for text in [
        "sally",
        "HÉLLO 你好",
        "e\u{301} combines",
        "สวัสดี",
        "שלום עולם",
        "مرحبا",
        "نمی\u{200c}خواهم",
        "क\u{94d}\u{200d}ष",
        "👩\u{200d}👩\u{200d}👧",
        "❤\u{fe0f}\u{200d}🔥",
        "#\u{fe0f}\u{20e3}",
        "葛\u{e0100}",
        "\u{e000} private",
        "\u{fffd}",
        "a\u{a0}b",
    ] {
        assert_eq!(quoted(text), format!("'{text}'"));
        assert_eq!(bare(text), text);
    }
}

#[test]
fn what_could_drive_a_terminal_is_escaped() {
    assert_eq!(quoted("\x1b]0;title\x07\x1b[31m"), r"'\x1b]0;title\x07\x1b[31m'");
    assert_eq!(quoted("a\r\nb\tc\0\x7f"), r"'a\r\nb\tc\x00\x7f'");
    assert_eq!(quoted("\u{9b}31m\u{85}"), r"'\u{9b}31m\u{85}'");
    assert_eq!(bare("a\r\nb\x1b[2J"), r"a\r\nb\x1b[2J");
}

#[test]
fn what_reorders_or_hides_text_is_escaped() {
    for (c, shown) in [
        ('\u{202e}', r"\u{202e}"),
        ('\u{2066}', r"\u{2066}"),
        ('\u{61c}', r"\u{61c}"),
        ('\u{200b}', r"\u{200b}"),
        ('\u{200f}', r"\u{200f}"),
        ('\u{2028}', r"\u{2028}"),
        ('\u{2060}', r"\u{2060}"),
        ('\u{ad}', r"\u{ad}"),
        ('\u{feff}', r"\u{feff}"),
        ('\u{e0041}', r"\u{e0041}"),
        ('\u{fdd0}', r"\u{fdd0}"),
        ('\u{ffff}', r"\u{ffff}"),
        ('\u{10fffe}', r"\u{10fffe}"),
    ] {
        assert_eq!(quoted(format!("a{c}b")), format!("'a{shown}b'"));
        assert_eq!(bare(format!("é{c}é")), format!("é{shown}é"));
    }
}

#[test]
fn the_short_way_to_a_verdict_agrees_with_the_long_one() {
    for c in (0x80..=0x10_ffff).filter_map(char::from_u32) {
        let is_joiner = matches!(c, '\u{200c}' | '\u{200d}');
        assert!(is_joiner || is_shown(c, "", "") != is_hidden(c), "{c:?}");
    }
}

#[test]
fn a_joiner_that_joins_nothing_is_escaped() {
    assert_eq!(quoted("pay\u{200d}pal"), r"'pay\u{200d}pal'");
    assert_eq!(quoted("\u{200d}é"), r"'\u{200d}é'");
    assert_eq!(quoted("é\u{200c}"), r"'é\u{200c}'");
    assert_eq!(quoted("é\u{200d}\u{200d}é"), r"'é\u{200d}\u{200d}é'");
    assert_eq!(quoted("é\u{200d}\u{202e}é"), r"'é\u{200d}\u{202e}é'");
    assert_eq!(quoted(b"\xc3\xa9\xe2\x80\x8d\xff\xc3\xa9"), r"'é\u{200d}\xffé'");
}

#[test]
fn bytes_that_are_not_text_are_shown_in_hexadecimal() {
    assert_eq!(quoted(b"ok\xff\xc3\x28\xe2\x82"), r"'ok\xff\xc3(\xe2\x82'");
    // An overlong newline, a surrogate, and a C1 control as a lone byte.
    assert_eq!(quoted(b"\xc0\x8a\xed\xa0\x80\x9b"), r"'\xc0\x8a\xed\xa0\x80\x9b'");
}

#[test]
fn only_the_quoted_form_escapes_quotes_and_backslashes() {
    assert_eq!(quoted(r"it's C:\dir, 16 bytes on"), r"'it\'s C:\\dir, 16 bytes on'");
    assert_eq!(bare(r"it's C:\dir, 16 bytes on"), r"it's C:\dir, 16 bytes on");
    assert_eq!((quoted(""), bare("")), ("''".into(), String::new()));
}

#[test]
fn long_data_is_cut_and_says_how_much_is_missing() {
    let data = vec![b'x'; 64_487];
    assert_eq!(Quoted(&data).cut(4).to_string(), "'xxxx'… and 64483 bytes more");
    assert_eq!(Quoted(b"abcde").cut(4).to_string(), "'abcd'… and 1 byte more");
    assert_eq!(Quoted(b"abcd").cut(4).to_string(), "'abcd'");
    assert_eq!(Quoted(b"abcd").cut(0).to_string(), "''… and 4 bytes more");
}

#[test]
fn a_cut_spares_characters_but_not_noise() {
    assert_eq!(Quoted("a你b".as_bytes()).cut(3).to_string(), "'a'… and 4 bytes more");
    assert_eq!(Quoted("a你b".as_bytes()).cut(4).to_string(), "'a你'… and 1 byte more");
    assert_eq!(Quoted("😀".as_bytes()).cut(3).to_string(), "''… and 4 bytes more");
    assert_eq!(Quoted(&[0x80; 9]).cut(2).to_string(), r"'\x80\x80'… and 7 bytes more");
    assert_eq!(Quoted(b"\xe4\xbd\xff").cut(1).to_string(), r"'\xe4'… and 2 bytes more");
}

/// Bytes with what matters in them often: text, noise, specials, and halves of characters.
fn tricky_bytes() -> impl Strategy<Value = Vec<u8>> {
    let specials =
        "\\'nxu{}\x1b\n\u{9b}\u{ad}\u{200b}\u{200c}\u{200d}\u{202e}\u{2069}\u{feff}é你😀\u{e0041}";
    let specials: Vec<char> = specials.chars().collect();
    let piece = prop_oneof![
        proptest::sample::select(specials).prop_map(|c| c.to_string().into_bytes()),
        any::<char>().prop_map(|c| c.to_string().into_bytes()),
        any::<u8>().prop_map(|byte| vec![byte]),
        "[a-z ]{0,40}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_that_is_shown_can_drive_a_terminal(bytes in tricky_bytes(), limit in 0_usize..50) {
        for shown in [quoted(&bytes), bare(&bytes), Quoted(&bytes).cut(limit).to_string()] {
            prop_assert!(!shown.contains(|c: char| c.is_control() || reorders(c)), "{:?}", shown);
        }
    }

    #[test]
    fn no_two_byte_strings_are_shown_alike(bytes in tricky_bytes()) {
        prop_assert_eq!(unquote(&quoted(&bytes)), Some(bytes));
    }

    #[test]
    fn a_cut_shows_a_beginning_and_counts_the_rest(bytes in tricky_bytes(), limit in 0_usize..50) {
        let shown = Quoted(&bytes).cut(limit).to_string();
        let (head, more) = shown.rsplit_once("… and ").map_or((&*shown, 0), |(head, tail)| {
            (head, tail.split(' ').next().unwrap().parse().unwrap())
        });
        let head = unquote(head).unwrap();
        prop_assert!(bytes.starts_with(&head));
        prop_assert_eq!(head.len() + more, bytes.len());
        prop_assert!(head.len() <= limit && head.len() + 3 >= limit.min(bytes.len()));
        if let Ok(text) = str::from_utf8(&bytes) {
            prop_assert!(text.is_char_boundary(head.len()));
        }
    }
}
