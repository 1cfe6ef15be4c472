//! The report on a terminal: its counts, its latencies, and their distribution drawn in text.

use std::fmt::{self, Display, Formatter};

use callbox_exchange::Bare;

use super::{Kind, Outcome, Report, Sort, Step};
use crate::Nanos;
use crate::figures::Latencies;
use crate::figures::show::{Bytes, Count, Elapsed, PerSecond, RoundSpan, Share, Span};

/// As many columns as the distribution takes at least and at most; the rest of the table is narrower.
const WIDTHS: (usize, usize) = (40, 100);

/// As many rows as the distribution is drawn in at most, so that the whole table fits on a screen.
const MOST_ROWS: usize = 14;

/// What a row of the distribution has beside its bar: two spaces, a range, a share.
const BESIDE_BAR: usize = 34;

/// A report as a table for people, with a line break at its end.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// The report.
    pub report: &'a Report,
    /// How many columns the terminal has.
    pub width: usize,
}

impl Display for Table<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let report = self.report;
        writeln!(f, "{}", report.heading())?;
        if report.is_climb() {
            steps(f, report)?;
        }
        if let Some(step) = report.main_step() {
            counts(f, step, report.kind)?;
            latencies(f, step)?;
            distribution(f, &step.latency, self.width.clamp(WIDTHS.0, WIDTHS.1))?;
            came_in(f, step)?;
            server(f, report.kind, step)?;
        }
        for warning in report.warnings() {
            write!(f, "\nwarning: {};\n  {}\n", warning.problem(), warning.advice())?;
        }
        Ok(())
    }
}

/// A climb: a row for each rate, and the knee.
fn steps(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let answered = report.kind.words().answered;
    write!(f, "\n  {:>12} {answered:>12} {:>10}", "offered", "lost")?;
    for name in ["p50", "p90", "p99", "max"] {
        write!(f, " {name:>9}")?;
    }
    writeln!(f)?;
    for (at, step) in report.steps.iter().enumerate() {
        let offered =
            step.offered.map_or_else(|| "–".to_owned(), |rate| PerSecond(rate).to_string());
        let answered = PerSecond(step.answered_rate());
        write!(f, "  {offered:>12} {answered:>12} {:>10}", Share(step.loss()))?;
        for (name, latency) in step.latency.row() {
            if ["p50", "p90", "p99", "max"].contains(&name) {
                write!(f, " {:>9}", Shown(&step.latency, latency))?;
            }
        }
        let is_knee = report.knee.as_ref().is_some_and(|knee| knee.step == at);
        f.write_str(if is_knee { "  ◄ knee\n" } else { "\n" })?;
    }
    match &report.knee {
        Some(knee) => {
            let rule = Bare(knee.rule.as_bytes());
            writeln!(f, "\n  knee at {}: {rule}\n  There:", PerSecond(knee.rate))
        }
        None => f.write_str("\n  The server kept up with none of the rates. At the last:\n"),
    }
}

fn counts(f: &mut Formatter<'_>, step: &Step, kind: Kind) -> fmt::Result {
    let (counts, words) = (&step.counts, kind.words());
    writeln!(f)?;
    line(f, words.requests, counts.requests, &PerSecond(step.request_rate()).to_string())?;
    if counts.expected != counts.requests {
        line(f, "expected", counts.expected, &format!("{} in all", words.replies))?;
    }
    let rates = format!("{}, {}/s", PerSecond(step.rate()), Bytes(step.bytes_rate()));
    line(f, words.replies, counts.replies, &rates)?;
    let unchecked = step.throughput().unchecked;
    if unchecked > 0 {
        let rate = format!("{}, came to those who only count", PerSecond(step.unchecked_rate()));
        line(f, "unchecked", unchecked, &rate)?;
    }
    let outcomes = counts.outcomes(kind).into_iter();
    let troubles = outcomes.filter(|it| it.count > 0 && it.sort != Sort::Right);
    let (lost, others): (Vec<_>, Vec<_>) = troubles.partition(|it| it.sort == Sort::Lost);
    line(f, "lost", counts.lost.total(), &losses(step, &lost))?;
    others.iter().try_for_each(|it| line(f, it.name, it.count, it.meaning))
}

/// The loss as a share, and where it happened.
fn losses(step: &Step, causes: &[Outcome]) -> String {
    let causes: Vec<_> =
        causes.iter().map(|it| format!("{} {}", Count(it.count), it.name)).collect();
    let separator = if causes.is_empty() { "" } else { ": " };
    format!("{}{separator}{}", Share(step.loss()), causes.join(", "))
}

fn line(f: &mut Formatter<'_>, name: &str, count: u64, beside: &str) -> fmt::Result {
    let text = format!("  {name:<12} {:>14}   {beside}", Count(count));
    writeln!(f, "{}", text.trim_end())
}

