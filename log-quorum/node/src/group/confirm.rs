//! Confirming that this node leads: one round among the voters for everyone who asked before it began (ReadIndex).
//! Promises: who is told a leadership asked before the round that confirmed it, and everything committed before the
//! question is applied here by then. No clock decides, neither a lease nor the age of an answer.
//!
//! The round is our own, not openraft's. There an answer to replicated entries also counts as one to a later request
//! that ends at the same entry, and so as newer than it is (InflightAppendQueue, alpha.37): an old leader could take a
//! voter's answer from before an election for one from after it. Here each voter is asked for the newest vote it gave. If
//! a majority, asked after the question, gave none past this leadership's, nobody else has led up to then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use openraft::Raft;
use tenure_log::Unknown;
use tenure_types::NodeId;
use tokio::sync::{Notify, oneshot};

use crate::raft::network::Colleagues;
use crate::raft::state_machine::StateMachine;
use crate::raft::types::{LeaderId, LogId, Membership, TypeConfig, Vote};

/// Most questions that may wait for a round. Each is one request of a node, and nodes ask once per L/6 and group.
const WAITING_MAX: usize = 4096;

/// Asks for rounds. Clones are handles to the same queue.
#[derive(Clone, Default)]
pub(crate) struct Confirmer(Arc<Inner>);

#[derive(Default)]
struct Inner {
    waiting: Mutex<Vec<oneshot::Sender<Result<LeaderId, Unknown>>>>,
    asked: Notify,
}

impl Confirmer {
    /// The leadership that a round begun after this call confirmed.
    pub(crate) async fn confirm(&self) -> Result<LeaderId, Unknown> {
        let (told, heard) = oneshot::channel();
        {
            let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() >= WAITING_MAX {
                return Err(Unknown::Busy);
            }
            waiting.push(told);
        }
        self.0.asked.notify_one();
        heard.await.unwrap_or(Err(Unknown::Discarded))
    }

