//! Lengths and strings as they are written into a payload.
//! Promises: a string that is an integer of 32 bits is written as one, as Redis does; nothing is compressed.

use crate::number;

pub(super) fn put_length(out: &mut Vec<u8>, length: usize) {
    let bytes = (length as u64).to_be_bytes();
    match (length, bytes) {
        (0..0x40, [.., low]) => out.push(low),
        (0x40..0x4000, [.., high, low]) => out.extend_from_slice(&[0x40 | high, low]),
        (0x4000..=0xffff_ffff, [_, _, _, _, low @ ..]) => {
            out.push(0x80);
            out.extend_from_slice(&low);
        }
        (_, all) => {
            out.push(0x81);
            out.extend_from_slice(&all);
        }
    }
}

pub(super) fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    let number = number::parse_i64(bytes).and_then(|number| i32::try_from(number).ok());
    match number {
        Some(number) => put_integer(out, number),
        None => {
            put_length(out, bytes.len());
            out.extend_from_slice(bytes);
        }
    }
}

fn put_integer(out: &mut Vec<u8>, number: i32) {
    if let Ok(number) = i8::try_from(number) {
        out.push(0xc0);
        out.extend_from_slice(&number.to_le_bytes());
    } else if let Ok(number) = i16::try_from(number) {
        out.push(0xc1);
        out.extend_from_slice(&number.to_le_bytes());
    } else {
        out.push(0xc2);
        out.extend_from_slice(&number.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_takes_as_few_bytes_as_it_can() {
        let cases: [(usize, &[u8]); 7] = [
            (0, &[0]),
            (0x3f, &[0x3f]),
            (0x40, &[0x40, 0x40]),
            (0x3fff, &[0x7f, 0xff]),
            (0x4000, &[0x80, 0, 0, 0x40, 0]),
            (0xffff_ffff, &[0x80, 0xff, 0xff, 0xff, 0xff]),
            (0x1_0000_0000, &[0x81, 0, 0, 0, 1, 0, 0, 0, 0]),
        ];
        for (length, expected) in cases {
            let mut out = Vec::new();
            put_length(&mut out, length);
            assert_eq!(out, expected, "{length}");
        }
    }
}
