//! Sessions on bad links, in simulated time, with the real hub: links break at any byte, silently or not, many at once, the
//! server is started again and has forgotten what it had not kept, people flood and leave and come back. Once all is quiet
//! everybody has every line that was kept, once and in the server's order, and every line that was typed was said once and
//! in its place.
//!
//! A run is decided by its seed. Three run always; `CALLBOX_SIMULATE=100` runs a hundred, and `CALLBOX_SEED=7` that one.

#[path = "../../../hub/tests/common/store.rs"]
#[allow(dead_code, unreachable_pub, reason = "others use more of it, and from outside")]
mod store;

#[path = "../../../hub/tests/simulation/link.rs"]
mod link;

mod judge;
mod person;
mod shell;
mod world;

use world::World;

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may be told which seed to run")]
fn every_line_is_there_once_and_in_order_whatever_the_links_do() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("CALLBOX_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..number("CALLBOX_SIMULATE").unwrap_or(3) + 1,
    };
    for seed in seeds {
        // Shown if the test fails.
        println!("CALLBOX_SEED={seed}");
        let totals = World::new(seed).run();
        println!("{totals:?}");
        // A simulation in which nothing happens proves nothing.
        assert!(totals.typed > 1_000 && totals.receipts > 1_000, "{totals:?}");
        assert!(totals.cuts > 25 && totals.missed > 100 && totals.restarts > 0, "{totals:?}");
        assert!(totals.doubted > 20 && totals.failed * 4 < totals.typed, "{totals:?}");
    }
}
