//! The terminal itself: taken over, drawn on, asked, and given back whatever happens.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Read, Stdout, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
    EnableFocusChange, EnableMouseCapture,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    SetTitle, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use ratatui_core::terminal::Terminal as Screen;
use ratatui_crossterm::CrosstermBackend;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::app::App;
use crate::effect::Effect;
use crate::theme::Background;

/// Whether the terminal is ours now, with or without the mouse; a panic gives it back.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Puts the window's name on the terminal's stack, and takes it from there (XTWINOPS 22 and 23).
const KEEP_TITLE: &[u8] = b"\x1b[22;2t";
const GIVE_TITLE_BACK: &[u8] = b"\x1b[23;2t";

/// The terminal, taken over until this is dropped.
pub struct Terminal {
    screen: Screen<CrosstermBackend<BufWriter<Stdout>>>,
    has_mouse: bool,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("has_mouse", &self.has_mouse).finish_non_exhaustive()
    }
}

impl Terminal {
    /// Takes the terminal over: raw mode, the alternate screen, pastes and changes of focus told, and with `has_mouse` the
    /// mouse.
    ///
    /// # Errors
    ///
    /// There is no terminal, or it cannot be set.
    pub fn take(has_mouse: bool) -> io::Result<Self> {
        restore_at_panic();
        take(has_mouse)?;
        // A frame leaves in one write.
        let out = BufWriter::with_capacity(64 << 10, io::stdout());
        match Screen::new(CrosstermBackend::new(out)) {
            Ok(screen) => Ok(Self { screen, has_mouse }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Draws the screen.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub fn draw(&mut self, app: &mut App) -> io::Result<()> {
        queue!(self.screen.backend_mut(), BeginSynchronizedUpdate)?;
        self.screen.draw(|frame| app.view(frame))?;
        execute!(self.screen.backend_mut(), EndSynchronizedUpdate)
    }

    /// Does what the screen wants of the terminal; [`Effect::Quit`] is the program's matter.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub fn perform(&mut self, effect: &Effect) -> io::Result<()> {
        let out = self.screen.backend_mut();
        match effect {
            Effect::Bell => out.write_all(b"\x07")?,
            Effect::Notify(words) => write!(out, "\x1b]9;{words}\x07")?,
            Effect::Copy(text) => write!(out, "\x1b]52;c;{}\x07", STANDARD.encode(text))?,
            Effect::Title(words) => queue!(out, SetTitle(words))?,
            Effect::Redraw => return self.clear(),
            Effect::Suspend => return self.suspend(),
            Effect::Quit => {}
        }
        Write::flush(self.screen.backend_mut())
    }

    /// Gives the terminal back, stops all of this job, and takes the terminal again when the shell lets it go on.
    fn suspend(&mut self) -> io::Result<()> {
        give_back();
        // Those in a pipe with us stop too, as they do when the terminal itself sends the signal.
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
        take(self.has_mouse)?;
        self.clear()
    }

    /// Has all of the next frame drawn. Ratatui's own `clear` asks the terminal where its cursor is, and the answer
    /// comes to the thread that waits in [`read`], which hands nothing on before the next key.
    fn clear(&mut self) -> io::Result<()> {
        let size = self.screen.size()?;
        self.screen.resize(size.into())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

fn take(has_mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    IS_TAKEN.store(true, Ordering::SeqCst);
    let mut out = io::stdout();
    out.write_all(KEEP_TITLE)?;
    execute!(out, EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange)?;
    if has_mouse { execute!(out, EnableMouseCapture) } else { Ok(()) }
}

/// Gives the terminal back as it was. If that fails there is nobody to tell.
pub fn give_back() {
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        let _ = io::stdout().write_all(GIVE_TITLE_BACK);
        let _ = execute!(
            io::stdout(),
            DisableMouseCapture,
            DisableFocusChange,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            cursor::Show
        );
        let _ = disable_raw_mode();
    }
}

/// A panic is told on the ordinary screen, in ordinary lines.
fn restore_at_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back();
            before(info);
        }));
    });
}

/// The next thing that comes from the terminal. It waits, so it is called on a thread of its own.
///
/// # Errors
///
/// The terminal is gone.
pub fn read() -> io::Result<crossterm::event::Event> {
    crossterm::event::read()
}

/// Asks the terminal what is behind the letters (OSC 11), and waits at most so long for the answer. It must be called
/// before [`Terminal::take`], and before anything else reads from the terminal.
pub fn ask_background(patience: Duration) -> Option<Background> {
    enable_raw_mode().ok()?;
    let answer = ask(patience);
    let _ = disable_raw_mode();
    Background::of_answer(&String::from_utf8_lossy(&answer.unwrap_or_default()))
}

/// What the terminal answers to OSC 11 and, behind it, to a question that every terminal answers (DA1), so that the
/// silence of one that does not know OSC 11 is no wait.
fn ask(patience: Duration) -> io::Result<Vec<u8>> {
    /// More than any answer; what a user types meanwhile is lost.
    const MOST: usize = 256;
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    terminal.write_all(b"\x1b]11;?\x1b\\\x1b[c")?;
    let end = Instant::now() + patience;
    let mut answer = Vec::new();
    let is_whole = |answer: &[u8]| {
        let last = answer.windows(3).rposition(|window| window == b"\x1b[?");
        last.is_some_and(|start| answer[start..].contains(&b'c'))
    };
    while answer.len() < MOST && !is_whole(&answer) {
        let rest = end.saturating_duration_since(Instant::now());
        let wait = Timespec::try_from(rest).map_err(io::Error::other)?;
        let mut ready = [PollFd::new(&terminal, PollFlags::IN)];
        if rest.is_zero() || poll(&mut ready, Some(&wait))? == 0 {
            break;
        }
        let mut bytes = [0; 64];
        let count = terminal.read(&mut bytes)?;
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&bytes[..count]);
    }
    Ok(answer)
}
