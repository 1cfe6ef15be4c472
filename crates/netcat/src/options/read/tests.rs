//! What is asked for with which words.

use super::*;
use crate::options::table::TABLE;
use crate::options::{DEFAULT_PORT, Target};
use crate::proxy::{Dns, Kind};

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

#[track_caller]
fn options(line: &str) -> Options {
    match read("nc", &words(line), None) {
        Ok(Asked::Run(options, _)) => *options,
        other => panic!("{line}: {other:?}"),
    }
}

#[track_caller]
fn misuse(line: &str) -> String {
    match read("nc", &words(line), None) {
        Err(Misuse(text)) => text,
        other => panic!("{line}: {other:?}"),
    }
}

fn host(host: Option<&str>, port: u16) -> Target {
    Target::Host { host: host.map(str::to_owned), ports: vec![port] }
}

#[test]
fn a_host_has_a_port_or_the_usual_one() {
    for (line, port) in
        [("localhost 80", 80), ("localhost", DEFAULT_PORT), ("-v localhost -4 80", 80)]
    {
        let Mode::Connect(target) = options(line).mode else { panic!("{line}") };
        assert_eq!(target, host(Some("localhost"), port), "{line}");
    }
}

#[test]
fn a_listener_may_be_given_an_address_a_port_both_or_none() {
    for (line, name, port) in [
        ("-l", None, DEFAULT_PORT),
        ("-l 80", None, 80),
        ("-l ::1 80", Some("::1"), 80),
        ("-l localhost", Some("localhost"), DEFAULT_PORT),
        ("-l -p 80", None, 80),
        ("-lp 80 ::1", Some("::1"), 80),
        ("-l --flavour openbsd -s ::1 -p 80", Some("::1"), 80),
        ("-l --flavour traditional -s ::1 80", Some("::1"), 80),
    ] {
        let Mode::Listen(target) = options(line).mode else { panic!("{line}") };
        assert_eq!(target, host(name, port), "{line}");
    }
}

#[test]
fn a_wrong_call_gets_one_line_that_says_what_to_do() {
    for (line, words) in [
        ("", "You must specify a host to connect to"),
        ("80", "You must specify a host to connect to"),
        ("-l 1 2", "Got more than one port specification: 1 2"),
        ("-l -p 1 2", "Got more than one port specification: 1 2"),
        ("-l -s ::1 80", "-s is for a client"),
        ("-l --flavour openbsd -s ::1 ::1 80", "-s is for a client"),
        ("-4 -6 localhost", "-4 and -6 cannot be together"),
        ("-z -c true localhost", "Invalid option combination: -z and -e"),
        ("-lz 5", "-l and -z cannot be together"),
        ("--nosuch", "Unknown option --nosuch; see nc --help"),
        ("-Q", "Unknown option -Q; see nc --help"),
        ("-p", "Option --source-port needs a value; see nc --help"),
        ("--proxy", "Option --proxy needs a value; see nc --help"),
        ("h abc", "Invalid port number \"abc\""),
        ("h 65536", "Invalid port number \"65536\""),
        ("h 80 81", "Got more than one port specification: 80 81"),
        ("-w 0 h", "Invalid -w timeout: '0' is no duration"),
        ("-m 0 -l", "Invalid number of connections \"0\""),
        ("-m 1 h", "--max-conns is for a listener: it needs -l"),
        ("-U", "You have to specify path to a socket to connect to"),
        ("-U -p 5 /x", "A Unix socket has no source port"),
        ("-e a -c b h", "Only one of --exec, --sh-exec, and --lua-exec is allowed"),
        ("-G 5 h", "Invalid source-route hop pointer 5"),
        ("--proxy-type foo --proxy p h", "Invalid proxy type \"foo\""),
        ("--proxy-type socks4 h", "specified without proxy address"),
        ("-l --proxy-type socks5", "Invalid proxy type \"socks5\""),
        ("--ssl-cert c h", "must be used together"),
        ("--vsock abc 1", "Invalid CID \"abc\""),
        ("ftp://h", "ftp:// is no address"),
        ("-l ws://:80 --allow-origin example.org", "Invalid origin \"example.org\""),
        ("-l 80 --allow-origin *", "--allow-origin is for a WebSocket"),
        ("ws://h --allow-origin *", "--allow-origin is for a listener"),
    ] {
        let text = misuse(line);
        assert!(text.contains(words), "{line}: {text}");
        assert!(!text.contains('\n') && !text.ends_with('.'), "{line}: {text}");
        let line = format!("-U /{}", "x".repeat(200));
        assert!(misuse(&line).starts_with("The path of a Unix socket has at most 10"));
    }
}

