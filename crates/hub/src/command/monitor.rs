//! MONITOR (IRCv3): who comes and goes, without asking again and again.

use callbox_irc::build::text_room;
use callbox_irc::fold::Folded;
use callbox_irc::message::Message;
use callbox_irc::names::Nick;
use callbox_irc::numeric::{
    ERR_MONLISTFULL, Numeric, RPL_ENDOFMONLIST, RPL_MONLIST, RPL_MONOFFLINE, RPL_MONONLINE,
};

use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

/// MONITOR.
pub(crate) fn monitor(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let targets = message.params.get(1).copied().unwrap_or_default();
    let targets: Vec<&str> = targets.split(',').filter(|name| !name.is_empty()).collect();
    match message.params[0] {
        "+" | "-" if targets.is_empty() => Err(Refusal::need_more_params("MONITOR")),
        "+" => turn.watch(&targets),
        "-" => {
            for name in targets {
                turn.unwatch(&Folded::new(name));
            }
            Ok(())
        }
        "C" | "c" => {
            turn.forget_monitoring();
            Ok(())
        }
        "L" | "l" => {
            let names: Vec<String> =
                turn.me().monitoring.values().map(ToString::to_string).collect();
            turn.monitor_lines(RPL_MONLIST, &[], &names, "");
            turn.numeric(RPL_ENDOFMONLIST, &[], RPL_ENDOFMONLIST.text);
            Ok(())
        }
        "S" | "s" => {
            let names: Vec<Box<str>> = turn.me().monitoring.values().cloned().collect();
            turn.presence(&names);
            Ok(())
        }
        _ => Ok(()),
    }
}

impl Turn<'_> {
    fn watch(&mut self, names: &[&str]) -> Outcome {
        let limits = &self.hub.config.limits;
        let (most, longest) = (limits.monitor, limits.nick);
        let me = self.me;
        let mut asked: Vec<Box<str>> = Vec::new();
        let mut full = Vec::new();
        for name in names {
            // Masks and the like are nobody's name, and nobody could ever be told of them.
            let Ok(nick) = Nick::parse(name, longest) else {
                continue;
            };
            if !self.me().monitoring.contains_key(nick.key()) {
                if self.me().monitoring.len() >= most {
                    full.push(name.to_string());
                    continue;
                }
                let key = nick.key().clone();
                self.me_mut().monitoring.insert(key.clone(), (*name).into());
                self.hub.monitors.entry(key).or_default().push(me);
            }
            asked.push((*name).into());
        }
        self.presence(&asked);
        self.monitor_lines(ERR_MONLISTFULL, &[&most.to_string()], &full, ERR_MONLISTFULL.text);
        Ok(())
    }

    fn unwatch(&mut self, name: &Folded) {
        let me = self.me;
        if self.me_mut().monitoring.remove(name).is_none() {
            return;
        }
        if let Some(watchers) = self.hub.monitors.get_mut(name) {
            watchers.retain(|watcher| *watcher != me);
            if watchers.is_empty() {
                self.hub.monitors.remove(name);
            }
        }
    }

    /// RPL_MONONLINE and RPL_MONOFFLINE for these.
    fn presence(&mut self, names: &[Box<str>]) {
        let (mut online, mut offline) = (Vec::new(), Vec::new());
        let mut users = Vec::new();
        for name in names {
            match self.hub.clients.user_named(name) {
                Some(id) => {
                    users.push(id);
                    online.push(self.client(id).prefix.to_string());
                }
                None => offline.push(name.to_string()),
            }
        }
        self.monitor_lines(RPL_MONONLINE, &[], &online, "");
        self.monitor_lines(RPL_MONOFFLINE, &[], &offline, "");
        for user in users {
            self.send_watched_metadata(self.me, user);
        }
    }

    /// `names`, joined by commas, in as many lines as it takes: as the last parameter, or before `text` if there is one.
    fn monitor_lines(&mut self, numeric: Numeric, before: &[&str], names: &[String], text: &str) {
        let server = &self.hub.config.server_name;
        let params: Vec<&str> =
            [self.me().name()].into_iter().chain(before.iter().copied()).collect();
        let room = text_room(server, numeric.code_text(), &params).saturating_sub(text.len() + 2);
        let mut lines: Vec<String> = Vec::new();
        for name in names {
            match lines.last_mut() {
                Some(line) if line.len() + 1 + name.len() <= room => {
                    line.push(',');
                    line.push_str(name);
                }
                _ => lines.push(name.clone()),
            }
        }
        for line in lines {
            self.numeric_line(numeric, |out| {
                let out = out.params(before.iter().copied());
                if text.is_empty() { out.text(&line) } else { out.param(&line).text(text) }
            });
        }
    }
}
