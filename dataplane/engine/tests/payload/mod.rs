//! Payloads of RESTORE.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a test fails by panicking, and none uses all of it"
)]

/// Bytes from their hexadecimal digits.
pub fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}

/// The payload of a type and a value, with this version and the right checksum.
pub fn sealed(value: &[u8], version: u16) -> Vec<u8> {
    let mut payload = [value, &version.to_le_bytes()].concat();
    let checksum = crc::Crc::<u64>::new(&crc::CRC_64_REDIS).checksum(&payload);
    payload.extend_from_slice(&checksum.to_le_bytes());
    payload
}

/// The bytes that the harness showed in quotes.
pub fn unquoted(shown: &str) -> Vec<u8> {
    let mut bytes = shown.strip_prefix('"').unwrap().strip_suffix('"').unwrap().bytes();
    let mut all = Vec::new();
    while let Some(byte) = bytes.next() {
        let escaped = if byte == b'\\' { bytes.next().unwrap() } else { 0 };
        all.push(match (byte, escaped) {
            (b'\\', b'n') => b'\n',
            (b'\\', b'r') => b'\r',
            (b'\\', b't') => b'\t',
            (b'\\', b'x') => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            (b'\\', other) => other,
            (byte, _) => byte,
        });
    }
    all
}
