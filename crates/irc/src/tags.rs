//! Message tags: escaping, reading and writing them, and which of a client's are passed on.
//!
//! Tags are handled as they stand on the wire for as long as possible. A client-only tag is relayed
//! without being unescaped, so that nothing is lost or changed on the way and nothing is copied.

use std::borrow::Cow;
use std::cmp::Reverse;

use crate::message::is_forbidden;
use crate::stamp;

/// The most bytes of tags that a client may send, without `@` and the space after them
/// (IRCv3 message-tags, "Size limit"). A longer line is refused with `ERR_INPUTTOOLONG`, not cut.
pub const CLIENT_DATA_MAX: usize = 4094;

/// The most bytes of tags that a server may add, without `@` and the space or `;` after them.
pub const SERVER_DATA_MAX: usize = 4094;

/// A client's whole tag section: `@`, [`CLIENT_DATA_MAX`] bytes, a space.
pub const CLIENT_SECTION_MAX: usize = CLIENT_DATA_MAX + 2;

/// The whole tag section of a line that a server sends: `@`, its own tags, `;`, a client's, a space.
pub const TOTAL_MAX: usize = SERVER_DATA_MAX + CLIENT_DATA_MAX + 3;

/// The tags in `raw` (without `@`), keys with values unescaped, in their order. A tag without a
/// value has an empty one; the two mean the same.
///
/// A key should occur once. Where it occurs again the last one counts ([`find`] goes by that); this
/// iterator gives all of them.
pub fn parse(raw: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    split(raw).map(|(key, value)| (key, unescape(value)))
}

/// The unescaped value of the last tag in `raw` with the key `key`.
pub fn find<'a>(raw: &'a str, key: &str) -> Option<Cow<'a, str>> {
    split(raw).filter(|(k, _)| *k == key).last().map(|(_, value)| unescape(value))
}

/// The client-only tags in `raw` (those with `+`) as they stand there, for relaying. `allow` is asked
/// for each key, without its `+`, as `CLIENTTAGDENY` names it.
///
/// Tags whose keys are not well-formed, or that hold what no tag may, are left out. Of several with
/// one key the last is passed on: no message may hold a key twice, and this is one of ours.
pub fn client_only(raw: &str, allow: impl Fn(&str) -> bool) -> Vec<&str> {
    let key_of = |tag: &'_ str| tag.find('=').unwrap_or(tag.len());
    let passed = raw.split(';').filter(|tag| {
        let (key, value) = tag.split_at(key_of(tag));
        key.strip_prefix('+').is_some_and(|name| is_name(name) && allow(name))
            && !value.bytes().any(is_unwritable)
    });
    // Sorted by key, the last one first, so that it is the one of its key that stays; then as they stood.
    let mut tags: Vec<(&str, Reverse<usize>, &str)> =
        passed.enumerate().map(|(place, tag)| (&tag[..key_of(tag)], Reverse(place), tag)).collect();
    tags.sort_unstable();
    tags.dedup_by_key(|(key, _, _)| *key);
    tags.sort_unstable_by_key(|(_, Reverse(place), _)| *place);
    tags.into_iter().map(|(_, _, tag)| tag).collect()
}

/// Whether `name` is a tag's key without `+`: letters, digits and hyphens, with a vendor's host name
/// and a slash before them or not.
pub fn is_name(name: &str) -> bool {
    let is_word = |text: &str, also: u8| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == also)
    };
    match name.split_once('/') {
        Some((vendor, name)) => is_word(vendor, b'.') && is_word(name, b'-'),
        None => is_word(name, b'-'),
    }
}

/// The value that was escaped as `escaped`, which is lent if nothing was. A backslash that escapes
/// nothing known is dropped.
pub fn unescape(escaped: &str) -> Cow<'_, str> {
    let Some(first) = escaped.find('\\') else {
        return Cow::Borrowed(escaped);
    };
    let mut value = String::with_capacity(escaped.len());
    value.push_str(&escaped[..first]);
    let mut chars = escaped[first..].chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            value.push(c);
            continue;
        }
        match chars.next() {
            Some(':') => value.push(';'),
            Some('s') => value.push(' '),
            Some('r') => value.push('\r'),
            Some('n') => value.push('\n'),
            Some(other) => value.push(other),
            None => {}
        }
    }
    Cow::Owned(value)
}

