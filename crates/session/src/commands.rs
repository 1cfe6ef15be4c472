//! The one table of commands that are typed: `/join`, `/me`, `/help`, ….
//!
//! Dispatch, completion and `/help` come from it.

mod accounts;
mod moderation;
mod queries;
mod rooms;
mod screen;
mod speech;

use crate::contract::Now;
use crate::registration::Stage;
use crate::room::{Kind, Presence, Room, RoomId};
use crate::session::{Manner, Refusal, Session};

/// A row of the table.
#[derive(Debug)]
pub struct Command {
    /// Its name, without `/`.
    pub name: &'static str,
    /// Other names of it.
    pub aliases: &'static [&'static str],
    /// What follows the name: `#room [key]`.
    pub usage: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
    /// What its first parameter is, for completion.
    pub completes: Completes,
    run: Run,
}

/// Does it: in a room, with what followed the name.
type Run = fn(&mut Session, RoomId, &str, Now) -> Result<Option<Ask>, Refusal>;

/// What the first parameter of a command is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Completes {
    /// Nothing that could be completed.
    Nothing,
    /// Somebody's name.
    Nick,
    /// A room.
    Room,
    /// A command.
    Command,
}

/// What a command wants of the screen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ask {
    /// Show this room.
    Show(RoomId),
    /// Show the help on a command, or all.
    Help(Option<&'static str>),
    /// Look for these words in what is loaded.
    Search(Box<str>),
    /// Show nothing of what came before now in this room.
    Clear,
    /// Show the keys.
    Keys,
    /// Answer, edit, take back or react: the screen knows which line is meant. The words are those that followed.
    ToLine(LineWish, Box<str>),
}

/// What is done to a line that the screen has to name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LineWish {
    /// Answer it.
    Reply,
    /// React to it.
    React,
    /// Take it back.
    Redact,
    /// Replace its text.
    Edit,
    /// Send the own line that failed last again.
    SendAgain,
}

/// The table, by name.
pub static TABLE: &[Command] = &[
    row(
        "away",
        &[],
        "[words]",
        "Tells others that you are away",
        Completes::Nothing,
        queries::away,
    ),
    row("back", &[], "", "Tells others that you are back", Completes::Nothing, queries::back),
    row(
        "ban",
        &[],
        "[nick|mask]",
        "Bans somebody from the room, or lists its bans",
        Completes::Nick,
        moderation::ban,
    ),
    row("clear", &[], "", "Hides what was said so far", Completes::Nothing, screen::clear),
    row(
        "close",
        &["wc"],
        "",
        "Leaves the room and takes it off the list",
        Completes::Nothing,
        rooms::close,
    ),
    row("deop", &[], "nick ...", "Takes operator from somebody", Completes::Nick, moderation::deop),
    row(
        "devoice",
        &[],
        "nick ...",
        "Takes voice from somebody",
        Completes::Nick,
        moderation::devoice,
    ),
    row("edit", &[], "text", "Replaces the text of your line", Completes::Nothing, screen::edit),
    row("help", &["?"], "[command]", "Explains the commands", Completes::Command, screen::help),
    row(
        "ignore",
        &[],
        "[nick]",
        "Shows nothing more of what somebody says, or lists who that is",
        Completes::Nick,
        accounts::ignore,
    ),
    row(
        "invite",
        &[],
        "nick [#room]",
        "Invites somebody into a room",
        Completes::Nick,
        moderation::invite,
    ),
    row("join", &["j"], "#room [key]", "Goes into a room", Completes::Room, rooms::join),
    row("keys", &[], "", "Shows the keys", Completes::Nothing, screen::keys),
    row(
        "kick",
        &[],
        "nick [reason]",
        "Puts somebody out of the room",
        Completes::Nick,
        moderation::kick,
    ),
    row("list", &[], "[conditions]", "Lists the server's rooms", Completes::Nothing, queries::list),
    row(
        "login",
        &[],
        "[account] password",
        "Logs in to your account",
        Completes::Nothing,
        accounts::login,
    ),
    row("me", &[], "text", "Says what you are doing", Completes::Nothing, speech::me),
    row(
        "mode",
        &[],
        "[#room|nick] [changes]",
        "Shows or changes modes",
        Completes::Room,
        moderation::mode,
    ),
    row("msg", &["m"], "nick|#room text", "Says something elsewhere", Completes::Nick, speech::msg),
    row("names", &[], "[#room]", "Says who is in the room", Completes::Room, queries::names),
    row("nick", &[], "name", "Takes another name", Completes::Nothing, accounts::nick),
    row(
        "notice",
        &[],
        "nick|#room text",
        "Says something that no program answers",
        Completes::Nick,
        speech::notice,
    ),
    row("op", &[], "nick ...", "Makes somebody an operator", Completes::Nick, moderation::op),
    row(
        "part",
        &["leave"],
        "[#room] [words]",
        "Leaves a room, which stays to be read",
        Completes::Room,
        rooms::part,
    ),
    row(
        "query",
        &["q"],
        "nick [text]",
        "Opens the conversation with somebody",
        Completes::Nick,
        speech::query,
    ),
    row("quit", &["exit"], "[words]", "Leaves the chat", Completes::Nothing, rooms::quit),
    row(
        "raw",
        &["quote"],
        "line",
        "Sends a line to the server as it stands",
        Completes::Nothing,
        queries::raw,
    ),
    row("react", &[], "emoji", "Reacts to a line", Completes::Nothing, screen::react),
    row("reconnect", &[], "", "Connects anew, at once", Completes::Nothing, rooms::reconnect),
    row("redact", &["delete"], "[reason]", "Takes a line back", Completes::Nothing, screen::redact),
    row(
        "register",
        &[],
        "password [email]",
        "Makes an account of your name",
        Completes::Nothing,
        accounts::register,
    ),
    row("reply", &[], "text", "Answers a line", Completes::Nothing, screen::reply),
    row("resend", &[], "", "Sends a line that failed again", Completes::Nothing, screen::resend),
    row(
        "say",
        &[],
        "text",
        "Says something, even if it begins with /",
        Completes::Nothing,
        speech::say,
    ),
    row("search", &["find"], "words", "Looks for words", Completes::Nothing, screen::search),
    row(
        "topic",
        &[],
        "[text]",
        "Shows or sets the room's topic",
        Completes::Nothing,
        queries::topic,
    ),
    row("unban", &[], "mask", "Lifts a ban", Completes::Nothing, moderation::unban),
    row(
        "unignore",
        &[],
        "nick",
        "Shows again what somebody says",
        Completes::Nick,
        accounts::unignore,
    ),
    row(
        "verify",
        &[],
        "account code",
        "Completes an account, with the code that was sent to you",
        Completes::Nothing,
        accounts::verify,
    ),
    row("voice", &[], "nick ...", "Gives somebody voice", Completes::Nick, moderation::voice),
    row("whois", &["wi"], "[nick]", "Says who somebody is", Completes::Nick, queries::whois),
];

