//! RESTORE reads whatever it is sent: no bytes make it panic or take more memory than the payload bears out.
//! A case that fails is printed with its seed; `PROPTEST_RNG_SEED` runs it again.
mod harness;
mod payload;

use harness::Shard;
use payload::{bytes, sealed, unquoted};
use proptest::prelude::*;

/// Values as redis 7.0.15 writes them, without version and checksum: a compressed string, a listpack with every kind of
/// number, strings of which one is compressed, a ziplist; a sorted set as a listpack, as strings and bits, as texts.
const SEEDS: [&str; 7] = [
    "00c31343e802616261e0ff01e0ff01e0ff01e0c201016162",
    "104049490000001000816602817602816e020101816d02dfff028362696704f4cb04fb711f010000098369313604ded4028369323404f2701101\
     048369333204f3002d3101058165028001ff",
    "04030167c2701101000166c3094050016161e043000161610168c001",
    "0d4052520000004700000010000001660301760302693004f1020369313205fd0202693804fe9c030369313605c0d4fe040369323405f090eefe\
     050369333205d0002d3101060369363405e035fb048ee0feffffff",
    "111d1d0000000600816302842d696e6605816102010181620283322e3504ff",
    "0503c3094041017878e03400017878000000000000f03f01639a9999999999b93f01620000000000000080",
    "0303016203322e35016101310163ff",
];

/// A mutation: at about this place, this many bytes become these.
fn mutations() -> impl Strategy<Value = Vec<(usize, usize, Vec<u8>)>> {
    let mutation = (any::<usize>(), 0..3_usize, proptest::collection::vec(any::<u8>(), 0..4));
    proptest::collection::vec(mutation, 1..4)
}

fn mutated(mut value: Vec<u8>, mutations: &[(usize, usize, Vec<u8>)]) -> Vec<u8> {
    for (at, removed, added) in mutations {
        let at = at % (value.len() + 1);
        let end = (at + removed).min(value.len());
        value.splice(at..end, added.iter().copied());
    }
    value
}

fn restore(shard: &mut Shard, payload: Vec<u8>) -> String {
    shard.run_args(&[b"RESTORE".to_vec(), b"k".to_vec(), b"0".to_vec(), payload])
}

fn try_restore(value: &[u8]) -> Result<(), TestCaseError> {
    let payload = sealed(value, 10);
    let mut shard = Shard::new();
    let reply = restore(&mut shard, payload);
    // Ours again: what was understood once is understood the same way a second time.
    if reply == "OK" {
        let again = unquoted(&shard.run("DUMP k"));
        let mut copy = Shard::new();
        prop_assert_eq!(restore(&mut copy, again), "OK");
        prop_assert_eq!(harness::dump(&shard.primary), harness::dump(&copy.primary));
    } else {
        prop_assert!(reply.starts_with("(error) ERR "), "{}", reply);
        prop_assert!(shard.primary.keyspace().is_empty());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_restored_or_refused(value in proptest::collection::vec(any::<u8>(), 0..64)) {
        try_restore(&value)?;
    }

    #[test]
    fn arbitrary_bytes_behind_a_known_type_are_restored_or_refused(
        kind in prop_oneof![Just(0_u8), Just(3), Just(4), Just(5), Just(12), Just(13), Just(16), Just(17)],
        rest in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        try_restore(&[&[kind][..], &rest].concat())?;
    }

    #[test]
    fn damaged_values_are_restored_or_refused(seed in 0..SEEDS.len(), mutations in mutations()) {
        try_restore(&mutated(bytes(SEEDS[seed]), &mutations))?;
    }

    #[test]
    fn payloads_without_a_right_checksum_are_refused(payload in proptest::collection::vec(any::<u8>(), 0..64)) {
        let reply = restore(&mut Shard::new(), payload);
        prop_assert_eq!(reply, "(error) ERR DUMP payload version or checksum are wrong");
    }
}
