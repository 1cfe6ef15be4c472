//! What flags and the file promise together.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::cli::{ChatCommand, Command, parse as parse_flags};

/// A file that goes with the test.
struct TestFile(PathBuf);

impl TestFile {
    fn new(text: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("callbox-profile-{}-{next}", process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn flags(line: &str) -> ChatClientArgs {
    let words = ["callbox", "chat", "client"].into_iter().chain(line.split_whitespace());
    let Command::Chat(args) = parse_flags(words.map(Into::into)).unwrap().command else { panic!() };
    let Some(ChatCommand::Client(args)) = args.command else { panic!() };
    *args
}

fn choice(line: &str, file: &str) -> Result<Choice, String> {
    let file = TestFile::new(file);
    Choice::of(&flags(line), Some(file.0.clone()))
        .map_err(|failure| failure.message().unwrap_or_default().to_owned())
}

fn mistakes(text: &str) -> Vec<String> {
    let found = parse(text, "client.toml", Path::new("/etc")).unwrap_err();
    found.iter().map(ToString::to_string).collect()
}

/// The printed file with its settings set.
fn uncommented() -> String {
    let setting = |line: &str| {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let is_set = bare.starts_with('[') && bare.ends_with(']')
            || bare.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
        if is_set { format!("{bare}\n") } else { String::new() }
    };
    default_file().lines().map(setting).collect()
}

#[test]
fn the_file_that_is_printed_sets_nothing_and_shows_every_key() {
    let nothing = parse(default_file(), "client.toml", Path::new("")).unwrap();
    assert!(nothing.profiles.is_empty() && nothing.keys.is_empty() && nothing.keys_at.is_none());
    let text = uncommented();
    for key in ["address", "tls-key", "password-ask", "no-typing", "language"] {
        assert!(text.contains(&format!("{key} = ")), "{key} in {text}");
    }
    // Each of these is an example, and they are not meant to be used together.
    let found = mistakes(&text);
    let expected = ["exclude each other", "a fingerprint is a SHA-256"];
    assert!(found.iter().all(|m| expected.iter().any(|e| m.contains(e))), "{found:?}");
}

#[test]
fn a_profile_says_where_and_as_whom() {
    let file = "
        [profile.work]
        address = 'ircs://irc.example.org/#dev'
        name = 'alice'
        join = ['#a', '#b']
        account = 'al'
        password-env = 'PW'
        [keys]
        room-next = 'ctrl-n'
        quit = ['ctrl-q', 'f10']
        [screen]
        colours = '256'
    ";
    let choice = choice("--profile work", file).unwrap();
    assert_eq!(choice.target.address.to_string(), "ircs://irc.example.org:6697");
    assert_eq!(choice.name.as_deref(), Some("alice"));
    assert_eq!(choice.join, ["#dev", "#a", "#b"], "the address's room first");
    let login = choice.login.unwrap();
    assert_eq!(login.account.as_deref(), Some("al"));
    assert_eq!(login.password, Some(Source::Variable("PW".to_owned())));
    let (names, keys): (Vec<_>, Vec<_>) = choice.config.keys.into_iter().unzip();
    assert_eq!(
        (names, keys.concat()),
        (
            vec!["quit".to_owned(), "room-next".to_owned()],
            vec!["ctrl-q".to_owned(), "f10".to_owned(), "ctrl-n".to_owned()],
        )
    );
    assert_eq!(choice.config.keys_at.unwrap().1, 8);
    assert_eq!(choice.config.screen.colours, Some("256"));
}

#[test]
fn flags_count_more_than_the_profile() {
    let file = "
        [profile.work]
        address = 'irc.example.org'
        name = 'alice'
        join = ['#a']
        account = 'al'
        password-env = 'PW'
    ";
    let line = "--profile work --name bob --join #b,#c --account bo --password-file /p --tls other.example.org";
    let choice = choice(line, file).unwrap();
    assert_eq!(choice.target.address.to_string(), "ircs://other.example.org:3000");
    assert_eq!(choice.name.as_deref(), Some("bob"));
    assert_eq!(choice.join, ["#b", "#c"]);
    let login = choice.login.unwrap();
    assert_eq!(login.account.as_deref(), Some("bo"));
    assert_eq!(login.password, Some(Source::File("/p".into())));
}

#[test]
fn the_default_profile_s_account_is_not_for_other_servers() {
    let file =
        "[profile.default]\naddress = 'home.example.org'\nname = 'alice'\npassword-env = 'PW'\n";
    let own = choice("", file).unwrap();
    assert_eq!(own.target.address.to_string(), "home.example.org:3000");
    assert!(own.login.is_some());
    let other = choice("other.example.org", file).unwrap();
    assert_eq!(other.target.address.to_string(), "other.example.org:3000");
    assert!(other.login.is_none() && other.name.is_none());
    assert_eq!(choice("", "").unwrap().target.address.to_string(), "127.0.0.1:3000");
}

#[test]
fn every_flag_of_tls_asks_for_tls() {
    let pin = "AB".repeat(32);
    for line in ["--tls host", &format!("--tls-fingerprint {pin} host")] {
        let choice = choice(line, "").unwrap();
        assert!(choice.target.address.is_secure(), "{line}");
    }
    let file = format!("[profile.a]\naddress = 'host'\ntls-fingerprint = '{pin}'\n");
    let choice = choice("--profile a", &file).unwrap();
    assert!(choice.target.address.is_secure());
    assert!(matches!(choice.target.tls.trust, Trust::Fingerprint(_)));
}

#[test]
fn what_does_not_go_together_is_refused_with_what_to_do() {
    for (line, said) in [
        ("--account al", "nothing proves that the account 'al' is yours"),
        ("--profile nowhere", "it has default, work"),
        ("--tls udp://host", "no TLS for datagrams"),
        ("--name bob udp://host", "say /nick NAME"),
        ("--join #a udp://host", "lobby"),
        ("--password-env PW udp://host", "accounts"),
        ("--tls-ca /nonexistent host", "cannot read /nonexistent"),
    ] {
        let error = choice(line, "[profile.work]\n[profile.default]\n").unwrap_err();
        assert!(error.contains(said), "{line}: {error}");
    }
}

#[test]
fn mistakes_in_the_file_are_told_all_at_once_with_their_lines() {
    let text = "nmae = 'a'\n[profile.a]\naddres = 'h'\njoin = ['dev']\npassword-env = 'A'\npassword-file = 'f'\n\
                tls-key = 'k'\n[screen]\nalert = 'loud'\n[keys]\nquit = 3\n[profiles.b]\n";
    let found = mistakes(text);
    let expected = [
        "client.toml:1: the key 'nmae' stands in no section",
        "client.toml:3: [profile.NAME] has no key 'addres': did you mean address?",
        "client.toml:4: join a room's name begins with #, as in '#dev'",
        "client.toml:6: password-file and password-env exclude each other",
        "client.toml:7: tls-cert and tls-key belong together",
        "client.toml:9: alert has to be one of off, bell, desktop",
        "client.toml:11: 'quit' takes a key such as \"ctrl-n\"",
        "client.toml:12: there is no section 'profiles': did you mean [profile.NAME]?",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}");
    }
    assert!(mistakes("[profile]\nname = 'a'\n")[0].contains("[profile.NAME]"));
}

#[test]
fn paths_of_the_file_start_at_its_folder() {
    let text = "[profile.a]\npassword-file = 'pw'\ntls-ca = '/etc/ca.pem'\n";
    let config = parse(text, "client.toml", Path::new("/home/al/.config/callbox")).unwrap();
    let profile = &config.profiles["a"];
    assert_eq!(
        profile.login.password_file.as_deref(),
        Some(Path::new("/home/al/.config/callbox/pw"))
    );
    assert_eq!(profile.tls.tls_ca.as_deref(), Some(Path::new("/etc/ca.pem")));
}

#[test]
fn a_password_is_the_first_line_of_its_file() {
    let read = |text: &str| {
        let file = TestFile::new(text);
        let password = Source::File(file.0.clone()).read();
        password.map(|p| p.to_string()).map_err(|f| f.message().unwrap_or_default().to_owned())
    };
    assert_eq!(read("secret\nanother line\n").as_deref(), Ok("secret"));
    assert_eq!(read("geheim 你好\r\n").as_deref(), Ok("geheim 你好"));
    assert_eq!(read("secret").as_deref(), Ok("secret"));
    assert!(read("").unwrap_err().ends_with("it is empty"));
    assert!(read("\nsecret").unwrap_err().ends_with("it is empty"));
    assert!(read(&"x".repeat(5_000)).unwrap_err().contains("longer than"));
    assert!(read(&"x".repeat(1_024)).is_ok());
    let error = Source::Variable("CALLBOX_NO_SUCH_VARIABLE".to_owned()).read().unwrap_err();
    assert!(error.message().unwrap().ends_with("it is not set"));
}
