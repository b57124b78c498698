//! Who is at the other end of a session.

use std::sync::Arc;

use rustls_pki_types::{CertificateDer, ServerName};
use tenure_types::NodeId;
use tonic::Request;
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};

use crate::authority::data_node_name;

/// The certificate that a caller has shown, which the authority signed.
#[derive(Debug)]
pub(super) struct Peer(Option<Arc<Vec<CertificateDer<'static>>>>);

impl Peer {
    pub(super) fn of<T>(request: &Request<T>) -> Self {
        let shown = request.extensions().get::<TlsConnectInfo<TcpConnectInfo>>();
        Self(shown.and_then(TlsConnectInfo::peer_certs))
    }

    /// One that shows this certificate.
    #[cfg(test)]
    pub(super) fn showing(certificate: CertificateDer<'static>) -> Self {
        Self(Some(Arc::new(vec![certificate])))
    }

    /// One that shows none.
    #[cfg(test)]
    pub(super) fn nobody() -> Self {
        Self(None)
    }

    /// Whether the certificate is this data node's.
    pub(super) fn is_data_node(&self, node: NodeId) -> bool {
        let Some(shown) = self.0.as_ref().and_then(|shown| shown.first()) else {
            return false;
        };
        let Ok(name) = ServerName::try_from(data_node_name(node)) else {
            return false;
        };
        webpki::EndEntityCert::try_from(shown)
            .is_ok_and(|certificate| certificate.verify_is_valid_for_subject_name(&name).is_ok())
    }
}
