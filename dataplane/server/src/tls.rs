//! What a cluster's ports show to clients that speak TLS.
//! Promises: TLS 1.2 and 1.3 with sessions that can be resumed; what is wrong with a file is said with its name. Leaves to
//! the listener: handshakes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::layout::ServerCertificate;

/// A certificate that cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is no PEM, or not of what it should be.
    #[error("{} has no {expected} in PEM form", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// Certificate and key do not go together, or are of a kind that is not supported.
    #[error("cannot use the certificate {} with the key {}", certificate.display(), key.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why. Boxed: an error is passed on through many results.
        #[source]
        source: Box<rustls::Error>,
    },
    /// There is no randomness for the keys of session tickets.
    #[error("cannot make keys for session tickets")]
    NoTickets {
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

/// Reads a cluster's certificate and key. Blocks on the files.
pub(crate) fn server_config(files: &ServerCertificate) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(&files.certificate)?;
    let key = private_key(&files.key)?;
    let unusable = |source: rustls::Error| TlsError::Unusable {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        source: Box::new(source),
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.ticketer = ring::Ticketer::new().map_err(|source| TlsError::NoTickets { source })?;
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |source| wrong_file(path, "certificate", source);
    let certificates = CertificateDer::pem_file_iter(path).map_err(wrong)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    if certificates.is_empty() {
        return Err(wrong(pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|source| wrong_file(path, "private key", source))
}

fn wrong_file(path: &Path, expected: &'static str, source: pem::Error) -> TlsError {
    let path = path.to_owned();
    if let pem::Error::Io(source) = source {
        return TlsError::Unreadable { path, source };
    }
    TlsError::NotPem { path, expected, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(test: &str, certificate: &str, key: &str) -> ServerCertificate {
        let folder = std::env::temp_dir().join(format!("tenure-tls-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let files = ServerCertificate {
            certificate: folder.join("certificate.pem"),
            key: folder.join("key.pem"),
        };
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, key).unwrap();
        files
    }

    fn generated() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn a_certificate_with_its_key_can_be_shown() {
        let (certificate, key) = generated();
        let config = server_config(&files("good", &certificate, &key)).unwrap();
        // Without a list of sessions, which would be too short for many clients.
        assert!(config.ticketer.enabled());
    }

    #[test]
    fn what_is_wrong_names_the_file() {
        let (certificate, key) = generated();
        let (_, other_key) = generated();
        let cases = [
            ("", key.as_str(), "certificate.pem has no certificate in PEM form"),
            (&key, &key, "certificate.pem has no certificate in PEM form"),
            (&certificate, "garbage", "key.pem has no private key in PEM form"),
            (&certificate, &other_key, "key.pem"),
        ];
        for (certificate, key, expected) in cases {
            let files = files("bad", certificate, key);
            let error = server_config(&files).unwrap_err().to_string();
            assert!(error.ends_with(expected), "{error}, not {expected}");
        }
        let missing = ServerCertificate {
            certificate: PathBuf::from("/nowhere/a.pem"),
            key: PathBuf::from("/nowhere/b.pem"),
        };
        let error = server_config(&missing).unwrap_err().to_string();
        assert_eq!(error, "cannot read /nowhere/a.pem");
    }
}
