//! Comparisons of runs of which it is known whether they differ.

use super::*;
use crate::SECOND;
use crate::figures::{Latencies, Timeline};
use crate::report::sample;

/// A run of ten seconds: `rate` replies a second on average, latencies around `latency`, both with noise that goes on
/// from interval to interval, and a level of its own that differs by `level`, as each start of a server has.
fn run(random: &mut Random, rate: f64, latency: f64, level: f64) -> Report {
    let mut report = sample::report(0);
    let step = &mut report.steps[0];
    let mut chance = || (random.below(1 << 20) as f64 / (1 << 19) as f64) - 1.0;
    let level = 1.0 + level * chance();
    (step.latency, step.timeline) = (Latencies::new(), Timeline::new(0, 10 * SECOND));
    let mut weather = 0.0;
    let mut replies = 0;
    for interval in 0..200 {
        weather = 0.5 * weather + 0.03 * chance();
        let count = (rate / 20.0 * level * (1.0 + weather)).round() as u64;
        for _ in 0..count {
            let latency = (latency / level * (1.0 - weather) * (1.5 + chance())) as u64;
            step.latency.record(latency);
            step.timeline.record(interval * SECOND / 20, latency);
        }
        replies += count;
    }
    step.timeline.close(10 * SECOND);
    (step.counts.replies, step.counts.expected) = (replies, replies);
    report
}

fn row<'a>(comparison: &'a Comparison, name: &str) -> &'a Row {
    comparison.parts[0].rows.iter().find(|row| row.name == name).unwrap()
}

#[test]
fn a_difference_that_is_there_is_found_with_its_size() {
    let mut random = Random::new(1);
    let a = run(&mut random, 2000.0, 50_000.0, 0.0);
    let b = run(&mut random, 2400.0, 40_000.0, 0.0);
    let found = compare(&[a], &[b], 7).unwrap();
    for (name, ratio) in [("replies", 1.2), ("p50", 0.8), ("p99", 0.8)] {
        let row = row(&found, name);
        let (low, high) = row.interval.unwrap();
        assert_eq!(row.verdict, Verdict::More, "{found}");
        assert!(low < ratio && ratio < high && high / low < 1.1, "{found}");
    }
    let said = found.sentence();
    assert!(said.starts_with("The difference is more than noise: B has 1."), "{said}");
    assert!(said.contains(" times A's replies, 0.8"), "{said}");
    let shown = found.to_string();
    assert!(shown.contains("one run a side shows nothing of"), "{shown}");
    assert!(shown.contains("  replies ") && shown.ends_with(&format!("{said}\n")), "{shown}");
}

#[test]
fn a_run_compared_with_itself_is_no_more_than_noise() {
    let a = run(&mut Random::new(2), 2000.0, 50_000.0, 0.0);
    let found = compare(std::slice::from_ref(&a), std::slice::from_ref(&a), 7).unwrap();
    assert!(found.parts[0].rows.iter().all(|row| row.ratio == 1.0), "{found}");
    assert_eq!(found.sentence(), "The difference is no more than noise.");
    assert_eq!(found, compare(std::slice::from_ref(&a), std::slice::from_ref(&a), 7).unwrap());
}

/// How many of a hundred comparisons of like with like find a difference in the replies, and how many say so.
fn false_alarms(pairs: usize, level: f64) -> (usize, usize) {
    let (mut outside, mut said) = (0, 0);
    for seed in 0..100 {
        let mut random = Random::new(1000 + seed);
        let mut side = || (0..pairs).map(|_| run(&mut random, 400.0, 5e4, level)).collect();
        let (a, b): (Vec<_>, Vec<_>) = (side(), side());
        let found = compare(&a, &b, seed).unwrap();
        let replies = row(&found, "replies").verdict;
        outside += usize::from(matches!(replies, Verdict::More | Verdict::Perhaps));
        said += usize::from(found.sentence().contains("more than noise:"));
    }
    (outside, said)
}

#[test]
fn of_a_hundred_comparisons_of_like_with_like_about_five_lie_outside_and_few_are_called_a_difference()
 {
    for (pairs, level) in [(1, 0.0), (3, 0.1), (6, 0.1)] {
        let (outside, said) = false_alarms(pairs, level);
        println!("{pairs} runs a side: {outside} outside, {said} said");
        assert!(outside <= 11, "{pairs} runs a side: {outside} of 100 outside");
        assert!(said <= 11, "{pairs} runs a side: {said} of 100 called a difference");
    }
}

