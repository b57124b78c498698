//! What nodes said, until it is in SQL.
//! Promises: of two sessions of one node only the newer one is heard; what is written down is written for all nodes at once.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tenure_control_model::{Change, NodeReport, ReplicaSeen, Write};
use tenure_control_store::{Store, StoreError};
use tenure_types::NodeId;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::shared::Shared;

/// How often what nodes said is written down.
const EVERY: Duration = Duration::from_millis(250);

/// See the top of the file.
#[derive(Debug, Default)]
pub(crate) struct Book(Mutex<BTreeMap<NodeId, Page>>);

#[derive(Debug)]
struct Page {
    /// Counts the sessions of the node.
    session: watch::Sender<u64>,
    /// The newest report, and whether it is written down.
    report: Option<NodeReport>,
    is_new: bool,
}

/// A session in the book.
#[derive(Debug)]
pub(crate) struct Entry {
    book: Arc<Book>,
    node: NodeId,
    session: u64,
    sessions: watch::Receiver<u64>,
}

impl Book {
    /// A session begins. An earlier one of the same node is over.
    pub(crate) fn begin(self: &Arc<Self>, node: NodeId) -> Entry {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let page = pages.entry(node).or_insert_with(|| Page {
            session: watch::Sender::new(0),
            report: None,
            is_new: false,
        });
        page.session.send_modify(|session| *session += 1);
        let session = *page.session.borrow();
        Entry {
            book: Arc::clone(self),
            node,
            session,
            sessions: page.session.subscribe(),
        }
    }

    /// What was heard since this was last called.
    fn take_new(&self) -> Vec<NodeReport> {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = pages.values_mut().filter_map(|page| {
            let is_new = mem::take(&mut page.is_new);
            page.report.clone().filter(|_| is_new)
        });
        new.collect()
    }

    /// What was taken is to be taken again, unless something newer came.
    fn give_back(&self, reports: &[NodeReport]) {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for report in reports {
            if let Some(page) = pages.get_mut(&report.node) {
                page.is_new = true;
            }
        }
    }
}

impl Entry {
    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    /// Resolves when a newer session of the node began.
    pub(crate) async fn superseded(&mut self) {
        let session = self.session;
        // The book lives as long as the control plane.
        let _ = self.sessions.wait_for(|newest| *newest != session).await;
    }

    /// Takes a report. Tells whether something in it changed that somebody may wait for.
    pub(crate) fn heard(&self, report: NodeReport) -> bool {
        let mut pages = self.book.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(page) = pages.get_mut(&self.node) else {
            return false;
        };
        if *page.session.borrow() != self.session {
            return false;
        }
        let is_news = page.report.as_ref().is_none_or(|before| is_news(before, &report));
        page.report = Some(report);
        page.is_new = true;
        is_news
    }
}

/// Whether more changed than numbers that always do.
fn is_news(before: &NodeReport, after: &NodeReport) -> bool {
    let lasting = |seen: &ReplicaSeen| (seen.stream, seen.standing, seen.incarnation, seen.epoch);
    before.generation != after.generation
        || before.refusals != after.refusals
        || before.plugins != after.plugins
        || !before
            .replicas
            .iter()
            .map(lasting)
            .eq(after.replicas.iter().map(lasting))
}

/// Writes down what nodes say, for ever: their leases, and their reports.
pub(crate) async fn write_down(shared: Shared, book: Arc<Book>) {
    let mut is_broken = false;
    loop {
        tokio::time::sleep(EVERY).await;
        let reports = book.take_new();
        if reports.is_empty() {
            continue;
        }
        match write(&*shared.store, &reports).await {
            Ok(()) if is_broken => info!("reports of nodes are written down again"),
            Ok(()) => {}
            Err(error) => {
                book.give_back(&reports);
                if !is_broken {
                    warn!(
                        error = crate::error_chain(&error),
                        "reports of nodes cannot be written down"
                    );
                }
                is_broken = true;
                continue;
            }
        }
        is_broken = false;
        shared.wake.notify_one();
    }
}

async fn write(store: &dyn Store, reports: &[NodeReport]) -> Result<(), StoreError> {
    // A lease counts from when its node was heard, not from now: a database that was away must not prolong it.
    let mut heard: BTreeMap<_, Vec<NodeId>> = BTreeMap::new();
    for report in reports {
        heard.entry(report.at).or_default().push(report.node);
    }
    for (at, nodes) in heard {
        store.renew_nodes(&nodes, at).await?;
    }
    let writes = reports.iter().cloned().map(Write::PutReport).collect();
    store.apply(Change { writes }).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{report, seen};
    use tenure_control_model::{Expect, Standing};
    use tenure_control_store::SqliteStore;

    #[tokio::test]
    async fn only_the_newest_session_of_a_node_is_heard() {
        let book = Arc::new(Book::default());
        let mut first = book.begin(NodeId::new(1));
        assert!(first.heard(report(1, Vec::new())));
        let second = book.begin(NodeId::new(1));
        first.superseded().await;
        assert!(!first.heard(report(1, vec![seen(1, 1, Standing::Primary)])));
        assert_eq!(book.take_new()[0].replicas, []);
        assert!(second.heard(report(1, vec![seen(1, 1, Standing::Primary)])));
        assert_eq!(book.take_new()[0].replicas.len(), 1);
        assert!(book.take_new().is_empty(), "it is taken once");
    }

    #[tokio::test]
    async fn a_lease_counts_from_when_its_node_was_heard() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("a.sqlite")).await.unwrap();
        let mut node = crate::testing::world().nodes.remove(0);
        node.seen_at = crate::testing::before(9000);
        let made = Change::default().with(Write::PutNode(node, Expect::Absent));
        store.apply(made).await.unwrap();
        let heard = NodeReport {
            at: crate::testing::before(700),
            ..report(1, Vec::new())
        };
        write(&store, std::slice::from_ref(&heard)).await.unwrap();
        let (node, reported) = store.nodes().await.unwrap().remove(0);
        assert_eq!((node.seen_at, reported), (heard.at, Some(heard)));
    }

    #[test]
    fn numbers_that_always_change_are_no_news() {
        let of = |seen: ReplicaSeen| report(1, vec![seen]);
        let before = seen(1, 1, Standing::Replica);
        assert!(!is_news(
            &of(before),
            &of(ReplicaSeen {
                keys: 9,
                lsn: None,
                ..before
            })
        ));
        assert!(is_news(
            &of(before),
            &of(ReplicaSeen {
                standing: Standing::Primary,
                ..before
            })
        ));
        assert!(is_news(&of(before), &report(1, Vec::new())));
    }

    #[test]
    fn what_could_not_be_written_is_taken_again() {
        let book = Arc::new(Book::default());
        let session = book.begin(NodeId::new(1));
        session.heard(report(1, Vec::new()));
        let taken = book.take_new();
        book.give_back(&taken);
        assert_eq!(book.take_new().len(), 1);
    }
}
