//! Bounds of waiting, against servers that never answer. What needs TLS is in `tests/api_commands.rs`.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use tenure_admin::calls;
use tenure_devcluster::Authority;

use super::*;

/// Calls `url` as somebody who trusts an authority of no server.
fn client(folder: &tempfile::TempDir, url: String, whole: Duration) -> ApiClient {
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, Authority::new().unwrap().certificate_pem()).unwrap();
    let target = Target {
        url,
        token: "tnr_1".to_owned(),
        token_from: "a test".to_owned(),
        ca,
    };
    let limits = Limits { connect: whole, whole };
    ApiClient::new(&target, limits, Output::Table).unwrap()
}

fn said_by_calling(url: String, whole: Duration) -> String {
    let folder = tempfile::tempdir().unwrap();
    let failure = client(&folder, url, whole).send(calls::whoami()).unwrap_err();
    failure.to_string()
}

#[test]
fn a_server_that_takes_connections_and_says_nothing_is_waited_for_with_a_bound() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let said = said_by_calling(url.clone(), Duration::from_millis(200));
    let expected = format!("error: could not call the control plane at {url}: no answer in time (");
    assert!(said.starts_with(&expected), "{said}");
    assert!(
        said.ends_with("\nhint: is the control plane up, and not overloaded?\n"),
        "{said}"
    );
}

#[test]
fn where_nobody_listens_the_url_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    drop(listener);
    // Two more tries fit.
    let said = said_by_calling(url.clone(), Duration::from_secs(20));
    assert!(said.contains("Connection refused"), "{said}");
    assert!(
        said.ends_with(&format!("\nhint: is the control plane up at {url}?\n")),
        "{said}"
    );
}

#[test]
fn a_server_that_speaks_no_tls_is_no_control_plane_and_hears_no_token() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut heard = vec![0; 4096];
        let length = socket.read(&mut heard).unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        heard.truncate(length);
        heard
    });
    let said = said_by_calling(url.clone(), Duration::from_secs(20));
    assert!(
        said.ends_with(&format!("\nhint: does a server of HTTPS listen at {url}?\n")),
        "{said}"
    );
    let heard = server.join().unwrap();
    assert!(
        !heard.windows(5).any(|part| part == b"tnr_1"),
        "the token was sent without TLS"
    );
}

#[test]
fn each_key_of_a_call_is_another() {
    assert_ne!(draw_key(), draw_key());
    assert_eq!(draw_key().len(), 36);
}
