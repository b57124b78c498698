//! HTTP/1.1 over TLS to one control plane, by ureq.
//! Promises: only a server whose certificate the given authority signed hears the token; no redirect is followed and no proxy
//! asked; an answer has at most [`BODY_BYTES_MAX`] bytes. Leaves to `retry`: another try.

use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use anyhow::anyhow;
use tenure_admin::{Call, Method};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, http};

use super::arguments::Target;
use crate::failure::Failure;

/// A list of 500 clusters is less than 2 MiB.
const BODY_BYTES_MAX: u64 = 64 << 20;
/// A connection that was idle for longer, such as while a question stood on the terminal, is not used again: the server may be
/// about to close it, and a deletion is not sent twice.
const IDLE_MAX: Duration = Duration::from_secs(2);
/// In the server's log.
const USER_AGENT: &str = concat!("tenure/", env!("CARGO_PKG_VERSION"));

/// See the top of the file.
pub(super) struct Transport {
    agent: Agent,
    /// Scheme, host and port, for messages too.
    pub(super) url: String,
    authorization: http::HeaderValue,
}

/// What came back, not yet understood.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// What the server asks for before another try.
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

/// There is no answer.
#[derive(Debug)]
pub(crate) struct Unreachable {
    pub(super) error: anyhow::Error,
    pub(super) hint: String,
    /// Another try would end alike.
    pub(super) is_final: bool,
    /// The server may have read the whole call, and done it.
    pub(super) may_have_arrived: bool,
}

impl Transport {
    /// Connects to nothing yet.
    pub(super) fn new(target: &Target, connect: Duration) -> Result<Self, Failure> {
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::Specific(Arc::new(authorities(target)?)))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .https_only(true)
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent(USER_AGENT)
            .max_idle_age(IDLE_MAX)
            .timeout_resolve(Some(connect))
            .timeout_connect(Some(connect))
            .build();
        let authorization = http::HeaderValue::from_str(&format!("Bearer {}", target.token));
        let mut authorization = authorization.map_err(|_| {
            let error = anyhow!(
                "the token from {} is no token: it has letters that none has",
                target.token_from
            );
            Failure::usage(
                error,
                "a token is one line such as tnr_…, as tenure api-key create shows it",
            )
        })?;
        authorization.set_sensitive(true);
        Ok(Self {
            agent: config.into(),
            url: target.url.clone(),
            authorization,
        })
    }

    /// Sends a call once and waits for the whole answer.
    pub(super) fn send<T>(&self, call: &Call<T>, within: Duration) -> Result<Answer, Unreachable> {
        let answer = self.exchange(call, within);
        answer.map_err(|error| unreachable(error, &self.url))
    }

    fn exchange<T>(&self, call: &Call<T>, within: Duration) -> Result<Answer, ureq::Error> {
        let mut request = http::Request::builder()
            .method(call.method.as_str())
            .uri(format!("{}{}", self.url, call.target))
            .header("Authorization", &self.authorization);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let answer = match (&call.body, call.method) {
            (None, Method::Get | Method::Delete) => self.run(request.body(())?, within)?,
            (body, Method::Get | Method::Post | Method::Put | Method::Delete) => {
                self.run(request.body(body.as_deref().unwrap_or_default())?, within)?
            }
        };
        let (parts, mut body) = answer.into_parts();
        let retry_after = parts.headers.get("Retry-After").and_then(|value| value.to_str().ok());
        Ok(Answer {
            status: parts.status.as_u16(),
            retry_after: retry_after.and_then(|secs| secs.parse().ok()).map(Duration::from_secs),
            body: body.with_config().limit(BODY_BYTES_MAX).read_to_vec()?,
        })
    }

    fn run(
        &self,
        request: http::Request<impl ureq::AsSendBody>,
        within: Duration,
    ) -> Result<http::Response<Body>, ureq::Error> {
        let request = self.agent.configure_request(request);
        // 0 would mean no bound.
        let within = within.max(Duration::from_millis(1));
        self.agent.run(request.timeout_global(Some(within)).build())
    }
}

/// Whose signature counts: those of the file, and no others.
fn authorities(target: &Target) -> Result<Vec<Certificate<'static>>, Failure> {
    let hint = "give the PEM file of the authority that signed the control plane's certificate: --ca, TENURE_CA or ca";
    let unreadable = |error: anyhow::Error| Failure::new(error, hint);
    let path = target.ca.display();
    let pem = fs::read(&target.ca).map_err(|error| unreadable(anyhow!("could not read {path}: {error}")))?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        let item = item.map_err(|error| unreadable(anyhow!("{path} is no PEM file: {error}")))?;
        if let PemItem::Certificate(certificate) = item {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        return Err(unreadable(anyhow!("{path} has no certificate in it")));
    }
    Ok(found)
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "ureq's enum grows with its features, and the rest is told alike"
)]
fn unreachable(error: ureq::Error, url: &str) -> Unreachable {
    let is_it_up = format!("is the control plane up at {url}?");
    let is_stranger = matches!(&error, ureq::Error::Io(error)
        if matches!(tls_error(error), Some(rustls::Error::InvalidCertificate(_))));
    let (said, hint, is_final) = match error {
        ureq::Error::Io(error) => match tls_error(&error) {
            Some(tls @ rustls::Error::InvalidCertificate(_)) => (
                tls.to_string(),
                format!("is the CA that of this control plane, and the host of {url} in its certificate?"),
                true,
            ),
            Some(tls) => (
                tls.to_string(),
                format!("does a server of HTTPS listen at {url}?"),
                true,
            ),
            None => (error.to_string(), is_it_up, false),
        },
        ureq::Error::Timeout(part) => (
            format!("no answer in time ({part})"),
            "is the control plane up, and not overloaded?".to_owned(),
            false,
        ),
        ureq::Error::Protocol(error) => (
            format!("what answers does not speak HTTP: {error}"),
            format!("does a control plane listen at {url}?"),
            true,
        ),
        ureq::Error::BodyExceedsLimit(bytes) => (
            format!("the answer has more than {bytes} bytes"),
            format!("does a control plane listen at {url}?"),
            true,
        ),
        // Such as an unknown host: ureq's words will do.
        other => (other.to_string(), is_it_up, false),
    };
    Unreachable {
        error: anyhow!("could not call the control plane at {url}: {said}"),
        hint,
        is_final,
        // A server that is not trusted was told nothing. Of the rest it is not known when it went wrong.
        may_have_arrived: !is_stranger,
    }
}

/// Why TLS came to nothing, if it was TLS.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
