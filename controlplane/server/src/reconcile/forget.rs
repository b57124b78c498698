//! Old rows go, so that no table grows without bound.

use std::time::Duration;

use tenure_control_store::StoreError;
use tenure_types::{BootTime, WallTime};

use crate::shared::Shared;

/// How often it is looked for them. A bounded number goes each time.
const EVERY: Duration = Duration::from_secs(5);

/// When it was last done.
#[derive(Debug, Default)]
pub(super) struct Forget(Option<BootTime>);

impl Forget {
    pub(super) async fn act(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let now = shared.clock.boot();
        if self.0.is_some_and(|last| now.elapsed_since(last) < EVERY) {
            return Ok(());
        }
        self.0 = Some(now);
        let keep_millis = u64::try_from(shared.options.keep_for.as_millis()).unwrap_or(u64::MAX);
        let before = WallTime::from_unix_millis(shared.now().as_unix_millis().saturating_sub(keep_millis));
        shared.store.forget(shared.now(), before).await
    }
}
