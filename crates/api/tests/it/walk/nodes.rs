//! Anything by its id: whoever has it finds it, and to everybody else it is what does not exist.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Value, json};
use simpul_api::{Surface, auth::Viewer};
use simpul_domain::SessionId;

use super::{schema::Schema, world::World};

/// A type with an id.
struct Kind {
    name: &'static str,
    /// What there is of it for whoever asks; nothing where the world has none of the platform's.
    ours: Option<String>,
    /// One of somebody else.
    theirs: String,
}

fn session(viewer: Viewer) -> String {
    SessionId::new(viewer.user.as_uuid()).to_string()
}

async fn kinds(world: &World, surface: Surface) -> Vec<Kind> {
    let thing = |name: &str| world.ours.thing(name);
    let kind = |(name, ours): (&'static str, String)| Kind {
        name,
        theirs: ours.clone(),
        ours: Some(ours),
    };
    let ours = match surface {
        Surface::Staff => {
            let front = &world.front;
            let order = json!({ "key": "extra_router", "quantity": 1 });
            let order = front.accepted(world.ours.owner, "addOnOrderPlace", "order { id }", order);
            let order = order.await["order"]["id"].take();
            let discard = json!({ "id": thing("parcel"), "reason": "because", "idempotencyKey": "k" });
            let entity = "intervention { id }";
            let done = front.accepted(world.ours.owner, "parcelDiscard", entity, discard);
            let done = done.await["intervention"]["id"].take();
            let id = |value: Value| value.as_str().expect("an id").to_owned();
            vec![
                ("AddOnOrder", id(order)),
                ("ApiKey", thing("apiKey")),
                ("CustomDomain", thing("domain")),
                ("Customer", thing("customer")),
                ("Gateway", thing("gateway")),
                ("Intervention", id(done)),
                ("Invoice", thing("invoice")),
                ("Job", thing("job")),
                ("Message", thing("message")),
                ("Payment", thing("payment")),
                ("PaymentAttempt", thing("attempt")),
                ("Role", thing("role")),
                ("Router", thing("router")),
                ("SaasInvoice", thing("saasInvoice")),
                ("Sender", thing("sender")),
                ("ServicePlan", thing("plan")),
                ("Session", thing("session")),
                ("Subscription", thing("subscription")),
                ("Tenant", thing("tenant")),
                ("User", thing("user")),
            ]
        }
        Surface::Portal => vec![
            ("Customer", thing("customer")),
            ("Invoice", thing("invoice")),
            ("Payment", thing("payment")),
            ("PaymentAttempt", thing("attempt")),
            ("Session", session(world.ours.customer)),
            ("Subscription", thing("subscription")),
            ("User", world.ours.customer.user.to_string()),
        ],
        Surface::Platform => {
            let operator = world.operator();
            let kind = |name, ours, theirs: String| Kind { name, ours, theirs };
            return vec![
                kind("ApiKey", None, thing("apiKey")),
                kind("Backup", None, format!("bak_{}", &thing("invoice")[4..])),
                kind("ManagedTenant", Some(thing("account")), thing("tenant")),
                kind("SaasGateway", None, thing("gateway")),
                kind("SaasInvoice", Some(thing("saasInvoice")), thing("invoice")),
                kind("SaasPayment", None, thing("payment")),
                kind("SaasPaymentAttempt", None, thing("attempt")),
                kind("SaasSender", None, thing("sender")),
                kind("Session", Some(session(operator)), thing("session")),
                kind("User", Some(operator.user.to_string()), thing("user")),
            ];
        }
    };
    ours.into_iter().map(kind).collect()
}

fn nobodys(id: &str) -> String {
    let (prefix, _) = id.split_once('_').expect("an id has a prefix");
    format!("{prefix}_7zzzzzzzzzzzzzzzzzzzzzzzzz")
}

fn one(id: &str) -> String {
    format!("{{ node(id: \"{id}\") {{ __typename id }} }}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_has_an_id_is_found_by_its_owner_and_by_nobody_else() {
    let world = World::open().await;
    for surface in Surface::ALL {
        let schema = Schema::of(surface);
        let kinds = kinds(&world, surface).await;
        let walked: BTreeSet<&str> = kinds.iter().map(|kind| kind.name).collect();
        let members: BTreeSet<&str> = schema.members("Node").iter().map(String::as_str).collect();
        assert_eq!(walked, members, "{surface}");
        let owner = world.token(surface, &world.ours);
        let mut strangers: Vec<String> = world
            .strangers(surface)
            .into_iter()
            .map(|side| world.token(surface, side))
            .collect();
        if strangers.is_empty() {
            // The platform is one tenant; the others' things are none of its own.
            strangers.push(owner.clone());
        }
        for kind in kinds {
            let missing = nobodys(&kind.theirs);
            if let Some(id) = &kind.ours {
                let found = json!({ "__typename": kind.name, "id": id });
                let (_, answer) = world.question(surface, &owner, &one(id)).await;
                assert_eq!(answer["data"]["node"], found, "{surface}: {answer}");
                let several =
                    format!("{{ nodes(ids: [\"{missing}\", \"{id}\", \"{id}\"]) {{ __typename id }} }}");
                let (_, answer) = world.question(surface, &owner, &several).await;
                let expected = json!([null, found, found]);
                assert_eq!(answer["data"]["nodes"], expected, "{surface}: {answer}");
            }
            for stranger in &strangers {
                let theirs = world.question(surface, stranger, &one(&kind.theirs)).await;
                let nobodys = world.question(surface, stranger, &one(&missing)).await;
                assert_eq!(theirs, nobodys, "{surface}, {}", kind.name);
                let nothing = (StatusCode::OK, json!({ "data": { "node": null } }));
                assert_eq!(theirs, nothing, "{surface}, {}", kind.name);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_not_see_a_type_is_told_the_same_of_what_is_there_and_of_what_is_not() {
    let world = World::open().await;
    let nobody = world.lowest(Surface::Staff).await;
    for kind in kinds(&world, Surface::Staff).await {
        let theirs = world.question(Surface::Staff, &nobody, &one(&kind.theirs)).await;
        if kind.name == "Tenant" {
            assert_eq!(theirs.1["data"]["node"]["id"], kind.theirs, "their own");
            continue;
        }
        let missing = world
            .question(Surface::Staff, &nobody, &one(&nobodys(&kind.theirs)))
            .await;
        assert_eq!(theirs, missing, "{}", kind.name);
        let code = &theirs.1["errors"][0]["extensions"]["code"];
        assert_eq!(code, "FORBIDDEN", "{}: {}", kind.name, theirs.1);
    }
}
