//! A terminal's screen as SVG: text that can be selected, sharp at any size, and small.

use std::fmt::Write as _;

/// The size of a cell, in pixels.
const CELL: (f64, f64) = (8.4, 18.0);
/// The space around the screen.
const MARGIN: f64 = 14.0;
/// The colours of letters and ground where none is set.
const LETTERS: &str = "#d8dee4";
const GROUND: &str = "#15181c";

/// The sixteen colours, in an order and tones that most terminals have.
const SIXTEEN: [&str; 16] = [
    "#1c2127", "#d9534f", "#5cb85c", "#e0a83c", "#5b9bd5", "#b07cc6", "#4fb8b8", "#c9d1d9",
    "#6e7681", "#ff7b72", "#7ee787", "#f2cc60", "#79c0ff", "#d2a8ff", "#76e3ea", "#ffffff",
];

/// How a stretch of text looks.
#[derive(Clone, Debug, Default, PartialEq)]
struct Look {
    letters: Option<String>,
    ground: Option<String>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
    reverse: bool,
}

/// Draws a screen, given as lines with the escape sequences of colours (ECMA-48, SGR).
pub(super) fn draw(screen: &str, columns: usize, rows: usize) -> String {
    let (width, height) =
        (columns as f64 * CELL.0 + 2.0 * MARGIN, rows as f64 * CELL.1 + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, 'Noto Sans Mono CJK SC', \
         monospace\" font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{GROUND}\"/>\n"
    );
    for (row, line) in screen.lines().take(rows).enumerate() {
        let mut column = 0;
        for (look, text) in stretches(line) {
            let cells = width_of(&text);
            stretch(&mut svg, &look, &text, (column, row), cells);
            column += cells;
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn stretch(svg: &mut String, look: &Look, text: &str, at: (usize, usize), cells: usize) {
    let (x, y) = (MARGIN + at.0 as f64 * CELL.0, MARGIN + at.1 as f64 * CELL.1);
    let width = cells as f64 * CELL.0;
    let letters = look.letters.as_deref().unwrap_or(LETTERS);
    let ground = look.ground.as_deref().unwrap_or(GROUND);
    let (letters, ground) = if look.reverse { (ground, letters) } else { (letters, ground) };
    if ground != GROUND {
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{ground}\"/>",
            CELL.1
        );
    }
    if text.trim().is_empty() {
        return;
    }
    // Each stretch is as wide as its cells, whatever font there is.
    let _ = write!(
        svg,
        "<text xml:space=\"preserve\" x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
         fill=\"{letters}\"",
        y + CELL.1 * 0.75
    );
    for (is_set, attribute) in [
        (look.bold, " font-weight=\"bold\""),
        (look.dim, " opacity=\"0.65\""),
        (look.italic, " font-style=\"italic\""),
        (look.underline, " text-decoration=\"underline\""),
    ] {
        if is_set {
            svg.push_str(attribute);
        }
    }
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(svg, ">{text}</text>");
}

/// The line in stretches of one look, cut at wide characters too, whose fonts differ.
fn stretches(line: &str) -> Vec<(Look, String)> {
    let mut all: Vec<(Look, String)> = Vec::new();
    let mut look = Look::default();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if let Some(sequence) = rest.strip_prefix("\x1b[") {
            let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(sequence.len());
            let (codes, after) = sequence.split_at(end);
            if after.starts_with('m') {
                change(&mut look, codes);
            }
            rest = after.get(1..).unwrap_or_default();
            continue;
        }
        let is_wide = |text: &str| text.chars().any(|c| cells_of(c) != 1);
        match all.last_mut() {
            Some((last, text))
                if *last == look && (cells_of(c) == 0 || is_wide(text) == (cells_of(c) == 2)) =>
            {
                text.push(c);
            }
            _ => all.push((look.clone(), c.to_string())),
        }
        rest = &rest[c.len_utf8()..];
    }
    all
}

fn change(look: &mut Look, codes: &str) {
    let mut codes = codes.split([';', ':']).map(|code| code.parse().unwrap_or(0_usize));
    while let Some(code) = codes.next() {
        match code {
            0 => *look = Look::default(),
            1 => look.bold = true,
            2 => look.dim = true,
            3 => look.italic = true,
            4 => look.underline = true,
            7 => look.reverse = true,
            22 => (look.bold, look.dim) = (false, false),
            23 => look.italic = false,
            24 => look.underline = false,
            27 => look.reverse = false,
            30..=37 => look.letters = Some(SIXTEEN[code - 30].to_owned()),
            90..=97 => look.letters = Some(SIXTEEN[code - 82].to_owned()),
            40..=47 => look.ground = Some(SIXTEEN[code - 40].to_owned()),
            100..=107 => look.ground = Some(SIXTEEN[code - 92].to_owned()),
            38 => look.letters = palette(&mut codes),
            48 => look.ground = palette(&mut codes),
            39 => look.letters = None,
            49 => look.ground = None,
            _ => {}
        }
    }
}

/// `5;N`, a colour of the palette of 256, or `2;R;G;B`.
fn palette(codes: &mut impl Iterator<Item = usize>) -> Option<String> {
    match codes.next()? {
        5 => Some(match codes.next()? {
            code @ 0..16 => SIXTEEN[code].to_owned(),
            code @ 16..232 => {
                let level = |n: usize| if n == 0 { 0 } else { 55 + 40 * n };
                let code = code - 16;
                let (red, green, blue) = (code / 36, code / 6 % 6, code % 6);
                format!("#{:02x}{:02x}{:02x}", level(red), level(green), level(blue))
            }
            code => {
                let grey = 8 + 10 * (code.min(255) - 232);
                format!("#{grey:02x}{grey:02x}{grey:02x}")
            }
        }),
        2 => Some(format!("#{:02x}{:02x}{:02x}", codes.next()?, codes.next()?, codes.next()?)),
        _ => None,
    }
}

fn width_of(text: &str) -> usize {
    text.chars().map(cells_of).sum()
}

/// Cells of a character, as far as the pictures need it: what they show is chosen here.
fn cells_of(c: char) -> usize {
    match u32::from(c) {
        0x200d | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff => 2,
        0xfe30..=0xfe6f | 0xff00..=0xff60 | 0x1f300..=0x1faff => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_letters_are_told_apart() {
        let all = stretches("a\x1b[1;38;5;196mb<\x1b[0mc你");
        let texts: Vec<_> = all.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["a", "b<", "c", "你"]);
        assert_eq!(all[1].0.letters.as_deref(), Some("#ff0000"));
        assert!(all[1].0.bold && all[2].0 == Look::default());
    }

    #[test]
    fn what_stands_behind_a_wide_character_keeps_its_column() {
        let svg = draw("你\x1b[31mx\n", 10, 1);
        let x = MARGIN + 2.0 * CELL.0;
        assert!(svg.contains(&format!("x=\"{x:.1}\"")) && svg.contains(">x</text>"), "{svg}");
        assert!(draw("<&>", 3, 1).contains("&lt;&amp;&gt;"));
    }
}
