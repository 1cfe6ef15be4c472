//! What is kept of a run of the chat: every sample, and a page that says by which commands, programs
//! and machine they came about.

use std::fmt::{self, Write as _};
use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use super::pages::Pages;
use super::servers::{BASE, CALLBOX, CALLBOX_WITH_ALL_HISTORY, IrcServer};
use super::{CHECKED, Crowd, MEASURES, Measure, TALKERS, TEXT_BYTES, WIDE_WINDOW, WINDOW};
use crate::bench::record::{commit, figure, machine, median, new_folder, today, version};
use crate::bench::{LOAD_CORE, SERVER_CORE};

/// What came out of one measure; what it does not tell is 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    pub(super) seconds: f64,
    pub(super) deliveries: u64,
    pub(super) bad: u64,
    pub(super) p50_us: u64,
    pub(super) p99_us: u64,
    /// From the first connection to everybody having heard of everybody.
    pub(super) join_seconds: f64,
    /// Of the server and its children.
    pub(super) processor_seconds: f64,
    /// The server's resident memory before and after.
    pub(super) kib_before: u64,
    pub(super) kib: u64,
}

impl Figures {
    fn rate(&self) -> f64 {
        self.deliveries as f64 / self.seconds
    }

    fn rate_of_processor(&self) -> f64 {
        self.deliveries as f64 / self.processor_seconds
    }

    /// How many processors the server kept busy.
    fn busy(&self) -> f64 {
        self.processor_seconds / self.seconds
    }
}

/// One measure on one server; a text if it did not get to its end.
pub(super) struct Sample {
    pub(super) round: u32,
    pub(super) measure: String,
    pub(super) server: &'static str,
    pub(super) result: Result<Figures, String>,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "round {}  {:13}  {:9}  ", self.round, self.measure, self.server)?;
        let figures = match &self.result {
            Ok(figures) => figures,
            Err(failure) => return write!(f, "failed: {failure}"),
        };
        let Figures { bad, p50_us, p99_us, join_seconds, kib_before, kib, .. } = figures;
        if figures.seconds > 0.0 {
            let (rate, of_processor) = (figures.rate(), figures.rate_of_processor());
            write!(f, "{rate:.0}/s  {of_processor:.0} a processor second  ")?;
            write!(f, "p50 {p50_us} us  p99 {p99_us} us  bad {bad}  ")?;
        }
        if *join_seconds > 0.0 {
            write!(f, "join {join_seconds:.2} s  ")?;
        }
        if *kib > 0 {
            write!(f, "{kib_before} to {kib} KiB")?;
        }
        Ok(())
    }
}

/// A whole run.
pub(super) struct Record<'a> {
    pub(super) command: String,
    pub(super) pinned: bool,
    pub(super) callbox: &'a str,
    pub(super) present: Vec<&'static IrcServer>,
    pub(super) absent: Vec<&'static IrcServer>,
    pub(super) samples: &'a [Sample],
    /// Lines of history, and the pages read from them.
    pub(super) lines: u64,
    pub(super) pages: &'a [Pages],
}