fn latencies(f: &mut Formatter<'_>, step: &Step) -> fmt::Result {
    write!(f, "\n  {:<12}", "")?;
    for (name, _) in step.latency.row() {
        write!(f, " {name:>9}")?;
    }
    writeln!(f)?;
    let others = [
        ("from sending", &step.latency_from_sent),
        ("sent late by", &step.slip),
        ("connecting", &step.connect_time),
    ];
    let others = others.into_iter().filter_map(|(name, all)| Some((name, all.as_ref()?)));
    for (name, all) in [("latency", &step.latency)].into_iter().chain(others) {
        write!(f, "  {name:<12}")?;
        for (_, latency) in all.row() {
            write!(f, " {:>9}", Shown(all, latency))?;
        }
        writeln!(f)?;
    }
    Ok(())
}

/// A latency, or a dash where there is none to be shown.
struct Shown<'a>(&'a Latencies, Nanos);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.pad("–") } else { Span(self.1).fmt(f) }
    }
}

/// How many latencies were how long. The ranges are 1, 2, 5, 10, … so that both ends of the curve are seen.
fn distribution(f: &mut Formatter<'_>, latencies: &Latencies, width: usize) -> fmt::Result {
    let ranges = ranges(latencies);
    let most = ranges.iter().map(|range| range.count).max().unwrap_or(0);
    if most == 0 {
        return Ok(());
    }
    let room = width - BESIDE_BAR;
    writeln!(f)?;
    for range in &ranges {
        let share = Share(range.count as f64 / latencies.count() as f64).to_string();
        let from = RoundSpan(range.from as f64);
        let to = RoundSpan(range.to as f64);
        let bar = bar(range.count as f64 / most as f64, room);
        let text = format!("  {from:>8} to {to:>8} {share:>11}  {bar}");
        writeln!(f, "{}", text.trim_end())?;
    }
    Ok(())
}

fn came_in(f: &mut Formatter<'_>, step: &Step) -> fmt::Result {
    let Some(came_in) = step.came_in else { return Ok(()) };
    writeln!(f, "\n  All clients were in their channels after {}.", Elapsed(came_in))
}

fn server(f: &mut Formatter<'_>, kind: Kind, step: &Step) -> fmt::Result {
    let (Some(server), Some(each)) = (&step.server, step.processor_each()) else { return Ok(()) };
    let (used, each) = (Elapsed(server.processor), Span(each));
    let (memory, reply) = (Bytes(server.memory as f64), kind.words().reply);
    writeln!(
        f,
        "\n  The server used {used} of a processor, {each} for each {reply}, and held {memory} of memory."
    )
}

struct Range {
    from: Nanos,
    to: Nanos,
    count: u64,
}

/// The latencies in ranges from 1, 2 and 5 on, or from 1 on where these are too many: first to last that has any.
fn ranges(latencies: &Latencies) -> Vec<Range> {
    let fine = ranges_from(latencies, &[1, 2, 5]);
    if fine.len() <= MOST_ROWS { fine } else { ranges_from(latencies, &[1]) }
}

fn ranges_from(latencies: &Latencies, starts: &[Nanos]) -> Vec<Range> {
    let powers = (0..13).map(|power| 10_u64.pow(power));
    let mut edges: Vec<_> =
        powers.flat_map(|power| starts.iter().map(move |s| s * power)).collect();
    edges.insert(0, 0);
    let mut ranges: Vec<_> = edges
        .windows(2)
        .map(|edge| Range { from: edge[0], to: edge[1], count: 0 })
        .chain(edges.last().map(|last| Range { from: *last, to: last * 10, count: 0 }))
        .collect();
    for (latency, count) in latencies.buckets() {
        let at = ranges.partition_point(|range| range.to <= latency);
        if let Some(range) = ranges.get_mut(at) {
            range.count += count;
        }
    }
    let first = ranges.iter().position(|range| range.count > 0).unwrap_or(0);
    let last = ranges.iter().rposition(|range| range.count > 0).map_or(first, |last| last + 1);
    ranges.drain(first..last).collect()
}

