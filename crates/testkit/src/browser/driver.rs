//! The wire to a WebDriver (W3C WebDriver, section 6): HTTP with JSON, one request after the other on one connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::EVENT_DEADLINE;
use crate::process::Running;
use crate::program::Program;

/// Longer than the driver itself waits for anything.
const DEADLINE: Duration = EVENT_DEADLINE.saturating_mul(3);

/// A driver at work, with the browser that it started.
pub(super) struct Driver {
    connection: BufReader<TcpStream>,
    port: u16,
    /// The path of the session, once there is one.
    session: String,
    /// Dropped last: what it started ends with it.
    _process: Running,
}

/// What a driver says instead of a value.
#[derive(Debug)]
pub(super) struct Refused {
    /// A code of section 6.6, such as `script timeout`.
    pub(super) code: String,
    pub(super) message: String,
}

impl Driver {
    /// Starts `program`, which says its port on standard output, and a session with `capabilities`.
    #[track_caller]
    pub(super) fn start(program: Program, capabilities: &Value) -> Self {
        let mut process = program.with_group().spawn();
        let line = process.wait_for_stdout("successfully on port ");
        let port = line.rsplit(' ').next().and_then(|port| port.trim_end_matches('.').parse().ok());
        let port = port.unwrap_or_else(|| panic!("no port in {line:?}"));
        let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .and_then(|stream| stream.set_read_timeout(Some(DEADLINE)).map(|()| stream))
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
            .unwrap_or_else(|error| panic!("the driver at port {port}: {error}"));
        let connection = BufReader::new(connection);
        let mut driver = Self { connection, port, session: String::new(), _process: process };
        let session = driver.call("POST", "/session", &json!({ "capabilities": capabilities }));
        let session = session.unwrap_or_else(|refused| panic!("no browser: {}", refused.message));
        let id = session["sessionId"].as_str().expect("a session has an identifier");
        driver.session = format!("/session/{id}");
        driver
    }

    /// POSTs a command of the session.
    pub(super) fn post(&mut self, command: &str, body: &Value) -> Result<Value, Refused> {
        let path = format!("{}/{command}", self.session);
        self.call("POST", &path, body)
    }

    /// GETs a property of the session.
    pub(super) fn get(&mut self, what: &str) -> Result<Value, Refused> {
        let path = format!("{}/{what}", self.session);
        self.call("GET", &path, &Value::Null)
    }

    #[track_caller]
    fn call(&mut self, method: &str, path: &str, body: &Value) -> Result<Value, Refused> {
        let port = self.port;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.exchange(&format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        let answer = answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let answer: Value = serde_json::from_slice(&answer).expect("a driver speaks JSON");
        let value = &answer["value"];
        match value["error"].as_str() {
            Some(code) if value["message"].is_string() => Err(Refused {
                code: code.to_owned(),
                message: value["message"].as_str().unwrap_or_default().to_owned(),
            }),
            _ => Ok(value.clone()),
        }
    }

    /// Sends a request and reads the body of its answer.
    fn exchange(&mut self, request: &str) -> std::io::Result<Vec<u8>> {
        self.connection.get_mut().write_all(request.as_bytes())?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.connection.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let Some((name, value)) = line.split_once(':') else {
                if line.trim().is_empty() {
                    break;
                }
                continue;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        self.connection.read_exact(&mut body)?;
        Ok(body)
    }
}
