//! Colours: what the terminal can show, what is readable on its ground, and what looks how.

use callbox_irc::format::Colour;
use ratatui_core::style::{Color, Modifier, Style};

/// How many colours are used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Depth {
    /// None: bold, underline and reverse only.
    Mono,
    /// The sixteen of the terminal's own choice.
    Sixteen,
    /// The palette of 256.
    #[default]
    Full,
}

impl Depth {
    /// By the values of `NO_COLOR`, `COLORTERM` and `TERM`.
    pub fn of_environment(
        no_color: Option<&str>,
        colorterm: Option<&str>,
        term: Option<&str>,
    ) -> Self {
        let term = term.unwrap_or_default();
        if no_color.is_some_and(|value| !value.is_empty()) || term.is_empty() || term == "dumb" {
            Self::Mono
        } else if colorterm.is_some_and(|value| matches!(value, "truecolor" | "24bit"))
            || ["256color", "direct", "kitty", "alacritty", "foot", "wezterm", "ghostty"]
                .iter()
                .any(|name| term.contains(name))
        {
            Self::Full
        } else if term.starts_with("vt") {
            Self::Mono
        } else {
            Self::Sixteen
        }
    }
}

/// What is behind the letters.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Background {
    /// Light letters on dark ground.
    #[default]
    Dark,
    /// Dark letters on light ground.
    Light,
}

impl Background {
    /// By the value of `COLORFGBG` (rxvt, Konsole): `15;0`, of which the last is the ground.
    pub fn of_colorfgbg(value: &str) -> Option<Self> {
        let ground: u8 = value.rsplit(';').next()?.parse().ok()?;
        Some(if matches!(ground, 7 | 9..=15) { Self::Light } else { Self::Dark })
    }

    /// By the answer to OSC 11: `rgb:ffff/ffff/dddd`, with one to four digits for each.
    pub fn of_answer(answer: &str) -> Option<Self> {
        let at =
            answer.find("rgb:").map(|at| at + 4).or_else(|| Some(answer.find("rgba:")? + 5))?;
        let mut parts = answer.get(at..)?.split('/').map(|part| {
            let digits: String = part.chars().take_while(char::is_ascii_hexdigit).take(4).collect();
            let most = 16_u32.pow(u32::try_from(digits.len()).ok()?) - 1;
            Some(u32::from_str_radix(&digits, 16).ok()? * 255 / most.max(1))
        });
        let mut next = || u8::try_from(parts.next()??).ok();
        let (red, green, blue) = (next()?, next()?, next()?);
        Some(if luminance(red, green, blue) >= 128 { Self::Light } else { Self::Dark })
    }
}

/// How everything looks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Theme {
    pub(crate) depth: Depth,
    pub(crate) background: Background,
}

/// For nicknames on dark ground: far enough from it and from each other.
const NICKS_DARK: [u8; 24] = [
    39, 43, 75, 78, 81, 107, 110, 114, 117, 135, 141, 147, 150, 168, 170, 173, 175, 179, 180, 203,
    208, 212, 216, 221,
];
/// For nicknames on light ground.
const NICKS_LIGHT: [u8; 24] = [
    20, 25, 26, 28, 29, 30, 54, 55, 57, 58, 61, 64, 88, 89, 90, 91, 60, 94, 95, 124, 125, 127, 130,
    131,
];
/// For nicknames of sixteen colours on dark ground, where plain blue is hard to read.
const NICKS_SIXTEEN_DARK: [Color; 6] = [
    Color::LightRed,
    Color::Green,
    Color::Yellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::Cyan,
];
/// On light ground, where yellow and cyan are.
const NICKS_SIXTEEN_LIGHT: [Color; 4] = [Color::Red, Color::Green, Color::Blue, Color::Magenta];

