//! `callbox chat client`: where it connects, and what carries its lines there.
//!
//! | module | what it is for |
//! |---|---|
//! | [`address`] | a server as a user writes it |
//! | [`link`] | a connection to it, whatever lies between |
//! | [`profile`] | what flags and the configuration file ask for |
//! | `udp` | lines as bare datagrams |

pub mod address;
pub mod link;
pub mod profile;
mod udp;

use crate::cli::{ChatClientArgs, PersonArgs};
use crate::messages::{Console, Failure};
use address::Transport;
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
    Err(Failure::usage("the chat's client is not yet in this build"))
}

/// Runs `callbox chat`: joins the chat on this machine, and starts one before if there is none.
pub(super) fn join_or_start(_person: PersonArgs) -> Result<(), Failure> {
    Err(Failure::usage("the chat's client is not yet in this build; try `callbox chat server`"))
}
