//! The `callbox` program. Everything it does is in the library beside it, where tests reach it.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    callbox::run(std::env::args_os())
}
