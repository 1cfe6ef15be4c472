//! What somebody is called: asked for, or what the system calls them.

use callbox_irc::names::Nick;

use crate::client::input::{Input, InputLine};
use crate::messages::{self, Exit, Failure};

/// The question of the chat.
const QUESTION: &str = "What is your name? ";

/// What somebody is called whom the system gives no name that could be one.
const NOBODY: &str = "guest";

/// The most bytes of a name: servers allow fewer, and say so.
const NAME_MAX: usize = 64;

/// The name that was given, or the one that is typed, or the login name for a tool, which asks nobody.
pub(super) fn choose(given: Option<&str>, is_tool: bool) -> Result<String, Failure> {
    if let Some(name) = given {
        return check(name).map(|()| name.to_owned()).map_err(|problem| {
            Failure::usage(format!("--name '{name}' cannot be a name: {problem}"))
        });
    }
    let login = std::env::var("USER").ok().filter(|name| check(name).is_ok());
    let offered = login.unwrap_or_else(|| NOBODY.to_owned());
    if is_tool {
        return Ok(offered);
    }
    let mut input = Input::open()?;
    loop {
        let name = match input.next_offering(QUESTION, &offered)? {
            Some(InputLine::Line(line)) => String::from_utf8_lossy(&line).trim().to_owned(),
            Some(InputLine::TooLong) => continue,
            None => return Err(Failure::said(Exit::Interrupted)),
        };
        if name.is_empty() {
            return Ok(offered);
        }
        match check(&name) {
            Ok(()) => return Ok(name),
            Err(problem) => messages::error(format_args!("'{name}' cannot be a name: {problem}")),
        }
    }
}

/// Whether a server could take it. What a network allows beyond that, it says itself.
fn check(name: &str) -> Result<(), String> {
    Nick::parse(name, NAME_MAX).map(drop).map_err(|problem| problem.to_string())
}
