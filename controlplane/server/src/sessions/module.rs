//! The bytes of plugins, on their way to nodes.
//! Promises: a node is sent only what its desired state names; few are sent at a time, each part by part, and one that is not
//! taken off within a minute is broken off, so that nodes hold no memory here for long.

use std::sync::Arc;
use std::time::Duration;

use tenure_control_model::{PluginId, World};
use tenure_wire::control_v1::ModulePart;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tracing::{error, info};

use super::peer::Peer;
use crate::desired::desired;
use crate::shared::Shared;

/// Bytes of one part.
const PART_BYTES_MAX: usize = 64 << 10;
/// Parts that wait to be sent.
const PARTS_MAX: usize = 4;
/// Modules that are on their way at a time: their memory here is at most so many times the largest.
const TRANSFERS_MAX: usize = 8;
/// How long one that finds all places taken waits for its turn.
const TURN_WITHIN: Duration = Duration::from_secs(5);
/// How long one may take.
const TRANSFER_WITHIN: Duration = Duration::from_secs(60);

/// Places of those that are on their way.
#[derive(Debug, Clone)]
pub(crate) struct Transfers(Arc<Semaphore>);

impl Default for Transfers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(TRANSFERS_MAX)))
    }
}

impl Transfers {
    /// Begins to send a module, in parts.
    pub(super) async fn begin(
        &self,
        shared: &Shared,
        plugin: PluginId,
    ) -> Result<ReceiverStream<Result<ModulePart, Status>>, Status> {
        let turn = tokio::time::timeout(TURN_WITHIN, Arc::clone(&self.0).acquire_owned()).await;
        let busy =
            || Status::resource_exhausted("so many modules are on their way that this one had no turn: ask again");
        let turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        let module = shared.store.module(plugin).await.map_err(|failed| {
            error!(%plugin, error = crate::error_chain(&failed), "a module could not be read");
            Status::unavailable("the database of the control plane does not answer")
        })?;
        // It was detached and deleted since the world was read.
        let module = module.ok_or_else(|| Status::not_found("the plugin is gone"))?;
        let (parts, stream) = mpsc::channel(PARTS_MAX);
        tokio::spawn(send(plugin, module, parts, turn));
        Ok(ReceiverStream::new(stream))
    }
}

async fn send(
    plugin: PluginId,
    module: Vec<u8>,
    parts: mpsc::Sender<Result<ModulePart, Status>>,
    _turn: OwnedSemaphorePermit,
) {
    let sending = async {
        for part in module.chunks(PART_BYTES_MAX) {
            let bytes = part.to_vec().into();
            if parts.send(Ok(ModulePart { bytes })).await.is_err() {
                return;
            }
        }
    };
    if tokio::time::timeout(TRANSFER_WITHIN, sending).await.is_err() {
        info!(%plugin, "a module was not taken off in time");
        // There may be no place for it, and then the end of the stream is too early, which the hash shows.
        let _ = parts.try_send(Err(Status::deadline_exceeded("the module was not taken off in time")));
    }
}

