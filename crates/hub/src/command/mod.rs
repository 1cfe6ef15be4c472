//! The commands: one table, and a file for each or for a few that belong together.

use callbox_irc::message::Message;

use crate::refusal::Outcome;
use crate::turn::Turn;

pub(crate) mod away;
pub(crate) mod batch;
pub(crate) mod cap;
pub(crate) mod channel_mode;
pub(crate) mod chathistory;
pub(crate) mod connection;
pub(crate) mod invite;
pub(crate) mod join;
pub(crate) mod kick;
pub(crate) mod list;
pub(crate) mod markread;
pub(crate) mod message;
pub(crate) mod metadata;
pub(crate) mod mode;
pub(crate) mod monitor;
pub(crate) mod names;
pub(crate) mod nick;
pub(crate) mod operator;
pub(crate) mod part;
pub(crate) mod query;
pub(crate) mod redact;
pub(crate) mod register;
pub(crate) mod rename;
pub(crate) mod sasl;
pub(crate) mod server;
pub(crate) mod setname;
pub(crate) mod topic;
pub(crate) mod user;
pub(crate) mod who;
pub(crate) mod whois;

/// A command.
pub(crate) struct Command {
    /// As it is said, in capitals.
    pub(crate) name: &'static str,
    /// How many parameters it needs at least; with fewer the reply is ERR_NEEDMOREPARAMS.
    pub(crate) parameters: usize,
    pub(crate) when: When,
    /// Whether only operators may say it.
    pub(crate) operators: bool,
    pub(crate) run: fn(&mut Turn<'_>, &Message<'_>) -> Outcome,
    /// How it is used and what it does, for HELP.
    pub(crate) help: &'static [&'static str],
}

/// When a command may be said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum When {
    /// Also before registration is complete.
    Always,
    /// By users only; before, the reply is ERR_NOTREGISTERED.
    Registered,
}

/// The command with this name, in any case of its letters.
pub(crate) fn find(name: &str) -> Option<&'static Command> {
    place(name).map(|place| &TABLE[place])
}

/// Where it stands in the table.
pub(crate) fn place(name: &str) -> Option<usize> {
    /// No command is longer.
    const LONGEST: usize = 16;
    let mut upper = [0; LONGEST];
    let upper = upper.get_mut(..name.len())?;
    upper.copy_from_slice(name.as_bytes());
    upper.make_ascii_uppercase();
    TABLE.binary_search_by(|command| command.name.as_bytes().cmp(upper)).ok()
}

/// A row for a command that users say.
const fn user(
    name: &'static str,
    parameters: usize,
    run: fn(&mut Turn<'_>, &Message<'_>) -> Outcome,
    help: &'static [&'static str],
) -> Command {
    Command { name, parameters, when: When::Registered, operators: false, run, help }
}

/// A row for a command that may be said at any time.
const fn always(
    name: &'static str,
    parameters: usize,
    run: fn(&mut Turn<'_>, &Message<'_>) -> Outcome,
    help: &'static [&'static str],
) -> Command {
    Command { name, parameters, when: When::Always, operators: false, run, help }
}

/// A row for a command of operators.
const fn operator(
    name: &'static str,
    parameters: usize,
    run: fn(&mut Turn<'_>, &Message<'_>) -> Outcome,
    help: &'static [&'static str],
) -> Command {
    Command { name, parameters, when: When::Registered, operators: true, run, help }
}

