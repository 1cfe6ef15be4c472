//! `callbox chat` on a terminal: the session, its link and the screen.
//!
//! It comes in before the screen is taken, so what goes wrong on the way there is said as every other command says it,
//! and can be copied.

use std::env;
use std::process;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use callbox_chat::running::Tell;
use callbox_net::signal;
use callbox_session::Session;
use callbox_session::config::Config;
use callbox_session::contract::{End, Status};
use callbox_session::room::{Kind, Presence};
use callbox_tui::keys::Keys;
use callbox_tui::terminal::{self, Terminal};
use callbox_tui::texts::Language;
use callbox_tui::theme::{Background, Depth};
use callbox_tui::{Alert, App, Effect, Input, Settings, zone};

use super::drive::{Drive, Happened};
use super::host::Host;
use super::link::Target;
use super::profile;
use crate::messages::{self, Exit, Failure, Reason};

/// How long the terminal has to say what is behind its letters. One on the other side of the world is asked in vain.
const BACKGROUND: Duration = Duration::from_millis(150);

/// How long what listens on this machine may take to let somebody in before it is held to be no chat. One that is busy
/// takes less than a second.
const WELCOME: Duration = Duration::from_secs(10);

/// What only others did is drawn no more often than this: sixty times a second is as smooth as terminals are.
const FRAME: Duration = Duration::from_millis(16);

/// How long what waits is taken in before a frame is drawn: a key is answered within a few milliseconds, however much comes.
const INTAKE: Duration = Duration::from_millis(3);

/// Said in place of stopping a program in which the chat of others runs.
const NOT_STOPPED: &str = "This program is not stopped: the chat runs in it, and others would wait";

/// Makes the server that is started where nobody listens.
pub(super) type HostOf<'a> = &'a dyn Fn(Tell) -> Host;

/// The settings of the screen: those of the file, and what the environment says.
pub(super) fn settings(config: &profile::Config) -> Result<Settings, Failure> {
    let variable = |name| env::var(name).ok();
    let screen = &config.screen;
    let language = match screen.language {
        Some("zh") => Language::Chinese,
        Some(_) => Language::English,
        None => {
            let values = [variable("LC_ALL"), variable("LC_MESSAGES"), variable("LANG")];
            Language::of_locale(values.each_ref().map(Option::as_deref))
        }
    };
    let depth = match screen.colours {
        Some("none") => Depth::Mono,
        Some("16") => Depth::Sixteen,
        Some(_) => Depth::Full,
        None => {
            let [no_color, colorterm, term] = ["NO_COLOR", "COLORTERM", "TERM"].map(variable);
            Depth::of_environment(no_color.as_deref(), colorterm.as_deref(), term.as_deref())
        }
    };
    let background = match screen.background {
        Some("light") => Background::Light,
        Some(_) => Background::Dark,
        None => variable("COLORFGBG")
            .and_then(|value| Background::of_colorfgbg(&value))
            .or_else(|| terminal::ask_background(BACKGROUND))
            .unwrap_or_default(),
    };
    let alert = match screen.alert {
        Some("off") => Alert::Off,
        Some("desktop") => Alert::Desktop,
        _ => Alert::Bell,
    };
    let keys = Keys::with(&config.keys).map_err(|error| {
        let place = config.keys_at.as_ref();
        let place =
            place.map_or(String::new(), |(file, line)| format!("{}:{line}: ", file.display()));
        Failure::usage(format!("{place}[keys] {error}"))
    })?;
    let typing = !screen.no_typing;
    Ok(Settings { language, depth, background, keys, alert, zone: zone::local(), typing })
}

/// Connects, and shows the chat until the person leaves it.
pub(super) fn run(
    config: Config,
    target: Target,
    host: Option<HostOf<'_>>,
    settings: Settings,
) -> Result<(), Failure> {
    let (happened, happening) = channel();
    stop_on_signals(&happened)?;
    let served = host.map(|host| {
        let says = happened.clone();
        host(Tell::new(move |_, line| {
            let _ = says.send(Happened::Host(line.to_owned()));
        }))
    });
    let mut drive = Drive::new(target, served, happened.clone());
    let mut session = Session::new(config, drive.now());
    let patience = host.is_some().then_some(WELCOME);
    come_in(&mut session, &mut drive, &happening, patience)?;

    let greeting = match settings.language {
        Language::English => "You can start the conversation now!",
        Language::Chinese => "现在可以开始聊天了！",
    };
    let app = App::new(session, settings, drive.now());
    let terminal = Terminal::take(true).map_err(|error| unusable(&error))?;
    read_keys(&happened)?;
    let mut screen = Screen { app, terminal, greeting: Some(greeting), is_urgent: true };
    let shown = screen.show(&mut drive, &happening);
    let Screen { mut app, terminal, .. } = screen;
    drop(terminal);
    drive.leave(app.session_mut(), &happening);
    drive.finish();
    shown
}

fn stop_on_signals(happened: &Sender<Happened<Input>>) -> Result<(), Failure> {
    let (stop, hangup) = (happened.clone(), happened.clone());
    signal::on_termination(
        move || {
            let _ = stop.send(Happened::Stop);
        },
        || {
            terminal::give_back();
            process::exit(Exit::Interrupted as i32)
        },
    )
    .and_then(|()| {
        signal::on_hangup(move || {
            let _ = hangup.send(Happened::Stop);
        })
    })
    .map_err(|error| Failure::network(format!("cannot listen for signals: {}", Reason(&error))))
}

