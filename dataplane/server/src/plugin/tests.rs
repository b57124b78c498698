//! Commands of plugins, as clients meet them, on a primary with a log.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use tenure_engine::{Args, OwnedArgs, Protocol};

use super::testing::Double;
use super::{Attached, FoundPlugin};
use crate::layout::{ClusterLayout, ClusterLimits};
use crate::replica::{ReplyTo, Standing};
use crate::testing::{Served, cluster, on_a_worker, request, serve, two_shards, until};

/// Replicas that follow apply what calls wrote, and need no plugin for that.
#[test]
fn what_a_call_wrote_is_replayed_without_the_plugin() {
    let options = tenure_engine::ImageOptions {
        seed: 1,
        memory_bytes_max: None,
        policy: tenure_engine::eviction::Policy::NoEviction,
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(on_a_worker(async {
            let (served, _) = served().await;
            served.hold();
            let mut turn = served.replica.begin_turn();
            for words in [["T2.PUT", "a", "1"], ["T2.TRAP", "a", "2"], ["T2.TRAP", "b", "2"]] {
                let args: OwnedArgs = words.iter().collect();
                let Some(FoundPlugin::Command(command)) = served.replica.plugins().find(words[0].as_bytes()) else {
                    panic!("no such command");
                };
                let to = ReplyTo {
                    output: &mut bytes::BytesMut::new(),
                    protocol: Protocol::Resp2,
                    output_bytes_max: 1 << 20,
                };
                let _ = turn.run_plugin(&command, args.as_args(), to);
            }
            let effects = turn.image().take_effects();
            let mut follower = tenure_engine::Image::new(options);
            follower
                .replay(tenure_types::WallTime::from_unix_millis(1), &effects)
                .unwrap();
            assert_eq!(follower.string(b"a").unwrap(), Some(b"1".as_slice()));
            assert_eq!(follower.keyspace().len(), 1);
        }));
}

fn with(doubles: &[&Arc<Double>]) -> ClusterLayout {
    ClusterLayout {
        plugins: doubles.iter().map(|double| double.layout()).collect(),
        ..cluster()
    }
}

async fn served() -> (Served, Arc<Double>) {
    let double = Double::new("t2", "1.0.0");
    (serve(with(&[&double])).await, double)
}

/// Runs a command in a turn of its own. What it answered, whether it is held, and bytes of effects that it left.
fn alone(served: &Served, words: &str) -> (String, bool, usize) {
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    let args: OwnedArgs = words.iter().collect();
    let args: Args<'_> = args.as_args();
    let Some(FoundPlugin::Command(command)) = served.replica.plugins().find(words[0]) else {
        panic!("no such command");
    };
    let mut turn = served.replica.begin_turn();
    let before = turn.image().effects_bytes();
    let mut output = bytes::BytesMut::new();
    let to = ReplyTo {
        output: &mut output,
        protocol: Protocol::Resp2,
        output_bytes_max: 1 << 20,
    };
    let answer = match turn.run_plugin(&command, args, to) {
        Ok(()) => String::from_utf8_lossy(&output).into_owned(),
        Err(refusal) => refusal.to_string(),
    };
    let effects = turn.image().effects_bytes() - before;
    (answer, turn.take_hold().is_some(), effects)
}

#[tokio::test]
async fn commands_of_a_plugin_are_found_in_any_case_and_run() {
    on_a_worker(async {
        let (served, _) = served().await;
        let mut peer = served.connect().await;
        peer.ask("t2.NoOp", "+1.0.0\r\n").await;
        peer.ask("T2.PUT a 1", "+OK\r\n").await;
        peer.ask("T2.READ a", "$1\r\n1\r\n").await;
        peer.ask("GET a", "$1\r\n1\r\n").await;
        peer.ask("T2.READ b", "$-1\r\n").await;
        peer.ask("T2.PUTALL {x}1 {x}2 v", ":2\r\n").await;
        peer.ask("T2.RUN a INCR a", "$4\r\n:2\r\n\r\n").await;
        peer.ask(
            "T2.NOPE",
            "-ERR unknown command 'T2.NOPE', with args beginning with: \r\n",
        )
        .await;
        peer.ask("T2.PUT a", "-ERR wrong number of arguments for 't2.put' command\r\n")
            .await;
        peer.ask(
            "T2.PUTALL a b v",
            "-CROSSSLOT Keys in request don't hash to the same slot\r\n",
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_plugins_command_is_sent_to_the_shard_of_its_keys() {
    on_a_worker(async {
        let layout = ClusterLayout {
            plugins: vec![Double::new("t2", "1.0.0").layout()],
            ..two_shards()
        };
        let served = serve(layout).await;
        let mut peer = served.connect().await;
        peer.ask("T2.PUT foo x", "-MOVED 12182 127.0.0.1:7001\r\n").await;
        peer.ask("T2.NOOP", "+1.0.0\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_plugins_commands_are_listed_and_described_like_native_ones() {
    on_a_worker(async {
        let (served, _) = served().await;
        let mut peer = served.connect().await;
        peer.ask("COMMAND INFO t2.read", "*1\r\n*10\r\n$7\r\nt2.read\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n*2\r\n+@read\r\n+@fast\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n").await;
        let mut peer = served.connect().await;
        peer.ask("COMMAND LIST FILTERBY MODULE t2", "*12\r\n").await;
        let mut peer = served.connect().await;
        peer.ask("COMMAND LIST FILTERBY PATTERN t2.r*", "*4\r\n$7\r\nt2.read\r\n$9\r\nt2.refuse\r\n$7\r\nt2.roll\r\n$6\r\nt2.run\r\n").await;
        peer.ask("COMMAND GETKEYS t2.putall a b v", "*2\r\n$1\r\na\r\n$1\r\nb\r\n").await;
        peer.ask("COMMAND GETKEYSANDFLAGS t2.read a", "*1\r\n*2\r\n$1\r\na\r\n*2\r\n+RO\r\n+access\r\n").await;
        peer.ask("MODULE LIST", "*1\r\n*8\r\n$4\r\nname\r\n$2\r\nt2\r\n$3\r\nver\r\n:1000000\r\n$4\r\npath\r\n$0\r\n\r\n$4\r\nargs\r\n*0\r\n").await;
        peer.request("COMMAND DOCS T2.READ").await;
        peer.skip_until("$5\r\ngroup\r\n$6\r\nmodule\r\n").await;
        peer.skip_until("$6\r\nmodule\r\n$2\r\nt2\r\n").await;
        peer.ask("T2.NOOP", "+1.0.0\r\n").await;
        assert_eq!(served.newest_client().shown.borrow().command.as_str(), "t2.noop");
    })
    .await;
}

#[tokio::test]
async fn a_call_that_fails_leaves_no_trace_of_what_it_wrote() {
    on_a_worker(async {
        let (served, double) = served().await;
        let mut peer = served.connect().await;
        peer.ask("SET a before", "+OK\r\n").await;
        let trapped = "PLUGIN plugin t2 1.0.0 failed: trapped: unreachable; nothing was changed";
        for (words, error) in [
            ("T2.TRAP a after", trapped),
            ("T2.TRAP new after", trapped),
            ("T2.REFUSE a after", "LIMIT you had enough"),
            (
                "T2.FLOOD a",
                "ERR plugin t2: one call may write 8388608 bytes, nothing was changed",
            ),
        ] {
            peer.ask(words, &format!("-{error}\r\n")).await;
            peer.ask("GET a", "$6\r\nbefore\r\n").await;
            peer.ask("PTTL a", ":-1\r\n").await;
            peer.ask("DBSIZE", ":1\r\n").await;
            assert_eq!(alone(&served, words), (error.to_owned(), false, 0));
        }
        assert_eq!(double.instances(), 1);
        peer.ask("T2.NOOP", "+1.0.0\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_call_that_fails_touches_no_watch() {
    on_a_worker(async {
        let (served, _) = served().await;
        let (mut peer, mut other) = (served.connect().await, served.connect().await);
        peer.ask("WATCH a", "+OK\r\n").await;
        other.request("T2.TRAP a x").await;
        other.skip_until("nothing was changed\r\n").await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("T2.READ a", "+QUEUED\r\n").await;
        peer.ask("EXEC", "*1\r\n$-1\r\n").await;
        peer.ask("WATCH a", "+OK\r\n").await;
        other.ask("T2.PUT a x", "+OK\r\n").await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("T2.READ a", "+QUEUED\r\n").await;
        peer.ask("EXEC", "*-1\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn within_a_transaction_only_the_call_that_fails_is_undone() {
    on_a_worker(async {
        let (served, _) = served().await;
        let mut peer = served.connect().await;
        peer.ask("MULTI", "+OK\r\n").await;
        for words in ["SET a 1", "T2.TRAP a 2", "T2.REFUSE a 3", "APPEND a !", "T2.READ a"] {
            peer.ask(words, "+QUEUED\r\n").await;
        }
        let failed = "-PLUGIN plugin t2 1.0.0 failed: trapped: unreachable; nothing was changed\r\n";
        let replies = format!("*5\r\n+OK\r\n{failed}-LIMIT you had enough\r\n:2\r\n$2\r\n1!\r\n");
        peer.ask("EXEC", &replies).await;
    })
    .await;
}

#[tokio::test]
async fn a_transaction_whose_plugin_is_gone_runs_nothing() {
    on_a_worker(async {
        let double = Double::new("t2", "1.0.0");
        let served = serve(cluster()).await;
        served.replica.plugins().take(&Attached::all(&with(&[&double]), &[]).0);
        let mut peer = served.connect().await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("SET a 1", "+QUEUED\r\n").await;
        peer.ask("T2.PUT a 2", "+QUEUED\r\n").await;
        served.replica.plugins().take(&[]);
        assert_eq!(double.instances(), 0, "nothing is kept of what is detached");
        assert_eq!(Arc::strong_count(&double), 1);
        peer.ask(
            "EXEC",
            "-EXECABORT Transaction discarded because of: PLUGIN plugin t2 does not have this command any more\r\n",
        )
        .await;
        peer.ask("EXISTS a", ":0\r\n").await;
        peer.ask(
            "T2.NOOP",
            "-ERR unknown command 'T2.NOOP', with args beginning with: \r\n",
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_transaction_runs_the_version_that_is_attached_at_exec() {
    on_a_worker(async {
        let (served, double) = served().await;
        let mut peer = served.connect().await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("T2.NOOP", "+QUEUED\r\n").await;
        let newer = Double::new("t2", "2.0.0");
        served.replica.plugins().take(&Attached::all(&with(&[&newer]), &[]).0);
        assert_eq!((double.instances(), newer.instances()), (0, 1));
        peer.ask("EXEC", "*1\r\n+2.0.0\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_reply_of_a_plugin_about_an_unacknowledged_write_is_held() {
    on_a_worker(async {
        let (served, _) = served().await;
        let (mut writer, mut reader, mut other) =
            (served.connect().await, served.connect().await, served.connect().await);
        served.hold();
        writer.request("SET a 1").await;
        let client = served.newest_client();
        until(|| served.replica.begin_turn().backlog().is_none() && alone(&served, "T2.READ a").1).await;
        reader.request("T2.READ a").await;
        other.ask("T2.READ b", "$-1\r\n").await;
        other.ask("T2.NOOP", "+1.0.0\r\n").await;
        // So is the error of a call that failed.
        assert!(alone(&served, "T2.TRAP a x").1);
        assert!(!alone(&served, "T2.TRAP b x").1);
        drop(client);
        served.release();
        writer.expect("+OK\r\n").await;
        reader.expect("$1\r\n1\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_guest_reaches_declared_keys_by_commands_on_them_only() {
    on_a_worker(async {
        let (served, _) = served().await;
        let undeclared = |key: &str| format!("-ERR plugin t2: key \"{key}\" is not among the keys of the command\r\n");
        let no_command = "-ERR plugin t2: there is no such command, or it is not for plugins\r\n".to_owned();
        let only_reads = "-ERR plugin t2: a command that only reads may not write\r\n".to_owned();
        for (words, answer) in [
            ("T2.RUN a GET b", undeclared("b")),
            ("T2.RUN a RENAME a b", undeclared("b")),
            ("T2.RUN a FLUSHALL", no_command.clone()),
            ("T2.RUN a MULTI", no_command.clone()),
            ("T2.RUN a T2.NOOP", no_command.clone()),
            ("T2.RUN a KEYS *", no_command),
            (
                "T2.RUN a GET",
                "-ERR wrong number of arguments for 'get' command\r\n".to_owned(),
            ),
            (
                "T2.RUN a INCRBY a x",
                "-ERR value is not an integer or out of range\r\n".to_owned(),
            ),
            ("T2.PEEP a SET a x", only_reads),
            ("T2.PEEP a GET a", "_\r\n".to_owned()),
        ] {
            let (reply, _, effects) = alone(&served, words);
            assert_eq!(
                (reply, effects),
                (format!("${}\r\n{answer}\r\n", answer.len()), 0),
                "{words}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_plugin_that_fails_too_often_does_not_run_for_a_while() {
    on_a_worker(async {
        let (served, double) = served().await;
        let mut peer = served.connect().await;
        for _ in 0..11 {
            peer.request("T2.TRAP a x").await;
            peer.skip_until("nothing was changed\r\n").await;
        }
        let quarantined = "-PLUGIN plugin t2 is quarantined on this node for another 60 s: trapped: unreachable\r\n";
        peer.ask("T2.NOOP", quarantined).await;
        served.clock.advance(Duration::from_millis(59_500));
        served.renew().await;
        until(|| served.replica.standing() == Standing::Primary).await;
        let mut peer = served.connect().await;
        peer.request("T2.NOOP").await;
        peer.skip_until("for another 1 s: trapped: unreachable\r\n").await;
        served.clock.advance(Duration::from_millis(501));
        peer.ask("T2.NOOP", "+1.0.0\r\n").await;
        // Attached anew it has a clean record.
        for _ in 0..11 {
            alone(&served, "T2.TRAP a x");
        }
        peer.request("T2.NOOP").await;
        peer.skip_until("for another 120 s: trapped: unreachable\r\n").await;
        served.replica.plugins().take(&Attached::all(&with(&[&double]), &[]).0);
        peer.ask("T2.NOOP", "+1.0.0\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_call_that_asks_for_too_much_counts_as_one_that_fails_whatever_it_answers() {
    on_a_worker(async {
        let (served, _) = served().await;
        for _ in 0..11 {
            alone(&served, "T2.FLOOD a");
        }
        let mut peer = served.connect().await;
        peer.request("T2.NOOP").await;
        peer.skip_until("is quarantined on this node for another 60 s: ").await;
    })
    .await;
}

#[tokio::test]
async fn a_plugin_without_room_says_so_and_runs_when_there_is_some() {
    on_a_worker(async {
        let (served, double) = served().await;
        double.fill(true);
        // The instance that there was is gone with its fault.
        alone(&served, "T2.TRAP a x");
        let mut peer = served.connect().await;
        let full = "-PLUGIN plugin t2 1.0.0 failed: this node has no room for another instance of a plugin; nothing was changed\r\n";
        for _ in 0..20 {
            peer.ask("T2.NOOP", full).await;
        }
        double.fill(false);
        peer.ask("T2.NOOP", "+1.0.0\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn commands_of_a_plugin_that_is_not_ready_say_so() {
    on_a_worker(async {
        let mut layout = with(&[&Double::new("t2", "1.0.0")]);
        layout.plugins[0].module = None;
        let served = serve(layout).await;
        let mut peer = served.connect().await;
        peer.ask("T2.Whatever x", "-PLUGIN plugin t2 is not ready on this node\r\n")
            .await;
        peer.ask("T3.X", "-ERR unknown command 'T3.X', with args beginning with: \r\n")
            .await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("T2.PUT a b", "-PLUGIN plugin t2 is not ready on this node\r\n")
            .await;
        peer.request("EXEC").await;
        peer.skip_until("-EXECABORT Transaction discarded because of previous errors.\r\n")
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_panic_below_a_call_breaks_the_shard() {
    on_a_worker(async {
        let (served, _) = served().await;
        let mut peer = served.connect().await;
        peer.request("T2.PANIC a").await;
        peer.expect_end().await;
        assert_eq!(served.replica.standing(), Standing::Broken);
    })
    .await;
}

#[tokio::test]
async fn memory_is_asked_for_as_by_native_commands() {
    on_a_worker(async {
        let limits = ClusterLimits {
            memory_bytes_max: 2000,
            ..ClusterLimits::default()
        };
        let served = serve(ClusterLayout {
            limits,
            ..with(&[&Double::new("t2", "1.0.0")])
        })
        .await;
        let mut peer = served.connect().await;
        let mut large = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$4000\r\n".to_vec();
        large.extend_from_slice(&[b'x'; 4000]);
        large.extend_from_slice(b"\r\n");
        peer.send(large).await;
        peer.expect("+OK\r\n").await;
        let full = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
        peer.ask("T2.PUT b x", full).await;
        // It did not say that it needs memory, and may do what needs none.
        peer.ask("T2.PUTALL b x", full).await;
        peer.ask("T2.RUN a STRLEN a", "$7\r\n:4000\r\n\r\n").await;
        peer.ask("T2.DELALL a", "+OK\r\n").await;
        peer.ask("T2.PUT b x", "+OK\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn what_is_expired_is_deleted_for_good_although_the_call_fails() {
    on_a_worker(async {
        let (served, _) = served().await;
        let mut peer = served.connect().await;
        peer.ask("SET a x PX 100", "+OK\r\n").await;
        served.hold();
        served.clock.advance(Duration::from_millis(101));
        let (answer, held, effects) = alone(&served, "T2.TRAP a y");
        assert!(answer.starts_with("PLUGIN"), "{answer}");
        assert!(held && effects > 0, "{held} {effects}");
        served.release();
        peer.ask("EXISTS a", ":0\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn calls_are_counted() {
    on_a_worker(async {
        let double = Double::new("t2", "1.0.0");
        let served = serve(with(&[])).await;
        let (attached, _) = Attached::all(&with(&[&double]), &[]);
        served.replica.plugins().take(&attached);
        for words in ["T2.NOOP", "T2.TRAP a x", "T2.REFUSE a x", "T2.NOOP", "T2.ROLL"] {
            alone(&served, words);
        }
        let stats = attached[0].stats();
        assert_eq!((stats.calls, stats.refusals), (5, 1));
        assert!(stats.faults.contains(&("trap", 1)), "{stats:?}");
        assert_eq!(stats.memory_bytes, 65_536 + 3);
        served.replica.plugins().take(&[]);
        assert_eq!(attached[0].stats().memory_bytes, 0);
    })
    .await;
}

#[tokio::test]
async fn many_requests_at_once_are_each_answered() {
    on_a_worker(async {
        let (served, _) = served().await;
        let mut peer = served.connect().await;
        let mut requests = Vec::new();
        for _ in 0..2000 {
            requests.extend(request("T2.RUN n INCR n"));
        }
        peer.send(requests).await;
        peer.skip_until("$7\r\n:2000\r\n\r\n").await;
    })
    .await;
}
