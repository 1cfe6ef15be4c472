//! A chart drawn as SVG, by hand: no library lays text out the way a chart needs it, and none is worth its size here.
//!
//! Lines are named where they end, not in a legend, so a reader need not match colours; values stand beside their points
//! wherever they cover nothing else. The same chart is drawn twice on a page, since one drawing shrunk to a phone has
//! letters that nobody can read.

use super::axis::{Axis, Unit};
use super::chart::{Chart, Dots, Layer, Point, Reading, Shape, Tone};
use super::labels::{Box, Places, cut, height_of, spread, width_of, width_of_name};
use super::markup::{Markup, Outline, Px};
use super::shapes::{dot, label, outlined};

/// The size of letters on a chart, in pixels. The style sheet has the same.
pub(super) const LETTERS: f64 = 12.0;
/// Two labels of one line of text need this much from one to the other.
const LINE: f64 = 15.0;
/// The space between the axes and their labels, and between a line's end and its name.
const GAP: f64 = 8.0;
/// The space above the axes, in which the vertical axis is named and readings are shown, and below these, of points at
/// the very top.
const HEAD: f64 = 36.0;
/// The space below, for the labels of the horizontal axis and its name.
const FOOT: f64 = 46.0;
/// The space around a chart that is a file of its own.
const MARGIN: f64 = 16.0;
/// The space for the title of a chart that is a file of its own.
const TITLE: f64 = 30.0;

/// For whom a chart is drawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Size {
    /// A screen or a sheet of paper.
    Wide,
    /// A phone.
    Narrow,
}

impl Size {
    fn width(self) -> f64 {
        match self {
            Self::Wide => 880.0,
            Self::Narrow => 380.0,
        }
    }

    fn height(self, chart: &Chart) -> f64 {
        let over_time = chart.across.0.unit == Unit::Elapsed;
        match (self, over_time) {
            (Self::Wide, true) => 280.0,
            (Self::Wide, false) => 380.0,
            (Self::Narrow, true) => 260.0,
            (Self::Narrow, false) => 320.0,
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Wide => "chart wide",
            Self::Narrow => "chart narrow",
        }
    }
}

/// A chart for a page, which has the style sheet and shows the title itself.
pub fn inline(chart: &Chart, size: Size) -> Markup {
    let (width, height) = (size.width(), size.height(chart));
    let suffix = if size == Size::Wide { "wide" } else { "narrow" };
    let ids = (format!("{}-{suffix}-title", chart.id), format!("{}-{suffix}-text", chart.id));
    let mut svg = Markup::new();
    begin(&mut svg, width, height)
        .with("class", size.class())
        .with("role", "img")
        .with("aria-labelledby", format!("{} {}", ids.0, ids.1));
    // Within a group, so that browsers read the title to those who cannot see but do not show it under every pointer.
    svg.open("g");
    svg.open("title").with("id", &ids.0).text(&chart.title).close();
    svg.open("desc").with("id", &ids.1).text(&chart.description).close();
    svg.close();
    Drawing::new(chart, size, 0.0, height).draw(&mut svg, size == Size::Wide);
    svg.close();
    svg
}

/// A chart as a file of its own, with its title, its ground and its colours for light and dark. `about` stands beside the
/// title, as much of it as there is room for.
pub fn file(chart: &Chart, about: &str, size: Size) -> String {
    let (width, height) = (size.width() + 2.0 * MARGIN, size.height(chart) + TITLE + 2.0 * MARGIN);
    let mut svg = Markup::new();
    begin(&mut svg, width, height)
        .with("xmlns", "http://www.w3.org/2000/svg")
        .with("width", Px(width))
        .with("height", Px(height))
        .with("class", "chart file")
        .with("role", "img")
        .with("aria-labelledby", format!("{0}-title {0}-text", chart.id));
    svg.open("title").with("id", format!("{}-title", chart.id)).text(&chart.title).close();
    svg.open("desc").with("id", format!("{}-text", chart.id)).text(&chart.description).close();
    svg.open("style").verbatim(super::style::COLOURS).verbatim(super::style::CHART).close();
    svg.open("rect").with("class", "ground").with("width", "100%").with("height", "100%");
    svg.with("rx", 8).close();
    svg.open("g").with("transform", format_args!("translate({MARGIN} {MARGIN})"));
    svg.open("text").with("class", "title").with("x", 0).with("y", 18).text(&chart.title).close();
    let room = size.width() - 1.5 * width_of_name(&chart.title);
    label(&mut svg, "end", (size.width(), 18.0), &cut(about, room));
    Drawing::new(chart, size, TITLE, size.height(chart) + TITLE).draw(&mut svg, false);
    svg.close();
    svg.close();
    let mut text = svg.finish();
    text.push('\n');
    text
}

