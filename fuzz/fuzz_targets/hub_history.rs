//! Texts of several lines as history keeps them: whatever is kept, lines come out of it, and they make the same text again.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| callbox_hub::check_text(text));
