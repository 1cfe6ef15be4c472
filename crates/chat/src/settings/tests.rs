//! What the file promises.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs, process};

use callbox_hub::config::{Config, Flood, Sts};
use callbox_net::address::BindAddress;
use callbox_settings::units::{show_duration, show_size};
use callbox_settings::{Key, Kind};
use proptest::prelude::*;

use super::keys::{KEYS, LISTEN, OPERATOR, known};
use super::*;

/// A hash that fits no password.
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("callbox-settings-{}-{next}", process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn settings(text: &str) -> Settings {
    parse(text, "chat.toml").unwrap_or_else(|mistakes| panic!("{text}\n{mistakes:#?}"))
}

/// The mistakes as they are shown.
#[track_caller]
fn mistakes(text: &str) -> Vec<String> {
    let mistakes = parse(text, "chat.toml").expect_err(text);
    assert!(!mistakes.is_empty());
    mistakes.iter().map(ToString::to_string).collect()
}

/// The only mistake, as it is shown.
#[track_caller]
fn mistake(text: &str) -> String {
    let mistakes = mistakes(text);
    assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
    mistakes.into_iter().next().unwrap()
}

#[test]
fn the_default_file_equals_the_defaults() {
    assert_eq!(settings(default_file()), Settings::default());
    assert_eq!(settings(""), Settings::default());
}

/// The default file with its examples, as if the `#` were taken away.
fn with_examples() -> String {
    let example = |line: &str| line.starts_with('#') && !line[1..].starts_with(' ') && line != "#";
    let line = |line: &'static str| if example(line) { &line[1..] } else { line };
    default_file().lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_key_stands_in_the_default_file_and_no_other() {
    let mut section = String::new();
    let mut standing = BTreeSet::new();
    for line in with_examples().lines() {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']).to_owned();
        } else if let (Some((key, _)), false) = (line.split_once(" = "), line.starts_with('#')) {
            assert!(standing.insert((section.clone(), key.to_owned())), "{line} stands twice");
        }
    }
    let known: BTreeSet<_> = known().map(|(s, k)| (s.to_owned(), k.to_owned())).collect();
    assert_eq!(standing, known);
}

#[test]
fn the_examples_of_the_default_file_are_right() {
    let text = with_examples()
        .replace("motd-file = \"motd.txt\"\n", "")
        .replace("enabled = false\n", "enabled = true\n");
    let settings = settings(&text);
    assert_eq!(settings.hub.operators.len(), 1);
    assert_eq!(
        settings.hub.sts,
        Some(Sts { port: 6697, duration: Duration::from_secs(2_592_000) })
    );
    assert_eq!(settings.data.folder.as_deref(), Some(Path::new("/var/lib/callbox")));
}

#[test]
fn all_mistakes_of_a_file_are_listed_in_order_with_their_lines() {
    let text = "\
[server]
name = \"nodots\"
lobby = \"lobby\"
nmae = \"x\"

[limits]
nick-length = 1
topic-length = \"long\"

[timeouts]
ping = 120

[no-such]
x = 1

[[operator]]
name = \"alice\"
password = \"hunter2\"

[[operator]]
host = \"a b\"
";
    let found = mistakes(text);
    let starts = [
        "chat.toml:2: name has to be a host name",
        "chat.toml:3: lobby has to be a channel's name",
        "chat.toml:4: [server] has no key 'nmae': did you mean name?",
        "chat.toml:7: nick-length takes a whole number from 9 to 64, not 1",
        "chat.toml:8: topic-length takes a whole number from 50 to 390, not 'long'",
        "chat.toml:11: ping takes a time from \"10s\" to \"1h\" (s, m, h, d or w), not 120",
        "chat.toml:13: there is no section 'no-such'",
        "chat.toml:18: password is not the hash of a password",
        "chat.toml:20: this [[operator]] lacks name and password",
        "chat.toml:21: host has to look like a host",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}\n{start}");
    }
    assert!(!found.concat().contains("hunter2"));
}

#[test]
fn a_mistake_has_the_column_of_the_character_where_it_begins() {
    let mistakes = parse("server = { motd = '你好', naem = 'a.b' }", "x").unwrap_err();
    assert_eq!((mistakes[0].line, mistakes[0].column), (1, 25));
}

