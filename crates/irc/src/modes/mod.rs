//! The tables of channel modes and user modes, and mode strings parsed against them.
//!
//! MODE is a small language: letters with signs, then the arguments of those letters that take one.
//! Which take one is decided by the table here, the same from which CHANMODES, PREFIX, MYINFO and the
//! help text are made, so that what is announced is what is parsed.

mod sets;
mod string;
mod table;

pub use sets::{ChannelFlags, Membership, UserModes};
pub use string::{ModeChange, ModeError, ModeString, parse_channel_modes, parse_user_modes};
pub use table::{
    CHANNEL_MODES, ChannelMode, ChannelModeRow, ListMode, STATUS_PREFIXES, SetBy, USER_MODES,
    UserModeRow, chanmodes, channel_letters, channel_letters_with_argument, channel_mode, maxlist,
    prefix_token, user_letters, user_mode,
};
