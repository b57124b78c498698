//! Random runs: several owners write, fence, release and reload, over a network that duplicates, reorders, drops,
//! regroups and damages, into two replicas, of which one is lost and restored at times, and a naive reference. A failure prints its steps, shrunk; proptest keeps
//! its seed in `tests/proptest-regressions` and tries it first from then on.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;
use tenure_log_protocol::*;
use tenure_types::{Epoch, Incarnation, Lsn};

use crate::reference::Reference;
use crate::writer::*;

/// Calls under way at once; the oldest beyond are lost. With more, most that arrive would be of owners long gone.
const NETWORK_CALLS_MAX: usize = 12;

/// One thing that happens. An [`Index`] picks among whatever there is by then.
#[derive(Debug, Clone)]
enum Step {
    /// A node seals some records, whatever it believes to hold.
    Write { node: Who, records: u8 },
    /// A node sends any run of its records, grouped as it comes.
    Send { node: Who, first: Index, records: Index },
    /// A node asks for the stream, expecting the epoch it believes in or the current one.
    Nominate {
        node: Index,
        knows_epoch: bool,
        lease: u32,
        itself: bool,
    },
    /// A node gives up what it believes to hold.
    Release { node: Who },
    /// A node reloads its image, but goes on to believe that it holds its epoch.
    Reload { node: Index },
    /// Somebody asks to trim.
    Trim {
        upto: Index,
        second_newest: Index,
        newest: Index,
    },
    /// A message arrives; it may stay in the network and arrive again, and its answer may be lost.
    Deliver { message: Index, again: bool, heard: bool },
    /// A message is lost.
    Drop { message: Index },
    /// A record of an append in the network is damaged.
    Damage { message: Index, record: Index },
    /// The second replica is lost, and one that was made from the first one's snapshot takes its place.
    Restore,
}

/// Who does it.
#[derive(Debug, Clone)]
enum Who {
    /// The owner, if it knows that it is.
    Owner,
    /// Any node, whatever it believes to hold.
    Any(Index),
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        8 => (who(), 1..4u8).prop_map(|(node, records)| Step::Write { node, records }),
        16 => (who(), index(), index()).prop_map(|(node, first, records)| Step::Send { node, first, records }),
        5 => (index(), prop::bool::weighted(0.8), 1..10_500u32, any::<bool>())
            .prop_map(|(node, knows_epoch, lease, itself)| Step::Nominate { node, knows_epoch, lease, itself }),
        1 => who().prop_map(|node| Step::Release { node }),
        1 => index().prop_map(|node| Step::Reload { node }),
        2 => (index(), index(), index())
            .prop_map(|(upto, second_newest, newest)| Step::Trim { upto, second_newest, newest }),
        32 => (index(), prop::bool::weighted(0.3), prop::bool::weighted(0.9))
            .prop_map(|(message, again, heard)| Step::Deliver { message, again, heard }),
        2 => index().prop_map(|message| Step::Drop { message }),
        2 => (index(), index()).prop_map(|(message, record)| Step::Damage { message, record }),
        1 => Just(Step::Restore),
    ]
}

/// Mostly the owner: else nearly all that arrives would only be fenced.
fn who() -> impl Strategy<Value = Who> {
    prop_oneof![4 => Just(Who::Owner), 1 => any::<Index>().prop_map(Who::Any)]
}

/// The nodes, the network and the replicas of one run.
struct Run {
    nodes: Vec<Writer>,
    lives: u64,
    network: Vec<Call>,
    /// Every record any epoch and incarnation ever sealed.
    sealed: BTreeMap<(Epoch, Incarnation), BTreeMap<Lsn, Chain>>,
    table: StreamTable,
    replica: StreamTable,
    reference: Reference,
    applied: Vec<(Call, Answer)>,
}