    /// Makes rounds for as long as the group lives. One at a time: who asks meanwhile shares the next.
    pub(crate) async fn confirm_all(
        self,
        raft: Raft<TypeConfig, StateMachine>,
        mut colleagues: Colleagues,
        within: Duration,
    ) {
        loop {
            self.0.asked.notified().await;
            let waiting = std::mem::take(&mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if waiting.is_empty() {
                continue;
            }
            let confirmed = tokio::time::timeout(within, round(&raft, &mut colleagues)).await;
            let confirmed = confirmed.unwrap_or(Err(Unknown::TimedOut { after: within }));
            for told in waiting {
                // Who went away needs no answer.
                let _ = told.send(confirmed);
            }
        }
    }
}

/// What this node believes of its own leadership, as openraft's core has it at one instant.
struct Own {
    vote: Vote,
    committed: Option<LogId>,
    voters: Membership,
}

async fn round(raft: &Raft<TypeConfig, StateMachine>, colleagues: &mut Colleagues) -> Result<LeaderId, Unknown> {
    // 1. What it believes, read after the question came.
    let own = raft
        .with_raft_state(|state| Own {
            vote: *state.vote_ref(),
            committed: state.local_committed().copied(),
            voters: state.membership_state.effective().membership().clone(),
        })
        .await
        .map_err(|_| Unknown::Discarded)?;
    let leadership = led_by(*raft.node_id(), &own)?;
    // 2. That a majority of the voters, asked now, gave no later vote.
    confirm_by_majority(*raft.node_id(), &own, colleagues).await?;
    // 3. That what was committed at 1 is applied. It is of this leadership, so it covers all that others committed.
    let index = own.committed.map(|committed| committed.index);
    raft.wait(None)
        .applied_index_at_least(index, "a confirmed read")
        .await
        .map_err(|_| Unknown::Discarded)?;
    Ok(leadership)
}

/// The leadership, if it is this node's and has committed an entry of its own: before that, what earlier leaders
/// committed may lie past what is known to be committed here.
fn led_by(node: u64, own: &Own) -> Result<LeaderId, Unknown> {
    let leader = own.vote.leader_id;
    if !own.vote.committed || leader.node_id != node {
        let hint = (own.vote.committed).then(|| NodeId::new(leader.node_id));
        return Err(Unknown::NoLeader { hint });
    }
    match own.committed {
        Some(committed) if committed.leader_id == leader => Ok(leader),
        _ => Err(Unknown::NoLeader { hint: None }),
    }
}

/// Asks every other voter at once, and waits for as many as make a majority of every configuration.
async fn confirm_by_majority(node: u64, own: &Own, colleagues: &mut Colleagues) -> Result<(), Unknown> {
    let mut votes = BTreeMap::from([(node, own.vote)]);
    let mut asked: FuturesUnordered<_> = own
        .voters
        .voter_ids()
        .filter(|voter| *voter != node)
        .filter_map(|voter| Some((voter, own.voters.get_node(&voter)?)))
        .map(|(voter, at)| {
            let asking = colleagues.newest_vote(voter, at);
            async move { (voter, asking.await) }
        })
        .collect();
    while !is_majority(&votes, own) {
        match asked.next().await {
            Some((voter, Some(vote))) => drop(votes.insert(voter, vote)),
            Some((_, None)) => {}
            None => return Err(Unknown::NoLeader { hint: None }),
        }
    }
    Ok(())
}

/// Whether a majority of each configuration gave no vote past this leadership's.
fn is_majority(votes: &BTreeMap<u64, Vote>, own: &Own) -> bool {
    let agrees = |voter: &&u64| votes.get(*voter).is_some_and(|vote| *vote <= own.vote);
    own.voters
        .get_joint_config()
        .iter()
        .all(|config| config.iter().filter(agrees).count() > config.len() / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::types::Voter;

    const NODE: u64 = 1;

    fn own(vote: Vote, committed: Option<(u64, u64)>, configs: &[&[u64]]) -> Own {
        let configs: Vec<_> = configs.iter().map(|config| config.iter().copied().collect()).collect();
        let members: BTreeMap<_, _> = (1..=9).map(|node| (node, Voter::default())).collect();
        let committed = committed.map(|(term, node_id)| LogId::new(LeaderId { term, node_id }, 7));
        Own {
            vote,
            committed,
            voters: Membership::new(configs, members).unwrap(),
        }
    }

    #[test]
    fn only_a_leader_that_committed_an_entry_of_its_own_can_be_confirmed() {
        let three: &[&[u64]] = &[&[1, 2, 3]];
        let leads = own(Vote::new_committed(5, NODE), Some((5, NODE)), three);
        assert_eq!(led_by(NODE, &leads), Ok(LeaderId { term: 5, node_id: NODE }));
        let candidate = own(Vote::new(5, NODE), Some((5, NODE)), three);
        assert_eq!(led_by(NODE, &candidate), Err(Unknown::NoLeader { hint: None }));
        let follower = own(Vote::new_committed(5, 2), Some((5, 2)), three);
        assert_eq!(
            led_by(NODE, &follower),
            Err(Unknown::NoLeader {
                hint: Some(NodeId::new(2))
            })
        );
        for before in [None, Some((4, NODE)), Some((5, 3))] {
            let new = own(Vote::new_committed(5, NODE), before, three);
            assert_eq!(led_by(NODE, &new), Err(Unknown::NoLeader { hint: None }), "{before:?}");
        }
    }

    #[test]
    fn a_voter_that_gave_a_later_vote_does_not_confirm() {
        let own = own(Vote::new_committed(5, NODE), None, &[&[1, 2, 3]]);
        let mut votes = BTreeMap::from([(NODE, own.vote)]);
        assert!(!is_majority(&votes, &own), "one of three");
        for later in [Vote::new(6, 3), Vote::new(5, 9), Vote::new_committed(6, 2)] {
            votes.insert(2, later);
            assert!(!is_majority(&votes, &own), "{later}");
        }
        votes.insert(2, own.vote);
        assert!(is_majority(&votes, &own));
    }

    #[test]
    fn a_vote_not_yet_told_of_the_win_confirms() {
        let own = own(Vote::new_committed(5, NODE), None, &[&[1, 2, 3]]);
        let votes = BTreeMap::from([(NODE, own.vote), (3, Vote::new(5, NODE))]);
        assert!(is_majority(&votes, &own));
    }

    #[test]
    fn while_voters_change_both_configurations_must_confirm() {
        let own = own(Vote::new_committed(5, NODE), None, &[&[1, 2, 3], &[1, 4, 5]]);
        let mut votes = BTreeMap::from([(NODE, own.vote), (2, own.vote), (3, own.vote)]);
        assert!(!is_majority(&votes, &own));
        votes.insert(4, own.vote);
        assert!(is_majority(&votes, &own));
    }
}
