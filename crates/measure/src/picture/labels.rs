//! Labels that cover neither each other nor what they name.

use super::draw::LETTERS;

/// How wide a text may be, in pixels: rather more than less, since the letters are those of the reader's system.
pub(super) fn width_of(text: &str) -> f64 {
    let ems = text.chars().map(|character| match character {
        ' ' | '.' | ',' | ':' | '\'' | 'i' | 'l' | 'j' | 't' | 'f' | 'r' | '(' | ')' | '/' => 0.4,
        'm' | 'w' | 'M' | 'W' | '%' => 0.95,
        _ => 0.64,
    });
    ems.sum::<f64>() * LETTERS
}

/// As [`width_of`], of a name, which is written bold.
pub(super) fn width_of_name(text: &str) -> f64 {
    width_of(text) * 1.13
}

/// As much of a text as there is room for, with a mark where it was cut.
pub(super) fn cut(text: &str, room: f64) -> String {
    if width_of(text) <= room {
        return text.to_owned();
    }
    let mut left = room - width_of("…");
    let fits = |character: &char| {
        left -= width_of(character.encode_utf8(&mut [0; 4]));
        left >= 0.0
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// How high figures and capitals are.
pub(super) fn height_of() -> f64 {
    LETTERS * 0.75
}

/// The room that a label takes, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Box {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Box {
    /// Of a text of this width that begins at `x` and stands on the line `y`.
    pub(super) fn beginning_at(x: f64, y: f64, width: f64) -> Self {
        Self { left: x, top: y - LETTERS, right: x + width, bottom: y + 2.0 }
    }

    /// Of one that ends at `x`.
    pub(super) fn ending_at(x: f64, y: f64, width: f64) -> Self {
        Self::beginning_at(x - width, y, width)
    }

    /// Of one whose middle is at `x`.
    pub(super) fn around(x: f64, y: f64, width: f64) -> Self {
        Self::beginning_at(x - width / 2.0, y, width)
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// The places on a chart that are taken.
#[derive(Debug)]
pub(super) struct Places {
    all: Box,
    taken: Vec<Box>,
}

impl Places {
    /// None within `all` are taken yet.
    pub(super) fn within(all: Box) -> Self {
        Self { all, taken: Vec::new() }
    }

    /// Takes a place, if all of it is free and on the chart.
    pub(super) fn take(&mut self, place: Box) -> bool {
        let inside = place.left >= self.all.left
            && place.right <= self.all.right
            && place.top >= self.all.top
            && place.bottom <= self.all.bottom;
        let free = inside && !self.taken.iter().any(|other| other.overlaps(&place));
        if free {
            self.taken.push(place);
        }
        free
    }

    /// Takes a place whether or not it is free.
    pub(super) fn reserve(&mut self, place: Box) {
        self.taken.push(place);
    }
}

/// Moves `heights` apart until neighbours are `gap` from each other, as little as may be and within `top..bottom` if all
/// have room there. They come back in the order in which they were given.
pub(super) fn spread(heights: &[f64], gap: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..heights.len()).collect();
    order.sort_by(|a, b| heights[*a].total_cmp(&heights[*b]));
    // Neighbours that are too near become a block around their common middle; blocks that meet become one.
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    let room = |count: usize| (count - 1) as f64 * gap / 2.0;
    for &index in &order {
        blocks.push((heights[index].clamp(top, bottom.max(top)), 1));
        while let [.., above, below] = blocks[..] {
            if below.0 - room(below.1) - (above.0 + room(above.1)) >= gap {
                break;
            }
            let count = above.1 + below.1;
            let sum = above.0 * above.1 as f64 + below.0 * below.1 as f64;
            let (low, high) = (top + room(count), bottom - room(count));
            let middle = sum / count as f64;
            let middle = if low <= high { middle.clamp(low, high) } else { low };
            blocks.truncate(blocks.len() - 2);
            blocks.push((middle, count));
        }
    }
    let mut spread = vec![0.0; heights.len()];
    let places = blocks.iter().flat_map(|&(middle, count)| {
        (0..count).map(move |at| middle - room(count) + at as f64 * gap)
    });
    for (index, place) in order.into_iter().zip(places) {
        spread[index] = place;
    }
    spread
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_that_have_room_stay_where_they_are() {
        assert_eq!(spread(&[90.0, 10.0, 50.0], 15.0, 0.0, 100.0), [90.0, 10.0, 50.0]);
        assert_eq!(spread(&[], 15.0, 0.0, 100.0), [0.0; 0]);
    }

    #[test]
    fn labels_at_one_height_are_set_around_it() {
        assert_eq!(spread(&[50.0, 50.0, 50.0], 10.0, 0.0, 100.0), [40.0, 50.0, 60.0]);
        assert_eq!(spread(&[99.0, 100.0], 10.0, 0.0, 100.0), [90.0, 100.0]);
    }

    #[test]
    fn a_text_is_cut_where_its_room_ends() {
        assert_eq!(cut("udp 127.0.0.1:3000", 200.0), "udp 127.0.0.1:3000");
        let long = "ä".repeat(1000);
        let shown = cut(&long, 200.0);
        assert!(shown.ends_with("ä…") && (185.0..=200.0).contains(&width_of(&shown)), "{shown}");
        assert_eq!(cut(&long, -1.0), "…");
    }

    #[test]
    fn a_place_is_taken_once() {
        let all = Box { left: 0.0, top: 0.0, right: 100.0, bottom: 100.0 };
        let mut places = Places::within(all);
        let label = Box::beginning_at(10.0, 50.0, 40.0);
        assert!(places.take(label));
        assert!(!places.take(label));
        assert!(places.take(Box::beginning_at(50.0, 50.0, 40.0)));
        assert!(!places.take(Box::beginning_at(70.0, 80.0, 40.0)), "it is not on the chart");
    }

    proptest! {
        #[test]
        fn spread_labels_do_not_touch_and_stay_on_the_chart(
            heights in prop::collection::vec(-50.0..350.0_f64, 0..8),
        ) {
            let spread = spread(&heights, 15.0, 0.0, 300.0);
            let mut sorted = spread.clone();
            sorted.sort_by(f64::total_cmp);
            for pair in sorted.windows(2) {
                prop_assert!(pair[1] - pair[0] >= 15.0 - 1e-6, "{sorted:?}");
            }
            prop_assert!(sorted.iter().all(|at| (-1e-6..=300.0 + 1e-6).contains(at)), "{sorted:?}");
        }
    }
}
