//! Chat on the wire: IRC lines, messages, tags, names, numerics, capabilities and modes. No I/O.
//!
//! | module | what it is for |
//! |---|---|
//! | [`framer`] | bytes in, lines out, capped while they are gathered |
//! | [`message`] | one line, parsed |
//! | [`build`] | one line, built: it can never hold CR, LF or NUL within |
//! | [`tags`] | message tags: escaping, client-only tags, their budget |
//! | [`names`] | nicknames, channels, users, accounts: constructible only by parsing |
//! | [`fold`] | the one case folding, and look-alikes |
//! | [`format`](mod@format) | bold, colours and the like in the text of messages |
//! | [`mask`] | `nick!user@host` masks with `*` and `?`, and extended bans |
//! | [`numeric`] | the one table of numerics |
//! | [`capability`] | the one table of capabilities |
//! | [`modes`] | mode strings against the mode tables |
//! | [`isupport`] | ISUPPORT tokens |
//! | [`stamp`] | server-time text and milliseconds |

#![forbid(unsafe_code)]

pub mod build;
pub mod capability;
pub mod fold;
pub mod format;
pub mod framer;
pub mod isupport;
pub mod mask;
pub mod message;
pub mod modes;
pub mod names;
pub mod numeric;
pub mod stamp;
pub mod tags;
