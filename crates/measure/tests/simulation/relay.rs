//! A relay that drops, doubles, swaps and delays known numbers of replies is reported to the exact number.

use callbox_measure::plan::{Rate, Shape};
use callbox_measure::{Counts, Nanos, SECOND};
use proptest::prelude::*;

use super::world::{MICRO, MILLI, Relay, Run, Server, seconds};

/// What is counted in two seconds with a server that answers each request after 10 µs.
fn counts(shape: Shape, relay: Relay<'_>) -> Counts {
    let server = Server { work: 10 * MICRO, stall: 0 };
    Run { shape, stretch: seconds(2), lost_after: 100 * MILLI, server, relay }.make().counts
}

fn open() -> Shape {
    Shape::Open { rate: Rate::per_second(1000), connections: 1 }
}

#[test]
fn what_is_dropped_is_lost() {
    let counts = counts(open(), &|n| if n % 50 == 7 { vec![] } else { vec![0] });
    assert_eq!(counts, Counts { requests: 2000, answered: 1960, lost: 40, ..Counts::default() });
}

#[test]
fn what_is_doubled_is_counted_apart() {
    let counts = counts(open(), &|n| if n % 50 == 7 { vec![0, 5 * MILLI] } else { vec![0] });
    let expected = Counts { requests: 2000, answered: 2000, duplicated: 40, ..Counts::default() };
    assert_eq!(counts, expected);
}

#[test]
fn what_is_swapped_is_reordered_once_for_each_pair() {
    // One that is held back for one and a half times the distance comes after its neighbour.
    let counts = counts(open(), &|n| if n % 50 == 7 { vec![3 * MILLI / 2] } else { vec![0] });
    let expected = Counts { requests: 2000, answered: 2000, reordered: 40, ..Counts::default() };
    assert_eq!(counts, expected);
}

#[test]
fn what_comes_after_it_was_given_up_is_late_and_not_lost() {
    let counts = counts(open(), &|n| if n % 50 == 7 { vec![SECOND / 2] } else { vec![0] });
    assert_eq!(counts, Counts { requests: 2000, answered: 1960, late: 40, ..Counts::default() });
}

#[test]
fn a_closed_loop_goes_on_after_losses_and_counts_them() {
    let shape = Shape::Closed { connections: 2, window: 4 };
    let counts = counts(shape, &|n| if n % 1000 == 999 { vec![] } else { vec![0] });
    assert!(counts.requests > 10_000, "{counts:?}");
    assert_eq!(counts.lost, counts.requests / 1000);
    assert_eq!(counts.answered, counts.requests - counts.lost);
}

#[test]
fn a_closed_loop_whose_window_is_lost_begins_anew() {
    let shape = Shape::Closed { connections: 1, window: 4 };
    let counts = counts(shape, &|n| if n < 4 { vec![] } else { vec![0] });
    assert_eq!(counts.lost, 4);
    assert!(counts.answered > 10_000, "{counts:?}");
}

/// What the relay does with one reply.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    Pass,
    Drop,
    Double,
    Swap,
    Delay,
}

impl Deed {
    fn arrivals(self) -> Vec<Nanos> {
        match self {
            Self::Pass => vec![0],
            Self::Drop => vec![],
            Self::Double => vec![0, 250 * MICRO],
            Self::Swap => vec![3 * MILLI / 2],
            Self::Delay => vec![SECOND / 2],
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_mixture_is_reported_to_the_exact_number(
        deeds in proptest::collection::vec(prop_oneof![
            3 => Just(Deed::Drop), 3 => Just(Deed::Double), 3 => Just(Deed::Swap), 3 => Just(Deed::Delay)
        ], 900)
    ) {
        // Every other reply passes, so that one that is swapped has a neighbour to come after.
        let deed = |n: u64| match (n % 2, deeds.get(n as usize / 2)) {
            (0, Some(&deed)) => deed,
            _ => Deed::Pass,
        };
        let counts = counts(open(), &|n| deed(n).arrivals());
        let number = |wanted| deeds.iter().filter(|&&deed| deed == wanted).count() as u64;
        let expected = Counts {
            requests: 2000,
            answered: 2000 - number(Deed::Drop) - number(Deed::Delay),
            lost: number(Deed::Drop),
            duplicated: number(Deed::Double),
            reordered: number(Deed::Swap),
            late: number(Deed::Delay),
            ..Counts::default()
        };
        prop_assert_eq!(counts, expected);
    }
}
