//! Ziplists: what Redis kept small hashes in before version 7.
//! Promises: every length of the ziplist is checked, also those that are there only to be read backwards.
//!
//! ```text
//!   ziplist = bytes of all (4), where the last entry begins (4), number of entries (2), entries, 0xff    little endian
//!   entry   = bytes of the entry before: one below 254, or 254 and four; then a string or a number
//! ```

use super::DumpError;
use super::packed::{COUNT_UNKNOWN, body, take, take_array, take_integer};
use crate::number::write_i64;

const HEADER_BYTES: usize = 4 + 4 + 2;
const LONG: u8 = 254;

/// The entries, numbers as their digits.
pub(super) fn entries(packed: &[u8]) -> Result<impl Iterator<Item = Result<Vec<u8>, DumpError>>, DumpError> {
    let mut header = packed;
    let bytes = u32::from_le_bytes(take_array(&mut header)?);
    let last = u32::from_le_bytes(take_array(&mut header)?);
    let count = u16::from_le_bytes(take_array(&mut header)?);
    if usize::try_from(bytes) != Ok(packed.len()) {
        return Err(DumpError::BadFormat);
    }
    let start = Entries {
        rest: body(packed, HEADER_BYTES)?,
        entry_bytes: 0,
    };
    // Counted before any is kept.
    let mut counting = start.clone();
    let counted = counting.by_ref().count();
    // Before the last entry and the end.
    let last_begins = packed.len() - 1 - counting.entry_bytes;
    let right_count = count == COUNT_UNKNOWN || usize::from(count) == counted;
    if !right_count || usize::try_from(last) != Ok(last_begins) {
        return Err(DumpError::BadFormat);
    }
    let mut entries = start;
    Ok(std::iter::from_fn(move || entries.next()))
}

#[derive(Clone)]
struct Entries<'a> {
    rest: &'a [u8],
    /// Of the entry before; 0 before the first.
    entry_bytes: usize,
}

impl Entries<'_> {
    fn read(&mut self) -> Result<Vec<u8>, DumpError> {
        let before = self.rest.len();
        let entry_before = match take_array(&mut self.rest)? {
            [LONG] => u32::from_le_bytes(take_array(&mut self.rest)?),
            [short] => u32::from(short),
        };
        if usize::try_from(entry_before) != Ok(self.entry_bytes) {
            return Err(DumpError::BadFormat);
        }
        let value = read_value(&mut self.rest)?;
        self.entry_bytes = before - self.rest.len();
        Ok(value)
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Vec<u8>, DumpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self.read();
        if entry.is_err() {
            self.rest = &[];
        }
        Some(entry)
    }
}

fn read_value(rest: &mut &[u8]) -> Result<Vec<u8>, DumpError> {
    let [first] = take_array(rest)?;
    let length = match first {
        0x00..=0x3f => usize::from(first),
        0x40..=0x7f => {
            let [low] = take_array(rest)?;
            usize::from(u16::from_be_bytes([first & 0x3f, low]))
        }
        0x80 => usize::try_from(u32::from_be_bytes(take_array(rest)?)).map_err(|_| DumpError::BadFormat)?,
        0xc0 => return take_integer::<2>(rest),
        0xd0 => return take_integer::<4>(rest),
        0xe0 => return take_integer::<8>(rest),
        0xf0 => return take_integer::<3>(rest),
        0xfe => return take_integer::<1>(rest),
        // The number itself, plus one.
        0xf1..=0xfd => return Ok(write_i64(i64::from(first & 0x0f) - 1)),
        _ => return Err(DumpError::BadFormat),
    };
    Ok(take(rest, length)?.to_vec())
}
