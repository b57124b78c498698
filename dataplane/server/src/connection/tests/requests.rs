//! What a request is, and what becomes of its reply.

use bytes::Bytes;
use tenure_engine::Random;

use crate::client::Push;
use crate::layout::{ClusterLayout, User};
use crate::testing::{cluster, on_a_worker, request, serve, serve_loading, until};

#[tokio::test]
async fn replies_come_in_the_order_of_requests_however_the_bytes_are_split() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut sent = Vec::new();
        let mut expected = Vec::new();
        for number in 0..50 {
            sent.extend(request(&format!("SET key-{number} value-{number}")));
            sent.extend(request(&format!("GET key-{number}")));
            let value = format!("value-{number}");
            expected.extend(format!("+OK\r\n${}\r\n{value}\r\n", value.len()).bytes());
        }
        for seed in 0..20 {
            let mut random = Random::new(seed);
            let mut peer = served.connect().await;
            let mut rest = &sent[..];
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(1 + random.below(rest.len().min(200)));
                peer.send(piece).await;
                tokio::task::yield_now().await;
                rest = behind;
            }
            eprintln!("seed {seed}");
            peer.expect(&expected).await;
        }
    })
    .await;
}

#[tokio::test]
async fn more_requests_than_a_poll_runs_are_all_answered() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        let count = super::super::run::REQUESTS_PER_POLL * 3 + 1;
        peer.send(request("GET a").repeat(count)).await;
        peer.expect(b"$-1\r\n".repeat(count)).await;
    })
    .await;
}

#[tokio::test]
async fn a_value_larger_than_any_buffer_goes_in_and_out() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        let value = "v".repeat(3 << 20);
        peer.ask(&format!("SET big {value}"), "+OK\r\n").await;
        peer.ask("GET big", &format!("${}\r\n{value}\r\n", value.len())).await;
        until(|| served.newest_client().shown.borrow().output_bytes == 0).await;
    })
    .await;
}

/// As redis 7.0.15 answers.
#[tokio::test]
async fn what_is_no_command_is_answered_as_redis_answers_it() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        let cases = [
            (
                "FOO a",
                "-ERR unknown command 'FOO', with args beginning with: 'a' \r\n",
            ),
            ("GeT a b", "-ERR wrong number of arguments for 'get' command\r\n"),
            ("OBJECT", "-ERR wrong number of arguments for 'object' command\r\n"),
            ("OBJECT FOO x", "-ERR unknown subcommand 'FOO'. Try OBJECT HELP.\r\n"),
        ];
        for (words, reply) in cases {
            peer.ask(words, reply).await;
        }
        peer.send("\r\n").await;
        peer.send("set a b\r\nget a\n").await;
        peer.expect("+OK\r\n$1\r\nb\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn what_a_failed_command_wrote_is_not_sent() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        peer.ask("T.HALF", "-ERR syntax error\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_broken_frame_is_the_last_thing_of_a_connection() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        for (bytes, error) in [
            ("*abc\r\n", "invalid multibulk length"),
            ("*1\r\n$abc\r\n", "invalid bulk length"),
            ("*1\r\nabc\r\n", "expected '$', got 'a'"),
        ] {
            let mut peer = served.connect().await;
            peer.send([&request("GET a"), bytes.as_bytes(), &request("GET a")].concat())
                .await;
            peer.expect(format!("$-1\r\n-ERR Protocol error: {error}\r\n")).await;
            peer.expect_end().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_browser_is_sent_away() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        peer.send("POST / HTTP/1.1\r\nHost: a\r\n\r\nSET a b\r\n").await;
        peer.expect_end().await;
        let mut peer = served.connect().await;
        peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        peer.expect("-ERR wrong number of arguments for 'get' command\r\n")
            .await;
        peer.expect_end().await;
    })
    .await;
}

#[tokio::test]
async fn a_client_that_speaks_tls_on_a_plain_port_is_sent_away() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        peer.send(b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03abc").await;
        peer.expect_end().await;
    })
    .await;
}

