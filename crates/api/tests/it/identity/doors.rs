//! Staff and customers have a door each, whatever they hold: a secret, a challenge, a refresh token, an access token.

use std::net::IpAddr;

use chrono::TimeDelta;
use secrecy::SecretString;
use serde_json::{Value, json};
use simpul_api::{BySurface, Settings, Surface, TrustedDocuments, auth::Viewer, identity::IdentitySettings};
use simpul_app::identity::totp;
use simpul_testkit::sql::Session;

use super::house::{Answer, House, In, PASSWORD};
use crate::front::{Front, document};

const TOKENS: &str = "tokens { sessionId userId accessToken refreshToken }";
const STARTED: &str = "tokens { sessionId userId accessToken refreshToken } challenge";
const WHO: &str = "{viewer{user{id}}}";

/// What clients of the portal ask.
fn documents() -> [String; 10] {
    [
        document("invitationAccept", STARTED),
        document("sessionStart", STARTED),
        document("sessionVerify", STARTED),
        document("sessionRefresh", TOKENS),
        document("secondFactorBegin", "secret"),
        document("secondFactorConfirm", "recoveryCodes"),
        document("nameChange", ""),
        document("passwordChange", ""),
        document("sessionsEnd", ""),
        WHO.to_owned(),
    ]
}

fn id_of(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    format!("sha256:{}", hex::encode(digest))
}

async fn open() -> House {
    let mut portal = TrustedDocuments::default();
    for text in documents() {
        portal
            .add(&json!({ id_of(&text): text }).to_string())
            .expect("a manifest");
    }
    let settings = Settings {
        documents: BySurface {
            portal,
            ..BySurface::default()
        },
        ..Settings::default()
    };
    House {
        front: Front::with_identity(None, settings, IdentitySettings::default()).await,
    }
}

/// One document at one door.
async fn ask(house: &House, (surface, token): (Surface, Option<&str>), text: &str, input: Value) -> Answer {
    ask_from(house, (surface, token, None), text, input).await
}

async fn ask_from(
    house: &House,
    (surface, token, ip): (Surface, Option<&str>, Option<IpAddr>),
    text: &str,
    input: Value,
) -> Answer {
    let tenant = house.tenant().to_string();
    let variables = json!({ "input": input });
    let body = match surface {
        Surface::Portal => json!({ "documentId": id_of(text), "variables": variables }),
        Surface::Staff | Surface::Platform => json!({ "query": text, "variables": variables }),
    };
    let headers = [("x-tenant-id", tenant.as_str()), ("user-agent", "portal/1")];
    house.send((surface, token, ip), &headers, &body).await
}

async fn knock(house: &House, surface: Surface, mutation: &str, input: Value) -> Answer {
    let fields = if mutation == "sessionRefresh" {
        TOKENS
    } else {
        STARTED
    };
    ask(house, (surface, None), &document(mutation, fields), input).await
}

/// Who prolongs at the wrong door is told that the session is over, and it is not.
async fn prolong(house: &House, (own, other): (Surface, Surface), refresh: &str) -> In {
    let input = json!({ "refreshToken": refresh });
    let refused = knock(house, other, "sessionRefresh", input.clone()).await;
    assert_eq!(refused.code(), "UNAUTHORIZED", "{refused:?}");
    let prolonged = knock(house, own, "sessionRefresh", input).await;
    In::of(prolonged.payload("sessionRefresh"))
}

/// Whether a token is believed.
async fn is_known(house: &House, surface: Surface, token: &str) -> bool {
    let answer = ask(house, (surface, Some(token)), WHO, Value::Null).await;
    answer.status.as_u16() != 401
}