/// Appends `value`, escaped. NUL, for which there is no escape, is left out.
pub fn escape_into(value: &str, out: &mut Vec<u8>) {
    for byte in value.bytes() {
        match byte {
            b';' => out.extend_from_slice(b"\\:"),
            b' ' => out.extend_from_slice(b"\\s"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\0' => {}
            byte => out.push(byte),
        }
    }
}

/// Writes the tag section of a line: `@` before the first tag, `;` between them, and a space at the
/// end; nothing at all if there is no tag.
///
/// The server's tags are written before a client's, as the specification demands.
#[derive(Debug)]
#[must_use = "the section ends with `finish`"]
pub struct TagWriter<'o> {
    out: &'o mut Vec<u8>,
    any: bool,
}

impl<'o> TagWriter<'o> {
    /// Begins a tag section at the end of `out`.
    pub fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out, any: false }
    }

    /// A tag with a value, which is escaped; without `=` if the value is empty.
    pub fn tag(&mut self, key: &str, value: &str) -> &mut Self {
        self.begin();
        push_writable(key, self.out);
        if !value.is_empty() {
            self.out.push(b'=');
            escape_into(value, self.out);
        }
        self
    }

    /// A tag without a value.
    pub fn flag(&mut self, key: &str) -> &mut Self {
        self.tag(key, "")
    }

    /// `time`, of milliseconds since 1970 (IRCv3 server-time).
    pub fn time(&mut self, millis: u64) -> &mut Self {
        self.begin();
        self.out.extend_from_slice(b"time=");
        stamp::write(millis, self.out);
        self
    }

    /// Tags that are escaped already, one or several with `;` between them. Nothing if empty.
    pub fn raw(&mut self, tags: &str) -> &mut Self {
        if !tags.is_empty() {
            self.begin();
            push_writable(tags, self.out);
        }
        self
    }

    /// Ends the section.
    pub fn finish(self) {
        if self.any {
            self.out.push(b' ');
        }
    }

    fn begin(&mut self) {
        self.out.push(if self.any { b';' } else { b'@' });
        self.any = true;
    }
}

/// Keys and escaped values; what stands between two semicolons may be empty and is then no tag.
fn split(raw: &str) -> impl Iterator<Item = (&str, &str)> {
    let tags = raw.split(';').map(|tag| tag.split_once('=').unwrap_or((tag, "")));
    tags.filter(|(key, _)| !key.is_empty())
}

/// Whether `byte` would end the tag section or the line.
fn is_unwritable(byte: u8) -> bool {
    byte == b' ' || is_forbidden(byte)
}

