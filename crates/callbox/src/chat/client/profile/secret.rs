//! Passwords: asked for, or from a file or a variable, and never shown.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::chat::password;
use crate::cli::LoginArgs;
use crate::messages::{self, Failure, Reason, shown_path};

/// The longest password, in bytes. Servers take a few hundred.
const MAX_PASSWORD: usize = 1_024;

/// Where a password is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In somebody's head.
    Person,
    /// It is the first line of a file.
    File(PathBuf),
    /// In the environment.
    Variable(String),
}

impl Source {
    /// The source that was given, if one was.
    pub(super) fn of(args: &LoginArgs) -> Option<Self> {
        let file = || args.password_file.clone().map(Self::File);
        let variable = || args.password_env.clone().map(Self::Variable);
        args.password.then_some(Self::Person).or_else(file).or_else(variable)
    }

    /// The password.
    ///
    /// # Errors
    ///
    /// If it cannot be had, or is none.
    pub fn read(&self) -> Result<Zeroizing<String>, Failure> {
        match self {
            Self::Person => password::known(),
            Self::File(path) => from_file(path),
            Self::Variable(name) => {
                let wrong =
                    |why| Failure::usage(format!("no password in the variable {name}: {why}"));
                let value = env::var_os(name).ok_or_else(|| wrong("it is not set"))?;
                let value = value.into_string().map_err(|_| wrong("it is no text in UTF-8"))?;
                check(Zeroizing::new(value)).map_err(wrong)
            }
        }
    }
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let wrong = |why: &str| Failure::usage(format!("no password in {}: {why}", shown_path(path)));
    let failed = |error: io::Error| wrong(&Reason(&error).to_string());
    let file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    // A pipe has no rights worth a look.
    if about.is_file() && about.mode() & 0o077 != 0 {
        let path = shown_path(path);
        messages::error(format_args!(
            "others on this machine may read the password in {path}; try: chmod 600 {path}"
        ));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_PASSWORD + 2));
    file.take(MAX_PASSWORD as u64 + 2).read_to_end(&mut bytes).map_err(failed)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = str::from_utf8(line).map_err(|_| wrong("its first line is no text in UTF-8"))?;
    check(Zeroizing::new(text.to_owned())).map_err(wrong)
}

fn check(password: Zeroizing<String>) -> Result<Zeroizing<String>, &'static str> {
    match password.len() {
        0 => Err("it is empty"),
        1..=MAX_PASSWORD => Ok(password),
        _ => Err("it is longer than 1024 bytes"),
    }
}