fn with_password() -> ClusterLayout {
    let users = vec![User {
        name: "default".to_owned(),
        password_sha256: Some([1; 32]),
    }];
    ClusterLayout { users, ..cluster() }
}

/// As redis 7.0.15 answers: what is no command at all is told to nobody in particular.
#[tokio::test]
async fn nobody_runs_a_command_before_auth() {
    on_a_worker(async {
        let served = serve(with_password()).await;
        let mut peer = served.connect().await;
        peer.ask("GET a", "-NOAUTH Authentication required.\r\n").await;
        peer.ask("GET", "-ERR wrong number of arguments for 'get' command\r\n")
            .await;
        peer.ask(
            "EXEC",
            "-EXECABORT Transaction discarded because of: NOAUTH Authentication required.\r\n",
        )
        .await;
        peer.ask("T.LOGIN", "+OK\r\n").await;
        peer.ask("GET a", "$-1\r\n").await;
        peer.ask("RESET", "+RESET\r\n").await;
        peer.ask("GET a", "-NOAUTH Authentication required.\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_shard_that_loads_refuses_commands_on_data() {
    on_a_worker(async {
        let served = serve_loading(cluster(), None).await;
        let mut peer = served.connect().await;
        let loading = "-LOADING Tenure is loading the dataset from the log\r\n";
        peer.ask("GET a", loading).await;
        peer.ask("T.BIG 1", loading).await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("GET a", loading).await;
        peer.ask(
            "EXEC",
            "-EXECABORT Transaction discarded because of previous errors.\r\n",
        )
        .await;
    })
    .await;
}

/// As redis 7.0.15 answers.
#[tokio::test]
async fn replies_that_a_client_does_not_want_are_not_sent() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        for (words, replies) in [
            ("CLIENT REPLY off;GET a;FOO;CLIENT REPLY on;GET a", "+OK\r\n$-1\r\n"),
            ("CLIENT REPLY skip;GET a;T.BIG 1", "$1\r\nx\r\n"),
            ("CLIENT REPLY skip;CLIENT REPLY skip;GET a;T.BIG 1", "$1\r\nx\r\n"),
            ("CLIENT REPLY skip;CLIENT REPLY on;T.BIG 1", "+OK\r\n$1\r\nx\r\n"),
            ("CLIENT REPLY skip;FOO;T.BIG 1", "$1\r\nx\r\n"),
        ] {
            let mut peer = served.connect().await;
            let requests: Vec<u8> = words.split(';').flat_map(request).collect();
            peer.send(requests).await;
            peer.request("QUIT").await;
            assert_eq!(
                String::from_utf8(peer.rest().await).unwrap(),
                format!("{replies}+OK\r\n"),
                "{words}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn pushes_are_sent_in_their_order_even_to_a_client_without_replies() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        peer.send([request("GET a"), request("CLIENT REPLY off")].concat())
            .await;
        peer.expect("$-1\r\n").await;
        let client = served.newest_client();
        for bytes in [">1\r\n+one\r\n", ">1\r\n+two\r\n"] {
            let bytes = Bytes::from(bytes);
            client.push(Push { bytes, ticket: None }, 100);
        }
        peer.expect(">1\r\n+one\r\n>1\r\n+two\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_request_that_waits_lets_none_behind_it_run() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        peer.send([request("T.PARK"), request("SET a b"), request("GET a")].concat())
            .await;
        until(|| served.replica.clients.len() == 1).await;
        let client = served.newest_client();
        until(|| client.shown.borrow().input_bytes > 0).await;
        client.wake();
        tokio::task::yield_now().await;
        assert_eq!(served.replica.counters.commands_processed.get(), 1);
        served.let_parked_go(&client);
        client.wake();
        peer.expect(":1\r\n+OK\r\n$1\r\nb\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn no_request_waits_within_a_transaction() {
    on_a_worker(async {
        let served = serve(cluster()).await;
        let mut peer = served.connect().await;
        peer.ask("MULTI", "+OK\r\n").await;
        peer.ask("T.PARK", "+QUEUED\r\n").await;
        peer.ask("EXEC", "*1\r\n:0\r\n").await;
    })
    .await;
}
