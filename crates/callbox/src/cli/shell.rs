//! `callbox completions` and `callbox manual`: what a shell and `man` know of the command line, from the same tables as
//! the help.

use std::io;

use clap::{Args, Command, CommandFactory, ValueEnum};
use clap_complete::Shell;

use callbox_netcat::options::{self, Flavour};

use super::Cli;

/// `callbox completions`.
#[derive(Clone, Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
    /// The command that is completed
    #[arg(default_value = "callbox")]
    pub command: Documented,
}

/// `callbox manual`.
#[derive(Clone, Debug, Args)]
pub struct ManualArgs {
    /// The command that is described
    #[arg(default_value = "callbox")]
    pub command: Documented,
}

/// The commands with a manual and completions of their own.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Documented {
    /// All of it
    Callbox,
    /// The netcat, called as callbox nc
    CallboxNc,
    /// The netcat under the name of nc
    Nc,
    /// The netcat under the name of ncat
    Ncat,
}

impl Documented {
    fn command(self) -> Command {
        match self {
            Self::Callbox => {
                Cli::command().mut_subcommand("nc", |_| options::command("nc", Flavour::Ncat))
            }
            Self::CallboxNc => options::command("callbox nc", Flavour::Ncat),
            Self::Nc => options::command("nc", Flavour::Ncat),
            Self::Ncat => options::command("ncat", Flavour::Ncat),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Callbox => "callbox",
            Self::CallboxNc => "callbox-nc",
            Self::Nc => "nc",
            Self::Ncat => "ncat",
        }
    }
}

/// The script by which a shell completes a command.
pub fn completions(args: &CompletionsArgs) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(
        args.shell,
        &mut args.command.command(),
        args.command.name(),
        &mut script,
    );
    script
}

/// The page for `man`, in roff.
///
/// # Errors
///
/// None that a vector has.
pub fn manual(args: &ManualArgs) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let title = args.command.name().to_uppercase();
    // Without a date: the page is compared in CI.
    clap_mangen::Man::new(args.command.command().disable_help_subcommand(true))
        .title(title)
        .date("")
        .render(&mut page)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use callbox_netcat::options::table::{Origin, TABLE};

    #[test]
    fn shells_and_man_know_each_option_of_nc() {
        let rows = || TABLE.iter().filter(|row| !matches!(row.origin, Origin::Missing(_)));
        for command in [Documented::Callbox, Documented::CallboxNc, Documented::Nc] {
            for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
                let script = completions(&CompletionsArgs { shell, command });
                let script = String::from_utf8(script).expect("text");
                for row in rows() {
                    // fish: `-l name`.
                    let known = script.contains(&format!("--{}", row.long))
                        || script.contains(&format!("-l {}", row.long));
                    assert!(known, "--{} is unknown to {shell} for {command:?}", row.long);
                }
            }
        }
        let page = manual(&ManualArgs { command: Documented::CallboxNc }).expect("a page");
        let page = String::from_utf8(page).expect("text").replace("\\*(Aq", "'").replace('\\', "");
        for row in rows() {
            assert!(page.contains(&format!("--{}", row.long)), "--{}", row.long);
            let letter = row.letter(Flavour::Ncat);
            assert!(letter.is_none_or(|letter| page.contains(&format!("-{letter}"))), "{letter:?}");
            let words: Vec<&str> = row.help.split([' ', '.', ',', ':']).collect();
            assert!(words.iter().all(|word| page.contains(word)), "{}", row.help);
        }
    }
}
