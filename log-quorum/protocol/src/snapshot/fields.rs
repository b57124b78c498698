//! The kinds of field in a body: how each is written, and how it is read.
//! Promises: a value has one spelling; reading past the end of a body is refused, never a panic.
//! Leaves to `encode.rs` and `decode.rs`: which fields there are, and in which order.

use tenure_types::{LeaseLength, Lsn};

use super::DecodeError;
use super::block::Body;

/// A body that is being written.
#[derive(Debug)]
pub(super) struct FieldsOut<'a>(&'a mut Vec<u8>);

impl<'a> FieldsOut<'a> {
    /// Appends to `body`.
    pub(super) fn to(body: &'a mut Vec<u8>) -> Self {
        Self(body)
    }

    pub(super) fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// 64 bits whatever the machine.
    pub(super) fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    /// 0 is the place before the first record.
    pub(super) fn position(&mut self, position: Option<Lsn>) {
        self.number(Lsn::count(position));
    }

    /// 0 ms is no lease.
    pub(super) fn lease(&mut self, lease: Option<LeaseLength>) {
        let millis = lease.map_or(0, LeaseLength::as_millis);
        self.0.extend_from_slice(&millis.to_le_bytes());
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.0.push(u8::from(flag));
    }
}

/// What is still to be read of a body.
#[derive(Debug)]
pub(super) struct FieldsIn<'a> {
    rest: &'a [u8],
    block_at: u64,
}

impl<'a> FieldsIn<'a> {
    /// Reads from the beginning of `body`.
    pub(super) fn of(body: &'a Body) -> Self {
        Self {
            rest: body.bytes(),
            block_at: body.block_at,
        }
    }

    pub(super) fn number(&mut self) -> Result<u64, DecodeError> {
        self.take().map(u64::from_le_bytes)
    }

    pub(super) fn position(&mut self) -> Result<Option<Lsn>, DecodeError> {
        self.number().map(Lsn::new)
    }

    pub(super) fn lease(&mut self) -> Result<Option<LeaseLength>, DecodeError> {
        let millis = self.take().map(u32::from_le_bytes)?;
        Ok(LeaseLength::from_millis(millis))
    }

    /// `Err` within is a byte that stands for no flag.
    pub(super) fn flag(&mut self) -> Result<Result<bool, u8>, DecodeError> {
        let [byte] = self.take()?;
        Ok(match byte {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(other),
        })
    }

    /// As many as a body says it has. No memory is set aside for them before they are read.
    pub(super) fn repeated<T, C: FromIterator<T>>(
        &mut self,
        count: u64,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<C, DecodeError> {
        (0..count).map(|_| read(self)).collect()
    }

    /// All must have been read.
    pub(super) fn end(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.misshaped())
        }
    }

    fn take<const BYTES: usize>(&mut self) -> Result<[u8; BYTES], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(|| self.misshaped())?;
        self.rest = rest;
        Ok(*taken)
    }

    fn misshaped(&self) -> DecodeError {
        DecodeError::Misshaped {
            block_at: self.block_at,
        }
    }
}
