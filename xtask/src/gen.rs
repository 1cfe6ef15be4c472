//! Text in the documents that the program itself knows: written from its output, and compared in CI.
//!
//! A block stands between `<!-- generated: NAME -->` and `<!-- end generated -->`; a whole file is
//! generated where nothing in it is written by hand. What a table in the code knows is then never
//! repeated by hand.

use std::fs;

use anyhow::{Context, Result, bail};
use callbox_measure::picture::{Picture, svg};
use callbox_measure::report::{Report, Table};

use crate::shell::{cargo, output_of, root, succeed};

/// Whether to write the documents or only to compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Check,
}

/// A generated block: its file, its name, and what gives its text.
struct Block {
    file: &'static str,
    name: &'static str,
    source: Source,
}

/// What gives the text of a block.
#[derive(Clone, Copy)]
enum Source {
    /// The output of callbox with these arguments.
    Callbox(&'static [&'static str]),
    /// A part of what the hub speaks: the argument of its example `vocabulary`.
    Vocabulary(&'static str),
    /// The table of the measurement that the READMEs show.
    Measured,
}

const BLOCKS: &[Block] = &[
    Block { file: "README.md", name: "services", source: Source::Callbox(&["services"]) },
    Block { file: "README.zh-CN.md", name: "services", source: Source::Callbox(&["services"]) },
    Block { file: "README.md", name: "measured", source: Source::Measured },
    Block { file: "README.zh-CN.md", name: "measured", source: Source::Measured },
    irc("commands"),
    irc("capabilities"),
    irc("channel-modes"),
    irc("user-modes"),
    irc("isupport"),
];

/// A block of the document about IRC, called like the part of the vocabulary that it holds.
const fn irc(part: &'static str) -> Block {
    Block { file: "docs/irc.md", name: part, source: Source::Vocabulary(part) }
}

/// The manual of the netcat, for packages and for `man` without an installation.
const MANUAL_FILE: &str = "docs/callbox-nc.1";

/// The file that holds the help of every command, and the commands.
const HELP_FILE: &str = "docs/help.md";
const HELP_COMMANDS: &[&[&str]] = &[
    &[],
    &["udp", "server"],
    &["udp", "client"],
    &["tcp", "server"],
    &["tcp", "client"],
    &["unix", "server"],
    &["unix", "client"],
    &["chat"],
    &["chat", "client"],
    &["chat", "server"],
    &["chat", "config"],
    &["chat", "account", "add"],
    &["chat", "account", "password"],
    &["chat", "account", "certificate"],
    &["chat", "account", "remove"],
    &["chat", "account", "list"],
    &["chat", "history", "export"],
    &["chat", "password"],
    &["nc"],
    &["bench"],
    &["bench", "udp"],
    &["bench", "tcp"],
    &["bench", "unix"],
    &["bench", "chat"],
    &["services"],
    &["tour"],
    &["completions"],
    &["manual"],
];

/// The measurement that the READMEs show, as it was kept, and the picture that is drawn from it: so the table and the
/// picture always are of the same figures.
const MEASURED: &str = "bench/runs/2026-11-23-linux-x86_64-2core-climb/report.json";
const MEASURED_PICTURE: &str = "docs/pictures/bench.svg";

/// How wide its table is: what a README shows without a scrollbar.
const MEASURED_COLUMNS: usize = 90;

/// The width that help is wrapped at, so that it does not depend on who generates it.
const COLUMNS: &str = "100";

