//! Which web pages may open a WebSocket.
//!
//! A browser lets any page connect anywhere, to this machine and its network too, and says in `Origin` which page it is
//! (RFC 6455, section 10.2). A server that asks nobody who they are has nothing else to tell its own pages by.

/// The origins whose pages may come. Programs send none and always may.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Origins {
    any: bool,
    named: Vec<String>,
}

impl Origins {
    /// Takes one more, as `https://example.org`, with a port where it is not the scheme's own; `null`, which pages without
    /// an origin say; or `*` for all. False if it is none of these.
    pub fn add(&mut self, origin: &str) -> bool {
        match origin {
            "*" => self.any = true,
            _ => match normal(origin) {
                Some(origin) => self.named.push(origin),
                None => return false,
            },
        }
        true
    }

    /// Whether a page of this origin may come.
    pub(super) fn admit(&self, origin: &str) -> bool {
        self.any || normal(origin).is_some_and(|origin| self.named.contains(&origin))
    }
}

/// An origin as it is compared: in small letters, and without a port that goes without saying.
fn normal(origin: &str) -> Option<String> {
    let origin = origin.to_ascii_lowercase();
    if origin == "null" {
        return Some(origin);
    }
    let (scheme, host) = origin.split_once("://")?;
    let host = host.strip_suffix('/').unwrap_or(host);
    let is_sound = |text: &str, more: &[u8]| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || more.contains(&byte);
        !text.is_empty() && text.bytes().all(known)
    };
    if !is_sound(scheme, b"+-.") || !is_sound(host, b"-._:[]") {
        return None;
    }
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    Some(format!("{scheme}://{}", host.strip_suffix(port).unwrap_or(host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_may_come_if_its_origin_is_named() {
        let mut origins = Origins::default();
        assert!(!origins.admit("https://example.org") && !origins.admit("null"));
        for origin in ["https://Example.org/", "http://[::1]:8080", "http://a.test:80"] {
            assert!(origins.add(origin), "{origin}");
        }
        for (origin, may) in [
            ("https://example.org", true),
            ("https://EXAMPLE.org:443", true),
            ("http://[::1]:8080", true),
            ("http://a.test", true),
            ("http://example.org", false),
            ("https://example.org:8443", false),
            ("https://example.org.evil.test", false),
            ("https://example.org@evil.test", false),
            ("https://evil.test/https://example.org", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(origins.admit(origin), may, "{origin}");
        }
        assert!(origins.add("null") && origins.admit("null"));
        assert!(origins.add("*") && origins.admit("https://anyone.test") && origins.admit(""));
    }

    #[test]
    fn what_is_no_origin_is_told() {
        for origin in
            ["", "example.org", "https://", "https://a/b", "https://a b", "://a", "https://u@a"]
        {
            assert!(!Origins::default().add(origin), "{origin}");
        }
    }
}
