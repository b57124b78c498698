//! The control plane's end of a session, for tests of the other end: it says what it is told to, and keeps what it hears.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt};
use tenure_devcluster::Authority;
use tenure_wire::control_v1::{Desired, Down, Hello, Report, Up, down, up};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

/// It listens for as long as this is held.
pub(crate) struct NodesService {
    pub(crate) desired: watch::Sender<Option<Desired>>,
    pub(crate) heard: watch::Receiver<Heard>,
    serving: JoinHandle<()>,
}

/// The newest of each that it heard.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    pub(crate) hello: Option<Hello>,
    pub(crate) report: Option<Report>,
}

impl NodesService {
    pub(crate) fn start(authority: &Authority, address: SocketAddr) -> Self {
        let credentials = authority.issue("control.tenure.internal").unwrap();
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(&credentials.certificate_pem, &credentials.key_pem))
            .client_ca_root(Certificate::from_pem(&credentials.authority_pem));
        let desired = watch::Sender::new(None);
        let (hears, heard) = watch::channel(Heard::default());
        let nodes = Nodes {
            desired: desired.subscribe(),
            hears,
        };
        let server = Server::builder().tls_config(tls).unwrap().add_service(nodes);
        let serving = tokio::spawn(async move { server.serve(address).await.unwrap() });
        Self {
            desired,
            heard,
            serving,
        }
    }

    pub(crate) fn say(&self, desired: Desired) {
        self.desired.send_replace(Some(desired));
    }
}

impl Drop for NodesService {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What `cargo xtask gen` would make of the service, for one method.
#[derive(Debug, Clone)]
struct Nodes {
    desired: watch::Receiver<Option<Desired>>,
    hears: watch::Sender<Heard>,
}

impl NamedService for Nodes {
    const NAME: &'static str = "tenure.control.v1.Nodes";
}

impl Service<http::Request<Body>> for Nodes {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let session = Session(self.clone());
        Box::pin(async move {
            let codec = tonic_prost::ProstCodec::default();
            Ok(Grpc::new(codec).streaming(session, request).await)
        })
    }
}

struct Session(Nodes);

impl StreamingService<Up> for Session {
    type Response = Down;
    type ResponseStream = BoxStream<'static, Result<Down, Status>>;
    type Future = BoxFuture<'static, Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<Up>>) -> Self::Future {
        let Nodes { desired, hears } = self.0.clone();
        Box::pin(async move {
            let mut ups = request.into_inner();
            // A control plane knows who calls before it answers.
            let first = ups.message().await?.and_then(|up| up.message);
            let Some(up::Message::Hello(hello)) = first else {
                return Err(Status::invalid_argument("the first message is a Hello"));
            };
            hears.send_modify(|heard| heard.hello = Some(hello));
            tokio::spawn(async move {
                while let Ok(Some(up)) = ups.message().await {
                    if let Some(up::Message::Report(report)) = up.message {
                        hears.send_modify(|heard| heard.report = Some(report));
                    }
                }
            });
            Ok(Response::new(downs(desired).boxed()))
        })
    }
}

fn downs(desired: watch::Receiver<Option<Desired>>) -> impl futures::Stream<Item = Result<Down, Status>> {
    futures::stream::unfold(
        (desired, true),
        async |(mut desired, is_first): (watch::Receiver<_>, bool)| {
            if !is_first {
                desired.changed().await.ok()?;
            }
            let newest: Option<Desired> = desired.borrow_and_update().clone();
            let message = newest.map(down::Message::Desired);
            Some((Ok(Down { message }), (desired, false)))
        },
    )
}