impl Theme {
    fn pick(self, sixteen: Color, dark: u8, light: u8) -> Style {
        match (self.depth, self.background) {
            (Depth::Mono, _) => Style::new(),
            (Depth::Sixteen, _) => Style::new().fg(sixteen),
            (Depth::Full, Background::Dark) => Style::new().fg(Color::Indexed(dark)),
            (Depth::Full, Background::Light) => Style::new().fg(Color::Indexed(light)),
        }
    }

    /// A name: the same colour each time and everywhere.
    pub(crate) fn nick(self, folded: &str) -> Style {
        // FNV-1a: stable over releases, so that people keep their colours.
        let hash = folded.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let of = |count: usize| usize::try_from((hash ^ hash >> 32) % count as u64).unwrap_or(0);
        let colour = match (self.depth, self.background) {
            (Depth::Mono, _) => return Style::new().add_modifier(Modifier::BOLD),
            (Depth::Sixteen, Background::Dark) => NICKS_SIXTEEN_DARK[of(NICKS_SIXTEEN_DARK.len())],
            (Depth::Sixteen, Background::Light) => {
                NICKS_SIXTEEN_LIGHT[of(NICKS_SIXTEEN_LIGHT.len())]
            }
            (Depth::Full, Background::Dark) => Color::Indexed(NICKS_DARK[of(NICKS_DARK.len())]),
            (Depth::Full, Background::Light) => Color::Indexed(NICKS_LIGHT[of(NICKS_LIGHT.len())]),
        };
        Style::new().fg(colour)
    }

    /// Our own name.
    pub(crate) fn own(self) -> Style {
        self.plain().add_modifier(Modifier::BOLD)
    }

    /// What is said.
    pub(crate) fn plain(self) -> Style {
        Style::new()
    }

    /// What matters less: times, who came and went.
    pub(crate) fn dim(self) -> Style {
        self.pick(Color::DarkGray, 245, 242)
    }

    /// What names us.
    pub(crate) fn mention(self) -> Style {
        let sixteen = match self.background {
            Background::Dark => Color::Yellow,
            Background::Light => Color::Magenta,
        };
        self.pick(sixteen, 221, 130).add_modifier(Modifier::BOLD)
    }

    /// What failed.
    pub(crate) fn error(self) -> Style {
        self.pick(Color::Red, 203, 160).add_modifier(Modifier::BOLD)
    }

    /// What can be pressed, and lines between things.
    pub(crate) fn accent(self) -> Style {
        let sixteen = match self.background {
            Background::Dark => Color::Cyan,
            Background::Light => Color::Blue,
        };
        self.pick(sixteen, 81, 25)
    }

    /// Borders.
    pub(crate) fn border(self) -> Style {
        self.pick(Color::DarkGray, 239, 250)
    }

    /// The bars above and below the lines.
    pub(crate) fn bar(self) -> Style {
        match (self.depth, self.background) {
            (Depth::Full, Background::Dark) => {
                Style::new().bg(Color::Indexed(236)).fg(Color::Indexed(252))
            }
            (Depth::Full, Background::Light) => {
                Style::new().bg(Color::Indexed(254)).fg(Color::Indexed(236))
            }
            _ => Style::new().add_modifier(Modifier::REVERSED),
        }
    }

    /// What is chosen in a list.
    pub(crate) fn chosen(self) -> Style {
        match (self.depth, self.background) {
            (Depth::Full, Background::Dark) => {
                Style::new().bg(Color::Indexed(238)).add_modifier(Modifier::BOLD)
            }
            (Depth::Full, Background::Light) => {
                Style::new().bg(Color::Indexed(252)).add_modifier(Modifier::BOLD)
            }
            _ => Style::new().add_modifier(Modifier::REVERSED),
        }
    }

    /// What a search has found.
    pub(crate) fn found(self) -> Style {
        match self.depth {
            Depth::Mono => Style::new().add_modifier(Modifier::REVERSED),
            Depth::Sixteen => Style::new().bg(Color::Yellow).fg(Color::Black),
            Depth::Full => Style::new().bg(Color::Indexed(221)).fg(Color::Indexed(16)),
        }
    }

