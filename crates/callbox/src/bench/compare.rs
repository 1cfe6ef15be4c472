//! `callbox bench compare`: what two files of reports come to.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use callbox_exchange::{Bare, Quoted};
use callbox_measure::compare::compare;
use callbox_measure::report::Report;
use callbox_measure::report::json::MOST_BYTES;

use crate::cli::CompareArgs;
use crate::messages::{Console, Failure, Reason, shown_path};

/// What all chance of resampling comes from, so that two files always compare the same.
const SEED: u64 = 1;

/// Reads the files, and prints what they come to.
pub fn run(args: &CompareArgs) -> Result<(), Failure> {
    print(&Side::read(&args.a)?, &Side::read(&args.b)?)
}

/// One of the two that are compared.
pub struct Side {
    /// What it is, for the reader.
    pub name: String,
    /// What was measured of it.
    pub reports: Vec<Report>,
}

impl Side {
    /// One file, or several with commas between.
    fn read(typed: &Path) -> Result<Self, Failure> {
        let name = typed.to_string_lossy().into_owned();
        // A name may have a comma in it.
        let reports = match typed.exists() {
            true => vec![read(typed)?],
            false => {
                let names = typed.as_os_str().as_bytes().split(|&byte| byte == b',');
                if names.clone().any(<[u8]>::is_empty) {
                    return Err(Failure::usage(format!(
                        "{} has a comma without a file's name on either side",
                        Quoted(typed.as_os_str().as_bytes())
                    )));
                }
                let paths = names.map(|name| Path::new(OsStr::from_bytes(name)));
                paths.map(read).collect::<Result<_, _>>()?
            }
        };
        Ok(Self { name, reports })
    }
}

/// Prints what is compared, and what comes of it.
pub fn print(a: &Side, b: &Side) -> Result<(), Failure> {
    let comparison = compare(&a.reports, &b.reports, SEED)
        .map_err(|error| Failure::usage(format!("cannot compare: {error}")))?;
    let console = Console::new();
    console.print(heading("A", a))?;
    console.print(heading("B", b))?;
    console.print(format_args!("\n{}", comparison.to_string().trim_end()))
}

fn heading(letter: &str, side: &Side) -> String {
    let report = side.reports.first();
    let (kind, address) =
        report.map_or(("", ""), |report| (report.kind.name(), report.address.as_str()));
    let name = Bare(side.name.as_bytes());
    format!("{letter}  {name}: {kind} {}", Bare(address.as_bytes()))
}

fn read(path: &Path) -> Result<Report, Failure> {
    let file = bytes(path).map_err(|error| {
        Failure::usage(format!("cannot read {}: {}", shown_path(path), Reason(&error)))
    })?;
    Report::from_json(&file)
        .map_err(|error| Failure::usage(format!("cannot use {}: {error}", shown_path(path))))
}

/// What stands in a file; of one that is too long to be a report, a byte more than the longest has.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
