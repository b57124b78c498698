//! Rules of API keys.

use futures::future;
use tenure_control_model::{ApiKey, Expect, Role, TenantKey, Write};

use super::UnderTest;
use super::sample::*;

/// Not those that are revoked or expired, and nobody else's.
pub async fn live_keys_of_a_tenant_are_counted(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    apply_ground(&store).await;
    let tenant = TenantKey::new(1);
    assert_eq!(store.live_api_keys(tenant, at(20)).await.unwrap(), 0);
    let lives = |number, expires_at| ApiKey {
        expires_at,
        ..api_key(number)
    };
    let revoked = ApiKey {
        revoked_at: Some(at(15)),
        ..lives(4, None)
    };
    let keys = [
        lives(1, None),
        lives(2, Some(at(21))),
        lives(3, Some(at(20))),
        revoked,
        platform_owner(5),
    ];
    for key in keys {
        apply(&store, just(Write::PutApiKey(key, Expect::Absent))).await;
    }
    assert_eq!(store.live_api_keys(tenant, at(20)).await.unwrap(), 2);
}

/// At the same time.
pub async fn of_two_owners_that_revoke_each_other_one_stays(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    for number in [1, 2] {
        apply(&store, just(Write::PutApiKey(platform_owner(number), Expect::Absent))).await;
    }
    let revoke = |number| store.apply(just(Write::RevokeApiKey(platform_owner(number).id, at(20))));
    let (one, other) = future::join(revoke(1), revoke(2)).await;
    let refused = match (one, other) {
        (Ok(_), refused) | (refused, Ok(_)) => refused,
        both => panic!("both were refused: {both:?}"),
    };
    assert_in_use(refused, "API key key_");
    assert!(store.platform_owner_lives(at(20)).await.unwrap());
}

/// Others go: those of tenants, those with other roles, and one that opens nothing any more.
pub async fn the_last_owner_of_the_platform_whose_key_never_ends_is_not_revoked(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    apply_ground(&store).await;
    let ends = |number, millis| ApiKey {
        expires_at: Some(at(millis)),
        ..platform_owner(number)
    };
    let of_tenant = ApiKey {
        tenant: Some(TenantKey::new(1)),
        ..platform_owner(4)
    };
    let admin = ApiKey {
        role: Role::Admin,
        ..platform_owner(5)
    };
    for key in [platform_owner(1), ends(2, 30), ends(3, 15), of_tenant, admin] {
        apply(&store, just(Write::PutApiKey(key, Expect::Absent))).await;
    }
    let revoke = |number| store.apply(just(Write::RevokeApiKey(platform_owner(number).id, at(20))));
    assert_in_use(revoke(1).await, "API key key_");
    assert_eq!(
        store.api_key(platform_owner(1).id).await.unwrap(),
        Some(platform_owner(1))
    );
    for number in [2, 3, 4, 5, 2] {
        revoke(number).await.unwrap();
    }
    assert_in_use(revoke(1).await, "API key key_");
    // One whose key ends takes nobody's place.
    apply(&store, just(Write::PutApiKey(ends(6, 1000), Expect::Absent))).await;
    assert_in_use(revoke(1).await, "API key key_");
    apply(&store, just(Write::PutApiKey(platform_owner(7), Expect::Absent))).await;
    revoke(1).await.unwrap();
    revoke(1).await.unwrap();
    assert_in_use(revoke(7).await, "API key key_");
    assert_conflict(revoke(99).await, "API key key_");
}

/// Who is of a tenant, has another role, or whose key is revoked or expired is none.
pub async fn only_a_live_owner_of_the_platform_counts_as_one(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    apply_ground(&store).await;
    assert!(!store.platform_owner_lives(at(20)).await.unwrap());
    let others = [
        ApiKey {
            tenant: Some(TenantKey::new(1)),
            ..platform_owner(1)
        },
        ApiKey {
            role: Role::Admin,
            ..platform_owner(2)
        },
        ApiKey {
            revoked_at: Some(at(13)),
            ..platform_owner(3)
        },
        ApiKey {
            expires_at: Some(at(20)),
            ..platform_owner(4)
        },
    ];
    for key in others {
        apply(&store, just(Write::PutApiKey(key, Expect::Absent))).await;
    }
    assert!(!store.platform_owner_lives(at(20)).await.unwrap());
    assert!(
        store.platform_owner_lives(at(19)).await.unwrap(),
        "its key has not expired yet"
    );
    apply(&store, just(Write::PutApiKey(platform_owner(5), Expect::Absent))).await;
    assert!(store.platform_owner_lives(at(20)).await.unwrap());
}
