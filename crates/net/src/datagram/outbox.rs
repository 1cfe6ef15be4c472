//! Which answers leave together.
//!
//! Answers are given one by one as byte ranges of the batch's memory. Those that follow one another to the same
//! destination and have the same length are gathered into one message that the kernel cuts up again (UDP generic
//! segmentation offload, `UDP_SEGMENT` in udp(7)): one pass through the network stack instead of one a datagram.
//! This module only plans, so it needs no kernel to be tested.

use std::ops::Range;

/// Messages that one system call sends at most; as many as one call receives.
pub(super) const MAX_RUNS: usize = 64;

/// Pieces of memory in all messages of one call. A message may be gathered from one piece an answer.
pub(super) const MAX_PIECES: usize = 512;

/// Datagrams in one segmented message: `UDP_MAX_SEGMENTS` of Linux before 6.9, which later kernels exceed.
const MAX_SEGMENTS: u16 = 64;

/// Bytes in one segmented message: what an IPv4 datagram can carry (65,535 less 20 and 8 bytes of headers).
const MAX_RUN_BYTES: u32 = 65_507;

/// The longest segment worth gathering: what fits an Ethernet frame over IPv6 (1,500 less 40 and 8). The kernel
/// refuses to segment what would have to be fragmented, and longer datagrams gain little.
const MAX_SEGMENT: u32 = 1_452;

/// One message: one datagram, or several that are cut from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The arrival that it answers, which tells the destination.
    pub(super) arrival: usize,
    /// Its pieces, by index.
    pub(super) pieces: Range<usize>,
    /// Datagrams in it.
    pub(super) segments: u16,
    /// The length of every datagram in it but the last, which may be shorter.
    pub(super) segment: u32,
    bytes: u32,
    closed: bool,
}

/// There is no room: send what is there first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// The answers of a batch, gathered into messages.
pub(super) struct Outbox {
    runs: Vec<Run>,
    pieces: Vec<Range<usize>>,
    segmentation: bool,
}

impl Outbox {
    pub(super) fn new(segmentation: bool) -> Self {
        Self {
            runs: Vec::with_capacity(MAX_RUNS),
            pieces: Vec::with_capacity(MAX_PIECES),
            segmentation,
        }
    }

    /// From now on every answer is a message of its own: the kernel or the device took segmentation back.
    pub(super) const fn stop_segmentation(&mut self) {
        self.segmentation = false;
    }

    /// Adds one answer. `same_destination(a, b)` tells whether two arrivals are answered to the same address from the
    /// same address.
    pub(super) fn push(
        &mut self,
        arrival: usize,
        memory: Range<usize>,
        same_destination: impl FnOnce(usize, usize) -> bool,
    ) -> Result<(), Full> {
        let length = memory.len() as u32;
        if self.segmentation
            && let Some(run) = self.runs.last_mut()
            && !run.closed
            && length > 0
            && length <= run.segment
            && run.segments < MAX_SEGMENTS
            && run.bytes + length <= MAX_RUN_BYTES
            && (run.arrival == arrival || same_destination(run.arrival, arrival))
        {
            let full = self.pieces.len() == MAX_PIECES;
            match self.pieces.last_mut() {
                Some(last) if last.end == memory.start => last.end = memory.end,
                _ if full => return Err(Full),
                _ => {
                    self.pieces.push(memory);
                    run.pieces.end += 1;
                }
            }
            run.segments += 1;
            run.bytes += length;
            run.closed = length < run.segment;
            return Ok(());
        }
        if self.runs.len() == MAX_RUNS || self.pieces.len() == MAX_PIECES {
            return Err(Full);
        }
        let piece = self.pieces.len();
        self.pieces.push(memory);
        self.runs.push(Run {
            arrival,
            pieces: piece..piece + 1,
            segments: 1,
            segment: length,
            bytes: length,
            closed: length == 0 || length > MAX_SEGMENT,
        });
        Ok(())
    }

    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    pub(super) fn pieces(&self) -> &[Range<usize>] {
        &self.pieces
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
        self.pieces.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plans answers given as (destination, start, length), where the arrival's number is the answer's own.
    fn plan(segmentation: bool, answers: &[(u8, usize, usize)]) -> Vec<(u16, Vec<(usize, usize)>)> {
        let mut outbox = Outbox::new(segmentation);
        for (arrival, &(_, start, length)) in answers.iter().enumerate() {
            let same = |a: usize, b: usize| answers[a].0 == answers[b].0;
            outbox.push(arrival, start..start + length, same).unwrap();
        }
        let bounds = |pieces: &[Range<usize>]| pieces.iter().map(|p| (p.start, p.end)).collect();
        outbox
            .runs()
            .iter()
            .map(|r| (r.segments, bounds(&outbox.pieces()[r.pieces.clone()])))
            .collect()
    }

    #[test]
    fn answers_of_one_length_to_one_peer_leave_as_one_message() {
        assert_eq!(plan(true, &[(1, 0, 64), (1, 100, 64)]), [(2, vec![(0, 64), (100, 164)])]);
    }

    #[test]
    fn neighbours_in_memory_are_one_piece() {
        assert_eq!(plan(true, &[(1, 0, 64), (1, 64, 64), (1, 128, 64)]), [(3, vec![(0, 192)])]);
    }

    #[test]
    fn a_shorter_answer_ends_its_message() {
        assert_eq!(
            plan(true, &[(1, 0, 64), (1, 64, 10), (1, 74, 10)]),
            [(2, vec![(0, 74)]), (1, vec![(74, 84)])]
        );
    }

    #[test]
    fn a_longer_answer_or_another_peer_starts_a_message() {
        assert_eq!(plan(true, &[(1, 0, 10), (1, 10, 11)]).len(), 2);
        assert_eq!(plan(true, &[(1, 0, 10), (2, 10, 10), (1, 20, 10)]).len(), 3);
    }

    #[test]
    fn an_empty_answer_stands_alone() {
        assert_eq!(plan(true, &[(1, 0, 10), (1, 10, 0), (1, 10, 10)]).len(), 3);
    }

    #[test]
    fn without_segmentation_every_answer_is_a_message() {
        assert_eq!(plan(false, &[(1, 0, 64), (1, 64, 64)]).len(), 2);
    }

    #[test]
    fn a_message_holds_no_more_segments_and_bytes_than_the_kernel_takes() {
        let many: Vec<_> = (0..130).map(|i| (1, i * 8, 8)).collect();
        assert_eq!(plan(true, &many).iter().map(|run| run.0).collect::<Vec<_>>(), [64, 64, 2]);
        let long: Vec<_> = (0..60).map(|i| (1, i * 1_452, 1_452)).collect();
        assert!(plan(true, &long).iter().all(|run| run.1[0].1 - run.1[0].0 <= 65_507));
        assert_eq!(plan(true, &[(1, 0, 1_453), (1, 1_453, 1_453)]).len(), 2);
    }

    #[test]
    fn a_full_outbox_says_so_and_takes_more_once_cleared() {
        let mut outbox = Outbox::new(false);
        for i in 0..MAX_RUNS {
            assert_eq!(outbox.push(i, i..i + 1, |_, _| true), Ok(()));
        }
        assert_eq!(outbox.push(0, 0..1, |_, _| true), Err(Full));
        outbox.clear();
        assert_eq!(outbox.push(0, 0..1, |_, _| true), Ok(()));
    }
}
