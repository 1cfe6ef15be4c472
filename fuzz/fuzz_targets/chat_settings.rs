//! A configuration file of any text is taken or refused with all its mistakes, and never a panic.

#![no_main]

use callbox_chat::settings;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(mistakes) = settings::parse(text, "callbox.toml") {
        assert!(!mistakes.is_empty(), "refused without a reason");
    }
});
