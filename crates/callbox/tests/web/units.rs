//! The unit tests of the page's core, `crates/web/tests/*.test.js`, run where the core runs: in a browser.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;

use callbox_testkit::Browser;
use callbox_testkit::browser::serde_json::json;

use crate::pictures;

/// Runs the tests of each file and gives how many there were and what went wrong.
const RUN: &str = "
const failed = [];
let count = 0;
for (const file of argument) {
  const { tests } = await import(`/tests/${file}`);
  for (const { name, run } of tests) {
    count += 1;
    try { await run(); } catch (error) { failed.push(`${file}: ${name}: ${error.stack}`); }
  }
}
return { count, failed };";

#[test]
fn the_unit_tests_of_the_page_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web");
    let mut files: Vec<String> = fs::read_dir(folder.join("tests"))
        .expect("the tests of the page")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".test.js"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let address = serve(folder);
    let mut browser = Browser::start("en-US", &pictures());
    browser.open(&format!("http://{address}/"));
    let result = browser.run(RUN, &json!(files));
    let failed: Vec<_> = result["failed"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|text| text.as_str())
        .collect();
    assert!(
        failed.is_empty(),
        "{} of {} failed:\n{}",
        failed.len(),
        result["count"],
        failed.join("\n")
    );
    println!("{} tests in {} files", result["count"], files.len());
    assert!(result["count"].as_u64() > Some(0));
}

/// Serves the modules of a folder to a browser, for as long as this process lives.
fn serve(folder: PathBuf) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let folder = folder.clone();
            thread::spawn(move || answer(stream, &folder));
        }
    });
    address
}

/// Answers one request, by a module or by an empty page.
fn answer(stream: TcpStream, folder: &Path) -> Option<()> {
    let mut lines = BufReader::new(&stream).lines();
    let request = lines.next()?.ok()?;
    let path = request.split(' ').nth(1)?;
    while !lines.next()?.ok()?.is_empty() {}
    let module =
        path.strip_prefix('/').filter(|path| path.ends_with(".js") && !path.contains(".."));
    let (kind, body) = match module.and_then(|path| fs::read(folder.join(path)).ok()) {
        Some(text) => ("text/javascript; charset=utf-8", text),
        None => {
            ("text/html; charset=utf-8", b"<!doctype html><link rel=icon href='data:,'>".to_vec())
        }
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    (&stream).write_all(&[head.as_bytes(), &body].concat()).ok()
}