impl Record<'_> {
    /// Writes the record to a new folder under `bench/runs/`, and returns that folder.
    pub(super) fn keep(&self) -> Result<PathBuf> {
        let date = today()?;
        let folder = new_folder(&date, "-chat")?;
        fs::write(folder.join("raw.csv"), self.csv())?;
        if !self.pages.is_empty() {
            fs::write(folder.join("pages.csv"), self.pages_csv())?;
        }
        fs::write(folder.join("README.md"), self.page(&date))?;
        Ok(folder)
    }

    fn csv(&self) -> String {
        let mut csv = String::from(
            "round,measure,server,seconds,deliveries,bad,p50_us,p99_us,join_s,\
             server_processor_seconds,kib_before,kib,failure\n",
        );
        for Sample { round, measure, server, result } in self.samples {
            let _ = write!(csv, "{round},{measure},{server},");
            let _ = match result {
                Ok(Figures { seconds, deliveries, bad, p50_us, p99_us, .. }) => {
                    write!(csv, "{seconds:.3},{deliveries},{bad},{p50_us},{p99_us},")
                }
                Err(_) => write!(csv, ",,,,,"),
            };
            let _ = match result {
                Ok(Figures { join_seconds, processor_seconds, kib_before, kib, .. }) => {
                    writeln!(csv, "{join_seconds:.3},{processor_seconds:.2},{kib_before},{kib},")
                }
                Err(failure) => {
                    let failure = failure.replace('"', "'").replace('\n', " ");
                    writeln!(csv, ",,,,\"{failure}\"")
                }
            };
        }
        csv
    }

    fn pages_csv(&self) -> String {
        let mut csv = String::from("form,microseconds\n");
        for Pages { form, micros } in self.pages {
            for micros in micros {
                let _ = writeln!(csv, "{form:?},{micros}");
            }
        }
        csv
    }

    fn page(&self, date: &str) -> String {
        let processors = match self.pinned {
            true => format!("load on core {LOAD_CORE}, server on core {SERVER_CORE}"),
            false => "load and server share all of them".to_owned(),
        };
        let pages = if self.pages.is_empty() { "" } else { ", pages.csv" };
        let mut page = format!(
            "# The chat beside other IRC servers, {date}\n\n\
             Command: `{}`  \n\
             Commit: {}  \n\
             Machine: {}  \n\
             Processors: {processors}  \n\
             Samples: raw.csv{pages}\n\n\
             Each round starts every server anew, in turn. Figures are medians of the rounds; ratios \
             are to InspIRCd in the same run. The load of a fan-out is `callbox bench chat`, one thread \
             with a socket for each client, which checks of every delivery who says it, that it is the \
             next of that talker, and each byte. Latency is from when a message is given to the talker's \
             socket to when a client has read it. Processor time is the server's own, user and system, counted in \
             hundredths of a second; where the load is the limit (the server is busy with less than \
             its processor), deliveries for a second of it tell more than the rate.\n",
            self.command,
            commit(),
            machine()
        );
        for &measure in MEASURES {
            let section = match measure {
                Measure::Fanout(clients) => self.fan_out_section(measure, clients),
                Measure::Join(clients) => self.join_section(measure, clients),
                Measure::Idle(clients) => self.idle_section(measure, clients),
                Measure::OneCore(_) => continue,
                Measure::TwoCores(clients) => self.cores_section(measure, clients),
            };
            page.push_str(&section);
        }
        page.push_str(&self.pages_section());
        page.push_str(&self.failures());
        page.push_str("\n## The servers\n\n");
        for server in &self.present {
            page.push_str(&self.started(server));
        }
        if !self.absent.is_empty() {
            let names: Vec<&str> = self.absent.iter().map(|server| server.name).collect();
            let _ = writeln!(page, "Not installed, so not measured: {}.", names.join(", "));
        }
        page.trim_end().to_owned() + "\n"
    }

    fn fan_out_section(&self, measure: Measure, clients: usize) -> String {
        let mut section = format!(
            "\n## {clients} clients in one room\n\n\
             {TALKERS} of them talk, each with {WINDOW} messages of {TEXT_BYTES} bytes on their way; \
             a message is done when all {} others have it.\n\n```sh\ncallbox {}\n```\n\n\
             | server | deliveries/s | × InspIRCd | a processor second | × InspIRCd | p50 µs | p99 µs \
             | × InspIRCd | bad | processors busy | MiB |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
            clients - 1,
            Crowd::all(clients).words("PORT").join(" "),
        );
        for server in &self.present {
            let of = |value: fn(&Figures) -> f64| self.with_ratio(measure, server.name, value);
            let (rate, rate_ratio) = of(Figures::rate);
            let (processor, processor_ratio) = of(Figures::rate_of_processor);
            let (p99, p99_ratio) = of(|figures| figures.p99_us as f64);
            let (p50, _) = of(|figures| figures.p50_us as f64);
            let (busy, _) = of(Figures::busy);
            let (mib, _) = of(|figures| figures.kib as f64 / 1024.0);
            let bad: u64 = self.of(measure, server.name).map(|figures| figures.bad).sum();
            let _ = writeln!(
                section,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {bad} | {} | {} |",
                server.name,
                whole(rate),
                figure(rate_ratio),
                whole(processor),
                figure(processor_ratio),
                whole(p50),
                whole(p99),
                figure(p99_ratio),
                figure(busy),
                figure(mib),
            );
        }
        section
    }

    fn join_section(&self, measure: Measure, clients: usize) -> String {
        let mut section = format!(
            "\n## {clients} clients come into one room\n\n\
             From the first connection until everybody has heard of everybody.\n\n\
             ```sh\ncallbox {}\n```\n\n| server | seconds | × InspIRCd |\n|---|--:|--:|\n",
            Crowd::silent(clients).words("PORT").join(" "),
        );
        for server in &self.present {
            let (seconds, ratio) = self.with_ratio(measure, server.name, |f| f.join_seconds);
            let (seconds, ratio) = (figure(seconds), figure(ratio));
            let _ = writeln!(section, "| {} | {seconds} | {ratio} |", server.name);
        }
        section
    }

    fn idle_section(&self, measure: Measure, clients: usize) -> String {
        let mut section = format!(
            "\n## Memory of {clients} idle clients\n\n\
             They came in, in no room, without TLS. Resident memory (VmRSS) of the server.\n\n\
             | server | KiB before | KiB with them | KiB a client |\n|---|--:|--:|--:|\n"
        );
        for server in &self.present {
            let of = |value: fn(&Figures) -> f64| self.with_ratio(measure, server.name, value).0;
            let (before, with) = (of(|f| f.kib_before as f64), of(|f| f.kib as f64));
            let each = figure(of(|f| f.kib as f64 - f.kib_before as f64) / clients as f64);
            let (before, with) = (whole(before), whole(with));
            let _ = writeln!(section, "| {} | {before} | {with} | {each} |", server.name);
        }
        section
    }

    fn cores_section(&self, two: Measure, clients: usize) -> String {
        let of =
            |measure, value: fn(&Figures) -> f64| self.with_ratio(measure, CALLBOX.name, value).0;
        let one = Measure::OneCore(clients);
        let mut section = format!(
            "\n## A second processor\n\n\
             callbox with {clients} clients, of whom {TALKERS} talk, each with {WIDE_WINDOW} messages \
             on their way. To check every delivery costs as much as to make it, so only {CHECKED} \
             clients check theirs, and a message is done when they have it; the others count what \
             they get. The load runs on core {LOAD_CORE} in both, and in the second it shares that \
             core with the server.\n\n```sh\ncallbox {}\n```\n\n\
             | the server has | deliveries/s | factor | processors busy |\n|---|--:|--:|--:|\n",
            Crowd::partly_checked(clients).words("PORT").join(" "),
        );
        let threads = [("core 1 alone, `--threads 1`", one), ("both cores, `--threads 2`", two)];
        for (name, measure) in threads {
            let (rate, busy) = (of(measure, Figures::rate), of(measure, Figures::busy));
            let factor = figure(rate / of(one, Figures::rate));
            let (rate, busy) = (whole(rate), figure(busy));
            let _ = writeln!(section, "| {name} | {rate} | {factor} | {busy} |");
        }
        section
    }

    fn pages_section(&self) -> String {
        if self.pages.is_empty() {
            return String::new();
        }
        let mut section = format!(
            "\n## A page of 100 out of {} lines\n\n\
             callbox with {:?} in its configuration. The lines were said in one room. Each form of \
             CHATHISTORY is asked {} times, one after the other, around places at four and six tenths \
             of the history; the time is from asking to having read the last line. TARGETS tells of \
             the one room.\n\n| form | median ms | p99 ms |\n|---|--:|--:|\n",
            self.lines,
            CALLBOX_WITH_ALL_HISTORY.config.trim().replace('\n', " "),
            self.pages.first().map_or(0, |pages| pages.micros.len()),
        );
        for Pages { form, micros } in self.pages {
            let middle = median(micros.iter().map(|&micros| micros as f64 / 1e3));
            let mut sorted = micros.clone();
            sorted.sort_unstable();
            let last = sorted.get(sorted.len().saturating_sub(1) * 99 / 100).copied();
            let last = figure(last.map_or(f64::NAN, |micros| micros as f64 / 1e3));
            let _ = writeln!(section, "| {form} | {} | {last} |", figure(middle));
        }
        section
    }

    fn failures(&self) -> String {
        let mut failures = String::new();
        for Sample { round, measure, server, result } in self.samples {
            if let Err(failure) = result {
                let _ = writeln!(failures, "- {measure}, {server}, round {round}: {failure}");
            }
        }
        if failures.is_empty() {
            failures
        } else {
            format!(
                "\n## Not finished\n\nWho failed in one round was not asked again in the next.\n\n{failures}"
            )
        }
    }

    /// How a server was started and configured.
    fn started(&self, server: &IrcServer) -> String {
        let path = server.path(self.callbox).unwrap_or_default();
        let version = version(&path.to_string_lossy(), server.version);
        let indented = server.config.trim_end().replace('\n', "\n  ");
        format!(
            "- {}: {}.\n  {version}\n\n  ```sh\n  {} {}\n  ```\n\n  ```\n  {indented}\n  ```\n\n",
            server.name,
            server.does,
            server.program,
            server.args.join(" "),
        )
    }

    fn of(&self, measure: Measure, server: &str) -> impl Iterator<Item = &Figures> {
        let name = measure.name();
        let wanted = move |s: &&Sample| s.measure == name && s.server == server;
        self.samples.iter().filter(wanted).filter_map(|sample| sample.result.as_ref().ok())
    }

    /// The median of a server's rounds, and its ratio to that of the server to relate to.
    fn with_ratio(&self, measure: Measure, server: &str, value: fn(&Figures) -> f64) -> (f64, f64) {
        let of = |server| median(self.of(measure, server).map(value));
        (of(server), of(server) / of(BASE))
    }
}

