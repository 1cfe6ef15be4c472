//! Files of reports that anybody may have written: they are refused, or shown as table, page, pictures and comparison.

#![no_main]

use callbox_fuzz::report::{Change, change, ours, show};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<Change>, Vec<u8>)| {
    let (changes, bytes) = input;
    show(&bytes);
    let mut file = ours();
    changes.iter().for_each(|it| change(&mut file, it));
    show(file.to_string().as_bytes());
});
