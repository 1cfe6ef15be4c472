//! The few shapes that charts are drawn with.

use super::chart::{Point, Shape};
use super::markup::{Markup, Outline, Px};

/// A text where its class says that it begins, ends or has its middle.
pub(super) fn label(svg: &mut Markup, class: &str, at: Point, text: &str) {
    svg.open("text");
    if !class.is_empty() {
        svg.with("class", class);
    }
    svg.with("x", Px(at.0)).with("y", Px(at.1)).text(text).close();
}

/// A path, if there is anything of it.
pub(super) fn outlined(svg: &mut Markup, class: &str, outline: &Outline) {
    if !outline.is_empty() {
        svg.open("path").with("class", class).with("d", outline).close();
    }
}

/// A dot of a line or beside a name.
pub(super) fn dot(svg: &mut Markup, class: &str, shape: Shape, (x, y): Point) {
    match shape {
        Shape::Circle => {
            svg.open("circle")
                .with("class", class)
                .with("cx", Px(x))
                .with("cy", Px(y))
                .with("r", 4)
                .close();
        }
        Shape::Square => {
            svg.open("rect").with("class", class).with("x", Px(x - 3.5)).with("y", Px(y - 3.5));
            svg.with("width", 7).with("height", 7).close();
        }
        Shape::Triangle => {
            let mut outline = Outline::default();
            outline.move_to(x, y - 4.5);
            outline.line_to(x + 4.5, y + 3.5);
            outline.line_to(x - 4.5, y + 3.5);
            outline.close();
            outlined(svg, class, &outline);
        }
    }
}