/// Appends `text` without the bytes that no tag may hold, of which there are next to never any.
fn push_writable(text: &str, out: &mut Vec<u8>) {
    if text.bytes().any(is_unwritable) {
        out.extend(text.bytes().filter(|&byte| !is_unwritable(byte)));
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut TagWriter<'_>)) -> String {
        let mut out = Vec::new();
        let mut tags = TagWriter::new(&mut out);
        write(&mut tags);
        tags.finish();
        String::from_utf8(out).expect("tags are text")
    }

    #[test]
    fn values_are_escaped_and_unescaped_as_the_specification_says() {
        let value = "raw+:=,escaped; \\\r\n";
        let mut escaped = Vec::new();
        escape_into(value, &mut escaped);
        assert_eq!(escaped, br"raw+:=,escaped\:\s\\\r\n");
        assert_eq!(unescape(r"raw+:=,escaped\:\s\\\r\n"), value);
    }

    #[test]
    fn a_backslash_that_escapes_nothing_is_dropped() {
        assert_eq!(unescape(r"test\"), "test");
        assert_eq!(unescape(r"\b\é\\b"), r"bé\b");
    }

    #[test]
    fn a_value_without_escapes_is_lent() {
        assert!(matches!(unescape("plain=+/é"), Cow::Borrowed("plain=+/é")));
    }

    #[test]
    fn missing_and_empty_values_are_the_same_and_empty_tags_are_none() {
        let tags: Vec<_> = parse(";a;;b=;c=d=e;=x;").collect();
        assert_eq!(tags, [("a", "".into()), ("b", "".into()), ("c", "d=e".into())]);
        assert_eq!(parse("").count(), 0);
    }

    #[test]
    fn the_last_of_several_tags_with_one_key_counts() {
        assert_eq!(find("a=1;b=2;a=3", "a").as_deref(), Some("3"));
        assert_eq!(find("a=1;b=2;a", "a").as_deref(), Some(""));
        assert_eq!(find("aa=1", "a"), None);
    }

    #[test]
    fn only_well_formed_client_only_tags_that_are_allowed_are_passed_on() {
        let raw = r"+typing=active;label=1;+draft/react=\:\s;+;+x_y=1;+a/b/c;+/b;+example.com/foo-1;+é;++a;+b=";
        let allow = |name: &str| name != "typing";
        assert_eq!(client_only(raw, allow), [r"+draft/react=\:\s", "+example.com/foo-1", "+b="]);
        assert!(client_only("+a=b c;+d=\r\n;+e=\0", |_| true).is_empty());
    }

    #[test]
    fn no_key_is_passed_on_twice() {
        let raw = "+b=1;+a=1;+b;x=1;+a=2;+c=3;+b=2";
        assert_eq!(client_only(raw, |_| true), ["+a=2", "+c=3", "+b=2"]);
    }

    #[test]
    fn a_section_is_written_with_its_separators_or_not_at_all() {
        assert_eq!(written(|_| {}), "");
        assert_eq!(
            written(|tags| {
                tags.raw("");
            }),
            ""
        );
        assert_eq!(
            written(|tags| {
                tags.time(1).tag("account", "a b").flag("bot").raw("+x=1;+y").raw("+z");
            }),
            r"@time=1970-01-01T00:00:00.001Z;account=a\sb;bot;+x=1;+y;+z "
        );
    }

    #[test]
    fn nothing_that_is_written_ends_the_section_early() {
        let line = written(|tags| {
            tags.tag("a b\n", "c d\r\n\0").raw("+e=f g\r\n\0");
        });
        assert_eq!(line, r"@ab=c\sd\r\n;+e=fg ");
    }

    proptest! {
        #[test]
        fn what_is_escaped_is_unescaped_to_what_it_was(value in any::<String>()) {
            let value = value.replace('\0', "");
            let mut escaped = Vec::new();
            escape_into(&value, &mut escaped);
            let escaped = String::from_utf8(escaped).expect("text");
            prop_assert!(!escaped.bytes().any(|b| b == b';' || is_unwritable(b)));
            prop_assert_eq!(unescape(&escaped), value);
        }

        #[test]
        fn what_is_written_is_read_again(values in proptest::collection::vec("[ -~é;\\\\\r\n]{0,9}", 0..6)) {
            let keys = ["a", "b", "+c", "d/e", "+f.g/h", "i"];
            let section = written(|tags| {
                for (key, value) in keys.iter().zip(&values) {
                    tags.tag(key, value);
                }
            });
            let raw = section.strip_prefix('@').and_then(|s| s.strip_suffix(' ')).unwrap_or("");
            let expected: Vec<_> = keys.into_iter().zip(values.iter().map(|v| Cow::from(v.as_str()))).collect();
            prop_assert_eq!(parse(raw).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn no_tags_make_the_readers_panic(raw in any::<String>()) {
            let _ = parse(&raw).count();
            prop_assert!(client_only(&raw, |_| true).iter().all(|tag| raw.contains(tag)));
        }
    }
}
