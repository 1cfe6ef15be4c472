//! Socket calls as they happen, for `-v` and the tour.
//!
//! A learner wants to see the call, its arguments and what came back, in the order in which the kernel saw them.
//! Every wrapper in this crate therefore reports to a [`Trace`]. An idle trace costs one branch, and nothing is
//! formatted for it.

use std::fmt;
use std::io;
use std::sync::Arc;

/// Receives one line per socket call, such as `bind(fd 3, 127.0.0.1:3000) = ok`.
///
/// Called on the thread that made the call, so it must not block for long.
pub trait Observer: Send + Sync {
    /// Takes one line, without its line end.
    fn observe(&self, line: fmt::Arguments<'_>);
}

/// Where socket calls are reported to, or nowhere.
#[derive(Clone, Default)]
pub struct Trace(Option<Arc<dyn Observer>>);

impl Trace {
    /// A trace that reports nothing.
    pub const fn off() -> Self {
        Self(None)
    }

    /// A trace that reports to `observer`.
    pub fn to(observer: Arc<dyn Observer>) -> Self {
        Self(Some(observer))
    }

    /// Whether anybody listens.
    #[inline]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Reports `line`.
    pub fn line(&self, line: fmt::Arguments<'_>) {
        if let Some(observer) = &self.0 {
            observer.observe(line);
        }
    }

    /// Reports `call` with its result: `ok` or a value on success, the error's text otherwise. Gives the result back.
    pub(crate) fn result<T>(
        &self,
        result: io::Result<T>,
        call: fmt::Arguments<'_>,
        describe: impl FnOnce(&T) -> String,
    ) -> io::Result<T> {
        if self.is_on() {
            match &result {
                Ok(value) => self.line(format_args!("{call} = {}", describe(value))),
                Err(error) => self.line(format_args!("{call} failed: {error}")),
            }
        }
        result
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Trace(on)" } else { "Trace(off)" })
    }
}

/// What a call that returns nothing is reported to have given.
pub(crate) fn ok<T>(_: &T) -> String {
    "ok".to_owned()
}

/// So many bytes, as a person says it.
pub(crate) struct Bytes(pub(crate) usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} byte{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}
