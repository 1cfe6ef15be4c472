//! The pictures of the README: one chat, seen from a terminal and from the page, as the program shows it now.

mod people;
mod svg;

use std::fs;
use std::net::TcpListener;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use callbox_testkit::Folder;
use callbox_testkit::browser::{Browser, Key};

use crate::built::build_callbox;
use crate::shell::{find_program, output_of, program, root, succeed};
use people::Person;

/// The terminal of the picture.
const COLUMNS: usize = 112;
const ROWS: usize = 22;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes the pictures, and puts them into `docs/pictures`.
pub(crate) fn run() -> Result<()> {
    for needed in ["tmux", "chromium", "chromedriver"] {
        if find_program(needed).is_none() {
            bail!("{needed} is not installed; `cargo xtask test` installs what pictures need");
        }
    }
    let callbox = build_callbox()?;
    // Free a moment ago: the program takes no port 0, since the next one has to find it.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let home = Folder::new("pictures");
    let terminal = Tmux::start(&home, &callbox, port)?;
    terminal.wait_for("What is your name?")?;
    terminal.press("Enter")?;
    terminal.wait_for("You can start the conversation now!")?;

    let mut bob = Person::enter(port, "bob")?;
    let mut yu = Person::enter(port, "小雨")?;
    let asked = bob.say("Good morning! Who is coming to the lake on Saturday?")?;
    yu.say("我来！天气预报说是晴天 ☀️ https://example.org/weather?city=lake")?;
    yu.react(&asked, "🎉")?;
    yu.answer(&asked, "Shall I bring the \u{2}boat\u{2}?")?;
    bob.say("Yes please, sally, and the \u{11}rope\u{11} that is in the shed.")?;
    terminal.wait_for("in the shed")?;

    let mut page = Browser::start("en-US", home.path());
    page.open(&format!("http://127.0.0.1:{port}/"));
    page.wait_for("document.documentElement.dataset.ready !== undefined");
    page.click("#name");
    page.keys("alice");
    page.press(Key::Enter);
    page.wait_for("document.querySelector('#log')?.textContent.includes('in the shed')");
    page.click("#text");
    page.keys("I will be there, too.");
    page.press(Key::Enter);
    terminal.wait_for("I will be there, too.")?;
    page.wait_for(
        "document.querySelector('#log').textContent.includes('I will be there, too.') \
         && !document.querySelector('#log .pending')",
    );
    terminal.type_text("Me as well: 湖边见！")?;
    terminal.press("Enter")?;
    page.wait_for("document.querySelector('#log').textContent.includes('湖边见')");
    terminal.wait_for("湖边见")?;

    let folder = root().join("docs/pictures");
    fs::create_dir_all(&folder)?;
    fs::copy(page.picture("page"), folder.join("page.png"))?;
    fs::write(folder.join("terminal.svg"), svg::draw(&terminal.colours()?, COLUMNS, ROWS))?;
    println!("the pictures are in {}", folder.display());
    Ok(())
}

/// A terminal multiplexer of our own, with the program in it. Dropping it ends both.
struct Tmux {
    socket: String,
}

impl Tmux {
    fn start(home: &Folder, callbox: &str, port: u16) -> Result<Self> {
        let tmux = Self { socket: format!("callbox-pictures-{}", process::id()) };
        let (columns, rows, port) = (COLUMNS.to_string(), ROWS.to_string(), port.to_string());
        let home = home.path().to_string_lossy().into_owned();
        let settings = [
            format!("HOME={home}"),
            "USER=sally".to_owned(),
            "LANG=C.UTF-8".to_owned(),
            "LC_ALL=C.UTF-8".to_owned(),
            "TERM=tmux-256color".to_owned(),
            "COLORFGBG=15;0".to_owned(),
        ];
        let mut args = vec!["-f", "/dev/null", "new-session", "-d", "-x", &columns, "-y", &rows];
        args.push("env");
        args.extend(settings.iter().map(String::as_str));
        args.extend([callbox, "chat", "--port", &port, "--ephemeral"]);
        succeed(&mut tmux.command(&args))?;
        Ok(tmux)
    }

    fn command(&self, args: &[&str]) -> process::Command {
        let mut command = program("tmux", &["-u", "-L", &self.socket]);
        command.args(args).env("LC_ALL", "C.UTF-8");
        command
    }

    /// Waits until the text is on the screen.
    fn wait_for(&self, text: &str) -> Result<()> {
        let begun = Instant::now();
        while !output_of(&mut self.command(&["capture-pane", "-p"]))?.contains(text) {
            if begun.elapsed() > PATIENCE {
                let screen = output_of(&mut self.command(&["capture-pane", "-p"]))?;
                bail!("{text:?} is not on the terminal:\n{screen}");
            }
            // tmux tells of no change; a picture is in no hurry.
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn press(&self, key: &str) -> Result<()> {
        succeed(&mut self.command(&["send-keys", key]))
    }

    fn type_text(&self, text: &str) -> Result<()> {
        succeed(&mut self.command(&["send-keys", "-l", text]))
    }

    /// The screen, with its colours as escape sequences (SGR).
    fn colours(&self) -> Result<String> {
        output_of(&mut self.command(&["capture-pane", "-p", "-e", "-N"])).context("the screen")
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        // Where it has ended already there is nothing to end.
        let _ = self.command(&["kill-server"]).output();
    }
}