fn begin(svg: &mut Markup, width: f64, height: f64) -> &mut Markup {
    svg.open("svg").with("viewBox", format_args!("0 0 {} {}", Px(width), Px(height)))
}

/// A chart on its way onto the page: its axes, and where they lie.
struct Drawing<'a> {
    chart: &'a Chart,
    across: Axis,
    up: Axis,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    /// Where the whole drawing begins and ends.
    edge: (f64, f64),
    width: f64,
}

impl<'a> Drawing<'a> {
    fn new(chart: &'a Chart, size: Size, top: f64, bottom: f64) -> Self {
        let edge = (top, bottom);
        let (top, bottom) = (top + HEAD, bottom - FOOT);
        // As many labels as can be read at a glance: 1, 2, 5, 10 … are read faster than equal steps.
        let upwards = if chart.up.0.is_logarithmic() { 22.0 } else { 40.0 };
        let mut up = Axis::new(chart.up.0, ((bottom - top) / upwards) as usize);
        if chart.empty.is_some() {
            up.marks.clear();
        }
        let left = up.marks.iter().map(|mark| width_of(&mark.label)).fold(0.0, f64::max) + GAP;
        let names = chart.layers.iter().filter_map(|layer| match layer {
            Layer::Line { label, .. } | Layer::Scatter { label, .. } => Some(width_of_name(label)),
            _ => None,
        });
        let width = size.width();
        let right = width - names.fold(GAP, f64::max) - GAP;
        let across = Axis::new(chart.across.0, ((right - left) / 80.0) as usize);
        Self { chart, across, up, left, right, top, bottom, edge, width }
    }

    fn x(&self, value: f64) -> f64 {
        self.left + self.across.place(value) * (self.right - self.left)
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom - self.up.place(value) * (self.bottom - self.top)
    }

    fn draw(&self, svg: &mut Markup, with_readings: bool) {
        let mut places = Places::within(Box {
            left: self.left + 2.0,
            top: self.top - 20.0,
            right: self.right + GAP,
            bottom: self.bottom - 2.0,
        });
        self.shades(svg);
        self.grid(svg);
        self.names_of_shades(svg, &mut places);
        let mut ends = Vec::new();
        for layer in &self.chart.layers {
            match layer {
                Layer::Area { points, tone } => self.area(svg, points, *tone),
                Layer::Line { points, tone, label, dots } => {
                    self.line(svg, points, *tone, dots.as_ref());
                    ends.extend(self.end(points, *tone, label));
                }
                Layer::Scatter { points, tone, label } => {
                    self.scatter(svg, points, *tone);
                    ends.extend(self.end(points, *tone, label));
                }
                Layer::Upright { at, label, tone } => {
                    self.upright(svg, *at, label, *tone, &mut places);
                }
                Layer::Named { .. } | Layer::Shade { .. } => {}
            }
        }
        self.names_of_lines(svg, ends, &mut places);
        self.named(svg, &mut places);
        if let Some(text) = &self.chart.empty {
            let middle = ((self.left + self.right) / 2.0, (self.top + self.bottom) / 2.0);
            label(svg, "empty", middle, text);
        }
        if with_readings && !self.chart.readings.is_empty() {
            self.readings(svg);
        }
    }

    fn shades(&self, svg: &mut Markup) {
        for layer in &self.chart.layers {
            let Layer::Shade { from, to, .. } = layer else { continue };
            let (from, to) = (self.x(*from), self.x(*to));
            svg.open("rect").with("class", "shade").with("x", Px(from)).with("y", Px(self.top));
            svg.with("width", Px(to - from)).with("height", Px(self.bottom - self.top)).close();
        }
    }

    /// What shades mean, at the foot, where a curve that rises is not; nothing where there is no room for it.
    fn names_of_shades(&self, svg: &mut Markup, places: &mut Places) {
        for layer in &self.chart.layers {
            let Layer::Shade { from, to, label: text } = layer else { continue };
            let at = Box::ending_at(self.x(*to) - 4.0, self.bottom - 8.0, width_of(text));
            if !text.is_empty() && at.left >= self.x(*from) && places.take(at) {
                label(svg, "note end", (at.right, self.bottom - 8.0), text);
            }
        }
    }

