//! What an administrator does to accounts and history. The server may run or not.

use std::io::{self, Write};
use std::path::Path;

use callbox_chat::auth::{self, AuthSettings};
use callbox_chat::running::password_settings;
use callbox_chat::store::{self, Accounts, ExportError, Format, StoreError};
use callbox_exchange::Bare;

use super::{password, settings};
use crate::cli::{AccountCommand, DataArgs, ExportArgs, ExportFormat};
use crate::messages::{self, Console, Failure};

/// `callbox chat account`.
pub(super) fn account(command: AccountCommand) -> Result<(), Failure> {
    let refused = |error: auth::AdminError| Failure::usage(error.to_string());
    match command {
        AccountCommand::Add(args) => {
            let (accounts, settings) = open(&args.data, Accounts::open)?;
            let password = password::new_password()?;
            auth::add_account(&accounts, &args.name, &password, &settings).map_err(refused)?;
            done(&args.name, "was made")
        }
        AccountCommand::Password(args) => {
            let (accounts, settings) = open(&args.data, Accounts::open_kept)?;
            let password = password::new_password()?;
            auth::set_password(&accounts, &args.name, &password, &settings).map_err(refused)?;
            done(&args.name, "has a new password")
        }
        AccountCommand::Certificate(args) => {
            let (accounts, _) = open(&args.data, Accounts::open_kept)?;
            auth::add_fingerprint(&accounts, &args.name, &args.fingerprint).map_err(refused)?;
            done(&args.name, "has this certificate")
        }
        AccountCommand::Remove(args) => {
            let (accounts, _) = open(&args.data, Accounts::open_kept)?;
            auth::remove(&accounts, &args.name).map_err(refused)?;
            done(&args.name, "was removed; a server that runs forgets it when it is started again")
        }
        AccountCommand::List(args) => {
            let (accounts, _) = open(&args, Accounts::open_kept)?;
            let accounts = accounts.accounts().map_err(|e| Failure::usage(e.to_string()))?;
            let console = Console::new();
            accounts.iter().try_for_each(|account| console.print(Bare(account.name.as_bytes())))
        }
    }
}

/// The accounts, and what their passwords cost.
fn open(
    args: &DataArgs,
    open: impl FnOnce(&Path) -> Result<Accounts, StoreError>,
) -> Result<(Accounts, AuthSettings), Failure> {
    let (settings, folder) = settings::read_with_folder(args)?;
    let accounts = open(&folder).map_err(|error| Failure::usage(error.to_string()))?;
    Ok((accounts, password_settings(&settings)))
}

fn done(name: &str, what: &str) -> Result<(), Failure> {
    messages::status(format_args!("The account {} {what}", Bare(name.as_bytes())));
    Ok(())
}

/// `callbox chat history export`.
pub(super) fn export(args: &ExportArgs) -> Result<(), Failure> {
    let (_, folder) = settings::read_with_folder(&args.data)?;
    let format = match args.format {
        ExportFormat::Text => Format::Text,
        ExportFormat::Json => Format::JsonLines,
    };
    let key = callbox_irc::fold::fold_text(&args.room);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let count = store::export(&folder, &key, &mut out, format).map_err(|error| match error {
        // As everywhere: whoever closed standard output has seen enough.
        ExportError::Output(error) => Failure::from(error),
        error => Failure::usage(error.to_string()),
    })?;
    out.flush()?;
    drop(out);
    messages::status(format_args!("{count} events"));
    Ok(())
}
