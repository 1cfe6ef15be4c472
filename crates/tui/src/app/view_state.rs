//! What the screen keeps of each room.

use callbox_session::contract::Millis;
use callbox_session::line::LineId;
use callbox_session::room::OutId;

use crate::editor::Editor;
use crate::lines::Scroll;

/// What the screen keeps of a room.
#[derive(Debug, Default)]
pub(crate) struct RoomView {
    pub(crate) editor: Editor,
    pub(crate) scroll: Scroll,
    /// The chosen line and about where it stands.
    pub(crate) chosen: Option<(Chosen, usize)>,
    /// The line that a command which is being typed is about.
    pub(crate) meant: Option<LineId>,
    /// The line that is answered.
    pub(crate) reply_to: Option<LineId>,
    /// The own line that is edited, and what was being typed before.
    pub(crate) editing: Option<(LineId, String)>,
    /// Whether taking back the chosen line was asked for, and waits for a second press.
    pub(crate) is_taking_back: bool,
    /// The last line that `/clear` hid, and about where it stands.
    pub(crate) cleared: Option<(LineId, usize)>,
    /// How many were said below what is seen.
    pub(crate) new_below: u32,
    /// Up to when the room was read before it was come to. Without it the room's own mark is shown.
    divider: Option<Millis>,
}

/// A line that is chosen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Chosen {
    Line(LineId),
    Out(OutId),
}

impl RoomView {
    pub(crate) fn is_at_end(&self) -> bool {
        self.scroll == Scroll::End
    }

    pub(crate) fn set_scroll(&mut self, scroll: Scroll) {
        self.scroll = scroll;
        if scroll == Scroll::End {
            self.new_below = 0;
        }
    }

    /// Somebody said something at the end.
    pub(crate) fn handle_speech(&mut self) {
        if !self.is_at_end() {
            self.new_below = self.new_below.saturating_add(1);
        }
    }

    /// What is unread is about to be marked as read: the line where reading stopped stays where it is.
    pub(crate) fn mark(&mut self, read: Option<Millis>) {
        self.divider = self.divider.or(read);
    }

    pub(crate) fn unmark(&mut self) {
        self.divider = None;
    }

    pub(crate) fn divider(&self) -> Option<Millis> {
        self.divider
    }
}
