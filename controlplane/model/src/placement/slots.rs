//! Which slots each shard of a new cluster has.

use crate::SlotRange;

/// Slots of a cluster: the hashes of keys are spread over so many.
const SLOTS: u16 = 16_384;

/// The slots of each of so many shards: shares that differ by one slot at most. With more shards than slots the last ones
/// have none.
pub fn slots_of(shards: u16) -> Vec<Vec<SlotRange>> {
    let bound = |shard: u16| {
        let bound = u32::from(shard) * u32::from(SLOTS) / u32::from(shards.clamp(1, SLOTS));
        u16::try_from(bound).unwrap_or(SLOTS).min(SLOTS)
    };
    let range = |shard: u16| {
        let (first, end) = (bound(shard), bound(shard.saturating_add(1)));
        let last = end.checked_sub(1).filter(|last| *last >= first);
        last.map(|last| SlotRange { first, last }).into_iter().collect()
    };
    (0..shards).map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_belongs_to_one_shard_and_shares_are_even() {
        for shards in (1..40).chain([1000, SLOTS - 1, SLOTS]) {
            let slots = slots_of(shards);
            assert_eq!(slots.len(), usize::from(shards));
            let ranges: Vec<_> = slots.into_iter().flatten().collect();
            let share = |range: &SlotRange| range.last - range.first;
            let (least, most) = (ranges.iter().map(share).min(), ranges.iter().map(share).max());
            assert!(most.unwrap() - least.unwrap() <= 1);
            let all: Vec<u16> = ranges.iter().flat_map(|range| range.first..=range.last).collect();
            assert_eq!(all, (0..SLOTS).collect::<Vec<_>>());
        }
    }

    #[test]
    fn shards_beyond_the_slots_have_none() {
        assert_eq!(slots_of(0), Vec::<Vec<SlotRange>>::new());
        let slots = slots_of(SLOTS + 1);
        assert_eq!(slots.len(), usize::from(SLOTS) + 1);
        assert_eq!(slots.last(), Some(&Vec::new()));
    }

    #[test]
    fn three_shards_have_these_slots() {
        let bounds: Vec<_> = slots_of(3)
            .concat()
            .iter()
            .map(|range| (range.first, range.last))
            .collect();
        assert_eq!(bounds, [(0, 5460), (5461, 10_921), (10_922, 16_383)]);
    }
}
