//! The words of `-e`, split as ncat splits them.

/// The words of a command: they are separated by blanks, and a backslash takes the character behind it as it is. Quotes mean
/// nothing, as in ncat: who wants them takes `-c`, which is a shell's line.
pub fn split(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = command.chars();
    while let Some(c) = characters.next() {
        if c.is_ascii_whitespace() {
            words.extend(word.take());
        } else if c != '\\' {
            word.get_or_insert_default().push(c);
        } else if let Some(c) = characters.next() {
            word.get_or_insert_default().push(c);
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_split_as_ncat_splits_them() {
        // Each as Debian's ncat 7.93 passed it on.
        for (command, words) in [
            ("a b c", vec!["a", "b", "c"]),
            ("  a \t b ", vec!["a", "b"]),
            ("'a b' c", vec!["'a", "b'", "c"]),
            (r"a\ b c", vec!["a b", "c"]),
            (r"a\\b", vec![r"a\b"]),
            (r#""a \"q\" b""#, vec!["\"a", "\"q\"", "b\""]),
            (r"a\tb", vec!["atb"]),
            (r"x\", vec!["x"]),
            ("", vec![]),
            ("   ", vec![]),
        ] {
            assert_eq!(split(command), words, "{command}");
        }
    }
}
