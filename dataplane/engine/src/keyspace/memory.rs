//! What an allocation really takes.
//! Promises: what the allocator rounds up is counted, so that a limit holds for the memory that a shard takes, not for
//! the bytes that its tenants sent.

/// Bytes that an allocation of so many takes: the size classes of jemalloc, which are 8, the multiples of 16 up to 128,
/// and four for each doubling from there on.
pub(crate) const fn class_bytes(bytes: usize) -> usize {
    let step = match bytes {
        0 => return 0,
        1..=8 => 8,
        9..=128 => 16,
        _ => 1 << ((bytes - 1).ilog2() - 2),
    };
    bytes.div_ceil(step).saturating_mul(step)
}

/// Makes room for so many bytes in all, and for what the allocator would add to them anyway.
pub(crate) fn reserve(bytes: &mut Vec<u8>, needed: usize) {
    if needed > bytes.capacity() {
        bytes.reserve_exact(class_bytes(needed) - bytes.len());
    }
}

/// Gives room back when less than half of it is in use.
pub(crate) fn shrink(bytes: &mut Vec<u8>) {
    let enough = class_bytes(bytes.len());
    if enough < bytes.capacity() / 2 {
        bytes.shrink_to(enough);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocation_takes_the_next_size_class() {
        let cases = [
            (0, 0),
            (1, 8),
            (8, 8),
            (9, 16),
            (17, 32),
            (33, 48),
            (128, 128),
            (129, 160),
            (161, 192),
            (256, 256),
            (257, 320),
            (1024, 1024),
            (1025, 1280),
            (8720, 10_240),
        ];
        for (bytes, class) in cases {
            assert_eq!(class_bytes(bytes), class, "{bytes}");
        }
    }
}