    /// Letters of equal width: in a terminal all are, so it is only set off.
    pub(crate) fn monospace(self) -> Style {
        match (self.depth, self.background) {
            (Depth::Full, Background::Dark) => Style::new().bg(Color::Indexed(235)),
            (Depth::Full, Background::Light) => Style::new().bg(Color::Indexed(255)),
            _ => Style::new(),
        }
    }

    /// A colour that a peer chose, as far as the terminal has it.
    pub(crate) fn peer_colour(self, colour: Colour) -> Option<Color> {
        match (self.depth, colour) {
            (Depth::Mono, _) => None,
            (_, Colour::Palette(number)) if number < 16 => Some(PALETTE_OLD[usize::from(number)].0),
            (Depth::Sixteen, _) => None,
            (Depth::Full, Colour::Palette(number)) => {
                PALETTE_NEW.get(usize::from(number) - 16).map(|index| Color::Indexed(*index))
            }
            (Depth::Full, Colour::Rgb(red, green, blue)) => {
                Some(Color::Indexed(nearest(red, green, blue)))
            }
        }
    }

    /// Whether letters of that colour can be read on the terminal's ground.
    pub(crate) fn is_readable(self, colour: Colour) -> bool {
        let (red, green, blue) = match colour {
            Colour::Rgb(red, green, blue) => (red, green, blue),
            Colour::Palette(number) if number < 16 => PALETTE_OLD[usize::from(number)].1,
            Colour::Palette(number) => {
                let index = PALETTE_NEW.get(usize::from(number) - 16);
                indexed_rgb(index.copied().unwrap_or(250))
            }
        };
        match self.background {
            Background::Dark => luminance(red, green, blue) >= 40,
            Background::Light => luminance(red, green, blue) <= 190,
        }
    }
}

/// Colours 0 to 15 of the formatting codes: the terminal's, and about what they look like.
const PALETTE_OLD: [(Color, (u8, u8, u8)); 16] = [
    (Color::White, (255, 255, 255)),
    (Color::Black, (0, 0, 0)),
    (Color::Blue, (0, 0, 200)),
    (Color::Green, (0, 147, 0)),
    (Color::LightRed, (255, 0, 0)),
    (Color::Red, (150, 60, 0)),
    (Color::Magenta, (156, 0, 156)),
    (Color::Yellow, (252, 127, 0)),
    (Color::LightYellow, (255, 255, 0)),
    (Color::LightGreen, (0, 252, 0)),
    (Color::Cyan, (0, 147, 147)),
    (Color::LightCyan, (0, 255, 255)),
    (Color::LightBlue, (80, 80, 252)),
    (Color::LightMagenta, (255, 0, 255)),
    (Color::DarkGray, (127, 127, 127)),
    (Color::Gray, (210, 210, 210)),
];

/// Colours 16 to 98 of the formatting codes in the palette of 256: seven rows of twelve hues, from dark to pale, and greys
/// (modern.ircdocs.horse/formatting, "Colors 16-98").
const PALETTE_NEW: [u8; 83] = [
    52, 94, 100, 58, 22, 29, 23, 24, 17, 54, 53, 89, //
    88, 130, 142, 64, 28, 35, 30, 25, 18, 91, 90, 125, //
    124, 166, 184, 106, 34, 49, 37, 33, 19, 129, 127, 161, //
    196, 208, 226, 154, 46, 86, 51, 75, 21, 171, 201, 198, //
    203, 215, 227, 191, 83, 122, 87, 111, 63, 177, 207, 205, //
    217, 223, 229, 193, 157, 158, 159, 153, 147, 183, 219, 212, //
    16, 233, 235, 237, 239, 241, 244, 247, 250, 254, 231,
];

/// The steps of the colour cube of the palette of 256.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

