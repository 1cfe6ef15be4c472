//! A peer's bytes as they are shown: nothing in them drives a terminal, and the bytes can be had back.

#![no_main]

use callbox_exchange::{Bare, Quoted};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, u8)| {
    let (bytes, limit) = input;
    let quoted = Quoted(&bytes).to_string();
    check_is_harmless(&quoted);
    check_is_harmless(&Bare(&bytes).to_string());
    let inner = quoted.strip_prefix('\'').and_then(|q| q.strip_suffix('\''));
    assert_eq!(unquoted(inner.expect("quotes at both ends")), bytes);

    let limit = usize::from(limit);
    let cut = Quoted(&bytes).cut(limit).to_string();
    check_is_harmless(&cut);
    assert_eq!(cut == quoted, bytes.len() <= limit);
});

fn check_is_harmless(shown: &str) {
    for c in shown.chars() {
        let reorders = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
        assert!(!c.is_control() && !reorders, "{c:?} in {shown:?}");
    }
}

/// The bytes that a quoted literal stands for.
fn unquoted(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '\\' {
            assert_ne!(c, '\'', "a quote inside is escaped");
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let (kind, after) = rest.split_at(1);
        rest = after;
        match kind {
            "n" => bytes.push(b'\n'),
            "t" => bytes.push(b'\t'),
            "r" => bytes.push(b'\r'),
            "\\" | "'" => bytes.extend_from_slice(kind.as_bytes()),
            "x" => {
                let (digits, after) = rest.split_at(2);
                bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
                rest = after;
            }
            "u" => {
                let (digits, after) = rest[1..].split_once('}').expect("braces");
                let number = u32::from_str_radix(digits, 16).expect("digits");
                let c = char::from_u32(number).expect("a character");
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                rest = after;
            }
            other => panic!("no such escape: {other}"),
        }
    }
    bytes
}
