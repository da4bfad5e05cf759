//! A walk over every operation of every schema, with everybody who must not get anywhere: without a token, without a
//! permission, as somebody else's tenant, as another customer.
//!
//! The schemas say what there is to walk; [`cases`] has one line for each root field. The rule for each stranger is
//! the same: no data, no effect, no fault of the server, and what is somebody else's looks like what does not exist.

mod asked;
mod cases;
mod chance;
mod codes;
mod filters;
mod furnish;
mod hints;
mod inputs;
mod missing;
mod more;
mod nodes;
mod nulls;
mod pages;
mod payloads;
mod required;
mod schema;
mod searches;
mod sieves;
mod texts;
mod trail;
mod versions;
pub(crate) mod world;

use axum::http::StatusCode;
use serde_json::Value;
use simpul_api::Surface;
use simpul_domain::tenancy::Feature;

use self::{
    schema::{Operation, Schema},
    world::World,
};

const RUBBISH: &str = "rubbish";

/// The data of the one root field, if there is any.
fn data<'a>(answer: &'a Value, operation: &Operation) -> Option<&'a Value> {
    let data = answer.get("data")?.get(operation.field())?;
    let nothing = match data {
        Value::Array(items) => items.iter().all(Value::is_null),
        data => data.is_null(),
    };
    (!nothing).then_some(data)
}

fn codes(answer: &Value) -> Vec<&str> {
    let errors = answer.get("errors").and_then(Value::as_array);
    let errors = errors.map(Vec::as_slice).unwrap_or_default().iter();
    errors
        .filter_map(|error| error.pointer("/extensions/code")?.as_str())
        .collect()
}

/// What must not be among the codes: a fault of the server, or a document that was not run at all.
const FAULTS: [&str; 5] = [
    "INTERNAL_ERROR",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "DOCUMENT_TOO_LARGE",
    "COST_LIMIT_EXCEEDED",
];

fn no_fault(status: StatusCode, answer: &Value, what: &str) {
    assert!(status.as_u16() < 500, "{what}: {status} {answer}");
    let codes = codes(answer);
    let fault = FAULTS.iter().any(|fault| codes.contains(fault));
    assert!(!fault, "{what} is a fault: {answer}");
}

