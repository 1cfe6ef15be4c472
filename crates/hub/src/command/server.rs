//! Questions about the server: ADMIN, HELP, INFO, LINKS, LUSERS, MOTD, STATS, TIME, VERSION.

use callbox_irc::message::Message;
use callbox_irc::numeric as n;
use callbox_irc::stamp;

use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;
use crate::welcome::VERSION;

/// ADMIN.
pub(crate) fn admin(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    turn.is_for_me(message.params.first())?;
    let server = turn.hub.config.server_name.clone();
    let lines = turn.hub.config.admin.clone();
    turn.numeric(n::RPL_ADMINME, &[&server], "Administrative info");
    let numerics = [n::RPL_ADMINLOC1, n::RPL_ADMINLOC2, n::RPL_ADMINEMAIL];
    // Clients wait for all three.
    let lines = lines.iter().map(|line| &**line).chain(std::iter::repeat("not given"));
    for (numeric, line) in numerics.into_iter().zip(lines) {
        turn.numeric(numeric, &[], line);
    }
    Ok(())
}

/// HELP.
pub(crate) fn help(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let subject = message.params.first().copied().unwrap_or_default();
    if subject.is_empty() {
        turn.numeric(n::RPL_HELPSTART, &["*"], "HELP <command> explains one of these");
        let names: Vec<&str> = super::TABLE.iter().map(|command| command.name).collect();
        for line in names.chunks(8) {
            turn.numeric(n::RPL_HELPTXT, &["*"], &line.join(" "));
        }
        turn.numeric(n::RPL_ENDOFHELP, &["*"], "End of HELP");
        return Ok(());
    }
    let Some(command) = super::find(subject) else {
        let text = "There is no help for this";
        // What cannot stand before the text is shown as `*`, says the specification.
        let fits = !subject.contains(' ') && !subject.starts_with(':');
        let shown = if fits { subject } else { "*" };
        return Err(Refusal::told(n::ERR_HELPNOTFOUND, &[shown], text));
    };
    let (usage, rest) = command.help.split_first().unwrap_or((&"", &[]));
    turn.numeric(n::RPL_HELPSTART, &[subject], usage);
    // The specification wants an empty line after the title.
    for line in [""].iter().chain(rest) {
        turn.numeric(n::RPL_HELPTXT, &[subject], line);
    }
    turn.numeric(n::RPL_ENDOFHELP, &[subject], "End of HELP");
    Ok(())
}

/// INFO.
pub(crate) fn info(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    turn.is_for_me(message.params.first())?;
    let started = stamp::date_text(turn.hub.started);
    for line in [
        format!("{VERSION}, a chat with every door on one port"),
        turn.hub.config.description.to_string(),
        format!("Running since {started}"),
    ] {
        turn.numeric(n::RPL_INFO, &[], &line);
    }
    turn.numeric(n::RPL_ENDOFINFO, &[], n::RPL_ENDOFINFO.text);
    Ok(())
}

/// LINKS. The network is this server.
pub(crate) fn links(turn: &mut Turn<'_>, _message: &Message<'_>) -> Outcome {
    let server = turn.hub.config.server_name.clone();
    let text = format!("0 {}", turn.hub.config.description);
    turn.numeric(n::RPL_LINKS, &[&server, &server], &text);
    turn.numeric(n::RPL_ENDOFLINKS, &["*"], n::RPL_ENDOFLINKS.text);
    Ok(())
}

/// LUSERS.
pub(crate) fn lusers(turn: &mut Turn<'_>, _message: &Message<'_>) -> Outcome {
    turn.lusers();
    Ok(())
}

/// MOTD.
pub(crate) fn motd(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    turn.is_for_me(message.params.first())?;
    turn.motd();
    Ok(())
}

