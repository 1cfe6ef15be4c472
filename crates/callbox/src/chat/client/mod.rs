//! `callbox chat` and `callbox chat client`: a person or a program in a chat.
//!
//! | module | what it is for |
//! |---|---|
//! | [`address`] | a server as a user writes it |
//! | [`profile`] | what flags and the configuration file ask for |
//! | [`link`] | a connection, whatever lies between |
//! | `name` | what somebody is called |
//! | `drive` | a session and its link brought together |
//! | `host` | the server that `callbox chat` starts where there is none |
//! | `screen` | on a terminal: the session and the screen |
//! | `tool`, `written` | without a terminal: lines in, lines out |
//! | `udp` | lines as bare datagrams |

pub mod address;
mod drive;
mod host;
pub mod link;
mod name;
pub mod profile;
mod screen;
mod tool;
mod udp;
mod written;

use std::io::{self, IsTerminal};
use std::num::NonZeroU16;
use std::time::{SystemTime, UNIX_EPOCH};

use callbox_chat::running::Tell;
use callbox_session::config::{Config, Login, Secret};

use crate::cli::{ChatArgs, ChatClientArgs};
use crate::messages::{self, Console, Failure};
use address::Transport;
use host::Host;
use link::Target;
use profile::Choice;

/// Runs `callbox chat client`.
pub(super) fn run(args: ChatClientArgs) -> Result<(), Failure> {
    if args.print_config {
        return Console::new().print(profile::default_file().trim_end());
    }
    let choice = Choice::of(&args, profile::usual_file())?;
    let once = args.once.then_some(args.receipt_timeout.0);
    if choice.target.address.transport == Transport::Datagrams {
        let how = udp::Use { json: args.json, once, quiet: args.quiet };
        return udp::run(&choice.target.address, how);
    }
    let is_tool = args.json || args.once || !is_terminal();
    let name = name::choose(choice.name.as_deref(), is_tool)?;
    let config = config(&name, &choice)?;
    if is_tool {
        let how = tool::Use { json: args.json, once, quiet: args.quiet };
        return tool::run(config, choice.target, &how);
    }
    let settings = screen::settings(&choice.config)?;
    screen::run(config, choice.target, None, settings)
}

/// Runs `callbox chat`: joins the chat on this machine, and starts one before if there is none.
pub(super) fn join_or_start(args: &ChatArgs) -> Result<(), Failure> {
    let target = Target::new(address::ChatAddress::here(args.host.port.map(NonZeroU16::get)));
    let host = |tell| Host::new(args.host.server(), tell);
    let is_tool = !is_terminal();
    let name = name::choose(args.person.name.as_deref(), is_tool)?;
    let config = bare_config(&name, &args.person.join);
    if is_tool {
        let how = tool::Use { json: false, once: None, quiet: false };
        let tell = Tell::new(|_, line| messages::status(messages::visible(line)));
        return tool::run_hosting(config, target, Some(host(tell)), &how);
    }
    let file = profile::usual_file();
    let file = file.map_or_else(|| Ok(profile::Config::default()), |path| profile::load(&path))?;
    screen::run(config, target, Some(&host), screen::settings(&file)?)
}

/// Whether a person sits at both ends.
fn is_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// The session's settings, with the password asked for if need be.
fn config(name: &str, choice: &Choice) -> Result<Config, Failure> {
    let mut config = bare_config(name, &choice.join);
    if let Some(login) = &choice.login {
        let password = login.password()?.map(|password| Secret(password.to_string()));
        let account = login.account.clone().unwrap_or_else(|| name.to_owned());
        config.login = Some(Login { account, password });
    }
    Ok(config)
}

fn bare_config(name: &str, join: &[String]) -> Config {
    Config {
        nick: name.to_owned(),
        realname: name.to_owned(),
        join: join.iter().map(|room| (room.clone(), None)).collect(),
        seed: seed(),
        ..Config::default()
    }
}

/// What decides the jitter of waits: no secret.
fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // The low bits are those that differ.
    now.as_nanos() as u64
}
