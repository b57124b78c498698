//! What a control plane's first start makes, and every later one finds: the authority, and the operator's key.
//! Promises: what is there already stays; a crash between two steps leaves nothing that the next start does not mend.

use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow};
use tenure_control_model::{ApiKey, ApiKeyId, Change, Expect, Role, Write};
use tenure_control_server::{Authority, Token};
use tenure_control_store::{SqliteStore, Store};
use tenure_devcluster::{PRIVATE, PUBLIC, replace};
use tenure_types::WallTime;
use tracing::info;

use super::config::{AuthorityFiles, Config};
use crate::failure::{Failure, OrHint};

/// Where the operator's token is.
const TOKEN_FILE: &str = "operator.token";

/// Who signs everything.
pub(super) fn authority(config: &Config) -> Result<Authority, Failure> {
    let own = AuthorityFiles {
        certificate: config.data_dir.join("ca.pem"),
        key: config.data_dir.join("ca.key"),
    };
    let files = config.authority.as_ref().unwrap_or(&own);
    if config.authority.is_none() && !exists(&files.certificate)? {
        let (authority, key_pem) = Authority::generate().or_hint("check this machine's source of randomness")?;
        // The certificate is written last: where it is, the key to it is too.
        let disk = "check data_dir and its disk";
        replace(&files.key, &key_pem, PRIVATE).or_hint(disk)?;
        replace(&files.certificate, authority.certificate_pem(), PUBLIC).or_hint(disk)?;
        info!(certificate = %files.certificate.display(), "made the authority of this platform");
        return Ok(authority);
    }
    let read = |path: &Path| {
        let text = fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()));
        text.or_hint("check the paths under [authority], and that this user may read the files")
    };
    let read = Authority::from_pem(&read(&files.certificate)?, &read(&files.key)?);
    read.with_context(|| format!("{} and its key cannot be used", files.certificate.display()))
        .or_hint("both are PEM, the certificate is one of an authority, and the key is its own")
}

fn exists(path: &Path) -> Result<bool, Failure> {
    path.try_exists()
        .with_context(|| format!("could not look for {}", path.display()))
        .or_hint("check data_dir, and that this user may read it")
}

/// Makes a key that opens the whole platform, unless one lives. So a start helps whoever has lost the last.
pub(super) async fn operator_key(store: &SqliteStore, data_dir: &Path, now: WallTime) -> Result<(), Failure> {
    let database = "check tenure.sqlite in data_dir and its disk";
    if store.platform_owner_lives(now).await.or_hint(database)? {
        return Ok(());
    }
    // As the ids of all other keys, it sorts by age.
    let id = ApiKeyId::new(uuid::Uuid::now_v7().as_u128());
    let token = Token::mint(id, rand::random());
    let key = ApiKey {
        id,
        tenant: None,
        name: "operator".to_owned(),
        role: Role::Owner,
        secret_sha256: token.secret_sha256(),
        created_at: now,
        expires_at: None,
        revoked_at: None,
    };
    // 1. The token's file. 2. The key. A crash between leaves a token that opens nothing, and the next start makes another.
    let path = data_dir.join(TOKEN_FILE);
    replace(&path, &format!("{token}\n"), PRIVATE).or_hint("check data_dir and its disk")?;
    let change = Change::default().with(Write::PutApiKey(key, Expect::Absent));
    store
        .apply(change)
        .await
        .map_err(|error| anyhow!(error))
        .or_hint(database)?;
    info!(path = %path.display(), "made the operator's key");
    Ok(())
}
