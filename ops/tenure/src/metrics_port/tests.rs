//! The port of metrics: who may ask, what is answered, and when it is not opened at all. Its bounds are tried where they are made, in
//! `tenure_control_server`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::AtomicUsize;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use futures::FutureExt;
use tenure_devcluster::{Authority, Port};
use tenure_types::NodeId;
use tokio::task::{spawn_blocking, yield_now};
use tower::ServiceExt;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use super::*;

/// Nothing here takes as long; what does has failed.
const BOUND: Duration = Duration::from_secs(20);

fn told(token: Option<&str>) -> Arc<Told> {
    let registry = Registry::new();
    about_the_process(&registry, "log", "log-1").unwrap();
    Arc::new(Told {
        registry,
        measure: OnceLock::new(),
        token_sha256: token.map(|token| Sha256::digest(token).into()),
        is_ready: AtomicBool::new(false),
        turn: Mutex::new(()),
    })
}

/// Status and body.
async fn ask(told: &Arc<Told>, method: &str, path: &str, authorization: Option<&str>) -> (u16, String) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(value) = authorization {
        request = request.header("Authorization", value);
    }
    let request = request.body(Body::empty()).unwrap();
    let answer = router(Arc::clone(told)).oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn who_does_not_show_the_token_scrapes_nothing() {
    let told = told(Some("s3cret"));
    for wrong in [
        None,
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer s3cre"),
        Some("Bearer s3cret2"),
        Some("bearer s3cret"),
        Some("Basic s3cret"),
        Some("s3cret"),
    ] {
        let (status, body) = ask(&told, "GET", "/metrics", wrong).await;
        assert_eq!(status, 401, "{wrong:?}");
        assert!(!body.contains("tenure_"), "{body}");
    }
    let (status, body) = ask(&told, "GET", "/metrics", Some("Bearer s3cret")).await;
    assert_eq!(status, 200);
    assert!(
        body.contains("tenure_build_info{node=\"log-1\",role=\"log\",version="),
        "{body}"
    );
    assert!(body.contains("process_resident_memory_bytes "), "{body}");
    assert_eq!(ask(&told, "GET", "/healthz", None).await.0, 200);
}

#[tokio::test]
async fn what_is_not_there_is_404_and_nothing_can_be_changed() {
    let told = told(None);
    for path in ["/", "/metrics/", "/v1/clusters", "/metrics/x"] {
        assert_eq!(ask(&told, "GET", path, None).await.0, 404, "{path}");
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "BREW"] {
        for path in ["/metrics", "/healthz", "/readyz"] {
            assert_eq!(ask(&told, method, path, None).await.0, 405, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn it_is_ready_from_when_it_serves_until_it_is_told_to_end_and_healthy_all_the_time() {
    let port = MetricsPort {
        told: told(None),
        serving: None,
    };
    let told = Arc::clone(&port.told);
    assert_eq!(ask(&told, "GET", "/healthz", None).await.0, 200);
    let (status, body) = ask(&told, "GET", "/readyz", None).await;
    assert_eq!(status, 503);
    assert!(body.contains("starting or ending"), "{body}");
    port.ready();
    assert_eq!(ask(&told, "GET", "/readyz", None).await.0, 200);
    port.ending();
    assert_eq!(ask(&told, "GET", "/readyz", None).await.0, 503);
    assert_eq!(ask(&told, "GET", "/healthz", None).await.0, 200);
    port.close().await;
    assert_eq!(ask(&told, "GET", "/readyz", None).await.0, 503);
}

#[test]
fn one_address_leaves_most_connections_to_others() {
    const { assert!(BOUNDS.of_one_max * 4 <= BOUNDS.all_max) };
}

#[tokio::test]
async fn one_scrape_at_a_time_is_measured_for() {
    let told = told(None);
    let (now, most, all) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let counts = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&all));
    let measure: Measure = Box::new(move || {
        let (now, most, all) = counts.clone();
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            yield_now().await;
            now.fetch_sub(1, Ordering::SeqCst);
            all.fetch_add(1, Ordering::SeqCst);
        }
        .boxed()
    });
    assert!(told.measure.set(measure).is_ok());
    let scrapes = (0..8).map(|_| ask(&told, "GET", "/metrics", None));
    let answers = futures::future::join_all(scrapes).await;
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    assert_eq!(most.load(Ordering::SeqCst), 1);
    assert_eq!(all.load(Ordering::SeqCst), 8);
}

#[tokio::test]
async fn it_is_believed_by_who_knows_the_authority_and_stops_when_it_is_told() {
    let authority = Authority::new().unwrap();
    let credentials = authority.log_node(NodeId::new(1)).unwrap();
    let claimed = Port::claim().unwrap();
    let text = MetricsPortText {
        listen: claimed.address(),
        token_file: None,
    };
    let port = MetricsPort::open(Some(&text), "log", "log-1", &credentials).unwrap();
    let scrape = |authority_pem: String| {
        let url = format!("https://{}/metrics", text.listen);
        spawn_blocking(move || {
            let trusted: Vec<_> = parse_pem(authority_pem.as_bytes())
                .filter_map(|item| match item.unwrap() {
                    PemItem::Certificate(certificate) => Some(certificate),
                    PemItem::PrivateKey(_) | _ => None,
                })
                .collect();
            let tls = TlsConfig::builder()
                .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .root_certs(RootCerts::Specific(Arc::new(trusted)))
                .build();
            let agent: ureq::Agent = ureq::Agent::config_builder()
                .tls_config(tls)
                .timeout_global(Some(BOUND))
                .build()
                .into();
            let mut answer = agent.get(&url).call()?;
            answer.body_mut().read_to_string()
        })
    };
    let text_of = scrape(authority.certificate_pem().to_owned()).await.unwrap().unwrap();
    assert!(text_of.contains("tenure_build_info"), "{text_of}");
    let stranger = Authority::new().unwrap();
    assert!(scrape(stranger.certificate_pem().to_owned()).await.unwrap().is_err());
    port.close().await;
    assert!(scrape(authority.certificate_pem().to_owned()).await.unwrap().is_err());
}

#[tokio::test]
async fn a_port_or_a_token_that_is_not_to_be_had_is_an_error_with_a_hint() {
    let credentials = Authority::new().unwrap().log_node(NodeId::new(1)).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let mut text = MetricsPortText {
        listen,
        token_file: None,
    };
    let refused = |text: &MetricsPortText| {
        let opened = MetricsPort::open(Some(text), "log", "log-1", &credentials);
        opened.err().unwrap().to_string()
    };
    let said = refused(&text);
    assert!(
        said.contains(&format!("could not listen on {listen} for metrics")),
        "{said}"
    );
    assert!(said.contains("\nhint: end the process that uses the port"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    text.token_file = Some(file.clone());
    assert!(refused(&text).contains("could not read"), "it is not there");
    fs::write(&file, "\n").unwrap();
    let said = refused(&text);
    assert!(
        said.contains("there is no token in") && said.contains("\nhint: check token_file"),
        "{said}"
    );
}
