//! Where a report is written.
//!
//! Whether a file can be written is found out before minutes are spent. It is written whole at the end, beside the old
//! one and then in its place, so that a run which fails leaves the old report as it was.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;

use callbox_measure::picture;
use callbox_measure::report::Report;

use crate::cli::OutputArgs;
use crate::messages::{Console, Failure, Reason, shown_path};

/// The files of a report.
#[derive(Clone, Debug)]
pub struct Files {
    json: Option<Place>,
    html: Option<Place>,
}

/// Where one of them goes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// Standard output, in place of the table.
    Output,
    /// A file that another is put in the place of.
    Replaced(PathBuf),
    /// One that is written where it is: a device, a pipe, or a file in a folder that takes no other.
    Written(PathBuf),
}

impl Files {
    /// The files that were asked for.
    ///
    /// # Errors
    ///
    /// If one of them cannot be written. None of them was changed then.
    pub fn of(args: &OutputArgs) -> Result<Self, Failure> {
        let place = |path: &Option<PathBuf>| path.as_deref().map(Place::find).transpose();
        let (json, html) = (place(&args.json)?, place(&args.html)?);
        let both = json.as_ref().zip(html.as_ref());
        if both.is_some_and(|(json, html)| json == html && *json != Place::device()) {
            return Err(Failure::usage("--json and --html name the same file: give two"));
        }
        Ok(Self { json, html })
    }

    /// Whether one of them is standard output, in place of the table.
    pub fn replace_table(&self) -> bool {
        [&self.json, &self.html].into_iter().any(|place| *place == Some(Place::Output))
    }

    /// Writes the report.
    ///
    /// # Errors
    ///
    /// If a file could not be written, after the other was.
    pub fn write(&self, report: &Report) -> Result<(), Failure> {
        let json = self.json.as_ref().map_or(Ok(()), |place| place.write(&report.to_json()));
        let html = self.html.as_ref().map_or(Ok(()), |place| place.write(&picture::page(report)));
        json.and(html)
    }
}

impl Place {
    /// Where a path leads, and whether it can be written.
    fn find(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::Output);
        }
        Self::look(path).map_err(|error| cannot_write(path, &error))
    }

    fn look(path: &Path) -> io::Result<Self> {
        let path = match fs::metadata(path) {
            Ok(found) if found.is_dir() => return Err(ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_file() => return Ok(Self::Written(path.to_owned())),
            Ok(_) => {
                OpenOptions::new().append(true).open(path)?;
                // Behind a link, the link stays.
                fs::canonicalize(path)?
            }
            Err(error) if error.kind() == ErrorKind::NotFound => folder(path)
                .canonicalize()?
                .join(path.file_name().ok_or_else(|| io::Error::from(ErrorKind::IsADirectory))?),
            Err(error) => return Err(error),
        };
        match beside(&path) {
            Ok((_, name)) => fs::remove_file(name).map(|()| Self::Replaced(path)),
            Err(_) if path.exists() => Ok(Self::Written(path)),
            Err(error) => Err(error),
        }
    }

    /// Takes anything, for whoever wants only one of the two to be made.
    fn device() -> Self {
        Self::Written(PathBuf::from("/dev/null"))
    }

    fn write(&self, text: &str) -> Result<(), Failure> {
        match self {
            Self::Output => Console::new().print(text.trim_end_matches('\n')),
            Self::Replaced(path) => replace(path, text).map_err(|error| cannot_write(path, &error)),
            Self::Written(path) => {
                fs::write(path, text).map_err(|error| cannot_write(path, &error))
            }
        }
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    let reason = match error.kind() {
        ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => Reason(error).to_string(),
    };
    Failure::usage(format!("cannot write {}: {reason}", shown_path(path)))
}

/// The folder that a file is in.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Names that are tried for a file beside another; a few may be left of processes that were killed.
const NAMES: usize = 16;

/// A new file in the folder of another.
fn beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let mut result = Err(ErrorKind::AlreadyExists.into());
    for number in 0..NAMES {
        let name = folder(path).join(format!(".callbox-bench-{}-{number}", process::id()));
        result = File::create_new(&name).map(|file| (file, name));
        match &result {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            _ => break,
        }
    }
    result
}

/// Puts a file with this text in the place of `path`.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let (mut file, name) = beside(path)?;
    let mut write = || {
        if let Ok(old) = fs::metadata(path) {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        fs::rename(&name, path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&name);
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use callbox_testkit::Folder;

    use super::*;

    fn of(json: &Path, html: &Path) -> Result<Files, Failure> {
        let (json, html) = (Some(json.to_owned()), Some(html.to_owned()));
        Files::of(&OutputArgs { json, html, quiet: false })
    }

    fn names(folder: &Folder) -> Vec<String> {
        let names = fs::read_dir(folder.path()).expect("the folder");
        let mut names: Vec<_> = names
            .map(|entry| entry.expect("an entry").file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn looking_whether_a_file_can_be_written_leaves_everything_as_it_was() {
        let folder = Folder::new("files");
        fs::write(folder.join("old.json"), "old").unwrap();
        of(&folder.join("old.json"), &folder.join("new.html")).unwrap();
        assert_eq!(names(&folder), ["old.json"]);
        assert_eq!(fs::read(folder.join("old.json")).unwrap(), b"old");
    }

    #[test]
    fn a_path_that_cannot_be_written_is_a_wrong_call() {
        let folder = Folder::new("files");
        let said = |path: &Path| {
            let failure = of(path, &folder.join("page.html")).unwrap_err();
            assert_eq!(failure.exit(), crate::messages::Exit::Usage);
            failure.message().unwrap().to_owned()
        };
        assert!(said(&folder.join("none/report.json")).contains("No such file"));
        assert!(said(folder.path()).contains("it is a folder"));
        assert!(said(&folder.join("..")).contains("it is a folder"));
        fs::write(folder.join("file"), "").unwrap();
        assert!(said(&folder.join("file/report.json")).contains("Not a directory"));
        assert!(said(Path::new("")).contains("cannot write"));
        assert_eq!(names(&folder), ["file"]);
    }

    #[test]
    fn two_reports_do_not_go_to_one_file() {
        let folder = Folder::new("files");
        let (plain, dotted) = (folder.join("report"), folder.join("./report"));
        let said = of(&plain, &dotted).unwrap_err();
        assert!(said.message().unwrap().contains("the same file"));
        assert!(of(Path::new("-"), Path::new("-")).is_err());
        of(Path::new("/dev/null"), Path::new("/dev/null")).unwrap();
    }

    #[test]
    fn a_file_is_replaced_whole_and_keeps_its_rights_and_its_link() {
        let folder = Folder::new("files");
        let (old, link) = (folder.join("old"), folder.join("link"));
        fs::write(&old, "old").unwrap();
        fs::set_permissions(&old, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("old", &link).unwrap();
        Place::find(&link).unwrap().write("new").unwrap();
        assert_eq!(fs::read(&old).unwrap(), b"new");
        assert_eq!(fs::metadata(&old).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(names(&folder), ["link", "old"]);
    }

    #[test]
    fn a_device_is_written_and_not_replaced() {
        let place = Place::find(Path::new("/dev/null")).unwrap();
        assert_eq!(place, Place::device());
        place.write("text").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