fn indexed_rgb(index: u8) -> (u8, u8, u8) {
    match index {
        0..16 => (128, 128, 128),
        16..232 => {
            let of = |number: u8| STEPS[usize::from(number % 6)];
            let cube = index - 16;
            (of(cube / 36), of(cube / 6), of(cube))
        }
        232.. => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    }
}

fn nearest(red: u8, green: u8, blue: u8) -> u8 {
    let step = |value: u8| {
        let distance = |index: &u8| STEPS[usize::from(*index)].abs_diff(value);
        (0..6).min_by_key(distance).unwrap_or(0)
    };
    16 + 36 * step(red) + 6 * step(green) + step(blue)
}

/// How bright a colour is, of 255 (ITU-R BT.601).
fn luminance(red: u8, green: u8, blue: u8) -> u32 {
    (299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue)) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_how_many_colours_there_are() {
        let of = Depth::of_environment;
        assert_eq!(of(Some("1"), Some("truecolor"), Some("xterm-256color")), Depth::Mono);
        assert_eq!(of(Some(""), None, Some("xterm-256color")), Depth::Full);
        assert_eq!(of(None, None, Some("linux")), Depth::Sixteen);
        assert_eq!(of(None, None, Some("dumb")), Depth::Mono);
        assert_eq!(of(None, None, None), Depth::Mono);
    }

    #[test]
    fn light_ground_is_known_by_what_the_terminal_says() {
        use Background::{Dark, Light};
        assert_eq!(Background::of_answer("\x1b]11;rgb:ffff/ffff/dddd\x1b\\"), Some(Light));
        assert_eq!(Background::of_answer("\x1b]11;rgb:00/2b/36\x07"), Some(Dark));
        assert_eq!(Background::of_answer("rgb:f/f/f"), Some(Light));
        for nonsense in ["", "rgb:", "rgb:zz/1/2", "rgb:1/2", "rgb:é"] {
            assert_eq!(Background::of_answer(nonsense), None, "{nonsense}");
        }
        assert_eq!(Background::of_colorfgbg("0;15"), Some(Light));
        assert_eq!(Background::of_colorfgbg("15;default;0"), Some(Dark));
        assert_eq!(Background::of_colorfgbg("x"), None);
    }

    #[test]
    fn every_colour_of_a_nickname_is_readable_on_its_ground() {
        for (background, colours) in
            [(Background::Dark, NICKS_DARK), (Background::Light, NICKS_LIGHT)]
        {
            for index in colours {
                let (red, green, blue) = indexed_rgb(index);
                let light = luminance(red, green, blue);
                let is_fine =
                    if background == Background::Dark { light >= 110 } else { light <= 120 };
                assert!(is_fine, "{index} has luminance {light} on {background:?}");
            }
        }
        let theme = Theme::default();
        assert_eq!(theme.nick("ann"), theme.nick("ann"));
        assert_ne!(theme.nick("ann"), theme.nick("bob"));
        assert_eq!(Theme { depth: Depth::Mono, ..theme }.nick("ann").fg, None);
    }

    #[test]
    fn a_peers_colour_is_taken_only_where_it_can_be_read() {
        let dark = Theme::default();
        let light = Theme { background: Background::Light, ..dark };
        let (white, black) = (Colour::Palette(0), Colour::Palette(1));
        assert!(dark.is_readable(white) && !dark.is_readable(black));
        assert!(light.is_readable(black) && !light.is_readable(white));
        assert_eq!(dark.peer_colour(Colour::Palette(52)), Some(Color::Indexed(196)));
        assert_eq!(dark.peer_colour(Colour::Rgb(255, 0, 0)), Some(Color::Indexed(196)));
        for number in 0..=98 {
            let _ = (
                dark.peer_colour(Colour::Palette(number)),
                dark.is_readable(Colour::Palette(number)),
            );
        }
    }
}
