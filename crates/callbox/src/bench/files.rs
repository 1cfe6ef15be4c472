//! Where a report is written.

use std::fs;
use std::path::{Path, PathBuf};

use callbox_measure::picture;
use callbox_measure::report::Report;

use crate::cli::OutputArgs;
use crate::messages::{Console, Failure, Reason, shown_path};

/// The files of a report.
#[derive(Clone, Debug)]
pub struct Files {
    json: Option<PathBuf>,
    html: Option<PathBuf>,
}

impl Files {
    /// The files that were asked for, if they can be written.
    pub fn of(args: &OutputArgs) -> Result<Self, Failure> {
        Ok(Self { json: args.json.clone(), html: args.html.clone() })
    }

    /// Whether the report goes to standard output, in place of the table.
    pub fn replace_table(&self) -> bool {
        self.json.as_deref() == Some(Path::new("-"))
    }

    /// Writes the report.
    pub fn write(&self, report: &Report) -> Result<(), Failure> {
        if let Some(path) = &self.json {
            match self.replace_table() {
                true => Console::new().print(report.to_json().trim_end())?,
                false => write(path, &report.to_json())?,
            }
        }
        if let Some(path) = &self.html {
            write(path, &picture::page(report))?;
        }
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| {
        Failure::usage(format!("cannot write {}: {}", shown_path(path), Reason(&error)))
    })
}
