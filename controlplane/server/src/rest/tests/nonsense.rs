//! Requests that mean nothing, drawn at random: the seed is printed, and `TENURE_SEED` runs it again.

use axum::body::Body;
use axum::http::Request;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};

use super::site::{PASSWORD, Site};
use crate::rest::access::RULES;

const REQUESTS: usize = 400;

const SEGMENTS: [&str; 12] = [
    "demo",
    "shop",
    "0001",
    "none",
    "data-1",
    "data-99999999999999999999",
    "key_",
    "op_00",
    "%00",
    "..%2f",
    "%ff",
    "a",
];

const QUERIES: [&str; 9] = [
    "",
    "",
    "?page_size=1",
    "?page_token=AQ",
    "?wait=0s",
    "?dry_run=true",
    "?tenant=demo&cluster=shop",
    "?%ff=%ff",
    "?&&=&",
];

const HEADERS: [(&str, &[u8]); 7] = [
    ("idempotency-key", b"one"),
    ("idempotency-key", b"\xff"),
    ("if-match", b"*"),
    ("if-match", b"\"99\""),
    ("content-type", b"text/plain"),
    ("content-length", b"7"),
    ("x-request-id", b"\xfe"),
];

#[tokio::test]
async fn nothing_that_is_sent_makes_the_server_err() {
    let seed = std::env::var("TENURE_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("TENURE_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let site = Site::new().await;
    site.shop().await;
    for _ in 0..REQUESTS {
        let request = request(&mut rng, &site.owner);
        let told = format!("{request:?}");
        let reply = site.raw(request).await;
        let status = reply.status.as_u16();
        assert!(status < 500 || status == 503 || status == 507, "{told}: {}", reply.text);
        assert!(reply.headers.contains_key("x-request-id"), "{told}");
        if status >= 400 && !told.contains("method: HEAD") {
            assert_eq!(reply.body["status"], status, "{told}: {}", reply.text);
            assert_eq!(reply.header("content-type"), "application/problem+json", "{told}");
        }
    }
    // And it is whole.
    assert_eq!(site.get("/v1/operations").await.status, 200);
}

fn request(rng: &mut StdRng, token: &str) -> Request<Body> {
    let rule = RULES.choose(rng).unwrap();
    let segments = rule.path.split('/').map(|segment| {
        let is_drawn = segment.starts_with('{') || rng.random_ratio(1, 20);
        if is_drawn {
            *SEGMENTS.choose(rng).unwrap()
        } else {
            segment
        }
    });
    let path: Vec<&str> = segments.collect();
    let uri = format!(
        "/{}{}",
        path.join("/").trim_start_matches('/'),
        QUERIES.choose(rng).unwrap()
    );
    let method = if rng.random_ratio(1, 10) {
        *["HEAD", "PUT", "OPTIONS", "TRACE", "NONSENSE"].choose(rng).unwrap()
    } else {
        rule.method.as_str()
    };
    let mut request = Request::builder().method(method).uri(uri);
    if rng.random_ratio(19, 20) {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if rng.random_ratio(4, 5) {
        request = request.header("content-type", "application/json");
    }
    while rng.random_ratio(1, 3) {
        let (name, value) = *HEADERS.choose(rng).unwrap();
        request = request.header(name, value);
    }
    request.body(Body::from(body(rng))).unwrap()
}

fn body(rng: &mut StdRng) -> Vec<u8> {
    let names = [
        "name",
        "password",
        "shards",
        "replicas",
        "memory_bytes",
        "role",
        "to",
        "tls",
        "expires_in_days",
        "\u{0}/~",
    ];
    let values = [
        json!("demo"),
        json!(PASSWORD),
        json!(1),
        json!(0),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(1_048_576),
        json!("data-2"),
        json!("viewer"),
        json!(true),
        json!(null),
        json!([[]]),
        json!({"a": {}}),
        json!("\u{202e}"),
    ];
    let mut object = Map::new();
    for name in names {
        if rng.random_ratio(1, 3) {
            object.insert(name.to_owned(), values.choose(rng).unwrap().clone());
        }
    }
    let mut bytes = Value::Object(object).to_string().into_bytes();
    while rng.random_ratio(1, 5) {
        let at = rng.random_range(0..bytes.len());
        bytes[at] = rng.random();
    }
    if rng.random_ratio(1, 5) { Vec::new() } else { bytes }
}
