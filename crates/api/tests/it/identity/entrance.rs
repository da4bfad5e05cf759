//! Coming in: by password, by invitation, by reset, by second factor; and what does not lead in.

use chrono::TimeDelta;
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use secrecy::SecretString;
use serde_json::{Value, json};
use simpul_api::Surface;
use simpul_app::identity::totp;
use simpul_domain::{TenantId, identity::LetterKind};
use simpul_event_store::inline::directory;

use super::house::{House, In, PASSWORD};
use crate::{front::document, sealed::are_nowhere_stored};

const WHO: &str = "{ viewer { user { id name email roles status hasSecondFactor } permissions } }";

// Property 3: valid credentials always give an access and a refresh token.
// Property 4: an expired access token is always refused.
// Property 5: a valid refresh token gives a new access token.
// Property 6: after logout the refresh token is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_the_password_is_in_until_they_sign_out() {
    let house = House::open().await;
    house.person("siti@kayu.example", &["technician"]).await;
    let mut runner = TestRunner::deterministic();
    let seconds = 0_i64..1_000_000;
    for case in 0..100 {
        let entered = house.signed_in(" Siti@Kayu.example ").await;
        let seen = house.ask(&entered.access, WHO, Value::Null).await;
        assert_eq!(
            seen.body["data"]["viewer"]["user"]["id"],
            entered.user.as_str(),
            "{seen:?}"
        );
        let prolonged = house.refresh(&entered.refresh).await;
        let prolonged = In::of(prolonged.payload("sessionRefresh"));
        assert_eq!(prolonged.session, entered.session);
        let seen = house.ask(&prolonged.access, WHO, Value::Null).await;
        assert_eq!(seen.status, 200, "{seen:?}");

        let out = house.tell(&prolonged.access, "sessionEnd", "", json!({})).await;
        assert_eq!(out.payload("sessionEnd")["userErrors"], json!([]));
        for token in [&entered.access, &prolonged.access] {
            assert_eq!(
                house.ask(token, WHO, Value::Null).await.status,
                401,
                "case {case}"
            );
        }
        let refused = house.refresh(&prolonged.refresh).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (401, "UNAUTHORIZED"));

        let entered = house.signed_in("siti@kayu.example").await;
        let late = seconds.new_tree(&mut runner).expect("generated").current();
        house
            .front
            .test
            .clock()
            .advance(TimeDelta::seconds(15 * 60 + 30 + late));
        assert_eq!(
            house.ask(&entered.access, WHO, Value::Null).await.status,
            401,
            "{late} s late"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_accepted_once_and_in_time() {
    let house = House::open().await;
    let owner = house.front.owner;
    let input = json!({ "email": "siti@kayu.example", "name": "Siti", "roles": ["viewer"] });
    let payload = house
        .front
        .accepted(
            owner,
            "userInvite",
            "user { id name email status roles }",
            input.clone(),
        )
        .await;
    assert_eq!(payload["user"]["status"], "INVITED");
    assert_eq!(payload["user"]["email"], "siti@kayu.example");
    let taken = house
        .front
        .payload(owner, "userInvite", "user { id }", input)
        .await;
    assert_eq!(taken["userErrors"][0]["code"], "DUPLICATE_ENTRY", "{taken}");
    let secret = house.front.letters.secret("siti@kayu.example").await;
    assert_eq!(
        house
            .sign_in("siti@kayu.example", PASSWORD)
            .await
            .user_error("sessionStart"),
        "UNAUTHORIZED"
    );

    let short = house.accept(&secret, "pendek").await;
    assert_eq!(short.user_error("invitationAccept"), "VALIDATION_ERROR");
    let long = house.accept(&secret, &"x".repeat(73)).await;
    assert_eq!(long.user_error("invitationAccept"), "VALIDATION_ERROR");
    // Nobody is known yet as whom the payload could read on: the secret is not used up for an answer that cannot be given.
    let input = json!({ "secret": secret, "password": PASSWORD });
    let fields = "tokens { accessToken } query { __typename }";
    let reads_on = house.enter("invitationAccept", fields, input).await;
    assert_eq!((reads_on.status.as_u16(), reads_on.code()), (401, "UNAUTHORIZED"));
    let entered = In::of(house.accept(&secret, PASSWORD).await.payload("invitationAccept"));
    let again = house.accept(&secret, "kata sandi lain").await;
    assert_eq!(again.user_error("invitationAccept"), "NOT_FOUND");
    let seen = house.ask(&entered.access, WHO, Value::Null).await;
    assert_eq!(
        seen.body["data"]["viewer"]["user"]["status"], "ACTIVE",
        "{seen:?}"
    );
    assert_eq!(seen.body["data"]["viewer"]["user"]["name"], "Siti");
    house.signed_in("siti@kayu.example").await;

    let input = json!({ "email": "budi@kayu.example", "name": "Budi", "roles": ["viewer"] });
    let budi = house
        .front
        .accepted(owner, "userInvite", "user { id }", input)
        .await;
    let first = house.front.letters.secret("budi@kayu.example").await;
    let query = document("userInviteAgain", "user { id }");
    let variables = json!({ "input": { "id": budi["user"]["id"] } });
    house.front.data(owner, &query, variables).await;
    let second = house.front.letters.secret("budi@kayu.example").await;
    assert_ne!(first, second);
    assert_eq!(
        house
            .accept(&first, PASSWORD)
            .await
            .user_error("invitationAccept"),
        "NOT_FOUND"
    );
    house.front.test.clock().advance(TimeDelta::days(7));
    assert_eq!(
        house
            .accept(&second, PASSWORD)
            .await
            .user_error("invitationAccept"),
        "NOT_FOUND"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_password_is_reset_by_a_letter_and_every_session_ends() {
    let house = House::open().await;
    let entered = house.person("siti@kayu.example", &["viewer"]).await;
    let request = async |email: &str| {
        let answer = house
            .enter("passwordResetRequest", "", json!({ "email": email }))
            .await;
        answer.body["data"].clone()
    };
    let known = request("siti@kayu.example").await;
    assert_eq!(known, request("nobody@kayu.example").await, "the same answer");
    assert_eq!(known, request("not an address").await, "the same answer");
    let secret = house
        .front
        .letters
        .secret_of(LetterKind::PasswordReset, "siti@kayu.example")
        .await;
    assert!(secret.starts_with("smpre_"), "a reset secret");
    let input = |password: &str| json!({ "secret": secret, "password": password });
    let unfit = house.enter("passwordReset", "", input("pendek")).await;
    assert_eq!(unfit.user_error("passwordReset"), "VALIDATION_ERROR");
    let done = house.enter("passwordReset", "", input("kata sandi baru")).await;
    assert_eq!(done.payload("passwordReset")["userErrors"], json!([]));
    let again = house.enter("passwordReset", "", input("kata sandi lain")).await;
    assert_eq!(again.user_error("passwordReset"), "NOT_FOUND");

    assert_eq!(house.ask(&entered.access, WHO, Value::Null).await.status, 401);
    assert_eq!(house.refresh(&entered.refresh).await.status, 401);
    assert_eq!(
        house
            .sign_in("siti@kayu.example", PASSWORD)
            .await
            .user_error("sessionStart"),
        "UNAUTHORIZED"
    );
    In::of(
        house
            .sign_in("siti@kayu.example", "kata sandi baru")
            .await
            .payload("sessionStart"),
    );

    for _ in 0..5 {
        request("siti@kayu.example").await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(
        house.front.letters.count().await,
        4,
        "an invitation, and three letters an hour"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_factor_is_asked_for_once_it_was_proved_and_each_code_is_good_once() {
    let house = House::open().await;
    let entered = house.person("siti@kayu.example", &["viewer"]).await;
    let wrong = json!({ "password": "kata sandi salah" });
    let refused = house
        .tell(&entered.access, "secondFactorBegin", "secret", wrong)
        .await;
    assert_eq!(refused.user_error("secondFactorBegin"), "UNAUTHORIZED");
    let offered = house
        .tell(
            &entered.access,
            "secondFactorBegin",
            "secret uri",
            json!({ "password": PASSWORD }),
        )
        .await;
    let secret = offered.payload("secondFactorBegin")["secret"]
        .as_str()
        .expect("a secret")
        .to_owned();
    let secret = SecretString::from(secret);
    let code = || totp::code_at(&secret, house.front.test.store().now()).expect("a code");
    // It does not count yet.
    let entered = In::of(
        house
            .sign_in("siti@kayu.example", PASSWORD)
            .await
            .payload("sessionStart"),
    );

    let confirm = document("secondFactorConfirm", "recoveryCodes");
    let input = |code: &str| json!({ "input": { "code": code } });
    let refused = house.ask(&entered.access, &confirm, input("000000")).await;
    assert_eq!(refused.user_error("secondFactorConfirm"), "UNAUTHORIZED");
    let confirmed = house.ask(&entered.access, &confirm, input(&code())).await;
    let codes = confirmed.payload("secondFactorConfirm")["recoveryCodes"].clone();
    assert_eq!(codes.as_array().map(Vec::len), Some(10));

    let challenge = async || {
        let answer = house.sign_in("siti@kayu.example", PASSWORD).await;
        let payload = answer.payload("sessionStart");
        assert!(payload["tokens"].is_null(), "{payload}");
        payload["challenge"].as_str().expect("a challenge").to_owned()
    };
    let first = challenge().await;
    // The code that confirmed is used up.
    assert_eq!(
        house.verify(&first, &code()).await.user_error("sessionVerify"),
        "UNAUTHORIZED"
    );
    house.front.test.clock().advance(TimeDelta::seconds(31));
    let shown = code();
    In::of(house.verify(&first, &shown).await.payload("sessionVerify"));
    assert_eq!(
        house.verify(&first, &shown).await.user_error("sessionVerify"),
        "NOT_FOUND"
    );
    let second = challenge().await;
    assert_eq!(
        house.verify(&second, &shown).await.user_error("sessionVerify"),
        "UNAUTHORIZED"
    );
    let recovery = codes[0].as_str().expect("a code").to_uppercase();
    In::of(house.verify(&second, &recovery).await.payload("sessionVerify"));
    let third = challenge().await;
    assert_eq!(
        house.verify(&third, &recovery).await.user_error("sessionVerify"),
        "UNAUTHORIZED"
    );
    for _ in 0..4 {
        house.verify(&third, "000000").await;
    }
    house.front.test.clock().advance(TimeDelta::seconds(31));
    assert_eq!(
        house.verify(&third, &code()).await.user_error("sessionVerify"),
        "NOT_FOUND",
        "five guesses"
    );

    let remove = document("secondFactorRemove", "");
    let removed = house.ask(&entered.access, &remove, input(&code())).await;
    assert_eq!(removed.payload("secondFactorRemove")["userErrors"], json!([]));
    house.signed_in("siti@kayu.example").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_is_named_by_its_address_or_its_header_and_never_by_two() {
    let house = House::open().await;
    let entered = house.person("siti@kayu.example", &["viewer"]).await;
    let neighbour = house.front.neighbour().await.tenant.to_string();
    let ours = house.tenant().to_string();
    let query = "mutation($input: SessionStartInput!) { sessionStart(input: $input) { tokens { userId } userErrors { code } } }";
    let input = json!({ "email": "siti@kayu.example", "password": PASSWORD });
    let body = json!({ "query": query, "variables": { "input": input } });
    let ask = async |headers: &[(&str, &str)]| {
        let answer = house.send((Surface::Staff, None, None), headers, &body).await;
        let code = answer.code().to_owned();
        let user = answer.body.pointer("/data/sessionStart/tokens/userId").cloned();
        (code, user.is_some_and(|user| user == entered.user.as_str()))
    };
    assert_eq!(
        ask(&[("host", "kayu-net.hooks.simpul.test")]).await,
        (String::new(), true)
    );
    assert_eq!(ask(&[("x-tenant-id", &ours)]).await, (String::new(), true));
    assert_eq!(ask(&[("x-tenant-id", &neighbour)]).await, (String::new(), false));
    assert_eq!(
        ask(&[("host", "batu-net.hooks.simpul.test")]).await,
        (String::new(), false)
    );
    assert_eq!(ask(&[]).await.0, "BAD_REQUEST");
    assert_eq!(ask(&[("host", "nobody.hooks.simpul.test")]).await.0, "NOT_FOUND");
    let both = [
        ("host", "kayu-net.hooks.simpul.test"),
        ("x-tenant-id", neighbour.as_str()),
    ];
    assert_eq!(ask(&both).await.0, "TENANT_MISMATCH");

    // A domain of the tenant's own leads there too, once it is in the directory; an id that is nobody's leads nowhere.
    let own_domain = [("host", "tagihan.kayu.example:443")];
    assert_eq!(ask(&own_domain).await.0, "NOT_FOUND");
    let store = house.front.test.store();
    let mut tx = store.db().tenant_tx(house.tenant()).await.expect("tx");
    let route = directory::Route {
        kind: directory::kind::DOMAIN.to_owned(),
        key: "tagihan.kayu.example".to_owned(),
        target: ours.clone(),
    };
    directory::put(&mut tx, &route).await.expect("free");
    tx.commit().await.expect("commit");
    assert_eq!(ask(&own_domain).await, (String::new(), true));
    let nobody = TenantId::new(store.ids().next()).to_string();
    assert_eq!(ask(&[("x-tenant-id", &nobody)]).await.0, "NOT_FOUND");

    // Nor does a token, or a secret, of one tenant lead into another.
    let who = json!({ "query": WHO });
    for headers in [
        ("host", "batu-net.hooks.simpul.test"),
        ("x-tenant-id", neighbour.as_str()),
        // Whether somebody else is there is not told.
        ("x-tenant-id", nobody.as_str()),
        ("host", "nobody.hooks.simpul.test"),
    ] {
        let answer = house
            .send((Surface::Staff, Some(&entered.access), None), &[headers], &who)
            .await;
        assert_eq!((answer.status.as_u16(), answer.code()), (403, "TENANT_MISMATCH"));
    }
    let refresh = json!({
        "query": "mutation($input: SessionRefreshInput!) { sessionRefresh(input: $input) { tokens { userId } } }",
        "variables": { "input": { "refreshToken": entered.refresh } },
    });
    let headers = [("x-tenant-id", neighbour.as_str())];
    let answer = house.send((Surface::Staff, None, None), &headers, &refresh).await;
    assert_eq!(answer.code(), "TENANT_MISMATCH");
    let answer = house.send((Surface::Platform, None, None), &[], &refresh).await;
    assert_eq!(answer.code(), "TENANT_MISMATCH");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_customer_comes_in_by_the_portal_and_staff_by_the_panel() {
    let house = House::open().await;
    let owner = house.front.owner;
    let customer = json!({ "code": "C-1", "name": "Budi", "phone": "0812-9999-0000" });
    let customer = house
        .front
        .accepted(owner, "customerRegister", "customer { id }", customer)
        .await;
    let id = customer["customer"]["id"].clone();
    let wrong =
        json!({ "email": "budi@kayu.example", "name": "Budi", "roles": ["viewer"], "customerId": id });
    let wrong = house
        .front
        .payload(owner, "userInvite", "user { id }", wrong)
        .await;
    assert_eq!(wrong["userErrors"][0]["code"], "VALIDATION_ERROR", "{wrong}");
    let input =
        json!({ "email": "budi@kayu.example", "name": "Budi", "roles": ["customer"], "customerId": id });
    house
        .front
        .accepted(owner, "userInvite", "user { id customerId }", input)
        .await;
    let secret = house.front.letters.secret("budi@kayu.example").await;
    house.accept(&secret, PASSWORD).await;
    let refused = house.sign_in("budi@kayu.example", PASSWORD).await;
    assert_eq!(
        refused.user_error("sessionStart"),
        "UNAUTHORIZED",
        "not by the panel"
    );
}

// Property 23: what a user proves themselves with is stored sealed or hashed, and no answer has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_stored_as_it_is() {
    let house = House::open().await;
    let entered = house.person("siti@kayu.example", &["admin"]).await;
    let issued = json!({ "name": "Kasir", "scopes": ["ROUTER_READ"], "expiresAt": "2027-02-01T00:00:00Z" });
    let issued = house
        .tell(&entered.access, "apiKeyIssue", "secret apiKey { id }", issued)
        .await;
    let key = issued.payload("apiKeyIssue")["secret"]
        .as_str()
        .expect("a key")
        .to_owned();
    let offered = house
        .tell(
            &entered.access,
            "secondFactorBegin",
            "secret",
            json!({ "password": PASSWORD }),
        )
        .await;
    let totp = offered.payload("secondFactorBegin")["secret"]
        .as_str()
        .expect("a secret")
        .to_owned();
    let secrets = [
        PASSWORD,
        &entered.refresh,
        &key,
        &totp,
        "siti@kayu.example",
        "$2b$",
    ];
    are_nowhere_stored(&house.front, &secrets).await;
}