/// Waits until the server has let us in. A network far away may take its time, and the session says how long.
fn come_in(
    session: &mut Session,
    drive: &mut Drive<Input>,
    happening: &Receiver<Happened<Input>>,
    patience: Option<Duration>,
) -> Result<(), Failure> {
    let end = patience.map(|patience| drive.now().monotonic + patience);
    while !drive.was_online() {
        drive.perform(session);
        // The screen reads what there is from the model. A server may say what it likes before it lets us in.
        while session.poll_event().is_some() {}
        if let Status::Ended(End::Refused(words) | End::Lost(words)) = session.status() {
            return Err(Failure::network(words.to_string()));
        }
        let left = end.map(|end| end.saturating_sub(drive.now().monotonic));
        if left.is_some_and(|left| left.is_zero()) {
            let server = drive.server();
            return Err(Failure::network(format!("what listens at {server} is no chat")));
        }
        match drive.wait(session, happening, left) {
            Some(Happened::Link(number, event)) => drive.handle_link(number, event, session)?,
            Some(Happened::Host(line)) => messages::status(messages::visible(&line)),
            Some(Happened::Stop) => return Err(Failure::said(Exit::Interrupted)),
            Some(Happened::Typed(_)) | None => {}
        }
    }
    Ok(())
}

/// Starts the thread that reads the terminal. It ends with the program.
fn read_keys(happened: &Sender<Happened<Input>>) -> Result<(), Failure> {
    let happened = happened.clone();
    let thread = thread::Builder::new().name("chat-keys".to_owned());
    let reader = move || {
        while let Ok(input) = terminal::read() {
            if happened.send(Happened::Typed(input)).is_err() {
                return;
            }
        }
        let _ = happened.send(Happened::Stop);
    };
    thread.spawn(reader).map(drop).map_err(|error| messages::no_thread(&error))
}

struct Screen {
    app: App,
    terminal: Terminal,
    /// What is said in the first room that is entered.
    greeting: Option<&'static str>,
    /// Whether the next frame is one that the person waits for.
    is_urgent: bool,
}

impl Screen {
    fn show(
        &mut self,
        drive: &mut Drive<Input>,
        happening: &Receiver<Happened<Input>>,
    ) -> Result<(), Failure> {
        // When the next frame may be drawn that nobody waits for.
        let mut next_frame = drive.now().monotonic;
        loop {
            if self.settle(drive)? {
                return Ok(());
            }
            let now = drive.now().monotonic;
            if self.is_urgent || next_frame <= now {
                self.terminal.draw(&mut self.app).map_err(|error| unusable(&error))?;
                self.is_urgent = false;
                next_frame = drive.now().monotonic + FRAME;
            }
            let patience = self.app.poll_timeout().map(|at| at.saturating_sub(now));
            let Some(first) = drive.wait(self.app.session_mut(), happening, patience) else {
                continue;
            };
            // A frame is drawn behind what came together, or else as soon as it may be.
            let end = drive.now().monotonic + INTAKE;
            let mut next = Some(first);
            while let Some(happened) = next {
                if self.handle(happened, drive)? {
                    return Ok(());
                }
                let now = drive.now().monotonic;
                next = match (now >= end && self.is_urgent, next_frame.saturating_sub(now)) {
                    (true, _) => None,
                    (false, left) if left.is_zero() || self.is_urgent => happening.try_recv().ok(),
                    (false, left) => drive.wait(self.app.session_mut(), happening, Some(left)),
                };
            }
        }
    }

    /// Takes in one thing. Says whether it is over.
    fn handle(
        &mut self,
        happened: Happened<Input>,
        drive: &mut Drive<Input>,
    ) -> Result<bool, Failure> {
        let now = drive.now();
        match happened {
            Happened::Link(number, event) => {
                drive.handle_link(number, event, self.app.session_mut())?;
                // What changed is taken in with each batch, and not kept until the next frame.
                self.app.handle_changes(now);
            }
            Happened::Host(line) => self.app.session_mut().show(None, &line, now),
            Happened::Typed(input) => {
                self.is_urgent = true;
                self.app.handle_input(input, now);
            }
            Happened::Stop => return Ok(true),
        }
        drive.perform(self.app.session_mut());
        Ok(false)
    }

    /// Brings session, link, screen and terminal to agree. Says whether the person leaves.
    fn settle(&mut self, drive: &mut Drive<Input>) -> Result<bool, Failure> {
        drive.perform(self.app.session_mut());
        self.greet(drive);
        self.app.handle_changes(drive.now());
        drive.perform(self.app.session_mut());
        while let Some(effect) = self.app.poll_effect() {
            if effect == Effect::Quit {
                return Ok(true);
            }
            if effect == Effect::Suspend && drive.is_hosting() {
                let room = self.app.current();
                self.app.session_mut().show(Some(room), NOT_STOPPED, drive.now());
                self.app.handle_changes(drive.now());
                self.is_urgent = true;
                continue;
            }
            self.terminal.perform(&effect).map_err(|error| unusable(&error))?;
            self.is_urgent |= matches!(effect, Effect::Redraw | Effect::Suspend);
        }
        match self.app.session().status() {
            Status::Ended(End::Quit) => Ok(true),
            Status::Ended(End::Refused(words) | End::Lost(words)) => {
                Err(Failure::network(words.to_string()))
            }
            _ => Ok(false),
        }
    }

    /// Says that it begins, once there is somewhere to talk.
    fn greet(&mut self, drive: &Drive<Input>) {
        let Some(greeting) = self.greeting else { return };
        let rooms = self.app.session().rooms();
        let is_ours = |kind, presence| kind != Kind::Server && presence == Presence::In;
        if let Some(room) = rooms.iter().find(|room| is_ours(room.kind, room.presence)) {
            let room = room.id;
            self.greeting = None;
            self.app.session_mut().show(Some(room), greeting, drive.now());
        }
    }
}

fn unusable(error: &std::io::Error) -> Failure {
    Failure::network(format!("cannot use this terminal: {}", Reason(error)))
}