#[test]
fn a_letter_of_another_netcat_is_explained() {
    assert!(misuse("-X 5 -x p:1 h").contains("-X is an option of OpenBSD's nc"));
    assert!(misuse("-N h").contains("--flavour openbsd"));
    assert!(misuse("-q -1 h").contains("OpenBSD's nc"));
    assert!(misuse("--flavour openbsd -M 3 h").contains("not supported"));
    let Ok(Asked::Run(_, warnings)) = read("nc", &words("-x 10.0.0.1:1080 h 80"), None) else {
        panic!()
    };
    assert!(warnings[0].contains("--flavour openbsd"), "{warnings:?}");
}

#[test]
fn letters_mean_what_they_mean_in_openbsds_nc() {
    let read = options("--flavour openbsd -X 5 -x p:1 -w 3 -q 2 h 80");
    assert_eq!(read.proxies[0].kind, Kind::Socks5);
    assert_eq!((read.proxies[0].host.as_str(), read.proxies[0].port), ("p", 1));
    assert_eq!(read.from.wait, Some(Duration::from_secs(3)));
    assert_eq!(read.flow.silence, Some(Duration::from_secs(3)));
    assert_eq!(read.flow.quit, Some(Duration::from_secs(2)));
    // Asking for an end is asking for a half-close too.
    assert!(!read.flow.no_shutdown);
    assert!(options("--flavour openbsd h 80").flow.no_shutdown);
    assert!(!options("--flavour=openbsd -N h 80").flow.no_shutdown);
    assert_eq!(options("--flavour openbsd -q -1 h").flow.quit, None);
    assert_eq!(options("--flavour openbsd -q 0 h").flow.quit, Some(Duration::from_secs(1)));
    assert_eq!(options("--flavour openbsd -u -q 0 h 9").flow.quit, Some(Duration::ZERO));
    assert_eq!(options("--flavour openbsd -X 4 -x p h 9").proxy_dns, Dns::Local);
    assert!(options("--flavour openbsd -X 5 h 9").proxies.is_empty());
    assert!(options("--flavour openbsd -d h").flow.recv_only);
    let Mode::Look(Target::Host { ports, .. }) = options("--flavour openbsd -z h 20-22 80").mode
    else {
        panic!()
    };
    assert_eq!(ports, [20, 21, 22, 80]);
}

#[test]
fn letters_mean_what_they_mean_in_the_traditional_netcat() {
    let read = options("--flavour traditional -w 3 -q 0 -o dump h 80");
    assert_eq!(read.from.wait, Some(Duration::from_secs(3)));
    assert!(read.flow.silence == read.from.wait && read.flow.silence_after_input);
    assert_eq!(read.flow.quit, Some(Duration::ZERO));
    assert_eq!(read.output.hex, Some(PathBuf::from("dump")));
    assert!(!read.flow.no_shutdown && options("--flavour traditional h 80").flow.no_shutdown);
    assert_eq!(options("--flavour traditional -i 2 h 80").flow.delay, Some(Duration::from_secs(2)));
}

#[test]
fn an_address_with_a_scheme_is_a_websocket() {
    let read = options("wss://example.org/chat?x=1");
    assert!(read.tls.wanted);
    let websocket = read.websocket.expect("a WebSocket");
    assert_eq!((websocket.host.as_str(), websocket.path.as_str()), ("example.org", "/chat?x=1"));
    let Mode::Connect(target) = read.mode else { panic!() };
    assert_eq!(target, host(Some("example.org"), 443));
    let Mode::Listen(target) = options("-l ws://[::1]:8080").mode else { panic!() };
    assert_eq!(target, host(Some("::1"), 8080));
}

#[test]
fn proxies_make_a_chain_each_with_its_type_and_login() {
    let read = options(
        "--proxy a:1 --proxy-type http --proxy-auth u:p:q --proxy [::1] --proxy-type socks5 --proxy-auth v h 80",
    );
    assert_eq!(read.proxies.len(), 2);
    assert_eq!(read.proxies[0].login.as_ref().expect("a login").password, "p:q");
    assert_eq!((read.proxies[1].host.as_str(), read.proxies[1].port), ("::1", 1080));
    assert_eq!(read.proxies[1].login.as_ref().expect("a login").user, "v");
    let auth = read_with("--proxy a h 80", "env:secret");
    assert_eq!(auth.proxies[0].login.as_ref().expect("a login").user, "env");
    assert!(!format!("{auth:?}").contains("secret"));
}

fn read_with(line: &str, auth: &str) -> Options {
    match read("nc", &words(line), Some(auth.to_owned())) {
        Ok(Asked::Run(options, _)) => *options,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_help_names_every_option_with_its_letter_in_the_flavour() {
    for flavour in Flavour::ALL {
        let line = format!("-h --flavour {}", flavour.name());
        let Ok(Asked::Help(help)) = read("nc", &words(&line), None) else { panic!() };
        for row in TABLE.iter().filter(|row| !matches!(row.origin, Origin::Missing(_))) {
            let name = match row.letter(flavour) {
                Some(letter) => format!(" -{letter}, --{}", row.long),
                None => format!("     --{}", row.long),
            };
            assert!(help.contains(&name), "{name:?} in {help}");
        }
    }
}
