//! The authority: signs the certificates of nodes, of clusters' ports and of the control plane itself.
//! Promises: a certificate holds for those names only that it was asked for. Leaves to the edge: where the authority's own
//! certificate and key are kept. The key is never shown.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tenure_control_model::{Certificate, Cluster, Tenant};
use tenure_types::{NodeId, WallTime};
use time::OffsetDateTime;

/// How long a server's certificate holds. Longer than any outage of the control plane that is to be outlived.
const SERVER_VALID_FOR: Duration = Duration::from_secs(365 * 24 * 3600);
/// One that holds for less than this is issued anew.
const RENEW_BEFORE: Duration = Duration::from_secs(120 * 24 * 3600);
/// How far the clocks of those who check a certificate may be behind.
const CLOCKS_BEHIND: Duration = Duration::from_secs(3600);

/// The name in the certificate that the control plane shows to nodes.
pub const CONTROL_NAME: &str = "control.tenure.internal";

/// The name in a data node's certificate.
pub fn data_node_name(node: NodeId) -> String {
    format!("{node}.data.tenure.internal")
}

/// See the top of the file.
#[derive(Clone)]
pub struct Authority {
    certificate_pem: Arc<str>,
    issuer: Arc<Issuer<'static, KeyPair>>,
}

/// A certificate or key that cannot be used, or made.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The key is none.
    #[error("the authority's key cannot be read")]
    Key(#[source] rcgen::Error),
    /// The certificate is none, or not one of an authority.
    #[error("the authority's certificate cannot be read")]
    Certificate(#[source] rcgen::Error),
    /// It could not be signed.
    #[error("a certificate could not be issued")]
    Issue(#[source] rcgen::Error),
}

impl Authority {
    /// A new one, which nobody trusts yet, with its key in PEM, to be kept.
    pub fn generate() -> Result<(Self, String), AuthorityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Tenure authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().map_err(AuthorityError::Issue)?;
        let certificate = params.self_signed(&key).map_err(AuthorityError::Issue)?.pem();
        let key_pem = key.serialize_pem();
        Ok((Self::from_pem(&certificate, &key_pem)?, key_pem))
    }

    /// One that was kept.
    pub fn from_pem(certificate_pem: &str, key_pem: &str) -> Result<Self, AuthorityError> {
        let key = KeyPair::from_pem(key_pem).map_err(AuthorityError::Key)?;
        let issuer = Issuer::from_ca_cert_pem(certificate_pem, key).map_err(AuthorityError::Certificate)?;
        Ok(Self {
            certificate_pem: certificate_pem.into(),
            issuer: Arc::new(issuer),
        })
    }

    /// Its certificate: what others trust.
    pub fn certificate_pem(&self) -> &Arc<str> {
        &self.certificate_pem
    }

    /// What a control plane shows to browsers and nodes, and calls the log with.
    pub fn control_plane(&self, hosts: &BTreeSet<IpAddr>, now: WallTime) -> Result<Certificate, AuthorityError> {
        let mut names: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        names.extend([CONTROL_NAME.to_owned(), "localhost".to_owned()]);
        let uses = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(names, &uses, now)
    }

    /// What a cluster's ports show to clients. It opens no door to the log: it serves no caller.
    pub(crate) fn cluster(
        &self,
        tenant: &Tenant,
        cluster: &Cluster,
        hosts: &BTreeSet<IpAddr>,
        now: WallTime,
    ) -> Result<Certificate, AuthorityError> {
        // Under a name of their own: whatever tenants choose, it is no name of a node.
        let mut names = vec![format!("{}.{}.clusters.tenure.internal", cluster.name, tenant.name)];
        names.extend(hosts.iter().map(ToString::to_string));
        if hosts.iter().any(IpAddr::is_loopback) {
            names.push("localhost".to_owned());
        }
        self.sign(names, &[ExtendedKeyUsagePurpose::ServerAuth], now)
    }

    fn sign(
        &self,
        names: Vec<String>,
        uses: &[ExtendedKeyUsagePurpose],
        now: WallTime,
    ) -> Result<Certificate, AuthorityError> {
        let not_after = WallTime::from_unix_millis(now.as_unix_millis().saturating_add(millis(SERVER_VALID_FOR)));
        let issue = || -> Result<(String, String), rcgen::Error> {
            let first = names.first().cloned().unwrap_or_default();
            let mut params = CertificateParams::new(names)?;
            params.distinguished_name.push(DnType::CommonName, first);
            params.use_authority_key_identifier_extension = true;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = uses.to_vec();
            params.not_before = instant(now) - CLOCKS_BEHIND;
            params.not_after = instant(not_after);
            let key = KeyPair::generate()?;
            Ok((params.signed_by(&key, &self.issuer)?.pem(), key.serialize_pem()))
        };
        let (certificate_pem, key_pem) = issue().map_err(AuthorityError::Issue)?;
        Ok(Certificate {
            certificate_pem,
            key_pem,
            not_after,
        })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// Whether a certificate holds for all of these hosts, and for long enough.
pub(crate) fn is_good(certificate: &Certificate, hosts: &BTreeSet<IpAddr>, now: WallTime) -> bool {
    let renew_from = certificate
        .not_after
        .as_unix_millis()
        .saturating_sub(millis(RENEW_BEFORE));
    // One that was issued while the clock was ahead holds for nobody yet.
    let issued = certificate
        .not_after
        .as_unix_millis()
        .saturating_sub(millis(SERVER_VALID_FOR));
    let begun = issued.saturating_sub(millis(CLOCKS_BEHIND)) <= now.as_unix_millis();
    begun
        && now.as_unix_millis() < renew_from
        && hosts.iter().all(|host| names_host(&certificate.certificate_pem, *host))
}

fn names_host(certificate_pem: &str, host: IpAddr) -> bool {
    let Ok(der) = CertificateDer::from_pem_slice(certificate_pem.as_bytes()) else {
        return false;
    };
    let name = ServerName::IpAddress(host.into());
    webpki::EndEntityCert::try_from(&der)
        .is_ok_and(|certificate| certificate.verify_is_valid_for_subject_name(&name).is_ok())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Seconds are enough for certificates. One past what can be written holds as long as can be.
fn instant(at: WallTime) -> OffsetDateTime {
    let seconds = i64::try_from(at.as_unix_millis() / 1000).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3600 * 1000;

    fn hosts(hosts: &[&str]) -> BTreeSet<IpAddr> {
        hosts.iter().map(|host| host.parse().unwrap()).collect()
    }

    #[test]
    fn a_certificate_is_good_for_its_hosts_until_it_is_time_to_renew_it() {
        let (authority, _) = Authority::generate().unwrap();
        let at = |day: u64| WallTime::from_unix_millis(day * DAY);
        let certificate = authority
            .control_plane(&hosts(&["127.0.0.1", "10.0.0.2"]), at(20_000))
            .unwrap();
        let good = |names: &[&str], day| is_good(&certificate, &hosts(names), at(day));
        assert!(good(&["127.0.0.1"], 20_000));
        assert!(good(&["127.0.0.1", "10.0.0.2"], 20_244));
        assert!(
            !good(&["127.0.0.1", "10.0.0.3"], 20_000),
            "a host that it does not name"
        );
        assert!(!good(&["127.0.0.1"], 20_245), "120 days before its end");
        assert!(!good(&["127.0.0.1"], 19_999), "it was issued while the clock was ahead");
    }

    #[test]
    fn an_authority_that_was_kept_signs_in_the_same_name() {
        let (authority, key_pem) = Authority::generate().unwrap();
        let kept = Authority::from_pem(authority.certificate_pem(), &key_pem).unwrap();
        assert_eq!(kept.certificate_pem(), authority.certificate_pem());
        assert!(Authority::from_pem("garbage", &key_pem).is_err());
        assert!(Authority::from_pem(authority.certificate_pem(), "garbage").is_err());
        assert_eq!(format!("{kept:?}"), "Authority { .. }");
    }
}
