//! What a person sees on a terminal: the characters that stand on its screen, after all that moved and erased them.
//!
//! A program that fills the screen does not write its text in order: it moves the cursor, skips what stands there
//! already, scrolls a part. So a test of one looks at the screen, and not at the bytes. This is as much of an xterm
//! (ECMA-48 and its own control sequences) as the terminfo entry `xterm` names; colours and the like are passed over.

/// A space that belongs to the wide character before it.
const WIDE_TAIL: char = '\0';

/// The columns from one tab stop to the next.
const TAB: usize = 8;

/// What is kept of one control sequence. The longest that programs send is of a few colours.
const SEQUENCE_BYTES: usize = 64;

/// The characters on a terminal of a fixed size.
pub(crate) struct Screen {
    rows: Vec<Vec<char>>,
    columns: usize,
    row: usize,
    /// May be one past the last: the next character then goes to the next row.
    column: usize,
    /// The rows that scroll: the first, and the one after the last.
    region: (usize, usize),
    saved: (usize, usize),
    last: char,
    state: State,
    /// The bytes of a character or of a control sequence that has not ended yet.
    pending: Vec<u8>,
}

/// Where in a sequence the stream stands.
#[derive(Clone, Copy)]
enum State {
    Text,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate byte, such as the parenthesis of a character set.
    Designation,
    /// In a control sequence, up to its final byte.
    Control,
    /// In an operating system command or another string, up to BEL or ESC.
    Command,
}

impl Screen {
    /// An empty screen.
    pub(crate) fn new(rows: u16, columns: u16) -> Self {
        let (rows, columns) = (usize::from(rows.max(1)), usize::from(columns.max(1)));
        Self {
            rows: vec![vec![' '; columns]; rows],
            columns,
            row: 0,
            column: 0,
            region: (0, rows),
            saved: (0, 0),
            last: ' ',
            state: State::Text,
            pending: Vec::new(),
        }
    }

