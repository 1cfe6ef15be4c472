//! Whatever people do, in whatever order, the hub does not contradict itself, and all that it puts out are lines.

#[path = "../common/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "the fuzz targets use more of it, and from outside")]
mod common;

use common::operations::World;
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_order_of_operations_makes_the_hub_contradict_itself(
        ops in prop::collection::vec(any::<[u8; 5]>(), 1..250),
    ) {
        let mut world = World::new();
        for op in ops {
            world.apply(op);
        }
    }

    #[test]
    fn no_bytes_do_either(lines in prop::collection::vec((0..5_usize, any::<Vec<u8>>()), 1..60)) {
        let mut world = World::new();
        for who in 0..5_u8 {
            world.apply([who + 1, who, 0, 0, 0]);
        }
        for (who, line) in lines {
            world.say(who, &line);
        }
    }
}
