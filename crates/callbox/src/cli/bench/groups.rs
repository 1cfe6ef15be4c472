//! Flags that several loads have, and their values.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use callbox_load::Plan;
use callbox_measure::payload::Check;
use callbox_measure::plan::{Rates, Shape, SizeMix};
use clap::Args;

use super::super::Seconds;

/// Headings of the help.
pub(super) const LOAD: &str = "Load";
pub(super) const MESSAGES: &str = "Messages";
const RUN: &str = "Run";
const REPORT: &str = "Report";

/// An open loop.
#[derive(Clone, Debug, Args)]
pub struct RateArgs {
    /// Send so many a second, whatever the server does (500, 10k, 1.5M), and count latency from when each was to be sent;
    /// A..B climbs from one rate to another, and ends when the server no longer keeps up
    #[arg(long, value_name = "R|A..B", help_heading = LOAD)]
    pub rate: Option<Rates>,
    /// Rates of a climb, each as many times the one before [default: 12]
    #[arg(long, value_name = "N", value_parser = steps, help_heading = LOAD)]
    pub steps: Option<usize>,
}

/// What is sent, and what is to come back.
#[derive(Clone, Debug, Args)]
pub struct MessageArgs {
    /// Length of a request
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = size, help_heading = MESSAGES)]
    pub size: SizeMix,
    /// Lengths of requests, and how often each comes: 64:7,1400:1 sends seven short ones for each long one
    #[arg(long, value_name = "BYTES:WEIGHT,…", conflicts_with = "size", help_heading = MESSAGES)]
    pub size_mix: Option<SizeMix>,
    /// What the right reply is: upper (the request in capitals), echo (the request), none (anything) [default: what the
    /// server turns out to do]
    #[arg(long, value_name = "WHAT", help_heading = MESSAGES)]
    pub check: Option<Check>,
}

/// How long, and with what.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// How long is measured [default: 10s; in a climb 3s for each rate]
    #[arg(long, value_name = "TIME", help_heading = RUN)]
    pub duration: Option<Seconds>,
    /// How long it runs before anything is counted, at each rate; 0 for not at all
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = warmup, help_heading = RUN)]
    pub warmup: Duration,
    /// When a request without a reply counts as lost
    #[arg(long, value_name = "TIME", default_value = "1s", help_heading = RUN)]
    pub lost_after: Seconds,
    /// What all chance comes from: the same seed sends the same
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = seed, help_heading = RUN)]
    pub seed: u64,
    /// Sizes of the sockets' buffers to ask for, each way [default: as the system makes them]
    #[arg(long, value_name = "BYTES", value_parser = buffer, help_heading = RUN)]
    pub buffer: Option<usize>,
}

/// Where the report goes.
#[derive(Clone, Debug, Args)]
pub struct OutputArgs {
    /// Write everything that was measured to FILE, as docs/bench-json.md describes it; - for standard output, in place of
    /// the table
    #[arg(long, value_name = "FILE", help_heading = REPORT)]
    pub json: Option<PathBuf>,
    /// Write one page with tables and pictures to FILE, which needs nothing beside it; - for standard output
    #[arg(long, value_name = "FILE", help_heading = REPORT)]
    pub html: Option<PathBuf>,
    /// Show no progress, and no warnings but those in the report
    #[arg(short, long, help_heading = REPORT)]
    pub quiet: bool,
}

/// The password of a chat server. It is never an argument, where others on the machine could read it.
#[derive(Clone, Debug, Default, Args)]
pub struct SecretArgs {
    /// Give the server a password, which is asked for
    #[arg(long, conflicts_with_all = ["password_file", "password_env"])]
    pub password: bool,
    /// Give the server the password that is the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    pub password_file: Option<PathBuf>,
    /// Give the server the password in this variable of the environment
    #[arg(long, value_name = "VARIABLE")]
    pub password_env: Option<String>,
}

/// `--connections` and what else each takes a socket.
pub(super) fn connections(text: &str) -> Result<u32, String> {
    number(text, 1..=Shape::MAX_CONNECTIONS)
}

/// `--window`.
pub(super) fn window(text: &str) -> Result<u32, String> {
    number(text, 1..=Shape::MAX_WINDOW)
}

/// `--threads`.
pub(super) fn threads(text: &str) -> Result<u32, String> {
    number(text, 1..=Plan::MAX_THREADS)
}

fn steps(text: &str) -> Result<usize, String> {
    number(text, 2..=Rates::MAX_STEPS)
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("give a number from 0 to {}", u64::MAX))
}

/// What a kernel takes as the size of a buffer: it doubles the number, in 31 bits.
const MAX_BUFFER: usize = 1 << 30;

fn buffer(text: &str) -> Result<usize, String> {
    number(text, 1..=MAX_BUFFER)
}

fn size(text: &str) -> Result<SizeMix, String> {
    let size = number(text, 1..=SizeMix::MAX_SIZE)?;
    SizeMix::one(size).map_err(|error| error.to_string())
}

/// `--warmup`: a time as all others, or none.
fn warmup(text: &str) -> Result<Duration, String> {
    match text {
        "0" | "0s" | "0ms" => Ok(Duration::ZERO),
        _ => text.parse().map(|Seconds(time)| time),
    }
}

/// A number in this range.
pub(super) fn number<N: TryFrom<usize>>(
    text: &str,
    range: RangeInclusive<usize>,
) -> Result<N, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    let number = number.and_then(|number| N::try_from(number).ok());
    number.ok_or_else(|| format!("give a number from {} to {}", range.start(), range.end()))
}
