//! What the screen wants of the terminal beyond being drawn.

use std::time::Duration;

use crate::text::clean::one_line;
use crate::text::shorten;

/// Something to do with the terminal; `Terminal::perform` does it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Ring the bell.
    Bell,
    /// Show a notification of the desktop with these words, which are harmless (OSC 9).
    Notify(String),
    /// Put this into the clipboard (OSC 52).
    Copy(String),
    /// Name the window so; the name is harmless (OSC 2).
    Title(String),
    /// Draw all of the screen anew.
    Redraw,
    /// Stop the program until the shell goes on with it.
    Suspend,
    /// Leave.
    Quit,
}

/// The most cells of a notification: some desktops show all of it.
const NOTIFICATION: usize = 200;
/// The most cells of a window's name.
const TITLE: usize = 100;
/// The most bytes for the clipboard: terminals drop longer sequences, some at 74,994 bytes of base64.
const COPY: usize = 50_000;
/// Announcements come no faster than this, however often we are named.
const PAUSE: Duration = Duration::from_secs(3);

impl Effect {
    pub(crate) fn notify(words: &str) -> Self {
        // OSC 9;4 is a progress bar in some terminals: no notification begins with a digit.
        let words = shorten(&one_line(words), NOTIFICATION);
        let is_number = words.starts_with(|c: char| c.is_ascii_digit());
        Self::Notify(if is_number { format!("‘{words}") } else { words })
    }

    pub(crate) fn title(words: &str) -> Self {
        Self::Title(shorten(&one_line(words), TITLE))
    }

    pub(crate) fn copy(text: &str) -> Self {
        Self::Copy(text[..text.floor_char_boundary(COPY)].to_owned())
    }
}

/// When something was announced last.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Option<Duration>);

impl Throttle {
    /// Whether it is time to announce something again.
    pub(crate) fn allows(&mut self, now: Duration) -> bool {
        let is_due = self.0.is_none_or(|last| now >= last + PAUSE);
        if is_due {
            self.0 = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_into_a_sequence_cannot_end_it() {
        assert_eq!(Effect::notify("a\x1b\\b\x07\u{9c}"), Effect::Notify("a␛\\b␇\u{fffd}".into()));
        assert_eq!(Effect::notify("4;1;100"), Effect::Notify("‘4;1;100".into()));
        assert_eq!(Effect::title("#a\x07"), Effect::Title("#a␇".into()));
        assert_eq!(Effect::copy(&"é".repeat(COPY)), Effect::Copy("é".repeat(COPY / 2)));
    }

    #[test]
    fn announcements_keep_their_distance() {
        let mut throttle = Throttle::default();
        let at = Duration::from_millis;
        assert!(
            throttle.allows(at(0)) && !throttle.allows(at(2_999)) && throttle.allows(at(3_000))
        );
    }
}
