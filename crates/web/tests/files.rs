//! What the files promise whoever serves them: small, complete, from one place, and nothing in the HTML that runs.

use callbox_web::{FILES, File, INDEX, file};

/// The whole page, compressed. A first visit over a slow line, 1 Mbit/s, is then shown within half a second.
const MOST: usize = 60 * 1024;

fn text(file: &File) -> &'static str {
    std::str::from_utf8(file.plain).unwrap_or_else(|error| panic!("{}: {error}", file.name))
}

fn scripts() -> impl Iterator<Item = &'static File> {
    FILES.iter().filter(|file| file.name.ends_with(".js"))
}

/// What stands between `before` and `after`, everywhere in `text`.
fn between<'a>(text: &'a str, before: &'a str, after: &'a [char]) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split(after).next())
}

/// The tags of HTML, without comments, each with its attributes.
fn tags(html: &str) -> Vec<&str> {
    html.split("<!--")
        .enumerate()
        .map(|(n, part)| if n == 0 { part } else { part.split_once("-->").unwrap().1 })
        .flat_map(|part| between(part, "<", &['>']))
        .collect()
}

#[test]
fn all_of_it_compressed_is_at_most_60_kb() {
    let sizes: Vec<_> = FILES.iter().map(|file| (file.gzip.len(), file.name)).collect();
    let whole: usize = sizes.iter().map(|(size, _)| size).sum();
    assert!(whole <= MOST, "{whole} bytes are more than {MOST}: {sizes:?}");
}

#[test]
fn the_page_refers_to_nothing_that_is_not_served_here() {
    for file in FILES.iter().filter(|file| file.name.ends_with(".html")) {
        for tag in tags(text(file)) {
            for reference in
                [" src=\"", " href=\""].iter().flat_map(|name| between(tag, name, &['"']))
            {
                let name = reference.strip_prefix('/').unwrap_or(reference);
                // A place in the page itself, such as what a link for skipping leads to.
                let is_place = reference.starts_with('#');
                assert!(is_place || callbox_web::file(name).is_some(), "{}: {tag}", file.name);
            }
        }
    }
}

#[test]
fn the_styles_and_the_manifest_refer_to_nothing_that_is_not_served_here() {
    for file in FILES.iter().filter(|file| file.name.ends_with(".css")) {
        assert!(!text(file).contains("@import"), "{}", file.name);
        for reference in between(text(file), "url(", &[')']) {
            let reference = reference.trim_matches(['"', '\'']);
            let name = reference.trim_start_matches(['.', '/']);
            let is_here = reference.starts_with("data:image/") || callbox_web::file(name).is_some();
            assert!(is_here, "{}: {reference}", file.name);
        }
    }
    for file in FILES.iter().filter(|file| file.name.ends_with(".webmanifest")) {
        for reference in between(text(file), "\"src\": \"", &['"']) {
            let name = reference.trim_start_matches(['.', '/']);
            assert!(callbox_web::file(name).is_some(), "{}: {reference}", file.name);
        }
    }
}

#[test]
fn the_scripts_load_only_one_another() {
    let quotes = ['"', '\''];
    for file in scripts() {
        let text = text(file);
        for opening in [" from ", "import ", "import("] {
            for quote in quotes {
                for name in between(text, &format!("{opening}{quote}"), &quotes) {
                    let known = name.strip_prefix("./").and_then(callbox_web::file);
                    assert!(known.is_some(), "{} loads {name}", file.name);
                }
            }
        }
    }
}

#[test]
fn nothing_in_the_html_runs_or_has_a_style_of_its_own() {
    let html = text(file(INDEX).unwrap());
    for tag in tags(html) {
        let lower = tag.to_ascii_lowercase();
        let name = lower.split_ascii_whitespace().next().unwrap_or_default();
        assert!(!["style", "base", "iframe", "object", "embed"].contains(&name), "{tag}");
        if name == "script" {
            assert!(
                lower.contains(" src=\"/") && html.contains(&format!("<{tag}></script>")),
                "{tag}"
            );
        }
        for attribute in lower.split_ascii_whitespace().skip(1) {
            assert!(!attribute.starts_with("on") && !attribute.starts_with("style="), "{tag}");
        }
    }
}

#[test]
fn no_script_makes_markup_or_code_of_text() {
    let words = [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "createContextualFragment",
        "DOMParser",
        "srcdoc",
        "eval(",
        "new Function",
    ];
    for file in scripts() {
        for word in words {
            assert!(!text(file).contains(word), "{}: {word}", file.name);
        }
    }
}

#[test]
fn a_file_has_a_tag_of_its_own_and_its_compressed_bytes_say_the_same_length() {
    for (at, one) in FILES.iter().enumerate() {
        assert!(FILES[..at].iter().all(|other| other.tag != one.tag), "{}", one.name);
        // RFC 1952, section 2.3.1: the last four bytes are the length of what was compressed.
        let length = one.gzip.last_chunk().map(|length| u32::from_le_bytes(*length));
        assert_eq!(length, u32::try_from(one.plain.len()).ok(), "{}", one.name);
        assert!(one.gzip.starts_with(&[0x1f, 0x8b, 8]), "{}", one.name);
    }
}
