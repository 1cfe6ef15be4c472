//! The table of options as clap knows it: for reading a command line, for the help, for completions and the manual.

use clap::{Arg, ArgAction, Command, value_parser};
use std::ffi::OsString;

use super::Flavour;
use super::table::{Origin, Row, Section, TABLE};

/// What is connected to: a host and a port, a path, or an address with a scheme.
pub(super) const OPERANDS: &str = "operands";

/// The command line of a flavour, under the name it was called by.
pub fn command(name: &'static str, flavour: Flavour) -> Command {
    let rows = TABLE.iter().filter(|row| !matches!(row.origin, Origin::Missing(_)));
    Command::new(name)
        .about("Connect to anything, listen for anyone, and move bytes between them")
        .long_about(
            "Connects to a host and a port, or listens there, and moves bytes between the connection, standard input and \
             standard output. A drop-in for ncat.\n\n\
             Times are in seconds, or end in ms, s, m or h. The port is 31337 if none is given.",
        )
        .override_usage(format!("{name} [OPTIONS] [HOST] [PORT]\n       {name} -l [OPTIONS] [ADDRESS] [PORT]"))
        .after_help(
            "HOST may be an address ws://HOST:PORT/PATH or wss://HOST:PORT/PATH too: WebSocket.\n\n\
             Exit status: 0 done; 1 the network said no (refused, reset, timed out, TLS failed); 2 the call was wrong \
             (usage, a name that does not resolve, an address that cannot be bound).",
        )
        .disable_help_flag(true)
        .disable_version_flag(true)
        .infer_long_args(true)
        .args_override_self(true)
        .max_term_width(100)
        .args(rows.enumerate().map(|(order, row)| argument(row, flavour, order)))
        .arg(
            Arg::new(OPERANDS)
                .help("The host and the port, the path (-U), or an address ws://… or wss://…")
                .value_name("HOST PORT")
                .value_parser(value_parser!(OsString))
                .num_args(0..)
                .hide(true),
        )
}

/// One row as clap knows it.
fn argument(row: &'static Row, flavour: Flavour, order: usize) -> Arg {
    let section = Section::ALL.iter().position(|section| *section == row.section).unwrap_or(0);
    let argument = Arg::new(row.long)
        .long(row.long)
        .aliases(row.abbreviations())
        .help(row.help)
        .help_heading(row.section.title())
        .display_order(section * TABLE.len() + order);
    let argument = match row.letter(flavour) {
        Some(letter) => argument.short(letter),
        None => argument,
    };
    match (row.value, row.repeats) {
        (None, true) => argument.action(ArgAction::Count),
        (None, false) => argument.action(ArgAction::SetTrue),
        (Some(name), repeats) => argument
            .value_name(name)
            .value_parser(value_parser!(OsString))
            .allow_hyphen_values(true)
            .action(if repeats { ArgAction::Append } else { ArgAction::Set }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flavour_has_a_sound_command_line() {
        for flavour in Flavour::ALL {
            command("nc", flavour).debug_assert();
        }
    }

    #[test]
    fn what_is_unique_in_ncat_is_not_ambiguous_for_options_it_has_not() {
        let words = ["nc", "--wai", "5", "--r", "--i", "6", "--sh", "true"];
        let read = command("nc", Flavour::Ncat).try_get_matches_from(words).expect("reads");
        assert_eq!(read.get_one::<OsString>("wait").expect("a value"), "5");
        assert_eq!(read.get_one::<OsString>("idle-timeout").expect("a value"), "6");
        assert!(read.get_flag("recv-only") && read.contains_id("sh-exec"));
    }

    #[test]
    fn options_may_follow_operands_be_clustered_and_cut_short() {
        let read = command("nc", Flavour::Ncat)
            .try_get_matches_from(["nc", "-lk", "localhost", "3000", "-vv", "-w5", "--append"])
            .expect("reads");
        let operands: Vec<_> = read.get_many::<OsString>(OPERANDS).expect("operands").collect();
        assert_eq!(operands, ["localhost", "3000"]);
        assert!(
            read.get_flag("listen") && read.get_flag("keep-open") && read.get_flag("append-output")
        );
        assert_eq!(read.get_count("verbose"), 2);
        assert_eq!(read.get_one::<OsString>("wait").expect("a value"), "5");
    }
}
