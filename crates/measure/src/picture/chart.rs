//! What a chart shows, before it is drawn: axes, and layers of values on them.
//!
//! Values are in the units of the axes and nothing is in pixels, so a test can ask a chart for its numbers, and the same
//! chart is drawn for a wide screen, a phone and a file of its own (see [`draw`](super::draw)).

use super::axis::Range;

/// A chart.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What tells it from the others on a page; letters and `-` only.
    pub id: &'static str,
    /// Its name.
    pub title: String,
    /// What is seen in it, in a sentence or two, for those who hear it rather than see it.
    pub description: String,
    /// The horizontal axis, and what it is called.
    pub across: (Range, String),
    /// The vertical axis, and what it is called.
    pub up: (Range, &'static str),
    /// What is drawn, from the back to the front.
    pub layers: Vec<Layer>,
    /// What is told of each place under the pointer. Neighbours share no place and stand in rising order.
    pub readings: Vec<Reading>,
    /// What is written in the middle where there is nothing to draw.
    pub empty: Option<String>,
}

/// A point, in the units of the two axes.
pub type Point = (f64, f64);

/// Something drawn between the axes.
#[derive(Clone, Debug)]
pub enum Layer {
    /// A line through points; where a value is no number, the line is interrupted.
    Line {
        /// Where it goes through.
        points: Vec<Point>,
        /// How it looks.
        tone: Tone,
        /// What is written at its right end.
        label: String,
        /// What is drawn at each of its points, if anything.
        dots: Option<Dots>,
    },
    /// The area between two lines over the same places: for each place, its lower and its upper value.
    Area {
        /// Place, lower value, upper value.
        points: Vec<(f64, f64, f64)>,
        /// How it looks.
        tone: Tone,
    },
    /// Points that no line joins.
    Scatter {
        /// Where they are.
        points: Vec<Point>,
        /// How they look.
        tone: Tone,
        /// What is written at the right, at the height of the last.
        label: String,
    },
    /// A point with its value beside it.
    Named {
        /// Where it is.
        at: Point,
        /// What is written beside it.
        label: String,
        /// How it looks.
        tone: Tone,
    },
    /// A line from bottom to top.
    Upright {
        /// Where it stands.
        at: f64,
        /// What is written at its head, if anything.
        label: String,
        /// How it looks.
        tone: Tone,
    },
    /// A stretch of the chart that is set apart from the rest.
    Shade {
        /// Where it begins.
        from: f64,
        /// Where it ends.
        to: f64,
        /// What is written in it.
        label: String,
    },
}

/// What is drawn at each point of a line.
#[derive(Clone, Debug)]
pub struct Dots {
    /// Their shape, so that lines are told apart without their colours.
    pub shape: Shape,
    /// For each point whether it is only an outline: it stands for something that did not go well.
    pub hollow: Vec<bool>,
}

/// The shape of a dot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shape {
    /// A circle.
    Circle,
    /// A square.
    Square,
    /// A triangle.
    Triangle,
}

/// How something looks: its colour, and what goes with it. The colours are those of Okabe and Ito, which people with any
/// colour vision can tell apart, darkened or lightened until they stand out 3:1 from the ground (WCAG 2.2, 1.4.11).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tone {
    /// The main line.
    First,
    /// The second.
    Second,
    /// The third.
    Third,
    /// The fourth.
    Fourth,
    /// What was planned or is only a background.
    Quiet,
    /// What went wrong.
    Bad,
}

impl Tone {
    /// The tones of several lines of one kind, in their order.
    pub const SERIES: [Self; 4] = [Self::First, Self::Second, Self::Third, Self::Fourth];

    /// The name of its class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::First => "t1",
            Self::Second => "t2",
            Self::Third => "t3",
            Self::Fourth => "t4",
            Self::Quiet => "tq",
            Self::Bad => "tb",
        }
    }
}

/// What is told of a place under the pointer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Where the place begins and ends.
    pub over: (f64, f64),
    /// Where the mark is drawn.
    pub at: f64,
    /// What is told.
    pub text: String,
}
