//! The three programs that people call `nc`, whose letters differ in meaning.

/// Whose command line is meant.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Flavour {
    /// ncat 7.99. Ours, and the default.
    #[default]
    Ncat,
    /// OpenBSD's nc, as Debian carries it.
    OpenBsd,
    /// The netcat of 1996.
    Traditional,
}

impl Flavour {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ncat, Self::OpenBsd, Self::Traditional];

    /// As it is written behind `--flavour`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ncat => "ncat",
            Self::OpenBsd => "openbsd",
            Self::Traditional => "traditional",
        }
    }

    /// As people call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Ncat => "ncat",
            Self::OpenBsd => "OpenBSD's nc",
            Self::Traditional => "the traditional netcat",
        }
    }

    /// The flavour of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flavour| flavour.name() == name)
    }

    /// The flavour that a command line asks for, looked for before anything else is read: what the other words mean
    /// depends on it. The last one counts.
    ///
    /// # Errors
    ///
    /// The name, if there is no such flavour.
    pub fn wished(arguments: &[std::ffi::OsString]) -> Result<Self, String> {
        let mut wished = Self::default();
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let Some(word) = word.to_str() else { continue };
            let name = match word.strip_prefix("--flavour") {
                _ if word == "--" => break,
                Some("") => match words.next() {
                    Some(name) => name.to_string_lossy().into_owned(),
                    None => break,
                },
                Some(rest) => match rest.strip_prefix('=') {
                    Some(name) => name.to_owned(),
                    None => continue,
                },
                None => continue,
            };
            wished = Self::named(&name).ok_or(name)?;
        }
        Ok(wished)
    }
}
