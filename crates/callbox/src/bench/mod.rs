//! `callbox bench`: what was typed becomes runs of a load, and what they came to becomes a report.
//!
//! | module | what it is for |
//! |---|---|
//! | [`options`] | what will run |
//! | [`target`] | where it goes, and what the server there does |
//! | [`measure`](mod@measure) | the runs, one or one for each rate, and the report |
//! | [`files`] | where a report is written |
//! | [`progress`] | the line that tells how far a run is |
//! | [`verdict`] | what the report means for the exit status |
//! | [`served`] | servers that are started for a measurement |
//! | [`own`], [`pair`] | callbox's own server, and two of the user's in turn |
//! | [`compare`] | what two measurements come to |

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use callbox_load::Control;
use callbox_load::watch;
use callbox_measure::report::{Report, Table};
use callbox_net::signal;
use zeroize::Zeroizing;

use crate::chat::client::profile::Source;
use crate::cli::{BenchCommand, OutputArgs, PairArgs, SecretArgs};
use crate::messages::{self, Console, Exit, Failure, Reason};

pub mod compare;
pub mod files;
pub mod measure;
pub mod options;
pub mod own;
pub mod pair;
pub mod progress;
pub mod served;
pub mod target;
pub mod verdict;

pub use files::Files;
pub use measure::{Measured, Watch, measure};
pub use options::Options;
pub use progress::Progress;
pub use target::Target;

/// Runs what was typed; `words` is the whole command, for the report.
pub fn run(command: BenchCommand, words: &[OsString]) -> Result<(), Failure> {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    match command {
        BenchCommand::Udp(args) => {
            let options = Options::udp(&args.load, words)?;
            run_at(&options, &args.load.output, &args.pair, || Target::udp(&args.server))
        }
        BenchCommand::Tcp(args) => {
            let options = Options::tcp(&args.load, words)?;
            run_at(&options, &args.load.output, &args.pair, || Target::tcp(&args.server))
        }
        BenchCommand::Unix(args) => {
            let options = Options::unix(&args.load, args.kind, words)?;
            run_at(&options, &args.load.output, &args.pair, || {
                Ok(Target::unix(&args.path, args.kind))
            })
        }
        BenchCommand::Chat(args) => {
            let password = password(&args.secret)?;
            let options = Options::chat(&args.load, password, words)?;
            run_at(&options, &args.load.output, &args.pair, || Target::tcp(&args.server))
        }
        BenchCommand::Own(command) => own::run(&command, words),
        BenchCommand::Compare(args) => compare::run(&args),
    }
}

/// Measures the server that is there, or two that are started in turn.
fn run_at(
    options: &Options,
    output: &OutputArgs,
    pair: &PairArgs,
    find: impl FnOnce() -> Result<Target, Failure>,
) -> Result<(), Failure> {
    match &pair.pair {
        Some(commands) => pair::run(commands, pair, options, output, &find()?),
        None => run_once(options, output, pair.server_pid, find),
    }
}

/// One measurement, from the check of its files to the exit status. What process `server` uses is measured with it.
pub fn run_once(
    options: &Options,
    output: &OutputArgs,
    server: Option<u32>,
    find: impl FnOnce() -> Result<Target, Failure>,
) -> Result<(), Failure> {
    let files = Files::of(output)?;
    let target = find()?;
    let control = Control::new();
    if let Some(pid) = server {
        if watch::Watch::new(pid).look().is_none() {
            return Err(Failure::usage(format!(
                "there is no process {pid} here to be looked at; give --server-pid the server's, on this machine"
            )));
        }
        control.watch(pid);
    }
    end_on_signal(&control)?;
    let progress = Progress::start(&control, output.quiet);
    let measured = measure(options, &target, &control, &progress);
    progress.finish();
    let measured = measured?;
    show(&measured.report, &files, output.quiet)?;
    verdict::verdict(&measured, options, &target)
}

/// Writes the report's files, and prints its table. Its warnings stand below the table; whoever does not see that on this
/// terminal is told them apart, unless nothing beside the report is wanted.
///
/// # Errors
///
/// If a file could not be written, after the table was printed.
pub fn show(report: &Report, files: &Files, quiet: bool) -> Result<(), Failure> {
    let written = files.write(report);
    if (files.replace_table() || !io::stdout().is_terminal()) && !quiet {
        for warning in report.warnings() {
            messages::error(format_args!("warning: {warning}"));
        }
    }
    if !files.replace_table() {
        Console::new().print(Table { report, width: width() }.to_string().trim_end())?;
    }
    written
}

/// How many columns a table may take: those of the terminal, and the classic number elsewhere.
fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout());
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    if columns == 0 { 80 } else { columns }
}

/// The password of a chat server, from where it was said to be.
fn password(args: &SecretArgs) -> Result<Option<Zeroizing<String>>, Failure> {
    let file = || args.password_file.clone().map(Source::File);
    let variable = || args.password_env.clone().map(Source::Variable);
    let source = args.password.then_some(Source::Person).or_else(file).or_else(variable);
    source.map(|source| source.read()).transpose()
}

/// How long an interrupted program waits for the line of progress to go: the terminal may be stopped.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The first SIGINT, SIGTERM or SIGHUP ends the measurement, which is reported then; the second ends the program.
pub fn end_on_signal(control: &Control) -> Result<(), Failure> {
    let control = control.clone();
    let exit = || {
        served::abandon();
        let (clearing, cleared) = mpsc::channel::<()>();
        let clear = move || {
            let _clearing = clearing;
            progress::clear();
        };
        if thread::Builder::new().name("last words".to_owned()).spawn(clear).is_ok() {
            let _ = cleared.recv_timeout(LAST_WORDS);
        }
        process::exit(Exit::Interrupted as i32)
    };
    signal::on_interrupt(move || control.stop(), exit)
        .map_err(|e| Failure::network(format!("cannot listen for signals: {}", Reason(&e))))
}
