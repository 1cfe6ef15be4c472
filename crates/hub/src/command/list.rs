//! LIST, with the conditions of ELIST: `C M N T U`.

use callbox_irc::fold::{Folded, fold_text};
use callbox_irc::mask;
use callbox_irc::message::Message;
use callbox_irc::names::Channel as ChannelName;
use callbox_irc::numeric as n;

use crate::channel::{Channel, ChannelId};
use crate::contract::Millis;
use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

/// Masks in one LIST: each is held against the name of every channel there is.
const MASKS_MAX: usize = 8;

/// LIST.
pub(crate) fn list(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let mut wanted = Wanted::default();
    let longest = turn.hub.config.limits.channel;
    for word in message.params.iter().take(2).flat_map(|list| list.split(',')) {
        wanted.add(word, longest)?;
    }
    turn.charge_for_search();
    let found = turn.find(&wanted);
    let most = turn.hub.config.limits.replies;
    turn.numeric(n::RPL_LISTSTART, &["Channel"], n::RPL_LISTSTART.text);
    for channel in found.iter().take(most) {
        let room = turn.channel(*channel);
        let name = room.name.as_str().to_owned();
        let members = room.members.len() as u64;
        let topic = room.topic.as_ref().map(|topic| topic.text.clone()).unwrap_or_default();
        turn.numeric_line(n::RPL_LIST, |line| line.param(&name).number(members).text(&topic));
    }
    if found.len() > most {
        let text = format!("End of /LIST, cut after {most} of {} channels", found.len());
        turn.numeric(n::RPL_LISTEND, &[], &text);
    } else {
        turn.numeric(n::RPL_LISTEND, &[], n::RPL_LISTEND.text);
    }
    Ok(())
}

impl Turn<'_> {
    /// Looking through many channels counts as more than one line.
    fn charge_for_search(&mut self) {
        const CHANNELS_A_LINE: usize = 1000;
        let cost = (self.hub.channels.len() / CHANNELS_A_LINE) as u32;
        if let Some(flood) = self.hub.config.flood {
            let now = self.now.monotonic;
            self.me_mut().bucket.charge(cost, flood, now);
        }
    }

    /// The channels that are wanted and that I may see.
    fn find(&self, wanted: &Wanted) -> Vec<ChannelId> {
        let now = self.now.wall;
        let channels = &self.hub.channels;
        if wanted.masks.is_empty() && !wanted.names.is_empty() {
            let mut found: Vec<ChannelId> =
                wanted.names.iter().filter_map(|name| channels.find(name)).collect();
            found.sort_unstable();
            found.dedup();
            found.retain(|id| self.sees_channel(*id) && wanted.allows(self.channel(*id), now));
            return found;
        }
        channels
            .iter()
            .filter(|(id, channel)| {
                wanted.names_it(channel) && wanted.allows(channel, now) && self.sees_channel(*id)
            })
            .map(|(id, _)| id)
            .collect()
    }
}

/// Which channels are wanted: any that is named or matches a mask (all, if there is neither) and fulfils all conditions.
#[derive(Debug, Default)]
struct Wanted {
    names: Vec<Folded>,
    masks: Vec<String>,
    not_masks: Vec<String>,
    conditions: Vec<Condition>,
}

/// A bound that holds for the channel. Ages are in milliseconds.
#[derive(Clone, Copy, Debug)]
enum Condition {
    MoreUsers(usize),
    FewerUsers(usize),
    Older(Millis),
    Younger(Millis),
    TopicOlder(Millis),
    TopicYounger(Millis),
}

impl Wanted {
    /// Takes up one word of the lists. `longest` is the length of the longest name of a channel.
    fn add(&mut self, word: &str, longest: usize) -> Outcome {
        if word.is_empty() {
            return Ok(());
        }
        if let Some(condition) = Condition::parse(word) {
            self.conditions.push(condition);
            return Ok(());
        }
        let (pattern, list) = match word.strip_prefix('!') {
            Some(rest) => (rest, &mut self.not_masks),
            None if word.contains(['*', '?']) => (word, &mut self.masks),
            None => {
                self.names.push(Folded::new(word));
                return Ok(());
            }
        };
        // Longer ones match nothing that is there, and cost most.
        if list.len() >= MASKS_MAX || pattern.len() > 2 * longest {
            return Err(Refusal::numeric(n::ERR_TOOMANYTARGETS, &[pattern]));
        }
        list.push(fold_text(pattern));
        Ok(())
    }

    fn names_it(&self, channel: &Channel) -> bool {
        let key = channel.name.key();
        (self.names.is_empty() && self.masks.is_empty())
            || self.names.contains(key)
            || self.masks.iter().any(|pattern| matches(pattern, key))
    }

    fn allows(&self, channel: &Channel, now: Millis) -> bool {
        let key = channel.name.key();
        self.conditions.iter().all(|condition| condition.holds(channel, now))
            && !self.not_masks.iter().any(|pattern| matches(pattern, key))
    }
}

/// Whether a mask is for a channel; `an1` is for `#an1`, since people leave the sign out.
fn matches(pattern: &str, key: &str) -> bool {
    mask::matches(pattern, key)
        || (!ChannelName::is_meant(pattern)
            && key.strip_prefix('#').is_some_and(|bare| mask::matches(pattern, bare)))
}

impl Condition {
    /// `>3`, `<3`, and in minutes `C>60`, `C<60`, `T>60`, `T<60`: longer ago than that, or less long.
    fn parse(word: &str) -> Option<Self> {
        const MINUTE: Millis = 60_000;
        let (kind, rest) = match word.as_bytes().first()?.to_ascii_uppercase() {
            kind @ (b'C' | b'T') => (kind, &word[1..]),
            _ => (b'U', word),
        };
        let (more, number) = match rest.as_bytes().first()? {
            b'>' => (true, &rest[1..]),
            b'<' => (false, &rest[1..]),
            _ => return None,
        };
        let number: u64 = number.parse().ok()?;
        let age = number.saturating_mul(MINUTE);
        Some(match (kind, more) {
            (b'C', true) => Self::Older(age),
            (b'C', false) => Self::Younger(age),
            (b'T', true) => Self::TopicOlder(age),
            (b'T', false) => Self::TopicYounger(age),
            (_, true) => Self::MoreUsers(number as usize),
            (_, false) => Self::FewerUsers(number as usize),
        })
    }

    fn holds(self, channel: &Channel, now: Millis) -> bool {
        let age = now.saturating_sub(channel.created);
        let topic = channel.topic.as_ref().map(|topic| now.saturating_sub(topic.at));
        match self {
            Self::MoreUsers(number) => channel.members.len() > number,
            Self::FewerUsers(number) => channel.members.len() < number,
            Self::Older(bound) => age > bound,
            Self::Younger(bound) => age < bound,
            Self::TopicOlder(bound) => topic.is_some_and(|age| age > bound),
            Self::TopicYounger(bound) => topic.is_some_and(|age| age < bound),
        }
    }
}