#[test]
fn broken_syntax_hides_no_other_mistake() {
    let found = mistakes("[server]\nname = \nlobby = 'x'\n[limits\nlist = 1\n[flood]\nburst = 0\n");
    assert_eq!(found.len(), 4, "{found:#?}");
    for (found, line) in found.iter().zip([2, 3, 4, 7]) {
        assert!(found.starts_with(&format!("chat.toml:{line}: ")), "{found}");
    }
    assert!(mistake("[flood]\nburst = 1\nburst = 2\n").contains("chat.toml:3: duplicate key"));
}

#[test]
fn nothing_follows_from_what_broken_syntax_hides() {
    for text in [
        "[tls]\nenabled = true\ncert = 'a'\nkey 'b'\n",
        "[[operator]]\nname = 'a'\n\npassword 'b'\n",
        "[connections]\nunopened = 900_000\n\ntotal 1_000_000\n",
    ] {
        assert!(mistake(text).starts_with("chat.toml:4: "), "{text}");
    }
}

#[test]
fn nothing_follows_from_a_key_that_is_wrong() {
    for text in [
        "[tls]\nenabled = true\nkey = 'a'\ncert = 3\n",
        "[tls]\nenabled = true\nkey = 'a'\ncrt = 'b'\n",
        "[tls]\n[[listen]]\ntls = 'required'\n[tls.enabled]\n",
        "[[listen]]\n\n[[listen]]\nport = 'x'\n",
    ] {
        assert!(mistake(text).starts_with("chat.toml:4: "), "{text}");
    }
}

#[test]
fn a_password_in_the_wrong_place_is_not_shown() {
    for text in [
        "[server]\npassword = 'hunter2'",
        "[server]\npassword = ['hunter2']",
        "[[operator]]\nname = 'a'\npassword = '$argon2i$hunter2'",
    ] {
        assert!(!mistake(text).contains("hunter2"));
    }
    assert!(!mistake("[server]\npassword = 31337").contains("31337"));
}

#[test]
fn what_is_in_the_wrong_place_is_told_where_it_belongs() {
    assert!(mistake("motd = 'hello'").contains("motd belongs in [server]"));
    assert!(mistake("[server]\nnick-length = 20").contains("nick-length belongs in [limits]"));
    assert!(mistake("[listen]\nport = 1").contains("[[listen]]"));
    assert!(mistake("[[server]]\nname = 'a.b'").contains("[server]"));
    assert!(mistake("server = 3").contains("[server]"));
    assert!(mistake("listen = [3]").contains("[[listen]]"));
}

#[test]
fn no_message_can_break_its_line() {
    let odd = "\\u001b]0;x\\u0007\\r\\n";
    let long = "x".repeat(500);
    for text in [
        format!("\"{odd}\" = 1"),
        format!("[server]\n\"{odd}\" = 1"),
        format!("[limits]\nnick-length = \"{odd}\""),
        format!("[limits]\n{long} = \"{long}\""),
        format!("[data]\nfolder = \"{odd}\"\nephemeral = true"),
        format!("[server]\nmotd-file = \"{odd}\""),
    ] {
        let shown = mistake(&text);
        assert!(!shown.contains(char::is_control), "{shown:?}");
        assert!(shown.len() < 400, "{shown}");
    }
}

/// A file that sets `key` to `value`.
fn setting<T>(key: &Key<T>, value: &str) -> String {
    format!("[{}]\n{} = {value}\n", key.section, key.name)
}

