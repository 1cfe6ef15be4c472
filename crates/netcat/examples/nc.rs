//! The netcat alone, which is built quicker than the whole program.

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    callbox_netcat::child(&arguments)
        .unwrap_or_else(|| callbox_netcat::main(callbox_netcat::Name::Ncat, &arguments[1..]))
}