/// Brings all generated text up to date, or says which file is not.
pub(crate) fn run(mode: Mode) -> Result<()> {
    succeed(&mut cargo(&["build", "--quiet", "--package", "callbox"]))?;
    let mut stale = Vec::new();
    for (file, text) in documents()? {
        let path = root().join(&file);
        let current = fs::read_to_string(&path).unwrap_or_default();
        if current == text {
            continue;
        }
        if mode == Mode::Check {
            eprintln!("{}", first_difference(&file, &current, &text));
            stale.push(file);
            continue;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {file}"))?;
        println!("wrote {file}");
    }
    if !stale.is_empty() {
        bail!("{} out of date: run cargo xtask gen", stale.join(", "));
    }
    Ok(())
}

/// Every document with generated text, as it should be.
fn documents() -> Result<Vec<(String, String)>> {
    let mut documents = vec![
        (HELP_FILE.to_owned(), help_page()?),
        (MANUAL_FILE.to_owned(), callbox(&["manual", "callbox-nc"])?),
        (MEASURED_PICTURE.to_owned(), svg(&measured()?, Picture::Load)),
    ];
    for block in BLOCKS {
        let index = documents.iter().position(|(file, _)| file == block.file);
        let text = match index {
            Some(index) => documents.swap_remove(index).1,
            None => fs::read_to_string(root().join(block.file))
                .with_context(|| format!("cannot read {}", block.file))?,
        };
        let content = fenced(&match block.source {
            Source::Callbox(args) => callbox(args)?,
            Source::Vocabulary(part) => vocabulary(part)?,
            Source::Measured => Table { report: &measured()?, width: MEASURED_COLUMNS }.to_string(),
        });
        let text = with_block(&text, block.name, &content).with_context(|| block.file)?;
        documents.push((block.file.to_owned(), text));
    }
    for (file, text) in &documents {
        let known = |name: &str| BLOCKS.iter().any(|b| b.file == file && b.name == name);
        if let Some(name) = block_names(text).find(|name| !known(name)) {
            bail!("{file}: no command is known for the generated block \"{name}\"");
        }
    }
    Ok(documents)
}

/// The help of every command, as one page.
fn help_page() -> Result<String> {
    let mut page = String::from(
        "# The help of every command\n\nWritten by `cargo xtask gen` from the program's own help.\n",
    );
    for command in HELP_COMMANDS {
        let name = [&["callbox"], *command].concat().join(" ");
        let help = callbox(&[command, &["--help"][..]].concat())?;
        page.push_str(&format!("\n## {name}\n\n{}", fenced(&help)));
    }
    Ok(page)
}

/// What callbox prints with these arguments.
fn callbox(args: &[&str]) -> Result<String> {
    let run = ["run", "--quiet", "--package", "callbox", "--"];
    output_of(cargo(&run).args(args).env("COLUMNS", COLUMNS))
}

/// A part of what the hub speaks.
fn vocabulary(part: &str) -> Result<String> {
    let run = ["run", "--quiet", "--package", "callbox-hub", "--example", "vocabulary", "--"];
    output_of(cargo(&run).arg(part))
}

/// The measurement that the READMEs show.
fn measured() -> Result<Report> {
    let file =
        fs::read(root().join(MEASURED)).with_context(|| format!("cannot read {MEASURED}"))?;
    Report::from_json(&file).with_context(|| MEASURED.to_owned())
}

/// Output as a block of preformatted text, without blanks at line ends.
fn fenced(output: &str) -> String {
    let lines: Vec<&str> = output.trim_end().lines().map(str::trim_end).collect();
    format!("```text\n{}\n```\n", lines.join("\n"))
}

/// The text with the content of one block replaced; an error unless the block is there, once.
fn with_block(text: &str, name: &str, content: &str) -> Result<String> {
    let begin = format!("{BEGIN}{name} -->\n");
    let Some((before, rest)) = text.split_once(&begin) else {
        bail!("the line {:?} is missing", begin.trim_end());
    };
    let Some((old, after)) = rest.split_once(END) else {
        bail!("{:?} has no {END:?} after it", begin.trim_end());
    };
    if old.contains(BEGIN) || after.contains(&begin) {
        bail!("{:?} is not closed, or stands twice", begin.trim_end());
    }
    Ok(format!("{before}{begin}{content}{END}{after}"))
}

/// The names of all generated blocks of a text.
fn block_names(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.strip_prefix(BEGIN)?.strip_suffix(" -->"))
}

/// Where a file first differs from what it should be.
fn first_difference(file: &str, current: &str, wanted: &str) -> String {
    let (mut current, mut wanted) = (current.lines(), wanted.lines());
    let mut number = 1;
    loop {
        match (current.next(), wanted.next()) {
            (None, None) => return format!("{file} differs in its line ends"),
            (now, then) if now == then => number += 1,
            (now, then) => {
                let (now, then) = (now.unwrap_or("(end)"), then.unwrap_or("(end)"));
                return format!("{file}, line {number}\n  is        {now}\n  should be {then}");
            }
        }
    }
}

const BEGIN: &str = "<!-- generated: ";
const END: &str = "<!-- end generated -->";

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a\n<!-- generated: x -->\nold\n<!-- end generated -->\nb\n";

    #[test]
    fn only_the_block_changes() {
        let new = with_block(TEXT, "x", "new\n").expect("the block is there");
        assert_eq!(new, TEXT.replace("old", "new"));
        assert_eq!(with_block(&new, "x", "new\n").expect("again"), new);
    }

    #[test]
    fn a_block_that_is_missing_open_or_twice_is_an_error() {
        assert!(with_block(TEXT, "y", "").is_err());
        assert!(with_block("<!-- generated: x -->\nold\n", "x", "").is_err());
        assert!(with_block(&TEXT.repeat(2), "x", "").is_err());
        assert!(with_block(&format!("<!-- generated: x -->\n{TEXT}"), "x", "").is_err());
    }

    #[test]
    fn blocks_are_found_by_name() {
        assert_eq!(block_names(TEXT).collect::<Vec<_>>(), ["x"]);
    }

    #[test]
    fn the_first_difference_is_shown_with_its_line() {
        let text = first_difference("f", "a\nb\nc", "a\nB\nc");
        assert_eq!(text, "f, line 2\n  is        b\n  should be B");
        assert!(first_difference("f", "", "a").contains("line 1"));
        assert!(first_difference("f", "a", "a\n").contains("line ends"));
    }
}