/// A figure without places; a dash where there is none.
fn whole(value: f64) -> String {
    if value.is_finite() { format!("{value:.0}") } else { "-".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::chat::SERVERS;

    fn sample(server: &'static str, measure: Measure, deliveries: u64) -> Sample {
        let figures = Figures {
            seconds: 2.0,
            deliveries,
            processor_seconds: 1.0,
            p99_us: deliveries,
            kib_before: 1_000,
            kib: 5_000,
            ..Figures::default()
        };
        Sample { round: 1, measure: measure.name(), server, result: Ok(figures) }
    }

    #[test]
    fn the_page_sets_medians_in_relation_and_names_who_is_absent_or_failed() {
        let (fan_out, idle) = (Measure::Fanout(100), Measure::Idle(2_000));
        let mut samples: Vec<Sample> =
            [300, 100, 200].map(|n| sample(CALLBOX.name, fan_out, n)).into();
        samples.extend([sample(BASE, fan_out, 50), sample(CALLBOX.name, idle, 1)]);
        let failed = Err("ended, \"why\"\nnobody knows".to_owned());
        samples.push(Sample { round: 1, measure: idle.name(), server: BASE, result: failed });
        let record = Record {
            command: String::new(),
            pinned: false,
            callbox: "",
            present: SERVERS[..2].iter().collect(),
            absent: SERVERS[2..].iter().collect(),
            samples: &samples,
            lines: 1_000_000,
            pages: &[Pages { form: "LATEST".to_owned(), micros: vec![1_500, 500, 1_000] }],
        };
        let page = record.page("2026-01-01");
        for line in [
            "| callbox | 100 | 4.00 | 200 | 4.00 | 0 | 200 | 4.00 | 0 | 0.50 | 4.88 |",
            "| callbox | 1000 | 5000 | 2.00 |",
            "| inspircd | - | - | - |",
            "| LATEST | 1.00 | 1.00 |",
            "Not installed, so not measured: ngircd.",
            "- idle-2000, inspircd, round 1: ended",
        ] {
            assert!(page.contains(line), "{line}\n{page}");
        }
        assert_eq!(record.csv().lines().count(), 7);
        let commas = |line: &str| line.matches(',').count();
        assert_eq!(record.csv().lines().take(6).map(commas).collect::<Vec<_>>(), [12; 6]);
        assert_eq!(record.pages_csv().lines().count(), 4);
    }
}
