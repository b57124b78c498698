//! Sample plugins, assembled from their text: for tests of what runs plugins, and to copy from.
//! Promises: each function gives the bytes of a module with its manifest, the same at every call.

/// Counts within windows of fixed length: `RATELIMIT.TAKE` and `RATELIMIT.PEEK`. Compiled from Rust.
pub fn ratelimit() -> Vec<u8> {
    assemble(include_str!("../ratelimit/ratelimit.wat"))
}

/// Adds to several counters at once: `TALLY.ADD`. Written by hand.
pub fn tally() -> Vec<u8> {
    assemble(include_str!("../tally/tally.wat"))
}

/// Breaks in every way there is: `FAULTY.LOOP` and others, see its text. Written by hand.
pub fn faulty() -> Vec<u8> {
    assemble(include_str!("../faulty/faulty.wat"))
}

/// The module that a text stands for. The texts of this package all stand for one, or its tests fail.
fn assemble(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tenure_plugin_abi::MODULE_BYTES_MAX;

    use super::*;

    #[test]
    fn every_sample_is_a_small_module() {
        for wasm in [ratelimit(), tally(), faulty()] {
            assert!(wasm.starts_with(b"\0asm\x01\0\0\0"));
            assert!(wasm.len() < MODULE_BYTES_MAX / 100);
        }
    }
}
