//! Everything that is said to the user, and the exit codes.
//!
//! Content goes to standard output, status to standard error. An error is one line that begins with `callbox: `, says
//! what failed, on which address and what to do. Whoever reads our output may stop reading: a closed standard output
//! ends the program quietly, since that is how `| head` ends it.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use callbox_exchange::{Bare, Quoted};
use callbox_net::trace::{Observer, Trace};

/// How callbox ends. The only place that knows the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// The network said no: refused, no reply, reset, timed out.
    Network = 1,
    /// The call was wrong: usage, a name that does not resolve, an address that cannot be bound.
    Usage = 2,
    /// Ended by SIGINT before its work was done: 128 and the signal's number, as shells report it.
    Interrupted = 130,
}

/// The end of a run that did not do what it was asked to do.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: Option<String>,
}

impl Failure {
    /// The network said no.
    pub fn network(message: impl Into<String>) -> Self {
        Self { exit: Exit::Network, message: Some(visible(&message.into())) }
    }

    /// The call was wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: Some(visible(&message.into())) }
    }

    /// It was ended by a signal before its work was done.
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self { exit: Exit::Interrupted, message: Some(visible(&message.into())) }
    }

    /// What has to be said was said where it happened.
    pub const fn said(exit: Exit) -> Self {
        Self { exit, message: None }
    }

    /// Whoever read our output has gone; there is nobody to say it to, and it is no error.
    pub const fn output_closed() -> Self {
        Self::said(Exit::Done)
    }

    /// The line that is shown.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The exit status.
    pub const fn exit(&self) -> Exit {
        self.exit
    }
}

/// A message as one line in which nothing can drive a terminal: it may quote a line of input, a path or a peer. Errors of
/// the system's that were put into it lose their numbers.
pub fn visible(message: &str) -> String {
    Bare(without_numbers(message).as_bytes()).to_string()
}

/// The text without the numbers that Rust appends to errors of the system's: `Permission denied (os error 13)`.
fn without_numbers(message: &str) -> String {
    let mut parts = message.split(" (os error ");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.push_str(rest);
            }
            _ => text.extend([" (os error ", part]),
        }
    }
    text
}

/// Output could not be written.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::output_closed(),
            _ => Self::network(format!("cannot write to standard output: {}", Reason(&error))),
        }
    }
}

/// Shows what is left to say at the end of a run and gives the exit status.
pub fn finish(result: Result<(), Failure>) -> ExitCode {
    let exit = match result {
        Ok(()) => Exit::Done,
        Err(failure) => {
            if let Some(message) = failure.message() {
                error(message);
            }
            failure.exit()
        }
    };
    ExitCode::from(exit as u8)
}

/// Shows what the command line's parser has to say: help on standard output, or one error.
pub fn usage(problem: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind::{
        DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion,
    };
    match problem.kind() {
        DisplayHelp | DisplayVersion => {
            let shown = problem.print();
            finish(shown.map_err(Failure::from))
        }
        DisplayHelpOnMissingArgumentOrSubcommand => {
            status(problem.render().to_string().trim_end());
            ExitCode::from(Exit::Usage as u8)
        }
        _ => {
            error(visible(&one_line(&problem.render().to_string())));
            ExitCode::from(Exit::Usage as u8)
        }
    }
}

/// The parser's several paragraphs as one line: what is wrong, a tip if it has one, and where to learn more.
fn one_line(text: &str) -> String {
    let mut paragraphs =
        text.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let wrong = paragraphs.next().unwrap_or_default();
    let mut line = wrong.strip_prefix("error: ").unwrap_or(&wrong).to_owned();
    for tip in paragraphs.filter_map(|part| part.strip_prefix("tip: ").map(str::to_owned)) {
        line.push_str("; ");
        line.push_str(&tip);
    }
    line.push_str("; try --help");
    line
}

/// Says a line on standard error.
pub fn status(line: impl fmt::Display) {
    // Whoever closed standard error does not want to hear of it.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Asks something on standard error, and leaves the cursor behind it.
pub fn prompt(text: &str) {
    let mut out = io::stderr().lock();
    let _ = write!(out, "{text}");
    let _ = out.flush();
}

/// Says on standard error what went wrong.
pub fn error(message: impl fmt::Display) {
    status(format_args!("callbox: {message}"));
}

/// Standard output, line by line.
#[derive(Debug, Default)]
pub struct Console(());

impl Console {
    /// Standard output.
    pub const fn new() -> Self {
        Self(())
    }

    /// Prints one line, at once: a reader at the other end of a pipe may be waiting for it.
    pub fn print(&self, line: impl fmt::Display) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        Ok(out.flush()?)
    }
}

/// Prints socket calls on standard error, for `-v`.
#[derive(Debug)]
struct Calls;

impl Observer for Calls {
    fn observe(&self, line: fmt::Arguments<'_>) {
        status(format_args!("  {}", visible(&line.to_string())));
    }
}

/// Where socket calls are told, for a run with or without `-v`.
pub fn trace(verbose: bool) -> Trace {
    if verbose { Trace::to(std::sync::Arc::new(Calls)) } else { Trace::off() }
}

/// The reason of an error without the number that Rust appends: `Connection refused`.
pub struct Reason<'a>(pub &'a io::Error);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        f.write_str(text.split(" (os error").next().unwrap_or(&text))
    }
}

