//! The modes of channels: shown, listed and changed.
//!
//! Who may change what: an operator everything; a half-operator everything but who is operator and half-operator;
//! everybody may give up a rank of their own. Operators of the server may not more than others, but in the lobby
//! they come in as its operators.

use callbox_irc::build::{Line, text_room};
use callbox_irc::fold;
use callbox_irc::mask;
use callbox_irc::modes::{
    self, ChannelMode, ListMode, Membership, ModeChange, ModeError, ModeString,
};
use callbox_irc::names::Key;
use callbox_irc::numeric::{self as n, Numeric};

use crate::channel::{ChannelId, ListEntry};
use crate::command::user::cut;
use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

/// As much as is said of an argument that was wrong.
const SHOWN_MAX: usize = 64;

impl Turn<'_> {
    /// MODE of `channel`: `params` are the mode string and its arguments, if there are any.
    pub(crate) fn channel_mode(&mut self, channel: ChannelId, params: &[&str]) -> Outcome {
        if params.is_empty() {
            return self.show_modes(channel);
        }
        let mut made = Changes::new(self.channel(channel).mode_words(true));
        let mut with_argument = 0;
        let mut told: Vec<Refusal> = Vec::new();
        for change in modes::parse_channel_modes(params) {
            let outcome = match change {
                Ok(change) => match change.query() {
                    Some(list) => self.show_list(channel, list),
                    None => {
                        with_argument += usize::from(change.argument.is_some());
                        if with_argument > self.hub.config.limits.modes {
                            break;
                        }
                        self.change_mode(channel, &change, &mut made)
                    }
                },
                Err(error) => Err(self.wrong_mode(channel, error)),
            };
            // The same thing once, however many letters it is wrong with.
            if let Err(refusal) = outcome
                && !told.contains(&refusal)
            {
                self.refuse(&refusal);
                told.push(refusal);
            }
        }
        self.announce_modes(channel, &made);
        Ok(())
    }

    /// RPL_CHANNELMODEIS and RPL_CREATIONTIME. The key is for members.
    fn show_modes(&mut self, channel: ChannelId) -> Outcome {
        let inside = self.my_membership(channel).is_some();
        let room = self.channel(channel);
        let name = room.name.as_str().to_owned();
        if !self.sees_channel(channel) {
            return Err(Refusal::not_on_channel(&name));
        }
        let words = room.mode_words(inside);
        let created = room.created / 1000;
        self.numeric_line(n::RPL_CHANNELMODEIS, |line| {
            line.param(&name).params(words.iter().map(String::as_str))
        });
        self.numeric_line(n::RPL_CREATIONTIME, |line| line.param(&name).number(created));
        Ok(())
    }

    /// The entries of a list, and its end. Bans are for members; the other lists, which may say more of people than they
    /// like, for those who may change them.
    fn show_list(&mut self, channel: ChannelId, list: ListMode) -> Outcome {
        let room = self.channel(channel);
        let name = room.name.as_str().to_owned();
        let Some(mine) = self.my_membership(channel) else {
            return Err(Refusal::not_on_channel(&name));
        };
        if list != ListMode::Ban && !mine.is_at_least(Membership::HALFOP) {
            return Err(Refusal::not_channel_operator(&name));
        }
        let (entry_numeric, end): (Numeric, Numeric) = match list {
            ListMode::Ban => (n::RPL_BANLIST, n::RPL_ENDOFBANLIST),
            ListMode::Except => (n::RPL_EXCEPTLIST, n::RPL_ENDOFEXCEPTLIST),
            ListMode::Invex => (n::RPL_INVEXLIST, n::RPL_ENDOFINVEXLIST),
        };
        for entry in room.list(list).clone() {
            self.numeric_line(entry_numeric, |line| {
                line.param(&name).param(&entry.mask).param(&entry.by).number(entry.at / 1000)
            });
        }
        self.numeric(end, &[&name], end.text);
        Ok(())
    }

    /// What is said of a letter that makes no sense.
    fn wrong_mode(&self, channel: ChannelId, error: ModeError) -> Refusal {
        match error {
            ModeError::Unknown(letter) => {
                Refusal::numeric(n::ERR_UNKNOWNMODE, &[&letter.to_string()])
            }
            // The modern specification, "MODE message": such a mode is ignored.
            ModeError::MissingArgument(_) => Refusal::Silent,
            ModeError::EmptyArgument(letter) => {
                self.wrong_argument(channel, letter, "*", "It may not be empty")
            }
        }
    }

    fn wrong_argument(
        &self,
        channel: ChannelId,
        letter: char,
        argument: &str,
        text: &'static str,
    ) -> Refusal {
        let name = self.channel(channel).name.as_str();
        let argument = cut(argument, SHOWN_MAX);
        Refusal::told(n::ERR_INVALIDMODEPARAM, &[name, &letter.to_string(), argument], text)
    }

    /// Whether I may make this change.
    fn may_change(&self, channel: ChannelId, change: &ModeChange<'_>) -> Outcome {
        let name = self.channel(channel).name.as_str();
        let Some(mine) = self.my_membership(channel) else {
            return Err(Refusal::not_on_channel(name));
        };
        if modes::channel_mode(change.letter).is_none_or(|row| row.server_only) {
            let text = "Only ChanServ sets and removes this mode";
            return Err(Refusal::told(n::ERR_CHANOPRIVSNEEDED, &[name], text));
        }
        let needed = match change.mode {
            ChannelMode::Member(rank) if rank != Membership::VOICE => Membership::OP,
            _ => Membership::HALFOP,
        };
        let mine_to_give_up = !change.adding
            && matches!(change.mode, ChannelMode::Member(_))
            && change.argument.is_some_and(|nick| fold::same(nick, self.me().name()));
        if mine.is_at_least(needed) || mine_to_give_up {
            return Ok(());
        }
        Err(Refusal::not_channel_operator(name))
    }

    /// Makes one change, and notes it if it changed anything.
    fn change_mode(
        &mut self,
        channel: ChannelId,
        change: &ModeChange<'_>,
        made: &mut Changes,
    ) -> Outcome {
        self.may_change(channel, change)?;
        let ModeChange { adding, letter, argument, .. } = *change;
        match (change.mode, argument) {
            (ChannelMode::Flag(flag), _) => {
                if self.channel_mut(channel).flags.set(flag, adding) {
                    made.note(adding, letter, None);
                }
            }
            (ChannelMode::Key, Some(key)) if adding => {
                let Ok(key) = Key::parse(key, self.hub.config.limits.key) else {
                    // What was typed may be a key, so it is not shown.
                    let text = "A key has no spaces and commas, and is not too long";
                    return Err(self.wrong_argument(channel, letter, "*", text));
                };
                made.note_setting(true, letter, Some(key.as_str()));
                self.channel_mut(channel).key = Some(key);
            }
            (ChannelMode::Key, _) => {
                if self.channel_mut(channel).key.take().is_some() {
                    // A mode of this type has an argument always.
                    made.note_setting(false, letter, Some("*"));
                }
            }
            (ChannelMode::Limit, Some(limit)) if adding => {
                let Some(limit) = limit.parse::<u32>().ok().filter(|limit| *limit > 0) else {
                    let text = "The limit is a number above 0";
                    return Err(self.wrong_argument(channel, letter, limit, text));
                };
                made.note_setting(true, letter, Some(&limit.to_string()));
                self.channel_mut(channel).limit = Some(limit);
            }
            (ChannelMode::Limit, _) => {
                if self.channel_mut(channel).limit.take().is_some() {
                    made.note_setting(false, letter, None);
                }
            }
            (ChannelMode::List(list), Some(typed)) => {
                return self.change_list(channel, list, adding, typed, made);
            }
            (ChannelMode::Member(rank), Some(nick)) => {
                let Some(client) = self.hub.clients.user_named(nick) else {
                    return Err(Refusal::no_such_nick(nick));
                };
                let shown = self.client(client).name().to_owned();
                let room = self.channel_mut(channel);
                let Some(membership) = room.members.get_mut(client) else {
                    let params = [&*shown, room.name.as_str()];
                    return Err(Refusal::numeric(n::ERR_USERNOTINCHANNEL, &params));
                };
                if membership.set(rank, adding) {
                    made.note(adding, letter, Some(&shown));
                }
            }
            (ChannelMode::List(_) | ChannelMode::Member(_), None) => {}
        }
        Ok(())
    }

    /// Adds a mask to a list, or takes it off.
    fn change_list(
        &mut self,
        channel: ChannelId,
        list: ListMode,
        adding: bool,
        typed: &str,
        made: &mut Changes,
    ) -> Outcome {
        let letter = list.letter();
        let entry = ListEntry::new(&mask::normalise(typed), &self.me().prefix, self.now.wall);
        let most = self.hub.config.limits.list;
        let entries = self.channel(channel).list(list);
        let place = entries.iter().position(|other| other.folded == entry.folded);
        match (adding, place) {
            (true, None) => {
                if mask::parse_ban(&entry.folded).is_none() {
                    let text = "There is no such kind of extended ban";
                    return Err(self.wrong_argument(channel, letter, typed, text));
                }
                if entries.len() >= most {
                    let name = self.channel(channel).name.as_str();
                    let params = [name, &letter.to_string()];
                    return Err(Refusal::numeric(n::ERR_BANLISTFULL, &params));
                }
                made.note(true, letter, Some(&entry.mask));
                self.channel_mut(channel).list_mut(list).push(entry);
            }
            (false, Some(place)) => {
                let entry = self.channel_mut(channel).list_mut(list).remove(place);
                made.note(false, letter, Some(&entry.mask));
            }
            _ => {}
        }
        Ok(())
    }

    /// Tells everybody in `channel`, records it, and keeps the channel if it is to be kept.
    fn announce_modes(&mut self, channel: ChannelId, made: &Changes) {
        let actor = self.actor();
        let name = self.channel(channel).name.as_str().to_owned();
        let lines = made.lines(text_room(&actor.prefix, "MODE", &[&name]));
        if lines.is_empty() {
            return;
        }
        let conversation = crate::history::channel_key(self.channel(channel));
        for line in lines {
            let stamp = self.stamp();
            let mut body = Vec::new();
            Line::from_source(&mut body, &actor.prefix, "MODE")
                .param(&name)
                .params(line.shown.params())
                .end();
            self.send_to_channel(channel, &actor.tags(&stamp), &body, |_, _, _| true);
            let mut params = vec![&*name];
            params.extend(line.kept.params());
            self.record(&conversation, &stamp, "MODE", &params, None, "");
        }
        if made.changes.iter().any(Change::is_kept) {
            self.channel_changed(channel);
        }
    }
}

