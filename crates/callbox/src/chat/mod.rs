//! `callbox chat`: the client, the server, and what its administrator does.

mod admin;
pub mod client;
mod folder;
mod password;
pub mod server;
mod settings;
mod talk;

use crate::cli::{ChatArgs, ChatCommand, HistoryCommand};
use crate::messages::{Console, Failure};

/// Runs `callbox chat`.
pub fn run(args: ChatArgs) -> Result<(), Failure> {
    let Some(command) = args.command else {
        return client::join_or_start(&args);
    };
    match command {
        ChatCommand::Client(args) => client::run(*args),
        ChatCommand::Server(args) => server::run(args),
        ChatCommand::Config => {
            Console::new().print(callbox_chat::settings::default_file().trim_end())
        }
        ChatCommand::Account(command) => admin::account(command),
        ChatCommand::History(HistoryCommand::Export(args)) => admin::export(&args),
        ChatCommand::Password(args) => password::print_hash(&args),
    }
}