/// A bar of `share` of the room, to an eighth of a column. What is not nothing is seen.
fn bar(share: f64, room: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share * room as f64 * 8.0).round() as usize;
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::super::{Knee, Lost, Throughput, sample};
    use super::*;

    #[test]
    fn a_run_is_one_table_with_its_distribution() {
        let expected = "\
udp 127.0.0.1:3000, 10 s, closed loop

  requests             20,047   2,005/s
  replies              20,000   2,000/s, 128 kB/s
  lost                     45   0.224 %: 12 not sent, 30 dropped here, 3 unanswered
  late                      1   replies to requests that had been given up
  pending                   1   requests still waiting at the end
  reordered                 3   replies behind that of a later request

                     min       p50       p90       p99     p99.9    p99.99       max
  latency        10.0 µs   54.9 µs   90.9 µs   99.1 µs   99.8 µs   5.00 ms   5.00 ms

     10 µs to    20 µs      11.2 %  ████████▊
     20 µs to    50 µs      33.3 %  █████████████████████████▉
     50 µs to   100 µs      55.4 %  ███████████████████████████████████████████
    100 µs to   200 µs         0 %
    200 µs to   500 µs         0 %
    500 µs to     1 ms         0 %
      1 ms to     2 ms         0 %
      2 ms to     5 ms         0 %
      5 ms to    10 ms     0.100 %  ▏

warning: only 20 samples lie above p99.9: it, and any further one, is chance;
  measure for longer, or leave that percentile out
";
        let report = sample::report(20_000);
        let table = Table { report: &report, width: 77 }.to_string();
        assert_eq!(table, expected, "\n{table}");
    }

    #[test]
    fn a_climb_has_a_row_for_each_rate_and_names_its_knee() {
        let mut report = sample::report(100);
        report.steps = (1..=3).map(|step| sample::step(1000 * step)).collect();
        for (at, step) in report.steps.iter_mut().enumerate() {
            step.offered = Some(100.0 * (at + 1) as f64);
        }
        report.knee = Some(Knee { step: 1, rate: 200.0, rule: "p99 \u{1b}[31m grew".into() });
        let table = Table { report: &report, width: 80 }.to_string();
        assert!(table.starts_with("udp 127.0.0.1:3000, 30 s, 3 rates\n"), "{table}");
        let marked: Vec<_> = table.lines().filter(|line| line.ends_with("◄ knee")).collect();
        assert_eq!(marked.len(), 1);
        assert!(marked[0].trim_start().starts_with("200/s"), "{table}");
        assert!(table.contains("knee at 200/s: p99 \\x1b[31m grew"), "{table}");
        report.knee = None;
        let table = Table { report: &report, width: 80 }.to_string();
        assert!(table.contains("kept up with none of the rates"), "{table}");
    }

    #[test]
    fn of_a_chat_it_tells_lines_and_their_deliveries() {
        let mut report = sample::report(1000);
        report.kind = Kind::Chat;
        let counts = &mut report.steps[0].counts;
        (counts.requests, counts.expected, counts.replies) = (20, 1000, 940);
        (counts.lost, counts.late, counts.pending) = (Lost::default(), 0, 50);
        (counts.lost.no_reply, counts.stray) = (10, 2);
        let throughput = Throughput { requests: 20, replies: 940, unchecked: 5000 };
        (report.steps[0].throughput, report.steps[0].came_in) =
            (Some(throughput), Some(350_000_000));
        let table = Table { report: &report, width: 77 }.to_string();
        let expected = "
  lines                    20   2.00/s
  expected              1,000   deliveries in all
  deliveries              940   94.0/s, 6.40 kB/s
  unchecked             5,000   500/s, came to those who only count
  lost                     10   1.00 %: 10 undelivered
  pending                  50   deliveries still to come at the end
  reordered                 3   lines behind a later one of the same talker
  stray                     2   lines that nobody said

";
        assert!(table.contains(expected), "{table}");
        assert!(
            table.contains("\n  All clients were in their channels after 350 ms.\n"),
            "{table}"
        );
        report.steps = vec![report.steps.remove(0); 2];
        report.steps[0].offered = Some(2.0);
        let table = Table { report: &report, width: 77 }.to_string();
        // A step offers lines, so it tells how many of them the deliveries come to.
        let row = "       offered    delivered       lost ";
        assert!(table.contains(row) && table.contains("        2.00/s       1.88/s"), "{table}");
    }

    #[test]
    fn a_run_without_a_reply_has_no_latencies_and_no_distribution() {
        let table = Table { report: &sample::report(0), width: 80 }.to_string();
        assert!(table.contains("  latency              –         –"), "{table}");
        assert!(!table.contains('█') && !table.contains('▏'), "{table}");
    }

    #[test]
    fn however_wide_the_spread_the_distribution_fits_and_counts_all() {
        let mut latencies = Latencies::new();
        for power in 0..13 {
            latencies.record(10_u64.pow(power));
        }
        latencies.record(0);
        latencies.record(u64::MAX);
        let ranges = ranges(&latencies);
        assert!(ranges.len() <= MOST_ROWS, "{}", ranges.len());
        assert_eq!(ranges.iter().map(|range| range.count).sum::<u64>(), 15);
    }
}
