//! API keys.

use serde_json::{Value, json};
use tenure_control_model::Role;

use super::site::Site;
use crate::Token;

#[tokio::test]
async fn a_token_is_shown_once_and_opens_what_its_key_may() {
    let site = Site::new().await;
    site.tenant("demo").await;
    let body = json!({"name": "ci", "role": "operator", "expires_in_days": 30});
    let headers = [("idempotency-key", "one")];
    let path = "/v1/tenants/demo/api-keys";
    let made = site.send("POST", path, &site.owner, &headers, Some(&body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let token = made.body["token"].as_str().unwrap();
    let id = made.body["key"]["id"].as_str().unwrap();
    assert_eq!(token.parse::<Token>().unwrap().id().to_string(), id);
    assert_eq!(made.header("location"), format!("{path}/{id}"));
    assert_eq!(made.body["key"]["expires_at"], "2023-12-14T22:13:20.000Z");
    let me = site.send("GET", "/v1/whoami", token, &[], None).await;
    assert_eq!(me.body["key"], made.body["key"]);
    assert_eq!(me.body["key"]["tenant"], "demo");

    let again = site.send("POST", path, &site.owner, &headers, Some(&body)).await;
    assert_eq!((again.status.as_u16(), &again.body["key"]), (201, &made.body["key"]));
    assert!(again.body.get("token").is_none());
    let list = site.get(path).await;
    assert_eq!(list.body["items"], json!([made.body["key"]]));
    assert!(!list.text.contains(&token[37..]));
}

#[tokio::test]
async fn nobody_makes_or_revokes_a_key_above_their_own() {
    let site = Site::new().await;
    let demo = site.tenant("demo").await;
    let admin = site.key(Some(demo), Role::Admin).await;
    let owner = site.key(Some(demo), Role::Owner).await;
    let path = "/v1/tenants/demo/api-keys";
    for (role, status) in [
        ("owner", 403),
        ("admin", 201),
        ("operator", 201),
        ("viewer", 201),
        ("metrics", 201),
    ] {
        let body = json!({"name": "made", "role": role});
        let reply = site.send("POST", path, &admin, &[], Some(&body)).await;
        assert_eq!(reply.status, status, "{role}: {}", reply.text);
    }
    let owner_id = owner.parse::<Token>().unwrap().id();
    let refused = site
        .send("DELETE", &format!("{path}/{owner_id}"), &admin, &[], None)
        .await;
    assert_eq!(refused.is(), (403, "forbidden"));
    assert_eq!(site.send("GET", "/v1/whoami", &owner, &[], None).await.status, 200);
}

#[tokio::test]
async fn a_revoked_key_opens_nothing_and_stays_in_the_list() {
    let site = Site::new().await;
    let token = site.key(None, Role::Viewer).await;
    let id = token.parse::<Token>().unwrap().id();
    assert_eq!(site.delete(&format!("/v1/api-keys/{id}")).await.status, 204);
    assert_eq!(site.send("GET", "/v1/whoami", &token, &[], None).await.status, 401);
    let list = site.get("/v1/api-keys").await;
    let revoked = list.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|key| key.get("revoked_at").is_some());
    assert_eq!(revoked.count(), 1);
}

#[tokio::test]
async fn the_last_owner_of_the_platform_cannot_lock_everybody_out() {
    let site = Site::new().await;
    let id = site.owner.parse::<Token>().unwrap().id();
    let refused = site.delete(&format!("/v1/api-keys/{id}")).await;
    assert_eq!(refused.is(), (409, "own-key"));
    assert_eq!(site.get("/v1/whoami").await.status, 200);
}

#[tokio::test]
async fn owners_of_the_platform_do_not_revoke_the_last_one_whose_key_never_expires() {
    let site = Site::new().await;
    let make = async |days: Value| {
        let body = json!({"name": "boss", "role": "owner", "expires_in_days": days});
        site.post("/v1/api-keys", &body).await.body
    };
    let (temporary, lasting) = (make(json!(1)).await, make(json!(null)).await);
    let revoke = async |by: &str, id: &str| site.send("DELETE", &format!("/v1/api-keys/{id}"), by, &[], None).await;
    let token = temporary["token"].as_str().unwrap();
    let first = site.owner.parse::<Token>().unwrap().id().to_string();
    let second = lasting["key"]["id"].as_str().unwrap();
    assert_eq!(revoke(token, &first).await.status, 204);
    let refused = revoke(token, second).await;
    assert_eq!(refused.is(), (409, "last-owner"), "{}", refused.text);
    let token = lasting["token"].as_str().unwrap();
    assert_eq!(
        revoke(token, temporary["key"]["id"].as_str().unwrap()).await.status,
        204
    );
}

#[tokio::test]
async fn a_tenant_has_a_hundred_live_keys_at_most() {
    let site = Site::new().await;
    let demo = site.tenant("demo").await;
    let last = (0..100).map(async |_| site.key(Some(demo), Role::Viewer).await);
    let tokens = futures::future::join_all(last).await;
    let path = "/v1/tenants/demo/api-keys";
    let body = json!({"name": "ci", "role": "viewer"});
    let refused = site.post(path, &body).await;
    assert_eq!(refused.is(), (409, "too-many-keys"), "{}", refused.text);
    assert_eq!(site.post("/v1/api-keys", &body).await.status, 201);
    let id = tokens[0].parse::<Token>().unwrap().id();
    assert_eq!(site.delete(&format!("{path}/{id}")).await.status, 204);
    assert_eq!(site.post(path, &body).await.status, 201);
}

#[tokio::test]
async fn a_key_that_expires_makes_none_that_lives_longer() {
    let site = Site::new().await;
    let make = async |by: &str, days: Value| {
        let body = json!({"name": "ci", "role": "owner", "expires_in_days": days});
        site.send("POST", "/v1/api-keys", by, &[], Some(&body)).await
    };
    let made = make(&site.owner, json!(2)).await;
    let token = made.body["token"].as_str().unwrap();
    for (days, status) in [(json!(1), 201), (json!(2), 201), (json!(3), 403), (json!(null), 403)] {
        let reply = make(token, days.clone()).await;
        assert_eq!(reply.status, status, "{days}: {}", reply.text);
    }
}

#[tokio::test]
async fn a_key_is_found_only_where_it_belongs() {
    let site = Site::new().await;
    let demo = site.tenant("demo").await;
    site.tenant("other").await;
    let id = site.key(Some(demo), Role::Viewer).await.parse::<Token>().unwrap().id();
    for path in ["/v1/api-keys", "/v1/tenants/other/api-keys"] {
        assert_eq!(site.delete(&format!("{path}/{id}")).await.is(), (404, "not-found"));
        let list = site.get(path).await;
        assert!(!list.text.contains(&id.to_string()), "{path}");
    }
    assert_eq!(
        site.delete(&format!("/v1/tenants/demo/api-keys/{id}")).await.status,
        204
    );
}
