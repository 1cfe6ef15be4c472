//! Screens beside what they have to be: files in `expected/`, one a screen.
//!
//! `CALLBOX_BLESS=1` writes them anew; look at the difference before you keep it.

use std::path::Path;

use crate::desk::Desk;

/// The sizes at which a view is looked at.
pub(crate) const SIZES: [(u16, u16); 4] = [(40, 10), (80, 24), (120, 40), (200, 60)];

/// The screen is as it was kept under this name.
pub(crate) fn assert_screen(name: &str, desk: &mut Desk) {
    let shown = desk.shown() + "\n";
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/screens/expected/{name}.txt"));
    if std::env::var_os("CALLBOX_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        return std::fs::write(&path, shown).expect("written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        shown == expected,
        "the screen '{name}' is another one than in {}.\n\nnow:\n{shown}\nbefore:\n{expected}",
        path.display()
    );
}
