//! Text as JSON, for whatever is written one object a line: the export of history, and what clients hear.

use std::fmt::{self, Display};

use crate::quote::is_hidden;

/// A text as a JSON string (RFC 8259, section 7). What RFC 8259 lets stand but a terminal acts on is escaped as well, and
/// so is what nobody sees: what reorders text, what takes no space, the two line separators at which some programs cut lines.
#[derive(Clone, Copy, Debug)]
pub struct Json<'a>(pub &'a str);

impl Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        let mut rest = self.0;
        while let Some(at) = rest.find(is_escaped) {
            let (plain, special) = rest.split_at(at);
            f.write_str(plain)?;
            let Some(char) = special.chars().next() else { break };
            match char {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                // One beyond U+FFFF is two units of UTF-16.
                other => {
                    for unit in other.encode_utf16(&mut [0; 2]) {
                        write!(f, "\\u{unit:04x}")?;
                    }
                }
            }
            rest = &special[char.len_utf8()..];
        }
        f.write_str(rest)?;
        f.write_str("\"")
    }
}

fn is_escaped(char: char) -> bool {
    char.is_control() || matches!(char, '"' | '\\') || is_hidden(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_strings_escape_what_json_or_a_terminal_would_act_on() {
        let text = "你\"\\\n\r\t\u{0}\u{1b}[2J\u{7f}\u{9b}\u{2028}\u{202e}\u{e0041}😀";
        let json = r#""你\"\\\n\r\t\u0000\u001b[2J\u007f\u009b\u2028\u202e\udb40\udc41😀""#;
        assert_eq!(Json(text).to_string(), json);
    }
}