/// A customer who has an account, and the secret of the letter that makes them a user.
async fn invited_customer(house: &House) -> String {
    let owner = house.front.owner;
    let customer = json!({ "code": "C-1", "name": "Budi", "phone": "0812-9999-0000" });
    let customer = house
        .front
        .accepted(owner, "customerRegister", "customer { id }", customer)
        .await;
    let input = json!({
        "email": "budi@kayu.example", "name": "Budi", "roles": ["customer"],
        "customerId": customer["customer"]["id"],
    });
    house
        .front
        .accepted(owner, "userInvite", "user { id customerId }", input)
        .await;
    house.front.letters.secret("budi@kayu.example").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_gets_in_by_the_portal_only() {
    let house = open().await;
    let secret = invited_customer(&house).await;
    let accept = json!({ "secret": secret, "password": PASSWORD });
    let refused = knock(&house, Surface::Staff, "invitationAccept", accept.clone()).await;
    assert_eq!(refused.user_error("invitationAccept"), "NOT_FOUND");
    let joined = knock(&house, Surface::Portal, "invitationAccept", accept).await;
    let joined = In::of(joined.payload("invitationAccept"));
    assert!(is_known(&house, Surface::Portal, &joined.access).await);
    assert!(!is_known(&house, Surface::Staff, &joined.access).await);
    let prolonged = prolong(&house, (Surface::Portal, Surface::Staff), &joined.refresh).await;

    let who = json!({ "email": "budi@kayu.example", "password": PASSWORD });
    let refused = knock(&house, Surface::Staff, "sessionStart", who.clone()).await;
    assert_eq!(refused.user_error("sessionStart"), "UNAUTHORIZED");
    let started = knock(&house, Surface::Portal, "sessionStart", who.clone()).await;
    In::of(started.payload("sessionStart"));

    // A challenge of the portal is nothing to the staff's door, and the code is not lost there.
    let own = (Surface::Portal, Some(prolonged.access.as_str()));
    let offer = document("secondFactorBegin", "secret");
    let offered = ask(&house, own, &offer, json!({ "password": PASSWORD })).await;
    let secret = offered.payload("secondFactorBegin")["secret"]
        .as_str()
        .expect("a secret")
        .to_owned();
    let secret = SecretString::from(secret);
    let code = || totp::code_at(&secret, house.front.test.store().now()).expect("a code");
    let confirm = document("secondFactorConfirm", "recoveryCodes");
    let confirmed = ask(&house, own, &confirm, json!({ "code": code() })).await;
    assert_eq!(confirmed.user_error("secondFactorConfirm"), "", "{confirmed:?}");
    house.front.test.clock().advance(TimeDelta::seconds(31));
    let started = knock(&house, Surface::Portal, "sessionStart", who).await;
    let challenge = started.payload("sessionStart")["challenge"].clone();
    let proof = json!({ "challenge": challenge, "code": code() });
    let refused = knock(&house, Surface::Staff, "sessionVerify", proof.clone()).await;
    assert_eq!(refused.user_error("sessionVerify"), "NOT_FOUND");
    let verified = knock(&house, Surface::Portal, "sessionVerify", proof).await;
    In::of(verified.payload("sessionVerify"));
}

// Properties 45 and 46, of customers: each change has its entries, with who it was, from where and with what.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_customer_does_at_the_portal_is_in_the_trail() {
    let house = open().await;
    let accept = json!({ "secret": invited_customer(&house).await, "password": PASSWORD });
    let joined = knock(&house, Surface::Portal, "invitationAccept", accept).await;
    let joined = In::of(joined.payload("invitationAccept"));
    let ip = IpAddr::from([203, 0, 113, 9]);
    let password = json!({ "currentPassword": PASSWORD, "newPassword": "kata sandi baru" });
    let changes = [
        ("nameChange", json!({ "name": "Budi Santoso" }), "identity.user."),
        ("passwordChange", password, "identity.user."),
        ("sessionsEnd", json!({}), "identity.session."),
    ];
    for (mutation, input, kind) in changes {
        let own = (Surface::Portal, Some(joined.access.as_str()), Some(ip));
        let told = ask_from(&house, own, &document(mutation, ""), input).await;
        let told = told.payload(mutation);
        assert_eq!(told["userErrors"], json!([]), "{mutation}: {told}");
        let token = told["consistencyToken"].as_str().expect("it wrote something");
        let entries =
            "{ auditEntries(first: 50) { nodes { position eventType command actor ip userAgent summary } } }";
        let owner = house.front.token(house.front.owner);
        let (seen, read) = (json!({ "query": entries }), [("x-consistency-token", token)]);
        let seen = house
            .send((Surface::Staff, Some(&owner), None), &read, &seen)
            .await;
        let (_, written) = token.rsplit_once('.').expect("a position");
        let nodes = seen.body["data"]["auditEntries"]["nodes"].as_array();
        let entry = nodes
            .expect("entries")
            .iter()
            .find(|entry| entry["position"] == *written);
        let entry = entry.expect(mutation);
        assert_eq!(entry["actor"], *joined.user, "{entry}");
        assert_eq!(entry["ip"], *ip.to_string(), "{entry}");
        assert_eq!(entry["userAgent"], "portal/1", "{entry}");
        assert!(
            entry["eventType"].as_str().expect("a type").starts_with(kind),
            "{entry}"
        );
        assert!(entry["summary"].is_object(), "{entry}");
        assert!(!entry["command"].as_str().expect("a name").is_empty(), "{entry}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_get_in_by_the_panel_only() {
    let house = open().await;
    let input = json!({ "email": "siti@kayu.example", "name": "Siti", "roles": ["viewer"] });
    house
        .front
        .accepted(house.front.owner, "userInvite", "user { id }", input)
        .await;
    let secret = house.front.letters.secret("siti@kayu.example").await;
    let accept = json!({ "secret": secret, "password": PASSWORD });
    let refused = knock(&house, Surface::Portal, "invitationAccept", accept.clone()).await;
    assert_eq!(refused.user_error("invitationAccept"), "NOT_FOUND");
    let joined = knock(&house, Surface::Staff, "invitationAccept", accept).await;
    let joined = In::of(joined.payload("invitationAccept"));
    prolong(&house, (Surface::Staff, Surface::Portal), &joined.refresh).await;
    let who = json!({ "email": "siti@kayu.example", "password": PASSWORD });
    let refused = knock(&house, Surface::Portal, "sessionStart", who).await;
    assert_eq!(refused.user_error("sessionStart"), "UNAUTHORIZED");
}

/// A token that says it is the staff's is not believed of a customer, whoever made it; nor does a super admin who acts as a
/// customer get one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_lets_a_customer_use_the_panel() {
    let house = open().await;
    let secret = invited_customer(&house).await;
    let accept = json!({ "secret": secret, "password": PASSWORD });
    let joined = knock(&house, Surface::Portal, "invitationAccept", accept).await;
    let customer = In::of(joined.payload("invitationAccept"));
    let viewer = Viewer {
        user: customer.user.parse().expect("an id"),
        tenant: house.tenant(),
    };
    let forged = house.front.token_for(Surface::Staff, viewer);
    assert!(!is_known(&house, Surface::Staff, &forged).await);

    let operator = crate::surfaces::operator(&house.front).await;
    let admin = house.front.token_for(Surface::Platform, operator);
    let input =
        json!({ "tenantId": house.tenant().to_string(), "userId": customer.user, "reason": "tiket 4711" });
    let body = json!({
        "query": document("tenantImpersonate", TOKENS),
        "variables": { "input": input },
    });
    let acting = house
        .send((Surface::Platform, Some(&admin), None), &[], &body)
        .await;
    let acting = In::of(acting.payload("tenantImpersonate"));
    assert!(is_known(&house, Surface::Portal, &acting.access).await);
    assert!(!is_known(&house, Surface::Staff, &acting.access).await);

    let mut admin = Session::open(&house.front.test.superuser_url()).await;
    let begun: i64 = admin
        .value("SELECT count(*) FROM es.events WHERE event_type = 'identity.session.started'")
        .await;
    assert_eq!(begun, 2, "one of the customer, one of the admin in their place");
}