/// Every command, in the order of the names.
pub(crate) const TABLE: &[Command] = &[
    user("ADMIN", 0, server::admin, &["ADMIN", "Says who runs this server."]),
    always(
        "AUTHENTICATE",
        1,
        sasl::authenticate,
        &["AUTHENTICATE <mechanism|data|*>", "Logs in by SASL. Clients do it by themselves."],
    ),
    always("AWAY", 0, away::away, &["AWAY [text]", "Says that you are away, or back."]),
    user(
        "BATCH",
        1,
        batch::batch,
        &["BATCH <+|-reference> [type target]", "Begins or ends a message of several lines."],
    ),
    always(
        "CAP",
        1,
        cap::cap,
        &["CAP <LS|LIST|REQ|END> [...]", "Negotiates capabilities. Clients do it by themselves."],
    ),
    user(
        "CHATHISTORY",
        0,
        chathistory::chathistory,
        &[
            "CHATHISTORY <LATEST|BEFORE|AFTER|AROUND|BETWEEN|TARGETS> ...",
            "Shows what was said before.",
        ],
    ),
    user("HELP", 0, server::help, &["HELP [command]", "Explains a command, or lists all of them."]),
    user("INFO", 0, server::info, &["INFO", "Says what this server is."]),
    user(
        "INVITE",
        0,
        invite::invite,
        &[
            "INVITE <nickname> <#channel>",
            "Invites somebody into a channel. Alone it lists your invitations.",
        ],
    ),
    user("ISON", 1, query::ison, &["ISON <nickname> ...", "Says who of them is here."]),
    user(
        "JOIN",
        1,
        join::join,
        &["JOIN <#channel>[,...] [key[,...]]", "Enters channels, which are made if they are new."],
    ),
    user(
        "KICK",
        2,
        kick::kick,
        &["KICK <#channel> <nickname>[,...] [reason]", "Puts somebody out of a channel."],
    ),
    operator(
        "KILL",
        2,
        operator::kill,
        &["KILL <nickname> <reason>", "Disconnects somebody. For operators."],
    ),
    user("LINKS", 0, server::links, &["LINKS", "Names the servers of the network: this one."]),
    user(
        "LIST",
        0,
        list::list,
        &[
            "LIST [#channel,... | conditions]",
            "Lists channels. Conditions: >N and <N users, C<N and C>N minutes old, T<N and T>N minutes since the topic changed, masks, !masks.",
        ],
    ),
    user("LUSERS", 0, server::lusers, &["LUSERS", "Counts who is here."]),
    user(
        "MARKREAD",
        0,
        markread::markread,
        &["MARKREAD <target> [timestamp=...]", "Says how far you have read, or asks."],
    ),
    always(
        "METADATA",
        2,
        metadata::metadata,
        &[
            "METADATA <target> <GET|LIST|SET|CLEAR|SUB|UNSUB|SUBS|SYNC> ...",
            "Keeps small facts about users and channels.",
        ],
    ),
    user(
        "MODE",
        1,
        mode::mode,
        &["MODE <#channel|nickname> [changes [parameters]]", "Shows or changes modes."],
    ),
    user(
        "MONITOR",
        1,
        monitor::monitor,
        &["MONITOR <+|-|C|L|S> [nickname,...]", "Watches who comes and goes."],
    ),
    user("MOTD", 0, server::motd, &["MOTD", "Shows the message of the day."]),
    user("NAMES", 0, names::names, &["NAMES <#channel>[,...]", "Says who is in a channel."]),
    always("NICK", 0, nick::nick, &["NICK <nickname>", "Takes a nickname."]),
    user(
        "NOTICE",
        0,
        message::notice,
        &["NOTICE <target>[,...] <text>", "Says something that no program answers."],
    ),
    user("OPER", 2, operator::oper, &["OPER <name> <password>", "Makes you an operator."]),
    user("PART", 1, part::part, &["PART <#channel>[,...] [text]", "Leaves channels."]),
    always(
        "PASS",
        1,
        connection::pass,
        &["PASS <password>", "Gives the server's password, before registration."],
    ),
    always("PING", 1, connection::ping, &["PING <text>", "Is answered by PONG."]),
    always("PONG", 0, connection::pong, &["PONG <text>", "Answers PING."]),
    user(
        "PRIVMSG",
        0,
        message::privmsg,
        &["PRIVMSG <target>[,...] <text>", "Says something to a user or a channel."],
    ),
    always("QUIT", 0, connection::quit, &["QUIT [text]", "Leaves."]),
    user(
        "REDACT",
        2,
        redact::redact,
        &["REDACT <target> <msgid> [reason]", "Takes a message back."],
    ),
    always(
        "REGISTER",
        3,
        register::register,
        &["REGISTER <account|*> <email|*> <password>", "Makes an account."],
    ),
    operator(
        "REHASH",
        0,
        operator::rehash,
        &["REHASH", "Reads the configuration again. For operators."],
    ),
    user(
        "RENAME",
        2,
        rename::rename,
        &["RENAME <#old> <#new> [reason]", "Gives a channel another name."],
    ),
    user("SETNAME", 1, setname::setname, &["SETNAME <real name>", "Changes your real name."]),
    user(
        "STATS",
        0,
        server::stats,
        &[
            "STATS <query>",
            "Says how the server does: u uptime, m how often each command was said, o operators, p who of them is here.",
        ],
    ),
    user(
        "TAGMSG",
        0,
        message::tagmsg,
        &["TAGMSG <target>[,...]", "Sends tags without text, as typing notices and reactions are."],
    ),
    user("TIME", 0, server::time, &["TIME", "Says what time it is here."]),
    user(
        "TOPIC",
        1,
        topic::topic,
        &["TOPIC <#channel> [text]", "Shows or sets a channel's topic."],
    ),
    always(
        "USER",
        4,
        user::user,
        &["USER <name> 0 * <real name>", "Says who you are, before registration."],
    ),
    user(
        "USERHOST",
        1,
        query::userhost,
        &["USERHOST <nickname> ...", "Shows the hosts of up to five users."],
    ),
    always(
        "VERIFY",
        2,
        register::verify,
        &["VERIFY <account> <code>", "Completes a registration that needs a code."],
    ),
    user("VERSION", 0, server::version, &["VERSION", "Says which program and version this is."]),
    operator(
        "WALLOPS",
        1,
        operator::wallops,
        &["WALLOPS <text>", "Says something to all who have the mode w. For operators."],
    ),
    user("WHO", 0, who::who, &["WHO [mask] [o|%fields]", "Lists users."]),
    user("WHOIS", 0, whois::whois, &["WHOIS <nickname>", "Says who somebody is."]),
    user("WHOWAS", 0, whois::whowas, &["WHOWAS <nickname> [count]", "Says who somebody was."]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_each_row_is_found_in_any_case() {
        assert!(TABLE.is_sorted_by(|a, b| a.name < b.name));
        for command in TABLE {
            assert!(find(command.name).is_some_and(|found| found.name == command.name));
            assert!(find(&command.name.to_lowercase()).is_some());
        }
        assert!(find("NOSUCHCOMMANDATALLANDTOOLONG").is_none());
        assert!(find("").is_none());
    }

    #[test]
    fn every_command_says_how_it_is_used() {
        for command in TABLE {
            let [usage, ..] = command.help else { panic!("{} has no help", command.name) };
            assert!(usage.starts_with(command.name), "{usage}");
            assert!(command.help.len() >= 2, "{}", command.name);
        }
    }
}
