//! WeeChat: one person registers, joins, talks, leaves, and comes back to what was said; over TLS and with an account too.

use std::net::SocketAddr;

use callbox_testkit::{Folder, Program, Terminal};

use crate::other::Other;
use crate::{callbox, needs, on_a_terminal, server, stop};

/// The plugins that are loaded. The one that keeps logs is not among them: what is shown of the past is from the server.
const PLUGINS: &str = "alias,buflist,charset,irc";

/// What all have: no pause of two seconds between messages, a precaution against servers that take offence. WeeChat 4 and
/// those before it know this and the settings of TLS by different names, and tell of those they do not know, which harms
/// nothing.
const SETTINGS: [(&str, &str); 3] =
    [("anti_flood", "0"), ("anti_flood_prio_high", "0"), ("anti_flood_prio_low", "0")];

/// Starts WeeChat under `nick`, with a server named `box` at `address`, to which it connects.
#[track_caller]
fn weechat(home: &Folder, nick: &str, address: SocketAddr, settings: &[(&str, &str)]) -> Terminal {
    needs("weechat", "weechat-curses");
    let mut program = Program::new("weechat").arg("--dir").arg(home.path());
    program = program.args(["--no-connect", "--plugins", PLUGINS]);
    let mut run = |command: String| {
        let taken = std::mem::replace(&mut program, Program::new("weechat"));
        program = taken.args(["--run-command", &command]);
    };
    run(format!("/server add box {}/{}", address.ip(), address.port()));
    let names = [("nicks", nick), ("username", nick)];
    for (name, value) in settings.iter().chain(&SETTINGS).chain(&names) {
        run(format!("/set irc.server.box.{name} {value}"));
    }
    run("/connect box".into());
    on_a_terminal(program, home.path())
}

/// Whether the server is spoken to in TLS; nobody vouches for its certificate.
fn tls(on: bool) -> Vec<(&'static str, &'static str)> {
    let on = if on { "on" } else { "off" };
    vec![("tls", on), ("ssl", on), ("tls_verify", "off"), ("ssl_verify", "off")]
}

#[track_caller]
fn join(weechat: &mut Terminal) {
    // What the server says when somebody has come in (RPL_WELCOME).
    weechat.wait_for_screen("Welcome to the callbox network");
    weechat.type_text("/join #lobby\r");
    weechat.wait_for_screen("has joined #lobby");
}

#[test]
fn weechat_joins_talks_leaves_and_comes_back_to_its_history() {
    let (data, home) = (Folder::new("chat"), Folder::new("weechat"));
    let (server, address) = server(&data, &[]);
    let mut bob = Other::joins(address, "bob");

    let mut wang = weechat(&home, "wang", address, &tls(false));
    join(&mut wang);
    bob.hears(":wang!");
    wang.type_text("hello from WeeChat\r");
    assert!(bob.hears("hello from WeeChat").contains("PRIVMSG #lobby :"));
    wang.type_text("大家好,我是小王\r");
    assert!(bob.hears("大家好,我是小王").starts_with(":wang!"));
    bob.says("hello wang, 你好小王");
    wang.wait_for_screen("hello wang, 你好小王");
    bob.send("PRIVMSG #lobby :\u{1}ACTION waves\u{1}");
    wang.wait_for_screen("bob waves");

    // Out of the room and in again: what was said meanwhile is shown.
    wang.type_text("/part back soon\r");
    assert!(bob.hears("PART #lobby").ends_with(":back soon"));
    bob.says("said while he was out");
    wang.type_text("/join #lobby\r");
    wang.wait_for_screen("said while he was out");

    // And gone altogether: a new WeeChat knows nothing but what the server tells it.
    wang.type_text("/quit good night\r");
    assert!(bob.hears("QUIT").contains("good night"));
    wang.wait().expect_code(0);
    bob.says("said while he slept: 晚安");
    let home = Folder::new("weechat");
    let mut wang = weechat(&home, "wang", address, &tls(false));
    join(&mut wang);
    wang.wait_for_screen("hello from WeeChat");
    wang.wait_for_screen("大家好,我是小王");
    wang.wait_for_screen("hello wang, 你好小王");
    wang.wait_for_screen("said while he slept: 晚安");
    wang.type_text("/quit\r");
    wang.wait().expect_code(0);
    stop(server);
}

#[test]
fn weechat_talks_over_tls() {
    let (data, home) = (Folder::new("chat"), Folder::new("weechat"));
    let (server, address) = server(&data, &["--tls"]);
    let mut bob = Other::joins(address, "bob");
    let mut wang = weechat(&home, "wang", address, &tls(true));
    join(&mut wang);
    wang.type_text("nobody reads this on the way: 秘密\r");
    bob.hears("nobody reads this on the way: 秘密");
    bob.says("nor this: 悄悄话");
    wang.wait_for_screen("nor this: 悄悄话");
    wang.type_text("/quit\r");
    wang.wait().expect_code(0);
    bob.hears("QUIT");
    stop(server);
}

#[test]
fn weechat_logs_in_to_an_account_with_its_password() {
    let (data, home) = (Folder::new("chat"), Folder::new("weechat"));
    let account = callbox(&["chat", "account", "add", "xiaowang", "--data"]).arg(data.path());
    account.run_with_input("correct horse\n").expect_code(0);
    let (server, address) = server(&data, &[]);
    let mut bob = Other::joins(address, "bob");
    let mut login = tls(false);
    login.extend([("sasl_mechanism", "plain"), ("sasl_username", "xiaowang")]);
    login.push(("sasl_password", "correct horse"));
    let mut wang = weechat(&home, "wang", address, &login);
    join(&mut wang);
    // extended-join (IRCv3) names the account.
    let line = bob.hears(":wang!");
    assert!(line.contains(" JOIN #lobby xiaowang "), "{line:?}");
    wang.type_text("/quit\r");
    wang.wait().expect_code(0);

    // With another password WeeChat is told, and does not come in under the account.
    login.push(("sasl_password", "wrong horse"));
    let home = Folder::new("weechat");
    let mut wang = weechat(&home, "wang", address, &login);
    wang.wait_for_screen("SASL authentication failed");
    wang.type_text("/quit\r");
    wang.wait().expect_code(0);
    stop(server);
}
