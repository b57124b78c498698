//! An authority for one cluster, and the certificates of everyone in it.
//! Promises: a certificate names one node only, and this machine, and serves both ends of a connection, as the planes ask for;
//! a key is written for its owner's eyes only. Leaves to the control plane: authorities that live, rotate and revoke.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use tenure_log_node::transport::{Credentials, server_name};
use tenure_server::ServerCertificate;
use tenure_types::NodeId;

use crate::new_file::{PRIVATE, PUBLIC, replace};

/// How callers on this machine may name a server: clients of a cluster, and who scrapes metrics. Nodes name each other.
const LOOPBACK_NAMES: [&str; 3] = ["127.0.0.1", "::1", "localhost"];

/// A node is called by others and calls them.
const BOTH_ENDS: [ExtendedKeyUsagePurpose; 2] =
    [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];

/// Signs the certificates of one cluster. They are valid for longer than anybody will keep the cluster.
pub struct Authority {
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one, which nobody trusts yet. Its key is never written down and goes with it.
    pub fn new() -> Result<Self> {
        let params = authority_params();
        let key = KeyPair::generate().context("could not draw the key of the authority")?;
        let certificate = params
            .self_signed(&key)
            .context("could not sign the authority's certificate")?;
        Ok(Self {
            certificate_pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        })
    }

    /// The one in this folder; made and written there if there is none. Its files are [`certificate_in`](Self::certificate_in)
    /// and `ca.key`, mode 0600.
    pub fn kept_in(folder: &Path) -> Result<Self> {
        let (certificate, key) = (Self::certificate_in(folder), folder.join("ca.key"));
        // The certificate is written last: where it is, the key to it is too.
        if !certificate
            .try_exists()
            .with_context(|| format!("could not look for {}", certificate.display()))?
        {
            let new = Self::new()?;
            replace(&key, &new.issuer.key().serialize_pem(), PRIVATE)?;
            replace(&certificate, &new.certificate_pem, PUBLIC)?;
            return Ok(new);
        }
        let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()));
        let certificate_pem = read(&certificate)?;
        let key_pair = KeyPair::from_pem(&read(&key)?).with_context(|| format!("{} is no key", key.display()))?;
        Ok(Self {
            certificate_pem,
            issuer: Issuer::new(authority_params(), key_pair),
        })
    }

    /// Where the certificate of an authority that is kept in `folder` is.
    pub fn certificate_in(folder: &Path) -> PathBuf {
        folder.join("ca.pem")
    }

    /// Its certificate: what others trust.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Who a log node is.
    pub fn log_node(&self, node: NodeId) -> Result<Credentials> {
        self.issue_for_node(&server_name(node))
    }

    /// Who a data node is; tests call the log as one.
    pub fn data_node(&self, node: NodeId) -> Result<Credentials> {
        self.issue_for_node(&data_node_name(node))
    }

    /// A node shows the same to who scrapes its metrics, which knows its address only.
    fn issue_for_node(&self, name: &str) -> Result<Credentials> {
        let names: Vec<&str> = std::iter::once(name).chain(LOOPBACK_NAMES).collect();
        self.sign(&names, &BOTH_ENDS)
    }

    /// A certificate for this one DNS name, and its key.
    pub fn issue(&self, name: &str) -> Result<Credentials> {
        self.sign(&[name], &BOTH_ENDS)
    }

    /// What a server on loopback shows to clients, and its key. It opens no door to the log: it serves no caller.
    pub fn loopback_server(&self) -> Result<Credentials> {
        self.sign(&LOOPBACK_NAMES, &[ExtendedKeyUsagePurpose::ServerAuth])
    }

    fn sign(&self, names: &[&str], uses: &[ExtendedKeyUsagePurpose]) -> Result<Credentials> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = || -> Result<(String, String), rcgen::Error> {
            let mut params = CertificateParams::new(names.clone())?;
            if let Some(first) = names.first() {
                params.distinguished_name.push(DnType::CommonName, first);
            }
            params.use_authority_key_identifier_extension = true;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = uses.to_vec();
            let key = KeyPair::generate()?;
            Ok((params.signed_by(&key, &self.issuer)?.pem(), key.serialize_pem()))
        };
        let (certificate_pem, key_pem) =
            certificate().with_context(|| format!("could not issue a certificate for {}", names.join(", ")))?;
        Ok(Credentials {
            authority_pem: self.certificate_pem.clone(),
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

/// The same for every authority, so that one that was kept signs in the name that its certificate has.
fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "tenure devcluster");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params
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
    /// The credentials in a folder that exists: `authority.pem`, `certificate.pem` and `key.pem`. They stay if they are of
    /// this authority; else they are issued and written anew.
    pub fn keep(folder: &Path, authority: &Authority, issue: impl FnOnce() -> Result<Credentials>) -> Result<Self> {
        let files = Self {
            authority: folder.join("authority.pem"),
            certificate: folder.join("certificate.pem"),
            key: folder.join("key.pem"),
        };
        // The authority is written last: where it is, the others are, and of it.
        if fs::read_to_string(&files.authority).is_ok_and(|kept| kept == authority.certificate_pem) {
            return Ok(files);
        }
        let credentials = issue()?;
        replace(&files.key, &credentials.key_pem, PRIVATE)?;
        replace(&files.certificate, &credentials.certificate_pem, PUBLIC)?;
        replace(&files.authority, &credentials.authority_pem, PUBLIC)?;
        Ok(files)
    }

    /// What a server shows to clients, without whom it believes itself.
    pub fn server(&self) -> Result<ServerCertificate> {
        let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()));
        Ok(ServerCertificate {
            certificate_pem: read(&self.certificate)?,
            key_pem: read(&self.key)?,
        })
    }
}

#[cfg(test)]
mod tests {
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
            authority_pem: authority.certificate_pem().to_owned(),
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

    #[tokio::test]
    async fn what_is_for_clients_opens_no_door_to_the_log() {
        let authority = Authority::new().unwrap();
        let address = serve(&authority, LOG_1).await;
        assert!(
            call(authority.loopback_server().unwrap(), LOG_1, &address)
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn an_authority_that_was_kept_signs_for_those_who_knew_it_before() {
        let folder = tempfile::tempdir().unwrap();
        let before = Authority::kept_in(folder.path()).unwrap();
        let address = serve(&before, LOG_1).await;
        let after = Authority::kept_in(folder.path()).unwrap();
        assert_eq!(after.certificate_pem(), before.certificate_pem());
        let answered = call(after.data_node(NodeId::new(7)).unwrap(), LOG_1, &address).await;
        assert_eq!(answered.unwrap(), StatusCode::OK);
        let mode = fs::metadata(folder.path().join("ca.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_key_is_for_its_owners_eyes_only_and_stays_as_long_as_its_authority() {
        let folder = tempfile::tempdir().unwrap();
        let keep = |authority: &Authority| {
            let files = CredentialFiles::keep(folder.path(), authority, || authority.log_node(LOG_1)).unwrap();
            let mode = fs::metadata(&files.key).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            fs::read_to_string(&files.key).unwrap()
        };
        let authority = Authority::new().unwrap();
        let key = keep(&authority);
        assert_eq!(keep(&authority), key);
        assert_ne!(keep(&Authority::new().unwrap()), key);
    }

    #[test]
    fn an_authority_does_not_show_its_key() {
        assert_eq!(format!("{:?}", Authority::new().unwrap()), "Authority { .. }");
    }
}
