//! How the netcat is called: `callbox nc`, or this program under the name of `nc` or `ncat`.

use std::ffi::OsString;
use std::process::ExitCode;

use callbox_netcat::{self as netcat, Name};

/// Runs it if it is meant. `arguments` are the whole command line.
pub fn run(arguments: &[OsString]) -> Option<ExitCode> {
    if let Some(status) = netcat::child(arguments) {
        return Some(status);
    }
    let (program, words) = arguments.split_first()?;
    if let Some(name) = Name::of_program(program) {
        return Some(netcat::main(name, words));
    }
    let (command, words) = words.split_first()?;
    (command == "nc").then(|| netcat::main(Name::Callbox, words))
}