/// The changes that one command made, without those that it took back.
#[derive(Debug)]
struct Changes {
    changes: Vec<Change>,
    /// Key and limit as they were before: as their arguments were.
    before: Vec<(char, String)>,
}

#[derive(Debug)]
struct Change {
    adding: bool,
    letter: char,
    argument: Option<Box<str>>,
}

/// One line of MODE.
#[derive(Debug, Default)]
struct ModeLine {
    shown: ModeString,
    /// The same as it is recorded: a key does not belong there.
    kept: ModeString,
}

impl Changes {
    /// No changes of a channel that has the modes `words`, with its key.
    fn new(words: Vec<String>) -> Self {
        let mut words = words.into_iter();
        let letters = words.next().unwrap_or_default();
        let with_argument = letters.chars().filter(|letter| matches!(letter, 'k' | 'l'));
        Self { changes: Vec::new(), before: with_argument.zip(words).collect() }
    }

    /// A change that was made. If it is the reverse of an earlier one, there was none.
    fn note(&mut self, adding: bool, letter: char, argument: Option<&str>) {
        let same = |change: &Change| {
            change.letter == letter
                && match (&change.argument, argument) {
                    (Some(one), Some(other)) => fold::same(one, other),
                    (one, other) => one.is_none() && other.is_none(),
                }
        };
        if let Some(place) = self.changes.iter().position(same) {
            self.changes.remove(place);
        } else {
            self.changes.push(Change { adding, letter, argument: argument.map(Box::from) });
        }
    }

