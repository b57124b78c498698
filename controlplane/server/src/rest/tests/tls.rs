//! The whole of it over a real socket, with TLS.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::site::Site;
use crate::RestError;
use crate::rest::connection::Bounds;
use crate::rest::serve::{HEAD_TIME_MAX, serve};

/// Nothing here takes as long; what does has failed.
const BOUND: Duration = Duration::from_secs(20);

struct Served {
    address: SocketAddr,
    connector: TlsConnector,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), RestError>>,
}

impl Served {
    fn start(site: &Site) -> Self {
        Self::with(site, BOUND, Bounds::default())
    }

    fn with(site: &Site, end_time_max: Duration, bounds: Bounds) -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = cert.der().clone();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await;
        };
        let server = serve(
            listener,
            server_config(&certificate, key),
            site.router.clone(),
            stopped,
            end_time_max,
            bounds,
        );
        Self {
            address,
            connector: connector(&certificate),
            stop,
            server: tokio::spawn(server),
        }
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        self.try_connect().await.unwrap()
    }

    async fn try_connect(&self) -> io::Result<TlsStream<TcpStream>> {
        let socket = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        self.connector.connect(name, socket).await
    }
}

fn server_config(certificate: &CertificateDer<'static>, key: PrivateKeyDer<'static>) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    Arc::new(builder.with_single_cert(vec![certificate.clone()], key).unwrap())
}

fn connector(certificate: &CertificateDer<'static>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// The answer to one request, to the end of its connection.
async fn exchange(stream: &mut TlsStream<TcpStream>, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A server that closes without TLS's farewell has still answered.
    let _ = tokio::time::timeout(BOUND, stream.read_to_end(&mut answer))
        .await
        .unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_caller_is_served_over_tls_and_its_address_stands_in_the_audit_log() {
    let site = Site::new().await;
    let served = Served::start(&site);
    let mut stream = served.connect().await;
    let body = r#"{"name":"demo"}"#;
    let request = format!(
        "POST /v1/tenants HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        site.owner,
        body.len()
    );
    let answer = exchange(&mut stream, &request).await;
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert!(answer.contains("location: /v1/tenants/demo"), "{answer}");
    let row = &site.get("/v1/audit-log").await.body["items"][0];
    assert_eq!(row["source"], "127.0.0.1");
    served.stop.send(()).unwrap();
    tokio::time::timeout(BOUND, served.server)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn it_ends_when_told_also_if_callers_linger() {
    let site = Site::new().await;
    let served = Served::start(&site);
    let idle = served.connect().await;
    let mut half = served.connect().await;
    half.write_all(b"GET /v1/tenants HTTP/1.1\r\nhost:").await.unwrap();
    served.stop.send(()).unwrap();
    tokio::time::timeout(BOUND, served.server)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    drop((idle, half));
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn requests_that_are_under_way_at_the_end_are_waited_for_and_not_for_ever() {
    let site = Site::new().await;
    let begun = site.post("/v1/admin/log-groups/verify", &json!({})).await;
    let path = format!("/v1/operations/{}?wait=60s", begun.body["id"].as_str().unwrap());
    let waiting = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\r\n",
        site.owner
    );
    let served = Served::with(&site, Duration::from_millis(200), Bounds::default());
    let mut lingers = served.connect().await;
    lingers.write_all(waiting.as_bytes()).await.unwrap();
    served.stop.send(()).unwrap();
    tokio::time::timeout(BOUND, served.server)
        .await
        .unwrap()
        .unwrap()
        .unwrap();

    let served = Served::start(&site);
    let mut answered = served.connect().await;
    answered.write_all(waiting.as_bytes()).await.unwrap();
    while site.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    served.stop.send(()).unwrap();
    site.finish().await;
    let answer = exchange(&mut answered, "").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("SUCCEEDED"),
        "{answer}"
    );
    tokio::time::timeout(BOUND, served.server)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn what_is_no_request_ends_its_own_connection_only() {
    let site = Site::new().await;
    let served = Served::start(&site);
    let answer = exchange(&mut served.connect().await, "*1\r\n$4\r\nPING\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let mut plain = TcpStream::connect(served.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(BOUND, plain.read_to_end(&mut answer))
        .await
        .unwrap();
    assert!(!answer.starts_with(b"HTTP"), "it does not speak without TLS");
    let get = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let answer = exchange(&mut served.connect().await, get).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    served.stop.send(()).unwrap();
    tokio::time::timeout(BOUND, served.server)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_connection_over_those_that_one_address_may_have_is_closed_at_once() {
    let site = Site::new().await;
    let bounds = Bounds {
        of_one_max: 2,
        ..Bounds::default()
    };
    let served = Served::with(&site, BOUND, bounds);
    let mut held = [served.connect().await, served.connect().await];
    assert!(served.try_connect().await.is_err());
    // One that ends leaves its place to another.
    let get = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let answer = exchange(&mut held[0], get).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let connected = async { while served.try_connect().await.is_err() {} };
    tokio::time::timeout(BOUND, connected).await.unwrap();
}

#[tokio::test]
async fn a_head_that_does_not_end_is_not_kept() {
    let site = Site::new().await;
    let served = Served::start(&site);
    for head in [
        format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: {}", "a".repeat(20_000)),
        format!("GET /{}", "a".repeat(20_000)),
    ] {
        let mut stream = served.connect().await;
        // The rest of the head is waited for as long as that, if it is not too large already.
        let answer = tokio::time::timeout(HEAD_TIME_MAX / 2, exchange(&mut stream, &head))
            .await
            .unwrap();
        // Bytes that were not read any more may make the network drop the answer.
        let is_refused = ["HTTP/1.1 431", "HTTP/1.1 414"].map(|status| answer.starts_with(status));
        assert!(answer.is_empty() || is_refused.contains(&true), "{answer}");
    }
}
