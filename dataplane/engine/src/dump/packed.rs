//! What listpacks and ziplists have in common: entries one after the other in one string, between a header and a last
//! byte 0xff.
//! Promises: nothing is read past the end, whatever the bytes.

use super::DumpError;
use crate::number::write_i64;

/// The byte behind the last entry.
const END: u8 = 0xff;

/// The entries between header and end.
pub(super) fn body(packed: &[u8], header_bytes: usize) -> Result<&[u8], DumpError> {
    match packed.get(header_bytes..) {
        Some([body @ .., END]) => Ok(body),
        _ => Err(DumpError::BadFormat),
    }
}

/// How many entries a header may announce: the number does not fit if there are more.
pub(super) const COUNT_UNKNOWN: u16 = u16::MAX;

/// Takes so many bytes off the front.
pub(super) fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], DumpError> {
    let (taken, behind) = rest.split_at_checked(length).ok_or(DumpError::BadFormat)?;
    *rest = behind;
    Ok(taken)
}

/// Takes an array off the front.
pub(super) fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], DumpError> {
    let (taken, behind) = rest.split_first_chunk().ok_or(DumpError::BadFormat)?;
    *rest = behind;
    Ok(*taken)
}

/// The digits of a number of `N` bytes, 8 at most, that stands in front: little endian, negative in two's complement.
pub(super) fn take_integer<const N: usize>(rest: &mut &[u8]) -> Result<Vec<u8>, DumpError> {
    let bytes: [u8; N] = take_array(rest)?;
    let negative = bytes.last().is_some_and(|high| *high >= 0x80);
    let mut wide = if negative { [0xff; 8] } else { [0; 8] };
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = from;
    }
    Ok(write_i64(i64::from_le_bytes(wide)))
}
