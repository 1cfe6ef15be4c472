//! CHATHISTORY: what was said before (IRCv3 draft/chathistory).

use callbox_irc::capability::CapSet;
use callbox_irc::fold::Folded;
use callbox_irc::message::Message;
use callbox_irc::names::Nick;
use callbox_irc::stamp;

use crate::HashMap;
use crate::contract::{Bound, Event, HistoryQuery, Job, Millis, Part};
use crate::deliver::Tags;
use crate::history;
use crate::pending::Then;
use crate::refusal::{Outcome, Refusal, clip};
use crate::turn::Turn;

/// The subcommands, and how many parameters each has with itself.
const SUBCOMMANDS: &[(&str, usize)] =
    &[("AFTER", 4), ("AROUND", 4), ("BEFORE", 4), ("BETWEEN", 5), ("LATEST", 4), ("TARGETS", 4)];

/// The most bytes of one page, all told. A thousand lines of ordinary length are about half of this; a thousand messages
/// of a hundred lines would be more than a send queue holds. A page that has more is cut at the end that is further from
/// what was asked for, as if the limit had been smaller.
const PAGE_BYTES: usize = 1 << 20;

/// A page costs as much as one line of flood control for each so many events: asking for the largest again and again is
/// slowed down as shouting is.
const PAGE_PER_LINE: usize = 100;

/// No msgid of this server is longer.
const MSGID_MAX: usize = 64;

/// CHATHISTORY.
pub(crate) fn chathistory(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let params = &message.params;
    let Some(given) = params.first().map(|given| clip(given)) else {
        return Err(invalid(&[], "Insufficient parameters"));
    };
    let row = SUBCOMMANDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(given));
    let Some(&(subcommand, count)) = row else {
        return Err(invalid(&[given], "Unknown command"));
    };
    if params.len() < count {
        return Err(invalid(&[subcommand], "Insufficient parameters"));
    }
    if params.len() > count {
        return Err(invalid(&[subcommand], "Too many parameters"));
    }
    let limit = params[count - 1];
    let limit = parse_limit(limit)
        .ok_or_else(|| invalid(&[subcommand, clip(limit)], "Invalid limit"))?
        .min(turn.hub.config.limits.history_page.max(1));
    if subcommand == "TARGETS" {
        return turn.ask_for_targets(params[1], params[2], limit);
    }
    let bound = |selector| parse_bound(subcommand, params[1], selector);
    let part = match subcommand {
        "LATEST" if params[2] == "*" => Part::Latest(None),
        "LATEST" => Part::Latest(Some(bound(params[2])?)),
        "BEFORE" => Part::Before(bound(params[2])?),
        "AFTER" => Part::After(bound(params[2])?),
        "AROUND" => Part::Around(bound(params[2])?),
        _ => Part::Between(bound(params[2])?, bound(params[3])?),
    };
    turn.ask_for_history(subcommand, params[1], part, limit)
}

