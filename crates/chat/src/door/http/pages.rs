//! What there is to read. No page holds anything that a peer said.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};

/// A page.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// Its media type.
    pub(super) kind: &'static str,
    pub(super) body: Cow<'static, str>,
}

/// The page for whoever opens the port in a browser, with a room's name that the settings may replace.
const INDEX: &str = include_str!("index.html");

/// That name.
const LOBBY: &str = "#lobby";

impl Page {
    /// The page for whoever opens the port in a browser, which sends people to `lobby`.
    pub(super) fn index(lobby: &str) -> Self {
        let escaped = lobby.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        Self { kind: "text/html; charset=utf-8", body: INDEX.replace(LOBBY, &escaped).into() }
    }

    /// Plain text.
    pub(super) fn text(body: Cow<'static, str>) -> Self {
        Self { kind: "text/plain; charset=utf-8", body }
    }

    /// Metrics in Prometheus' text format.
    pub(super) fn metrics(body: String) -> Self {
        Self { kind: "text/plain; version=0.0.4; charset=utf-8", body: body.into() }
    }

    /// What the page may load (Content Security Policy, level 3): nothing, and of styles only the one that it holds,
    /// named by its hash.
    pub(super) fn policy(&self) -> String {
        let style =
            self.body.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
        match style {
            Some((style, _)) => {
                let hash = BASE64.encode(Sha256::digest(style));
                format!("default-src 'none'; style-src 'sha256-{hash}'")
            }
            None => "default-src 'none'".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_nothing_that_its_policy_forbids() {
        let page = Page::index("#lobby").body;
        assert_eq!(page.matches("<style").count(), 1);
        for forbidden in
            ["<script", " style=", "<img", "<link", "<form", "<iframe", "onclick", "src="]
        {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn the_page_names_the_room_of_the_settings() {
        let page = Page::index("#tea&<b>").body;
        assert!(page.contains("join <code>#tea&amp;&lt;b&gt;</code>") && !page.contains(LOBBY));
    }

    #[test]
    fn the_policy_names_the_style_by_its_hash() {
        let page = Page { kind: "text/html", body: "<style>a{}</style>".into() };
        // printf 'a{}' | openssl dgst -sha256 -binary | base64
        assert_eq!(
            page.policy(),
            "default-src 'none'; style-src 'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='"
        );
        assert_eq!(Page::text("x".into()).policy(), "default-src 'none'");
    }
}
