//! `callbox bench self`: callbox's own server, started on loopback for as long as it is measured.
//!
//! It is this very program in a process of its own, as a user would start it, so that what is measured is what a user has:
//! another process, its own threads, its sockets.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use callbox_load::Control;
use callbox_load::probe::Place;
use callbox_measure::payload::Check;
use callbox_services::FAREWELL;

use super::served::{Scratch, Served, interrupted};
use super::{Files, Options, Progress, Target, end_on_signal, measure, show, verdict};
use crate::cli::{OutputArgs, SelfCommand};
use crate::messages::{Failure, Reason};

/// How long a server may take to say where it listens. It takes milliseconds; a machine that is busy may take longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What lifts the limits that a chat has for people. Those for one address never hold on this machine.
const CHAT_SETTINGS: &str = "[flood]
enabled = false
[connections]
total = 1000000
send-queue = \"64MiB\"
";

/// Starts the server, measures it, and ends it.
pub fn run(command: &SelfCommand, words: Vec<String>) -> Result<(), Failure> {
    let (mut options, output, service) = match command {
        SelfCommand::Udp(load) => {
            (Options::udp(load, words)?, &load.output, Service::udp(load.messages.check))
        }
        SelfCommand::Tcp(load) => {
            let service = Service::tcp(load.messages.check, load.connect_each);
            (Options::tcp(load, words)?, &load.output, service)
        }
        SelfCommand::Chat(load) => (Options::chat(load, None, words)?, &load.output, Service::Chat),
    };
    if let Some((service, check)) = service.answers() {
        options.list("service", service);
        options.expect(check);
    }
    let files = Files::of(output)?;
    let control = Control::new();
    end_on_signal(&control)?;
    let mut own = Own::start(service, &control)?;
    control.watch(own.served.id());
    let measured = own.measure(&options, output, &control);
    if !control.is_stopped() && own.served.has_ended_in(&measured) {
        return Err(Failure::network(own.served.failed("ended while it was measured")));
    }
    // What is wrong with its replies it is asked itself.
    let verdict =
        measured.as_ref().map_or(Ok(()), |it| verdict::verdict(it, &options, &own.target));
    own.served.end();
    show(&measured?.report, &files, output.quiet)?;
    verdict
}

/// What is started.
#[derive(Clone, Copy, Debug)]
enum Service {
    Udp(&'static str, Check),
    Tcp(&'static str, Check),
    Chat,
}

impl Service {
    fn udp(typed: Option<Check>) -> Self {
        match typed {
            Some(Check::Echo) => Self::Udp("echo", Check::Echo),
            typed => Self::Udp("upper", typed.unwrap_or(Check::Upper)),
        }
    }

    fn tcp(typed: Option<Check>, connect_each: bool) -> Self {
        match typed {
            Some(Check::Echo) => Self::Tcp("echo", Check::Echo),
            None if connect_each => Self::Tcp("greeting", Check::Fixed(FAREWELL)),
            typed => Self::Tcp("upper", typed.unwrap_or(Check::Upper)),
        }
    }

    /// The service of a server that has several, and what the right reply is.
    fn answers(self) -> Option<(&'static str, Check)> {
        match self {
            Self::Udp(service, check) | Self::Tcp(service, check) => Some((service, check)),
            Self::Chat => None,
        }
    }

    /// The words after `callbox`, for the reader too.
    fn words(self) -> Vec<&'static str> {
        match self {
            Self::Udp(service, _) => vec!["udp", "server", "--service", service],
            Self::Tcp(service, _) => vec!["tcp", "server", "--service", service],
            Self::Chat => vec!["chat", "server"],
        }
    }
}

/// A server of callbox's own.
struct Own {
    served: Served,
    target: Target,
    /// Goes when the server has gone: fields are dropped in their order.
    _scratch: Option<Scratch>,
}

impl Own {
    fn start(service: Service, control: &Control) -> Result<Self, Failure> {
        let cannot =
            |error: io::Error| Failure::usage(format!("cannot start a server: {}", Reason(&error)));
        let name = format!("callbox {}", service.words().join(" "));
        let mut command = Command::new(std::env::current_exe().map_err(cannot)?);
        command.args(service.words()).args(["--port", "0", "--bind", "127.0.0.1", "--quiet"]);
        let scratch = match service {
            Service::Udp(..) => {
                command.args(["--max-rate", "none", "--any-port"]);
                None
            }
            // At a low rate a connection waits for its turn.
            Service::Tcp(..) => {
                command.args(["--idle-timeout", "24h"]);
                None
            }
            Service::Chat => {
                let scratch = Scratch::new().map_err(cannot)?;
                let settings = settings(&scratch).map_err(cannot)?;
                command.arg("--config").arg(settings);
                command.arg("--data").arg(scratch.path().join("data"));
                Some(scratch)
            }
        };
        let mut served = Served::start(command, name.clone())?;
        let heard = served.hear("Listening at ", PATIENCE, || control.is_stopped());
        let address = heard.and_then(|line| line.split(' ').next()?.parse::<SocketAddr>().ok());
        let Some(address) = address else {
            return Err(match control.is_stopped() {
                true => interrupted(),
                false => Failure::usage(served.failed("did not come up")),
            });
        };
        let place = match service {
            Service::Udp(..) => Place::Udp(vec![address]),
            Service::Tcp(..) | Service::Chat => Place::Tcp(vec![address]),
        };
        let target = Target { name: format!("self ({name})"), place };
        Ok(Self { served, target, _scratch: scratch })
    }

    fn measure(
        &self,
        options: &Options,
        output: &OutputArgs,
        control: &Control,
    ) -> Result<super::Measured, Failure> {
        let progress = Progress::start(control, output.quiet);
        let measured = measure(options, &self.target, control, &progress);
        progress.finish();
        measured
    }
}

fn settings(scratch: &Scratch) -> io::Result<PathBuf> {
    let path = scratch.path().join("chat.toml");
    fs::write(&path, CHAT_SETTINGS)?;
    Ok(path)
}
