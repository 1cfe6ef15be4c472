//! The lines of a room as rows of the screen, and scrolling through them.
//!
//! What is shown hangs on one line: the lowest, and how much of it is below the edge. From there rows are laid out upward
//! until the screen is full, so a frame costs the same with a hundred thousand lines as with fifty, no height of a line
//! that is not seen has to be known, and nothing that comes below or is fetched above moves what is looked at.

pub(crate) mod block;

use callbox_session::line::{Line, LineId};
use callbox_session::room::OutId;
use callbox_session::timeline::Timeline;

use crate::text::Row;
pub(crate) use block::Look;

/// Where a room is scrolled to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Scroll {
    /// At the newest line, whichever that is.
    #[default]
    End,
    /// With this line lowest.
    At {
        line: LineId,
        /// About where it stands.
        hint: usize,
        /// How many of its rows are below the edge.
        below: usize,
    },
}

/// What a row belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Target {
    Line(LineId),
    Out(OutId),
    /// A mark between lines.
    Nothing,
}

/// The rows that are seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// From the top down; fewer than the screen has if there are not more.
    pub(crate) rows: Vec<(Row, Target)>,
    /// The place of the topmost line that is seen.
    pub(crate) top: usize,
    /// Whether the beginning of what is loaded is seen.
    pub(crate) is_top: bool,
}

/// Where a line stands, looked for from `hint` on: it moves little between two frames.
pub(crate) fn locate(timeline: &Timeline, id: LineId, hint: usize) -> Option<usize> {
    const NEAR: usize = 256;
    let is_it = |index: &usize| timeline.at(*index).is_some_and(|line: &Line| line.id == id);
    let near = hint.saturating_sub(NEAR)..hint.saturating_add(NEAR).min(timeline.len());
    let (left, right) = (near.start..hint.min(near.end), hint..near.end.max(hint));
    right.chain(left.rev()).find(is_it).or_else(|| timeline.position_of(id))
}

/// The rows of a room that fill `height` rows, as far as there are any.
pub(crate) fn seen(look: &Look<'_>, scroll: Scroll, height: usize) -> Seen {
    let mut seen = Seen::default();
    let first = look.first();
    let len = look.room.timeline.len();
    let mut skip = 0;
    let mut next = len;
    if let Scroll::At { line, hint, below } = scroll {
        let at = locate(&look.room.timeline, line, hint).unwrap_or(first).max(first);
        (next, skip) = ((at + 1).min(len), below);
    } else {
        for out in look.room.outbox.iter().rev() {
            if seen.rows.len() >= height {
                break;
            }
            let rows = look.outgoing(out);
            seen.rows.extend(rows.into_iter().rev().map(|row| (row, Target::Out(out.id))));
        }
    }
    while seen.rows.len() < height && next > first {
        next -= 1;
        let block = look.block(next);
        let id = look.room.timeline.at(next).map_or(LineId(0), |line| line.id);
        let skip = std::mem::take(&mut skip).min(block.rows.len().saturating_sub(1));
        let rows = block.rows.into_iter().enumerate().rev().skip(skip);
        seen.rows.extend(rows.map(|(index, row)| {
            (row, if index < block.lead { Target::Nothing } else { Target::Line(id) })
        }));
    }
    seen.top = next;
    if seen.rows.len() < height {
        seen.is_top = true;
        seen.rows.extend(look.top().into_iter().rev().map(|row| (row, Target::Nothing)));
    }
    seen.rows.truncate(height);
    seen.rows.reverse();
    seen
}

/// Scrolled up by `rows`, but not beyond the beginning.
pub(crate) fn up(look: &Look<'_>, scroll: Scroll, rows: usize, height: usize) -> Scroll {
    let first = look.first();
    let Some(last) = look.room.timeline.len().checked_sub(1).filter(|last| *last >= first) else {
        return Scroll::End;
    };
    let (mut index, mut below) = match scroll {
        Scroll::End => {
            let out: usize = look.room.outbox.iter().map(|out| look.outgoing(out).len()).sum();
            (last, rows.saturating_sub(out).max(1))
        }
        Scroll::At { line, hint, below } => {
            let at = locate(&look.room.timeline, line, hint).unwrap_or(first);
            (at.max(first), below + rows)
        }
    };
    loop {
        let rows = look.block(index).rows.len();
        if below < rows {
            break;
        }
        if index == first {
            below = rows - 1;
            break;
        }
        below -= rows;
        index -= 1;
    }
    let scrolled = at(look, index, below);
    // The beginning stays at the top.
    let seen = seen(look, scrolled, height);
    if seen.rows.len() < height { down(look, scrolled, height - seen.rows.len()) } else { scrolled }
}

/// Scrolled down by `rows`, at most to the end.
pub(crate) fn down(look: &Look<'_>, scroll: Scroll, mut rows: usize) -> Scroll {
    let Scroll::At { line, hint, below } = scroll else { return Scroll::End };
    let len = look.room.timeline.len();
    let Some(mut index) = locate(&look.room.timeline, line, hint) else { return Scroll::End };
    if rows < below {
        return at(look, index, below - rows);
    }
    rows -= below;
    while index + 1 < len {
        if rows == 0 {
            return at(look, index, 0);
        }
        index += 1;
        let height = look.block(index).rows.len();
        if rows < height {
            return at(look, index, height - rows);
        }
        rows -= height;
    }
    Scroll::End
}

/// With the oldest line topmost.
pub(crate) fn to_top(look: &Look<'_>, height: usize) -> Scroll {
    let first = look.first();
    if first >= look.room.timeline.len() {
        return Scroll::End;
    }
    down(
        look,
        at(look, first, 0),
        height.saturating_sub(look.top().len() + look.block(first).rows.len()),
    )
}

/// Scrolled as little as shows the line at `index` whole, or its beginning.
pub(crate) fn to_show(look: &Look<'_>, scroll: Scroll, index: usize, height: usize) -> Scroll {
    let Some(line) = look.room.timeline.at(index) else { return scroll };
    let now = seen(look, scroll, height);
    let rows = now.rows.iter().filter(|(_, target)| *target == Target::Line(line.id)).count();
    let block = look.block(index);
    if rows >= (block.rows.len() - block.lead).min(height) {
        return scroll;
    }
    if index <= now.top {
        // Its first row becomes the topmost.
        let lowest = at(look, index, 0);
        return down(look, lowest, height.saturating_sub(block.rows.len()));
    }
    if index + 1 == look.room.timeline.len() && look.room.outbox.is_empty() {
        return Scroll::End;
    }
    at(look, index, block.rows.len().saturating_sub(height))
}

fn at(look: &Look<'_>, index: usize, below: usize) -> Scroll {
    match look.room.timeline.at(index) {
        Some(line)
            if index + 1 < look.room.timeline.len()
                || below > 0
                || !look.room.outbox.is_empty() =>
        {
            Scroll::At { line: line.id, hint: index, below }
        }
        _ => Scroll::End,
    }
}