#[test]
fn the_range_of_every_number_is_enforced() {
    let mut ranges = 0;
    for key in KEYS {
        let (least, most, below, above) = match &key.kind {
            Kind::Count(r, _) | Kind::CountOr(_, r, _) => {
                around(*r.start() as u64, *r.end() as u64)
            }
            Kind::Rate(r, _) => around((*r.start()).into(), (*r.end()).into()),
            Kind::Port(r, _) => around((*r.start()).into(), (*r.end()).into()),
            Kind::Size(r, _) => (
                show_size(*r.start()),
                show_size(*r.end()),
                show_size(*r.start() - 1),
                show_size(*r.end() + 1),
            ),
            Kind::Time(r, _) | Kind::TimeOr(_, r, _) => (
                show_duration(*r.start()),
                show_duration(*r.end()),
                r.start().checked_sub(1).map_or_else(|| "\"-1s\"".into(), show_duration),
                show_duration(*r.end() + 1),
            ),
            Kind::Flag(_) | Kind::Text(_) | Kind::Texts(..) => continue,
        };
        ranges += 1;
        for (value, fits) in [(&least, true), (&most, true), (&below, false), (&above, false)] {
            let mut draft = Draft::default();
            let text = setting(key, value);
            let vocabulary = keys::vocabulary();
            let mut reader = Reader::new(&text, "x", &vocabulary);
            let document = DeTable::parse(&text).unwrap();
            let table = document.get_ref().get(key.section).unwrap().get_ref().as_table().unwrap();
            reader.table(key.section, table, KEYS, &mut draft);
            let found = reader.finish();
            assert_eq!(found.is_empty(), fits, "{text}{found:?}");
            let told = |found: &Mistake| {
                found.message.contains(least.as_str()) && found.message.contains(most.as_str())
            };
            assert!(found.iter().all(told), "{found:?} tells the range");
        }
        for silly in ["1.5", "nan", "inf", "-inf", "true", "[]", "'NaN'", "-1", "1979-05-27"] {
            let found = mistake(&setting(key, silly));
            assert!(found.starts_with("chat.toml:2: "), "{found}");
        }
        let huge = mistake(&setting(key, &"9".repeat(1_000)));
        assert!(huge.len() < 200, "{huge}");
    }
    assert!(ranges > 40, "the table was gone through");
}

fn around(least: u64, most: u64) -> (String, String, String, String) {
    let below = i128::from(least) - 1;
    (least.to_string(), most.to_string(), below.to_string(), (u128::from(most) + 1).to_string())
}

#[test]
fn every_key_refuses_a_value_of_another_kind() {
    let all = KEYS.iter().map(|key| (key.section, key.name, matches!(key.kind, Kind::Flag(_))));
    let listen =
        LISTEN.iter().map(|key| (key.section, key.name, matches!(key.kind, Kind::Flag(_))));
    let operator = OPERATOR.iter().map(|key| (key.section, key.name, false));
    for (section, name, flag) in all.chain(listen).chain(operator) {
        let value = if flag { "1" } else { "true" };
        let header = if keys::REPEATED.contains(&section) {
            format!("[[{section}]]")
        } else {
            format!("[{section}]")
        };
        let found = mistakes(&format!("{header}\n{name} = {value}\n"));
        assert!(found.iter().any(|m| m.contains(&format!("{name} takes "))), "{found:?}");
    }
}

#[test]
fn no_two_keys_set_one_field() {
    let mut draft = Draft::default();
    let mut fields = BTreeSet::new();
    let mut keys = 0;
    for key in KEYS {
        let field = match &key.kind {
            Kind::Flag(field) => std::ptr::from_mut(field(&mut draft)).addr(),
            Kind::Count(_, field) => std::ptr::from_mut(field(&mut draft)).addr(),
            Kind::Rate(_, field) => std::ptr::from_mut(field(&mut draft)).addr(),
            Kind::Port(_, field) => std::ptr::from_mut(field(&mut draft)).addr(),
            Kind::CountOr(_, _, field) => std::ptr::from_mut(field(&mut draft)).addr(),
            Kind::Size(_, field) => std::ptr::from_mut(field(&mut draft)).addr(),
            Kind::Time(_, field) => std::ptr::from_mut(field(&mut draft)).addr(),
            Kind::TimeOr(_, _, field) => std::ptr::from_mut(field(&mut draft)).addr(),
            Kind::Text(_) | Kind::Texts(..) => continue,
        };
        keys += 1;
        assert!(fields.insert(field), "[{}] {} sets what another sets", key.section, key.name);
    }
    assert_eq!(fields.len(), keys);
    assert!(keys > 50, "the table was gone through");
}