    /// The lines behind the values, the labels of both axes, and their names.
    fn grid(&self, svg: &mut Markup) {
        let mut fine = Outline::default();
        let mut grid = Outline::default();
        let (width, height) = (self.right - self.left, self.bottom - self.top);
        let level = |outline: &mut Outline, at: f64| {
            let y = self.bottom - at * height;
            outline.move_to(self.left, y);
            outline.line_to(self.right, y);
        };
        self.up.fine.iter().for_each(|at| level(&mut fine, *at));
        self.up.marks.iter().for_each(|mark| level(&mut grid, mark.at));
        let upright = |outline: &mut Outline, at: f64| {
            let x = self.left + at * width;
            outline.move_to(x, self.top);
            outline.line_to(x, self.bottom);
        };
        self.across.fine.iter().for_each(|at| upright(&mut fine, *at));
        self.across.marks.iter().for_each(|mark| upright(&mut fine, mark.at));
        outlined(svg, "fine", &fine);
        outlined(svg, "grid", &grid);
        svg.open("line").with("class", "axis").with("x1", Px(self.left)).with("x2", Px(self.right));
        svg.with("y1", Px(self.bottom)).with("y2", Px(self.bottom)).close();

        for mark in &self.up.marks {
            let y = self.bottom - mark.at * height + height_of() / 2.0 - 1.0;
            label(svg, "end", (self.left - GAP, y), &mark.label);
        }
        let mut free_from = 0.0;
        for mark in &self.across.marks {
            let half = width_of(&mark.label) / 2.0;
            // A label at an end of the axis may be moved inwards a little, since its mark is plain all the same.
            let x = (self.left + mark.at * width).clamp(half, self.width - half);
            if x - half >= free_from {
                label(svg, "middle", (x, self.bottom + 17.0), &mark.label);
                free_from = x + half + GAP;
            }
        }
        let name = |name: &str, axis: &Axis| match axis.remark {
            "" => name.to_owned(),
            remark => format!("{name} ({remark})"),
        };
        label(svg, "what", (0.0, self.edge.0 + 13.0), &name(self.chart.up.1, &self.up));
        let middle = ((self.left + self.right) / 2.0, self.edge.1 - 8.0);
        label(svg, "what middle", middle, &name(&self.chart.across.1, &self.across));
    }

    fn area(&self, svg: &mut Markup, points: &[(f64, f64, f64)], tone: Tone) {
        let mut outline = Outline::default();
        let is_whole = |point: &&(f64, f64, f64)| point.1.is_finite() && point.2.is_finite();
        for stretch in points.split(|point| !is_whole(&point)) {
            let Some(first) = stretch.first() else { continue };
            outline.move_to(self.x(first.0), self.y(first.2));
            stretch[1..].iter().for_each(|point| outline.line_to(self.x(point.0), self.y(point.2)));
            stretch
                .iter()
                .rev()
                .for_each(|point| outline.line_to(self.x(point.0), self.y(point.1)));
            outline.close();
        }
        outlined(svg, &format!("area {}", tone.class()), &outline);
    }

    fn line(&self, svg: &mut Markup, points: &[Point], tone: Tone, dots: Option<&Dots>) {
        let mut outline = Outline::default();
        for stretch in points.split(|point| !point.1.is_finite()) {
            let Some(first) = stretch.first() else { continue };
            outline.move_to(self.x(first.0), self.y(first.1));
            if stretch.len() == 1 && dots.is_none() {
                // A stretch of a single point would not be seen.
                outline.line_to(self.x(first.0) + 0.1, self.y(first.1));
            }
            stretch[1..].iter().for_each(|point| outline.line_to(self.x(point.0), self.y(point.1)));
        }
        outlined(svg, &format!("line {}", tone.class()), &outline);
        let Some(dots) = dots else { return };
        for (index, point) in points.iter().enumerate().filter(|(_, point)| point.1.is_finite()) {
            let hollow = dots.hollow.get(index).copied().unwrap_or(false);
            let class = format!("{} {}", if hollow { "dot hollow" } else { "dot" }, tone.class());
            dot(svg, &class, dots.shape, (self.x(point.0), self.y(point.1)));
        }
    }

    fn scatter(&self, svg: &mut Markup, points: &[Point], tone: Tone) {
        // A line of no length with round ends is a dot, and all of them are one path.
        let mut outline = Outline::default();
        for point in points.iter().filter(|point| point.1.is_finite()) {
            outline.move_to(self.x(point.0), self.y(point.1));
            outline.line_to(self.x(point.0), self.y(point.1));
        }
        outlined(svg, &format!("scatter {}", tone.class()), &outline);
    }

    fn upright(&self, svg: &mut Markup, at: f64, text: &str, tone: Tone, places: &mut Places) {
        let x = self.x(at);
        svg.open("line").with("class", format_args!("upright {}", tone.class()));
        svg.with("x1", Px(x)).with("x2", Px(x));
        svg.with("y1", Px(self.top)).with("y2", Px(self.bottom)).close();
        if text.is_empty() {
            return;
        }
        let width = width_of_name(text);
        let right_of = Box::beginning_at(x + 6.0, self.top + 13.0, width);
        let left_of = Box::ending_at(x - 6.0, self.top + 13.0, width);
        let class = format!("name {}", tone.class());
        if places.take(right_of) {
            label(svg, &class, (x + 6.0, self.top + 12.0), text);
        } else if places.take(left_of) {
            label(svg, &format!("{class} end"), (x - 6.0, self.top + 12.0), text);
        }
    }