#[test]
fn every_operation_has_its_case_and_every_field_is_walked() {
    for surface in Surface::ALL {
        let schema = Schema::of(surface);
        let missing = schema.without_a_case();
        assert!(
            missing.is_empty(),
            "{} has operations that nobody walks: {missing:?}\n\
             Add a line for each to crates/api/tests/it/walk/cases.rs, such as\n    \
             case(\"Query.invoice\", None, \"id: $invoice\"),\n\
             with the feature of which it is a part, if it is not part of every plan,\n\
             with $name for ids of crates/api/tests/it/walk/world.rs and $key for an idempotency key.",
            surface.schema_file()
        );
        let gone = schema.cases_without_an_operation();
        assert!(gone.is_empty(), "{surface}: no operations any more: {gone:?}");
        let unseen = schema.fields_not_walked();
        assert!(
            unseen.is_empty(),
            "{surface}: no walk from a root leads to {unseen:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_ask_is_answered() {
    let world = World::open().await;
    for surface in Surface::ALL {
        let token = world.token(surface, &world.ours);
        for operation in Schema::of(surface).operations() {
            if operation.is_command() {
                continue;
            }
            let text = operation.text(|name| world.ours.thing(name));
            let (status, answer) = world.ask(surface, Some(&token), &operation, &text).await;
            let what = format!("{surface}, {}", operation.name());
            no_fault(status, &answer, &what);
            assert!(answer.get("errors").is_none(), "{what}: {answer}");
            assert!(data(&answer, &operation).is_some(), "{what}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_anywhere_without_a_token_or_with_one_of_another_surface() {
    let world = World::open().await;
    let before = world.heads().await;
    for surface in Surface::ALL {
        let foreign: Vec<Option<String>> = Surface::ALL
            .into_iter()
            .filter(|other| *other != surface)
            .map(|other| Some(world.token(other, &world.ours)))
            .chain([None, Some(RUBBISH.to_owned())])
            .collect();
        for operation in Schema::of(surface).operations() {
            let text = operation.text(|name| world.ours.thing(name));
            for token in &foreign {
                let (status, answer) = world.ask(surface, token.as_deref(), &operation, &text).await;
                if operation.is_public() {
                    no_fault(status, &answer, operation.name());
                    continue;
                }
                assert_eq!(
                    status,
                    StatusCode::UNAUTHORIZED,
                    "{surface}, {}",
                    operation.name()
                );
                assert_eq!(codes(&answer), ["UNAUTHORIZED"], "{}", operation.name());
                assert!(answer.get("data").is_none(), "{}: {answer}", operation.name());
            }
        }
    }
    assert_eq!(world.heads().await, before, "nothing has happened");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_anywhere_without_the_permission() {
    let world = World::open().await;
    let before = world.heads().await;
    for surface in Surface::ALL {
        let token = world.lowest(surface).await;
        for operation in Schema::of(surface).operations() {
            for id in [None, Some(RUBBISH)] {
                let text = operation.text(|name| id.map_or_else(|| world.ours.thing(name), str::to_owned));
                let (status, answer) = world.ask(surface, Some(&token), &operation, &text).await;
                no_fault(status, &answer, operation.name());
                if !operation.is_guarded() {
                    continue;
                }
                assert_eq!(
                    data(&answer, &operation),
                    None,
                    "{surface}, {}: {answer}",
                    operation.name()
                );
                // An id that cannot be one is nothing to anybody.
                if id.is_none() || operation.permission().is_some() {
                    assert!(
                        codes(&answer).contains(&"FORBIDDEN"),
                        "{}: {answer}",
                        operation.name()
                    );
                }
            }
        }
    }
    assert_eq!(world.heads().await, before, "nothing has happened");
}

// Property 1: every query by any user returns only that tenant's rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_another_tenants_or_another_customers_looks_like_what_does_not_exist() {
    let world = World::open().await;
    let before = world.head(&world.ours).await;
    for surface in [Surface::Staff, Surface::Portal] {
        for stranger in world.strangers(surface) {
            let token = world.token(surface, stranger);
            for operation in Schema::of(surface).operations() {
                let things = operation.things();
                if things.is_empty() {
                    let text = operation.text(|name| stranger.thing(name));
                    let (status, answer) = world.ask(surface, Some(&token), &operation, &text).await;
                    no_fault(status, &answer, operation.name());
                    leaks_nothing(&world, stranger, &answer, operation.name());
                }
                for thing in things {
                    if stranger.shares(thing, &world.ours.thing(thing)) {
                        continue;
                    }
                    let mut answers = Vec::new();
                    for id in [world.ours.thing(thing), world.ours.nobodys(thing)] {
                        let own = |name: &str| {
                            if name == thing {
                                id.clone()
                            } else {
                                stranger.thing(name)
                            }
                        };
                        let text = operation.text(own);
                        let (status, answer) = world.ask(surface, Some(&token), &operation, &text).await;
                        let what = format!("{surface}, {} about {thing}", operation.name());
                        no_fault(status, &answer, &what);
                        leaks_nothing(&world, stranger, &answer, &what);
                        answers.push((status, answer.to_string().replace(&id, "<id>"), what));
                    }
                    let (foreign, nobodys) = (&answers[0], &answers[1]);
                    assert_eq!((foreign.0, &foreign.1), (nobodys.0, &nobodys.1), "{}", foreign.2);
                }
            }
        }
    }
    assert_eq!(
        world.head(&world.ours).await,
        before,
        "nothing has happened to us"
    );
}

/// Whatever was asked: none of our ids is in the answer, except as it was asked for.
fn leaks_nothing(world: &World, stranger: &world::Side, answer: &Value, what: &str) {
    let text = answer["data"].to_string();
    for (name, id) in world.ours.things() {
        if !stranger.shares(name, &id) {
            assert!(!text.contains(&id), "{what} tells our {name}: {answer}");
        }
    }
}

/// Features come before permissions: whoever has none of either is told about the feature.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_feature_an_operation_is_refused_and_without_the_others_it_is_not() {
    let world = World::open().await;
    for surface in [Surface::Staff, Surface::Portal] {
        let token = world.token(surface, &world.ours);
        for operation in Schema::of(surface).operations() {
            if operation.is_public() {
                continue;
            }
            let feature = operation.feature();
            let all = Feature::ALL.iter().copied();
            world
                .grant(all.clone().filter(|granted| Some(*granted) != feature))
                .await;
            let text = operation.text(|name| world.ours.nobodys(name));
            let before = world.head(&world.ours).await;
            let (status, answer) = world.ask(surface, Some(&token), &operation, &text).await;
            let Some(feature) = feature else {
                world.grant(std::iter::empty()).await;
                let (_, answer) = world.ask(surface, Some(&token), &operation, &text).await;
                let refused = codes(&answer).contains(&"FEATURE_DISABLED");
                assert!(!refused, "{}: {answer}", operation.name());
                continue;
            };
            let name = operation.name();
            // The answer to a stream has begun before it is refused.
            let refused = if operation.is_stream() {
                StatusCode::OK
            } else {
                StatusCode::FORBIDDEN
            };
            assert_eq!(status, refused, "{name}: {answer}");
            assert_eq!(codes(&answer), ["FEATURE_DISABLED"], "{name}");
            let told = answer.pointer("/errors/0/extensions/feature");
            assert_eq!(told, Some(&feature.as_str().into()), "{name}: {answer}");
            assert_eq!(data(&answer, &operation), None, "{name}: {answer}");
            assert_eq!(world.head(&world.ours).await, before, "{name} has happened");
        }
    }
}

// Each permission by itself opens what names it, and nothing that names another.
// Property 7: an action without permission is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_permission_opens_no_field_of_another() {
    let world = World::open().await;
    let schema = Schema::of(Surface::Staff);
    for held in simpul_app::permission::OWNER {
        let colleague = world.front.colleague(&[held]).await;
        let token = world.front.token_for(Surface::Staff, colleague);
        for operation in schema.operations().into_iter().filter(Operation::is_query) {
            let text = operation.text(|name| world.ours.thing(name));
            let (status, answer) = world.ask(Surface::Staff, Some(&token), &operation, &text).await;
            no_fault(status, &answer, operation.name());
            let mut told = Vec::new();
            schema.told("Query", &answer["data"], &mut told);
            for (field, permission) in told {
                assert_eq!(permission, *held, "{field} is told by {}", operation.name());
            }
        }
    }
}
