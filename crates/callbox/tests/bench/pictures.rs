//! The table on the terminal, the file for programs and the page with its pictures have the same figures.

use std::fs;

use callbox_measure::figures::show::{Count, PerSecond, Span};
use callbox_testkit::Folder;

use crate::{callbox, report};

#[test]
fn the_picture_s_numbers_are_the_table_s_and_the_file_s() {
    let folder = Folder::new("pictures");
    let (json, html) = (folder.join("report.json"), folder.join("report.html"));
    let words = ["bench", "self", "udp", "--rate", "1000", "--duration", "400ms", "--warmup", "0"];
    let words = callbox(&words).args(["--lost-after", "20s"]);
    let finished = words.arg("--json").arg(&json).arg("--html").arg(&html).run();
    finished.expect_code(0);
    let page = fs::read_to_string(&html).expect("the page");
    let table = finished.stdout_text();

    // The names stand in one line of the table, the figures in another, each with its unit.
    let row = |name: &str| {
        let line = table.lines().find(|line| line.trim_start().starts_with(name)).expect("a row");
        let words = line.trim_start()[name.len()..].split_whitespace().map(str::to_owned);
        words.collect::<Vec<_>>()
    };
    let names = [&["min".to_owned()][..], &row("min")].concat();
    let figures = |name| row(name).chunks(2).map(|pair| pair.join(" ")).collect::<Vec<_>>();
    let (latency, from_sent) = (figures("latency"), figures("from sending"));
    assert_eq!(names, ["min", "p50", "p90", "p99", "p99.9", "p99.99", "max"]);
    assert_eq!((latency.len(), from_sent.len()), (names.len(), names.len()));

    // The file has them in nanoseconds.
    let step = report(&json).steps.remove(0);
    let told = |row: [(&str, u64); 7]| row.map(|(_, nanos)| Span(nanos).to_string());
    assert_eq!(latency, told(step.latency.row()));
    assert_eq!(from_sent, told(step.latency_from_sent.as_ref().expect("an open loop").row()));
    let (requests, replies) = (row("requests"), row("replies"));
    assert_eq!(requests[0], Count(step.counts.requests).to_string());
    assert_eq!(replies[0], Count(step.counts.replies).to_string());
    assert!(replies[1].starts_with(&PerSecond(step.rate()).to_string()));

    // On the page they stand in its table, in what the picture says of itself, and along its curve.
    for ((name, figure), sent) in names.iter().zip(&latency).zip(&from_sent) {
        let cells = format!("<th scope=\"row\">{name}</th><td>{figure}</td><td>{sent}</td>");
        assert!(page.contains(&cells), "{cells} is not on the page");
    }
    let curve: Vec<_> =
        names.iter().zip(&latency).map(|(name, it)| format!("{name} {it}")).collect();
    let curve = curve.join(", ");
    let description = page.split("A curve that rises").nth(1).expect("the curve's description");
    assert!(
        description.split("</desc>").next().is_some_and(|text| text.contains(&curve)),
        "{curve}"
    );
    let labels =
        page.split("Latency by percentile</title>").nth(1).and_then(|it| it.split("</svg>").next());
    let labels = labels.expect("the picture");
    for figure in [&latency[1], &latency[6]] {
        assert!(
            labels.contains(&format!(">{figure}<")) || labels.contains(&format!("max {figure}<")),
            "{figure}"
        );
    }
}
