//! Masks: matching comes to an end and goes by its definition; a mask that was made whole stays as it is.

#![no_main]

use callbox_irc::mask::{self, MASK_MAX};
use libfuzzer_sys::fuzz_target;

/// The definition, which costs the product of the lengths in memory.
fn plain(pattern: &[char], text: &[char]) -> bool {
    // Which beginnings of the text the pattern so far matches.
    let mut matched = vec![false; text.len() + 1];
    matched[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let escaped = pattern[at] == '\\' && matches!(pattern.get(at + 1), Some('*' | '?'));
        at += usize::from(escaped);
        let sign = pattern[at];
        at += 1;
        let mut next = vec![false; text.len() + 1];
        for end in 0..=text.len() {
            next[end] = match sign {
                '*' if !escaped => matched[end] || (end > 0 && next[end - 1]),
                '?' if !escaped => end > 0 && matched[end - 1],
                sign => end > 0 && matched[end - 1] && text[end - 1] == sign,
            };
        }
        matched = next;
    }
    matched[text.len()]
}

fuzz_target!(|input: (&str, &str)| {
    let (pattern, text) = input;
    let chars = |text: &str| text.chars().collect::<Vec<_>>();
    if pattern.len() * text.len() < 1 << 16 {
        let expected = plain(&chars(pattern), &chars(text));
        assert_eq!(mask::matches(pattern, text), expected);
    } else {
        mask::matches(pattern, text);
    }
    let whole = mask::normalise(pattern);
    assert!(whole.len() <= MASK_MAX, "{whole:?}");
    assert_eq!(mask::normalise(&whole), whole);
    assert!(!whole.contains([' ', '\r', '\n', '\0']) && !whole.starts_with(':'));
    if let Some(ban) = mask::parse_ban(&whole) {
        ban.matches(text, Some(text));
        ban.is_mute();
    }
});
