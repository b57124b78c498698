//! A throwaway authority, and the certificates of everyone in one cluster.
//! Promises: a certificate names one node only and serves both ends of a connection, as the planes ask for; a key is
//! written for its owner's eyes only. Leaves to the control plane: authorities that live, rotate and revoke.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use tenure_log_node::transport::{Credentials, server_name};
use tenure_types::NodeId;

/// Signs the certificates of one cluster. Its key is never written down and goes with it.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new one, which nobody trusts yet.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "tenure devcluster");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().context("could not draw the key of the authority")?;
        let issuer = CertifiedIssuer::self_signed(params, key).context("could not sign the authority's certificate")?;
        Ok(Self { issuer })
    }

    /// Its certificate: what others trust.
    pub fn certificate_pem(&self) -> String {
        self.issuer.pem()
    }

    /// Who a log node is.
    pub fn log_node(&self, node: NodeId) -> Result<Credentials> {
        self.issue(&server_name(node))
    }

    /// Who a data node is; tests call the log as one.
    pub fn data_node(&self, node: NodeId) -> Result<Credentials> {
        self.issue(&data_node_name(node))
    }

    /// A certificate for this one DNS name, and its key.
    pub fn issue(&self, name: &str) -> Result<Credentials> {
        let certificate = || -> Result<(String, String), rcgen::Error> {
            let mut params = CertificateParams::new([name.to_owned()])?;
            params.distinguished_name.push(DnType::CommonName, name);
            params.use_authority_key_identifier_extension = true;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            // A node is called by others and calls them.
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
            let key = KeyPair::generate()?;
            Ok((params.signed_by(&key, &self.issuer)?.pem(), key.serialize_pem()))
        };
        let (certificate_pem, key_pem) =
            certificate().with_context(|| format!("could not issue a certificate for {name}"))?;
        Ok(Credentials {
            authority_pem: self.certificate_pem(),
            certificate_pem,
            key_pem,
        })
    }
}

impl fmt::Debug for Authority {
    /// The key is never shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// The name in a data node's certificate.
pub fn data_node_name(node: NodeId) -> String {
    format!("{node}.data.tenure.internal")
}

/// Where credentials are, as the `[tls]` section of a configuration names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialFiles {
    /// The authority's certificate.
    pub authority: PathBuf,
    /// The process's own certificate.
    pub certificate: PathBuf,
    /// The key to it, mode 0600.
    pub key: PathBuf,
}

impl CredentialFiles {
    /// Writes credentials into a folder that exists, as `authority.pem`, `certificate.pem` and `key.pem`. Files that are
    /// there already are not touched, and it fails.
    pub fn write(credentials: &Credentials, folder: &Path) -> Result<Self> {
        let file = |name: &str, mode: u32, text: &str| -> Result<PathBuf> {
            let path = folder.join(name);
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(&path)
                .and_then(|mut file| file.write_all(text.as_bytes()))
                .with_context(|| format!("could not write {}", path.display()))?;
            Ok(path)
        };
        Ok(Self {
            authority: file("authority.pem", 0o644, &credentials.authority_pem)?,
            certificate: file("certificate.pem", 0o644, &credentials.certificate_pem)?,
            key: file("key.pem", 0o600, &credentials.key_pem)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::Ipv4Addr;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;
    use std::time::Duration;

    use tenure_log_node::transport::{Patience, TcpDial, Transport};
    use tokio::net::TcpListener;
    use tokio_stream::wrappers::TcpListenerStream;
    use tonic::body::Body;
    use tonic::codegen::http::{Request, StatusCode};
    use tonic::service::Routes;
    use tower::ServiceExt;

    use super::*;

    fn transport(credentials: Credentials) -> Transport {
        let patience = Patience {
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(10),
        };
        Transport::new(Arc::new(TcpDial), Some(credentials), patience)
    }

    /// A server that calls itself `node` and knows no method, which is answered all the same.
    async fn serve(authority: &Authority, node: NodeId) -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut server = transport(authority.log_node(node).unwrap()).server().unwrap();
        let serving = server.add_routes(Routes::default());
        tokio::spawn(serving.serve_with_incoming(TcpListenerStream::new(listener)));
        address
    }

    async fn call(
        credentials: Credentials,
        node: NodeId,
        address: &str,
    ) -> Result<StatusCode, tonic::transport::Error> {
        let channel = transport(credentials).channel(node, address).unwrap();
        let request = Request::post("/no.Service/Method").body(Body::empty()).unwrap();
        Ok(channel.oneshot(request).await?.status())
    }

    const LOG_1: NodeId = NodeId::new(1);
    const LOG_2: NodeId = NodeId::new(2);

    #[tokio::test]
    async fn nodes_of_one_authority_reach_each_other() {
        let authority = Authority::new().unwrap();
        let address = serve(&authority, LOG_1).await;
        for caller in [authority.log_node(LOG_2), authority.data_node(NodeId::new(7))] {
            let answered = call(caller.unwrap(), LOG_1, &address).await.unwrap();
            assert_eq!(answered, StatusCode::OK);
        }
    }

    #[tokio::test]
    async fn a_connection_that_reaches_another_node_than_the_one_meant_fails() {
        let authority = Authority::new().unwrap();
        let address = serve(&authority, LOG_1).await;
        let caller = authority.data_node(NodeId::new(7)).unwrap();
        assert!(call(caller, LOG_2, &address).await.is_err());
    }

    #[tokio::test]
    async fn a_caller_of_another_authority_is_refused() {
        let (authority, other) = (Authority::new().unwrap(), Authority::new().unwrap());
        let address = serve(&authority, LOG_1).await;
        let caller = Credentials {
            authority_pem: authority.certificate_pem(),
            ..other.data_node(NodeId::new(7)).unwrap()
        };
        assert!(call(caller, LOG_1, &address).await.is_err());
    }

    #[tokio::test]
    async fn a_server_of_another_authority_is_not_believed() {
        let (authority, other) = (Authority::new().unwrap(), Authority::new().unwrap());
        let address = serve(&other, LOG_1).await;
        let caller = authority.data_node(NodeId::new(7)).unwrap();
        assert!(call(caller, LOG_1, &address).await.is_err());
    }

    #[test]
    fn a_key_is_for_its_owners_eyes_only_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let credentials = Authority::new().unwrap().log_node(LOG_1).unwrap();
        let files = CredentialFiles::write(&credentials, folder.path()).unwrap();
        let mode = fs::metadata(&files.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&files.key).unwrap(), credentials.key_pem);
        assert!(CredentialFiles::write(&credentials, folder.path()).is_err());
    }

    #[test]
    fn an_authority_does_not_show_its_key() {
        assert_eq!(format!("{:?}", Authority::new().unwrap()), "Authority { .. }");
    }
}
