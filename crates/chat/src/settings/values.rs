//! Single values of the file: what a text has to look like to be a duration, a size, a name or a hash.
//!
//! Each function takes what stands between the quotes. An error is the end of a sentence, an instruction; whoever calls
//! puts the key before it. No error repeats the text, for it may be a password in the wrong place.

use argon2::password_hash::phc::PasswordHash;
use callbox_settings::units::show_size;

/// The longest server name, and the longest host that an operator may show (HOSTLEN of common servers; a label of DNS
/// has the same bound).
const HOST: usize = 63;

/// The longest text that has to fit a line of 512 bytes together with the longest names: descriptions, lines of ADMIN.
const TEXT: usize = 300;

/// The longest line of a message of the day: 512 bytes less the longest server name, the longest nickname and
/// ` 372 `, ` :- ` and CR LF.
pub(super) const MOTD_LINE: usize = 350;

/// Lines of a message of the day. Everybody who comes in is sent all of them.
pub(super) const MOTD_LINES: usize = 500;

/// The most memory that a hash may ask for, in KiB: 1 GiB. A hash from elsewhere could ask for any amount, each time
/// that its password is tried.
pub(super) const HASH_MEMORY_KIB: u32 = 1 << 20;

/// The most passes that a hash may ask for.
pub(super) const HASH_ITERATIONS: u32 = 100;

/// A server's name: a host name with a dot, by which clients tell servers from nicknames.
pub(super) fn server_name(text: &str) -> Result<Box<str>, String> {
    let label = |label: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        !label.is_empty() && label.bytes().all(plain) && !label.starts_with('-')
    };
    if text.len() <= HOST && text.contains('.') && text.split('.').all(label) {
        Ok(text.into())
    } else {
        Err(format!(
            "has to be a host name with a dot in it, such as \"chat.example.org\": letters, digits and - of ASCII, \
             at most {HOST} bytes"
        ))
    }
}

/// A network's name: one word.
pub(super) fn network_name(text: &str) -> Result<Box<str>, String> {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    if !text.is_empty() && text.len() <= HOST && !text.contains(odd) {
        Ok(text.into())
    } else {
        Err(format!("has to be one word of at most {HOST} bytes"))
    }
}

/// A channel's name. How long it may be is a setting, and checked when all are known.
pub(super) fn channel(text: &str) -> Result<Box<str>, String> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == ',';
    if text.len() > 1 && text.starts_with('#') && !text.contains(odd) {
        Ok(text.into())
    } else {
        Err("has to be a channel's name such as \"#lobby\": no spaces, no commas".into())
    }
}

/// A line for people.
pub(super) fn line(text: &str) -> Result<Box<str>, String> {
    if text.len() <= TEXT && !text.contains(char::is_control) {
        Ok(text.into())
    } else {
        Err(format!("has to be one line of at most {TEXT} bytes"))
    }
}

/// A message of the day, as lines. The end of the last one may be there or not.
pub(super) fn motd(text: &str) -> Result<Vec<Box<str>>, String> {
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if index == MOTD_LINES {
            return Err(format!("has to have at most {MOTD_LINES} lines"));
        }
        if line.len() > MOTD_LINE {
            return Err(format!(
                "has to have lines of at most {MOTD_LINE} bytes: line {} has {}",
                index + 1,
                line.len()
            ));
        }
        // Colours and bold are control characters and fine; these three end a line of IRC, or the text of one.
        if line.contains(['\r', '\n', '\0']) {
            return Err(format!("may not hold NUL or CR: line {} does", index + 1));
        }
        lines.push(line.into());
    }
    Ok(lines)
}

/// The name that OPER is given: one parameter of IRC that is not the last.
pub(super) fn operator_name(text: &str) -> Result<Box<str>, String> {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    if !text.is_empty() && text.len() <= HOST && !text.starts_with(':') && !text.contains(odd) {
        Ok(text.into())
    } else {
        Err(format!("has to be one word of at most {HOST} bytes that does not begin with a colon"))
    }
}

/// What an operator shows in place of a host.
pub(super) fn shown_host(text: &str) -> Result<Box<str>, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'/');
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && text.len() <= HOST && text.bytes().all(plain) {
        Ok(text.into())
    } else {
        Err(format!(
            "has to look like a host, such as \"staff.example.org\": letters, digits, and . - _ / of ASCII, at most \
             {HOST} bytes"
        ))
    }
}

/// The SHA-256 of a certificate, in hexadecimal, with or without colons; given back in small letters without.
pub(super) fn fingerprint(text: &str) -> Result<Box<str>, String> {
    let digits: String =
        text.chars().filter(|c| *c != ':').map(|c| c.to_ascii_lowercase()).collect();
    if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(digits.into())
    } else {
        Err("has to be the SHA-256 of a certificate: 64 hexadecimal digits, with or without colons"
            .into())
    }
}

