//! The chat's page: HTML, CSS and ES modules from `static/`, built into the program. No I/O.
//!
//! The files lie in one folder and are served at `/NAME`, [`INDEX`] at `/`; of the modules one script is made, `main.js`
//! (`build/join.rs`), while their tests (`tests/*.test.js`) load them one by one from the folder. They load nothing from elsewhere and hold no
//! script or style in the HTML, so that the strictest policy fits them. `tests/files.rs` holds them to that and to their
//! size; what the page does in a browser is tested in `crates/callbox/tests/web`.

#![forbid(unsafe_code)]

use std::borrow::Cow;

/// A file as it is served.
#[derive(Debug)]
pub struct File {
    /// Its name, which is its path behind the `/`.
    pub name: &'static str,
    /// Its media type.
    pub kind: &'static str,
    /// A part of its hash, in hexadecimal: another text has another tag.
    pub tag: &'static str,
    /// Its bytes.
    pub plain: &'static [u8],
    /// Its bytes, compressed with gzip.
    pub gzip: &'static [u8],
}

/// All files, sorted by name.
pub const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// The name of the page itself.
pub const INDEX: &str = "index.html";

/// The room that the page names wherever it means the lobby.
pub const LOBBY: &str = "#lobby";

/// The file of that name.
pub fn file(name: &str) -> Option<&'static File> {
    let at = FILES.binary_search_by_key(&name, |file| file.name).ok()?;
    FILES.get(at)
}

/// The page's HTML with the lobby's own name in it. Borrowed, and so the same as the file, if that is [`LOBBY`].
pub fn index(lobby: &str) -> Cow<'static, str> {
    let html =
        file(INDEX).and_then(|file| std::str::from_utf8(file.plain).ok()).unwrap_or_default();
    if lobby == LOBBY {
        return html.into();
    }
    html.replace(LOBBY, &escaped(lobby)).into()
}

/// Text as it may stand in HTML, in an attribute too (HTML, section 13.3).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_their_names_and_nothing_else_is() {
        for known in FILES {
            assert_eq!(file(known.name).map(|file| file.tag), Some(known.tag), "{}", known.name);
        }
        for unknown in ["", ".", "..", "../Cargo.toml", "INDEX.HTML", "index.html/", "index"] {
            assert!(file(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn the_page_names_the_room_of_the_settings_and_it_stays_text() {
        let page = index("#tea\"'&<b>");
        assert!(page.contains("content=\"#tea&quot;&#39;&amp;&lt;b&gt;\""), "{page}");
        assert!(!page.contains(LOBBY) && !page.contains("<b>"));
    }

    #[test]
    fn with_the_usual_room_the_page_is_the_file_itself() {
        let Cow::Borrowed(page) = index(LOBBY) else { panic!("a copy") };
        assert!(page.contains("<meta name=\"callbox-lobby\" content=\"#lobby\">"), "{page}");
        assert_eq!(Some(page.as_bytes()), file(INDEX).map(|file| file.plain));
    }
}