impl Turn<'_> {
    fn ask_for_history(
        &mut self,
        subcommand: &'static str,
        target: &str,
        part: Part,
        limit: usize,
    ) -> Outcome {
        let conversation =
            self.conversation(target).ok_or_else(|| no_target(subcommand, target))?;
        if !self.hub.config.history.enabled {
            return Err(message_error(subcommand, &[target], "No history is kept here"));
        }
        let events = self.me().has(CapSet::EVENT_PLAYBACK);
        let query = HistoryQuery {
            conversation: conversation.key.into(),
            part: not_before(part, self.floor()),
            limit,
            said_only: !events,
            tagmsg: events && self.me().has(CapSet::MESSAGE_TAGS),
        };
        let then =
            Then::History { target: target.into(), subcommand, query: Box::new(query.clone()) };
        self.start(Job::History(query), then);
        Ok(())
    }

    /// The page is there.
    pub(crate) fn show_history(
        &mut self,
        target: Box<str>,
        subcommand: &'static str,
        mut query: Box<HistoryQuery>,
        page: Option<Vec<Event>>,
    ) -> Outcome {
        // I may have been put out of the channel meanwhile, and the nickname may be somebody else's.
        let conversation = self
            .conversation(&target)
            .filter(|conversation| *conversation.key == *query.conversation)
            .ok_or_else(|| no_target(subcommand, &target))?;
        let Some(mut page) = page else {
            let text = "The message that bounds it is not kept";
            return Err(message_error(subcommand, &[&target], text));
        };
        let floor = self.floor();
        let full = page.len() >= query.limit;
        page.retain(|event| event.time >= floor);
        if full
            && page.is_empty()
            && let Part::After(first) | Part::Between(first, _) = &mut query.part
            && matches!(first, Bound::Msgid(_))
        {
            // All of it is too old to be shown, but what comes after it may not be.
            *first = Bound::Time(floor.saturating_sub(1));
            let then = Then::History { target, subcommand, query: query.clone() };
            self.start(Job::History(*query), then);
            return Ok(());
        }
        let page = cut(page, &query.part);
        // One line asked for it, but it is the work of many.
        self.hub.charge(self.me, (page.len() / PAGE_PER_LINE) as u32, self.now.monotonic);
        self.play_back(&target, &conversation, &page);
        Ok(())
    }

    fn ask_for_targets(&mut self, first: &str, second: &str, limit: usize) -> Outcome {
        let time = |selector: &str| {
            let time = selector.strip_prefix("timestamp=").and_then(stamp::parse);
            time.ok_or_else(|| invalid(&["TARGETS", clip(selector)], "Invalid timestamp"))
        };
        let (first, second) = (time(first)?, time(second)?);
        if !self.hub.config.history.enabled {
            return Err(message_error("TARGETS", &[], "No history is kept here"));
        }
        let channels = self.me().channels.iter();
        let channels = channels.map(|id| history::channel_key(self.channel(*id)).into()).collect();
        let job = Job::Targets {
            owner: self.me().side().into(),
            channels,
            after: first.min(second).max(self.floor().saturating_sub(1)),
            before: first.max(second),
            // More than the limit: some of them have no name any more, and the newest may be wanted.
            limit: self.hub.config.limits.replies,
        };
        self.start(job, Then::Targets { limit, newest: first > second });
        Ok(())
    }

    /// The conversations are there.
    pub(crate) fn show_targets(
        &mut self,
        targets: Vec<(Box<str>, Millis)>,
        limit: usize,
        newest: bool,
    ) {
        let mut named = self.named_targets(targets);
        if newest {
            named.drain(..named.len().saturating_sub(limit));
        } else {
            named.truncate(limit);
        }
        let batch = self.begin_batch("draft/chathistory-targets", &[]);
        let server = self.hub.config.server_name.clone();
        let tags = Tags { batch: batch.as_deref(), ..Tags::default() };
        for (name, time) in named {
            let mut body = Vec::new();
            callbox_irc::build::Line::from_source(&mut body, &server, "CHATHISTORY")
                .params(["TARGETS", &name, &stamp::text(time)])
                .end();
            self.send_within(batch.as_deref(), &tags, &body);
        }
        self.end_batch(batch.as_deref());
    }

    /// The conversations by the names under which I can ask for them. What was said with a guest who is gone has none.
    fn named_targets(&self, targets: Vec<(Box<str>, Millis)>) -> Vec<(String, Millis)> {
        let mine = self.me().side();
        // By `$` or `~` and what follows it.
        let mut people: HashMap<(char, &str), Option<&str>> = HashMap::default();
        for (key, _) in &targets {
            if let Some(person) = other(key, &mine) {
                people.insert(person, None);
            }
        }
        if !people.is_empty() {
            for (_, client) in self.hub.clients.users() {
                let account = client.account.as_ref().map(|account| account.key());
                let person = account.map_or(('~', &*client.session), |account| ('$', &**account));
                let Some(name) = people.get_mut(&person) else {
                    continue;
                };
                // Of an account's several users the one who is called like it, if there is one.
                if name.is_none() || client.nick.as_ref().map(Nick::key) == account {
                    *name = Some(client.name());
                }
            }
        }
        let name = |key: &str| {
            if let Some(channel) = self.hub.channels.named(key) {
                let inside = self.my_membership(channel).is_some();
                return inside.then(|| self.channel(channel).name.to_string());
            }
            let person = other(key, &mine)?;
            if let Some(Some(name)) = people.get(&person) {
                return Some((*name).to_owned());
            }
            let account = Folded::new(Some(person).filter(|(sign, _)| *sign == '$')?.1);
            // Somebody else may have the nickname.
            let free = self.hub.clients.user(&account).is_none();
            self.hub.accounts.get(&account).filter(|_| free).map(ToString::to_string)
        };
        targets.iter().filter_map(|(key, time)| Some((name(key)?, *time))).collect()
    }
}

