//! The chat client's session under any operations and any bytes of a server: it never contradicts itself, keeps to its
//! limits, and sends nothing but lines.

#![no_main]

use callbox_fuzz::session::operations::World;
use libfuzzer_sys::fuzz_target;

/// More than this is the same again, only slower.
const MOST: usize = 400;

fuzz_target!(|data: &[u8]| {
    let Some((&how, rest)) = data.split_first() else { return };
    let mut world = if how.is_multiple_of(4) { World::new() } else { World::online() };
    if how.is_multiple_of(2) {
        for op in rest.as_chunks().0.iter().take(MOST) {
            world.apply(*op);
        }
    } else {
        for line in rest.split(|byte| *byte == b'\n').take(MOST) {
            world.hear(line);
        }
    }
});
