//! What is remembered of epochs, corrected from the log, with an event for each new primary.

use tenure_control_model::{Change, Event, Shard, Write};

use super::View;
use super::view::{change, node_name, put_shard};

pub(super) fn plan(view: &View<'_>) -> Vec<Change> {
    view.world
        .shards
        .iter()
        .filter_map(|shard| learned(view, shard))
        .collect()
}

fn learned(view: &View<'_>, shard: &Shard) -> Option<Change> {
    let (epoch, owner) = view.stream(shard)?.owned?;
    if shard.owned.is_some_and(|(known, _)| known >= epoch) {
        return None;
    }
    let before = shard.owned.map(|(_, owner)| owner.node);
    let message = match before {
        Some(before) if before != owner.node => format!(
            "{} is now owned by {} in epoch {epoch}, before by {}",
            view.path_of(shard),
            node_name(owner.node),
            node_name(before)
        ),
        _ => format!(
            "{} is owned by {} in epoch {epoch}",
            view.path_of(shard),
            node_name(owner.node)
        ),
    };
    let event = Event {
        shard: Some(shard.id),
        node: Some(owner.node),
        ..view.event("primary-changed", view.cluster(shard.cluster), message)
    };
    let shard = Shard {
        owned: Some((epoch, owner)),
        ..shard.clone()
    };
    Some(change(put_shard(shard)).with(Write::AddEvent(event)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Options;
    use crate::testing::{observed, owner, stream, world};
    use tenure_types::Epoch;

    #[test]
    fn a_newer_epoch_is_remembered_with_an_event_and_an_older_one_changes_nothing() {
        let (world, mut observed, options) = (world(), observed(), Options::default());
        assert!(plan(&View::of(&world, &observed, &options)).is_empty());
        let seen = observed.streams.get_mut(&stream(1)).unwrap();
        seen.owned = Some((Epoch::new(4), owner(2, 1)));
        let plans = plan(&View::of(&world, &observed, &options));
        let Write::PutShard(shard, _) = &plans[0].writes[0] else {
            panic!("no shard was put");
        };
        assert_eq!(shard.owned, Some((Epoch::new(4), owner(2, 1))));
        let Write::AddEvent(event) = &plans[0].writes[1] else {
            panic!("no event was added");
        };
        assert_eq!(
            event.message,
            "demo/shop/0001 is now owned by data-2 in epoch 4, before by data-1"
        );
        let seen = observed.streams.get_mut(&stream(1)).unwrap();
        seen.owned = Some((Epoch::new(2), owner(2, 1)));
        assert!(plan(&View::of(&world, &observed, &options)).is_empty());
    }
}
