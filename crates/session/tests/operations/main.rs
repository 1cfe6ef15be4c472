//! Whatever a server says and a person types, in whatever order, the session does not contradict itself, keeps to its
//! limits, and sends nothing but lines.

#[path = "../common/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "the fuzz target uses more of it, and from outside")]
mod common;

use common::operations::World;
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_order_of_operations_makes_a_session_contradict_itself(
        ops in prop::collection::vec(any::<[u8; 5]>(), 1..250),
    ) {
        let mut world = World::online();
        for op in ops {
            world.apply(op);
        }
    }

    #[test]
    fn nor_from_the_beginning(ops in prop::collection::vec(any::<[u8; 5]>(), 1..120)) {
        let mut world = World::new();
        for op in ops {
            world.apply(op);
        }
    }

    #[test]
    fn no_bytes_do_either(lines in prop::collection::vec(any::<Vec<u8>>(), 1..60)) {
        let mut world = World::online();
        for line in lines {
            world.hear(&line);
        }
    }
}
