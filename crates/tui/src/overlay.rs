//! What lies over the screen for a while.

use callbox_session::line::LineId;

/// What lies over the screen.
#[derive(Clone, Debug)]
pub(crate) enum Overlay {
    /// The commands and the keys, or one of them; scrolled down by so many rows.
    Help { scrolled: usize, only: Only },
    /// A list of which one is chosen by a part of its name.
    Pick { list: List, words: String, chosen: usize },
    /// A paste of many lines: what becomes of it?
    Paste { text: String, is_cut: bool },
    /// With what to react to a line.
    React { line: LineId, words: String },
}

/// What of the help is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Only {
    All,
    Keys,
    Command(&'static str),
}

/// Of what one is chosen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum List {
    Rooms,
    People,
}

/// The reactions that are one key away.
pub(crate) const REACTIONS: [&str; 8] = ["👍", "👎", "❤️", "😂", "🎉", "😕", "👀", "✅"];

/// The most bytes of words that are typed into an overlay.
pub(crate) const WORDS: usize = 200;

/// Types into an overlay's words.
pub(crate) fn type_into(words: &mut String, text: &str) {
    for c in text.chars().filter(|c| !c.is_control()) {
        if words.len() + c.len_utf8() <= WORDS {
            words.push(c);
        }
    }
}
