//! A program that a test is about to start: its path, arguments, environment and streams.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::process::{Command, Stdio};

use crate::child::OwnedChild;
use crate::finished::Finished;
use crate::process::Running;

/// A program that can be started: its path, arguments and surroundings.
#[must_use = "a program does nothing before `spawn` or `run`"]
pub struct Program {
    path: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    stdout: Option<Stdio>,
    stdin: Option<Stdio>,
    with_group: bool,
}

impl Program {
    /// A program by its path, or by a name that is looked up on `PATH`.
    pub fn new(path: impl AsRef<OsStr>) -> Self {
        let path = path.as_ref().to_owned();
        Self {
            path,
            args: Vec::new(),
            env: Vec::new(),
            stdout: None,
            stdin: None,
            with_group: false,
        }
    }

    /// Adds one argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Removes an environment variable.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), None));
        self
    }

    /// Reads standard input from here and not from the test: a file, a pipe, `Stdio::null()`.
    pub fn stdin_from(mut self, stdin: impl Into<Stdio>) -> Self {
        self.stdin = Some(stdin.into());
        self
    }

    /// Sends standard output elsewhere: a file, or a pipe that the test reads slowly or not at all.
    /// Nothing of it is collected then.
    pub fn stdout_to(mut self, stdout: impl Into<Stdio>) -> Self {
        self.stdout = Some(stdout.into());
        self
    }

    /// Starts with a standard output whose reader has gone: every write fails with EPIPE, as after
    /// `| head -0`.
    #[track_caller]
    pub fn stdout_closed(self) -> Self {
        let (reader, writer) = io::pipe().expect("a pipe for the closed standard output");
        drop(reader);
        self.stdout_to(writer)
    }

    /// Starts with `/dev/full` as standard output: every write fails with ENOSPC.
    #[track_caller]
    pub fn stdout_full(self) -> Self {
        let full = File::options().write(true).open("/dev/full").expect("/dev/full");
        self.stdout_to(full)
    }

    /// Starts as the first process of a group, and all that it starts in turn is killed with it.
    pub fn with_group(mut self) -> Self {
        self.with_group = true;
        self
    }

    /// Starts the program; panics if that fails.
    #[track_caller]
    pub fn spawn(mut self) -> Running {
        let command_line = self.command_line();
        let (stdin, stdout) = (self.stdin.take(), self.stdout.take());
        let mut command = self.command();
        command.stdin(stdin.unwrap_or_else(Stdio::piped));
        command.stdout(stdout.unwrap_or_else(Stdio::piped));
        command.stderr(Stdio::piped());
        let child = match self.with_group {
            true => OwnedChild::spawn_group(&mut command),
            false => OwnedChild::spawn(&mut command),
        };
        let child = child.unwrap_or_else(|error| panic!("cannot start {command_line}: {error}"));
        Running::new(command_line, child)
    }

    /// Runs the program with an empty standard input to its end.
    #[track_caller]
    pub fn run(self) -> Finished {
        self.spawn().wait()
    }

    /// Runs the program with `input` as all of its standard input to its end.
    #[track_caller]
    pub fn run_with_input(self, input: impl AsRef<[u8]>) -> Finished {
        let mut running = self.spawn();
        running.write(input);
        running.wait()
    }

    /// The command line as one would type it, for reports.
    pub fn command_line(&self) -> String {
        let words = std::iter::once(&self.path).chain(&self.args);
        words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
    }

    /// This program as arguments of another, which is to run it; keeps the environment.
    pub(crate) fn run_by(mut self, wrapper: &str, wrapper_args: &[&str]) -> Self {
        let own = std::mem::replace(&mut self.path, wrapper.into());
        let args = wrapper_args.iter().map(OsString::from).chain([own]);
        self.args.splice(0..0, args);
        self
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.args);
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}

/// A word as a shell would need it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,%+@[]".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
