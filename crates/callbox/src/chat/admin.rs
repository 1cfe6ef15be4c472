//! What an administrator does to accounts and history. The server may run or not.

use std::io::{self, Write};

use callbox_chat::auth::{self, AuthSettings};
use callbox_chat::store::{self, Accounts, ExportError, Format};
use callbox_exchange::Bare;

use super::{folder, password};
use crate::cli::{AccountCommand, ExportArgs, ExportFormat, FolderArgs};
use crate::messages::{self, Console, Failure};

/// `callbox chat account`.
pub(super) fn account(command: AccountCommand) -> Result<(), Failure> {
    let settings = AuthSettings::default();
    let refused = |error: auth::AdminError| Failure::usage(error.to_string());
    match command {
        AccountCommand::Add(args) => {
            let accounts = open(&args.folder)?;
            let password = password::new_password()?;
            auth::add_account(&accounts, &args.name, &password, &settings).map_err(refused)?;
            done(&args.name, "was made")
        }
        AccountCommand::Password(args) => {
            let accounts = open(&args.folder)?;
            let password = password::new_password()?;
            auth::set_password(&accounts, &args.name, &password, &settings).map_err(refused)?;
            done(&args.name, "has a new password")
        }
        AccountCommand::Certificate(args) => {
            let accounts = open(&args.folder)?;
            auth::add_fingerprint(&accounts, &args.name, &args.fingerprint).map_err(refused)?;
            done(&args.name, "has this certificate")
        }
        AccountCommand::Remove(args) => {
            auth::remove(&open(&args.folder)?, &args.name).map_err(refused)?;
            done(&args.name, "was removed; a server that runs forgets it when it is started again")
        }
        AccountCommand::List(args) => {
            let accounts = open(&args)?.accounts().map_err(|e| Failure::usage(e.to_string()))?;
            let console = Console::new();
            accounts.iter().try_for_each(|account| console.print(Bare(account.name.as_bytes())))
        }
    }
}

fn open(args: &FolderArgs) -> Result<Accounts, Failure> {
    let folder = folder::data(args.data.as_deref())?;
    Accounts::open(&folder).map_err(|error| Failure::usage(error.to_string()))
}

fn done(name: &str, what: &str) -> Result<(), Failure> {
    messages::status(format_args!("The account {} {what}", Bare(name.as_bytes())));
    Ok(())
}

/// `callbox chat history export`.
pub(super) fn export(args: &ExportArgs) -> Result<(), Failure> {
    let folder = folder::data(args.folder.data.as_deref())?;
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
