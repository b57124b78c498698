//! Plugins of what is wanted: fetched, kept, compiled, swapped, forgotten.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use tenure_plugin_abi::MODULE_BYTES_MAX;
use tenure_wire::control_v1::ModulePart;

use super::*;
use crate::control::fetch::{FetchError, collect};
use crate::control::modules::id_of;
use crate::plugin::testing::{DoubleCompiler, wasm};

const NOT_READY: &str = "-PLUGIN plugin t is not ready on this node\r\n";

/// A node that runs plugins.
struct Plugged {
    world: World,
    compiler: Arc<DoubleCompiler>,
}

impl Plugged {
    fn new() -> Self {
        Self {
            world: World::new(),
            compiler: Arc::default(),
        }
    }

    fn control(&self) -> Control {
        let compiler = Arc::clone(&self.compiler) as Arc<dyn tenure_plugin_abi::Compiler>;
        let modules = Modules::open(&self.folder(), compiler).unwrap();
        self.world.control().with_modules(modules)
    }

    fn folder(&self) -> PathBuf {
        self.world.folder.path().join("plugins")
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

/// Gives these modules.
fn source<const N: usize>(modules: [Vec<u8>; N]) -> Option<Source> {
    let modules: BTreeMap<ModuleId, Vec<u8>> = modules.into_iter().map(|bytes| (id_of(&bytes), bytes)).collect();
    let none = FetchError::Refused {
        reason: "there is none".to_owned(),
    };
    let give = move |id: ModuleId| modules.get(&id).cloned().ok_or_else(|| none.clone());
    Some(Source::Test(Arc::new(give)))
}

fn plugged(mut cluster: wire::Cluster, modules: &[(&str, &[u8])]) -> wire::Cluster {
    let plugin = |(version, bytes): &(&str, &[u8])| wire::Plugin {
        name: "t".to_owned(),
        version: (*version).to_owned(),
        sha256: id_of(bytes).to_vec().into(),
        bytes: bytes.len() as u64,
    };
    cluster.plugins = modules.iter().map(plugin).collect();
    cluster
}

async fn connect(cluster: &wire::Cluster) -> Peer<TcpStream> {
    Peer(TcpStream::connect(address(cluster)).await.unwrap())
}

/// Waits until this was made of what is wanted.
async fn applied(control: &Control, is: impl Fn(&Applied) -> bool) {
    control
        .applied
        .subscribe()
        .wait_for(|applied| is(applied))
        .await
        .unwrap();
}

fn reasons(applied: &Applied) -> String {
    let reason = |refused: &Refused| format!("{:?}: {}", refused.plugin, refused.reason);
    applied.refused.iter().map(reason).collect()
}

#[tokio::test]
async fn a_plugin_is_fetched_once_and_served_from_the_disk_after_a_restart() {
    let plugged_node = Plugged::new();
    let (module, bare) = (wasm("t", "1.0.0"), cluster("c", 1));
    let wanted = plugged(bare, &[("1.0.0", &module)]);
    let (node, control) = (plugged_node.world.node(1), plugged_node.control());
    control.source.send_replace(source([module.clone()]));
    while_applying(&control, &node, async {
        control.take(desired(1, [wanted.clone()])).await.unwrap();
        applied(&control, |applied| applied.is_all_of(1) && applied.refused.is_empty()).await;
        control.ready(&node).await;
        let mut peer = connect(&wanted).await;
        peer.ask("T.PUT k v", "+OK\r\n").await;
        let [report] = &node.plugins()[..] else {
            panic!("{:?}", node.plugins());
        };
        assert_eq!(
            (&*report.name, &*report.version, report.sha256),
            ("t", "1.0.0", id_of(&module))
        );
        assert_eq!((&report.quarantined, report.stats.calls), (&None, 1));
    })
    .await;
    node.stop().await;

    // Nobody gives it now.
    let (node, control) = (plugged_node.world.node(2), plugged_node.control());
    while_applying(&control, &node, async {
        control.ready(&node).await;
        connect(&wanted).await.ask("T.READ k", "$1\r\nv\r\n").await;
    })
    .await;
    node.stop().await;
}

#[tokio::test]
async fn a_plugin_that_cannot_be_had_holds_up_nothing_and_is_had_when_it_can() {
    let plugged_node = Plugged::new();
    let module = wasm("t", "1.0.0");
    let wanted = plugged(cluster("c", 1), &[("1.0.0", &module)]);
    let (node, control) = (plugged_node.world.node(1), plugged_node.control());
    while_applying(&control, &node, async {
        control.take(desired(1, [wanted.clone()])).await.unwrap();
        control.ready(&node).await;
        let mut peer = connect(&wanted).await;
        peer.ask("SET k v", "+OK\r\n").await;
        peer.ask("T.READ k", NOT_READY).await;
        assert_eq!(node.plugins(), []);
        control.source.send_replace(source([]));
        let said = "Some(\"t\"): its module is not on this node yet: the control plane does not give it: there is none";
        applied(&control, |applied| reasons(applied) == said).await;
        control.source.send_replace(source([module.clone()]));
        applied(&control, |applied| applied.refused.is_empty() && !applied.compiles).await;
        // The connection is the same.
        peer.ask("T.READ k", "$1\r\nv\r\n").await;
    })
    .await;
    node.stop().await;
}

#[tokio::test]
async fn a_module_that_takes_the_compiler_long_holds_up_nothing_but_itself() {
    let plugged_node = Plugged::new();
    let module = wasm("t", "1.0.0");
    let first = plugged(cluster("c", 1), &[("1.0.0", &module)]);
    let (node, control) = (plugged_node.world.node(1), plugged_node.control());
    control.source.send_replace(source([module.clone()]));
    while_applying(&control, &node, async {
        let busy = plugged_node.compiler.busy.lock().await;
        control.take(desired(1, [first.clone()])).await.unwrap();
        applied(&control, |applied| applied.compiles && applied.refused.is_empty()).await;
        node.ready().await;
        let mut peer = connect(&first).await;
        peer.ask("SET k v", "+OK\r\n").await;
        peer.ask("T.READ k", NOT_READY).await;
        let second = cluster("d", 2);
        control.take(desired(2, [first.clone(), second.clone()])).await.unwrap();
        applied(&control, |applied| applied.generation == 2).await;
        node.ready().await;
        set(&second).await;
        drop(busy);
        applied(&control, |applied| applied.is_all_of(2) && applied.refused.is_empty()).await;
        peer.ask("T.READ k", "$1\r\nv\r\n").await;
    })
    .await;
    assert_eq!(plugged_node.compiler.compiled.load(Ordering::SeqCst), 1);
    node.stop().await;
}

#[tokio::test]
async fn the_version_of_before_stays_until_the_next_one_is_there_and_then_nothing_of_it() {
    let plugged_node = Plugged::new();
    let (old, new) = (wasm("t", "1.0.0"), wasm("t", "2.0.0"));
    let bare = cluster("c", 1);
    let (node, control) = (plugged_node.world.node(1), plugged_node.control());
    control.source.send_replace(source([old.clone()]));
    while_applying(&control, &node, async {
        control
            .take(desired(1, [plugged(bare.clone(), &[("1.0.0", &old)])]))
            .await
            .unwrap();
        applied(&control, |applied| applied.is_all_of(1) && applied.refused.is_empty()).await;
        control.ready(&node).await;
        let mut peer = connect(&bare).await;
        peer.ask("T.NOOP", "+1.0.0\r\n").await;
        control
            .take(desired(2, [plugged(bare.clone(), &[("2.0.0", &new)])]))
            .await
            .unwrap();
        applied(&control, |applied| applied.is_all_of(2)).await;
        peer.ask("T.NOOP", "+1.0.0\r\n").await;
        control.source.send_replace(source([new.clone()]));
        applied(&control, |applied| applied.refused.is_empty() && !applied.compiles).await;
        peer.ask("T.NOOP", "+2.0.0\r\n").await;
        assert_eq!(plugged_node.files().len(), 1);
        control.take(desired(3, [bare.clone()])).await.unwrap();
        applied(&control, |applied| applied.generation == 3).await;
        peer.ask(
            "T.NOOP",
            "-ERR unknown command 'T.NOOP', with args beginning with: \r\n",
        )
        .await;
        assert_eq!((plugged_node.files(), node.plugins()), (Vec::new(), Vec::new()));
    })
    .await;
    node.stop().await;
}

#[tokio::test]
async fn a_damaged_file_is_not_used_and_got_anew() {
    let plugged_node = Plugged::new();
    let module = wasm("t", "1.0.0");
    let wanted = plugged(cluster("c", 1), &[("1.0.0", &module)]);
    let control = plugged_node.control();
    control
        .modules
        .as_ref()
        .unwrap()
        .keep(id_of(&module), b"something else".to_vec())
        .await
        .unwrap();
    let node = plugged_node.world.node(1);
    control.source.send_replace(source([module.clone()]));
    while_applying(&control, &node, async {
        control.take(desired(1, [wanted.clone()])).await.unwrap();
        applied(&control, |applied| applied.is_all_of(1) && applied.refused.is_empty()).await;
        control.ready(&node).await;
        connect(&wanted).await.ask("T.NOOP", "+1.0.0\r\n").await;
        assert_eq!(std::fs::read(&plugged_node.files()[0]).unwrap(), module);
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&plugged_node.files()[0])
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    })
    .await;
    node.stop().await;
}

#[tokio::test]
async fn a_module_that_is_unfit_or_another_is_refused_with_the_reason_and_compiled_once() {
    let plugged_node = Plugged::new();
    let (unfit, other) = (b"{}".to_vec(), wasm("other", "1.0.0"));
    let bare = cluster("c", 1);
    let (node, control) = (plugged_node.world.node(1), plugged_node.control());
    control.source.send_replace(source([unfit.clone(), other.clone()]));
    while_applying(&control, &node, async {
        control
            .take(desired(1, [plugged(bare.clone(), &[("1.0.0", &unfit)])]))
            .await
            .unwrap();
        applied(&control, |applied| {
            reasons(applied).contains("its module cannot be used: the manifest")
        })
        .await;
        control.ready(&node).await;
        connect(&bare).await.ask("T.NOOP", NOT_READY).await;
        control
            .take(desired(2, [plugged(bare.clone(), &[("1.0.0", &other)])]))
            .await
            .unwrap();
        applied(&control, |applied| {
            reasons(applied).contains("its module says that it is other 1.0.0")
        })
        .await;
        control
            .take(desired(3, [plugged(bare.clone(), &[("1.0.0", &other)])]))
            .await
            .unwrap();
        applied(&control, |applied| applied.generation == 3).await;
    })
    .await;
    assert_eq!(plugged_node.compiler.compiled.load(Ordering::SeqCst), 2);
    node.stop().await;
}

#[tokio::test]
async fn a_plugin_that_makes_no_sense_is_refused_and_its_cluster_hosted() {
    let plugged_node = Plugged::new();
    let mut wanted = plugged(cluster("c", 1), &[("1.0.0", b"x"), ("2.0.0", b"y")]);
    wanted.plugins[0].sha256 = vec![1; 31].into();
    let (node, control) = (plugged_node.world.node(1), plugged_node.control());
    while_applying(&control, &node, async {
        control.take(desired(1, [wanted.clone()])).await.unwrap();
        control.ready(&node).await;
        set(&wanted).await;
        let said = reasons(&control.applied.borrow());
        assert!(
            said.starts_with("Some(\"t\"): the module of plugin t has no SHA-256: it has 31 bytes"),
            "{said}"
        );
    })
    .await;
    node.stop().await;
}

#[tokio::test]
async fn what_is_fetched_is_what_was_asked_for_or_nothing() {
    let part = |bytes: &[u8]| ModulePart {
        bytes: bytes.to_vec().into(),
    };
    let right = id_of(b"whole");
    let cases = [
        (vec![Ok(part(b"who")), Ok(part(b"le"))], Ok(b"whole".to_vec())),
        (vec![Ok(part(b"who"))], Err(FetchError::Another)),
        (vec![Ok(part(b"whole!"))], Err(FetchError::Another)),
        (vec![], Err(FetchError::Another)),
        (
            vec![Ok(part(&vec![0; MODULE_BYTES_MAX])), Ok(part(b"!"))],
            Err(FetchError::TooLarge),
        ),
    ];
    for (parts, outcome) in cases {
        let parts = stream::iter(parts.into_iter().map(|part: Result<_, std::fmt::Error>| part));
        assert_eq!(collect(parts, right).await, outcome);
    }
    let broken = stream::iter([Ok(part(b"whole")), Err(std::fmt::Error)]);
    assert!(matches!(collect(broken, right).await, Err(FetchError::Refused { .. })));
}
