//! What a line of the person's means: text, or a command of the one table.

use std::fmt::Write;

use super::{Out, PlainDoor, text};

/// A `/command`.
pub(super) struct Command {
    /// Its name, without the slash.
    name: &'static str,
    /// What may follow, as `/help` shows it.
    usage: &'static str,
    /// What it does, as `/help` shows it.
    help: &'static str,
    run: fn(&mut PlainDoor, &str, &mut Out<'_>) -> Result<(), Misused>,
}

/// The command was not used as its usage says.
struct Misused;

/// All commands; `/help` is made of them.
pub(super) const TABLE: &[Command] = &[
    Command { name: "nick", usage: "NAME", help: "be called NAME", run: nick },
    Command { name: "names", usage: "", help: "see who is here", run: names },
    Command { name: "me", usage: "TEXT", help: "do something: * NAME TEXT", run: me },
    Command { name: "msg", usage: "NAME TEXT", help: "say TEXT to NAME alone", run: msg },
    Command { name: "quit", usage: "[TEXT]", help: "leave, saying TEXT", run: quit },
    Command { name: "help", usage: "", help: "see this", run: help },
];

/// The longest name that a command takes, in bytes: longer than any name that there is, and short enough that it
/// leaves most of a line to the text.
const MAX_NAME: usize = 128;

/// Bytes of an unknown command that are shown again.
const SHOWN: usize = 40;

/// What a line means.
enum Meant<'a> {
    Say(&'a str),
    Do(&'static Command, &'a str),
    /// There is no command of this name.
    Unknown(&'a str),
}

impl PlainDoor {
    /// Does what a cleaned line means.
    pub(super) fn obey(&mut self, line: &str, out: &mut Out<'_>) {
        match meaning(line) {
            Meant::Say(text) => self.say_in_lobby(text, out),
            Meant::Do(command, rest) => {
                if let Err(Misused) = (command.run)(self, rest, out) {
                    let Command { name, usage, help, .. } = command;
                    self.tell(out, &format!("* it is /{name} {usage}: {help}"));
                }
            }
            Meant::Unknown(name) => {
                let name = &name[..name.floor_char_boundary(SHOWN)];
                self.tell(
                    out,
                    &format!(
                        "* there is no /{name}: nothing was said; /help lists what there is, and //TEXT says /TEXT"
                    ),
                );
            }
        }
    }
}

/// Whether a cleaned line is a good-bye.
pub(super) fn is_good_bye(line: &str) -> bool {
    matches!(meaning(line), Meant::Do(command, _) if command.name == "quit")
}

fn meaning(line: &str) -> Meant<'_> {
    let Some(command) = line.strip_prefix('/') else { return Meant::Say(line) };
    if command.starts_with('/') {
        return Meant::Say(command);
    }
    let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
    match TABLE.iter().find(|command| command.name.eq_ignore_ascii_case(name)) {
        Some(command) => Meant::Do(command, rest.trim()),
        None => Meant::Unknown(name),
    }
}

fn nick(door: &mut PlainDoor, name: &str, out: &mut Out<'_>) -> Result<(), Misused> {
    let name = checked(name)?;
    // To which the hub says nothing.
    if name == door.nick() {
        door.tell(out, &format!("* you are {name} already"));
    } else {
        door.ask_for_name(name, out.hub);
    }
    Ok(())
}

fn names(door: &mut PlainDoor, _: &str, out: &mut Out<'_>) -> Result<(), Misused> {
    door.ask_for_names(out.hub);
    Ok(())
}

fn me(door: &mut PlainDoor, text: &str, out: &mut Out<'_>) -> Result<(), Misused> {
    if text.is_empty() {
        return Err(Misused);
    }
    door.act_in_lobby(text, out);
    Ok(())
}

fn msg(door: &mut PlainDoor, rest: &str, out: &mut Out<'_>) -> Result<(), Misused> {
    let (name, text) = rest.split_once(' ').ok_or(Misused)?;
    let text = text.trim_start();
    if text.is_empty() {
        return Err(Misused);
    }
    door.message(checked(name)?, "", text, "", out.hub);
    Ok(())
}

fn quit(door: &mut PlainDoor, text: &str, out: &mut Out<'_>) -> Result<(), Misused> {
    door.quit(text, out.hub);
    Ok(())
}

fn help(door: &mut PlainDoor, _: &str, out: &mut Out<'_>) -> Result<(), Misused> {
    let head = format!("* what you write is said in {}, but for these:", door.lobby);
    door.tell(out, &head);
    for Command { name, usage, help, .. } in TABLE {
        let mut line = String::new();
        // Writing to a string does not fail.
        let _ = write!(line, "*   {:<16} {help}", format!("/{name} {usage}").trim_end());
        text::show(&line, out.person);
    }
    text::show("*   //TEXT           say /TEXT", out.person);
    Ok(())
}

/// `name`, if it can be one: it is one word, which stays a parameter of its own.
fn checked(name: &str) -> Result<&str, Misused> {
    let can_be = !name.is_empty()
        && name.len() <= MAX_NAME
        && !name.starts_with(':')
        && !name.contains([' ', ',']);
    can_be.then_some(name).ok_or(Misused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_each_command_once_in_small_letters() {
        for (index, command) in TABLE.iter().enumerate() {
            assert!(command.name.bytes().all(|byte| byte.is_ascii_lowercase()));
            assert!(TABLE[..index].iter().all(|other| other.name != command.name));
            assert!(!command.help.is_empty());
        }
    }

    #[test]
    fn what_begins_with_a_slash_is_a_command_unless_the_slash_is_doubled() {
        assert!(matches!(meaning("hello /help"), Meant::Say("hello /help")));
        assert!(matches!(meaning(" /help"), Meant::Say(" /help")));
        assert!(matches!(meaning("//help me"), Meant::Say("/help me")));
        assert!(matches!(meaning("/HELP"), Meant::Do(Command { name: "help", .. }, "")));
        assert!(matches!(meaning("/me  waves "), Meant::Do(Command { name: "me", .. }, "waves")));
        assert!(matches!(meaning("/etc/passwd is a file"), Meant::Unknown("etc/passwd")));
        assert!(matches!(meaning("/"), Meant::Unknown("")));
        assert!(is_good_bye("/Quit") && is_good_bye("/quit until then"));
        assert!(!is_good_bye("//quit") && !is_good_bye("quit") && !is_good_bye("/quite"));
    }
}
