//! The one table of capabilities that clients may ask for (CAP, IRCv3 capability negotiation).
//!
//! What a session has negotiated is a [`CapSet`], one word, so that the set of a reader can be the key
//! by which a line is serialised once for all readers with the same set.

/// A row of the table.
#[derive(Debug)]
pub struct Capability {
    /// Its name, as clients ask for it.
    pub name: &'static str,
    /// What it stands for in a set.
    pub bit: CapSet,
    /// Whether it has a value in `CAP LS 302`, which the server works out from its settings.
    pub has_value: bool,
    /// Whether it is another name for a capability that has its row.
    pub alias: bool,
    /// What it does not work without. A client may ask for the one without the other; then it has no
    /// effect.
    pub needs: CapSet,
    /// Where it is specified, below `https://ircv3.net/specs/`.
    pub spec: &'static str,
}

/// A set of capabilities.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CapSet(u64);

impl CapSet {
    /// None.
    pub const EMPTY: Self = Self(0);

    /// Whether all of `other` are in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in this set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Adds `other`.
    pub const fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Takes `other` out.
    pub const fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }

    /// Those in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those in this set and not in `other`.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The bits, one a capability: for use as a key.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The rows of those in the set, in the order of the table and without aliases.
    pub fn iter(self) -> impl Iterator<Item = &'static Capability> {
        ALL.iter().filter(move |row| !row.alias && self.contains(row.bit))
    }
}

/// The row with this name, which is matched exactly.
pub fn find(name: &str) -> Option<&'static Capability> {
    ALL.iter().find(|row| row.name == name)
}

macro_rules! capabilities {
    (@value value) => { true };
    (@value) => { false };
    ($($constant:ident = $bit:literal, $name:literal $(or $alias:literal)?, $spec:literal
       $(, has $value:ident)? $(, needs $($need:ident)|+)?;)*) => {
        impl CapSet {
            $(
                #[doc = concat!("`", $name, "`")]
                pub const $constant: Self = Self(1 << $bit);
            )*
        }

        /// The table, by name.
        pub const ALL: &[Capability] = &[
            $(
                Capability {
                    name: $name,
                    bit: CapSet::$constant,
                    has_value: capabilities!(@value $($value)?),
                    alias: false,
                    needs: CapSet::EMPTY $($(.union(CapSet::$need))+)?,
                    spec: $spec,
                },
                $(Capability {
                    name: $alias,
                    bit: CapSet::$constant,
                    has_value: false,
                    alias: true,
                    needs: CapSet::EMPTY,
                    spec: $spec,
                },)?
            )*
        ];
    };
}

capabilities! {
    ACCOUNT_NOTIFY = 0, "account-notify", "extensions/account-notify";
    ACCOUNT_TAG = 1, "account-tag", "extensions/account-tag";
    AWAY_NOTIFY = 2, "away-notify", "extensions/away-notify";
    BATCH = 3, "batch", "extensions/batch";
    CAP_NOTIFY = 4, "cap-notify", "extensions/capability-negotiation";
    CHGHOST = 5, "chghost", "extensions/chghost";
    ACCOUNT_REGISTRATION = 6, "draft/account-registration", "extensions/account-registration",
        has value, needs STANDARD_REPLIES;
    CHANNEL_RENAME = 7, "draft/channel-rename", "extensions/channel-rename";
    CHATHISTORY = 8, "draft/chathistory", "extensions/chathistory",
        needs BATCH | MESSAGE_TAGS | SERVER_TIME;
    EVENT_PLAYBACK = 9, "draft/event-playback", "extensions/chathistory", needs CHATHISTORY;
    MESSAGE_REDACTION = 10, "draft/message-redaction", "extensions/message-redaction",
        needs MESSAGE_TAGS;
    METADATA = 11, "draft/metadata-2", "extensions/metadata", has value, needs BATCH;
    MULTILINE = 12, "draft/multiline", "extensions/multiline", has value, needs BATCH | MESSAGE_TAGS;
    PRE_AWAY = 13, "draft/pre-away", "extensions/pre-away";
    READ_MARKER = 14, "draft/read-marker", "extensions/read-marker";
    ECHO_MESSAGE = 15, "echo-message", "extensions/echo-message";
    EXTENDED_JOIN = 16, "extended-join", "extensions/extended-join";
    EXTENDED_MONITOR = 17, "extended-monitor", "extensions/extended-monitor";
    INVITE_NOTIFY = 18, "invite-notify", "extensions/invite-notify";
    LABELED_RESPONSE = 19, "labeled-response", "extensions/labeled-response", needs BATCH;
    MESSAGE_TAGS = 20, "message-tags", "extensions/message-tags";
    MULTI_PREFIX = 21, "multi-prefix", "extensions/multi-prefix";
    NO_IMPLICIT_NAMES = 22, "no-implicit-names" or "draft/no-implicit-names",
        "extensions/no-implicit-names";
    SASL = 23, "sasl", "extensions/sasl-3.2", has value;
    SERVER_TIME = 24, "server-time", "extensions/server-time";
    SETNAME = 25, "setname", "extensions/setname";
    STANDARD_REPLIES = 26, "standard-replies", "extensions/standard-replies";
    STS = 27, "sts", "extensions/sts", has value;
    USERHOST_IN_NAMES = 28, "userhost-in-names", "extensions/userhost-in-names";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_bit_stand_for_one_capability() {
        let names: Vec<_> = ALL.iter().map(|row| row.name).collect();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len());
        let mut seen = CapSet::EMPTY;
        for row in ALL.iter().filter(|row| !row.alias) {
            assert_eq!(row.bit.bits().count_ones(), 1, "{}", row.name);
            assert!(!seen.intersects(row.bit), "{}", row.name);
            seen.insert(row.bit);
        }
        assert!(ALL.iter().all(|row| seen.contains(row.bit) && seen.contains(row.needs)));
    }

    #[test]
    fn names_and_specifications_are_well_formed() {
        let plain = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-/.".contains(&b))
        };
        for row in ALL {
            assert!(plain(row.name) && plain(row.spec), "{}", row.name);
            assert!(row.spec.starts_with("extensions/"), "{}", row.name);
            assert!(!row.needs.contains(row.bit), "{} needs itself", row.name);
        }
    }

    #[test]
    fn a_capability_is_found_by_its_exact_name_and_by_its_other_one() {
        assert!(find("sasl").is_some_and(|row| row.bit == CapSet::SASL && row.has_value));
        assert!(find("SASL").is_none() && find("sas").is_none() && find("").is_none());
        let draft = find("draft/no-implicit-names").unwrap();
        assert!(draft.alias && draft.bit == CapSet::NO_IMPLICIT_NAMES);
    }

    #[test]
    fn a_set_lists_what_was_put_into_it_once() {
        let mut set = CapSet::MESSAGE_TAGS.union(CapSet::NO_IMPLICIT_NAMES);
        set.insert(CapSet::BATCH);
        let names: Vec<_> = set.iter().map(|row| row.name).collect();
        assert_eq!(names, ["batch", "message-tags", "no-implicit-names"]);
        set.remove(CapSet::BATCH.union(CapSet::SASL));
        assert!(!set.contains(CapSet::BATCH) && set.contains(CapSet::MESSAGE_TAGS));
        assert!(!set.contains(CapSet::MESSAGE_TAGS.union(CapSet::BATCH)), "all or nothing");
        assert!(set.difference(set).is_empty() && set.intersection(set) == set);
    }
}
