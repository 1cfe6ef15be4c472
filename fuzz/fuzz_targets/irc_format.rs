//! Formatting codes: all that is no code is kept, in order, and no stretch is empty.

#![no_main]

use callbox_irc::format::{plain, spans};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let kept: String = spans(text).map(|span| span.text).collect();
    assert_eq!(kept, plain(text));
    assert!(spans(text).all(|span| !span.text.is_empty()));
    // What is left holds no code, so nothing is found in it again.
    assert_eq!(plain(&kept), kept);
    let mut rest = text.chars();
    assert!(kept.chars().all(|c| rest.any(|other| other == c)));
});
