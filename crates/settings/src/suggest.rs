//! What was probably meant by a name that is unknown.

use callbox_exchange::Quoted;

use crate::Vocabulary;

/// A name longer than this is not compared with anything: no key is half as long.
const COMPARED: usize = 48;

/// Bytes of an unknown name that are shown.
const SHOWN: usize = 40;

impl Vocabulary {
    /// What to say of a key that `section` does not have.
    pub(crate) fn unknown_key(&self, section: &str, name: &str) -> String {
        let shown = Quoted(name.as_bytes()).cut(SHOWN);
        let plain = kebab(name);
        let here = || self.known().filter(|(known, _)| *known == section).map(|(_, key)| key);
        let mut elsewhere = self.known().filter(|(_, key)| *key == plain);
        let meant = if let Some(same) = here().find(|key| *key == plain) {
            format!("did you mean {same}?")
        } else if let (Some((other, key)), None) = (elsewhere.next(), elsewhere.next()) {
            format!("{key} belongs in {}", self.header(other))
        } else if let Some(near) = nearest(&plain, here()) {
            format!("did you mean {near}?")
        } else {
            format!("it has {}", here().collect::<Vec<_>>().join(", "))
        };
        format!("{} has no key {shown}: {meant}", self.header(section))
    }

    /// What to say of a section, or a key before the first section, that is unknown.
    pub(crate) fn unknown_section(&self, name: &str, is_section: bool) -> String {
        let shown = Quoted(name.as_bytes()).cut(SHOWN);
        let headers = || self.sections.iter().map(|section| self.header(section));
        if !is_section {
            let meant = match self.known().find(|(_, key)| *key == kebab(name)) {
                Some((section, key)) => format!("{key} belongs in {}", self.header(section)),
                None => format!(
                    "write it below the section that it belongs to, such as {}",
                    headers().next().unwrap_or_default()
                ),
            };
            return format!("the key {shown} stands in no section: {meant}");
        }
        let meant = match nearest(&kebab(name), self.sections.iter().copied()) {
            Some(near) => format!("did you mean {}?", self.header(near)),
            None => format!("there are {}", headers().collect::<Vec<_>>().join(", ")),
        };
        format!("there is no section {shown}: {meant}")
    }

    fn known(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.keys.iter().copied()
    }

    /// A section as it is written.
    fn header(&self, section: &str) -> String {
        if self.repeated.contains(&section) {
            format!("[[{section}]]")
        } else if self.named.contains(&section) {
            format!("[{section}.NAME]")
        } else {
            format!("[{section}]")
        }
    }
}

/// As keys are written here: `NickLength` and `nick_length` are `nick-length`.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for c in name.chars().take(COMPARED) {
        match c {
            '_' | ' ' | '.' => kebab.push('-'),
            c if c.is_uppercase() => {
                if !kebab.is_empty() && !kebab.ends_with('-') {
                    kebab.push('-');
                }
                kebab.extend(c.to_lowercase());
            }
            c => kebab.push(c),
        }
    }
    kebab
}

/// The candidate that a few slips of the finger make of `name`.
fn nearest(name: &str, candidates: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    if name.len() > COMPARED {
        return None;
    }
    let bound = 1 + name.chars().count() / 4;
    candidates
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= bound)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance: characters to insert, delete or replace.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (done, c) in from.chars().enumerate() {
        let mut diagonal = done;
        let mut left = done + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, other) in row.iter_mut().skip(1).zip(&to) {
            let replaced = diagonal + usize::from(c != *other);
            diagonal = *cell;
            *cell = replaced.min(diagonal + 1).min(left + 1);
            left = *cell;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_the_slips() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("nick-lenght", "nick-length"), 2);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn what_was_meant_is_suggested() {
        let vocabulary = Vocabulary {
            sections: &["server", "limits", "operator", "profile"],
            repeated: &["operator"],
            named: &["profile"],
            keys: vec![
                ("server", "motd"),
                ("limits", "nick-length"),
                ("limits", "away-length"),
                ("operator", "password"),
                ("profile", "join"),
            ],
        };
        for (section, name, meant) in [
            ("limits", "nick-lenght", "did you mean nick-length?"),
            ("limits", "nick_length", "did you mean nick-length?"),
            ("limits", "NickLength", "did you mean nick-length?"),
            ("server", "nick-length", "nick-length belongs in [limits]"),
            ("operator", "pasword", "did you mean password?"),
            ("profile", "jion", "[profile.NAME] has no key 'jion': did you mean join?"),
            ("limits", "xyzzy", "it has nick-length, away-length"),
        ] {
            let said = vocabulary.unknown_key(section, name);
            assert!(said.contains(meant), "{name}: {said}");
        }
        let unknown = |name, is_section| vocabulary.unknown_section(name, is_section);
        assert!(unknown("limit", true).contains("did you mean [limits]?"));
        assert!(unknown("operators", true).contains("did you mean [[operator]]?"));
        assert!(unknown("motd", false).contains("motd belongs in [server]"));
        assert!(unknown("xyzzy", false).contains("such as [server]"));
    }
}
