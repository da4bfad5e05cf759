//! What the SDL calls `@semanticNonNull` is there for whoever may see everything of its tenant.

use std::collections::BTreeSet;

use async_graphql::parser::{
    parse_schema,
    types::{TypeKind, TypeSystemDefinition},
};
use serde_json::Value;
use simpul_api::Surface;

use super::world::World;

/// Fields that the SDL says it of.
fn always_there(surface: Surface) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for definition in parse_schema(simpul_api::sdl(surface)).expect("SDL").definitions {
        if let TypeSystemDefinition::Type(definition) = definition
            && let TypeKind::Object(object) = &definition.node.kind
        {
            for field in &object.fields {
                let mut directives = field.node.directives.iter();
                if directives.any(|directive| directive.node.name.node == "semanticNonNull") {
                    assert!(field.node.ty.node.nullable, "{}", field.node.name.node);
                    found.insert(field.node.name.node.to_string());
                }
            }
        }
    }
    found
}

/// The fields of these names, wherever they are, and whether something is there.
fn look(value: &Value, names: &BTreeSet<String>, seen: &mut Vec<(String, bool)>) {
    match value {
        Value::Array(items) => {
            for item in items {
                look(item, names, seen);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                if names.contains(name) {
                    seen.push((name.clone(), !value.is_null()));
                }
                look(value, names, seen);
            }
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_null_only_on_an_error_is_not_null_without_one() {
    let world = World::open().await;
    let attempt = world.ours.thing("attempt");
    let node = format!("node(id: {attempt:?}) {{ ... on PaymentAttempt {{ invoice {{ id }} }} }}");
    let line = "plan { id } router { id } provisioning { state } overdueInvoices { id }";
    let documents = [
        (
            Surface::Staff,
            format!(
                "{{ viewer {{ user {{ id }} }} {node} subscriptions(first: 100) {{ nodes {{ {line} }} }}
                    jobs(first: 10) {{ nodes {{ failures(first: 1) {{ totalCount }} }} }}
                    isolirRun {{ subscriptions(first: 1) {{ totalCount }} }} }}"
            ),
        ),
        (
            Surface::Portal,
            format!("{{ viewer {{ user {{ id }} provider {{ colour }} }} {node} }}"),
        ),
        (Surface::Platform, "{ viewer { user { id } } }".to_owned()),
    ];
    for (surface, document) in documents {
        let names = always_there(surface);
        let token = world.token(surface, &world.ours);
        let (_, answer) = world.question(surface, &token, &document).await;
        assert!(answer.get("errors").is_none(), "{surface}: {answer}");
        let mut seen = Vec::new();
        look(&answer["data"], &names, &mut seen);
        let missing: Vec<_> = seen.iter().filter(|(_, there)| !there).collect();
        assert!(missing.is_empty(), "{surface}: {missing:?} in {answer}");
        let seen: BTreeSet<String> = seen.into_iter().map(|(name, _)| name).collect();
        assert_eq!(seen, names, "{surface}: what is not asked for proves nothing");
    }
}
