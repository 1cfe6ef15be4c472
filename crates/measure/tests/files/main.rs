//! Reports come out of files, and a file may hold anything: what cannot be read is refused, and what can be read can be
//! shown.

#[path = "../common/mod.rs"]
#[allow(unreachable_pub, reason = "the fuzz target uses it from outside")]
mod common;

use common::{Change, change, count, ours, show};
use proptest::prelude::*;

#[test]
fn a_file_of_ours_is_read_and_shown() {
    assert!(show(ours().to_string().as_bytes()));
}

#[test]
fn whatever_single_value_is_changed_a_file_is_refused_or_shown() {
    let ours = ours();
    let mut read = 0;
    for place in 0..count(&ours) {
        for (what, number) in [(0, u64::MAX), (1, f64::MAX.to_bits())] {
            let mut file = ours.clone();
            change(&mut file, &(place as u16, what, number, Vec::new()));
            read += usize::from(show(file.to_string().as_bytes()));
        }
    }
    assert!(read > 100, "{read}");
}

proptest! {
    #[test]
    fn whatever_values_are_changed_a_file_is_refused_or_shown(
        changes in prop::collection::vec(any::<Change>(), 1..6),
    ) {
        let mut file = ours();
        changes.iter().for_each(|it| change(&mut file, it));
        show(file.to_string().as_bytes());
    }
}
