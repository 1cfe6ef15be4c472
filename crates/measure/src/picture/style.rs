//! The style sheets: colours, which a page and a file of its own share, charts, and the page around them.
//!
//! Dark colours are for screens alone, so paper gets the light ones whatever the screen has.

/// The colours, light and dark.
pub(super) const COLOURS: &str = include_str!("style/colours.css");
/// How a chart looks.
pub(super) const CHART: &str = include_str!("style/chart.css");
/// How a page looks.
pub(super) const PAGE: &str = include_str!("style/page.css");
