//! SET on three disks: Tenure, where every write is, beside a primary with two replicas that is asked by WAITAOF.
//! Promises: a write counts once the server has said of it that all three copies are on disk. redis-benchmark cannot send two commands
//! in turn, so this load is made here, by a thread for each connection; the peer is far from needing more.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use serde::Serialize;

use crate::channel::Channel;
use crate::compare::measure;
use crate::load::{KEYS, Load, VALUE_BYTES, Verb};
use crate::server::Server;
use crate::target::THREE_COPIES;

const CONNECTIONS: u16 = 50;
/// What a server may be silent for.
const PATIENCE: Duration = Duration::from_secs(10);
/// What `SET` and what `WAITAOF 1 2 0` answer when all went well.
const STORED: &[u8] = b"+OK\r\n";
const ON_THREE_DISKS: &[u8] = b"*2\r\n:1\r\n:2\r\n";

/// What came of it, in one round.
#[derive(Debug, Serialize)]
pub(crate) struct ThreeCopies {
    pub(crate) pipeline: u16,
    pub(crate) round: u32,
    pub(crate) tenure_per_second: f64,
    pub(crate) valkey_per_second: f64,
    pub(crate) target: f64,
}

/// Both in turn.
pub(crate) fn compare(tenure: &Server, valkey: &Server, rounds: u32, figure: Duration) -> Result<Vec<ThreeCopies>> {
    let mut compared = Vec::new();
    for (pipeline, target) in THREE_COPIES {
        let load = Load {
            channel: Channel::Plain,
            verb: Verb::Set,
            connections: CONNECTIONS,
            pipeline,
        };
        let requests = load.requests_for(&tenure.door, figure)?;
        for round in 0..rounds {
            compared.push(ThreeCopies {
                pipeline,
                round,
                tenure_per_second: measure(tenure, load, round, requests)?.seen.per_second,
                valkey_per_second: set_and_wait(valkey.door.port, pipeline, figure)?,
                target,
            });
        }
    }
    Ok(compared)
}

/// SETs per second, each with a WAITAOF of its own, `pipeline` of these pairs at a time, for about so long.
fn set_and_wait(port: u16, pipeline: u16, figure: Duration) -> Result<f64> {
    let begun = Instant::now();
    let connections: Vec<_> = (0..CONNECTIONS)
        .map(|connection| thread::spawn(move || client(port, connection, pipeline, begun, figure)))
        .collect();
    let mut stored = 0;
    for connection in connections {
        stored += connection
            .join()
            .map_err(|_| anyhow!("a thread of the load panicked"))??;
    }
    Ok(f64::from(stored) / begun.elapsed().as_secs_f64())
}

fn client(port: u16, connection: u16, pipeline: u16, begun: Instant, figure: Duration) -> Result<u32> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context("could not connect")?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let expected = [STORED, ON_THREE_DISKS].concat().repeat(usize::from(pipeline));
    let mut answer = vec![0; expected.len()];
    let (mut stored, mut key) = (0, u32::from(connection));
    while begun.elapsed() < figure {
        let mut request = Vec::new();
        for _ in 0..pipeline {
            // Any order will do that visits all keys: the step is prime.
            key = (key + 7919) % KEYS;
            let value = "x".repeat(VALUE_BYTES);
            write!(
                request,
                "*3\r\n$3\r\nSET\r\n$16\r\nkey:{key:012}\r\n${VALUE_BYTES}\r\n{value}\r\n"
            )?;
            request.extend_from_slice(b"*4\r\n$7\r\nWAITAOF\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n0\r\n");
        }
        socket.write_all(&request)?;
        socket.read_exact(&mut answer).context("the server is silent")?;
        ensure!(
            answer == expected,
            "the server answered {}",
            String::from_utf8_lossy(&answer)
        );
        stored += u32::from(pipeline);
    }
    Ok(stored)
}
