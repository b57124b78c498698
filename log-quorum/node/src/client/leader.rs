//! Which node to ask next when one does not lead its group or cannot be asked.
//! Promises: a node that was named as the leader is asked at once; each is asked at most once before a pause, so that two
//! that name each other cost no more than a round of all. Knows no clock: it says how long to pause.

use std::time::Duration;

use tenure_types::NodeId;

/// How long to pause between rounds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pauses {
    /// After the first.
    pub(super) min: Duration,
    /// At most.
    pub(super) max: Duration,
}

/// The search for the leader of one group.
#[derive(Debug)]
pub(super) struct Search {
    nodes: Vec<NodeId>,
    /// Whom to ask now.
    at: usize,
    /// Who was asked in vain in this round.
    tried: Vec<bool>,
    pauses: Pauses,
    next_pause: Duration,
}

impl Search {
    /// Begins with the node at `first`.
    pub(super) fn new(nodes: Vec<NodeId>, first: usize, pauses: Pauses) -> Self {
        let tried = vec![false; nodes.len()];
        Self {
            at: first.checked_rem(nodes.len()).unwrap_or(0),
            nodes,
            tried,
            pauses,
            next_pause: pauses.min,
        }
    }

    /// The node to ask, by its place in the list.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Somebody else found the leader, so the round begins anew with it.
    pub(super) fn turn_to(&mut self, found: usize) {
        if found < self.nodes.len() {
            self.at = found;
            self.tried.fill(false);
        }
    }

    /// The node gave a verdict, as only a leader does.
    pub(super) fn found(&mut self) {
        self.tried.fill(false);
        self.next_pause = self.pauses.min;
    }

    /// The node does not lead, and named whom it takes for the leader. Answers how long to pause before the next one.
    pub(super) fn refused(&mut self, hint: Option<NodeId>) -> Duration {
        let hinted = hint.and_then(|hint| self.nodes.iter().position(|node| *node == hint));
        self.go_on(hinted)
    }

    /// The node could not be asked. Answers how long to pause before the next one.
    pub(super) fn failed(&mut self) -> Duration {
        self.go_on(None)
    }

    /// The node could not tell, and may lead. Answers how long to pause before it is asked again.
    pub(super) fn stay(&mut self) -> Duration {
        self.longer_pause()
    }

    fn go_on(&mut self, hinted: Option<usize>) -> Duration {
        if let Some(tried) = self.tried.get_mut(self.at) {
            *tried = true;
        }
        let is_fresh = |index: &usize| self.tried.get(*index) == Some(&false);
        let fresh = hinted.filter(is_fresh).or_else(|| self.others().find(is_fresh));
        if let Some(fresh) = fresh {
            self.at = fresh;
            return Duration::ZERO;
        }
        self.at = hinted.or_else(|| self.others().next()).unwrap_or(self.at);
        self.tried.fill(false);
        self.longer_pause()
    }

    /// Each is twice as long as the one before, up to the longest.
    fn longer_pause(&mut self) -> Duration {
        let pause = self.next_pause;
        self.next_pause = pause.saturating_mul(2).min(self.pauses.max);
        pause
    }

    /// The other nodes, beginning with the next in the list.
    fn others(&self) -> impl Iterator<Item = usize> {
        (self.at + 1..self.nodes.len()).chain(0..self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSES: Pauses = Pauses {
        min: Duration::from_millis(20),
        max: Duration::from_millis(50),
    };

    fn search(nodes: u64, first: usize) -> Search {
        Search::new((1..=nodes).map(NodeId::new).collect(), first, PAUSES)
    }

    fn node(number: u64) -> Option<NodeId> {
        Some(NodeId::new(number))
    }

    fn millis(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn a_named_leader_is_asked_at_once() {
        let mut search = search(3, 0);
        assert_eq!((search.refused(node(3)), search.at()), (Duration::ZERO, 2));
        search.found();
        assert_eq!((search.refused(node(1)), search.at()), (Duration::ZERO, 0));
    }

    #[test]
    fn without_a_hint_each_is_asked_once_before_a_pause() {
        let mut search = search(3, 1);
        assert_eq!((search.refused(None), search.at()), (Duration::ZERO, 2));
        assert_eq!((search.failed(), search.at()), (Duration::ZERO, 0));
        assert_eq!((search.failed(), search.at()), (millis(20), 1));
    }

    #[test]
    fn two_that_name_each_other_cost_a_round() {
        let mut search = search(3, 0);
        assert_eq!((search.refused(node(2)), search.at()), (Duration::ZERO, 1));
        assert_eq!(
            (search.refused(node(1)), search.at()),
            (Duration::ZERO, 2),
            "not the first again"
        );
        assert_eq!(
            (search.refused(node(1)), search.at()),
            (millis(20), 0),
            "after a pause, the one that was named"
        );
    }

    #[test]
    fn pauses_grow_to_their_limit_and_begin_anew_once_a_leader_was_found() {
        let mut search = search(1, 0);
        let pauses: Vec<_> = (0..4).map(|_| search.refused(None)).collect();
        assert_eq!(pauses, [20, 40, 50, 50].map(millis));
        search.found();
        assert_eq!((search.failed(), search.at()), (millis(20), 0));
    }

    #[test]
    fn a_node_that_names_itself_or_a_stranger_is_no_hint() {
        for hint in [1, 9] {
            let mut search = search(2, 0);
            assert_eq!((search.refused(node(hint)), search.at()), (Duration::ZERO, 1), "{hint}");
        }
    }

    #[test]
    fn a_leader_that_others_found_is_asked_although_it_was_asked_in_vain_before() {
        let mut search = search(3, 0);
        assert_eq!((search.failed(), search.at()), (Duration::ZERO, 1));
        search.turn_to(0);
        assert_eq!(search.at(), 0);
        assert_eq!((search.failed(), search.at()), (Duration::ZERO, 1));
        search.turn_to(9);
        assert_eq!(search.at(), 1, "there is no such node");
    }

    #[test]
    fn a_node_that_could_not_tell_is_asked_again_after_pauses_that_grow() {
        let mut search = search(3, 1);
        let stays: Vec<_> = (0..3).map(|_| (search.stay(), search.at())).collect();
        assert_eq!(stays, [(millis(20), 1), (millis(40), 1), (millis(50), 1)]);
    }

    #[test]
    fn nothing_to_ask_is_no_reason_to_panic() {
        let mut search = search(0, 3);
        assert_eq!((search.refused(node(1)), search.at()), (millis(20), 0));
        assert_eq!((search.failed(), search.at()), (millis(40), 0));
    }
}
