//! Another address, a device that nobody knew, and people who are forgotten.

use axum::http::StatusCode;
use serde_json::{Value, json};
use simpul_domain::identity::LetterKind;

use super::house::{House, In, PASSWORD};
use crate::front::document;

const OLD: &str = "siti@kayu.example";
const NEW: &str = "siti@baru.example";

async fn wish(house: &House, token: &str, email: &str, password: &str) -> super::house::Answer {
    let input = json!({ "password": password, "email": email });
    house.tell(token, "emailChangeRequest", "", input).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_address_counts_once_its_letters_arrive_and_the_one_before_is_told() {
    let house = House::open().await;
    let siti = house.person(OLD, &["viewer"]).await;
    let refused = wish(&house, &siti.access, NEW, "kata sandi salah").await;
    assert_eq!(refused.user_error("emailChangeRequest"), "UNAUTHORIZED");
    let refused = wish(&house, &siti.access, "no address", PASSWORD).await;
    assert_eq!(refused.user_error("emailChangeRequest"), "VALIDATION_ERROR");
    let done = wish(&house, &siti.access, NEW, PASSWORD).await;
    assert_eq!(done.payload("emailChangeRequest")["userErrors"], json!([]));
    house.signed_in(OLD).await;
    let early = house.sign_in(NEW, PASSWORD).await;
    assert_eq!(
        early.user_error("sessionStart"),
        "UNAUTHORIZED",
        "it does not count yet"
    );

    let secret = house.front.letters.secret_of(LetterKind::EmailChange, NEW).await;
    let confirm = async |secret: &str| {
        house
            .enter("emailChangeConfirm", "", json!({ "secret": secret }))
            .await
    };
    let done = confirm(&secret).await;
    assert_eq!(done.payload("emailChangeConfirm")["userErrors"], json!([]));
    house.signed_in(NEW).await;
    let gone = house.sign_in(OLD, PASSWORD).await;
    assert_eq!(gone.user_error("sessionStart"), "UNAUTHORIZED");
    assert_eq!(
        confirm(&secret).await.user_error("emailChangeConfirm"),
        "NOT_FOUND",
        "once"
    );
    let letters = house.front.letters.all().await;
    let told = letters.iter().find(|(kind, _)| *kind == LetterKind::EmailChanged);
    assert_eq!(told.expect("a warning").1.to.as_str(), OLD);

    // The address before is free for others; one that somebody has is not told, and not taken.
    house.person(OLD, &["viewer"]).await;
    let done = wish(&house, &siti.access, OLD, PASSWORD).await;
    assert_eq!(done.payload("emailChangeRequest")["userErrors"], json!([]));
    let secret = house.front.letters.secret_of(LetterKind::EmailChange, OLD).await;
    assert_eq!(
        confirm(&secret).await.user_error("emailChangeConfirm"),
        "NOT_FOUND"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_with_another_program_is_told_by_letter() {
    let house = House::open().await;
    house.person(OLD, &["viewer"]).await;
    let tenant = house.tenant().to_string();
    let sign_in = async |program: &str| {
        let query =
            "mutation($input: SessionStartInput!) { sessionStart(input: $input) { tokens { userId } } }";
        let body = json!({
            "query": query,
            "variables": { "input": { "email": OLD, "password": PASSWORD } },
        });
        let headers = [("x-tenant-id", tenant.as_str()), ("user-agent", program)];
        let anybody = (simpul_api::Surface::Staff, None, None);
        let answer = house.send(anybody, &headers, &body).await;
        assert!(
            answer.payload("sessionStart")["tokens"]["userId"].is_string(),
            "{answer:?}"
        );
    };
    for program in ["Firefox/145", "Firefox/145", "Chrome/142 <b>"] {
        sign_in(program).await;
    }
    let letters = house.front.letters.all().await;
    let seen: Vec<String> = letters
        .into_iter()
        .filter(|(kind, _)| *kind == LetterKind::NewDevice)
        .filter_map(|(_, content)| Some(content.sight?.program?.as_str().to_owned()))
        .collect();
    assert_eq!(seen, ["Firefox/145", "Chrome/142 <b>"], "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_found_by_a_part_of_their_name_or_address_and_by_what_they_are() {
    let house = House::open().await;
    let owner = house.front.owner;
    for (email, name, role) in [
        ("siti@kayu.example", "Siti Aminah", "viewer"),
        ("budi@kayu.example", "Budi", "technician"),
        ("agus@siti.example", "Agus", "viewer"),
    ] {
        let input = json!({ "email": email, "name": name, "roles": [role] });
        house
            .front
            .accepted(owner, "userInvite", "user { id }", input)
            .await;
    }
    let find = async |arguments: &str| {
        let query =
            format!("{{ users(first: 10, {arguments}) {{ nodes {{ name }} pageInfo {{ hasNextPage }} }} }}");
        let data = house.front.data(owner, &query, Value::Null).await;
        let nodes = data["users"]["nodes"].as_array().expect("rows").clone();
        nodes
            .iter()
            .map(|node| node["name"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(find("search: \"SITI\"").await, ["Agus", "Siti Aminah"]);
    assert_eq!(
        find("search: \"siti\", filter: { roles: { contains: \"viewer\" }, customerId: { isNull: true } }")
            .await
            .len(),
        2
    );
    assert_eq!(
        find("filter: { roles: { contains: \"technician\" } }").await,
        ["Budi"]
    );
    assert!(
        find("search: \"siti\", filter: { status: { eq: ACTIVE } }")
            .await
            .is_empty()
    );
    assert!(find("search: \"nobody\"").await.is_empty());
    let first = house
        .front
        .data(
            owner,
            "{ users(first: 1, search: \"siti\") { nodes { name } pageInfo { hasNextPage endCursor } } }",
            Value::Null,
        )
        .await;
    assert_eq!(first["users"]["pageInfo"]["hasNextPage"], true);
    let after = &first["users"]["pageInfo"]["endCursor"];
    assert_eq!(
        find(&format!("search: \"siti\", after: {after}")).await,
        ["Siti Aminah"]
    );
    let (status, refused) = house
        .front
        .ask(owner, "{ users(search: \"s\") { nodes { id } } }", Value::Null)
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_finds_whoever_stands_behind_thousands_of_others() {
    let house = House::open().await;
    let owner = house.front.owner;
    let input = json!({ "email": "siti@kayu.example", "name": "Siti Aminah", "roles": ["viewer"] });
    house
        .front
        .accepted(owner, "userInvite", "user { id }", input)
        .await;
    // Whose keys were never made: they cannot be opened, and are in the way like everybody.
    let others = "INSERT INTO rm_users_v1.users
         SELECT tenant_id, gen_random_uuid(), customer_id, email, name, roles, status, second_factor, pv,
                invited_at + interval '1 day', joined_at
         FROM rm_users_v1.users, generate_series(1, 2501) WHERE roles = '{viewer}'";
    let mut admin = simpul_testkit::sql::Session::open(&house.front.test.superuser_url()).await;
    let more = admin.run(others).await.expect("others");
    assert_eq!(more, 2_501);
    let query = "{ users(first: 1, search: \"aminah\") { nodes { name } pageInfo { hasNextPage } } }";
    let found = house.front.data(owner, query, Value::Null).await;
    assert_eq!(found["users"]["nodes"], json!([{ "name": "Siti Aminah" }]));
    assert_eq!(found["users"]["pageInfo"]["hasNextPage"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_erased_leaves_no_name_and_what_they_did_stays() {
    let house = House::open().await;
    let owner = house.front.owner;
    let siti = house.person(OLD, &["admin"]).await;
    let customer = json!({ "code": "C-1", "name": "Budi", "phone": "0812-9999-0000" });
    house
        .tell(&siti.access, "customerRegister", "customer { id }", customer)
        .await;
    let tell = async |mutation: &str| {
        let query = document(mutation, "user { status name email roles }");
        let variables = json!({ "input": { "id": siti.user } });
        house.front.data(owner, &query, variables).await[mutation].clone()
    };
    let early = tell("userErase").await;
    assert_eq!(early["userErrors"][0]["code"], "NOT_ALLOWED_IN_STATE", "{early}");
    tell("userDisable").await;
    let erased = tell("userErase").await;
    let nobody = json!({ "status": "ERASED", "name": null, "email": null, "roles": [] });
    assert_eq!(erased["user"], nobody, "{erased}");
    let back = tell("userEnable").await;
    assert_eq!(back["userErrors"][0]["code"], "NOT_ALLOWED_IN_STATE", "{back}");
    assert_eq!(
        house
            .ask(&siti.access, "{ viewer { user { id } } }", Value::Null)
            .await
            .status,
        401
    );

    let mut admin = simpul_testkit::sql::Session::open(&house.front.test.superuser_url()).await;
    let key: i64 = admin
        .value(&format!(
            "SELECT count(*) FROM es.subject_keys WHERE subject = '{}' AND wrapped IS NOT NULL",
            siti.user
        ))
        .await;
    assert_eq!(key, 0, "the key is destroyed");
    let traces: i64 = admin
        .value(&format!(
            "SELECT (SELECT count(*) FROM es.credentials WHERE user_id = '{0}')
                  + (SELECT count(*) FROM es.letters WHERE user_id = '{0}')
                  + (SELECT count(*) FROM es.sign_ins WHERE user_id = '{0}')
                  + (SELECT count(*) FROM es.sessions WHERE user_id = '{0}' AND (ended_at IS NULL OR ip IS NOT NULL))",
            siti.user.parse::<simpul_domain::UserId>().expect("an id").as_uuid()
        ))
        .await;
    assert_eq!(traces, 0);
    let done: i64 = admin
        .value(&format!(
            "SELECT count(*) FROM es.events WHERE event_type = 'customers.customer.registered' AND metadata->>'actor' LIKE '%{}%'",
            siti.user
        ))
        .await;
    assert_eq!(done, 1, "the trail still says who");
    // The address is free again.
    In::of(
        &json!({ "tokens": { "userId": "x", "accessToken": house.person(OLD, &["viewer"]).await.access } }),
    );
}