/// The hash of a password: argon2id, as a PHC string.
pub(super) fn password_hash(text: &str) -> Result<Box<str>, String> {
    const ADVICE: &str = "make one with `callbox chat password`";
    let hash = PasswordHash::new(text)
        .map_err(|_| format!("is not the hash of a password (\"$argon2id$…\"): {ADVICE}"))?;
    if hash.algorithm.as_str() != "argon2id" {
        return Err(format!("is a hash of another kind than argon2id: {ADVICE}"));
    }
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(format!("is cut off, a hash ends with a salt and the hash itself: {ADVICE}"));
    }
    let params = argon2::Params::try_from(&hash)
        .map_err(|_| format!("has parameters that argon2id does not take: {ADVICE}"))?;
    if params.m_cost() > HASH_MEMORY_KIB || params.t_cost() > HASH_ITERATIONS {
        return Err(format!(
            "costs more than {} or {HASH_ITERATIONS} passes each time it is tried: {ADVICE}",
            show_size(HASH_MEMORY_KIB as usize * 1024).trim_matches('"')
        ));
    }
    Ok(text.into())
}

/// A web page's origin as a browser writes it, or `*`.
pub(super) fn origin(text: &str) -> Result<Box<str>, String> {
    if text == "*" {
        return Ok(text.into());
    }
    let host = text
        .split_once("://")
        .filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
        .and_then(|(_, rest)| rest.parse::<callbox_net::address::HostPort>().ok());
    let odd = |c: char| !c.is_ascii_graphic() || c.is_ascii_uppercase() || "?#%\\\"'".contains(c);
    if host.is_some() && text.len() <= 256 && !text.contains(odd) {
        Ok(text.into())
    } else {
        Err("has to be what a browser sends as the origin: http:// or https://, a host in small letters, perhaps a \
             port, no slash after it; or \"*\" for any page"
            .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_or_refused() {
        assert!(server_name("chat.example.org").is_ok());
        for text in ["", "chat", ".example", "chat.", "a b.c", "-a.b", "chät.example", "a..b"] {
            assert!(server_name(text).is_err(), "{text}");
        }
        assert!(server_name(&format!("{}.b", "a".repeat(62))).is_err());
        assert!(channel("#大厅").is_ok());
        for text in ["", "#", "lobby", "#a b", "#a,b", "#a\u{7}", "&local"] {
            assert!(channel(text).is_err(), "{text}");
        }
        assert!(network_name("callbox").is_ok());
        assert!(network_name("two words").is_err());
        assert!(operator_name("alice").is_ok());
        assert!(operator_name(":alice").is_err());
        assert!(shown_host("staff.example/alice").is_ok());
        assert!(shown_host(":1").is_err());
        assert!(line("a callbox").is_ok());
        assert!(line("two\nlines").is_err());
    }

    #[test]
    fn a_fingerprint_is_taken_as_openssl_prints_it() {
        let printed = vec!["AB"; 32].join(":");
        assert_eq!(fingerprint(&printed).as_deref(), Ok("ab".repeat(32).as_str()));
        assert!(fingerprint("abcd").is_err());
        assert!(fingerprint(&"xy".repeat(32)).is_err());
    }

    #[test]
    fn only_an_argon2id_hash_of_bearable_cost_is_a_password() {
        let hash = |head: &str| {
            format!("${head}$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
        };
        let checked = |text: &str| password_hash(text).map(|_| ());
        assert_eq!(checked(&hash("argon2id$v=19$m=19456,t=2,p=1")), Ok(()));
        for (text, reason) in [
            ("hunter2".to_owned(), "is not the hash"),
            (hash("argon2i$v=19$m=19456,t=2,p=1"), "another kind"),
            (hash("argon2id$v=19$m=4194304,t=2,p=1"), "costs more"),
            (hash("argon2id$v=19$m=19456,t=9999,p=1"), "costs more"),
            ("$argon2id$v=19$m=19456,t=2,p=1".to_owned(), "cut off"),
            (hash("argon2id$v=19$m=1,t=2,p=1"), "parameters"),
        ] {
            let error = checked(&text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for text in ["https://chat.example", "http://localhost:8080", "https://[::1]:3000", "*"] {
            assert!(origin(text).is_ok(), "{text}");
        }
        for text in
            ["chat.example", "https://chat.example/", "https://Chat.example", "ws://x", "null"]
        {
            assert!(origin(text).is_err(), "{text}");
        }
    }
}
