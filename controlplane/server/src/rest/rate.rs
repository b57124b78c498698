//! How many requests are let through.
//! Promises: memory is bounded, however many keys and addresses call. Never reads the machine's clock: it is handed in. Leaves to operators:
//! the limit of all control planes together, since each counts for itself.

use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use tenure_control_model::{ApiKey, ApiKeyId, TenantKey};
use tenure_types::{BootTime, Clock};

use super::problem::{Code, Fault};

/// Failed logins of one address: so many at once, and one more each second.
const FAILED_LOGINS: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// Keys, and addresses, that are counted one by one. Past it those that have been quiet are forgotten.
const COUNTED_MAX: usize = 10_000;

/// Both limits.
pub(super) struct Limits {
    callers: Counted<Caller>,
    logins: Counted<Source>,
}

impl Limits {
    /// Nobody has called yet.
    pub(super) fn new(clock: &Arc<dyn Clock>, requests_per_second: u32) -> Self {
        let per_second = NonZeroU32::new(requests_per_second).unwrap_or(NonZeroU32::MIN);
        let one_a_second = Quota::per_second(NonZeroU32::MIN);
        Self {
            callers: Counted::new(clock, Quota::per_second(per_second).allow_burst(per_second)),
            logins: Counted::new(clock, one_a_second.allow_burst(FAILED_LOGINS)),
        }
    }

    /// Counts a request with this key.
    pub(super) fn request(&self, key: &ApiKey) -> Result<(), Fault> {
        let caller = Caller::of(key);
        self.callers
            .count(&caller)
            .map_err(|wait| too_many(wait, caller.makes_too_many()))
    }

    /// Counts a failed login of this address. A good key from there is still let through.
    pub(super) fn failed_login(&self, from: Option<IpAddr>) -> Result<(), Fault> {
        let network = from.map_or(Source::Unknown, network_of);
        // Addresses are free for the taking: those that come when all places are taken share one.
        let place = if self.logins.has_room_for_more() {
            network
        } else {
            Source::Unknown
        };
        self.logins
            .count(&place)
            .map_err(|wait| too_many(wait, "too many logins from this address failed"))
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits").finish_non_exhaustive()
    }
}

/// Who is counted as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    /// All keys of a tenant together: it makes as many as it likes.
    Tenant(TenantKey),
    /// One key of the platform.
    Platform(ApiKeyId),
}

impl Caller {
    /// Whose key it is.
    pub(super) fn of(key: &ApiKey) -> Self {
        key.tenant.map_or(Self::Platform(key.id), Self::Tenant)
    }

    const fn makes_too_many(self) -> &'static str {
        match self {
            Self::Tenant(_) => "the API keys of this tenant make too many requests together",
            Self::Platform(_) => "this API key makes too many requests",
        }
    }
}

/// Where logins and connections come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Source {
    V4([u8; 4]),
    /// The upper half: one customer of a provider has all of the lower.
    V6([u8; 8]),
    /// All others together.
    Unknown,
}

/// Whom an address is counted as.
pub(super) fn network_of(address: IpAddr) -> Source {
    match address.to_canonical() {
        IpAddr::V4(address) => Source::V4(address.octets()),
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h, ..] = address.octets();
            Source::V6([a, b, c, d, e, f, g, h])
        }
    }
}

/// One limit for each key.
struct Counted<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DashMapStateStore<K>, SinceBoot, NoOpMiddleware<Duration>>,
    clock: SinceBoot,
}

impl<K: Hash + Eq + Clone> Counted<K> {
    fn new(clock: &Arc<dyn Clock>, quota: Quota) -> Self {
        let clock = SinceBoot(Arc::clone(clock));
        Self {
            limiter: RateLimiter::new(quota, DashMapStateStore::default(), clock.clone()),
            clock,
        }
    }

    /// `Err`: for how long to wait.
    fn count(&self, key: &K) -> Result<(), Duration> {
        if self.limiter.len() >= COUNTED_MAX {
            self.limiter.retain_recent();
        }
        self.limiter
            .check_key(key)
            .map_err(|refused| refused.wait_time_from(self.clock.now()))
    }

    fn has_room_for_more(&self) -> bool {
        if self.limiter.len() >= COUNTED_MAX {
            self.limiter.retain_recent();
        }
        self.limiter.len() < COUNTED_MAX
    }
}

/// The machine's clock as the limiter wants it.
#[derive(Clone)]
struct SinceBoot(Arc<dyn Clock>);

impl GovernorClock for SinceBoot {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.boot().elapsed_since(BootTime::from_nanos(0))
    }
}

/// What somebody is told who may come again after `wait`.
pub(super) fn too_many(wait: Duration, who: &str) -> Fault {
    let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
    Fault {
        retry_after: Some(seconds),
        ..Fault::new(Code::TooManyRequests, format!("{who}: wait {seconds} s"))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use tenure_control_model::Role;
    use tenure_log::ManualClock;
    use tenure_types::WallTime;

    use super::*;

    fn limits(per_second: u32) -> (Arc<ManualClock>, Limits) {
        let clock = Arc::new(ManualClock::new());
        let handed_in: Arc<dyn Clock> = clock.clone();
        (clock, Limits::new(&handed_in, per_second))
    }

    #[test]
    fn who_asks_too_often_is_told_when_to_come_again_and_others_do_not_feel_it() {
        let key = |id, tenant: Option<u128>| ApiKey {
            id: ApiKeyId::new(id),
            tenant: tenant.map(TenantKey::new),
            name: "test".to_owned(),
            role: Role::Viewer,
            secret_sha256: [0; 32],
            created_at: WallTime::from_unix_millis(0),
            expires_at: None,
            revoked_at: None,
        };
        // A tenant's second key is no second share; each key of the platform has its own.
        for (busy, same, others) in [
            (key(1, Some(1)), key(2, Some(1)), [key(3, Some(2)), key(4, None)]),
            (key(1, None), key(1, None), [key(2, None), key(3, Some(1))]),
        ] {
            let (clock, limits) = limits(2);
            limits.request(&busy).unwrap();
            limits.request(&same).unwrap();
            for refused in [&busy, &same] {
                let refused = limits.request(refused).unwrap_err();
                assert_eq!((refused.code, refused.retry_after), (Code::TooManyRequests, Some(1)));
            }
            for other in &others {
                limits.request(other).unwrap();
            }
            clock.advance(Duration::from_secs(1));
            limits.request(&same).unwrap();
        }
    }

    #[test]
    fn memory_is_bounded_however_many_addresses_fail_to_log_in() {
        let (clock, limits) = limits(1);
        let address = |number: u32| Some(IpAddr::V6(Ipv6Addr::from_bits(u128::from(number) << 64)));
        let flood = u32::try_from(COUNTED_MAX).unwrap() + 100;
        let refused = (0..flood)
            .filter(|number| limits.failed_login(address(*number)).is_err())
            .count();
        assert!(limits.logins.limiter.len() <= COUNTED_MAX + 1);
        assert!(refused > 0, "those past the bound share one place");
        clock.advance(Duration::from_secs(20));
        limits.failed_login(address(flood)).unwrap();
        assert!(limits.logins.limiter.len() < 10, "the quiet ones are forgotten");
    }
}
