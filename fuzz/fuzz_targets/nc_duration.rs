//! Durations as typed: any text is refused or gives one that can be waited for.

#![no_main]

use callbox_netcat::duration::{LONGEST, SHORTEST, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match parse(text) {
        Ok(duration) => assert!((SHORTEST..=LONGEST).contains(&duration)),
        Err(error) => assert!(!error.to_string().contains(char::is_control)),
    }
});