    /// Takes what the program wrote. A character or a sequence may be split between two calls.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.take(byte));
    }

    /// The rows from top to bottom, each without the spaces at its end.
    pub(crate) fn text(&self) -> String {
        let row = |row: &Vec<char>| {
            let text: String = row.iter().filter(|&&c| c != WIDE_TAIL).collect();
            format!("{}\n", text.trim_end())
        };
        self.rows.iter().map(row).collect()
    }

    fn take(&mut self, byte: u8) {
        match (self.state, byte) {
            (State::Text, 0x1b) | (State::Command, 0x1b) => self.enter(State::Escape),
            (State::Text, 0..=0x1f | 0x7f) => self.control_character(byte),
            (State::Text, _) => self.text_byte(byte),
            (State::Escape, b'[') => self.enter(State::Control),
            (State::Escape, b']' | b'P' | b'X' | b'^' | b'_') => self.enter(State::Command),
            (State::Escape, 0x20..=0x2f) => self.enter(State::Designation),
            (State::Escape, _) => {
                self.enter(State::Text);
                self.escape(byte);
            }
            (State::Designation, _) => self.enter(State::Text),
            (State::Control, 0x40..=0x7e) => {
                let arguments = std::mem::take(&mut self.pending);
                self.enter(State::Text);
                self.control(&arguments, byte);
            }
            (State::Control, _) if self.pending.len() < SEQUENCE_BYTES => self.pending.push(byte),
            (State::Control, _) => {}
            (State::Command, 0x07) => self.enter(State::Text),
            (State::Command, _) => {}
        }
    }

    fn enter(&mut self, state: State) {
        self.pending.clear();
        self.state = state;
    }

    fn control_character(&mut self, byte: u8) {
        let tab = (self.column / TAB + 1) * TAB;
        match byte {
            0x08 => self.column = self.column.saturating_sub(1),
            b'\t' => self.column = tab.min(self.columns - 1),
            b'\n' | 0x0b | 0x0c => self.line_feed(),
            b'\r' => self.column = 0,
            _ => {}
        }
    }

    fn text_byte(&mut self, byte: u8) {
        // What does not go on a character that was begun begins another.
        if byte & 0xc0 != 0x80 {
            self.pending.clear();
        }
        self.pending.push(byte);
        let first = self.pending.first().copied().unwrap_or(0);
        let length = match first {
            0..=0x7f => 1,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4,
        };
        if self.pending.len() == length {
            let pending = std::mem::take(&mut self.pending);
            String::from_utf8_lossy(&pending).chars().for_each(|c| self.show(c));
        }
    }

    fn show(&mut self, c: char) {
        let width = width(c);
        if width == 0 {
            return;
        }
        if self.column + width > self.columns {
            self.column = 0;
            self.line_feed();
        }
        let row = &mut self.rows[self.row];
        row[self.column] = c;
        row[self.column + 1..self.column + width].fill(WIDE_TAIL);
        self.column += width;
        self.last = c;
    }

    fn line_feed(&mut self) {
        if self.row + 1 == self.region.1 {
            self.scroll_up(self.region.0, 1);
        } else {
            self.row = (self.row + 1).min(self.rows.len() - 1);
        }
    }

    /// Takes rows out at `top` and puts empty ones in at the end of the region.
    fn scroll_up(&mut self, top: usize, count: usize) {
        let bottom = self.region.1;
        for _ in 0..count.min(bottom.saturating_sub(top)) {
            self.rows.remove(top);
            self.rows.insert(bottom - 1, vec![' '; self.columns]);
        }
    }

    /// Puts empty rows in at `top` and takes as many out at the end of the region.
    fn scroll_down(&mut self, top: usize, count: usize) {
        let bottom = self.region.1;
        for _ in 0..count.min(bottom.saturating_sub(top)) {
            self.rows.remove(bottom - 1);
            self.rows.insert(top, vec![' '; self.columns]);
        }
    }

    fn escape(&mut self, byte: u8) {
        match byte {
            b'7' => self.saved = (self.row, self.column),
            b'8' => (self.row, self.column) = self.saved,
            b'D' => self.line_feed(),
            b'E' => {
                self.column = 0;
                self.line_feed();
            }
            b'M' if self.row == self.region.0 => self.scroll_down(self.row, 1),
            b'M' => self.row = self.row.saturating_sub(1),
            b'c' => *self = Self::new(self.rows.len() as u16, self.columns as u16),
            _ => {}
        }
    }

    fn control(&mut self, arguments: &[u8], last: u8) {
        let text = String::from_utf8_lossy(arguments);
        // The alternative screen, which a program enters before and leaves after its work, starts empty.
        if matches!((&*text, last), ("?1049" | "?47", b'h' | b'l')) {
            self.erase_rows(0, self.rows.len());
            return;
        }
        let mut numbers = text.split(';').map(str::parse::<usize>);
        let (Some(first), second) = (numbers.next(), numbers.next()) else { return };
        if first.is_err() && !text.is_empty() && !text.starts_with(';') {
            return; // A private one: modes, which change nothing that is shown.
        }
        let count = first.clone().unwrap_or(1).max(1);
        let place = count - 1;
        let what = first.unwrap_or(0);
        let (last_row, last_column) = (self.rows.len() - 1, self.columns - 1);
        let (row, column) = (self.row, self.column.min(last_column));
        match last {
            b'A' => self.row = row.saturating_sub(count),
            b'B' | b'e' => self.row = (row + count).min(last_row),
            b'C' | b'a' => self.column = (column + count).min(last_column),
            b'D' => self.column = column.saturating_sub(count),
            b'E' => (self.row, self.column) = ((row + count).min(last_row), 0),
            b'F' => (self.row, self.column) = (row.saturating_sub(count), 0),
            b'G' | b'`' => self.column = place.min(last_column),
            b'd' => self.row = place.min(last_row),
            b'H' | b'f' => {
                let to = second.and_then(Result::ok).unwrap_or(1).max(1) - 1;
                (self.row, self.column) = (place.min(last_row), to.min(last_column));
            }
            b'J' => self.erase_display(what, row, column),
            b'K' => match what {
                0 => self.erase(row, column, self.columns),
                1 => self.erase(row, 0, column + 1),
                _ => self.erase(row, 0, self.columns),
            },
            b'L' => self.scroll_down(row, count),
            b'M' => self.scroll_up(row, count),
            b'S' => self.scroll_up(self.region.0, count),
            b'T' => self.scroll_down(self.region.0, count),
            b'P' => {
                let count = count.min(self.columns - column);
                self.rows[row][column..].rotate_left(count);
                self.erase(row, self.columns - count, self.columns);
            }
            b'@' => {
                let count = count.min(self.columns - column);
                self.rows[row][column..].rotate_right(count);
                self.erase(row, column, column + count);
            }
            b'X' => self.erase(row, column, (column + count).min(self.columns)),
            b'b' => (0..count.min(self.columns)).for_each(|_| self.show(self.last)),
            b'r' => {
                let end = second.and_then(Result::ok).unwrap_or(0);
                let end = if end == 0 { last_row + 1 } else { end.min(last_row + 1) };
                if place < end {
                    self.region = (place, end);
                }
                (self.row, self.column) = (0, 0);
            }
            _ => {}
        }
    }

    fn erase_display(&mut self, what: usize, row: usize, column: usize) {
        match what {
            0 => {
                self.erase(row, column, self.columns);
                self.erase_rows(row + 1, self.rows.len());
            }
            1 => {
                self.erase_rows(0, row);
                self.erase(row, 0, column + 1);
            }
            _ => self.erase_rows(0, self.rows.len()),
        }
    }

    fn erase(&mut self, row: usize, from: usize, to: usize) {
        self.rows[row][from..to].fill(' ');
    }

    fn erase_rows(&mut self, from: usize, to: usize) {
        self.rows[from..to].iter_mut().for_each(|row| row.fill(' '));
    }
}

