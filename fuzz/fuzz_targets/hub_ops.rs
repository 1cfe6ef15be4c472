//! The hub under any sequence of operations: it never contradicts itself, and all that it puts out are lines.

#![no_main]

use callbox_fuzz::hub::operations::World;
use libfuzzer_sys::fuzz_target;

/// More than this is the same again, only slower.
const MOST: usize = 400;

fuzz_target!(|data: &[u8]| {
    let mut world = World::new();
    for op in data.as_chunks().0.iter().take(MOST) {
        world.apply(*op);
    }
});
