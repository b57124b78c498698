//! Readers of a [`MemoryLog`](crate::MemoryLog).
//! Promises: a reader that has nothing to read sleeps until there is something; each live one keeps at most one waker,
//! and a dropped one none.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::Stream;
use tenure_types::{Lsn, StreamId};

use super::lock;
use super::state::State;
use crate::{TailBatch, TailError, Unknown};

/// One reader.
pub(super) struct Tailer {
    shared: Arc<Mutex<State>>,
    reader: ReaderId,
    stream: StreamId,
    position: Position,
}

/// Where a reader is.
#[derive(Debug, Clone, Copy)]
enum Position {
    /// It wants the record here next.
    At(Lsn),
    /// It was told why it cannot go on. Nothing more comes.
    Ended,
}

impl Tailer {
    pub(super) fn new(shared: Arc<Mutex<State>>, stream: StreamId, from: Lsn) -> Self {
        let reader = lock(&shared).readers.add();
        Self {
            shared,
            reader,
            stream,
            position: Position::At(from),
        }
    }

    fn read(&mut self, next: Lsn, waker: &Waker) -> Poll<Result<TailBatch, TailError>> {
        let mut state = lock(&self.shared);
        if state.readers.is_interrupted(self.reader) {
            return Poll::Ready(Err(TailError::Interrupted(Unknown::Disconnected)));
        }
        match state.read(self.stream, next) {
            Ok(Some(batch)) => Poll::Ready(Ok(batch)),
            Ok(None) => {
                state.readers.sleep(self.stream, self.reader, waker.clone());
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl Stream for Tailer {
    type Item = Result<TailBatch, TailError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Position::At(next) = this.position else {
            return Poll::Ready(None);
        };
        let read = this.read(next, context.waker());
        if let Poll::Ready(item) = &read {
            // A stream that used up its positions has no next one, and nothing more to read.
            let after = item
                .as_ref()
                .ok()
                .and_then(|batch| batch.numbered().last())
                .and_then(|(last, _)| last.next());
            this.position = after.map_or(Position::Ended, Position::At);
        }
        read.map(Some)
    }
}

impl Drop for Tailer {
    fn drop(&mut self) {
        lock(&self.shared).readers.remove(self.stream, self.reader);
    }
}

/// Tells readers apart. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct ReaderId(u64);

/// The readers that sleep, and those that are due to be woken.
#[derive(Default)]
pub(super) struct Readers {
    newest: ReaderId,
    /// Readers up to this one are cut off.
    interrupted: ReaderId,
    asleep: BTreeMap<(StreamId, ReaderId), Waker>,
    woken: Vec<Waker>,
}

impl Readers {
    fn add(&mut self) -> ReaderId {
        self.newest.0 += 1;
        self.newest
    }

    fn sleep(&mut self, stream: StreamId, reader: ReaderId, waker: Waker) {
        self.asleep.insert((stream, reader), waker);
    }

    fn remove(&mut self, stream: StreamId, reader: ReaderId) {
        self.asleep.remove(&(stream, reader));
    }

    fn is_interrupted(&self, reader: ReaderId) -> bool {
        reader <= self.interrupted
    }

    /// Cuts off all readers there are.
    pub(super) fn interrupt(&mut self) {
        self.interrupted = self.newest;
        self.woken.extend(std::mem::take(&mut self.asleep).into_values());
    }

    /// Something about `stream` changed.
    pub(super) fn wake(&mut self, stream: StreamId) {
        let of_stream = |(sleeps_on, _): &(StreamId, ReaderId), _: &mut Waker| *sleeps_on == stream;
        self.woken
            .extend(self.asleep.extract_if(.., of_stream).map(|(_, waker)| waker));
    }

    /// Those to wake, once the lock is let go.
    pub(super) fn take_woken(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.woken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_types::GroupId;

    const STREAM: StreamId = StreamId::new(GroupId::new(0), 1);
    const OTHER: StreamId = StreamId::new(GroupId::new(0), 2);

    fn asleep(readers: &mut Readers, stream: StreamId) -> ReaderId {
        let reader = readers.add();
        readers.sleep(stream, reader, Waker::noop().clone());
        reader
    }

    #[test]
    fn a_change_wakes_the_readers_of_its_stream_only() {
        let mut readers = Readers::default();
        asleep(&mut readers, STREAM);
        asleep(&mut readers, STREAM);
        asleep(&mut readers, OTHER);
        readers.wake(STREAM);
        assert_eq!(readers.take_woken().len(), 2);
        readers.wake(STREAM);
        assert_eq!(readers.take_woken().len(), 0, "once");
        assert_eq!(readers.asleep.len(), 1);
    }

    #[test]
    fn a_reader_keeps_at_most_one_waker_and_none_when_dropped() {
        let mut readers = Readers::default();
        let reader = asleep(&mut readers, STREAM);
        readers.sleep(STREAM, reader, Waker::noop().clone());
        assert_eq!(readers.asleep.len(), 1);
        readers.remove(STREAM, reader);
        assert_eq!(readers.asleep.len(), 0);
    }

    #[test]
    fn an_interruption_cuts_off_the_readers_there_are_and_no_later_ones() {
        let mut readers = Readers::default();
        let reader = asleep(&mut readers, STREAM);
        readers.interrupt();
        assert_eq!(readers.take_woken().len(), 1);
        assert!(readers.is_interrupted(reader));
        let later = readers.add();
        assert!(!readers.is_interrupted(later));
    }
}
