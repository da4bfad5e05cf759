//! Three surfaces: a token is good for one of them, and none runs what another one does.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::{Value, json};
use simpul_api::{BySurface, Settings, Surface, TrustedDocuments, auth::Viewer};
use simpul_domain::{TenantId, UserId};
use simpul_event_store::inline::access::{self, TenantAccess};

use crate::front::{Front, read};

/// Somebody who runs the platform.
pub(crate) async fn operator(front: &Front) -> Viewer {
    let store = front.test.store();
    let mut tx = store.db().tenant_tx(TenantId::PLATFORM).await.expect("tx");
    access::set_tenant(&mut tx, &TenantAccess::default())
        .await
        .expect("set");
    let user = UserId::new(store.ids().next());
    let held = simpul_app::permission::SUPER_ADMIN
        .iter()
        .map(|&held| held.to_owned());
    access::set_actor(&mut tx, user, &held.collect::<Vec<_>>(), 1)
        .await
        .expect("set");
    tx.commit().await.expect("commit");
    Viewer {
        user,
        tenant: TenantId::PLATFORM,
    }
}

async fn ask(front: &Front, surface: Surface, token: &str, body: Value) -> (StatusCode, Value) {
    let request = Request::post(surface.path())
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/graphql-response+json")
        .body(Body::from(body.to_string()))
        .expect("request");
    read(front.send(request).await).await
}

fn code(answer: &Value) -> &str {
    answer
        .pointer("/errors/0/extensions/code")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

const WHO: &str = "{viewer{user{id}}}";

/// The hash of [`WHO`].
fn manifest() -> (String, TrustedDocuments) {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, WHO.as_bytes());
    let id = format!("sha256:{}", hex::encode(digest));
    let mut documents = TrustedDocuments::default();
    documents
        .add(&json!({ &id: WHO }).to_string())
        .expect("a manifest");
    (id, documents)
}

async fn open() -> (Front, String) {
    let (id, portal) = manifest();
    let documents = BySurface {
        portal,
        ..BySurface::default()
    };
    let settings = Settings {
        documents,
        ..Settings::default()
    };
    (Front::with_settings(settings).await, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_good_for_its_own_surface_only() {
    let (front, id) = open().await;
    let operator = operator(&front).await;
    let viewer = |surface| match surface {
        Surface::Staff | Surface::Portal => front.owner,
        Surface::Platform => operator,
    };
    for made_for in Surface::ALL {
        let token = front.token_for(made_for, viewer(made_for));
        for surface in Surface::ALL {
            let body = match surface {
                Surface::Portal => json!({ "documentId": id }),
                Surface::Staff | Surface::Platform => json!({ "query": WHO }),
            };
            let (status, answer) = ask(&front, surface, &token, body).await;
            if surface == made_for {
                let user = viewer(made_for).user.to_string();
                assert_eq!(answer["data"]["viewer"]["user"]["id"], user, "{answer}");
            } else {
                let refused = (status, code(&answer));
                assert_eq!(refused, (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"), "{surface}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_portal_reads_nothing_but_its_own_documents_and_never_tells_its_schema() {
    let (front, id) = open().await;
    let token = front.token_for(Surface::Portal, front.owner);
    for text in ["{viewer{user{id} }}", "{__schema{types{name}}}", "not a document"] {
        let (status, answer) = ask(&front, Surface::Portal, &token, json!({ "query": text })).await;
        let refused = (status, code(&answer));
        assert_eq!(refused, (StatusCode::BAD_REQUEST, "PERSISTED_QUERY_REQUIRED"));
    }
    let (status, answer) = ask(&front, Surface::Portal, &token, json!({ "query": WHO })).await;
    assert_eq!(status, StatusCode::OK, "known by its text too: {answer}");
    let (_, answer) = ask(&front, Surface::Portal, &token, json!({ "documentId": id })).await;
    assert!(answer["data"]["viewer"]["user"]["id"].is_string());
    let (_, answer) = ask(
        &front,
        Surface::Staff,
        &front.token(front.owner),
        json!({ "documentId": id }),
    )
    .await;
    assert_eq!(code(&answer), "PERSISTED_QUERY_NOT_FOUND", "it is the portal's");
    let path = format!("{}/schema.graphql", Surface::Portal.path());
    let request = Request::get(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::empty())
        .expect("request");
    assert_eq!(front.send(request).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_platform_tells_its_schema_to_whoever_runs_it() {
    let (front, _) = open().await;
    let token = front.token_for(Surface::Platform, operator(&front).await);
    let query = "{__type(name:\"Query\"){name}}";
    let (status, answer) = ask(&front, Surface::Platform, &token, json!({ "query": query })).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["data"]["__type"]["name"], "Query");
}