const fn row(
    name: &'static str,
    aliases: &'static [&'static str],
    usage: &'static str,
    help: &'static str,
    completes: Completes,
    run: Run,
) -> Command {
    Command { name, aliases, usage, help, completes, run }
}

/// The row of a name, in any case.
pub fn find(name: &str) -> Option<&'static Command> {
    let is_it = |other: &str| other.eq_ignore_ascii_case(name);
    TABLE.iter().find(|row| is_it(row.name) || row.aliases.iter().any(|alias| is_it(alias)))
}

impl Session {
    /// Does what a line that begins with `/` says, or says what does not, in a room. What is the screen's matter is
    /// returned.
    ///
    /// What begins with `//`, or with a path such as `/etc/hosts`, is said.
    pub fn command(&mut self, room: RoomId, line: &str, now: Now) -> Result<Option<Ask>, Refusal> {
        let Some(typed) = line.strip_prefix('/') else {
            return self.say(room, line, &Manner::default(), now).map(|_| None);
        };
        let (name, rest) = word(typed);
        if name.is_empty() || name.contains('/') {
            let said = if typed.starts_with('/') { typed } else { line };
            return self.say(room, said, &Manner::default(), now).map(|_| None);
        }
        let Some(command) = find(name) else {
            return Err(Refusal(format!("there is no /{name}; /help lists what there is")));
        };
        (command.run)(self, room, rest, now)
    }

    /// Fails unless the server hears us.
    fn need_online(&self) -> Result<(), Refusal> {
        match self.registration.stage {
            Stage::In => Ok(()),
            _ => Err(Refusal::new("there is no connection to the server now")),
        }
    }

    /// The channel in which a command was typed, in which we are.
    fn need_channel(&self, room: RoomId) -> Result<&Room, Refusal> {
        self.need_online()?;
        match self.room(room) {
            Some(room) if room.kind == Kind::Channel && room.presence == Presence::In => Ok(room),
            _ => Err(only_in_channels()),
        }
    }
}

/// The first word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (text, ""),
    }
}

/// Fails with how a command is used, if there is nothing after its name.
fn need<'t>(text: &'t str, name: &str) -> Result<&'t str, Refusal> {
    match text.trim() {
        "" => Err(usage(name)),
        _ => Ok(text),
    }
}

fn only_in_channels() -> Refusal {
    Refusal::new("this works in a room that you have joined")
}

/// How a command is used.
fn usage(name: &str) -> Refusal {
    let usage = find(name).map_or("", |command| command.usage);
    Refusal(format!("usage: /{name} {usage}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_no_name_stands_twice() {
        assert!(TABLE.is_sorted_by(|a, b| a.name < b.name));
        let aliases = TABLE.iter().flat_map(|row| row.aliases.iter());
        let mut names: Vec<_> = TABLE.iter().map(|row| &row.name).chain(aliases).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| !name.contains(|c: char| c.is_uppercase() || c == '/')));
    }

    #[test]
    fn each_row_says_what_it_does_in_one_short_line() {
        for row in TABLE {
            assert!(row.help.len() <= 70 && row.usage.len() <= 24, "{}", row.name);
            assert!(row.help.starts_with(char::is_uppercase), "{}", row.name);
            assert!(!row.help.ends_with('.') && !row.help.contains('\n'), "{}", row.name);
        }
    }

    #[test]
    fn a_command_is_found_by_any_of_its_names() {
        assert!(find("J").is_some_and(|row| row.name == "join"));
        assert!(find("quote").is_some_and(|row| row.name == "raw"));
        assert!(find("").is_none() && find("jo").is_none());
    }
}
