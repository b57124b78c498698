//! What a cluster's ports show to clients that speak TLS.
//! Promises: TLS 1.2 and 1.3 with sessions that can be resumed. Leaves to the listener: handshakes. Leaves to whoever read
//! the certificate from a file: naming the file.

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
    /// It is no PEM, or not of what it should be.
    #[error("there is no {expected} in PEM form")]
    NotPem {
        /// What should be there.
        expected: &'static str,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// Certificate and key do not go together, or are of a kind that is not supported.
    #[error("the certificate cannot be used with the key")]
    Unusable {
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

impl ServerCertificate {
    /// Whether it can be shown to clients.
    pub fn check(&self) -> Result<(), TlsError> {
        server_config(self).map(drop)
    }
}

/// Takes a cluster's certificate and key.
pub(crate) fn server_config(shown: &ServerCertificate) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(&shown.certificate_pem)?;
    let key = PrivateKeyDer::from_pem_slice(shown.key_pem.as_bytes());
    let key = key.map_err(|source| not_pem("private key", source))?;
    let unusable = |source: rustls::Error| TlsError::Unusable {
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

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |source| not_pem("certificate", source);
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(wrong)?;
    if certificates.is_empty() {
        return Err(wrong(pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

fn not_pem(expected: &'static str, source: pem::Error) -> TlsError {
    TlsError::NotPem { expected, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated() -> ServerCertificate {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        ServerCertificate {
            certificate_pem: made.cert.pem(),
            key_pem: made.signing_key.serialize_pem(),
        }
    }

    #[test]
    fn a_certificate_with_its_key_can_be_shown() {
        let config = server_config(&generated()).unwrap();
        // Without a list of sessions, which would be too short for many clients.
        assert!(config.ticketer.enabled());
    }

    #[test]
    fn what_is_wrong_is_said_without_showing_the_key() {
        let (good, other) = (generated(), generated());
        let (certificate, key) = (good.certificate_pem.as_str(), good.key_pem.as_str());
        let cases = [
            ("", key, "there is no certificate in PEM form"),
            (key, key, "there is no certificate in PEM form"),
            (certificate, "garbage", "there is no private key in PEM form"),
            (
                certificate,
                &other.key_pem,
                "the certificate cannot be used with the key",
            ),
        ];
        for (certificate, key, expected) in cases {
            let shown = ServerCertificate {
                certificate_pem: certificate.to_owned(),
                key_pem: key.to_owned(),
            };
            assert_eq!(shown.check().unwrap_err().to_string(), expected);
            assert_eq!(format!("{shown:?}"), "ServerCertificate { .. }");
        }
    }
}
