//! Lines on their way to the server.

use callbox_irc::build::Line;
use callbox_irc::tags::TagWriter;

use crate::contract::Action;
use crate::session::Session;

impl Session {
    /// Sends a line: `send("JOIN", |line| line.param("#room"))`. It is dropped if there is no connection.
    pub(crate) fn send(&mut self, command: &str, build: impl FnOnce(Line<'_>) -> Line<'_>) {
        self.send_tagged(|_| {}, command, build);
    }

    /// The same, with tags.
    pub(crate) fn send_tagged(
        &mut self,
        tag: impl FnOnce(&mut TagWriter<'_>),
        command: &str,
        build: impl FnOnce(Line<'_>) -> Line<'_>,
    ) {
        if !self.connection.is_open {
            return;
        }
        if !matches!(self.actions.back(), Some(Action::Send(_))) {
            self.actions.push_back(Action::Send(Vec::new()));
        }
        let Some(Action::Send(out)) = self.actions.back_mut() else { return };
        let mut tags = TagWriter::new(out);
        tag(&mut tags);
        tags.finish();
        build(Line::bare(out, command)).end();
    }
}
