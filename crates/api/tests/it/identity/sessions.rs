//! What a session is worth: one good refresh token, and an end that everybody sees.

use std::net::{IpAddr, Ipv4Addr};

use chrono::TimeDelta;
use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Value, json};
use simpul_app::{
    policies::{Policies, timer_row},
    stream,
};
use simpul_domain::{
    SessionId,
    identity::{EndReason, Session, SessionEvent},
    policy::TimerKind,
};
use simpul_event_store::inline::{access, timer::Fired};
use simpul_testkit::sql;

use super::house::{House, In};
use crate::front::document;
use crate::live::{Client, listen};

const WHO: &str = "{ viewer { user { id } permissions } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_was_lost_is_forgiven_once_and_a_token_that_comes_again_ends_the_session() {
    let house = House::open().await;
    let entered = house.person("siti@kayu.example", &["viewer"]).await;
    let lost = In::of(house.refresh(&entered.refresh).await.payload("sessionRefresh"));
    let second = In::of(house.refresh(&entered.refresh).await.payload("sessionRefresh"));
    assert_ne!(lost.refresh, second.refresh);
    let third = In::of(house.refresh(&second.refresh).await.payload("sessionRefresh"));
    assert_eq!(house.ask(&third.access, WHO, Value::Null).await.status, 200);
    // Whoever has the one that was given up is somebody else.
    assert_eq!(house.refresh(&lost.refresh).await.status, 401);
    assert_eq!(
        house.refresh(&third.refresh).await.status,
        401,
        "the family has ended"
    );
    assert_eq!(house.ask(&third.access, WHO, Value::Null).await.status, 401);

    let entered = house.signed_in("siti@kayu.example").await;
    let next = In::of(house.refresh(&entered.refresh).await.payload("sessionRefresh"));
    house.front.test.clock().advance(TimeDelta::seconds(31));
    assert_eq!(
        house.refresh(&entered.refresh).await.status,
        401,
        "too late to be a lost answer"
    );
    assert_eq!(house.refresh(&next.refresh).await.status, 401);
    let fields = "{ ownSignIns(first: 10) { nodes { outcome times ip } } ownSessions(first: 10) { nodes { id method endedAt isCurrent } } }";
    let entered = house.signed_in("siti@kayu.example").await;
    let seen = house.ask(&entered.access, fields, Value::Null).await;
    let outcomes = seen.body["data"]["ownSignIns"]["nodes"].to_string();
    assert!(
        outcomes.contains("TOKEN_REUSED") && outcomes.contains("SUCCEEDED"),
        "{seen:?}"
    );
    let sessions = &seen.body["data"]["ownSessions"]["nodes"];
    assert_eq!(sessions.as_array().map(Vec::len), Some(3));
    assert_eq!(
        (&sessions[0]["isCurrent"], &sessions[0]["endedAt"]),
        (&json!(true), &Value::Null)
    );
    assert!(sessions[1]["endedAt"].is_string() && sessions[2]["endedAt"].is_string());
}

