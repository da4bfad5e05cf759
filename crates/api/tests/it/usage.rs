//! Who asks for what is counted (ADR 87): by field, client and day, and nothing about whom it was for.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::{Value, json};
use simpul_api::{Surface, auth::Viewer};

use crate::{
    front::{Front, read},
    surfaces,
};

async fn ask(
    front: &Front,
    surface: Surface,
    viewer: Option<Viewer>,
    client: &str,
    query: &str,
) -> (StatusCode, Value) {
    let mut request = Request::post(surface.path())
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-client-name", client);
    if let Some(viewer) = viewer {
        let token = front.token_for(surface, viewer);
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = Body::from(json!({ "query": query }).to_string());
    read(front.send(request.body(body).expect("a request")).await).await
}

/// What the platform is told, as `coordinate client uses`.
async fn told(front: &Front, operator: Viewer, arguments: &str) -> Vec<String> {
    let query = format!("{{ fieldUsage({arguments}) {{ coordinate client uses firstOn lastOn }} }}");
    let (status, answer) = ask(front, Surface::Platform, Some(operator), "desk", &query).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let today = front.state.store().now().date_naive().to_string();
    let uses = answer["data"]["fieldUsage"].as_array().expect("a list").iter();
    uses.map(|one| {
        assert_eq!(one["firstOn"], today, "{one}");
        assert_eq!(one["lastOn"], today, "{one}");
        let text = |key: &str| one[key].as_str().expect("a text").to_owned();
        format!("{} {} {}", text("coordinate"), text("client"), text("uses"))
    })
    .collect()
}

#[tokio::test]
async fn uses_of_fields_are_kept_by_client_and_day() {
    let front = Front::open().await;
    let (owner, operator) = (front.owner, surfaces::operator(&front).await);
    let roles = "{ builtInRoles { name } again: builtInRoles { id: name } }";
    for client in ["panel/2.1", "panel/2.1", "two words"] {
        let (status, answer) = ask(&front, Surface::Staff, Some(owner), client, roles).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    // What the schema does not have is no field.
    ask(
        &front,
        Surface::Staff,
        Some(owner),
        "panel/2.1",
        "{ tenantPlan { nobody } }",
    )
    .await;
    let refresh = "mutation { sessionRefresh(input: { refreshToken: \"x\" }) { userErrors { code } } }";
    let (status, answer) = ask(&front, Surface::Staff, None, "panel/2.1", refresh).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{answer}");
    let all = "surface: STAFF, since: \"2020-01-01\"";
    assert_eq!(told(&front, operator, all).await, Vec::<String>::new());

    let usage = &front.state.usage;
    usage.flush(front.state.store()).await.expect("kept");
    assert_eq!(
        told(
            &front,
            operator,
            &format!("{all}, coordinate: \"Query.builtInRoles\"")
        )
        .await,
        ["Query.builtInRoles panel/2.1 2", "Query.builtInRoles unknown 1"]
    );
    ask(&front, Surface::Staff, Some(owner), "panel/2.1", roles).await;
    usage.flush(front.state.store()).await.expect("kept");
    usage.flush(front.state.store()).await.expect("nothing to keep");
    let by_panel = format!("{all}, client: \"panel/2.1\"");
    let of_panel = told(&front, operator, &by_panel).await;
    assert!(
        of_panel.contains(&"Query.builtInRoles panel/2.1 3".to_owned()),
        "{of_panel:?}"
    );
    assert!(
        !of_panel.iter().any(|use_of| use_of.contains("nobody")),
        "{of_panel:?}"
    );
    assert_eq!(
        told(&front, operator, &format!("{all}, coordinate: \"Mutation\"")).await,
        ["Mutation.sessionRefresh unknown 1"]
    );
    let platform = told(&front, operator, "surface: PLATFORM, since: \"2020-01-01\"").await;
    assert!(
        platform.contains(&"Query.fieldUsage desk 2".to_owned()),
        "{platform:?}"
    );
    assert_eq!(
        told(&front, operator, "surface: STAFF, since: \"2999-01-01\"").await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn two_processes_count_together() {
    let front = Front::open().await;
    let (owner, operator) = (front.owner, surfaces::operator(&front).await);
    let other = front.another_process();
    let query = "{ builtInRoles { name } }";
    ask(&front, Surface::Staff, Some(owner), "panel", query).await;
    let token = front.token(owner);
    let request = Request::post("/graphql")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header("x-client-name", "panel")
        .body(Body::from(json!({ "query": query }).to_string()))
        .expect("a request");
    let router = simpul_api::router(other.clone(), simpul_api::Settings::default());
    assert_eq!(
        crate::front::knock(&router, request).await.status(),
        StatusCode::OK
    );
    let (one, two) = tokio::join!(
        front.state.usage.flush(front.state.store()),
        other.usage.flush(other.store())
    );
    one.expect("kept");
    two.expect("kept");
    assert_eq!(
        told(
            &front,
            operator,
            "surface: STAFF, since: \"2020-01-01\", coordinate: \"Query.builtInRoles\""
        )
        .await,
        ["Query.builtInRoles panel 2"]
    );
}
