//! The help: every command and every key, from their tables.

use ratatui_core::style::Style;

use crate::app::App;
use crate::help::help;
use crate::keys::{Place, TABLE};
use crate::overlay::Only;
use crate::text::wrap::wrap;
use crate::text::{Piece, Row, fit, width};

impl App {
    pub(super) fn help_rows(&self, only: Only, cells: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        if only != Only::Keys {
            self.commands(only, cells, &mut rows);
        }
        if matches!(only, Only::All) {
            rows.push(Row::new());
        }
        if !matches!(only, Only::Command(_)) {
            self.keys(cells, &mut rows);
        }
        rows
    }

    fn commands(&self, only: Only, cells: usize, rows: &mut Vec<Row>) {
        rows.push(vec![Piece::new(self.texts.commands, self.theme.accent().bold())]);
        for command in callbox_session::commands::TABLE {
            if matches!(only, Only::Command(name) if name != command.name) {
                continue;
            }
            let mut usage = format!("/{} {}", command.name, command.usage);
            if matches!(only, Only::Command(_)) {
                for alias in command.aliases {
                    usage = format!("{usage}  /{alias}");
                }
            }
            let words = help(command, self.settings.language);
            self.entry(usage.trim_end(), words, cells, rows);
        }
    }

    fn keys(&self, cells: usize, rows: &mut Vec<Row>) {
        rows.push(vec![Piece::new(self.texts.keys, self.theme.accent().bold())]);
        for place in [Place::Anywhere, Place::Line] {
            for (index, row) in TABLE.iter().enumerate().filter(|(_, row)| row.place == place) {
                let keys: Vec<String> =
                    self.settings.keys.of_row(index).iter().map(ToString::to_string).collect();
                if !keys.is_empty() {
                    self.entry(&keys.join(" "), row.help(self.settings.language), cells, rows);
                }
            }
        }
    }

    /// What is typed or pressed, and beside it what it does; below it where there is little room.
    fn entry(&self, what: &str, words: &str, cells: usize, rows: &mut Vec<Row>) {
        let style = Style::new().bold();
        let column = cells.min(90) * 2 / 5;
        if cells >= 56 && width(what) < column {
            for (index, mut row) in
                wrap(&[Piece::new(words, Style::new())], cells - column).into_iter().enumerate()
            {
                let head = if index == 0 { fit(what, column) } else { " ".repeat(column) };
                row.insert(0, Piece::new(head, style));
                rows.push(row);
            }
            return;
        }
        rows.extend(wrap(&[Piece::new(what, style)], cells));
        for mut row in wrap(&[Piece::new(words, Style::new())], cells.saturating_sub(2)) {
            row.insert(0, Piece::new("  ", Style::new()));
            rows.push(row);
        }
    }
}
