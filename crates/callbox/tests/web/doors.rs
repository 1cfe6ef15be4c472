//! The ways to the page: the names of this machine, TLS, and the name of a host that the settings know.

use std::fs;

use callbox_testkit::{Folder, Running};

use crate::{EASY, Server, Visit, listen};

#[test]
fn the_page_works_by_every_name_of_its_host_and_inside_tls() {
    let plain = Server::start();
    let ipv6 = Server::start_with(&["--bind", "::1"]);
    let tls = Server::start_with(&["--tls"]);
    let folder = Folder::new("web-named");
    let config = folder.join("chat.toml");
    fs::write(&config, "[web]\norigins = [\"http://chat.example.org\"]\n").expect("a file of ours");
    let (_named, address): (Running, _) =
        listen(folder.path(), 0, &[EASY, &["--config", &config.display().to_string()]].concat());

    let to = format!("--host-resolver-rules=MAP chat.example.org {address}");
    let args = [to.as_str(), "--ignore-certificate-errors"];
    let port = plain.address.port();
    let mut visit = Visit::with("en-US", &format!("http://127.0.0.1:{port}/"), &args);
    visit.come_in("alice");
    for address in [
        format!("http://localhost:{port}/"),
        format!("http://[::1]:{}/", ipv6.address.port()),
        format!("https://localhost:{}/", tls.address.port()),
        "http://chat.example.org/".to_owned(),
    ] {
        visit.open(&address);
        visit.wait_for("probe.ready()");
        visit.come_in("carol");
        visit.say(&format!("at {address}"));
        visit.expect(&address);
    }
}
