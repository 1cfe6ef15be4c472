//! Names: what parses is within its cap, parses again to itself, and fits where names stand; folding folded text changes
//! nothing.

#![no_main]

use callbox_irc::fold::{self, Folded, LookAlikes};
use callbox_irc::names::{Account, Channel, Key, Nick, UserName};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, u8)| {
    let (text, max) = (input.0, usize::from(input.1));
    let folded = Folded::new(text);
    assert_eq!(Folded::new(&folded), folded);
    assert!(folded.len() <= 3 * text.len());
    if let Ok(nick) = Nick::parse(text, max) {
        let shown = nick.as_str();
        assert!(!shown.is_empty() && shown.len() <= max, "{shown:?}");
        assert!(!shown.contains(|c: char| " ,!@*?:\r\n\0.".contains(c)), "{shown:?}");
        assert!(!shown.starts_with(['#', '~', '$', '&', '@', '%', '+']), "{shown:?}");
        assert_eq!(Nick::parse(shown, max).as_ref().map(Nick::as_str), Ok(shown));
        assert_eq!(Nick::parse(nick.key(), usize::MAX).as_ref().map(Nick::key), Ok(nick.key()));
        assert!(!Channel::is_meant(shown));
        assert!(Account::parse(shown, max).is_ok());
        let mut taken = LookAlikes::new();
        taken.insert(nick.key());
        assert!(fold::look_alike(shown, shown));
        assert!(!taken.is_taken(nick.key(), Some(nick.key())));
        taken.remove(nick.key());
        assert_eq!(taken, LookAlikes::new());
    }
    if let Ok(channel) = Channel::parse(text, max) {
        let shown = channel.as_str();
        assert!(shown.len() <= max && shown.starts_with('#'));
        assert!(!shown.contains([' ', ',', '\r', '\n', '\0', '\u{7}']));
        assert_eq!(Channel::parse(shown, max).as_ref().map(Channel::key), Ok(channel.key()));
        assert_eq!(Folded::new(shown), *channel.key());
    }
    if let Ok(user) = UserName::parse(text, max.max(1)) {
        assert!(user.as_str().is_ascii() && !user.as_str().contains(['!', '@', ' ']));
    }
    if let Ok(key) = Key::parse(text, max) {
        assert!(key.opens(key.as_str()) && !key.as_str().contains([' ', ',']));
    }
});
