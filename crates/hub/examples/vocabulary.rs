//! Prints what the server speaks, for `docs/irc.md`: `cargo run -p callbox-hub --example vocabulary -- commands`.
//!
//! Commands and ISUPPORT are asked of a hub, as a client would ask; capabilities and modes are the tables themselves. So
//! the document says what a server answers.

#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use std::time::Duration;

use callbox_hub::Hub;
use callbox_hub::config::Config;
use callbox_hub::contract::{ConnId, Door, Job, Now, Peer, Record, Saved, Sink};
use callbox_irc::capability;
use callbox_irc::message::Message;
use callbox_irc::modes::{CHANNEL_MODES, ChannelMode, SetBy, USER_MODES};

fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "an example is no part of the hub")]
    let part = std::env::args().nth(1).unwrap_or_default();
    let lines = match part.as_str() {
        "commands" => commands(),
        "capabilities" => capabilities(),
        "channel-modes" => channel_modes(),
        "user-modes" => user_modes(),
        "isupport" => isupport(),
        _ => {
            eprintln!("vocabulary: commands, capabilities, channel-modes, user-modes or isupport");
            return ExitCode::from(2);
        }
    };
    lines.iter().for_each(|line| println!("{line}"));
    ExitCode::SUCCESS
}

/// How each command is used, and below it what it does.
fn commands() -> Vec<String> {
    let mut client = Client::new();
    let list = client.texts("HELP", "705").join(" ");
    let mut lines = Vec::new();
    for name in list.split(' ') {
        lines.extend(client.texts(&format!("HELP {name}"), "704"));
        let about = client.texts(&format!("HELP {name}"), "705");
        lines.extend(about.iter().filter(|l| !l.is_empty()).map(|line| format!("    {line}")));
    }
    lines
}

/// The tokens of ISUPPORT by the default settings.
fn isupport() -> Vec<String> {
    let client = Client::new();
    let lines = client.outputs.0.iter().filter_map(|line| Message::parse(line).ok());
    let tokens = lines.filter(|message| message.command == "005").flat_map(|message| {
        let tokens = message.params.iter().skip(1).map(ToString::to_string);
        tokens.filter(|token| !token.contains(' ')).collect::<Vec<_>>()
    });
    tokens.collect()
}

fn capabilities() -> Vec<String> {
    let rows = capability::ALL.iter().filter(|row| !row.alias).map(|row| {
        let needs: Vec<&str> = row.needs.iter().map(|needed| needed.name).collect();
        [row.name.to_owned(), row.spec.to_owned(), needs.join(", ")]
    });
    table(["NAME", "SPECIFICATION", "NEEDS"], rows)
}

fn channel_modes() -> Vec<String> {
    let rows = CHANNEL_MODES.iter().map(|row| {
        let kind = match row.mode {
            ChannelMode::List(_) => "list".to_owned(),
            ChannelMode::Key => "key".to_owned(),
            ChannelMode::Limit => "number".to_owned(),
            ChannelMode::Flag(_) => "on or off".to_owned(),
            ChannelMode::Member(_) => format!("rank {}", row.prefix.unwrap_or(' ')),
        };
        [row.letter.to_string(), kind, row.about.to_owned()]
    });
    table(["MODE", "KIND", "MEANING"], rows)
}

fn user_modes() -> Vec<String> {
    let rows = USER_MODES.iter().map(|row| {
        let set_by = match row.set_by {
            SetBy::User => "the user",
            SetBy::ServerUserClears | SetBy::Server => "the server",
        };
        [row.letter.to_string(), set_by.to_owned(), row.about.to_owned()]
    });
    table(["MODE", "SET BY", "MEANING"], rows)
}

/// Rows below their heads, in columns as wide as they need.
fn table(heads: [&str; 3], rows: impl Iterator<Item = [String; 3]>) -> Vec<String> {
    let rows: Vec<[String; 3]> =
        std::iter::once(heads.map(ToOwned::to_owned)).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    let line = |[a, b, c]: &[String; 3]| format!("{a:<first$}  {b:<second$}  {c}");
    rows.iter().map(|row| line(row).trim_end().to_owned()).collect()
}

/// Somebody who came in, at a hub without flood control.
struct Client {
    hub: Hub,
    outputs: Lines,
}

/// What the hub said.
#[derive(Default)]
struct Lines(Vec<String>);

const ME: ConnId = ConnId(1);
const NOW: Now = Now { monotonic: Duration::ZERO, wall: 1_767_225_600_000 };

impl Client {
    fn new() -> Self {
        let config = Config { flood: None, ..Config::default() };
        let mut hub = Hub::new(config, Saved::default(), 1, NOW);
        let mut outputs = Lines::default();
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let peer = Peer { address, port: 1, secure: false, fingerprint: None, door: Door::Irc };
        hub.connect(ME, peer, NOW, &mut outputs);
        let mut client = Self { hub, outputs };
        for line in ["NICK reader", "USER reader 0 * :reader"] {
            client.say(line);
        }
        client
    }

    fn say(&mut self, line: &str) {
        self.hub.handle_line(ME, line.as_bytes(), NOW, &mut self.outputs);
    }

    /// The last parameters of the replies to `line` that have this numeric.
    fn texts(&mut self, line: &str, numeric: &str) -> Vec<String> {
        self.outputs.0.clear();
        self.say(line);
        let replies = self.outputs.0.iter().filter_map(|line| Message::parse(line).ok());
        let replies = replies.filter(|message| message.command == numeric);
        replies.filter_map(|m| m.params.last().map(ToString::to_string)).collect()
    }
}

impl Sink for Lines {
    fn line(&mut self, _: ConnId, line: &[u8]) {
        self.0.push(String::from_utf8_lossy(line).trim_end().to_owned());
    }

    fn receipt(&mut self, _: ConnId) {}

    fn record(&mut self, _: Record) {}

    fn job(&mut self, _: ConnId, _: Job) {}

    fn close(&mut self, _: ConnId) {}
}