    /// The same for the key or the limit, of which only the last one counts.
    fn note_setting(&mut self, adding: bool, letter: char, argument: Option<&str>) {
        self.changes.retain(|change| change.letter != letter);
        let before = self.before.iter().find(|(other, _)| *other == letter);
        let same = match before {
            Some((_, value)) => adding && argument == Some(value),
            None => !adding,
        };
        if !same {
            self.changes.push(Change { adding, letter, argument: argument.map(Box::from) });
        }
    }

    /// As mode strings of at most `room` bytes.
    fn lines(&self, room: usize) -> Vec<ModeLine> {
        let mut lines: Vec<ModeLine> = Vec::new();
        let mut used = room;
        for change in &self.changes {
            // A sign, the letter and a space.
            let size = 3 + change.argument.as_ref().map_or(0, |argument| argument.len());
            if used + size > room || lines.is_empty() {
                lines.push(ModeLine::default());
                used = 0;
            }
            used += size;
            if let Some(line) = lines.last_mut() {
                let argument = change.argument.as_deref();
                line.shown.push(change.adding, change.letter, argument);
                let argument = if change.letter == 'k' { Some("*") } else { argument };
                line.kept.push(change.adding, change.letter, argument);
            }
        }
        lines
    }
}

impl Change {
    /// Whether it outlives the members.
    fn is_kept(&self) -> bool {
        let row = modes::channel_mode(self.letter);
        row.is_some_and(|row| !matches!(row.mode, ChannelMode::Member(_)))
    }
}
