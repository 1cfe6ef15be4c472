//! The callbox program: flags, what is said to the user, exit codes, and the glue between the machines and the sockets.
//!
//! | module | what it is for |
//! |---|---|
//! | [`cli`] | the command line: what may be typed, and nothing that happens then |
//! | [`messages`] | everything that is said to the user, and the exit codes |
//! | [`server`] | `udp server`, `tcp server`, `unix server`: sockets around a service |
//! | [`client`] | `udp client`, `tcp client`, `unix client`: sockets around an exchange |
//! | [`mod@bench`] | `bench`: loads on a server, and their reports |
//! | [`netcat`] | `nc`: how the netcat is called |
//! | [`log`] | what a server prints, without ever slowing it |
//! | [`tour`] | every exchange once, told step by step |
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::process::ExitCode;

pub mod bench;
pub mod chat;
pub mod cli;
pub mod client;
pub mod log;
pub mod messages;
pub mod netcat;
pub mod server;
pub mod tour;

use cli::{Command, EndpointCommand};
use messages::{Console, Failure};

/// Runs callbox with the given arguments, the first of which is the program's name. Gives its exit status.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(status) = netcat::run(&arguments) {
        return status;
    }
    let parsed = match cli::parse(arguments.iter().cloned()) {
        Ok(parsed) => parsed,
        Err(error) => return messages::usage(&error),
    };
    messages::finish(dispatch(parsed.command, &arguments))
}

fn dispatch(command: Command, words: &[OsString]) -> Result<(), Failure> {
    match command {
        Command::Udp(EndpointCommand::Server(args)) => server::udp::run(args),
        Command::Udp(EndpointCommand::Client(args)) => client::udp::run(args),
        Command::Tcp(EndpointCommand::Server(args)) => server::stream::run_tcp(args),
        Command::Tcp(EndpointCommand::Client(args)) => client::stream::run_tcp(args),
        Command::Unix(EndpointCommand::Server(args)) => server::unix::run(args),
        Command::Unix(EndpointCommand::Client(args)) => client::unix::run(args),
        Command::Chat(args) => chat::run(args),
        // Seen before the command line is read: its words are not ours to read.
        Command::Nc(_) => Ok(()),
        Command::Bench(command) => bench::run(*command, words),
        Command::Tour(args) => tour::run(args),
        Command::Completions(args) => Console::new().print(text(&cli::completions(&args))),
        Command::Manual(args) => match cli::manual(&args) {
            Ok(page) => Console::new().print(text(&page)),
            Err(error) => Err(Failure::usage(format!("the manual cannot be written: {error}"))),
        },
        Command::Services => Console::new().print(callbox_services::table_text().trim_end()),
    }
}

/// What was generated, without the last line's end, which printing adds.
fn text(generated: &[u8]) -> String {
    String::from_utf8_lossy(generated).trim_end().to_owned()
}