#[test]
fn pairs_find_a_difference_that_is_larger_than_that_between_starts() {
    let mut random = Random::new(3);
    let mut side = |rate| -> Vec<_> { (0..6).map(|_| run(&mut random, rate, 5e4, 0.05)).collect() };
    let (a, b) = (side(400.0), side(600.0));
    let found = compare(&a, &b, 1).unwrap();
    assert_eq!(row(&found, "replies").verdict, Verdict::More, "{found}");
    assert!(!found.to_string().contains(" a side "), "six runs are enough");
    let few = compare(&a[..2], &b[..2], 1).unwrap().to_string();
    assert!(few.contains("two runs a side tell apart only what differs by far"), "{few}");
    let (low, high) = row(&found, "replies").interval.unwrap();
    assert!(low < 1.5 && 1.5 < high, "{found}");
}

#[test]
fn runs_of_one_side_that_are_not_the_same_run_made_again_are_told_of() {
    let mut random = Random::new(5);
    let mut side = || -> Vec<_> { (0..3).map(|_| run(&mut random, 400.0, 5e4, 0.0)).collect() };
    let (a, mut b) = (side(), side());
    assert_eq!(compare(&a, &b, 1).unwrap().notes, [""; 0]);
    b[1].kind = Kind::Tcp;
    b[2].options.insert("window".to_owned(), "7".to_owned());
    let notes = compare(&a, &b, 1).unwrap().notes;
    assert_eq!(notes, ["the runs of B differ in their kind, window"]);
}

#[test]
fn of_open_loops_it_says_that_their_rates_are_what_was_offered() {
    let mut random = Random::new(4);
    let closed = run(&mut random, 2000.0, 50_000.0, 0.0);
    let mut open = |rate| {
        let mut report = run(&mut random, rate, 50_000.0, 0.0);
        report.steps[0].offered = Some(rate);
        report
    };
    let (slow, fast) = (open(1000.0), open(2000.0));
    let said = |a: &Report, b: &Report| {
        compare(std::slice::from_ref(a), std::slice::from_ref(b), 7).unwrap()
    };
    let rest = "where a server kept up, its replies a second are what was offered, and not what it can do.";
    let of_two = said(&slow, &fast);
    assert!(of_two.to_string().starts_with("offered 1,000/s to A and 2,000/s to B\n"), "{of_two}");
    assert!(of_two.sentence().contains("more than noise: B has "), "{of_two}");
    assert!(of_two.sentence().ends_with(&format!(". Both loops were open: {rest}")), "{of_two}");
    assert!(of_two.to_string().ends_with(&format!("{rest}\n")), "{of_two}");
    let alike = said(&fast, &fast);
    assert!(alike.to_string().starts_with("offered 2,000/s\n"), "{alike}");
    let noise = "The difference is no more than noise. Both loops were open: ";
    assert_eq!(alike.sentence(), format!("{noise}{rest}"));
    assert!(said(&slow, &closed).sentence().ends_with(&format!(". A's loop was open: {rest}")));
    assert!(said(&closed, &slow).sentence().ends_with(&format!(". B's loop was open: {rest}")));
    assert!(!said(&closed, &closed).sentence().contains("open"));
}

#[test]
fn of_chats_deliveries_are_compared() {
    let mut chat = run(&mut Random::new(5), 2000.0, 50_000.0, 0.0);
    chat.kind = Kind::Chat;
    let found = compare(std::slice::from_ref(&chat), std::slice::from_ref(&chat), 7).unwrap();
    assert!(found.to_string().contains("\n  deliveries      1,999/s "), "{found}");
}

#[test]
fn what_should_be_alike_and_is_not_is_noted() {
    let a = sample::report(100);
    let mut b = sample::report(100);
    b.options.insert("size".into(), "1400\u{1b}".into());
    b.machine.cores = 64;
    let notes = compare(&[a], &[b], 1).unwrap().notes;
    assert!(notes.iter().any(|note| note == "size is '64' in A and '1400\\x1b' in B"), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("different machines")), "{notes:?}");
}

#[test]
fn too_little_is_told_from_no_difference() {
    let found = compare(&[sample::report(0)], &[sample::report(0)], 1).unwrap();
    assert_eq!(found.sentence(), "There is too little to tell whether they differ.");
    assert_eq!(compare(&[], &[sample::report(0)], 1), Err(CompareError::Empty));
}

#[test]
fn climbs_are_compared_rate_by_rate() {
    let climb = |rates: &[f64]| {
        let mut report = sample::report(0);
        let steps = rates.iter().map(|rate| {
            let mut step = sample::step(1000);
            step.offered = Some(*rate);
            step
        });
        report.steps = steps.collect();
        report
    };
    let found = compare(&[climb(&[1e3, 2e3, 4e3])], &[climb(&[2e3, 4e3, 8e3])], 1).unwrap();
    let rates: Vec<_> = found.parts.iter().map(|part| part.offered.0.unwrap()).collect();
    assert_eq!(rates, [2e3, 4e3]);
    let apart = compare(&[climb(&[1e3, 2e3])], &[climb(&[3e3, 4e3])], 1);
    assert_eq!(apart, Err(CompareError::NothingInCommon));
}