impl Run {
    fn new() -> Self {
        let base = StreamBase {
            tail: None,
            chain: Chain::start_of(STREAM),
        };
        let node = |n| Writer {
            owner: owner(n),
            epoch: Epoch::NONE,
            base,
            sealed: Vec::new(),
        };
        let mut run = Self {
            nodes: (1..=4).map(node).collect(),
            lives: 100,
            network: Vec::new(),
            sealed: BTreeMap::new(),
            table: table(),
            replica: table(),
            reference: Reference::default(),
            applied: Vec::new(),
        };
        // Epoch 1 goes to a node that never asks again: it may sleep through any number of fences.
        run.apply(Call::Fence(fence_for(&run.table, owner(1))), true);
        run
    }

    fn take(&mut self, step: &Step) {
        if self.network.len() > NETWORK_CALLS_MAX {
            self.network.remove(0);
        }
        match step {
            Step::Write { node, records } => self.write(node, *records),
            Step::Send { node, first, records } => self.send(node, first, records),
            Step::Nominate {
                node,
                knows_epoch,
                lease,
                itself,
            } => self.nominate(node, *knows_epoch, *lease, *itself),
            Step::Release { node } => {
                let release = self.nodes[self.who(node)].release();
                self.network.push(Call::Release(release));
            }
            Step::Reload { node } => self.reload(node),
            Step::Trim {
                upto,
                second_newest,
                newest,
            } => self.trim(upto, second_newest, newest),
            Step::Deliver { message, again, heard } => self.deliver(message, *again, *heard),
            Step::Drop { message } if !self.network.is_empty() => {
                self.network.swap_remove(message.index(self.network.len()));
            }
            Step::Damage { message, record } if !self.network.is_empty() => self.damage(message, record),
            Step::Drop { .. } | Step::Damage { .. } => {}
            Step::Restore => self.replica = StreamTable::decode(&self.table.encode_whole()).unwrap(),
        }
    }

    fn who(&self, who: &Who) -> usize {
        let owner = self.table.stream(STREAM).and_then(Stream::ownership);
        let is_owner = |node: &Writer| owner.is_some_and(|own| (own.epoch, own.owner) == (node.epoch, node.owner));
        match who {
            Who::Owner => self.nodes.iter().position(is_owner).unwrap_or(0),
            Who::Any(index) => index.index(self.nodes.len()),
        }
    }

    fn write(&mut self, node: &Who, records: u8) {
        let index = self.who(node);
        let node = &mut self.nodes[index];
        for _ in 0..records {
            let lsn = node.write(&format!("{} {}", node.owner, node.sealed.len()));
            let chain = node.sealed.last().unwrap().chain;
            self.sealed
                .entry((node.epoch, node.owner.incarnation))
                .or_default()
                .insert(lsn, chain);
        }
    }

    fn send(&mut self, node: &Who, first: &Index, records: &Index) {
        let node = &self.nodes[self.who(node)];
        if node.sealed.is_empty() {
            return;
        }
        let base = Lsn::count(node.base.tail);
        let skipped = first.index(node.sealed.len());
        let sent = 1 + records.index(node.sealed.len() - skipped);
        let first = base + 1 + skipped as u64;
        self.network
            .push(Call::Append(node.append(first, first + sent as u64 - 1)));
    }

    fn nominate(&mut self, node: &Index, knows_epoch: bool, millis: u32, itself: bool) {
        let node = node.get(&self.nodes[1..]);
        let expect_epoch = if knows_epoch {
            self.reference.epoch()
        } else {
            node.epoch
        };
        let nomination = match itself {
            true => Nomination::BySelf {
                expect_tail: node.tail(),
            },
            false => Nomination::ByControlPlane,
        };
        let fence = Fence {
            stream: STREAM,
            expect_epoch,
            owner: node.owner,
            lease: lease(millis),
            nomination,
        };
        self.network.push(Call::Fence(fence));
    }

    /// The image is lost: a new incarnation seals other records at the same places, under the epoch of the old one.
    fn reload(&mut self, node: &Index) {
        let index = node.index(self.nodes.len());
        let node = &mut self.nodes[index];
        self.lives += 1;
        node.owner.incarnation = life(self.lives);
        node.sealed.clear();
    }

