//! LZF, by which Redis compresses strings of more than 20 bytes in snapshots. Only unpacked here, never packed.
//! Promises: exactly as many bytes come out as were announced, or nothing.
//!
//! ```text
//!   000nnnnn                    n + 1 bytes as they stand
//!   lllooooo oooooooo           l + 2 bytes (l: 1 to 6) from o + 1 bytes back in what came out
//!   111ooooo eeeeeeee oooooooo  e + 9 bytes from o + 1 bytes back
//! ```

/// The most that one byte can become: three make 264.
const GROWTH_MAX: usize = 88;

/// What was packed. `None`: it is damaged, or is not so many bytes.
pub(super) fn unpack(packed: &[u8], unpacked_bytes: usize) -> Option<Vec<u8>> {
    if unpacked_bytes > packed.len().saturating_mul(GROWTH_MAX) {
        return None;
    }
    let mut out = Vec::with_capacity(unpacked_bytes);
    let mut rest = packed;
    while let Some((control, behind)) = rest.split_first() {
        rest = match control >> 5 {
            0 => {
                let (literal, behind) = behind.split_at_checked(usize::from(*control) + 1)?;
                if literal.len() > unpacked_bytes - out.len() {
                    return None;
                }
                out.extend_from_slice(literal);
                behind
            }
            short => {
                let (extra, behind) = match short {
                    7 => behind.split_first()?,
                    _ => (&0, behind),
                };
                let (low, behind) = behind.split_first()?;
                let back = usize::from(u16::from_be_bytes([control & 0x1f, *low])) + 1;
                repeat(
                    &mut out,
                    back,
                    usize::from(short) + usize::from(*extra) + 2,
                    unpacked_bytes,
                )?;
                behind
            }
        };
    }
    (out.len() == unpacked_bytes).then_some(out)
}

/// Adds bytes from further back. They may reach into what they add: one byte back repeats the last byte.
fn repeat(out: &mut Vec<u8>, back: usize, length: usize, unpacked_bytes: usize) -> Option<()> {
    let start = out.len().checked_sub(back)?;
    if length > unpacked_bytes - out.len() {
        return None;
    }
    for at in start..start + length {
        out.push(*out.get(at)?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_out() {
        let cases: [(&[u8], &[u8]); 4] = [
            (b"", b""),
            (b"\x02abc", b"abc"),
            // `abc`, then 6 bytes from 3 back; `a`, then 11 from 1 back.
            (b"\x02abc\x80\x02", b"abcabcabc"),
            (b"\x00a\xe0\x02\x00", b"aaaaaaaaaaaa"),
        ];
        for (packed, unpacked) in cases {
            assert_eq!(unpack(packed, unpacked.len()).as_deref(), Some(unpacked));
        }
    }

    #[test]
    fn damage_is_refused() {
        let cases: [(&[u8], usize); 9] = [
            (b"\x02ab", 3),             // the literal is not all there
            (b"\x02abc", 2),            // more comes out than announced
            (b"\x02abc", 4),            // less
            (b"\x00a\x20\x01", 4),      // from before the begin
            (b"\x00a\x20", 4),          // no distance
            (b"\x00a\xe0", 10),         // no length
            (b"\x00a\xe0\xff\x00", 12), // the repeat is longer than announced
            (b"\x02abc\x20\x00", 2),    // the literal before a repeat is
            (b"\x00a", usize::MAX),     // nothing becomes so much
        ];
        for (packed, unpacked_bytes) in cases {
            assert_eq!(unpack(packed, unpacked_bytes), None, "{packed:?}");
        }
    }
}