#[test]
fn everything_can_be_set() {
    let text = format!(
        r##"
        [server]
        name = "chat.example.org"
        network = "Example"
        admin = ["Alice", "alice@example.org"]
        motd = """
First.
  Second."""
        lobby = "#大厅"
        password = "{HASH}"
        threads = 4
        [[listen]]
        address = "*"
        port = 6667
        tls = "off"
        [[listen]]
        address = "::1"
        port = 6697
        tls = "required"
        datagrams = false
        [tls]
        enabled = true
        cert = "tls/cert.pem"
        key = "/etc/key.pem"
        sts-port = 6697
        sts-duration = "1h"
        [web]
        origins = ["https://chat.example.org"]
        metrics = ["10.0.0.0/8"]
        [[operator]]
        name = "alice"
        password = "{HASH}"
        fingerprint = "{}"
        [flood]
        burst = 7
        [history]
        show-for = "1d"
        keep-for = "2w"
        keep-events = "all"
        [data]
        folder = "data"
        sync = "full"
        [connections]
        send-queue = 100_000
        exempt = []
        [accounts]
        workers = 3
        "##,
        vec!["AB"; 32].join(":"),
    );
    let got = parse(&text, "/etc/callbox/chat.toml").unwrap();
    assert_eq!(&*got.hub.server_name, "chat.example.org");
    assert_eq!(got.hub.admin, ["Alice".into(), "alice@example.org".into()]);
    assert_eq!(got.hub.motd, ["First.".into(), "  Second.".into()]);
    assert_eq!(&*got.hub.lobby, "#大厅");
    assert_eq!(got.hub.password.as_deref(), Some(HASH));
    assert_eq!(got.threads, Some(4));
    let first =
        Listener { address: BindAddress::Any, port: 6667, tls: ListenerTls::Off, datagrams: true };
    let second = Listener {
        address: "::1".parse().unwrap(),
        port: 6697,
        tls: ListenerTls::Required,
        datagrams: false,
    };
    assert_eq!(got.listen, [first, second]);
    assert_eq!(got.tls.cert.as_deref(), Some(Path::new("/etc/callbox/tls/cert.pem")));
    assert_eq!(got.tls.key.as_deref(), Some(Path::new("/etc/key.pem")));
    assert!(got.tls.enabled && !got.tls.is_self_signed());
    assert_eq!(got.hub.sts, Some(Sts { port: 6697, duration: Duration::from_secs(3_600) }));
    assert_eq!(got.web.origins, ["https://chat.example.org".into()]);
    assert_eq!(got.web.metrics, ["10.0.0.0/8".parse().unwrap()]);
    assert_eq!(got.hub.operators[0].fingerprint.as_deref(), Some("ab".repeat(32).as_str()));
    assert_eq!(got.hub.flood, Some(Flood { burst: 7, per_second: 5 }));
    assert_eq!(got.hub.history.max_age, 86_400_000);
    assert_eq!(got.data.max_age, Some(Duration::from_secs(14 * 86_400)));
    assert_eq!(got.data.max_events, None);
    assert_eq!(got.data.folder.as_deref(), Some(Path::new("/etc/callbox/data")));
    assert_eq!(got.data.sync, Sync::Full);
    assert_eq!(got.connections.send_queue, 100_000);
    assert_eq!(got.connections.exempt, []);
    assert_eq!(got.accounts.workers, Some(3));
    assert_eq!(settings("[flood]\nenabled = false").hub.flood, None);
}

