//! Connections of callers: how many there are, and how long each goes on.
//! Promises: neither one address nor all together hold more connections than are allowed; one over that is closed before TLS begins. None
//! lives for ever, also if its peer reads nothing of what it asked for. Leaves to `serve`: how fast a request has to come.

use std::collections::HashMap;
use std::future::{Future, Ready, ready};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready as when_ready};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tracing::debug;

use super::rate::{Source, network_of};

/// What connections may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections at a time.
    pub all_max: usize,
    /// Those of one address; of IPv6 of one /64.
    pub of_one_max: usize,
    /// How long one lives.
    pub life_max: Duration,
    /// How long a peer may take none of what is written to it.
    pub stall_max: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            all_max: 1024,
            of_one_max: 256,
            life_max: Duration::from_secs(600),
            stall_max: Duration::from_secs(30),
        }
    }
}

/// Lets connections in.
#[derive(Debug, Clone)]
pub(super) struct Door {
    bounds: Bounds,
    inside: Arc<Inside>,
}

impl Door {
    /// Nobody is inside.
    pub(super) fn new(bounds: Bounds) -> Self {
        let inside = Arc::default();
        Self { bounds, inside }
    }

    fn let_in(&self, stream: TcpStream) -> io::Result<Bounded<TcpStream>> {
        let from = stream.peer_addr()?.ip();
        let place = self.place(from).ok_or_else(|| {
            debug!(%from, "a connection was closed: there are as many as may be");
            io::Error::from(io::ErrorKind::ConnectionRefused)
        })?;
        Ok(Bounded::new(stream, &self.bounds, place))
    }

    fn place(&self, from: IpAddr) -> Option<Place> {
        let source = network_of(from);
        let mut counts = self.inside.counts();
        let of_one = counts.of_each.get(&source).copied().unwrap_or_default();
        if counts.all >= self.bounds.all_max || of_one >= self.bounds.of_one_max {
            return None;
        }
        counts.all += 1;
        counts.of_each.insert(source, of_one + 1);
        drop(counts);
        let inside = Arc::clone(&self.inside);
        Some(Place { inside, source })
    }
}

impl<S> Accept<TcpStream, S> for Door {
    type Stream = Bounded<TcpStream>;
    type Service = S;
    type Future = Ready<io::Result<(Self::Stream, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(self.let_in(stream).map(|stream| (stream, service)))
    }
}

/// Who is inside.
#[derive(Debug, Default)]
struct Inside(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    of_each: HashMap<Source, usize>,
}

impl Inside {
    /// Counts are changed whole or not at all, also if somebody panics.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection is counted, until this is dropped.
#[derive(Debug)]
struct Place {
    inside: Arc<Inside>,
    source: Source,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.inside.counts();
        counts.all -= 1;
        if let Some(count) = counts.of_each.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                counts.of_each.remove(&self.source);
            }
        }
    }
}

/// A connection that ends by itself.
#[derive(Debug)]
pub(super) struct Bounded<I> {
    inner: I,
    end: Pin<Box<Sleep>>,
    stall_max: Duration,
    /// The peer takes nothing: until when that is borne.
    stalled: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl<I> Bounded<I> {
    fn new(inner: I, bounds: &Bounds, place: Place) -> Self {
        Self {
            inner,
            end: Box::pin(sleep(bounds.life_max)),
            stall_max: bounds.stall_max,
            stalled: None,
            _place: place,
        }
    }

    fn expect_alive(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.end.as_mut().poll(context) {
            Poll::Ready(()) => Err(over("the connection is as old as one may be")),
            Poll::Pending => Ok(()),
        }
    }

    /// The peer takes nothing: for how long does it do so?
    fn bear<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let stall_max = self.stall_max;
        let until = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall_max)));
        when_ready!(until.as_mut().poll(context));
        Poll::Ready(Err(over("the peer reads nothing of what is written")))
    }
}

fn over(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, why)
}

impl<I: AsyncRead + Unpin> AsyncRead for Bounded<I> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.expect_alive(context)?;
        Pin::new(&mut this.inner).poll_read(context, into)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Bounded<I> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.expect_alive(context)?;
        match Pin::new(&mut this.inner).poll_write(context, bytes) {
            Poll::Pending => this.bear(context),
            written => {
                this.stalled = None;
                written
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::timeout;

    use super::*;

    /// Nothing here takes as long; what does has failed.
    const BOUND: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(20);

    fn bounded(life_max: Duration, stall_max: Duration) -> (Bounded<DuplexStream>, DuplexStream) {
        let bounds = Bounds {
            life_max,
            stall_max,
            ..Bounds::default()
        };
        let (ours, theirs) = duplex(16);
        let place = Door::new(bounds).place("127.0.0.1".parse().unwrap()).unwrap();
        (Bounded::new(ours, &bounds, place), theirs)
    }

    #[test]
    fn neither_one_address_nor_all_together_take_more_places_than_there_are() {
        let door = Door::new(Bounds {
            all_max: 3,
            of_one_max: 2,
            ..Bounds::default()
        });
        let place = |from: &str| door.place(from.parse().unwrap());
        let one = [place("2001:db8::1").unwrap(), place("2001:db8::2").unwrap()];
        assert!(place("2001:db8::3").is_none(), "they are of one network");
        let other = place("127.0.0.1").unwrap();
        assert!(place("127.0.0.2").is_none(), "all are taken");
        drop(one);
        assert!(place("127.0.0.2").is_some());
        drop(other);
        let counts = door.inside.counts();
        assert_eq!(
            (counts.all, counts.of_each.len()),
            (0, 0),
            "who has left takes no memory"
        );
    }

    #[tokio::test]
    async fn a_connection_ends_also_if_its_peer_goes_on() {
        let (mut ours, theirs) = bounded(SHORT, BOUND);
        let ended = timeout(BOUND, ours.read_u8()).await.unwrap();
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let ended = timeout(BOUND, ours.write_u8(1)).await.unwrap();
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(theirs);
    }

    #[tokio::test]
    async fn a_peer_that_reads_nothing_is_not_written_to_for_ever() {
        let (mut ours, mut theirs) = bounded(BOUND * 2, SHORT);
        ours.write_all(&[1; 16]).await.unwrap();
        let ended = timeout(BOUND, ours.write_u8(1)).await.unwrap();
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        // One that reads again is written to again.
        theirs.read_exact(&mut [0; 16]).await.unwrap();
        ours.write_all(&[1; 16]).await.unwrap();
        assert!(ours.stalled.is_none());
    }
}
