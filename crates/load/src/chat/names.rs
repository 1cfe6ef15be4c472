//! What the clients of one run and their channels are called.
//!
//! Two runs beside each other must not meet, nor one with what a server still remembers of the one before it. So the
//! names hold four letters of their own, from the seed, the moment and the process. What is said depends on the seed
//! alone.

use std::time::{SystemTime, UNIX_EPOCH};

use callbox_measure::chat::Crowd;
use callbox_measure::plan::random::scramble;

/// The names of a run.
#[derive(Debug)]
pub(super) struct Names {
    crowd: Crowd,
    tag: String,
}

/// How many letters and figures set the names of one run apart from those of others: one in 1.7 million are the same.
const TAG: u32 = 4;

impl Names {
    pub(super) fn new(crowd: Crowd, seed: u64) -> Self {
        let moment = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let moment = moment.as_secs() << 32 | u64::from(moment.subsec_nanos());
        let random = scramble(scramble(seed, moment), u64::from(std::process::id()));
        let mut tag = String::new();
        push_figures(random % FIGURES.pow(TAG), TAG, &mut tag);
        Self { crowd, tag }
    }

    /// The nickname of a client: nine letters at most, which is what RFC 1459 lets one have, for up to 36^4 clients.
    pub(super) fn nick(&self, client: usize) -> String {
        let mut nick = format!("b{}", self.tag);
        push_figures(client as u64, 1, &mut nick);
        nick
    }

    /// The name of a channel.
    pub(super) fn channel(&self, channel: usize) -> String {
        format!("#b{}-{channel}", self.tag)
    }

    /// The name of the channel that a client sits in.
    pub(super) fn channel_of(&self, client: usize) -> String {
        self.channel(self.crowd.channel_of(client))
    }
}

const FIGURES: u64 = 36;

/// Writes a number to the base of 36, with `least` figures at least.
fn push_figures(number: u64, least: u32, out: &mut String) {
    if number >= FIGURES || least > 1 {
        push_figures(number / FIGURES, least.saturating_sub(1), out);
    }
    // A figure is below the base.
    out.extend(char::from_digit((number % FIGURES) as u32, FIGURES as u32));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_has_a_name_that_any_server_takes_and_none_has_that_of_another() {
        let crowd = Crowd::new(65_536, 3, 1).expect("a crowd");
        let names = Names::new(crowd, 1);
        let mut all: Vec<_> = (0..crowd.clients()).map(|client| names.nick(client)).collect();
        for name in &all {
            assert!(name.len() <= 9 && name.starts_with('b'), "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
        }
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), crowd.clients());
        assert_eq!(names.channel_of(65_535), format!("#b{}-0", names.tag));
        assert_eq!(names.tag.len(), 4);
    }

    #[test]
    fn figures_are_those_of_the_base() {
        let figures = |number, least| {
            let mut out = String::new();
            push_figures(number, least, &mut out);
            out
        };
        assert_eq!(figures(0, 1), "0");
        assert_eq!(figures(35, 1), "z");
        assert_eq!(figures(36, 1), "10");
        assert_eq!(figures(5, 4), "0005");
        assert_eq!(figures(36_u64.pow(4) - 1, 4), "zzzz");
    }
}