    fn trim(&mut self, upto: &Index, second_newest: &Index, newest: &Index) {
        let accepted = &self.reference.accepted;
        if accepted.is_empty() {
            return;
        }
        let point = |index: &Index| {
            let index = index.index(accepted.len());
            StreamPoint {
                lsn: at(index as u64 + 1),
                chain: accepted[index].chain,
            }
        };
        let (newest, second_newest, upto) = (point(newest), point(second_newest), point(upto).lsn);
        self.network.push(Call::Trim(Trim {
            stream: STREAM,
            upto,
            newest,
            second_newest,
            archived: None,
        }));
    }

    fn damage(&mut self, message: &Index, record: &Index) {
        let index = message.index(self.network.len());
        if let Call::Append(append) = &mut self.network[index] {
            let index = record.index(append.records.len());
            append.records[index].payload = Bytes::from_static(b"damaged");
        }
    }

    fn deliver(&mut self, message: &Index, again: bool, heard: bool) {
        if self.network.is_empty() {
            return;
        }
        let index = message.index(self.network.len());
        let call = if again {
            self.network[index].clone()
        } else {
            self.network.swap_remove(index)
        };
        self.apply(call, heard);
    }

    fn apply(&mut self, call: Call, heard: bool) {
        let answer = self.table.apply(&call);
        assert_eq!(answer, self.replica.apply(&call), "replicas answer alike: {call:?}");
        assert_eq!(
            answer,
            self.reference.apply(&call),
            "as the reference answers: {call:?}"
        );
        self.check(&call, &answer);
        if heard {
            self.hear(&call, &answer);
        }
        self.applied.push((call, answer));
    }

    /// What an answer promises its sender, checked against all that was ever accepted.
    fn check(&self, call: &Call, answer: &Answer) {
        match (call, answer) {
            (Call::Append(append), Answer::Append(Ok(AppendVerdict::Ok { lsn }))) => {
                assert_eq!(append.numbered().last().map(|(lsn, _)| lsn), Some(*lsn));
                assert!(
                    append
                        .numbered()
                        .all(|(lsn, record)| self.accepted_at(lsn) == Some(record))
                );
            }
            (Call::Append(append), Answer::Append(Ok(AppendVerdict::Fenced(fenced)))) => {
                self.check_bound((append.epoch, append.incarnation), fenced);
            }
            (Call::Release(release), Answer::Release(Err(NotHeld::Fenced(fenced)))) => {
                self.check_bound((release.epoch, release.incarnation), fenced);
            }
            _ => {}
        }
    }

    /// Every reply the bound lets the sender release is for a record that is in the stream as it sealed it, and no
    /// record of its own lies past the bound, unless its epoch is forgotten.
    fn check_bound(&self, sender: (Epoch, Incarnation), fenced: &Fenced) {
        let sealed = self.sealed.get(&sender).into_iter().flatten();
        for (lsn, chain) in sealed.take_while(|(lsn, _)| Some(**lsn) <= fenced.fence_lsn) {
            assert_eq!(
                self.accepted_at(*lsn).map(|record| record.chain),
                Some(*chain),
                "at {lsn}, {fenced:?}"
            );
        }
        let forgotten = fenced.epoch.get() - sender.0.get() >= OWNERSHIPS_MAX as u64;
        let own = |record: &&Record| (record.epoch, record.incarnation) == sender;
        let past = self
            .reference
            .accepted
            .iter()
            .skip(usize::try_from(Lsn::count(fenced.fence_lsn)).unwrap());
        assert!(
            forgotten || past.filter(own).count() == 0,
            "{sender:?} has records past {fenced:?}"
        );
    }

    fn accepted_at(&self, lsn: Lsn) -> Option<&Record> {
        self.reference.accepted.get(usize::try_from(lsn.get()).unwrap() - 1)
    }

    /// The contender takes the epoch it was granted, unless it lives another life by now or has it already.
    fn hear(&mut self, call: &Call, answer: &Answer) {
        if let (Call::Fence(fence), Answer::Fence(Ok(granted))) = (call, answer) {
            let same_life = |node: &&mut Writer| node.owner == fence.owner && node.epoch < granted.epoch;
            if let Some(node) = self.nodes.iter_mut().find(same_life) {
                *node = Writer::granted(node.owner, granted);
            }
        }
    }

