//! Whatever a client sends, the server goes on.
//! Every stream is requests of all commands with arguments of all kinds, damaged here and there, in pieces of any size. The
//! connection must end by itself when its client has said everything, without a panic, and the next one must be served.
//! `TENURE_GARBAGE_SEED=n` runs one stream only, which a failure names.

use std::rc::Rc;

use tenure_engine::Random;
use tenure_engine::command::{Arity, Spec};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::super::Connection;
use crate::client::Client;
use crate::layout::{ClusterLayout, ClusterLimits};
use crate::table::Table;
use crate::testing::{Served, cluster, on_a_worker, serve};

const STREAMS: u64 = 500;
const REQUESTS_PER_STREAM: usize = 60;

/// Arguments that commands trip over.
#[rustfmt::skip]
const WORDS: &[&[u8]] = &[
    b"", b"0", b"1", b"-1", b"2", b"3", b"10", b"01", b"1.5", b"nan", b"inf", b"-inf", b"1e400",
    b"9223372036854775807", b"-9223372036854775808", b"18446744073709551615", b"4294967296", b"16384",
    b"*", b"[^", b"\\", b"k", b"{k}1", b"{k}2", b"{", b"{}", b"f",
    b"EX", b"PX", b"NX", b"XX", b"GET", b"KEEPTTL", b"COUNT", b"MATCH", b"WITHVALUES", b"REPLACE", b"TYPE", b"ID",
    b"ON", b"OFF", b"SKIP", b"AUTH", b"SETNAME", b"no", b"yes", b"default", b"\r\n+OK\r\n", b"\xff\xfe\x00",
];

/// What may stand where something else stood.
#[rustfmt::skip]
const DAMAGE: &[&[u8]] = &[
    b"*", b"$", b"\r\n", b"\n", b"\"", b"'", b"-1", b"*0\r\n", b"*-1\r\n", b"*3\r\n", b"*1048577\r\n",
    b"$9223372036854775807\r\n", b"$8388609\r\n", b"*1\r\n$0\r\n\r\n", b"PING\r\n", b"\x16\x03", b"\0",
    b"POST / HTTP/1.1\r\n", b"~2\r\n",
];

#[tokio::test]
async fn no_garbage_ends_or_stops_the_server() {
    let seeds = match std::env::var("TENURE_GARBAGE_SEED") {
        Ok(seed) => {
            let seed = seed.parse().unwrap();
            seed..=seed
        }
        Err(_) => 1..=STREAMS,
    };
    on_a_worker(async {
        let limits = ClusterLimits {
            memory_bytes_max: 8 << 20,
            request_bytes_max: 1 << 20,
            output_bytes_max: 2 << 20,
            ..ClusterLimits::default()
        };
        let served = serve(ClusterLayout { limits, ..cluster() }).await;
        let table = Rc::new(Table::new());
        let (mut streams, mut replies_bytes) = (0, 0);
        for seed in seeds {
            eprintln!("seed {seed}");
            let stream = stream(&mut Random::new(seed), &table.specs());
            replies_bytes += send(&served, &table, &stream, seed).await;
            streams += 1;
            let mut peer = served.connect().await;
            peer.ask("SET seed x", "+OK\r\n").await;
            peer.ask("GET seed", "$1\r\nx\r\n").await;
            peer.ask("FLUSHALL", "+OK\r\n").await;
        }
        // It is no use if the first request ends every stream.
        let is_enough = streams < STREAMS || replies_bytes > 1_000_000;
        assert!(is_enough, "{replies_bytes} bytes of replies to {streams} streams");
    })
    .await;
}

/// Sends a stream on a connection of its own, and waits for the end of the connection, which a panic would make an error.
/// How many bytes it answered.
async fn send(served: &Served, table: &Rc<Table>, mut stream: &[u8], seed: u64) -> usize {
    let mut random = Random::new(seed);
    let (id, address) = (1_000_000 + seed, served.address);
    let client = Client::new(id, address, address, served.replica.clock().boot());
    let (theirs, ours) = duplex(1 + random.below(5_000));
    let connection = Connection::new(
        ours,
        client,
        Rc::clone(&served.replica),
        Rc::clone(table),
        Rc::clone(&served.buffers),
    );
    let running = tokio::task::spawn_local(connection);
    let (mut reading, mut writing) = tokio::io::split(theirs);
    let replies = tokio::task::spawn_local(async move {
        let mut replies = Vec::new();
        // The connection may end in the middle.
        let _ = reading.read_to_end(&mut replies).await;
        replies.len()
    });
    while !stream.is_empty() {
        let (piece, rest) = stream.split_at(1 + random.below(stream.len().min(3_000)));
        if writing.write_all(piece).await.is_err() {
            break;
        }
        stream = rest;
    }
    let _ = writing.shutdown().await;
    running.await.unwrap();
    replies.await.unwrap()
}

fn stream(random: &mut Random, specs: &[&'static Spec]) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Most streams are whole, so that what comes late in them is reached.
    let damages = random.below(4) == 0;
    for _ in 0..random.below(REQUESTS_PER_STREAM) + 1 {
        let mut request = request(random, specs);
        if damages && random.below(8) == 0 {
            damage(random, &mut request);
        }
        bytes.extend(request);
    }
    bytes
}

fn request(random: &mut Random, specs: &[&'static Spec]) -> Vec<u8> {
    let name = match random.below(6) {
        // Those that change what the others do.
        0 => pick(random, &["multi", "exec", "watch", "hello", "client|reply", "reset"]),
        _ => pick(random, specs).name,
    };
    let spec = specs.iter().find(|spec| spec.name == name).unwrap();
    let (Arity::Exactly(args) | Arity::AtLeast(args)) = spec.arity;
    let mut words: Vec<&[u8]> = name.split('|').map(str::as_bytes).collect();
    let wanted = match random.below(10) {
        0 => random.below(12),
        1 => args + random.below(300),
        2..=4 => args + random.below(4),
        _ => args,
    };
    while words.len() < wanted {
        words.push(pick(random, WORDS));
    }
    if random.below(20) == 0 {
        return [words.join(&b' '), b"\r\n".to_vec()].concat();
    }
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let long = random.below(500) == 0;
        let word = if long { &[b'w'; 50_000] } else { word };
        bytes.extend(format!("${}\r\n", word.len()).bytes());
        bytes.extend([word, b"\r\n"].concat());
    }
    bytes
}

fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    let at = random.below(bytes.len());
    let end = (at + random.below(6)).min(bytes.len());
    match random.below(5) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => bytes.insert(at, u8::try_from(random.below(256)).unwrap()),
        3 => {
            let piece = bytes.get(at..end).unwrap().to_vec();
            bytes.splice(at..at, piece);
        }
        _ => drop(bytes.splice(at..end, pick(random, DAMAGE).iter().copied())),
    }
}

fn pick<T: Copy>(random: &mut Random, from: &[T]) -> T {
    *from.get(random.below(from.len())).unwrap()
}
