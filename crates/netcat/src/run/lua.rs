//! `--lua-exec`: a script in Lua 5.4, which needs no Lua to be installed.
//!
//! A script runs in a process of its own, as any program: it may wait, and it talks through its standard input and output. The
//! process is this very program, called with [`WORD`]. Scripts have Lua's standard library without `debug` and without
//! modules in C, which could break the memory that they run in.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, ExitCode};

use mlua::{Error, Lua};

/// The first argument of a call that runs a script; behind it stand the prefix of messages and the script's file.
pub const WORD: &str = "run-lua-script";

/// The largest script that is read. A device file has no end.
const SCRIPT: u64 = 16 * 1024 * 1024;

/// How this program is called to run a script.
pub(super) fn command(file: &Path, prefix: &str) -> io::Result<Command> {
    // The link stays right when the file is replaced while we run.
    let mut command = match cfg!(target_os = "linux") {
        true => Command::new("/proc/self/exe"),
        false => Command::new(std::env::current_exe()?),
    };
    command.args([WORD, prefix]).arg(file);
    Ok(command)
}

/// Whether a script can be read and is Lua. To be asked at the start, so that a mistake is not found out with the first
/// peer.
///
/// # Errors
///
/// What is wrong with it, in words that follow `Error loading the Lua script: `.
pub fn check(file: &Path) -> Result<(), String> {
    load(&Lua::new(), file).map(drop)
}

/// Runs a script on standard input and output. This is what the program does when it was called with [`WORD`]; `prefix`
/// and `file` are the two arguments behind that.
pub fn main(prefix: &str, file: &Path) -> ExitCode {
    let lua = Lua::new();
    let script = match load(&lua, file) {
        Ok(script) => script,
        Err(why) => {
            eprintln!("{prefix}Error loading the Lua script: {why}");
            return ExitCode::from(2);
        }
    };
    // As in ncat, what is printed is sent at once: a peer that is asked something has to see the question.
    let unbuffered = lua.load("io.stdout:setvbuf('no')").exec();
    match unbuffered.and_then(|()| script.call::<()>(())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{prefix}Error running the Lua script: {}", words(&error));
            ExitCode::FAILURE
        }
    }
}

fn load(lua: &Lua, file: &Path) -> Result<mlua::Function, String> {
    let cannot = |error: io::Error| {
        format!("cannot open {}: {}", file.display(), crate::says::words(&error))
    };
    let mut script = Vec::new();
    let opened = File::open(file).map_err(cannot)?;
    opened.take(SCRIPT + 1).read_to_end(&mut script).map_err(cannot)?;
    if script.len() as u64 > SCRIPT {
        return Err(format!("{} is larger than {SCRIPT} bytes", file.display()));
    }
    // The line for the kernel, which Lua's own loader leaves out as well; its end is kept, so that lines are counted right.
    let start = match script.first() {
        Some(b'#') => script.iter().position(|&byte| byte == b'\n').unwrap_or(script.len()),
        _ => 0,
    };
    let name = format!("@{}", file.display());
    // Text only: bytecode is not checked by Lua, and a wrong one breaks memory.
    let chunk = lua.load(&script[start..]).set_name(name).set_mode(mlua::ChunkMode::Text);
    chunk.into_function().map_err(|error| words(&error))
}

/// An error without the kind that mlua puts before it.
fn words(error: &Error) -> String {
    match error {
        Error::SyntaxError { message, .. } => message.clone(),
        Error::RuntimeError(message) => message.clone(),
        Error::CallbackError { traceback, cause } => format!("{}\n{traceback}", words(cause)),
        other => other.to_string(),
    }
}