/// Fires a timer, and says how often the session's stream has ended.
async fn fire(house: &House, session: SessionId) -> usize {
    let store = house.front.test.store();
    let timer = timer_row(&TimerKind::SessionStolen { session }, store.now(), None).expect("a timer");
    let fired = Fired {
        tenant: house.front.owner.tenant,
        timer,
        attempts: 1,
        epoch: 1,
    };
    let policies = Policies::new(house.front.state.bus.clone());
    policies.fire(&fired).await.expect("fired");
    let events = stream::events::<Session>(&store, fired.tenant, &session.to_string()).await;
    let stolen = |event: &&SessionEvent| matches!(event, SessionEvent::Ended(ended) if ended.reason == EndReason::TokenReused);
    events.expect("a stream").iter().filter(stolen).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_theft_is_told_once_and_by_its_timer_if_whoever_noticed_it_has_died() {
    let house = House::open().await;
    let robbed = house.person("siti@kayu.example", &["viewer"]).await;
    house.refresh(&robbed.refresh).await.payload("sessionRefresh");
    house.front.test.clock().advance(TimeDelta::seconds(31));
    assert_eq!(house.refresh(&robbed.refresh).await.status, 401);
    let mut admin = sql::Session::open(&house.front.test.superuser_url()).await;
    let due: Vec<String> = admin
        .column("SELECT subject::json ->> 'session' FROM es.timers WHERE kind = 'session_stolen'")
        .await;
    let [session] = due.as_slice() else {
        panic!("one timer: {due:?}")
    };
    assert_eq!(fire(&house, session.parse().expect("a session")).await, 1);

    let entered = house.signed_in("siti@kayu.example").await;
    let own = house
        .ask(
            &entered.access,
            "{ ownSessions(first: 1) { nodes { id } } }",
            Value::Null,
        )
        .await;
    let session = own.body["data"]["ownSessions"]["nodes"][0]["id"].as_str();
    let session = session.expect("an id").parse().expect("a session");
    for _ in 0..2 {
        assert_eq!(fire(&house, session).await, 1);
    }
    assert_eq!(house.ask(&entered.access, WHO, Value::Null).await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_refresh_token_used_many_times_at_once_leaves_at_most_one_good_one() {
    let house = House::open().await;
    house.person("siti@kayu.example", &["viewer"]).await;
    for parallel in [2, 8] {
        let entered = house.signed_in("siti@kayu.example").await;
        let answers = join_all((0..parallel).map(|_| house.refresh(&entered.refresh))).await;
        let given: Vec<In> = answers
            .iter()
            .filter(|answer| answer.status == 200)
            .map(|answer| In::of(answer.payload("sessionRefresh")))
            .collect();
        assert_eq!(given.len(), 2, "the first, and one that was forgiven");
        let mut good = 0;
        for one in &given {
            good += usize::from(house.refresh(&one.refresh).await.status == 200);
        }
        assert!(good <= 1, "{good} of {parallel}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_ends_other_sessions_and_staff_end_those_of_others() {
    let house = House::open().await;
    let admin = house.person("admin@kayu.example", &["admin"]).await;
    let first = house.person("siti@kayu.example", &["viewer"]).await;
    let second = house.signed_in("siti@kayu.example").await;
    let out = house
        .tell(&second.access, "sessionEnd", "", json!({ "id": first.session }))
        .await;
    assert_eq!(out.payload("sessionEnd")["userErrors"], json!([]));
    assert_eq!(house.ask(&first.access, WHO, Value::Null).await.status, 401);
    assert_eq!(house.ask(&second.access, WHO, Value::Null).await.status, 200);
    let foreign = house
        .tell(&second.access, "sessionEnd", "", json!({ "id": admin.session }))
        .await;
    assert_eq!(
        foreign.user_error("sessionEnd"),
        "NOT_FOUND",
        "somebody else's does not exist"
    );
    let refused = house
        .tell(
            &second.access,
            "sessionRevoke",
            "",
            json!({ "id": admin.session }),
        )
        .await;
    assert_eq!(refused.code(), "FORBIDDEN");
    let revoked = house
        .tell(
            &admin.access,
            "sessionRevoke",
            "",
            json!({ "id": second.session }),
        )
        .await;
    assert_eq!(revoked.payload("sessionRevoke")["userErrors"], json!([]));
    assert_eq!(house.ask(&second.access, WHO, Value::Null).await.status, 401);
    assert_eq!(house.refresh(&second.refresh).await.status, 401);

    let (third, fourth) = (
        house.signed_in("siti@kayu.example").await,
        house.signed_in("siti@kayu.example").await,
    );
    let query = "mutation { sessionsEnd(input: {}) { userErrors { code } } }";
    let out = house.ask(&third.access, query, Value::Null).await;
    assert_eq!(out.payload("sessionsEnd")["userErrors"], json!([]));
    for one in [third, fourth] {
        assert_eq!(house.ask(&one.access, WHO, Value::Null).await.status, 401);
        assert_eq!(house.refresh(&one.refresh).await.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_connection_ends_with_its_session_and_with_a_demotion() {
    let house = House::open().await;
    let admin = house.person("admin@kayu.example", &["admin"]).await;
    let siti = house.person("siti@kayu.example", &["technician"]).await;
    let address = listen(&house.front).await;
    let mut leaving = Client::with_token(address, &siti.access).await;
    let mut staying = Client::with_token(address, &house.signed_in("siti@kayu.example").await.access).await;
    house.tell(&siti.access, "sessionEnd", "", json!({})).await;
    assert_eq!(leaving.closed().await, 4403);
    let input = json!({ "id": siti.user, "roles": ["viewer"] });
    house
        .tell(&admin.access, "userRolesChange", "user { roles }", input)
        .await;
    assert_eq!(staying.closed().await, 4403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_password_ends_every_other_session() {
    let house = House::open().await;
    let other = house.person("siti@kayu.example", &["viewer"]).await;
    let entered = house.signed_in("siti@kayu.example").await;
    let change = |current: &str| json!({ "currentPassword": current, "newPassword": "kata sandi baru" });
    let refused = house
        .tell(&entered.access, "passwordChange", "", change("salah sekali"))
        .await;
    assert_eq!(refused.user_error("passwordChange"), "UNAUTHORIZED");
    let done = house
        .tell(
            &entered.access,
            "passwordChange",
            "",
            change(super::house::PASSWORD),
        )
        .await;
    assert_eq!(done.payload("passwordChange")["userErrors"], json!([]));
    assert_eq!(
        house.ask(&entered.access, WHO, Value::Null).await.status,
        200,
        "the one that asked goes on"
    );
    assert_eq!(house.ask(&other.access, WHO, Value::Null).await.status, 401);
    In::of(
        house
            .sign_in("siti@kayu.example", "kata sandi baru")
            .await
            .payload("sessionStart"),
    );
}

/// Where the super admin sits.
const FROM: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_super_admin_acts_as_somebody_and_both_are_named() {
    let house = House::open().await;
    let siti = house.person("siti@kayu.example", &["admin"]).await;
    let operator = crate::surfaces::operator(&house.front).await;
    let token = house.front.token_for(simpul_api::Surface::Platform, operator);
    let input =
        json!({ "tenantId": house.tenant().to_string(), "userId": siti.user, "reason": "tiket 4711" });
    let fields = "tokens { sessionId userId accessToken refreshToken }";
    let body = json!({
        "query": document("tenantImpersonate", fields),
        "variables": { "input": input },
    });
    let answer = house
        .send(
            (simpul_api::Surface::Platform, Some(&token), Some(FROM)),
            &[],
            &body,
        )
        .await;
    let acting = In::of(answer.payload("tenantImpersonate"));
    assert!(acting.refresh.is_empty(), "it cannot be prolonged");
    let who = "{ viewer { user { id } impersonatedBy } }";
    let seen = house.ask(&acting.access, who, Value::Null).await;
    assert_eq!(seen.body["data"]["viewer"]["user"]["id"], siti.user.as_str());
    assert_eq!(
        seen.body["data"]["viewer"]["impersonatedBy"],
        operator.user.to_string()
    );
    let change = json!({ "currentPassword": super::house::PASSWORD, "newPassword": "kata sandi baru" });
    let refused = house.tell(&acting.access, "passwordChange", "", change).await;
    assert_eq!(
        refused.code(),
        "FORBIDDEN",
        "nobody changes another one's password"
    );

    let customer = json!({ "code": "C-1", "name": "Budi", "phone": "0812-9999-0000" });
    let query = crate::front::document("customerRegister", "customer { id }");
    let registered = house.ask(&acting.access, &query, json!({ "input": customer }));
    let registered = registered.await.payload("customerRegister").clone();
    assert_eq!(registered["userErrors"], json!([]));
    let again = act_as(&house, &token, &siti.user).await.expect("a session");
    let out = house.tell(&again.access, "sessionEnd", "", json!({})).await;
    assert_eq!(out.payload("sessionEnd")["userErrors"], json!([]));
    let customer = json!({ "code": "C-2", "name": "Wati", "phone": "0812-9999-0001" });
    let owner = house.front.owner;
    let registered = house
        .front
        .accepted(owner, "customerRegister", "customer { id }", customer);
    let registered = registered.await;
    let token = registered["consistencyToken"].as_str().expect("a token");
    let owner = house.front.token(house.front.owner);
    let entries = "{ auditEntries(first: 50) { nodes { eventType actor impersonator ip userAgent } } }";
    let seen = house
        .send(
            (simpul_api::Surface::Staff, Some(&owner), None),
            &[("x-consistency-token", token)],
            &json!({ "query": entries }),
        )
        .await;
    let entries = seen.body["data"]["auditEntries"]["nodes"]
        .as_array()
        .expect("entries");
    let named: Vec<&Value> = entries
        .iter()
        .filter(|entry| entry["impersonator"] == *operator.user.to_string())
        .collect();
    let events: Vec<&Value> = named.iter().map(|entry| &entry["eventType"]).collect();
    assert_eq!(
        events,
        [
            "identity.session.ended",
            "identity.session.started",
            "customers.customer.registered",
            "identity.session.started"
        ],
        "{}",
        seen.body
    );
    for entry in &named {
        assert_eq!(entry["actor"], siti.user, "{}", seen.body);
    }
    assert_eq!(
        named[3]["ip"],
        FROM.to_string(),
        "from where it began: {}",
        seen.body
    );
    let others = entries.iter().filter(|entry| entry["impersonator"].is_null());
    assert_eq!(
        others.count(),
        entries.len() - named.len(),
        "nobody else acted as anybody"
    );
    let mut admin = simpul_testkit::sql::Session::open(&house.front.test.superuser_url()).await;
    let word: i64 = admin
        .value("SELECT count(*) FROM es.events WHERE event_type = 'identity.impersonation.requested'")
        .await;
    assert_eq!(word, 2, "in the platform's log");
    house.front.test.clock().advance(TimeDelta::minutes(16));
    assert_eq!(house.ask(&acting.access, who, Value::Null).await.status, 401);
}

/// A token of a super admin, with the session that it belongs to.
async fn act_as(house: &House, token: &str, user: &str) -> Option<In> {
    let input = json!({ "tenantId": house.tenant().to_string(), "userId": user, "reason": "tiket 4711" });
    let fields = "tokens { sessionId userId accessToken refreshToken }";
    let body = json!({
        "query": document("tenantImpersonate", fields),
        "variables": { "input": input },
    });
    let platform = (simpul_api::Surface::Platform, Some(token), None);
    let answer = house.send(platform, &[], &body).await;
    (answer.status == 200).then(|| In::of(answer.payload("tenantImpersonate")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_acts_as_somebody_is_out_when_they_are_demoted_or_signed_out() {
    let house = House::open().await;
    let siti = house.person("siti@kayu.example", &["admin"]).await;
    let who = "{ viewer { user { id } } }";
    let store = house.front.test.store();
    let is_in = async |acting: &In| house.ask(&acting.access, who, Value::Null).await.status == 200;

    let operator = crate::surfaces::operator(&house.front).await;
    let token = house.front.token_for(simpul_api::Surface::Platform, operator);
    let acting = act_as(&house, &token, &siti.user).await.expect("acting");
    assert!(is_in(&acting).await);
    let mut socket = Client::with_token(listen(&house.front).await, &acting.access).await;
    let mut tx = store.db().tenant_tx(operator.tenant).await.expect("tx");
    access::set_actor(&mut tx, operator.user, &["account.own".to_owned()], 2)
        .await
        .expect("demoted");
    tx.commit().await.expect("commit");
    assert!(!is_in(&acting).await, "demoted");
    assert_eq!(socket.closed().await, 4403, "live connections too");
    assert!(act_as(&house, &token, &siti.user).await.is_none(), "nor again");

    let operator = crate::surfaces::operator(&house.front).await;
    let token = house.front.token_for(simpul_api::Surface::Platform, operator);
    let acting = act_as(&house, &token, &siti.user).await.expect("acting");
    assert!(is_in(&acting).await);
    let mut admin = simpul_testkit::sql::Session::open(&house.front.test.superuser_url()).await;
    let ended = format!(
        "UPDATE es.sessions SET ended_at = now() WHERE session_id = '{}'",
        operator.user.as_uuid()
    );
    admin.run(&ended).await.expect("signed out");
    assert!(!is_in(&acting).await, "signed out");
    assert!(is_in(&siti).await, "whom they acted as is still in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_shortens_its_sessions_those_that_go_on_too() {
    let house = House::open().await;
    let owner = house.front.owner;
    let siti = house.person("siti@kayu.example", &["viewer"]).await;
    let rules =
        |days: i32| json!({ "sessionDays": days, "warnsOfNewDevices": true, "warnsOfNewAddress": true });
    let refused = house
        .front
        .payload(
            owner,
            "signInRulesChange",
            "signInRules { sessionDays }",
            rules(6),
        )
        .await;
    assert_eq!(refused["userErrors"][0]["code"], "VALIDATION_ERROR", "{refused}");
    let changed = house
        .front
        .accepted(
            owner,
            "signInRulesChange",
            "signInRules { sessionDays }",
            rules(7),
        )
        .await;
    assert_eq!(changed["signInRules"]["sessionDays"], 7);
    let newer = house.signed_in("siti@kayu.example").await;
    house
        .front
        .test
        .clock()
        .advance(TimeDelta::days(7) - TimeDelta::minutes(1));
    In::of(house.refresh(&newer.refresh).await.payload("sessionRefresh"));
    house.front.test.clock().advance(TimeDelta::minutes(1));
    assert_eq!(house.refresh(&siti.refresh).await.status, 401, "from before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_the_published_keys_can_verify_a_token_of_a_session() {
    let house = House::open().await;
    let siti = house.person("siti@kayu.example", &["viewer"]).await;
    // Nobody needs a token to read them.
    let request = axum::http::Request::get("/.well-known/jwks.json").body(axum::body::Body::empty());
    let response = house.front.send(request.expect("request")).await;
    let (status, keys) = crate::front::read(response).await;
    assert_eq!(status, 200);
    assert!(
        !keys.to_string().contains(r#""d":"#),
        "public halves only: {keys}"
    );
    let keys: JwkSet = serde_json::from_value(keys).expect("RFC 7517");
    let header = jsonwebtoken::decode_header(&siti.access).expect("a header");
    let named = keys.find(&header.kid.expect("a key's name")).expect("published");
    let key = DecodingKey::from_jwk(named).expect("a key");
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_issuer(&[crate::front::ISSUER]);
    // The clock is the test's, and the audience is the surface's.
    (rules.validate_exp, rules.validate_aud) = (false, false);
    let token = jsonwebtoken::decode::<Value>(&siti.access, &key, &rules).expect("verified");
    assert_eq!(token.claims["sub"], siti.user, "{:?}", token.claims);
    let (rest, signature) = siti.access.rsplit_once('.').expect("a signature");
    let forged = format!("{rest}.{}", signature.chars().rev().collect::<String>());
    assert!(jsonwebtoken::decode::<Value>(&forged, &key, &rules).is_err());
}
