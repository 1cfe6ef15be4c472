//! A folder of a test's own, for what the program under test keeps.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// An empty folder that goes, with all in it, when this is dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes one among the temporary files; `name` is a part of its name, to know it by.
    #[track_caller]
    pub fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("callbox-test-{name}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // One that is left of a test that was killed, and had the same process identifier.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_folders_are_two_and_go_with_what_is_in_them() {
        let (one, other) = (Folder::new("folder"), Folder::new("folder"));
        assert_ne!(one.path(), other.path());
        let file = one.join("file");
        fs::write(&file, "text").expect("a file");
        assert!(!other.join("file").exists());
        drop(one);
        assert!(!file.exists() && other.path().exists());
    }
}
