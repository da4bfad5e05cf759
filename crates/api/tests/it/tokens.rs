//! Tokens: whose they are, and every way in which they are not believed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use simpul_api::{
    Surface,
    auth::{KeyError, Keys, TokenError, Viewer, generate_pem},
};
use simpul_domain::{SessionId, TenantId, UserId};
use uuid::Uuid;

use crate::front::{ISSUER, KEY, keys};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("instant")
}

fn viewer() -> Viewer {
    Viewer {
        user: UserId::new(Uuid::from_u128(1)),
        tenant: TenantId::new(Uuid::from_u128(2)),
    }
}

fn session() -> SessionId {
    SessionId::new(Uuid::from_u128(3))
}

fn mint(keys: &Keys) -> String {
    let token = keys.mint(
        Surface::Staff,
        (viewer(), session()),
        now(),
        TimeDelta::minutes(15),
    );
    token.expect("token").expose_secret().to_owned()
}

#[test]
fn a_token_names_its_user_and_tenant_until_it_expires() {
    let keys = keys(KEY);
    let token = mint(&keys);
    assert_eq!(keys.verify(Surface::Staff, &token, now()), Ok(viewer()));
    let expiry = now() + TimeDelta::minutes(15);
    assert_eq!(
        keys.verify(Surface::Staff, &token, expiry + TimeDelta::seconds(29)),
        Ok(viewer())
    );
    let late = keys.verify(Surface::Staff, &token, expiry + TimeDelta::seconds(30));
    assert_eq!(late, Err(TokenError::Expired));
    let early = keys.verify(Surface::Staff, &token, now() - TimeDelta::seconds(31));
    assert_eq!(early, Err(TokenError::NotYet));
}

#[test]
fn tokens_of_other_keys_issuers_and_surfaces_are_refused() {
    let ours = keys(KEY);
    let other = keys(include_str!("other-key.pem"));
    assert_eq!(
        ours.verify(Surface::Staff, &mint(&other), now()),
        Err(TokenError::UnknownKey)
    );
    let elsewhere = Keys::from_pem(&SecretString::from(KEY), "https://evil.test").expect("key");
    let foreign = ours.verify(Surface::Staff, &mint(&elsewhere), now());
    assert_eq!(foreign, Err(TokenError::Invalid));
    for (made_for, tenant) in Surface::ALL
        .into_iter()
        .flat_map(|surface| [(surface, viewer().tenant), (surface, TenantId::PLATFORM)])
    {
        let viewer = Viewer { tenant, ..viewer() };
        let token = ours.mint(made_for, (viewer, session()), now(), TimeDelta::minutes(15));
        let token = token.expect("token").expose_secret().to_owned();
        for surface in Surface::ALL {
            let believed = ours.verify(surface, &token, now());
            let good = surface == made_for && surface.serves(tenant);
            let expected = if good {
                Ok(viewer)
            } else {
                Err(TokenError::Invalid)
            };
            assert_eq!(believed, expected, "{made_for} at {surface} of {tenant}");
        }
    }
    let rotated = keys(KEY).with_older(&keys(include_str!("other-key.pem")));
    assert_eq!(rotated.verify(Surface::Staff, &mint(&other), now()), Ok(viewer()));
}

#[test]
fn a_header_cannot_choose_its_algorithm() {
    let keys = keys(KEY);
    let token = mint(&keys);
    let parts: Vec<&str> = token.split('.').collect();
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).expect("base64")).expect("JSON");
    for (name, value) in [
        ("alg", "none"),
        ("alg", "HS256"),
        ("alg", "RS512"),
        ("typ", "JWT"),
    ] {
        let mut forged = header.clone();
        forged[name] = json!(value);
        let forged = URL_SAFE_NO_PAD.encode(forged.to_string());
        for signature in [parts[2], ""] {
            let token = format!("{forged}.{}.{signature}", parts[1]);
            assert!(
                keys.verify(Surface::Staff, &token, now()).is_err(),
                "{name} {value}"
            );
        }
    }
}

#[test]
fn one_changed_letter_makes_a_token_void() {
    let keys = keys(KEY);
    let token = mint(&keys);
    let middle = token.find('.').expect("dot") + 10;
    for at in [middle, token.len() - 20] {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("ASCII");
        assert!(keys.verify(Surface::Staff, &changed, now()).is_err());
    }
    for rubbish in ["", ".", "a.b.c", &"x".repeat(5_000)] {
        assert_eq!(
            keys.verify(Surface::Staff, rubbish, now()),
            Err(TokenError::Malformed)
        );
    }
}

#[test]
fn short_and_broken_keys_are_refused_and_never_printed() {
    let short = SecretString::from(include_str!("short-key.pem"));
    assert_eq!(Keys::from_pem(&short, ISSUER).err(), Some(KeyError::TooShort));
    let broken = SecretString::from("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----");
    assert_eq!(Keys::from_pem(&broken, ISSUER).err(), Some(KeyError::Unreadable));
    assert!(!format!("{:?}", keys(KEY)).contains("PRIVATE"));
}

#[test]
fn a_generated_key_signs() {
    let pem = generate_pem().expect("a key");
    let keys = Keys::from_pem(&pem, ISSUER).expect("reads back");
    assert_eq!(keys.verify(Surface::Staff, &mint(&keys), now()), Ok(viewer()));
}
