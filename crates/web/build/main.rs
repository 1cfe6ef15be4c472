//! Makes the table of files from what lies in `static/`: each with its media type, its tag, and its bytes compressed once
//! here, so that the server compresses nothing. A new file there needs no line anywhere. Modules become one script (`join`).

mod join;

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::{env, fs};

use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

/// Media types by the ending of a name. A file with another ending fails the build: browsers are told not to guess.
const KINDS: &[(&str, &str)] = &[
    ("css", "text/css; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("png", "image/png"),
    ("svg", "image/svg+xml; charset=utf-8"),
    ("webmanifest", "application/manifest+json; charset=utf-8"),
];

/// The module that the page begins with, and the name of the script of all that it imports.
const ENTRY: &str = "main.js";

/// Bytes of the hash in a tag: enough that no two versions of a file ever share one.
const TAG_BYTES: usize = 12;

#[expect(clippy::disallowed_methods, reason = "a build is told where to write by a variable")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=static");
    let output = env::var("OUT_DIR")?;
    let output = Path::new(&output);
    let mut table = String::from("&[\n");
    let joined = join::join(Path::new("static"), ENTRY)?;
    for name in names(Path::new("static"))? {
        println!("cargo::rerun-if-changed=static/{name}");
        let path = if name == ENTRY {
            let path = output.join(&name);
            fs::write(&path, &joined.text)?;
            path
        } else if joined.names.contains(&name) {
            continue;
        } else {
            Path::new("static").join(&name).canonicalize()?
        };
        let plain = fs::read(&path)?;
        let packed = output.join(format!("{name}.gz"));
        fs::write(&packed, gzip(&plain)?)?;
        let (kind, tag) = (kind_of(&name)?, tag_of(&plain)?);
        writeln!(
            table,
            "    File {{ name: {name:?}, kind: {kind:?}, tag: {tag:?}, plain: include_bytes!({path:?}), \
             gzip: include_bytes!({packed:?}) }},"
        )?;
    }
    table.push(']');
    fs::write(output.join("table.rs"), table)?;
    Ok(())
}

/// The names of the files, sorted. They are what stands in an address, so they are of a few characters only.
fn names(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name =
            entry.file_name().into_string().map_err(|name| format!("{name:?}: not UTF-8"))?;
        // What editors leave beside a file that is open.
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !entry.file_type()?.is_file() || !name.bytes().all(is_plain) {
            return Err(format!("static/{name}: only files with plain names are served").into());
        }
        names.push(name);
    }
    names.sort();
    Ok(names)
}

fn kind_of(name: &str) -> Result<&'static str, String> {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let kind = KINDS.iter().find(|(known, _)| *known == ending);
    kind.map(|(_, kind)| *kind).ok_or_else(|| format!("static/{name}: give its kind in build.rs"))
}

/// The same bytes give the same result anywhere: no time and no name goes in.
fn gzip(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packer = GzBuilder::new().write(Vec::new(), Compression::best());
    packer.write_all(plain)?;
    packer.finish()
}

fn tag_of(plain: &[u8]) -> Result<String, std::fmt::Error> {
    Sha256::digest(plain).iter().take(TAG_BYTES).try_fold(String::new(), |mut tag, byte| {
        write!(tag, "{byte:02x}")?;
        Ok(tag)
    })
}
