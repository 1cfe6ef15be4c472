//! Who is in a room, and what is known of them.

use std::sync::Arc;

/// Somebody whom the server told us of. One of them stands for all rooms that they share with us.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Person {
    /// The nickname, as shown.
    pub nick: Arc<str>,
    /// The user name, if known.
    pub user: Option<Arc<str>>,
    /// The host, if known.
    pub host: Option<Arc<str>>,
    /// The account they are logged in to.
    pub account: Option<Arc<str>>,
    /// Why they are away; `None` if they are not, as far as we know.
    pub away: Option<Arc<str>>,
    /// Whether they are a program (IRCv3 bot mode).
    pub bot: bool,
}

/// Somebody in a room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// The nickname, as shown.
    pub nick: Arc<str>,
    /// The prefixes of the modes that they have here, highest first: `@+`. Empty for most.
    pub prefixes: Arc<str>,
}
