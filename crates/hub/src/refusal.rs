//! Why a command was not done, and how that is said. Each reason becomes a reply in one place, [`Turn::refuse`].

use std::borrow::Cow;

use callbox_irc::numeric::{self as n, Numeric};

use crate::turn::Turn;

/// What a command comes to.
pub(crate) type Outcome = Result<(), Refusal>;

/// Why a command was not done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// An error numeric: its parameters after the client's name, and its text.
    Numeric(Numeric, Vec<String>, Cow<'static, str>),
    /// `FAIL command code context… :text` (IRCv3 standard replies).
    Fail {
        /// The command, or `*`.
        command: &'static str,
        /// `INVALID_PARAMS`, ….
        code: &'static str,
        /// What it is about.
        context: Vec<String>,
        /// For people.
        text: Cow<'static, str>,
    },
    /// Nothing is said: the specification wants silence.
    Silent,
}

impl Refusal {
    /// A numeric with the text of the table.
    pub(crate) fn numeric(numeric: Numeric, params: &[&str]) -> Self {
        Self::Numeric(numeric, owned(params), Cow::Borrowed(numeric.text))
    }

    /// A numeric with a text of its own.
    pub(crate) fn told(
        numeric: Numeric,
        params: &[&str],
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Numeric(numeric, owned(params), text.into())
    }

    /// A standard reply.
    pub(crate) fn fail(
        command: &'static str,
        code: &'static str,
        context: &[&str],
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Fail { command, code, context: owned(context), text: text.into() }
    }

    pub(crate) fn no_such_nick(nick: &str) -> Self {
        Self::numeric(n::ERR_NOSUCHNICK, &[nick])
    }

    pub(crate) fn no_such_channel(channel: &str) -> Self {
        Self::numeric(n::ERR_NOSUCHCHANNEL, &[channel])
    }

    pub(crate) fn not_on_channel(channel: &str) -> Self {
        Self::numeric(n::ERR_NOTONCHANNEL, &[channel])
    }

    pub(crate) fn need_more_params(command: &str) -> Self {
        Self::numeric(n::ERR_NEEDMOREPARAMS, &[command])
    }

    pub(crate) fn not_channel_operator(channel: &str) -> Self {
        Self::numeric(n::ERR_CHANOPRIVSNEEDED, &[channel])
    }
}

impl Turn<'_> {
    /// Says `refusal` to the client.
    pub(crate) fn refuse(&mut self, refusal: &Refusal) {
        match refusal {
            Refusal::Numeric(numeric, params, text) => {
                let params: Vec<&str> = params.iter().map(String::as_str).collect();
                self.numeric(*numeric, &params, text);
            }
            Refusal::Fail { command, code, context, text } => {
                self.standard_reply("FAIL", command, code, context, text);
            }
            Refusal::Silent => {}
        }
    }

    /// Says `outcome` to the client, if it is a refusal. For commands that go on after one.
    pub(crate) fn report(&mut self, outcome: Outcome) {
        if let Err(refusal) = outcome {
            self.refuse(&refusal);
        }
    }

    /// `FAIL`, `WARN` or `NOTE` (IRCv3 standard replies). They need no capability: clients without it see an unknown
    /// command, which is how the specification has it.
    pub(crate) fn standard_reply(
        &mut self,
        kind: &str,
        command: &str,
        code: &str,
        context: &[String],
        text: &str,
    ) {
        self.reply(kind, |line| {
            let line = line.param(command).param(code);
            context.iter().fold(line, |line, word| line.param(word)).text(text)
        });
    }
}

/// What is wrong is repeated up to this length, so that the text behind it has room in the line.
const REPEATED: usize = 64;

/// As much of `word`, which somebody said wrongly, as is repeated to them.
pub(crate) fn clip(word: &str) -> &str {
    &word[..word.floor_char_boundary(REPEATED)]
}

fn owned(params: &[&str]) -> Vec<String> {
    params.iter().map(ToString::to_string).collect()
}
