//! A line that parses can be written again, and what was written parses to the same.

#![no_main]

use callbox_irc::build::Line;
use callbox_irc::message::Message;
use callbox_irc::tags::{self, TagWriter};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(line) = std::str::from_utf8(data) else { return };
    let Ok(message) = Message::parse(line) else { return };
    let command = message.command;
    assert!(!command.is_empty() && !command.contains(' '));
    // What else stands there is read, for the answer that there is no such command, and never written.
    if !command.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return;
    }
    let mut out = Vec::new();
    let mut writer = TagWriter::new(&mut out);
    // What a reader sees of a tag that comes twice is its last value, so each is written once.
    let mut seen: Vec<(&str, std::borrow::Cow<'_, str>)> = Vec::new();
    for (key, value) in tags::parse(message.tags) {
        assert!(!key.is_empty() && !key.contains([';', '=', ' ']));
        seen.push((key, value));
    }
    for (key, value) in &seen {
        writer.tag(key, value);
    }
    writer.finish();
    let params: Vec<&str> = message.params.to_vec();
    let built = match message.source {
        Some(source) => Line::from_source(&mut out, source, command),
        None => Line::bare(&mut out, command),
    };
    match params.split_last() {
        Some((last, middle)) => built.params(middle.iter().copied()).text(last).end_uncut(),
        None => built.end_uncut(),
    }
    let again = std::str::from_utf8(&out).expect("text of text");
    let again = again.strip_suffix("\r\n").expect("an ending");
    let parsed = Message::parse(again).expect("what was written is a message");
    assert_eq!(parsed.command, command);
    assert_eq!(parsed.source, message.source);
    assert_eq!(parsed.params.to_vec(), params);
    assert_eq!(tags::parse(parsed.tags).collect::<Vec<_>>(), seen);
});