#[test]
fn what_contradicts_itself_is_a_mistake() {
    let operators = format!(
        "[[operator]]\nname = 'a'\npassword = '{HASH}'\n[[operator]]\nname = 'a'\npassword = '{HASH}'"
    );
    for (text, line, said) in [
        ("[server]\nmotd = 'a'\nmotd-file = 'b'", 3, "give one of them"),
        ("[tls]\nenabled = true\ncert = 'a'", 3, "give key as well"),
        ("[tls]\nenabled = true\nkey = 'a'", 3, "give cert as well"),
        ("[tls]\ncert = 'a'\nkey = 'b'", 2, "TLS is off"),
        ("[tls]\nsts-port = 1", 2, "TLS, which is off"),
        ("[tls]\nenabled = true\nsts-port = 1", 3, "clients insist on a certificate"),
        ("[server]\n[[listen]]\ntls = 'required'", 2, "TLS is off"),
        ("[[listen]]\n[[listen]]\nport = 3000", 2, "port 3000 of 127.0.0.1 stands in an earlier"),
        ("[data]\nephemeral = true\nfolder = 'x'", 2, "there can be no folder"),
        ("[limits]\nchannel-length = 8\n[server]\nlobby = '#a-long-lobby'", 4, "channel-length"),
        ("[history]\non-join = 20\n[limits]\nhistory-page = 10", 2, "history-page"),
        ("[connections]\ntotal = 10\nper-address = 11", 3, "more than total, 10"),
        ("[connections]\ntotal = 10\nunopened = 11", 3, "more than total, 10"),
        (operators.as_str(), 4, "earlier [[operator]] with the name 'a'"),
    ] {
        let shown = mistake(text);
        assert!(shown.starts_with(&format!("chat.toml:{line}: ")), "{text}\n{shown}");
        assert!(shown.contains(said), "{text}\n{shown}");
    }
    // Two that the system chooses differ, and a small total alone is no contradiction.
    assert_eq!(settings("[[listen]]\nport = 0\n[[listen]]\nport = 0").listen.len(), 2);
    assert_eq!(settings("[connections]\ntotal = 10").connections.total, 10);
}

#[test]
fn an_operator_needs_a_name_and_a_password() {
    assert!(
        mistake("[[operator]]\nname = 'a'")
            .contains("chat.toml:1: this [[operator]] lacks password")
    );
    let nameless = format!("[[operator]]\npassword = '{HASH}'");
    assert!(mistake(&nameless).contains("lacks name"));
    // A name that is there but wrong is told once.
    let wrong = format!("[[operator]]\nname = 'a b'\npassword = '{HASH}'");
    assert!(mistake(&wrong).contains("chat.toml:2: name has to be one word"));
}

#[test]
fn files_are_found_beside_the_file() {
    let folder = Folder::new();
    let path = folder.0.join("chat.toml");
    fs::write(&path, "[server]\nmotd-file = 'motd.txt'\n[data]\nfolder = 'data'\n").unwrap();
    let error = load(&path).unwrap_err();
    assert!(error.to_string().contains("chat.toml:2: motd-file: cannot read"), "{error}");
    fs::write(folder.0.join("motd.txt"), "Good\r\nmorning\n").unwrap();
    let settings = load(&path).unwrap();
    assert_eq!(settings.hub.motd, ["Good".into(), "morning".into()]);
    assert_eq!(settings.data.folder, Some(folder.0.join("data")));
}

#[test]
fn a_message_of_the_day_that_fits_no_line_is_refused() {
    assert!(mistake(&format!("[server]\nmotd = '{}'", "x".repeat(351))).contains("line 1 has 351"));
    assert!(mistake("[server]\nmotd = \"a\\nb\\u0000\"").contains("line 2 does"));
    let long = "x\n".repeat(501);
    assert!(mistake(&format!("[server]\nmotd = '''{long}'''")).contains("at most 500 lines"));
}

#[test]
fn a_file_that_is_none_is_refused() {
    let folder = Folder::new();
    let path = folder.0.join("chat.toml");
    assert!(matches!(load(&path), Err(LoadError::File(FileError::Read { .. }))));
    assert!(matches!(load(&folder.0), Err(LoadError::File(FileError::Read { .. }))));
    fs::write(&path, b"[server]\n# \xff\n").unwrap();
    assert!(matches!(load(&path), Err(LoadError::File(FileError::NotUtf8 { line: 2, .. }))));
    fs::write(&path, vec![b'\n'; MAX_FILE + 1]).unwrap();
    assert!(matches!(load(&path), Err(LoadError::File(FileError::TooLarge { .. }))));
    fs::write(&path, vec![b'\n'; MAX_FILE]).unwrap();
    assert_eq!(load(&path).unwrap(), Settings::default());
    fs::write(&path, "[server]\nx = 1\ny = 2\n").unwrap();
    assert_eq!(load(&path).unwrap_err().lines().len(), 2);
}