/// STATS.
pub(crate) fn stats(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let Some(query) = message.params.first().and_then(|query| query.chars().next()) else {
        return Err(Refusal::need_more_params("STATS"));
    };
    turn.is_for_me(message.params.get(1))?;
    let letter = query.to_string();
    match query {
        'u' => {
            let seconds = turn.now.wall.saturating_sub(turn.hub.started) / 1000;
            let (days, rest) = (seconds / 86_400, seconds % 86_400);
            let (hours, minutes, seconds) = (rest / 3600, rest % 3600 / 60, rest % 60);
            let text = format!("Server Up {days} days {hours}:{minutes:02}:{seconds:02}");
            turn.numeric(n::RPL_STATSUPTIME, &[], &text);
        }
        'm' => {
            for (command, count) in super::TABLE.iter().zip(turn.hub.usage.clone()) {
                if count > 0 {
                    turn.bare_numeric(n::RPL_STATSCOMMANDS, &[command.name, &count.to_string()]);
                }
            }
        }
        'o' | 'p' if turn.me().operator.is_none() => {
            return Err(Refusal::numeric(n::ERR_NOPRIVILEGES, &[]));
        }
        'o' => {
            let names: Vec<Box<str>> =
                turn.hub.config.operators.iter().map(|operator| operator.name.clone()).collect();
            for name in names {
                turn.bare_numeric(n::RPL_STATSOLINE, &["O", "*", "*", &name]);
            }
        }
        'p' => {
            let here: Vec<String> = turn
                .hub
                .clients
                .users()
                .filter(|(_, client)| client.operator.is_some())
                .map(|(_, client)| client.prefix.to_string())
                .collect();
            for prefix in here {
                turn.bare_numeric(n::RPL_STATSOLINE, &["P", "*", "*", &prefix]);
            }
        }
        _ => {}
    }
    turn.numeric(n::RPL_ENDOFSTATS, &[&letter], n::RPL_ENDOFSTATS.text);
    Ok(())
}

/// TIME.
pub(crate) fn time(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    turn.is_for_me(message.params.first())?;
    let server = turn.hub.config.server_name.clone();
    let wall = turn.now.wall;
    let seconds = (wall / 1000).to_string();
    turn.numeric(n::RPL_TIME, &[&server, &seconds, "0"], &stamp::date_text(wall));
    Ok(())
}

/// VERSION.
pub(crate) fn version(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    turn.is_for_me(message.params.first())?;
    let server = turn.hub.config.server_name.clone();
    let description = turn.hub.config.description.clone();
    turn.numeric(n::RPL_VERSION, &[VERSION, &server], &description);
    turn.isupport();
    Ok(())
}

impl Turn<'_> {
    /// Some questions name a server: this one by its name, by a mask, or by who is on it.
    pub(crate) fn is_for_me(&self, target: Option<&&str>) -> Outcome {
        let Some(target) = target else {
            return Ok(());
        };
        let folded = callbox_irc::fold::fold_text(target);
        let name = callbox_irc::fold::fold_text(&self.hub.config.server_name);
        if callbox_irc::mask::matches(&folded, &name)
            || self.hub.clients.user_named(target).is_some()
        {
            return Ok(());
        }
        Err(Refusal::numeric(n::ERR_NOSUCHSERVER, &[target]))
    }

    /// RPL_LUSERCLIENT and its companions.
    pub(crate) fn lusers(&mut self) {
        let clients = &self.hub.clients;
        let all = clients.user_count();
        let invisible = clients.invisible_count();
        let operators = clients.operator_count();
        let unknown = clients.len() - all;
        let most = clients.most_users().to_string();
        let channels = self.hub.channels.len().to_string();
        let visible = all - invisible;
        let all = all.to_string();
        let text = format!("There are {visible} users and {invisible} invisible on 1 servers");
        self.numeric(n::RPL_LUSERCLIENT, &[], &text);
        self.numeric(n::RPL_LUSEROP, &[&operators.to_string()], n::RPL_LUSEROP.text);
        self.numeric(n::RPL_LUSERUNKNOWN, &[&unknown.to_string()], n::RPL_LUSERUNKNOWN.text);
        self.numeric(n::RPL_LUSERCHANNELS, &[&channels], n::RPL_LUSERCHANNELS.text);
        self.numeric(n::RPL_LUSERME, &[], &format!("I have {all} clients and 0 servers"));
        let text = format!("Current local users {all}, max {most}");
        self.numeric(n::RPL_LOCALUSERS, &[&all, &most], &text);
        let text = format!("Current global users {all}, max {most}");
        self.numeric(n::RPL_GLOBALUSERS, &[&all, &most], &text);
    }

    /// The message of the day.
    pub(crate) fn motd(&mut self) {
        if self.hub.config.motd.is_empty() {
            self.numeric(n::ERR_NOMOTD, &[], n::ERR_NOMOTD.text);
            return;
        }
        let server = self.hub.config.server_name.clone();
        self.numeric(n::RPL_MOTDSTART, &[], &format!("- {server} Message of the day - "));
        for line in self.hub.config.motd.clone() {
            self.numeric(n::RPL_MOTD, &[], &line);
        }
        self.numeric(n::RPL_ENDOFMOTD, &[], n::RPL_ENDOFMOTD.text);
    }
}
