//! Hundreds of people on bad links, in simulated time: whatever the links do, everybody sees what they must, once and in
//! order, and nothing that they must not.
//!
//! A run is decided by its seed. Three run always; `CALLBOX_SIMULATE=100` runs a hundred, and `CALLBOX_SEED=7` that one.

#[path = "../common/store.rs"]
#[allow(dead_code, unreachable_pub, reason = "others use more of it, and from outside")]
mod store;

mod link;
mod model;
mod person;
mod server;

use server::Simulation;

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may be told which seed to run")]
fn everybody_sees_what_they_must_once_and_in_order() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("CALLBOX_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..number("CALLBOX_SIMULATE").unwrap_or(3) + 1,
    };
    for seed in seeds {
        // Shown if the test fails.
        println!("CALLBOX_SEED={seed}");
        let totals = Simulation::new(seed, 200).run();
        println!("{totals:?}");
        // A simulation in which nothing happens proves nothing.
        assert!(totals.said > 1_000 && totals.seen > 20_000, "{totals:?}");
        assert!(totals.cuts > 20 && totals.answers > 60 && totals.stalls > 100, "{totals:?}");
        assert!(totals.labelled > 1_000 && totals.replayed > 100, "{totals:?}");
    }
}