/// How many columns a character takes: two for those of East Asia and pictures (Unicode Standard Annex 11), none for
/// those that change the one before.
fn width(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xac00..=0xd7a3 => 2,
        0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 => 2,
        0x1f300..=0x1f64f | 0x1f900..=0x1f9ff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands on a screen of 4 rows and 10 columns.
    fn shown(written: &str) -> String {
        let mut screen = Screen::new(4, 10);
        // Byte by byte: no sequence may depend on how the stream was cut.
        written.as_bytes().iter().for_each(|&byte| screen.write(&[byte]));
        screen.text()
    }

    #[test]
    fn text_stands_where_the_cursor_was_moved_to() {
        assert_eq!(shown("\x1b[3;4Hab\x1b[2G1\x1b[A2\r\n3"), "\n  2\n31 ab\n\n");
        assert_eq!(shown("ab\x08c\td"), "ac      d\n\n\n\n");
        assert_eq!(shown("a\x1b7\x1b[4;1Hb\x1b8c\x1b[2dd"), "ac\n  d\n\nb\n");
    }

    #[test]
    fn what_was_erased_is_gone() {
        assert_eq!(shown("abcdef\x1b[4G\x1b[K"), "abc\n\n\n\n");
        assert_eq!(shown("abcdef\x1b[4G\x1b[1K"), "    ef\n\n\n\n");
        assert_eq!(shown("abcdef\x1b[2G\x1b[2X"), "a  def\n\n\n\n");
        assert_eq!(shown("abcdef\x1b[2G\x1b[2P"), "adef\n\n\n\n");
        assert_eq!(shown("abcdef\x1b[2G\x1b[2@"), "a  bcdef\n\n\n\n");
        assert_eq!(shown("abc\r\nabc\r\nabc\x1b[2;2H\x1b[J"), "abc\na\n\n\n");
        assert_eq!(shown("shell\x1b[?1049h\x1b[Hab"), "ab\n\n\n\n");
    }

    #[test]
    fn a_part_of_the_screen_scrolls_and_the_rest_stands() {
        let four = "1\r\n2\r\n3\r\n4";
        assert_eq!(shown(&format!("{four}\r\n5")), "2\n3\n4\n5\n");
        assert_eq!(shown(&format!("{four}\x1b[2;3r\x1b[3;1H\n5")), "1\n3\n5\n4\n");
        assert_eq!(shown(&format!("{four}\x1b[2;3r\x1b[2;1H\x1bM5")), "1\n5\n2\n4\n");
        assert_eq!(shown(&format!("{four}\x1b[2;1H\x1b[L5")), "1\n5\n2\n3\n");
        assert_eq!(shown(&format!("{four}\x1b[2;1H\x1b[M5")), "1\n5\n4\n\n");
    }

    #[test]
    fn long_text_wraps_and_wide_characters_take_two_columns() {
        assert_eq!(shown("abcdefghij"), "abcdefghij\n\n\n\n");
        assert_eq!(shown("abcdefghijk"), "abcdefghij\nk\n\n\n");
        assert_eq!(shown("你好\x1b[5Ga\x1b[1;6Hb"), "你好ab\n\n\n\n");
        assert_eq!(shown("abcdefghi你"), "abcdefghi\n你\n\n\n");
    }

    #[test]
    fn colours_titles_and_modes_show_nothing() {
        assert_eq!(shown("\x1b]0;title\x07a\x1b[1;31mb\x1b[0m\x1b(B\x1b[?2004hc"), "abc\n\n\n\n");
        assert_eq!(shown("-\x1b[4b"), "-----\n\n\n\n");
    }

    #[test]
    fn nonsense_leaves_a_screen() {
        assert_eq!(shown("\x1b[99;99Ha\x1b[99A\x1b[99D\x1b[9;3r\x1b[99Lb").lines().count(), 4);
        let mut screen = Screen::new(2, 2);
        (0..=255u8).for_each(|byte| screen.write(&[0x1b, b'[', b'9', b';', b'9', byte, byte]));
        screen.write("你你你".as_bytes());
        assert_eq!(screen.text().lines().count(), 2);
    }
}
