//! MULTI, EXEC, DISCARD, WATCH, UNWATCH. The replies are those of redis 7.0.15.

use crate::layout::{ClusterLayout, ClusterLimits};
use crate::testing::{LEASE, cluster, on_a_worker, request, serve, until};

const ABORTED: &str = "-EXECABORT Transaction discarded because of previous errors.\r\n";

#[tokio::test]
async fn queued_commands_run_at_exec_and_fail_one_by_one() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let (mut peer, mut other) = (served.connect().await, served.connect().await);
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("SET a x", "+QUEUED\r\n").await;
        peer.ask("T.HALF", "+QUEUED\r\n").await;
        peer.ask("GET a", "+QUEUED\r\n").await;
        other.ask("GET a", "$-1\r\n").await;
        peer.ask("EXEC", "*3\r\n+OK\r\n-ERR syntax error\r\n$1\r\nx\r\n").await;
        peer.ask("EXEC", "-ERR EXEC without MULTI\r\n").await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("EXEC", "*0\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_command_that_is_refused_when_it_is_queued_aborts_the_transaction() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        for (words, reply) in [
            ("GET", "-ERR wrong number of arguments for 'get' command\r\n"),
            ("FOO", "-ERR unknown command 'FOO', with args beginning with: \r\n"),
            ("T.NOMULTI", "-ERR Command not allowed inside a transaction\r\n"),
            ("MGET b c", "-CROSSSLOT Keys in request don't hash to the same slot\r\n"),
        ] {
            peer.ask("MULTI", "+OK\r\n").await;
            peer.ask("SET a b", "+QUEUED\r\n").await;
            peer.ask(words, reply).await;
            peer.ask("SET a b", "+QUEUED\r\n").await;
            peer.ask("EXEC", ABORTED).await;
            peer.ask("GET a", "$-1\r\n").await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_command_about_transactions_that_makes_no_sense_aborts_none() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        peer.ask("DISCARD", "-ERR DISCARD without MULTI\r\n").await;
        peer.ask("UNWATCH", "+OK\r\n").await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("MULTI", "-ERR MULTI calls can not be nested\r\n").await;
        peer.ask("WATCH a", "-ERR WATCH inside MULTI is not allowed\r\n").await;
        peer.ask("UNWATCH", "+QUEUED\r\n").await;
        peer.ask("EXEC", "*1\r\n+OK\r\n").await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask(
            "EXEC x",
            "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n",
        )
        .await;
        peer.ask("EXEC", "-ERR EXEC without MULTI\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn discard_and_reset_drop_what_was_queued() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        for (words, reply) in [("DISCARD", "+OK\r\n"), ("RESET", "+RESET\r\n")] {
            peer.ask("MULTI", "+OK\r\n").await;
            peer.ask("SET a b", "+QUEUED\r\n").await;
            peer.ask(words, reply).await;
            peer.ask("EXEC", "-ERR EXEC without MULTI\r\n").await;
            peer.ask("GET a", "$-1\r\n").await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_transaction_runs_only_if_nobody_changed_what_it_watches() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let (mut peer, mut other) = (served.connect().await, served.connect().await);
        for (ends_watch, changes, reply) in [
            (None, "SET a other", "*-1\r\n"),
            (None, "SET b other", "*1\r\n+OK\r\n"),
            (Some("UNWATCH"), "SET a other", "*1\r\n+OK\r\n"),
        ] {
            peer.ask("WATCH a", "+OK\r\n").await;
            if let Some(words) = ends_watch {
                peer.ask(words, "+OK\r\n").await;
            }
            other.ask(changes, "+OK\r\n").await;
            peer.ask("MULTI", "+OK\r\n").await;
            peer.ask("SET a own", "+QUEUED\r\n").await;
            peer.ask("EXEC", reply).await;
        }
        // An EXEC of either outcome, and a DISCARD, end the watch.
        peer.ask("WATCH a", "+OK\r\n").await;
        other.ask("SET a other", "+OK\r\n").await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("DISCARD", "+OK\r\n").await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("EXEC", "*0\r\n").await;
        // In RESP3 nothing is spelled otherwise. HELLO answers in what it asks for.
        peer.request("HELLO 3").await;
        peer.expect("%7\r\n").await;
        peer.skip_until("*0\r\n").await;
        peer.ask("WATCH a", "+OK\r\n").await;
        peer.ask("SET a own", "+OK\r\n").await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("EXEC", "_\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn the_reply_of_exec_waits_for_all_that_it_saw() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let (mut peer, mut other) = (served.connect().await, served.connect().await);
        peer.ask("WATCH a", "+OK\r\n").await;
        let sent = served.replica.counters.output_bytes.get();
        served.hold();
        other.request("SET a other").await;
        until(|| served.replica.wake_ups_asked_for() == 1).await;
        peer.send([request("MULTI"), request("EXEC")].concat()).await;
        peer.expect("+OK\r\n").await;
        until(|| served.replica.wake_ups_asked_for() == 2).await;
        assert_eq!(served.replica.counters.output_bytes.get(), sent + 5);
        served.release();
        peer.expect("*-1\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_shard_that_may_not_write_any_more_runs_no_part_of_a_transaction() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("SET a b", "+QUEUED\r\n").await;
        served.clock.advance(LEASE);
        peer.ask(
            "EXEC",
            "-EXECABORT Transaction discarded because of: CLUSTERDOWN The shard cannot reach its log, nothing was \
             executed\r\n",
        )
        .await;
        peer.ask("EXEC", "-ERR EXEC without MULTI\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn past_the_lease_no_part_of_a_transaction_tells_of_data() {
    const LAPSED: &str = "-EXECABORT Transaction discarded because of: CLUSTERDOWN The shard cannot reach its log, \
                          nothing was executed\r\n";
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        peer.ask("SET a b", "+OK\r\n").await;
        // A command of sessions that counts keys, and a watch that says that nobody changed one.
        for (before, queued) in [(None, Some("CLUSTER COUNTKEYSINSLOT 15495")), (Some("WATCH a"), None)] {
            if let Some(words) = before {
                peer.ask(words, "+OK\r\n").await;
            }
            peer.ask("MULTI", "+OK\r\n").await;
            if let Some(words) = queued {
                peer.ask(words, "+QUEUED\r\n").await;
            }
            served.clock.advance(LEASE);
            peer.ask("EXEC", LAPSED).await;
            served.renew().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_transaction_for_which_there_is_no_memory_is_run_whole_or_not_at_all() {
    on_a_worker(async {
        let limits = ClusterLimits {
            memory_bytes_max: 64 << 10,
            ..ClusterLimits::default()
        };
        let served = serve(ClusterLayout { limits, ..cluster() }).await;
        let mut peer = served.connect().await;
        let queue = [format!("SET {{a}}1 {}", "v".repeat(70 << 10)), "SET {a}2 v".to_owned()];
        for reply in [
            "*2\r\n+OK\r\n+OK\r\n",
            "-EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.\r\n",
        ] {
            peer.ask("MULTI", "+OK\r\n").await;
            for words in &queue {
                peer.ask(words, "+QUEUED\r\n").await;
            }
            peer.ask("EXEC", reply).await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_queued_is_bounded() {
    on_a_worker(async {
        let limits = ClusterLimits {
            request_bytes_max: 2000,
            ..ClusterLimits::default()
        };
        let served = serve(ClusterLayout { limits, ..cluster() }).await;
        let mut peer = served.connect().await;
        let set = format!("SET a {}", "v".repeat(700));
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask(&set, "+QUEUED\r\n").await;
        peer.ask(&set, "+QUEUED\r\n").await;
        peer.ask(
            &set,
            "-ERR the transaction is larger than the 2000 bytes of request_bytes_max\r\n",
        )
        .await;
        peer.ask("EXEC", ABORTED).await;
    })
    .await;
}

#[tokio::test]
async fn what_a_transaction_answers_is_whole_although_a_command_in_it_answers_nothing() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("CLIENT REPLY skip", "+QUEUED\r\n").await;
        peer.ask("GET a", "+QUEUED\r\n").await;
        peer.ask("EXEC", "*2\r\n+OK\r\n$-1\r\n").await;
        peer.send([request("GET a"), request("T.BIG 1")].concat()).await;
        peer.expect("$1\r\nx\r\n").await;
    })
    .await;
}