/// The other side of the private conversation `key`, of which `mine` is one: its sign, and what follows.
fn other<'k>(key: &'k str, mine: &str) -> Option<(char, &'k str)> {
    let (one, two) = history::sides(key)?;
    let side = if one == mine { two } else { one };
    let sign = side.chars().next()?;
    Some((sign, &side[sign.len_utf8()..]))
}

/// As many of `events` as [`PAGE_BYTES`] allows, at least one: those that are nearest to what `part` counts from.
pub(crate) fn cut(mut events: Vec<Event>, part: &Part) -> Vec<Event> {
    let mut bytes: usize = events.iter().map(size).sum();
    let (mut first, mut last) = (0, events.len());
    let mut from_front = match part {
        Part::Latest(_) | Part::Before(_) | Part::Around(_) => true,
        Part::After(_) => false,
        Part::Between(one, other) => is_later(one, other),
    };
    while bytes > PAGE_BYTES && last - first > 1 {
        if from_front {
            bytes -= size(&events[first]);
            first += 1;
        } else {
            last -= 1;
            bytes -= size(&events[last]);
        }
        if matches!(part, Part::Around(_)) {
            from_front = !from_front;
        }
    }
    events.truncate(last);
    events.drain(..first);
    events
}

/// About how many bytes `event` has on the wire.
fn size(event: &Event) -> usize {
    /// The tags and the command of the first line.
    const FIRST: usize = 200;
    /// Those of each other line.
    const LINE: usize = 80;
    let text = event.text.as_deref().unwrap_or_default();
    let lines = text.bytes().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    FIRST + event.tags.len() + event.source.len() + text.len() + lines * (LINE + event.source.len())
}

/// Whether `one` is later than `other`, as far as can be told.
fn is_later(one: &Bound, other: &Bound) -> bool {
    match (one, other) {
        (Bound::Time(one), Bound::Time(other)) => one > other,
        (Bound::Msgid(one), Bound::Msgid(other)) => crate::ids::is_later(one, other),
        _ => false,
    }
}

/// `part` without what is older than `floor`, where its bounds are moments.
fn not_before(part: Part, floor: Millis) -> Part {
    let raise = |bound| match bound {
        Bound::Time(time) => Bound::Time(time.max(floor.saturating_sub(1))),
        Bound::Msgid(_) => bound,
    };
    match part {
        Part::After(bound) => Part::After(raise(bound)),
        Part::Between(one, other) => Part::Between(raise(one), raise(other)),
        other => other,
    }
}

/// A count of messages: at least one. One that no number here can hold is a large one.
fn parse_limit(text: &str) -> Option<usize> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(usize::MAX)).filter(|limit| *limit > 0)
}

/// `timestamp=…` or `msgid=…`.
fn parse_bound(subcommand: &str, target: &str, selector: &str) -> Result<Bound, Refusal> {
    match selector.split_once('=') {
        Some(("timestamp", time)) => stamp::parse(time)
            .map(Bound::Time)
            .ok_or_else(|| invalid(&[subcommand, clip(selector)], "Invalid timestamp")),
        Some(("msgid", id)) if !id.is_empty() && id.len() <= MSGID_MAX => {
            Ok(Bound::Msgid(id.into()))
        }
        Some(("msgid", _)) => Err(invalid(&[subcommand, clip(selector)], "Invalid msgid")),
        None if selector == "*" => {
            Err(invalid(&[subcommand, selector], "Only LATEST can do without a bound"))
        }
        _ => {
            let context = [subcommand, clip(target), clip(selector)];
            let text = "Messages are referred to by timestamp= or msgid=";
            Err(Refusal::fail("CHATHISTORY", "INVALID_MSGREFTYPE", &context, text))
        }
    }
}

fn invalid(context: &[&str], text: &'static str) -> Refusal {
    Refusal::fail("CHATHISTORY", "INVALID_PARAMS", context, text)
}

fn no_target(subcommand: &str, target: &str) -> Refusal {
    let context = [subcommand, clip(target)];
    Refusal::fail("CHATHISTORY", "INVALID_TARGET", &context, "Messages could not be retrieved")
}

fn message_error(subcommand: &str, context: &[&str], text: &'static str) -> Refusal {
    let context: Vec<&str> =
        std::iter::once(subcommand).chain(context.iter().map(|word| clip(word))).collect();
    Refusal::fail("CHATHISTORY", "MESSAGE_ERROR", &context, text)
}
