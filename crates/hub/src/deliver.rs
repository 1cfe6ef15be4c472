//! One message for many: built once, and once again for each set of tags that somebody negotiated.

use callbox_irc::capability::CapSet;
use callbox_irc::tags::TagWriter;

use crate::contract::Millis;

/// The tags that a message has for whoever negotiated them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tags<'a> {
    /// When it happened; the present if there is none.
    pub(crate) time: Option<Millis>,
    pub(crate) msgid: Option<&'a str>,
    pub(crate) account: Option<&'a str>,
    /// Whether it is from a bot.
    pub(crate) bot: bool,
    /// Client-only tags, as they stand on the wire.
    pub(crate) client: &'a str,
    /// The batch that the message belongs to. Only for clients that negotiated batches.
    pub(crate) batch: Option<&'a str>,
    /// Whether it goes out without a time.
    pub(crate) untimed: bool,
}

impl Tags<'_> {
    /// Writes those that a client with `caps` understands.
    pub(crate) fn write(&self, caps: CapSet, now: Millis, writer: &mut TagWriter<'_>) {
        if let Some(batch) = self.batch.filter(|_| caps.contains(CapSet::BATCH)) {
            writer.tag("batch", batch);
        }
        if caps.contains(CapSet::SERVER_TIME) && !self.untimed {
            writer.time(self.time.unwrap_or(now));
        }
        if let Some(account) = self.account.filter(|_| caps.contains(CapSet::ACCOUNT_TAG)) {
            writer.tag("account", account);
        }
        if caps.contains(CapSet::MESSAGE_TAGS) {
            if let Some(msgid) = self.msgid {
                writer.tag("msgid", msgid);
            }
            if self.bot {
                writer.flag("bot");
            }
            writer.raw(self.client);
        }
    }
}

/// How many of the capabilities below there are, as a power of two.
const WAYS: usize = 16;

/// A message in each of the ways in which it goes out. Its memory is used again for the next message.
#[derive(Debug)]
pub(crate) struct Variants {
    lines: [Vec<u8>; WAYS],
    /// The message's tags, those of [`Tags`] that borrow held apart.
    time: Millis,
    msgid: Option<String>,
    account: Option<String>,
    bot: bool,
    client: String,
    batch: Option<String>,
    untimed: bool,
    body: Vec<u8>,
}

impl Variants {
    pub(crate) fn new() -> Self {
        Self {
            lines: std::array::from_fn(|_| Vec::new()),
            time: 0,
            msgid: None,
            account: None,
            bot: false,
            client: String::new(),
            batch: None,
            untimed: false,
            body: Vec::new(),
        }
    }

    /// Begins with another message: `body` is the line without tags but with CR LF.
    pub(crate) fn begin(&mut self, tags: &Tags<'_>, now: Millis, body: &[u8]) {
        self.lines.iter_mut().for_each(Vec::clear);
        self.time = tags.time.unwrap_or(now);
        replace(&mut self.msgid, tags.msgid);
        replace(&mut self.account, tags.account);
        self.bot = tags.bot;
        self.client.clear();
        self.client.push_str(tags.client);
        replace(&mut self.batch, tags.batch);
        self.untimed = tags.untimed;
        self.body.clear();
        self.body.extend_from_slice(body);
    }

    /// The message as a client with `caps` gets it.
    pub(crate) fn of(&mut self, caps: CapSet) -> &[u8] {
        let way = usize::from(caps.contains(CapSet::SERVER_TIME))
            | usize::from(caps.contains(CapSet::ACCOUNT_TAG)) << 1
            | usize::from(caps.contains(CapSet::MESSAGE_TAGS)) << 2
            | usize::from(caps.contains(CapSet::BATCH)) << 3;
        if self.lines[way].is_empty() {
            let mut line = std::mem::take(&mut self.lines[way]);
            let tags = Tags {
                time: Some(self.time),
                msgid: self.msgid.as_deref(),
                account: self.account.as_deref(),
                bot: self.bot,
                client: &self.client,
                batch: self.batch.as_deref(),
                untimed: self.untimed,
            };
            let mut writer = TagWriter::new(&mut line);
            tags.write(caps, self.time, &mut writer);
            writer.finish();
            line.extend_from_slice(&self.body);
            self.lines[way] = line;
        }
        &self.lines[way]
    }
}

fn replace(place: &mut Option<String>, value: Option<&str>) {
    match (place.as_mut(), value) {
        (Some(old), Some(new)) => {
            old.clear();
            old.push_str(new);
        }
        _ => *place = value.map(ToOwned::to_owned),
    }
}
