//! `callbox chat`: the server, and what its administrator does.

mod admin;
mod folder;
mod password;
pub mod server;
mod settings;
mod talk;

use crate::cli::{ChatCommand, HistoryCommand};
use crate::messages::{Console, Failure};

/// Runs `callbox chat`.
pub fn run(command: ChatCommand) -> Result<(), Failure> {
    match command {
        ChatCommand::Server(args) => server::run(args),
        ChatCommand::Config => {
            Console::new().print(callbox_chat::settings::default_file().trim_end())
        }
        ChatCommand::Account(command) => admin::account(command),
        ChatCommand::History(HistoryCommand::Export(args)) => admin::export(&args),
        ChatCommand::Password(args) => password::print_hash(&args),
    }
}
