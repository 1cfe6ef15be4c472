//! A report as pictures: charts as SVG, and one page of HTML that holds all of them.
//!
//! | module | what it is for |
//! |---|---|
//! | [`page`](mod@page) | the page |
//! | [`percentiles`], [`over_time`], [`climb`] | the charts, as values on axes |
//! | [`chart`] | what a chart is made of |
//! | [`axis`] | where a value stands on an axis, and what is marked there |
//! | [`draw`] | a chart as SVG |
//! | [`markup`] | SVG and HTML with everything escaped |
//!
//! A page needs nothing but itself: no script, no font, no picture from elsewhere. It opens wherever the file is,
//! however old it is, and under a policy that forbids scripts.

pub mod axis;
pub mod chart;
pub mod climb;
pub mod draw;
mod labels;
pub mod markup;
pub mod over_time;
pub mod page;
pub mod percentiles;
mod shapes;
mod style;
mod tables;

use crate::report::Report;

pub use chart::Chart;
pub use draw::Size;
pub use page::page;

/// The charts of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Picture {
    /// Latency by percentile.
    Percentiles,
    /// Latency over time.
    Latency,
    /// Rate over time.
    Rate,
    /// Latency against load, for a climb.
    Load,
}

impl Picture {
    /// What the picture shows of a report.
    pub fn chart(self, report: &Report) -> Chart {
        match self {
            Self::Percentiles => percentiles::chart(report),
            Self::Latency => over_time::latency(report),
            Self::Rate => over_time::rate(report),
            Self::Load => climb::chart(report),
        }
    }
}

/// One picture as an SVG file of its own, which says what was measured and looks right on light and dark ground.
pub fn svg(report: &Report, picture: Picture) -> String {
    draw::file(&picture.chart(report), &report.heading(), Size::Wide)
}
