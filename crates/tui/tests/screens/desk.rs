#![allow(dead_code)]
//! A screen in memory, on a session whose server is played by the test.

use std::time::Duration;

use callbox_session::Session;
use callbox_session::config::Config;
use callbox_session::contract::{Action, Now};
use callbox_tui::{App, Effect, Input, Settings};
use crossterm::event::{KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui_core::backend::TestBackend;
use ratatui_core::buffer::Buffer;
use ratatui_core::terminal::Terminal;

/// 2026-11-22T20:05:00Z, a Sunday.
pub(crate) const START: u64 = 1_795_377_900_000;

/// What `CAP LS` of the played server offers: all that the screen makes use of.
pub(crate) const CAPS: &str = "message-tags server-time echo-message labeled-response batch draft/multiline=max-bytes=4096,max-lines=24 \
     draft/chathistory draft/event-playback draft/read-marker draft/message-redaction away-notify account-notify extended-join \
     multi-prefix setname";

/// A screen and its session.
pub(crate) struct Desk {
    pub(crate) app: App,
    pub(crate) now: Now,
    pub(crate) sent: Vec<String>,
    pub(crate) effects: Vec<Effect>,
    screen: Terminal<TestBackend>,
}

impl Desk {
    /// Ann's screen, not connected yet.
    pub(crate) fn new(columns: u16, rows: u16, settings: Settings) -> Self {
        let now = Now { monotonic: Duration::from_secs(1_000), wall: START };
        let config =
            Config { nick: "ann".into(), join: vec![("#dev".into(), None)], ..Config::default() };
        let app = App::new(Session::new(config, now), settings, now);
        let screen = Terminal::new(TestBackend::new(columns, rows)).expect("a screen");
        let mut desk = Self { app, now, sent: Vec::new(), effects: Vec::new(), screen };
        desk.input(Input::Resize(columns, rows));
        desk
    }

    /// Ann's screen in `#dev`, where bob and carol are.
    pub(crate) fn in_room(columns: u16, rows: u16) -> Self {
        Self::in_room_with(columns, rows, Settings::default())
    }

    pub(crate) fn in_room_with(columns: u16, rows: u16, settings: Settings) -> Self {
        let mut desk = Self::new(columns, rows, settings);
        desk.connect();
        desk
    }

    /// Connects, registers, and joins `#dev`, in which nothing was said.
    pub(crate) fn connect(&mut self) {
        self.come_in();
        self.answer_history("");
    }

    /// Connects, registers, and joins `#dev`.
    pub(crate) fn come_in(&mut self) {
        let now = self.now;
        self.app.session_mut().handle_connected(true, now);
        self.settle();
        self.hear(&format!(":irc.test CAP * LS :{CAPS}"));
        let asked = std::mem::take(&mut self.sent);
        for line in asked {
            if let Some((_, caps)) = line.split_once("CAP REQ :") {
                self.hear(&format!(":irc.test CAP * ACK :{caps}"));
            }
        }
        self.hear(":irc.test 001 ann :Welcome to the Test Network, ann");
        self.hear(":irc.test 004 ann irc.test test-1 iow biklmnopstv bklov");
        self.hear(":irc.test 005 ann NETWORK=TestNet CHATHISTORY=100 CASEMAPPING=ascii NICKLEN=32 :are supported by this server");
        self.hear(":irc.test 422 ann :MOTD File is missing");
        self.hear(":ann!ann@host JOIN #dev");
        self.hear(":irc.test 332 ann #dev :Where callbox is made");
        self.hear(":irc.test 353 ann = #dev :ann @bob +carol");
        self.hear(":irc.test 366 ann #dev :End of /NAMES list.");
    }

    /// Answers the last question for history with these lines of a batch, one a line.
    pub(crate) fn answer_history(&mut self, lines: &str) {
        let asked = self.sent.iter().rev().find(|line| line.contains("CHATHISTORY"));
        let Some(label) = asked.and_then(|line| line.strip_prefix("@label=")) else { return };
        let label = label.split([' ', ';']).next().unwrap_or_default().to_owned();
        self.sent.clear();
        self.hear(&format!("@label={label} :irc.test BATCH +h chathistory #dev"));
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.strip_prefix('@') {
                Some(line) => self.hear(&format!("@batch=h;{line}")),
                None => self.hear(&format!("@batch=h {line}")),
            }
        }
        self.hear(":irc.test BATCH -h");
    }

    /// The server says a line.
    pub(crate) fn hear(&mut self, line: &str) {
        let now = self.now;
        self.app.session_mut().handle_line(line.as_bytes(), now);
        self.settle();
    }

    /// Somebody says something in `#dev`, a second after what was said last.
    pub(crate) fn says(&mut self, nick: &str, text: &str) {
        self.wait(1);
        self.hear(&format!(":{nick}!{nick}@host PRIVMSG #dev :{text}"));
    }

    /// Somebody says something in `#dev`, with these tags.
    pub(crate) fn says_with(&mut self, tags: &str, nick: &str, text: &str) {
        self.wait(1);
        self.hear(&format!("@{tags} :{nick}!{nick}@host PRIVMSG #dev :{text}"));
    }

    /// Seconds go by.
    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now.monotonic += Duration::from_secs(seconds);
        self.now.wall += seconds * 1_000;
        self.settle();
    }

    /// Takes what is to be done and lets the screen see what changed.
    pub(crate) fn settle(&mut self) {
        self.app.handle_changes(self.now);
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(action) = self.app.session_mut().poll_action() {
            if let Action::Send(bytes) = action {
                let text = String::from_utf8(bytes).expect("text");
                self.sent.extend(text.lines().map(str::to_owned));
            }
        }
        while let Some(effect) = self.app.poll_effect() {
            self.effects.push(effect);
        }
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.app.handle_input(input, self.now);
        self.collect();
    }

    /// Presses keys, written as in the configuration, with spaces between them.
    pub(crate) fn press(&mut self, keys: &str) {
        for key in keys.split(' ') {
            let key: callbox_tui::keys::Key = key.parse().expect("a key");
            self.input(Input::Key(KeyEvent::from(key)));
        }
    }

    /// Types a text.
    pub(crate) fn types(&mut self, text: &str) {
        for c in text.chars() {
            let code = if c == '\n' {
                crossterm::event::KeyCode::Enter
            } else {
                crossterm::event::KeyCode::Char(c)
            };
            self.input(Input::Key(KeyEvent::new(code, KeyModifiers::empty())));
        }
    }

    pub(crate) fn paste(&mut self, text: &str) {
        self.input(Input::Paste(text.to_owned()));
    }

    pub(crate) fn click(&mut self, column: u16, row: u16) {
        let kind = MouseEventKind::Down(MouseButton::Left);
        self.input(Input::Mouse(MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::empty(),
        }));
    }

    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.screen.backend_mut().resize(columns, rows);
        self.screen.resize(ratatui_core::layout::Rect::new(0, 0, columns, rows)).expect("resized");
        self.input(Input::Resize(columns, rows));
    }

    /// Draws, and gives the cells. They are those of the frame: what the played terminal keeps behind wide characters is
    /// of no meaning.
    pub(crate) fn buffer(&mut self) -> &Buffer {
        let app = &mut self.app;
        self.screen.draw(|frame| app.view(frame)).expect("drawn").buffer
    }

    /// Draws, and gives the rows as text.
    pub(crate) fn rows(&mut self) -> Vec<String> {
        rows(self.buffer())
    }

    /// The whole screen as text.
    pub(crate) fn shown(&mut self) -> String {
        self.rows().join("\n")
    }

    /// Whether a row of the screen holds this.
    pub(crate) fn shows(&mut self, text: &str) -> bool {
        self.rows().iter().any(|row| row.contains(text))
    }

    /// What was sent since the last look.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sent)
    }
}

/// The rows of a buffer as text, without the spaces at their ends. What is behind a wide character is left out.
pub(crate) fn rows(buffer: &Buffer) -> Vec<String> {
    use unicode_width::UnicodeWidthStr as _;
    let width = usize::from(buffer.area.width.max(1));
    let row = |cells: &[ratatui_core::buffer::Cell]| {
        let mut text = String::new();
        let mut at = 0;
        while let Some(cell) = cells.get(at) {
            text += cell.symbol();
            at += cell.symbol().width().max(1);
        }
        text.trim_end().to_owned()
    };
    buffer.content.chunks(width).map(row).collect()
}