#[test]
fn what_waits_for_a_restart_is_named() {
    let old = Settings::default();
    assert_eq!(old.needs_restart(&old), [""; 0]);
    let new = settings("[server]\nname = 'a.b'\n[limits]\nlist = 1\n[flood]\nburst = 5\n");
    assert_eq!(new.needs_restart(&old), [""; 0], "these change at once");
    let text = "server.threads = 2\nserver.lobby = '#hall'\ntls.enabled = true\naccounts.workers = 5\nplain.datagrams = false\n\
                connections.total = 5\nhistory = { keep-for = '1d', keep-events = 500 }\n\
                data = { ephemeral = true, sync = 'full' }\n[[listen]]\nport = 1\n";
    let named = settings(text).needs_restart(&old);
    assert_eq!(
        named,
        [
            "[server] lobby",
            "[server] threads",
            "[[listen]]",
            "[tls] enabled",
            "[accounts], of passwords",
            "[connections]",
            "[plain]",
            "[history] keep-for",
            "[history] keep-events",
            "[data] ephemeral",
            "[data] sync",
        ]
    );
    // The file says of each key that it waits, and of no other.
    assert_eq!(default_file().replace("\n# ", " ").matches("Waits for a restart").count(), 12);
}

#[test]
fn flags_come_before_the_file() {
    let file = settings("[[listen]]\nport = 1\ntls = 'off'\n[[listen]]\nport = 2");
    let mut same = file.clone();
    same.listen_on(&[], None);
    assert_eq!(same, file);
    let mut port = file.clone();
    port.listen_on(&[], Some(7));
    assert_eq!(port.listen, [Listener { port: 7, ..Listener::default() }]);
    let mut bind = file;
    bind.listen_on(&[BindAddress::Any, BindAddress::LOOPBACK], None);
    let shown = |l: &Listener| (l.address.to_string(), l.port);
    let shown: Vec<_> = bind.listen.iter().map(shown).collect();
    assert_eq!(shown, [("*".into(), 3000), ("127.0.0.1".into(), 3000)]);
    bind.use_certificate("c".into(), "k".into());
    assert!(bind.tls.enabled && !bind.tls.is_self_signed());
}

/// Text that is nearly a file: its lines in any order, cut and mixed with noise.
fn nearly_a_file() -> impl Strategy<Value = String> {
    let lines: Vec<String> = with_examples().lines().map(str::to_owned).collect();
    let line = prop_oneof![
        4 => proptest::sample::select(lines),
        1 => "[\\[\\]{}=.,\"'#a-c0-9 \\\\\\t\r]{0,20}",
        1 => "\\PC{0,20}",
    ];
    proptest::collection::vec((line, 0usize..60), 0..40).prop_map(|lines| {
        let cut = |(line, keep): (String, usize)| match keep {
            0..20 => line.chars().take(keep).collect(),
            _ => line,
        };
        lines.into_iter().map(cut).collect::<Vec<String>>().join("\n")
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "\\PC{0,200}|[\\[\\]{}=.\"'\n a-z0-9]{0,200}") {
        let _ = parse(&text, "chat.toml");
    }

    #[test]
    fn what_is_nearly_a_file_is_read_or_refused_with_lines_of_its_own(text in nearly_a_file()) {
        if let Err(mistakes) = parse(&text, "chat.toml") {
            prop_assert!(!mistakes.is_empty());
            let lines = text.split('\n').count();
            for mistake in mistakes {
                prop_assert!((1..=lines).contains(&mistake.line), "{mistake} of {lines}");
                prop_assert!(mistake.column >= 1);
                prop_assert!(!mistake.to_string().contains(char::is_control), "{mistake:?}");
            }
        }
    }
}

#[test]
fn deep_nesting_is_a_mistake_and_no_overflow() {
    for text in [
        format!("{}x = 1", "a.".repeat(100_000)),
        format!("[{}x]", "a.".repeat(100_000)),
        format!("x = {}", "[".repeat(100_000)),
        format!("x = {}", "{a = ".repeat(100_000)),
    ] {
        assert!(parse(&text, "chat.toml").is_err());
    }
}

#[test]
fn the_hub_gets_its_own_defaults() {
    assert_eq!(settings("").hub, Config::default());
}
