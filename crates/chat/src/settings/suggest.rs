//! What was probably meant by a name that is unknown.

use callbox_exchange::Quoted;

use super::keys::{self, known};

/// A name longer than this is not compared with anything: no key is half as long.
const COMPARED: usize = 48;

/// Bytes of an unknown name that are shown.
const SHOWN: usize = 40;

/// What to say of a key that `section` does not have.
pub(super) fn unknown_key(section: &str, name: &str) -> String {
    let shown = Quoted(name.as_bytes()).cut(SHOWN);
    let plain = kebab(name);
    let here = || known().filter(|(known, _)| *known == section).map(|(_, key)| key);
    let mut elsewhere = known().filter(|(_, key)| *key == plain);
    let meant = if let Some(same) = here().find(|key| *key == plain) {
        format!("did you mean {same}?")
    } else if let (Some((other, key)), None) = (elsewhere.next(), elsewhere.next()) {
        format!("{key} belongs in {}", header(other))
    } else if let Some(near) = nearest(&plain, here()) {
        format!("did you mean {near}?")
    } else {
        format!("it has {}", here().collect::<Vec<_>>().join(", "))
    };
    format!("{} has no key {shown}: {meant}", header(section))
}

/// What to say of a section, or a key before the first section, that is unknown.
pub(super) fn unknown_section(name: &str, is_section: bool) -> String {
    let shown = Quoted(name.as_bytes()).cut(SHOWN);
    if !is_section {
        let meant = match known().find(|(_, key)| *key == kebab(name)) {
            Some((section, key)) => format!("{key} belongs in {}", header(section)),
            None => "write it below the section that it belongs to, such as [server]".into(),
        };
        return format!("the key {shown} stands in no section: {meant}");
    }
    let meant = match nearest(&kebab(name), keys::SECTIONS.iter().copied()) {
        Some(near) => format!("did you mean {}?", header(near)),
        None => {
            let all: Vec<String> = keys::SECTIONS.iter().map(|section| header(section)).collect();
            format!("there are {}", all.join(", "))
        }
    };
    format!("there is no section {shown}: {meant}")
}

fn header(section: &str) -> String {
    if keys::REPEATED.contains(&section) {
        format!("[[{section}]]")
    } else {
        format!("[{section}]")
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
        for (section, name, meant) in [
            ("limits", "nick-lenght", "did you mean nick-length?"),
            ("limits", "nick_length", "did you mean nick-length?"),
            ("limits", "NickLength", "did you mean nick-length?"),
            ("server", "nick-length", "nick-length belongs in [limits]"),
            ("operator", "pasword", "did you mean password?"),
            ("listen", "xyzzy", "it has address, port, tls, datagrams"),
        ] {
            let said = unknown_key(section, name);
            assert!(said.contains(meant), "{name}: {said}");
        }
        assert!(unknown_section("limit", true).contains("did you mean [limits]?"));
        assert!(unknown_section("operators", true).contains("did you mean [[operator]]?"));
        assert!(unknown_section("motd", false).contains("motd belongs in [server]"));
    }
}
