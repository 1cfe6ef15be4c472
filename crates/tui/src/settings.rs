//! What the person and the terminal want of the screen.

use crate::keys::Keys;
use crate::text::time::Zone;
use crate::texts::Language;
use crate::theme::{Background, Depth};

/// The settings of the screen.
pub struct Settings {
    /// The language of its texts.
    pub language: Language,
    /// How many colours it uses.
    pub depth: Depth,
    /// What is behind the letters.
    pub background: Background,
    /// Which key does what.
    pub keys: Keys,
    /// How a line that names us is announced while it is not looked at.
    pub alert: Alert,
    /// Local time.
    pub zone: Zone,
    /// Whether others are told that we type.
    pub typing: bool,
}

/// How something is announced.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Alert {
    /// Not at all.
    Off,
    /// By the terminal's bell.
    #[default]
    Bell,
    /// By a notification of the desktop (OSC 9), where the terminal can, and the bell.
    Desktop,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: Language::default(),
            depth: Depth::default(),
            background: Background::default(),
            keys: Keys::default(),
            alert: Alert::default(),
            zone: Box::new(|_| 0),
            typing: true,
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("language", &self.language)
            .field("depth", &self.depth)
            .field("background", &self.background)
            .field("alert", &self.alert)
            .field("typing", &self.typing)
            .finish_non_exhaustive()
    }
}
