//! Flags of what compares servers: files of two measurements, or two servers that run in turn.

use std::path::PathBuf;

use clap::Args;

/// `callbox bench compare`.
#[derive(Clone, Debug, Args)]
pub struct CompareArgs {
    /// The report that is compared with, as --json wrote it; of several runs, all of them with commas between
    #[arg(value_name = "A.json")]
    pub a: PathBuf,
    /// The report that is compared; of several runs as many as there are of A
    #[arg(value_name = "B.json")]
    pub b: PathBuf,
}

/// The servers as processes of this machine: two that are started, or one that is there.
#[derive(Clone, Debug, Default, Args)]
pub struct PairArgs {
    /// Start these two servers in turn (A B A B), measure each of them at ADDRESS, and compare; the shell runs them, and
    /// they are ended after each run. A name in FILE gets .a1 .b1 .a2 .b2 before its ending
    #[arg(long, value_names = ["COMMAND", "COMMAND"], num_args = 2, help_heading = "Server")]
    pub pair: Option<Vec<String>>,
    /// Runs of each of the two; the more there are, the smaller the differences that are told from noise [default: 2]
    #[arg(long, value_name = "N", requires = "pair", value_parser = rounds, help_heading = "Server")]
    pub rounds: Option<usize>,
    /// Also report what this process, the server, and the group that it leads use of the processors and of memory
    #[arg(long, value_name = "PID", conflicts_with = "pair", value_parser = process, help_heading = "Server")]
    pub server_pid: Option<u32>,
}

impl PairArgs {
    /// How many runs each of the two has unless the user says otherwise: the fewest that show what differs from one start
    /// to the next.
    pub const DEFAULT_ROUNDS: usize = 2;
}

fn process(text: &str) -> Result<u32, String> {
    let process = text.parse().ok().filter(|process| *process > 0);
    process.ok_or_else(|| "give the number of a process".to_owned())
}

fn rounds(text: &str) -> Result<usize, String> {
    // A report takes up to megabytes, and all of them are kept to the end.
    let rounds = text.parse().ok().filter(|rounds| (1..=100).contains(rounds));
    rounds.ok_or_else(|| "give a number from 1 to 100".to_owned())
}
