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

use std::ffi::OsString;
use std::process;

use callbox_load::Control;
use callbox_measure::report::{Report, Table};
use callbox_net::signal;

use crate::cli::{BenchCommand, OutputArgs};
use crate::messages::{Console, Exit, Failure, Reason};

pub mod files;
pub mod measure;
pub mod options;
pub mod progress;
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
            run_once(&options, &args.load.output, || Target::udp(&args.server))
        }
        BenchCommand::Tcp(args) => {
            let options = Options::tcp(&args.load, words)?;
            run_once(&options, &args.load.output, || Target::tcp(&args.server))
        }
        BenchCommand::Unix(args) => {
            let options = Options::unix(&args.load, args.kind, words)?;
            run_once(&options, &args.load.output, || Ok(Target::unix(&args.path, args.kind)))
        }
        BenchCommand::Chat(args) => {
            let options = Options::chat(&args.load, None, words)?;
            run_once(&options, &args.load.output, || Target::tcp(&args.server))
        }
    }
}

/// One measurement, from the check of its files to the exit status.
pub fn run_once(
    options: &Options,
    output: &OutputArgs,
    find: impl FnOnce() -> Result<Target, Failure>,
) -> Result<(), Failure> {
    let files = Files::of(output)?;
    let target = find()?;
    let control = Control::new();
    end_on_signal(&control)?;
    let progress = Progress::start(&control, output.quiet);
    let measured = measure(options, &target, &control, &progress);
    progress.finish();
    let measured = measured?;
    show(&measured.report, &files)?;
    verdict::verdict(&measured, &target)
}

/// Writes the report's files, and prints its table.
pub fn show(report: &Report, files: &Files) -> Result<(), Failure> {
    files.write(report)?;
    match files.replace_table() {
        true => Ok(()),
        false => Console::new().print(Table { report, width: width() }.to_string().trim_end()),
    }
}

/// How many columns a table may take: those of the terminal, and the classic number elsewhere.
fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    size.map_or(80, |size| usize::from(size.ws_col)).max(1)
}

/// The first SIGINT, SIGTERM or SIGHUP ends the measurement, which is reported then; the second ends the program.
pub fn end_on_signal(control: &Control) -> Result<(), Failure> {
    let control = control.clone();
    let exit = || process::exit(Exit::Interrupted as i32);
    signal::on_interrupt(move || control.stop(), exit)
        .map_err(|e| Failure::network(format!("cannot listen for signals: {}", Reason(&e))))
}
