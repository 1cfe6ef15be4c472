//! The hub under any bytes, as lines of several people: some with all capabilities, some with none, one without a name.

#![no_main]

use callbox_fuzz::hub::operations::World;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut world = World::new();
    // Even and odd ways to come in: with capabilities and without. 8 is without a name.
    for (who, how) in [(0, 2), (1, 4), (2, 1), (3, 3), (4, 8)] {
        world.apply([how, who, 0, 0, 0]);
        world.say(who.into(), b"JOIN #x");
    }
    for line in data.split(|byte| *byte == b'\n') {
        let Some((who, line)) = line.split_first() else { continue };
        world.say(usize::from(who % 5), line);
        // Every now and then what was asked for is done.
        if who % 3 == 0 {
            world.apply([200, 0, 0, 0, 0]);
        }
    }
});