/// A path in which nothing can drive a terminal.
pub fn shown_path(path: &Path) -> Bare<'_> {
    Bare(path.as_os_str().as_bytes())
}

/// Why `place`, which has this `port`, cannot be listened on, and what to do.
pub fn cannot_listen(place: impl fmt::Display, port: u16, problem: &io::Error) -> Failure {
    let advice = match problem.kind() {
        io::ErrorKind::AddrInUse => {
            "it is in use; stop what listens there, or choose another with -p or --bind"
        }
        io::ErrorKind::PermissionDenied if (1..1024).contains(&port) => {
            "ports below 1024 need a right that this user does not have; choose another with -p"
        }
        io::ErrorKind::AddrNotAvailable => {
            "the address is not one of this machine's; choose one that is, or --bind '*' for all"
        }
        _ => return Failure::usage(format!("cannot listen at {place}: {}", Reason(problem))),
    };
    Failure::usage(format!("cannot listen at {place}: {advice}"))
}

/// The system chose `port` for the first of several places, and at `place` somebody else has it.
pub fn port_taken(place: impl fmt::Display, port: u16) -> Failure {
    Failure::usage(format!(
        "cannot listen at {place}: the system chose port {port} for the first address, and here it is in use; try again, or choose one with -p"
    ))
}

/// A place to listen at that another of the same run takes in.
pub fn covered(place: impl fmt::Display, by: impl fmt::Display) -> Failure {
    Failure::usage(format!(
        "cannot listen at {place} as well as at {by}: `{by}` covers it already; leave one of the two out"
    ))
}

/// Why no connection to `server` came about.
pub fn cannot_connect(server: impl fmt::Display, problem: &io::Error) -> Failure {
    let reason = match problem.kind() {
        io::ErrorKind::ConnectionRefused => {
            "nobody listens on this port (connection refused)".to_owned()
        }
        io::ErrorKind::HostUnreachable => {
            "the host cannot be reached; is it up, and the address right?".to_owned()
        }
        io::ErrorKind::NetworkUnreachable => {
            "there is no route to its network from here".to_owned()
        }
        io::ErrorKind::TimedOut => "it did not answer in time".to_owned(),
        _ => Reason(problem).to_string(),
    };
    Failure::network(format!("cannot connect to {server}: {reason}"))
}

/// Standard input gave an error in the place of a line.
pub fn unreadable_input(problem: &io::Error) -> Failure {
    Failure::network(format!("cannot read standard input: {}", Reason(problem)))
}

/// The system has no thread left for us.
pub fn no_thread(problem: &io::Error) -> Failure {
    Failure::network(format!("cannot start a thread: {}", Reason(problem)))
}

/// A name that stands for no address.
pub fn unknown_host(host: impl fmt::Display, problem: &io::Error) -> Failure {
    let text = Reason(problem).to_string();
    let reason = text.rsplit(": ").next().unwrap_or(&text);
    Failure::usage(format!(
        "cannot find the host '{host}': {reason}; check the name, or give an address"
    ))
}

/// Port 0, which stands for any port where one listens and for none where one asks.
pub fn no_port(host: impl fmt::Display) -> Failure {
    Failure::usage(format!(
        "port 0 cannot be asked; give the port that the server at '{host}' listens on, with -p or as HOST:PORT"
    ))
}

/// Nobody listens on a datagram port: what ICMP told.
pub fn refused(server: SocketAddr) -> String {
    format!("nobody listens on {server} (its host answered: port unreachable)")
}

/// A datagram that nobody waits for, as `--many` reports it.
pub fn unexpected(from: SocketAddr, datagram: &[u8]) -> String {
    format!("message {} from unexpected host {from}!", Quoted(datagram))
}

/// Every try went unanswered.
pub fn no_reply(server: impl fmt::Display, tries: u32) -> String {
    format!("no reply from {server} after {tries} {}", if tries == 1 { "try" } else { "tries" })
}

/// A message that no datagram to this server can carry.
pub fn too_long(server: impl fmt::Display, length: usize, limit: usize) -> String {
    format!(
        "the message is {length} bytes long, and a datagram to {server} carries at most {limit}; it was not sent"
    )
}

/// A service that cannot be asked for here, as the parser of the command line says it.
pub fn wrong_service(name: &str, problem: &str) -> Failure {
    Failure::usage(format!("invalid value '{name}' for '--service <NAME>': {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_on_low_ports_is_for_low_ports() {
        let denied = |port| {
            let failure = cannot_listen("127.0.0.1", port, &io::ErrorKind::PermissionDenied.into());
            failure.message().unwrap().to_owned()
        };
        for (port, low) in [(0, false), (1, true), (1023, true), (1024, false), (3000, false)] {
            assert_eq!(denied(port).contains("below 1024"), low, "{port}");
        }
    }

    #[test]
    fn errors_of_the_system_s_are_said_without_their_numbers() {
        let text = "cannot read a: Permission denied (os error 13); it is (os error x) there";
        let failure = Failure::usage(text);
        let said = "cannot read a: Permission denied; it is (os error x) there";
        assert_eq!(failure.message(), Some(said));
    }

    #[test]
    fn a_failure_is_one_line_whatever_it_quotes() {
        let failure = Failure::usage("'\x1b[2J\n\u{202e}' is no good, 你好");
        assert_eq!(failure.message(), Some(r"'\x1b[2J\n\u{202e}' is no good, 你好"));
    }
}