/// The plugin with this hash that the caller's desired state names.
pub(super) fn told_of(world: &World, peer: &Peer, sha256: &[u8]) -> Option<PluginId> {
    let attachment = world
        .attachments
        .iter()
        .find(|attachment| attachment.sha256 == sha256)?;
    let mut nodes = world.nodes.iter().filter(|node| peer.is_data_node(node.id));
    let is_named = nodes.any(|node| {
        let mut clusters = desired(world, node.id).clusters.into_iter();
        clusters.any(|cluster| cluster.plugins.iter().any(|plugin| plugin.sha256 == sha256))
    });
    is_named.then_some(attachment.plugin)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tenure_control_model::{Change, ClusterState, Expect, Plugin, PluginVersion, ReplicaState, Write};
    use tenure_control_store::{SqliteStore, Store};
    use tenure_log::{ManualClock, MemoryLog, MemoryOptions};
    use tenure_types::NodeId;
    use tokio::sync::{Notify, watch};
    use tokio_stream::StreamExt;

    use super::*;
    use crate::authority::data_node_name;
    use crate::shared::{Observed, Options};
    use crate::testing::{ByItsWord, SHOP, attachment, world};

    fn peer(node: u64) -> Peer {
        let certified = rcgen::generate_simple_self_signed(vec![data_node_name(NodeId::new(node))]).unwrap();
        Peer::showing(certified.cert.der().clone())
    }

    #[test]
    fn a_node_is_given_what_its_desired_state_names_and_nothing_else() {
        let mut world = world();
        world.attachments.push(attachment("ratelimit", 1));
        let told = |world: &World, peer: &Peer, hash: [u8; 32]| told_of(world, peer, &hash).is_some();
        assert!(told(&world, &peer(1), [1; 32]) && told(&world, &peer(2), [1; 32]));
        assert!(!told(&world, &peer(1), [2; 32]), "nobody runs it");
        assert!(!told(&world, &peer(3), [1; 32]), "it hosts nothing of the cluster");
        assert!(!told(&world, &peer(9), [1; 32]), "nobody knows it");
        assert!(!told(&world, &Peer::nobody(), [1; 32]));
        assert!(told_of(&world, &peer(1), &[1; 31]).is_none());
        let on_2 = world
            .replicas
            .iter_mut()
            .filter(|replica| replica.node == NodeId::new(2));
        on_2.for_each(|replica| replica.state = ReplicaState::Leaving);
        assert!(!told(&world, &peer(2), [1; 32]), "it hosts it no longer");
        world.clusters[SHOP].state = ClusterState::Deleting;
        assert!(!told(&world, &peer(1), [1; 32]));
    }

    async fn kept(module: &[u8]) -> (Shared, PluginId, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(&folder.path().join("a.sqlite")).await.unwrap());
        let tenant = world().tenants.remove(0);
        let plugin = Plugin {
            id: PluginId::new(1),
            tenant: tenant.id,
            name: "ratelimit".to_owned(),
            version: PluginVersion { numbers: [1, 0, 0] },
            sha256: [1; 32],
            bytes: module.len() as u64,
            manifest: String::new(),
            created_at: tenant.created_at,
        };
        let change = Change::default()
            .with(Write::PutTenant(tenant, Expect::Absent))
            .with(Write::AddPlugin(plugin, module.to_vec()));
        store.apply(change).await.unwrap();
        let clock = Arc::new(ManualClock::new());
        let (_, observed) = watch::channel(Arc::new(Observed::default()));
        let shared = Shared {
            store,
            log: Arc::new(MemoryLog::new(clock.clone(), MemoryOptions::default())),
            clock,
            observed,
            plugin_check: Arc::new(ByItsWord),
            wake: Arc::new(Notify::new()),
            authority_pem: Arc::from(""),
            options: Arc::new(Options::default()),
            metrics: crate::Metrics::register(&prometheus::Registry::new()).unwrap(),
        };
        (shared, PluginId::new(1), folder)
    }

    #[tokio::test]
    async fn a_module_comes_whole_in_parts_that_are_not_too_large() {
        let module: Vec<u8> = (0..251).cycle().take(3 * PART_BYTES_MAX + 5).collect();
        let (shared, plugin, _folder) = kept(&module).await;
        let parts = Transfers::default().begin(&shared, plugin).await.unwrap();
        let parts: Vec<_> = parts.map(|part| part.unwrap().bytes).collect().await;
        assert_eq!(parts.iter().map(|part| part.len()).max(), Some(PART_BYTES_MAX));
        assert_eq!(parts.concat(), module);
        let gone = Transfers::default().begin(&shared, PluginId::new(2)).await.unwrap_err();
        assert_eq!(gone.code(), tonic::Code::NotFound);
    }

    #[tokio::test]
    async fn few_are_on_their_way_and_one_that_is_given_up_makes_room() {
        let module = vec![0; (PARTS_MAX + 2) * PART_BYTES_MAX];
        let (shared, plugin, _folder) = kept(&module).await;
        let transfers = Transfers::default();
        let mut streams = Vec::new();
        for _ in 0..TRANSFERS_MAX {
            streams.push(transfers.begin(&shared, plugin).await.unwrap());
        }
        assert_eq!(transfers.0.available_permits(), 0);
        streams.pop();
        let one_more = transfers.begin(&shared, plugin).await.unwrap();
        assert_eq!(one_more.collect::<Vec<_>>().await.len(), PARTS_MAX + 2);
    }
}
