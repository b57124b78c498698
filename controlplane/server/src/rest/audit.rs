//! The audit log: who asked for which change, and what came of it.
//! Promises: no change is begun before its row stands, and one that is refused before it begins is one write. A row without an end says that nobody knows what came of it: the process died on the way,
//! or the database did not take the end.

use std::net::IpAddr;

use axum::http::Method;
use tenure_control_model::{ApiKey, AuditId, AuditRow, Change, TenantKey, Write};
use tenure_control_store::StoreError;
use tracing::warn;

use super::Rest;
use super::problem::Code;
use super::trace::cut;

/// A request that is to be written down.
#[derive(Debug)]
pub(super) struct Audit(AuditRow);

impl Audit {
    /// The row of a request. It is not written yet.
    pub(super) fn of(
        rest: &Rest,
        key: &ApiKey,
        about: Option<TenantKey>,
        method: &Method,
        path: &str,
        from: Option<IpAddr>,
    ) -> Self {
        Self(AuditRow {
            id: AuditId::new(rest.shared.new_id()),
            started_at: rest.shared.now(),
            completed_at: None,
            key: key.id,
            tenant: about,
            method: method.to_string(),
            path: cut(path).to_owned(),
            source: from.map_or_else(|| "unknown".to_owned(), |from| from.to_string()),
            status: None,
            problem: None,
        })
    }

    /// Writes the request down before anything of it is done. If that fails nothing may be done.
    pub(super) async fn begin(&self, rest: &Rest) -> Result<(), StoreError> {
        write(rest, self.0.clone()).await
    }

    /// Writes down, at once, a request that was refused before anything of it was done.
    pub(super) async fn refuse(self, rest: &Rest, code: Code) -> Result<(), StoreError> {
        write(rest, self.ended(rest, code.status().as_u16(), Some(code))).await
    }

    /// Writes down what came of it. If that fails, the answer stays what it is.
    pub(super) async fn complete(self, rest: &Rest, status: u16, code: Option<Code>) {
        let id = self.0.id;
        if let Err(error) = write(rest, self.ended(rest, status, code)).await {
            warn!(audit = %id, %error, "the end of a request could not be written to the audit log");
        }
    }

    fn ended(self, rest: &Rest, status: u16, code: Option<Code>) -> AuditRow {
        AuditRow {
            completed_at: Some(rest.shared.now()),
            status: Some(status),
            problem: code.map(|code| code.text().to_owned()),
            ..self.0
        }
    }
}

async fn write(rest: &Rest, row: AuditRow) -> Result<(), StoreError> {
    let change = Change::default().with(Write::PutAudit(row));
    rest.shared.store.apply(change).await.map(|_| ())
}
