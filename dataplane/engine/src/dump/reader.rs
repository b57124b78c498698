//! Lengths and strings as they stand in a payload.
//! Promises: nothing is read past its end, and no memory is taken for a length that the bytes behind it do not bear out.

use std::borrow::Cow;

use super::{DumpError, lzf};
use crate::Score;
use crate::number::write_i64;

/// Reads a payload from its start to its end.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// What may still come out of compressed strings.
    unpacked_bytes_left: usize,
    unpacked_bytes_max: usize,
}

/// What stands before a string, or a count.
enum Prefix {
    Length(u64),
    Integer8,
    Integer16,
    Integer32,
    Compressed,
}

impl<'a> Reader<'a> {
    pub(super) fn of(payload: &'a [u8], unpacked_bytes_max: usize) -> Self {
        Self {
            rest: payload,
            unpacked_bytes_left: unpacked_bytes_max,
            unpacked_bytes_max,
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn byte(&mut self) -> Result<u8, DumpError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// A count, or how long something is. Memory must not be taken for so much before it was read.
    pub(super) fn length(&mut self) -> Result<usize, DumpError> {
        let Prefix::Length(length) = self.prefix()? else {
            return Err(DumpError::BadFormat);
        };
        usize::try_from(length).map_err(|_| DumpError::BadFormat)
    }

    pub(super) fn string(&mut self) -> Result<Cow<'a, [u8]>, DumpError> {
        let number = match self.prefix()? {
            Prefix::Length(length) => {
                let length = usize::try_from(length).map_err(|_| DumpError::BadFormat)?;
                return self.take(length).map(Cow::Borrowed);
            }
            Prefix::Compressed => return self.compressed().map(Cow::Owned),
            Prefix::Integer8 => i64::from(i8::from_le_bytes(self.array()?)),
            Prefix::Integer16 => i64::from(i16::from_le_bytes(self.array()?)),
            Prefix::Integer32 => i64::from(i32::from_le_bytes(self.array()?)),
        };
        Ok(Cow::Owned(write_i64(number)))
    }

    /// A score as the bits of a number.
    pub(super) fn score(&mut self) -> Result<Score, DumpError> {
        Score::new(f64::from_le_bytes(self.array()?)).ok_or(DumpError::BadFormat)
    }

    /// A score as its digits, or one of three bytes for what has none.
    pub(super) fn score_text(&mut self) -> Result<Score, DumpError> {
        let score = match self.byte()? {
            0xff => Score::new(f64::NEG_INFINITY),
            0xfe => Score::new(f64::INFINITY),
            0xfd => None,
            length => Score::parse(self.take(length.into())?),
        };
        score.ok_or(DumpError::BadFormat)
    }

    fn compressed(&mut self) -> Result<Vec<u8>, DumpError> {
        let (compressed_bytes, unpacked_bytes) = (self.length()?, self.length()?);
        let too_large = DumpError::TooLarge {
            bytes_max: self.unpacked_bytes_max,
        };
        let left = self.unpacked_bytes_left.checked_sub(unpacked_bytes);
        self.unpacked_bytes_left = left.ok_or(too_large)?;
        lzf::unpack(self.take(compressed_bytes)?, unpacked_bytes).ok_or(DumpError::BadFormat)
    }

    fn prefix(&mut self) -> Result<Prefix, DumpError> {
        let first = self.byte()?;
        let low = first & 0x3f;
        Ok(match (first >> 6, low) {
            (0, _) => Prefix::Length(u64::from(low)),
            (1, _) => Prefix::Length(u64::from(u16::from_be_bytes([low, self.byte()?]))),
            (2, 0) => Prefix::Length(u64::from(u32::from_be_bytes(self.array()?))),
            (2, 1) => Prefix::Length(u64::from_be_bytes(self.array()?)),
            (3, 0) => Prefix::Integer8,
            (3, 1) => Prefix::Integer16,
            (3, 2) => Prefix::Integer32,
            (3, 3) => Prefix::Compressed,
            _ => return Err(DumpError::BadFormat),
        })
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DumpError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(DumpError::BadFormat)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DumpError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(DumpError::BadFormat)?;
        self.rest = rest;
        Ok(*taken)
    }
}