    /// Where a line's name stands: beside its last point.
    fn end(&self, points: &[Point], tone: Tone, text: &str) -> Option<(Point, Tone, String)> {
        let last = points.iter().rev().find(|point| point.1.is_finite())?;
        let at = (self.x(last.0) + GAP, self.y(last.1));
        (!text.is_empty()).then(|| (at, tone, text.to_owned()))
    }

    fn names_of_lines(
        &self,
        svg: &mut Markup,
        ends: Vec<(Point, Tone, String)>,
        places: &mut Places,
    ) {
        let heights: Vec<f64> = ends.iter().map(|(at, ..)| at.1).collect();
        let heights = spread(&heights, LINE, self.top + 4.0, self.bottom - 4.0);
        for (((x, _), tone, text), y) in ends.into_iter().zip(heights) {
            let baseline = y + height_of() / 2.0 - 1.0;
            places.reserve(Box::beginning_at(x, baseline, width_of_name(&text)));
            label(svg, &format!("name {}", tone.class()), (x, baseline), &text);
        }
    }

    fn named(&self, svg: &mut Markup, places: &mut Places) {
        let named: Vec<_> = self
            .chart
            .layers
            .iter()
            .filter_map(|layer| match layer {
                Layer::Named { at, label, tone } => {
                    Some(((self.x(at.0), self.y(at.1)), label, *tone))
                }
                _ => None,
            })
            .collect();
        for ((x, y), _, tone) in &named {
            dot(svg, &format!("dot {}", tone.class()), Shape::Circle, (*x, *y));
            places.reserve(Box { left: x - 4.0, top: y - 4.0, right: x + 4.0, bottom: y + 4.0 });
        }
        for layer in &self.chart.layers {
            match layer {
                // A name may touch its own line, which goes on beside it, but none of the others.
                Layer::Line { points, tone, .. } if named.iter().all(|(.., own)| own != tone) => {
                    self.reserve_line(points, places);
                }
                _ => {}
            }
        }
        // Those at the end first: they are what the chart was made for.
        for ((x, y), text, tone) in named.into_iter().rev() {
            let width = width_of_name(text);
            let class = format!("name {}", tone.class());
            // A curve of latencies rises, so what is above to the left and below to the right is free.
            let candidates = [
                (Box::ending_at(x - 7.0, y - 6.0, width), "end", (x - 7.0, y - 7.0)),
                (Box::beginning_at(x + 7.0, y + 17.0, width), "", (x + 7.0, y + 16.0)),
                (Box::around(x, y - 9.0, width), "middle", (x, y - 10.0)),
                (Box::around(x, y + 20.0, width), "middle", (x, y + 19.0)),
                (Box::beginning_at(x + 7.0, y - 6.0, width), "", (x + 7.0, y - 7.0)),
            ];
            if let Some((_, anchor, at)) =
                candidates.into_iter().find(|(place, ..)| places.take(*place))
            {
                label(svg, format!("{class} {anchor}").trim_end(), at, text);
            }
        }
    }

    fn reserve_line(&self, points: &[Point], places: &mut Places) {
        for pair in points.windows(2).filter(|pair| pair[0].1.is_finite() && pair[1].1.is_finite())
        {
            let (from, to) =
                ((self.x(pair[0].0), self.y(pair[0].1)), (self.x(pair[1].0), self.y(pair[1].1)));
            places.reserve(Box {
                left: from.0.min(to.0),
                top: from.1.min(to.1) - 1.0,
                right: from.0.max(to.0),
                bottom: from.1.max(to.1) + 1.0,
            });
        }
    }

    /// What is shown of the place under the pointer: the style sheet shows a group while the pointer is in it, so the page
    /// needs no script.
    fn readings(&self, svg: &mut Markup) {
        svg.open("g").with("class", "readings");
        for Reading { over, at, text } in &self.chart.readings {
            let (from, to, at) = (self.x(over.0), self.x(over.1), self.x(*at));
            svg.open("g");
            svg.open("rect").with("x", Px(from)).with("y", Px(self.top));
            svg.with("width", Px((to - from).max(0.5)))
                .with("height", Px(self.bottom - self.top))
                .close();
            svg.open("path")
                .with("d", format_args!("M{} {}V{}", Px(at), Px(self.top), Px(self.bottom)))
                .close();
            label(svg, "end", (self.right, self.edge.0 + 13.0), text);
            svg.close();
        }
        svg.close();
    }
}
