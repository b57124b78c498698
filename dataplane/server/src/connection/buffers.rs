//! Buffers that the connections of one replica lend each other.
//! Promises: a connection between two requests keeps none, and the one that goes on next pays for no allocation.

use std::cell::RefCell;

use bytes::BytesMut;

/// What one read takes at most.
pub(super) const INPUT_BYTES: usize = 16 << 10;

/// Where replies begin to be written; a longer one grows it.
const OUTPUT_BYTES: usize = 1 << 10;

/// A buffer that a big request or reply made larger than this is freed instead.
const KEPT_BYTES_MAX: usize = 64 << 10;

/// Buffers of one kind that are kept.
const KEPT_MAX: usize = 64;

/// Empty buffers.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    input: RefCell<Vec<BytesMut>>,
    output: RefCell<Vec<BytesMut>>,
}

impl Buffers {
    /// How many are kept, for input and for output.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> (usize, usize) {
        (self.input.borrow().len(), self.output.borrow().len())
    }

    /// Gives a connection a buffer to read into, unless it has one.
    pub(super) fn lend_input(&self, buffer: &mut BytesMut) {
        lend(&self.input, buffer, INPUT_BYTES);
    }

    /// Gives a connection a buffer to write replies into, unless it has one.
    pub(super) fn lend_output(&self, buffer: &mut BytesMut) {
        lend(&self.output, buffer, OUTPUT_BYTES);
    }

    /// Takes an input buffer back once nothing is in it.
    pub(super) fn take_input(&self, buffer: &mut BytesMut) {
        take(&self.input, buffer, INPUT_BYTES);
    }

    /// Takes an output buffer back once nothing is in it.
    pub(super) fn take_output(&self, buffer: &mut BytesMut) {
        take(&self.output, buffer, OUTPUT_BYTES);
    }
}

fn lend(kept: &RefCell<Vec<BytesMut>>, buffer: &mut BytesMut, bytes: usize) {
    if buffer.is_empty() && buffer.capacity() < bytes {
        *buffer = kept
            .borrow_mut()
            .pop()
            .unwrap_or_else(|| BytesMut::with_capacity(bytes));
    }
}

fn take(kept: &RefCell<Vec<BytesMut>>, buffer: &mut BytesMut, bytes: usize) {
    if !buffer.is_empty() {
        return;
    }
    let mut empty = std::mem::take(buffer);
    // The room in front, where bytes were read off, is room again: what counts is all of it, not what is left behind it.
    if empty.try_reclaim(KEPT_BYTES_MAX + 1) || !empty.try_reclaim(bytes) {
        return;
    }
    let mut kept = kept.borrow_mut();
    if kept.len() < KEPT_MAX {
        kept.push(empty);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Buf;

    #[test]
    fn an_empty_buffer_is_lent_to_the_next() {
        let buffers = Buffers::default();
        let mut first = BytesMut::new();
        buffers.lend_input(&mut first);
        first.extend_from_slice(&[b'x'; INPUT_BYTES]);
        first.advance(INPUT_BYTES);
        let place = first.as_ptr().wrapping_sub(INPUT_BYTES);
        buffers.take_input(&mut first);
        assert_eq!(first.capacity(), 0);
        let mut second = BytesMut::new();
        buffers.lend_input(&mut second);
        assert_eq!((second.as_ptr(), second.capacity()), (place, INPUT_BYTES));
    }

    #[test]
    fn a_buffer_with_bytes_is_neither_taken_nor_replaced() {
        let buffers = Buffers::default();
        let mut buffer = BytesMut::from(&b"x"[..]);
        buffers.take_input(&mut buffer);
        buffers.lend_input(&mut buffer);
        assert_eq!(buffer, &b"x"[..]);
    }

    #[test]
    fn a_huge_buffer_is_freed() {
        let buffers = Buffers::default();
        let mut buffer = BytesMut::with_capacity(KEPT_BYTES_MAX * 2);
        buffers.take_output(&mut buffer);
        assert_eq!((buffer.capacity(), buffers.output.borrow().len()), (0, 0));
    }

    /// Its capacity tells only of the room behind what was sent.
    #[test]
    fn a_huge_buffer_is_freed_although_its_bytes_were_sent() {
        let buffers = Buffers::default();
        let mut buffer = BytesMut::with_capacity(KEPT_BYTES_MAX * 4);
        buffer.extend_from_slice(&[b'x'; KEPT_BYTES_MAX * 4 - OUTPUT_BYTES * 2]);
        buffer.advance(buffer.len());
        assert_eq!(buffer.capacity(), OUTPUT_BYTES * 2);
        buffers.take_output(&mut buffer);
        assert_eq!((buffer.capacity(), buffers.output.borrow().len()), (0, 0));
    }
}
