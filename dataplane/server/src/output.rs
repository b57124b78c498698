//! The replies of one connection, in the order of its requests.
//! Promises: no byte leaves before the ticket of its own reply, or of any reply before it, is released. An output without
//! bytes keeps next to no memory.

mod writer;

use std::collections::VecDeque;

use bytes::{Buf, BytesMut};
use tenure_types::BootTime;

pub(crate) use writer::Writer;

use crate::replica::Ticket;

/// Room for replies behind tickets that is kept when there are none.
const HELD_KEPT: usize = 16;

/// Bytes that wait for the log, then bytes that wait for the socket: what may leave lies in front.
#[derive(Debug, Default)]
pub(crate) struct Output {
    bytes: BytesMut,
    /// How many of them, from the front, may leave.
    free: usize,
    /// How many belong to replies that [`Output::end_reply`] saw.
    ended: usize,
    /// How many bytes left before those.
    left: u64,
    /// What is held, by rising tickets.
    held: VecDeque<Held>,
}

/// Some replies behind one ticket.
#[derive(Debug, Clone, Copy)]
struct Held {
    ticket: Ticket,
    /// Position behind their last byte, counted from the first byte that the connection ever answered.
    end: u64,
    since: BootTime,
}

impl Output {
    /// To write the next reply to its end. [`Output::end_reply`] follows.
    pub(crate) fn bytes(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// What was written since this was last called may leave after this ticket; `None`: after what is before it.
    pub(crate) fn end_reply(&mut self, ticket: Option<Ticket>, now: BootTime) {
        if self.bytes.len() <= self.ended {
            return;
        }
        self.ended = self.bytes.len();
        let end = self.position(self.ended);
        match (self.held.back_mut(), ticket) {
            (None, None) => self.free = self.ended,
            (Some(last), None) => last.end = end,
            (Some(last), Some(ticket)) if ticket <= last.ticket => last.end = end,
            (_, Some(ticket)) => self.held.push_back(Held {
                ticket,
                end,
                since: now,
            }),
        }
    }

    /// Adds what is no reply, in the place where it comes.
    pub(crate) fn push(&mut self, bytes: &[u8], ticket: Option<Ticket>, now: BootTime) {
        self.bytes.extend_from_slice(bytes);
        self.end_reply(ticket, now);
    }

    /// Frees what waited for tickets up to this one.
    pub(crate) fn release(&mut self, upto: Ticket) {
        while let Some(held) = self.held.front().filter(|held| held.ticket.is_released(upto)) {
            let behind = usize::try_from(held.end.saturating_sub(self.left)).unwrap_or(usize::MAX);
            self.free = behind.min(self.bytes.len());
            self.held.pop_front();
        }
        if self.held.is_empty() && self.held.capacity() > HELD_KEPT {
            self.held = VecDeque::new();
        }
    }

    /// The ticket that the first held reply waits for.
    pub(crate) fn waits_for(&self) -> Option<Ticket> {
        self.held.front().map(|held| held.ticket)
    }

    /// Since when the first held reply waits.
    pub(crate) fn held_since(&self) -> Option<BootTime> {
        self.held.front().map(|held| held.since)
    }

    /// What may leave now.
    pub(crate) fn leaving(&self) -> &[u8] {
        self.bytes.get(..self.free).unwrap_or_default()
    }

    /// So many of these bytes left.
    pub(crate) fn advance(&mut self, bytes: usize) {
        let bytes = bytes.min(self.free);
        self.bytes.advance(bytes);
        self.free -= bytes;
        self.ended -= bytes;
        self.left = self.left.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Held or not.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Memory that it keeps.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.held.capacity() * size_of::<Held>()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn position(&self, offset: usize) -> u64 {
        self.left.saturating_add(u64::try_from(offset).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: BootTime = BootTime::from_nanos(0);

    fn reply(output: &mut Output, bytes: &[u8], ticket: Option<u64>) {
        output.push(bytes, ticket.map(Ticket::of), NOW);
    }

    fn take(output: &mut Output) -> Vec<u8> {
        let bytes = output.leaving().to_vec();
        output.advance(bytes.len());
        bytes
    }

    #[test]
    fn what_depends_on_nothing_leaves_at_once() {
        let mut output = Output::default();
        reply(&mut output, b"a", None);
        reply(&mut output, b"b", None);
        assert_eq!(take(&mut output), b"ab");
        assert!(output.is_empty());
    }

    #[test]
    fn a_reply_behind_a_held_one_waits_with_it() {
        let mut output = Output::default();
        reply(&mut output, b"a", None);
        reply(&mut output, b"b", Some(2));
        reply(&mut output, b"c", None);
        reply(&mut output, b"d", Some(1));
        assert_eq!(take(&mut output), b"a");
        output.release(Ticket::of(1));
        assert_eq!(take(&mut output), b"");
        assert_eq!(output.waits_for(), Some(Ticket::of(2)));
        output.release(Ticket::of(2));
        assert_eq!(take(&mut output), b"bcd");
        assert_eq!(output.waits_for(), None);
    }

    #[test]
    fn neighbours_behind_one_ticket_are_one_hold() {
        let mut output = Output::default();
        for _ in 0..1000 {
            reply(&mut output, b"+OK\r\n", Some(7));
        }
        assert_eq!(output.held.len(), 1);
    }

    #[test]
    fn each_hold_is_released_by_its_own_ticket_while_bytes_leave_in_pieces() {
        let mut output = Output::default();
        for ticket in 1..=3 {
            reply(&mut output, b"xyz", Some(ticket));
        }
        output.release(Ticket::of(1));
        output.advance(2);
        output.release(Ticket::of(2));
        assert_eq!(take(&mut output), b"zxyz");
        output.release(Ticket::of(3));
        assert_eq!(take(&mut output), b"xyz");
        assert!(output.is_empty());
    }

    #[test]
    fn what_was_held_leaves_no_memory_behind() {
        let mut output = Output::default();
        for ticket in 1..=10_000 {
            reply(&mut output, b"x", Some(ticket));
        }
        output.release(Ticket::of(10_000));
        assert!(output.held.capacity() <= HELD_KEPT, "{}", output.held.capacity());
    }

    #[test]
    fn a_reply_without_bytes_holds_nothing() {
        let mut output = Output::default();
        reply(&mut output, b"", Some(9));
        assert_eq!((output.waits_for(), output.held_since()), (None, None));
    }

    #[test]
    fn no_more_than_what_may_leave_can_be_taken() {
        let mut output = Output::default();
        reply(&mut output, b"ab", None);
        reply(&mut output, b"cd", Some(1));
        output.advance(100);
        assert_eq!((output.len(), output.leaving().len()), (2, 0));
    }
}
