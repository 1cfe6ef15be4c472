//! The connections of one thread.

use std::ops::Range;

use super::batch::{Place, SLOTS};
use super::connection::Connection;

/// Connections by slot. A slot that is used again has another generation, so that what was meant for the connection
/// before is not given to the new one.
pub(super) struct Table<P> {
    thread: u8,
    slots: Vec<Slot<P>>,
    free: Vec<u32>,
    len: usize,
}

struct Slot<P> {
    generation: u32,
    /// Boxed, so that the table's room for connections to come costs little.
    connection: Option<Box<Connection<P>>>,
}

impl<P> Table<P> {
    pub(super) const fn new(thread: u8) -> Self {
        Self { thread, slots: Vec::new(), free: Vec::new(), len: 0 }
    }

    /// Puts a connection in, or gives it back if there is no place left.
    pub(super) fn insert(
        &mut self,
        connection: Box<Connection<P>>,
    ) -> Result<u32, Box<Connection<P>>> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None if self.slots.len() < SLOTS as usize => {
                self.slots.push(Slot { generation: 0, connection: None });
                self.slots.len() as u32 - 1
            }
            None => return Err(connection),
        };
        self.len += 1;
        self.slots[slot as usize].connection = Some(connection);
        Ok(slot)
    }

    pub(super) fn remove(&mut self, slot: u32) -> Option<Box<Connection<P>>> {
        let place = self.slots.get_mut(slot as usize)?;
        let connection = place.connection.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(slot);
        self.len -= 1;
        Some(connection)
    }

    pub(super) fn at(&mut self, slot: u32) -> Option<&mut Connection<P>> {
        self.slots.get_mut(slot as usize)?.connection.as_deref_mut()
    }

    /// The connection in `slot`, if it is the one that was meant.
    pub(super) fn of(&mut self, slot: u32, generation: u32) -> Option<&mut Connection<P>> {
        let place = self.slots.get_mut(slot as usize)?;
        if place.generation == generation { place.connection.as_deref_mut() } else { None }
    }

    pub(super) fn place(&self, slot: u32) -> Option<Place> {
        let generation = self.slots.get(slot as usize)?.generation;
        Some(Place { thread: self.thread, slot, generation })
    }

    /// All slots, used or not.
    pub(super) fn slots(&self) -> Range<u32> {
        0..self.slots.len() as u32
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }
}
