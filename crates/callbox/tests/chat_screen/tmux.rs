//! A real terminal: tmux, with a server of its own for each test.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use callbox_testkit::{EVENT_DEADLINE, Folder};

/// Terminals of this process, each with a name of its own.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// One terminal with one program. Dropping it ends tmux and what runs in it.
pub(crate) struct Tmux {
    name: String,
    /// Settings, history and tmux's socket.
    home: Folder,
}

impl Tmux {
    /// Starts a program on a terminal of `columns` × `rows`, with these variables besides those all have.
    #[track_caller]
    pub(crate) fn start(size: (u16, u16), env: &[(&str, &str)], program: &[&str]) -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("callbox-{}-{number}", std::process::id());
        let tmux = Self { name, home: Folder::new("screen") };
        let (columns, rows) = (size.0.to_string(), size.1.to_string());
        let mut command = tmux.command(&["new-session", "-d", "-x", &columns, "-y", &rows, "--"]);
        command.args(program).envs(env.iter().copied());
        tmux.succeed(&mut command);
        tmux
    }

    /// tmux with our server, which sees nothing of whoever runs the tests.
    fn command<A: AsRef<OsStr>>(&self, args: &[A]) -> Command {
        let mut command = Command::new("tmux");
        command.args(["-u", "-L", &self.name, "-f", "/dev/null"]).args(args);
        let home = self.home.path();
        command.env("TMUX_TMPDIR", home).env("HOME", home).env("LC_ALL", "C.UTF-8");
        command.env("XDG_CONFIG_HOME", home).env("XDG_DATA_HOME", home).env("TZ", "UTC");
        command.env("SHELL", "/bin/sh").env("PS1", "$ ");
        for name in ["TMUX", "NO_COLOR", "COLORFGBG", "COLORTERM", "ENV"] {
            command.env_remove(name);
        }
        command
    }

    #[track_caller]
    fn succeed(&self, command: &mut Command) -> String {
        let output = command
            .stdin(Stdio::null())
            .output()
            .expect("tmux starts (Debian's package is tmux; `cargo xtask test` installs it)");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    #[track_caller]
    fn run(&self, args: &[&str]) -> String {
        self.succeed(&mut self.command(args))
    }

    /// Types text as it is.
    #[track_caller]
    pub(crate) fn types(&self, text: &str) {
        self.run(&["send-keys", "-l", "--", text]);
    }

    /// Presses keys by tmux's names: `Enter`, `C-c`, `PPage`.
    #[track_caller]
    pub(crate) fn press(&self, keys: &[&str]) {
        self.run(&[&["send-keys"], keys].concat());
    }

    /// Types a line and sends it.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        self.types(text);
        self.press(&["Enter"]);
    }

    /// Pastes as a terminal does: bracketed, if the program asked for that.
    #[track_caller]
    pub(crate) fn pastes(&self, text: &str) {
        let mut load = self.command(&["load-buffer", "-"]);
        let mut load = load.stdin(Stdio::piped()).spawn().expect("tmux");
        load.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("taken");
        assert!(load.wait().expect("an end").success());
        self.run(&["paste-buffer", "-p"]);
    }

    #[track_caller]
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.run(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }

    /// What stands on the screen now.
    #[track_caller]
    pub(crate) fn screen(&self) -> String {
        self.run(&["capture-pane", "-p"])
    }

    /// The same with its colours.
    #[track_caller]
    pub(crate) fn screen_with_colours(&self) -> String {
        self.run(&["capture-pane", "-p", "-e"])
    }

    /// A value of tmux's, such as `cursor_x`.
    #[track_caller]
    pub(crate) fn value(&self, name: &str) -> String {
        self.run(&["display-message", "-p", &format!("#{{{name}}}")]).trim().to_owned()
    }

    /// Waits until `text` stands on the screen, and returns all of it.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) -> String {
        self.shows_that(&format!("{text:?}"), |screen| screen.contains(text))
    }

    /// Waits until the screen is as `is` wants it. tmux tells nobody that it has drawn; each look starts a process, so
    /// looking again and again leaves the others their time.
    #[track_caller]
    pub(crate) fn shows_that(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + EVENT_DEADLINE;
        loop {
            let screen = self.screen();
            if is(&screen) {
                return screen;
            }
            assert!(Instant::now() < deadline, "no {what} on the screen:\n{screen}");
        }
    }

    /// Waits until the screen lacks `text`.
    #[track_caller]
    pub(crate) fn lacks(&self, text: &str) -> String {
        self.shows_that(&format!("end of {text:?}"), |screen| !screen.contains(text))
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        // It may have ended with its program.
        let _ = self.command(&["kill-server"]).stderr(Stdio::null()).status();
    }
}
