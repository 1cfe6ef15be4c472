//! What one tick has to say to the connections of one thread.
//!
//! A line that goes to five hundred members of a room is stored once; each of them costs a few words. So the hub's lock is
//! held for the decision who is told what, and each thread copies the lines to its own connections afterwards, next to the
//! others.

use callbox_hub::contract::ConnId;

/// Which connection: the thread that carries it, its place there, and which user of that place it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) thread: u8,
    pub(super) slot: u32,
    pub(super) generation: u32,
}

/// Places a thread has: what fits beside its number into half a word.
pub(super) const SLOTS: u32 = 1 << 24;

impl Place {
    pub(super) const fn id(self) -> ConnId {
        let half = (self.thread as u64) << 24 | self.slot as u64;
        ConnId((self.generation as u64) << 32 | half)
    }

    pub(super) const fn of(id: ConnId) -> Self {
        let half = id.0 as u32;
        Self {
            thread: (half >> 24) as u8,
            slot: half & (SLOTS - 1),
            generation: (id.0 >> 32) as u32,
        }
    }
}

/// What is to be done with a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum What<'a> {
    /// The line is to be sent.
    Line(&'a [u8]),
    /// What follows is to wait until the store has kept all that was recorded up to now.
    Receipt,
    /// It is to be closed.
    Close,
}

/// Things for connections of one thread, in their order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// All lines, one after the other.
    text: Vec<u8>,
    /// Where each line ends in the text.
    ends: Vec<u32>,
    orders: Vec<Order>,
    /// What [`What::Receipt`] waits for. 0 is kept from the beginning.
    pub(super) ticket: u64,
    /// Whether there is any receipt.
    pub(super) receipts: bool,
}

#[derive(Clone, Copy, Debug)]
struct Order {
    slot: u32,
    generation: u32,
    /// The number of a line, or one of the two below.
    what: u32,
}

const RECEIPT: u32 = u32::MAX;
const CLOSE: u32 = u32::MAX - 1;

/// How many of the last lines are compared with a new one: a line goes out in a form for each set of capabilities, and
/// members with different ones take turns.
const RECENT: usize = 4;

/// Batches whose memory is greater are not used again.
const REUSED: usize = 4 << 20;

impl Batch {
    pub(super) fn line(&mut self, to: Place, line: &[u8]) {
        let count = self.ends.len();
        let what = (count.saturating_sub(RECENT)..count)
            .rev()
            .find(|&number| self.nth(number) == line)
            .unwrap_or_else(|| {
                self.text.extend_from_slice(line);
                self.ends.push(self.text.len() as u32);
                count
            });
        self.order(to, what as u32);
    }

    pub(super) fn receipt(&mut self, to: Place) {
        self.receipts = true;
        self.order(to, RECEIPT);
    }

    pub(super) fn close(&mut self, to: Place) {
        self.order(to, CLOSE);
    }

    /// What there is, in order.
    pub(super) fn orders(&self) -> impl Iterator<Item = (u32, u32, What<'_>)> {
        self.orders.iter().map(|order| {
            let what = match order.what {
                RECEIPT => What::Receipt,
                CLOSE => What::Close,
                number => What::Line(self.nth(number as usize)),
            };
            (order.slot, order.generation, what)
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// Bytes of memory that it takes, about, and bytes that it will make others take at least.
    pub(super) fn weight(&self) -> usize {
        self.text.len() + self.orders.len() * size_of::<Order>()
    }

    /// Makes it empty, to be filled again.
    pub(super) fn clear(&mut self) {
        if self.text.capacity() + self.orders.capacity() * size_of::<Order>() > REUSED {
            *self = Self::default();
            return;
        }
        self.text.clear();
        self.ends.clear();
        self.orders.clear();
        self.ticket = 0;
        self.receipts = false;
    }

    fn order(&mut self, to: Place, what: u32) {
        self.orders.push(Order { slot: to.slot, generation: to.generation, what });
    }

    fn nth(&self, number: usize) -> &[u8] {
        let start = number.checked_sub(1).and_then(|n| self.ends.get(n)).copied().unwrap_or(0);
        let end = self.ends.get(number).copied().unwrap_or(start);
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_for_many_is_stored_once() {
        let mut batch = Batch::default();
        for slot in 0..500 {
            let to = Place { thread: 0, slot, generation: 1 };
            batch.line(to, if slot % 2 == 0 { b"plain\r\n" } else { b"@tagged\r\n" });
        }
        assert_eq!((batch.text.len(), batch.ends.len()), (16, 2));
        assert_eq!(batch.orders().count(), 500);
    }

    proptest! {
        #[test]
        fn a_place_survives_its_number(thread: u8, slot in 0..SLOTS, generation: u32) {
            let place = Place { thread, slot, generation };
            prop_assert_eq!(Place::of(place.id()), place);
        }

        #[test]
        fn orders_come_out_as_they_went_in(
            orders in prop::collection::vec((0u32..4, 0u8..3, "[ab]{0,2}"), 0..40),
        ) {
            let mut batch = Batch::default();
            for (slot, what, line) in &orders {
                let to = Place { thread: 3, slot: *slot, generation: 9 };
                match what {
                    0 => batch.line(to, line.as_bytes()),
                    1 => batch.receipt(to),
                    _ => batch.close(to),
                }
            }
            let out: Vec<_> = batch.orders().collect();
            prop_assert_eq!(out.len(), orders.len());
            for ((slot, generation, what), (to, kind, line)) in out.into_iter().zip(&orders) {
                prop_assert_eq!((slot, generation), (*to, 9));
                let expected = match kind {
                    0 => What::Line(line.as_bytes()),
                    1 => What::Receipt,
                    _ => What::Close,
                };
                prop_assert_eq!(what, expected);
            }
        }
    }
}
