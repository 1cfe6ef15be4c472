//! What there is to read, and in which form a request gets it. No page holds anything that a peer said.

use std::borrow::Cow;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::Request;

/// What may be loaded by what is no page of ours: nothing.
pub(super) const NOTHING: &str = "default-src 'none'";

/// What the page may load (Content Security Policy, level 3): its own files, and a WebSocket to where it came from. No
/// script of it makes markup of text.
const OWN_FILES: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     manifest-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'; connect-src 'self'";

/// Bytes of the hash in the tag of a page that is made here.
const TAG_BYTES: usize = 12;

/// A page, in the form that was asked for.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// Its media type.
    pub(super) kind: &'static str,
    pub(super) body: Cow<'static, [u8]>,
    /// What it may load.
    pub(super) policy: Cow<'static, str>,
    /// How it may be kept.
    pub(super) kept: Kept,
}

/// How what was fetched may be kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Kept {
    /// Not at all: the next one is another.
    Never,
    /// With a tag, by which to ask each time whether it is still the same.
    Asking {
        /// The tag, in its quotes.
        tag: String,
        /// The bytes are compressed with gzip.
        packed: bool,
    },
}

impl Page {
    /// The file of the page that `request` asks for, if there is one. It sends people to `lobby`.
    pub(super) fn file(request: &Request<'_>, lobby: &str) -> Option<Self> {
        let name = match request.path() {
            "/" => callbox_web::INDEX,
            path => path.strip_prefix('/')?,
        };
        let file = callbox_web::file(name)?;
        let made = match callbox_web::index(lobby) {
            Cow::Owned(html) if name == callbox_web::INDEX => Some(html.into_bytes()),
            _ => None,
        };
        let packed = made.is_none() && takes_gzip(request);
        let tag = made.as_deref().map_or_else(|| file.tag.into(), tag_of);
        // Another form of the same file is other bytes, and so has another tag (RFC 9110, section 8.8.3.3).
        let tag = if packed { format!("\"{tag}-gzip\"") } else { format!("\"{tag}\"") };
        let body = match made {
            Some(html) => html.into(),
            None => if packed { file.gzip } else { file.plain }.into(),
        };
        let policy = policy(request.only("host").unwrap_or_default()).into();
        Some(Self { kind: file.kind, body, policy, kept: Kept::Asking { tag, packed } })
    }

    /// Plain text.
    pub(super) fn text(body: &'static str) -> Self {
        Self::fresh("text/plain; charset=utf-8", body.as_bytes().into())
    }

    /// Metrics in Prometheus' text format.
    pub(super) fn metrics(body: String) -> Self {
        Self::fresh("text/plain; version=0.0.4; charset=utf-8", body.into_bytes().into())
    }

    fn fresh(kind: &'static str, body: Cow<'static, [u8]>) -> Self {
        Self { kind, body, policy: NOTHING.into(), kept: Kept::Never }
    }

    /// Whether the client has these bytes already (RFC 9110, section 13.1.2).
    pub(super) fn is_known_to(&self, request: &Request<'_>) -> bool {
        let Kept::Asking { tag, .. } = &self.kept else { return false };
        request
            .tokens("if-none-match")
            .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
    }
}

/// The policy of a page that came from `host`. That `'self'` stands for a WebSocket to the same host was not said before
/// level 3, and browsers of some years ago (Safari until 15.4) do not know it, so its address is named too.
fn policy(host: &str) -> String {
    // What else may stand in a host, such as `;`, would end the directive; and an IPv6 address is no source (section 2.3.1).
    let is_source = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_source) {
        return OWN_FILES.to_owned();
    }
    format!("{OWN_FILES} ws://{host} wss://{host}")
}

fn tag_of(body: &[u8]) -> String {
    Sha256::digest(body).iter().take(TAG_BYTES).fold(String::new(), |mut tag, byte| {
        // Writing to a string does not fail.
        let _ = write!(tag, "{byte:02x}");
        tag
    })
}

/// Whether a request prefers gzip (RFC 9110, section 12.5.3): it names it, or anything, and not with less weight than the
/// bytes as they are. Who takes neither gets those.
fn takes_gzip(request: &Request<'_>) -> bool {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    for element in request.tokens("accept-encoding") {
        let mut parts = element.split(';').map(str::trim_ascii);
        let coding = parts.next().unwrap_or_default();
        let weight =
            parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let weight = weight.map_or(1.0, |weight| weight.parse::<f32>().unwrap_or(0.0));
        if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
            gzip = Some(weight);
        } else if coding.eq_ignore_ascii_case("identity") {
            identity = Some(weight);
        } else if coding == "*" {
            any = Some(weight);
        }
    }
    let gzip = gzip.or(any).unwrap_or(0.0);
    gzip > 0.0 && gzip >= identity.unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::request::no_headers;
    use super::*;

    fn with<T>(headers: &str, ask: impl FnOnce(&Request<'_>) -> T) -> T {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        let mut room = no_headers();
        ask(&Request::parse(head.as_bytes(), &mut room).unwrap())
    }

    #[test]
    fn gzip_is_for_who_asks_for_it() {
        for (value, expected) in [
            ("gzip, deflate, br, zstd", true),
            ("GZIP", true),
            ("*", true),
            ("deflate, gzip;q=0.5", true),
            ("gzip;q=0.001, identity;q=0.001", true),
            ("identity;q=0, *", true),
            ("", false),
            ("br", false),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("gzip;q=0, *", false),
            ("gzip;q=0.4, identity;q=0.5", false),
            ("gzip;q=much", false),
            ("gzip;q=-1", false),
            ("gzip;q=NaN", false),
            ("*;q=0", false),
        ] {
            let header = format!("Accept-Encoding: {value}\r\n");
            assert_eq!(with(&header, takes_gzip), expected, "{value}");
        }
        assert!(!with("", takes_gzip));
    }

    #[test]
    fn a_tag_is_known_in_any_place_and_as_a_weak_one() {
        let page = with("", |request| Page::file(request, "#lobby")).unwrap();
        let Kept::Asking { tag, packed: false } = &page.kept else { panic!("{:?}", page.kept) };
        for known in [tag, &format!("W/{tag}"), &format!("\"x\", {tag}"), "*"] {
            assert!(
                with(&format!("If-None-Match: {known}\r\n"), |r| page.is_known_to(r)),
                "{known}"
            );
        }
        for other in ["\"x\"", tag.trim_matches('"'), &tag.replace('"', "-gzip\"")] {
            assert!(
                !with(&format!("If-None-Match: {other}\r\n"), |r| page.is_known_to(r)),
                "{other}"
            );
        }
        assert!(!with("", |request| page.is_known_to(request)));
        assert!(!with("If-None-Match: *\r\n", |request| Page::text("ok\n").is_known_to(request)));
    }

    #[test]
    fn the_policy_names_the_host_only_if_it_is_no_more_than_a_host() {
        for host in ["localhost:3000", "chat.example.org", "127.0.0.1:80"] {
            assert!(
                policy(host).ends_with(&format!("connect-src 'self' ws://{host} wss://{host}"))
            );
        }
        for host in ["", "a;script-src *", "a'self'", "a,b", "*", "[::1]:3000", "a%20b"] {
            assert_eq!(policy(host), OWN_FILES, "{host}");
        }
    }

    #[test]
    fn a_page_of_another_room_has_another_tag() {
        let kept = |lobby| with("", |request| Page::file(request, lobby)).unwrap().kept;
        assert_ne!(kept("#lobby"), kept("#tea"));
        assert_ne!(kept("#coffee"), kept("#tea"));
        assert_eq!(kept("#tea"), kept("#tea"));
    }
}
