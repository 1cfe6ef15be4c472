//! Joins the page's modules into one script: a browser then asks for one file in place of forty, and gzip, which knows
//! each file by itself, makes it a third smaller. What is joined is written as plain ES modules, and the tests load them
//! as such; here each becomes a function that is called once and gives what the module exports.
//!
//! Only what these modules use of the language is known, line by line, and anything else fails the build: imports of
//! names, or of a whole module, on one line; exports of declarations; comments on lines of their own.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Modules joined into one, each after those that it imports.
pub(crate) struct Joined {
    pub(crate) text: String,
    /// The names of the modules in it.
    pub(crate) names: BTreeSet<String>,
}

/// Joins `entry` and all that it imports.
pub(crate) fn join(folder: &Path, entry: &str) -> Result<Joined, Box<dyn Error>> {
    let mut joined = Joined { text: String::new(), names: BTreeSet::new() };
    add(folder, entry, &mut Vec::new(), &mut joined)?;
    Ok(joined)
}

fn add(
    folder: &Path,
    name: &str,
    above: &mut Vec<String>,
    joined: &mut Joined,
) -> Result<(), Box<dyn Error>> {
    if above.iter().any(|other| other == name) {
        return Err(format!("{} and {name} import one another", above.join(", ")).into());
    }
    if joined.names.contains(name) {
        return Ok(());
    }
    above.push(name.to_owned());
    let text = fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
    let mut body = String::new();
    let mut exports = Vec::new();
    for line in code(&text) {
        if let Some(import) = line.strip_prefix("import ") {
            let (names, from) = parse_import(import).ok_or_else(|| format!("{name}: {line}"))?;
            add(folder, from, above, joined)?;
            writeln!(body, "const {names} = {};", variable(from))?;
        } else if let Some(declaration) = line.strip_prefix("export ") {
            let export = declared(declaration).ok_or_else(|| format!("{name}: {line}"))?;
            exports.push(export.to_owned());
            writeln!(body, "{declaration}")?;
        } else {
            writeln!(body, "{line}")?;
        }
    }
    above.pop();
    writeln!(
        joined.text,
        "const {} = (() => {{\n{body}return {{ {} }};\n}})();",
        variable(name),
        exports.join(", ")
    )?;
    joined.names.insert(name.to_owned());
    Ok(())
}

/// The lines of code, without what stands around them for readers.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let mut comment = false;
    text.lines().map(str::trim).filter(move |line| {
        let was = comment;
        comment = (was || line.starts_with("/*")) && !line.ends_with("*/");
        !(was || line.is_empty() || line.starts_with("//") || line.starts_with("/*"))
    })
}

/// `{ a, b } from "./c.js";` or `* as a from "./c.js";`: what is declared, and the module.
fn parse_import(import: &str) -> Option<(&str, &str)> {
    let (names, from) = import.split_once(" from \"./")?;
    let names = names.strip_prefix("* as ").unwrap_or(names);
    let renames = names.contains(" as ");
    Some((names, from.strip_suffix("\";")?)).filter(|_| !renames)
}

/// The name that a declaration declares.
fn declared(declaration: &str) -> Option<&str> {
    let kinds = ["const ", "let ", "class ", "function ", "function* ", "async function "];
    let rest = kinds.iter().find_map(|kind| declaration.strip_prefix(kind))?;
    rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .next()
        .filter(|name| !name.is_empty())
}

/// What a module is called in the joined script.
fn variable(name: &str) -> String {
    format!("m_{}", name.trim_end_matches(".js").replace('-', "_"))
}
