//! catgirl: one person whose client speaks nothing but TLS, trusts this server's certificate and no other, and shows a
//! certificate of its own to log in.

use callbox_testkit::{Folder, Program, Terminal};

use crate::other::Other;
use crate::{callbox, needs, on_a_terminal, server, stop};

/// A client's certificate with its key, in one file; and its fingerprint.
#[track_caller]
fn certificate(home: &Folder) -> (String, String) {
    needs("openssl", "openssl");
    let file = home.join("client.pem").display().to_string();
    let make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    let openssl = Program::new("openssl").args(make).args(["-nodes", "-subj", "/CN=mimi"]);
    openssl.args(["-keyout", &file, "-out", &file]).run().expect_code(0);
    let print = ["x509", "-in", &file, "-noout", "-fingerprint", "-sha256"];
    let printed = Program::new("openssl").args(print).run();
    let line = printed.expect_code(0).stdout_text().trim().to_owned();
    (file, line.split_once('=').expect("a fingerprint").1.to_owned())
}

#[test]
fn catgirl_logs_in_by_its_certificate_and_comes_back_to_its_history() {
    needs("catgirl", "catgirl");
    let (data, home) = (Folder::new("chat"), Folder::new("catgirl"));
    let (client, fingerprint) = certificate(&home);
    let account =
        |args: &[&str]| callbox(&["chat", "account"]).args(args).arg("--data").arg(data.path());
    account(&["add", "mimi"]).run_with_input("correct horse\n").expect_code(0);
    account(&["certificate", "mimi", &fingerprint]).run().expect_code(0);
    let (server, address) = server(&data, &["--tls"]);
    let mut bob = Other::joins(address, "bob");

    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let trust = data.join("tls-certificate.pem").display().to_string();
    let start = || -> Terminal {
        let program = Program::new("catgirl").args(["-h", &host, "-p", &port, "-t", &trust]);
        let program = program.args(["-e", "-c", &client, "-n", "咪咪", "-u", "mimi", "-r", "咪咪"]);
        on_a_terminal(program.args(["-j", "#lobby"]), home.path())
    };
    let mut mimi = start();
    // extended-join (IRCv3) names the account.
    let line = bob.hears(":咪咪!");
    assert!(line.contains(" JOIN #lobby mimi "), "{line:?}");
    mimi.wait_for_screen("bob");
    mimi.type_text("大家好,我是咪咪\r");
    bob.hears(" PRIVMSG #lobby :大家好,我是咪咪");
    bob.says("hello mimi, 你好咪咪");
    mimi.wait_for_screen("<bob> hello mimi, 你好咪咪");
    mimi.type_text("/quit good night\r");
    assert!(bob.hears("QUIT").contains("good night"));
    mimi.wait().expect_code(0);

    bob.says("said while she slept: 晚安");
    let mut mimi = start();
    mimi.wait_for_screen("<咪咪> 大家好,我是咪咪");
    mimi.wait_for_screen("<bob> hello mimi, 你好咪咪");
    mimi.wait_for_screen("<bob> said while she slept: 晚安");
    mimi.type_text("/quit\r");
    mimi.wait().expect_code(0);
    stop(server);
}
