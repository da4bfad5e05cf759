//! One person in two tenants: one sign-in, and over.

use serde_json::{Value, json};
use simpul_api::{Surface, auth::Viewer};
use simpul_domain::identity::LetterKind;

use super::house::{House, In, PASSWORD};
use crate::front::document;

const SITI: &str = "siti@mail.example";
const OWN: &str = "{ ownTenants { id name userId isCurrent } }";
const IN: &str = "tokens { sessionId userId tenantId accessToken refreshToken } challenge";

/// Siti is invited to a tenant by its owner, and joins.
async fn join(house: &House, owner: Viewer, email: &str) -> In {
    let input = json!({ "email": email, "name": "Siti", "roles": ["viewer"] });
    house
        .front
        .accepted(owner, "userInvite", "user { id }", input)
        .await;
    let letters = house.front.letters.of(owner.tenant);
    let secret = letters.secret_of(LetterKind::Invitation, email).await;
    let query = document("invitationAccept", IN).replace(" consistencyToken", "");
    let body =
        json!({ "query": query, "variables": { "input": { "secret": secret, "password": PASSWORD } } });
    let tenant = owner.tenant.to_string();
    let headers = [("x-tenant-id", tenant.as_str())];
    let answer = house.send((Surface::Staff, None, None), &headers, &body).await;
    In::of(answer.payload("invitationAccept"))
}

async fn own(house: &House, token: &str) -> Vec<(String, bool)> {
    let answer = house.ask(token, OWN, Value::Null).await;
    let own = answer.body["data"]["ownTenants"]
        .as_array()
        .expect("a list")
        .clone();
    own.iter()
        .map(|own| {
            (
                own["id"].as_str().unwrap_or_default().to_owned(),
                own["isCurrent"] == true,
            )
        })
        .collect()
}

async fn switch(house: &House, token: &str, to: &Viewer) -> Value {
    let query = document("sessionSwitch", IN).replace(" consistencyToken", "");
    let variables = json!({ "input": { "tenantId": to.tenant.to_string() } });
    let answer = house.ask(token, &query, variables).await;
    answer.payload("sessionSwitch").clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_sign_in_is_enough_for_every_tenant_of_ones_own_and_for_no_other() {
    let house = House::open().await;
    let (here, there) = (house.front.owner, house.front.neighbour().await);
    let siti = join(&house, here, SITI).await;
    assert_eq!(own(&house, &siti.access).await, [(here.tenant.to_string(), true)]);
    let missing = switch(&house, &siti.access, &there).await;
    assert_eq!(
        missing["userErrors"][0]["code"], "NOT_FOUND",
        "she has not joined there"
    );

    let twin = join(&house, there, SITI).await;
    let budi = join(&house, here, "budi@mail.example").await;
    let both = [(here.tenant.to_string(), true), (there.tenant.to_string(), false)];
    assert_eq!(own(&house, &siti.access).await, both);
    let switched = switch(&house, &siti.access, &there).await;
    assert_eq!(
        switched["tokens"]["tenantId"],
        *there.tenant.to_string(),
        "{switched}"
    );
    assert_eq!(switched["tokens"]["userId"], *twin.user);
    let over = In::of(&switched);
    let viewer = house
        .ask(
            &over.access,
            "{ viewer { user { id } tenant { id } } }",
            Value::Null,
        )
        .await;
    assert_eq!(
        viewer.body["data"]["viewer"]["tenant"]["id"],
        *there.tenant.to_string()
    );
    // Where she came from goes on, and the other tenant sees how she came.
    assert_eq!(own(&house, &siti.access).await, both);
    let seen = "query($user: ID!) { sessions(first: 1, userId: $user) { nodes { id method } } }";
    let seen = house.front.data(there, seen, json!({ "user": twin.user })).await;
    let expected = json!([{ "id": over.session, "method": "switch" }]);
    assert_eq!(seen["sessions"]["nodes"], expected);
    let trail = "query($id: ID!) { history(id: $id, first: 5) { nodes { eventType actor } } }";
    let trail = house
        .front
        .data(there, trail, json!({ "id": over.session }))
        .await;
    let expected = json!([{ "eventType": "identity.session.started", "actor": twin.user }]);
    assert_eq!(trail["history"]["nodes"], expected);

    // Somebody else of the same tenant is nobody there.
    assert_eq!(own(&house, &budi.access).await, [(here.tenant.to_string(), true)]);
    let refused = switch(&house, &budi.access, &there).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND");

    // Whoever is disabled there does not come over.
    let query = document("userDisable", "user { status }");
    let disable = json!({ "input": { "id": twin.user } });
    house.front.data(there, &query, disable).await;
    assert_eq!(own(&house, &siti.access).await, [(here.tenant.to_string(), true)]);
    let refused = switch(&house, &siti.access, &there).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_address_is_another_person_and_a_second_factor_is_asked_for_where_it_is() {
    let house = House::open().await;
    let (here, there) = (house.front.owner, house.front.neighbour().await);
    let siti = join(&house, here, SITI).await;
    let twin = join(&house, there, SITI).await;
    // As if the other tenant asked for a code of her.
    let mut admin = simpul_testkit::sql::Session::open(&house.front.test.superuser_url()).await;
    let user: simpul_domain::UserId = twin.user.parse().expect("an id");
    let confirmed = format!(
        "UPDATE es.credentials SET totp = 'c2VhbGVk', totp_confirmed = true WHERE user_id = '{}'",
        user.as_uuid()
    );
    assert_eq!(admin.run(&confirmed).await.expect("set"), 1);
    let switched = switch(&house, &siti.access, &there).await;
    assert!(switched["tokens"].is_null(), "{switched}");
    assert!(switched["challenge"].is_string(), "{switched}");

    let input = json!({ "password": PASSWORD, "email": "siti@baru.example" });
    house.tell(&siti.access, "emailChangeRequest", "", input).await;
    let secret = house
        .front
        .letters
        .secret_of(LetterKind::EmailChange, "siti@baru.example")
        .await;
    house
        .enter("emailChangeConfirm", "", json!({ "secret": secret }))
        .await;
    assert_eq!(own(&house, &siti.access).await, [(here.tenant.to_string(), true)]);
}
