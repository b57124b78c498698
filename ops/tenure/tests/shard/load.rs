//! Writers that remember what they were told. Each has keys of its own, which it writes once, and a counter.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use redis::cluster_async::ClusterConnection;
use redis::{RedisResult, cmd};
use tokio::task::{JoinHandle, LocalSet};

use super::{LOOK_AGAIN_AFTER, Shards, WITHIN};

const WRITERS: usize = 4;

/// See the top of the file.
pub(crate) struct Load {
    acknowledged: Rc<Cell<u64>>,
    stop: Rc<Cell<bool>>,
    writers: Vec<JoinHandle<Book>>,
    tasks: LocalSet,
    longest_gap: Rc<Cell<Duration>>,
}

/// What one writer knows.
#[derive(Debug, Default)]
struct Book {
    writer: usize,
    /// Numbers of the keys that it was told are written.
    written: BTreeSet<u64>,
    /// How often its counter was acknowledged, and how often it may have counted beside that.
    counted: u64,
    perhaps: u64,
}

/// What all writers know, in the end.
pub(crate) struct Written(Vec<Book>);

impl Load {
    pub(crate) async fn start(shards: &Shards) -> Self {
        let load = Self {
            acknowledged: Rc::default(),
            stop: Rc::default(),
            writers: Vec::new(),
            tasks: LocalSet::new(),
            longest_gap: Rc::default(),
        };
        let mut writers = Vec::new();
        for writer in 0..WRITERS {
            let client = shards.client().await;
            let once = shards.client_without_retries().await;
            writers.push(load.tasks.spawn_local(write(writer, client, once, load.handles())));
        }
        Self { writers, ..load }
    }

    fn handles(&self) -> Handles {
        Handles {
            acknowledged: Rc::clone(&self.acknowledged),
            stop: Rc::clone(&self.stop),
            longest_gap: Rc::clone(&self.longest_gap),
            last: Rc::new(RefCell::new(Instant::now())),
        }
    }

    /// How many writes were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.get()
    }

    /// Runs as long as something else does.
    pub(crate) async fn goes_on_while<T>(&self, other: impl Future<Output = T>) -> T {
        self.tasks.run_until(other).await
    }

    /// Runs until so many more writes are acknowledged.
    pub(crate) async fn acknowledges(&self, more: u64) {
        let enough = self.acknowledged() + more;
        let acknowledged = async {
            while self.acknowledged() < enough {
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            }
        };
        let acknowledged = self.tasks.run_until(tokio::time::timeout(WITHIN, acknowledged));
        acknowledged.await.expect("writes go on");
    }

    /// Ends the writers, and tells what they know.
    pub(crate) async fn stop(self) -> Written {
        self.stop.set(true);
        let books = self.tasks.run_until(futures::future::join_all(self.writers)).await;
        println!(
            "{} writes acknowledged, longest time of one writer without: {:?}",
            self.acknowledged.get(),
            self.longest_gap.get()
        );
        Written(books.into_iter().map(Result::unwrap).collect())
    }
}

struct Handles {
    acknowledged: Rc<Cell<u64>>,
    stop: Rc<Cell<bool>>,
    longest_gap: Rc<Cell<Duration>>,
    last: Rc<RefCell<Instant>>,
}

impl Handles {
    fn acknowledge(&self) {
        self.acknowledged.set(self.acknowledged.get() + 1);
        let now = Instant::now();
        let gap = now - self.last.replace(now);
        self.longest_gap.set(self.longest_gap.get().max(gap));
    }
}

async fn write(writer: usize, mut client: ClusterConnection, mut once: ClusterConnection, handles: Handles) -> Book {
    let mut book = Book {
        writer,
        ..Book::default()
    };
    let mut number = 0;
    while !handles.stop.get() {
        let set: RedisResult<()> = cmd("SET")
            .arg(key(writer, number))
            .arg(number)
            .query_async(&mut client)
            .await;
        if set.is_ok() {
            book.written.insert(number);
            handles.acknowledge();
        }
        number += 1;
        let counted: RedisResult<u64> = cmd("INCR").arg(counter(writer)).query_async(&mut once).await;
        match counted {
            Ok(_) => {
                book.counted += 1;
                handles.acknowledge();
            }
            Err(_) => {
                book.perhaps += 1;
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            }
        }
    }
    book
}

fn key(writer: usize, number: u64) -> String {
    format!("writer {writer} key {number}")
}

fn counter(writer: usize) -> String {
    format!("writer {writer} counter")
}

impl Written {
    /// Holds what the shards have against what the writers were told.
    pub(crate) async fn check(&self, shards: &Shards) {
        let mut client = shards.client().await;
        for book in &self.0 {
            for number in &book.written {
                let value: Option<u64> = cmd("GET")
                    .arg(key(book.writer, *number))
                    .query_async(&mut client)
                    .await
                    .unwrap();
                assert_eq!(
                    value,
                    Some(*number),
                    "writer {} was told that it is written",
                    book.writer
                );
            }
            let value: u64 = cmd("GET")
                .arg(counter(book.writer))
                .query_async(&mut client)
                .await
                .unwrap();
            let possible = book.counted..=book.counted + book.perhaps;
            assert!(
                possible.contains(&value),
                "counted {possible:?} times, and the counter says {value}"
            );
        }
    }

    /// The same on the first shard's replica, once it has caught up.
    pub(crate) async fn check_on_replica(&self, shards: &Shards) {
        let mut replica = shards.connection_to(1).await;
        cmd("READONLY").query_async::<()>(&mut replica).await.unwrap();
        for book in &self.0 {
            for number in &book.written {
                while cmd("GET")
                    .arg(key(book.writer, *number))
                    .query_async::<Option<u64>>(&mut replica)
                    .await
                    .unwrap()
                    != Some(*number)
                {
                    tokio::time::sleep(LOOK_AGAIN_AFTER).await;
                }
            }
        }
    }
}
