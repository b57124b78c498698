//! Witnesses: idle connections to a node, opened before something broke, and used when somebody else may own the shard.
//! What they are told is recorded as everything else, and judged in the end.

use std::rc::Rc;

use tenure_histories::{ListInput, PairInput, RegisterInput};
use tokio::task::JoinHandle;

use super::actor::Actor;
use crate::shard::LOOK_AGAIN_AFTER;

/// See the top of the file.
pub(crate) struct Witnesses(Vec<Actor>);

impl Witnesses {
    /// Two for each kind of key.
    pub(crate) const COUNT: usize = 6;

    pub(crate) fn new(actors: Vec<Actor>) -> Self {
        Self(actors)
    }

    /// Each asks the node now what is in one of the newest keys, which others may have changed elsewhere.
    pub(crate) async fn ask(self) -> Asked {
        let asked = self.0.into_iter().enumerate().map(|(index, mut witness)| {
            tokio::task::spawn_local(async move {
                let shared = Rc::clone(&witness.shared);
                match (index % 3, index / 3) {
                    (0, back) => witness.looks_back(&shared.registers, back, RegisterInput::Read).await,
                    (1, back) => witness.looks_back(&shared.lists, back, ListInput::Read).await,
                    (_, back) => witness.looks_back(&shared.pairs, back, PairInput::Read).await,
                }
            })
        });
        let asked = Asked(asked.collect());
        // So that they are on their way. Were they not, the test would see less, and fail no more often.
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        asked
    }
}

/// Witnesses that wait for their answers.
pub(crate) struct Asked(Vec<JoinHandle<bool>>);

impl Asked {
    /// How many witnesses there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many were answered. The others were refused, or heard nothing within the patience of a client.
    pub(crate) async fn answered(self) -> usize {
        let answered = futures::future::join_all(self.0).await;
        answered
            .into_iter()
            .filter(|answered| *answered.as_ref().expect("no witness fails"))
            .count()
    }
}