    /// What holds of the stream whenever one looks.
    fn check_stream(&self) {
        assert_eq!(self.table, self.replica, "replicas are equal");
        let accepted = &self.reference.accepted;
        let described = self.table.describe(STREAM).unwrap();
        assert_eq!(Lsn::count(described.tail), accepted.len() as u64);
        assert_eq!(described.chain, self.reference.chain());
        let mut previous = Chain::start_of(STREAM);
        for (lsn, record) in Lsn::all_after(None).zip(accepted) {
            assert!(record.fits(lsn, previous), "the chain verifies from end to end");
            previous = record.chain;
        }
        assert!(
            accepted.is_sorted_by_key(|record| record.epoch),
            "no older record behind a newer epoch's"
        );
    }

    /// A node that joins later and applies the whole log ends in the same state, having given the same answers.
    fn check_replay(&self) {
        let mut replayed = table();
        for (call, answer) in &self.applied {
            assert_eq!(replayed.apply(call), *answer);
        }
        assert_eq!(replayed, self.table);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn every_run_keeps_every_promise(steps in prop::collection::vec(step(), 1..400)) {
        let mut run = Run::new();
        for step in &steps {
            run.take(step);
        }
        run.check_stream();
        run.check_replay();
    }
}

/// A run must reach what it is there to check: all kinds of answers, owners beyond the history, regrouped resends.
#[test]
fn random_runs_reach_every_answer() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let mut seen = BTreeMap::<&str, usize>::new();
    for _ in 0..64 {
        let steps = prop::collection::vec(step(), 400)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let mut run = Run::new();
        steps.iter().for_each(|step| run.take(step));
        for (call, answer) in &run.applied {
            *seen.entry(name(call, answer)).or_default() += 1;
        }
    }
    // Not "ahead": in log order no owner speaks before its fence. append.rs has that case.
    let expected = [
        "append fenced",
        "append fenced, forgotten",
        "append ok",
        "diverged",
        "fence repeated",
        "gap",
        "granted",
        "lease too long",
        "lost",
        "release fenced",
        "released",
        "tail moved",
        "trim refused",
        "trimmed",
    ];
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), expected, "{seen:?}");
}

fn name(call: &Call, answer: &Answer) -> &'static str {
    match answer {
        Answer::Append(Ok(AppendVerdict::Ok { .. })) => "append ok",
        Answer::Append(Ok(AppendVerdict::Fenced(fenced))) if is_forgotten(call, fenced) => "append fenced, forgotten",
        Answer::Append(Ok(AppendVerdict::Fenced(_))) => "append fenced",
        Answer::Append(Err(Unsettled::Gap { .. })) => "gap",
        Answer::Append(Err(Unsettled::Diverged { .. })) => "diverged",
        Answer::Append(Err(unsettled)) => panic!("not expected in these runs: {unsettled}"),
        Answer::Fence(Ok(granted)) if granted.tail != granted.fence_lsn => "fence repeated",
        Answer::Fence(Ok(_)) => "granted",
        Answer::Fence(Err(FenceRefused::Lost { .. })) => "lost",
        Answer::Fence(Err(FenceRefused::TailMoved { .. })) => "tail moved",
        Answer::Fence(Err(FenceRefused::LeaseTooLong { .. })) => "lease too long",
        Answer::Fence(Err(refused)) => panic!("not expected in these runs: {refused}"),
        Answer::Release(Ok(_)) => "released",
        Answer::Release(Err(_)) => "release fenced",
        Answer::Trim(Ok(_)) => "trimmed",
        Answer::Trim(Err(_)) => "trim refused",
        Answer::Create(_) | Answer::Delete => "not sent",
    }
}

fn is_forgotten(call: &Call, fenced: &Fenced) -> bool {
    matches!(call, Call::Append(append) if append.epoch.get() + OWNERSHIPS_MAX as u64 <= fenced.epoch.get())
}
