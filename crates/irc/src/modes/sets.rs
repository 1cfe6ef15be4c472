//! What a channel has set, what a user has set, what a member is: sets of a few bits.

use std::fmt;

use super::table::{CHANNEL_MODES, ChannelMode, USER_MODES};

macro_rules! bit_set {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $constant:ident = $bit:literal;)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
        pub struct $name(u16);

        impl $name {
            /// None.
            pub const EMPTY: Self = Self(0);
            $($(#[$doc])* pub const $constant: Self = Self(1 << $bit);)*

            /// Whether all of `other` are in this set.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether any of `other` is in this set.
            pub const fn intersects(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// Whether there are none.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Adds `other`.
            pub const fn insert(&mut self, other: Self) {
                self.0 |= other.0;
            }

            /// Takes `other` out.
            pub const fn remove(&mut self, other: Self) {
                self.0 &= !other.0;
            }

            /// Adds `other` or takes it out, and says whether that changed anything.
            pub const fn set(&mut self, other: Self, on: bool) -> bool {
                let before = self.0;
                if on { self.insert(other) } else { self.remove(other) }
                self.0 != before
            }

            /// Those in either.
            #[must_use]
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
    };
}

bit_set! {
    /// The modes of a channel that are on or off.
    ChannelFlags {
        /// `C`: no CTCP, but for ACTION.
        NO_CTCP = 0;
        /// `M`: only who is logged in or has a prefix may speak.
        REGISTERED_SPEAK = 1;
        /// `R`: only who is logged in may join.
        REGISTERED_ONLY = 2;
        /// `i`: by invitation only.
        INVITE_ONLY = 3;
        /// `m`: only who has a prefix may speak.
        MODERATED = 4;
        /// `n`: no messages from outside.
        NO_EXTERNAL = 5;
        /// `r`: claimed by an account.
        CLAIMED = 6;
        /// `s`: not shown to who is not in it.
        SECRET = 7;
        /// `t`: the topic is for operators.
        PROTECTED_TOPIC = 8;
    }
}

bit_set! {
    /// What a member of a channel is there.
    Membership {
        /// `v`, `+`: may speak where not all may.
        VOICE = 0;
        /// `h`, `%`: helps to moderate.
        HALFOP = 1;
        /// `o`, `@`: moderates.
        OP = 2;
    }
}

bit_set! {
    /// The modes of a user.
    UserModes {
        /// `B`: a bot.
        BOT = 0;
        /// `R`: takes private messages of who is logged in only.
        REGISTERED_ONLY = 1;
        /// `Z`: connected so that nobody can listen.
        SECURE = 2;
        /// `i`: not shown to who shares no channel.
        INVISIBLE = 3;
        /// `o`: an operator.
        OPERATOR = 4;
        /// `r`: logged in.
        REGISTERED = 5;
        /// `w`: gets WALLOPS.
        WALLOPS = 6;
    }
}

impl Membership {
    /// The membership that a sign before a channel or nickname stands for.
    pub fn of_prefix(sign: char) -> Option<Self> {
        match sign {
            '@' => Some(Self::OP),
            '%' => Some(Self::HALFOP),
            '+' => Some(Self::VOICE),
            _ => None,
        }
    }

    /// All signs, the highest first (`multi-prefix`).
    pub const fn prefixes(self) -> &'static str {
        ["", "+", "%", "%+", "@", "@+", "@%", "@%+"][(self.0 & 7) as usize]
    }

    /// The highest sign, or none: `""`.
    pub const fn highest_prefix(self) -> &'static str {
        ["", "+", "%", "%", "@", "@", "@", "@"][(self.0 & 7) as usize]
    }

    /// Whether the member is `rank` or something higher.
    pub const fn is_at_least(self, rank: Self) -> bool {
        self.power() >= rank.power()
    }

    /// How much the member may do, by the highest rank: 0 nothing more than others, 1 voice,
    /// 2 half-operator, 3 operator.
    pub const fn power(self) -> u8 {
        [0, 1, 2, 2, 3, 3, 3, 3][(self.0 & 7) as usize]
    }
}

impl ChannelFlags {
    /// The letters of those that are set.
    pub fn letters(self) -> impl Iterator<Item = char> {
        CHANNEL_MODES.iter().filter_map(move |row| match row.mode {
            ChannelMode::Flag(flag) if self.contains(flag) => Some(row.letter),
            _ => None,
        })
    }
}

impl UserModes {
    /// The letters of those that are set.
    pub fn letters(self) -> impl Iterator<Item = char> {
        USER_MODES.iter().filter(move |row| self.contains(row.mode)).map(|row| row.letter)
    }
}

/// `+nt`, or `+` for none.
impl fmt::Display for ChannelFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.letters().collect::<String>())
    }
}

/// `+iw`, or `+` for none.
impl fmt::Display for UserModes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.letters().collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_prefix_comes_first_and_counts() {
        let both = Membership::OP.union(Membership::VOICE);
        assert_eq!((both.highest_prefix(), both.prefixes()), ("@", "@+"));
        let helper = Membership::HALFOP.union(Membership::VOICE);
        assert_eq!((helper.highest_prefix(), helper.prefixes()), ("%", "%+"));
        assert_eq!((Membership::EMPTY.highest_prefix(), Membership::EMPTY.prefixes()), ("", ""));
        let all = both.union(helper);
        assert_eq!(all.prefixes(), "@%+");
        assert!(both.is_at_least(Membership::HALFOP) && both.is_at_least(Membership::OP));
        assert!(!helper.is_at_least(Membership::OP) && helper.is_at_least(Membership::VOICE));
        assert!(!Membership::EMPTY.is_at_least(Membership::VOICE));
    }

    #[test]
    fn every_set_of_ranks_is_shown_by_the_signs_it_has() {
        for bits in 0..8 {
            let set = Membership(bits);
            let has = |sign: &char| set.contains(Membership::of_prefix(*sign).unwrap());
            let signs: String = "@%+".chars().filter(has).collect();
            assert_eq!(set.prefixes(), signs);
            assert_eq!(set.highest_prefix(), signs.get(..1).unwrap_or(""));
            assert_eq!(
                set.power(),
                signs.chars().next().map_or(0, |s| "+%@".find(s).unwrap() as u8 + 1)
            );
        }
    }

    #[test]
    fn a_set_is_shown_as_a_mode_string() {
        let flags = ChannelFlags::PROTECTED_TOPIC.union(ChannelFlags::NO_EXTERNAL);
        assert_eq!(flags.to_string(), "+nt");
        assert_eq!(ChannelFlags::EMPTY.to_string(), "+");
        assert_eq!(UserModes::WALLOPS.union(UserModes::BOT).to_string(), "+Bw");
    }

    #[test]
    fn setting_says_whether_it_changed_anything() {
        let mut flags = ChannelFlags::EMPTY;
        assert!(flags.set(ChannelFlags::SECRET, true));
        assert!(!flags.set(ChannelFlags::SECRET, true));
        assert!(!flags.set(ChannelFlags::MODERATED, false));
        assert!(flags.set(ChannelFlags::SECRET, false) && flags.is_empty());
    }
}
