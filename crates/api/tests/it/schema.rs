//! The schema as committed: every name in it is for ever, and says what it is.

use std::{collections::BTreeSet, path::Path};

use async_graphql::parser::{
    parse_schema,
    types::{FieldDefinition, TypeKind, TypeSystemDefinition},
};
use simpul_api::Surface;

#[expect(
    clippy::disallowed_methods,
    reason = "a switch of this test, not configuration"
)]
#[test]
fn the_committed_schemas_are_the_served_ones() {
    for surface in Surface::ALL {
        let file = surface.schema_file();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
        let served = simpul_api::sdl(surface);
        if std::env::var("UPDATE_SCHEMA").is_ok() {
            std::fs::write(&path, &served).expect("written");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == served,
            "{file} differs; look at the change, then UPDATE_SCHEMA=1"
        );
    }
}

/// Objects with an id that nobody is asked for by it, and why.
const NO_NODES: &[(Surface, &str, &str)] = &[
    (
        Surface::Staff,
        "DeadLetter",
        "work that is stuck; gone when it goes on",
    ),
    (Surface::Staff, "HistoryEntry", "a line of the log"),
    (
        Surface::Staff,
        "OwnTenant",
        "a name to switch to, of another tenant",
    ),
    (Surface::Staff, "SaasCheckout", "the platform's, told once"),
    (
        Surface::Staff,
        "SignIn",
        "attempts of one minute, counted together",
    ),
    (
        Surface::Staff,
        "StuckLane",
        "work that is stuck; gone when it goes on",
    ),
    (
        Surface::Staff,
        "StuckNotice",
        "work that is stuck; gone when it goes on",
    ),
    (
        Surface::Staff,
        "StuckParcel",
        "work that is stuck; gone when it goes on",
    ),
    (
        Surface::Portal,
        "SignIn",
        "attempts of one minute, counted together",
    ),
    (
        Surface::Platform,
        "HeldAddOn",
        "a part of its tenant; the order is in the tenant's log",
    ),
    (Surface::Platform, "HistoryEntry", "a line of the log"),
    (
        Surface::Platform,
        "OwnTenant",
        "a name to switch to, of another tenant",
    ),
    (Surface::Platform, "ServerProcess", "there as long as it runs"),
    (
        Surface::Platform,
        "SignIn",
        "attempts of one minute, counted together",
    ),
    (
        Surface::Platform,
        "TenantDomain",
        "a way to a tenant; the request is in the tenant's log",
    ),
];

#[test]
fn whatever_has_an_id_is_a_node_or_has_a_reason_not_to_be_one() {
    let mut others = BTreeSet::new();
    for surface in Surface::ALL {
        for definition in parse_schema(simpul_api::sdl(surface)).expect("SDL").definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let TypeKind::Object(object) = &definition.node.kind else {
                continue;
            };
            let has_id = object.fields.iter().any(|field| {
                let field = &field.node;
                field.name.node == "id" && field.arguments.is_empty() && field.ty.node.to_string() == "ID!"
            });
            let is_node = object.implements.iter().any(|interface| interface.node == "Node");
            if has_id && !is_node {
                others.insert((surface.to_string(), definition.node.name.node.to_string()));
            }
        }
    }
    let excused = NO_NODES
        .iter()
        .map(|(surface, name, _)| (surface.to_string(), (*name).to_owned()));
    assert_eq!(others, excused.collect());
}

/// Fields of one object (N7): more is a type in which two things hide.
const MAX_FIELDS: usize = 60;

#[test]
fn everything_says_what_it_is_and_every_operation_who_may() {
    for surface in Surface::ALL {
        says_what_it_is(surface);
    }
}

fn says_what_it_is(surface: Surface) {
    let document = parse_schema(simpul_api::sdl(surface)).expect("SDL");
    let mut wide = Vec::new();
    let mut silent = Vec::new();
    let mut unguarded = Vec::new();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let (name, kind) = (definition.node.name.node.as_str(), &definition.node.kind);
        if definition.node.description.is_none() {
            silent.push(name.to_owned());
        }
        let fields: Vec<&FieldDefinition> = match kind {
            TypeKind::Object(object) => object.fields.iter().map(|field| &field.node).collect(),
            TypeKind::Interface(interface) => interface.fields.iter().map(|field| &field.node).collect(),
            TypeKind::InputObject(input) => {
                let fields = input.fields.iter().map(|field| &field.node);
                let undescribed = fields.filter(|field| field.description.is_none());
                silent.extend(undescribed.map(|field| format!("{name}.{}", field.name.node)));
                Vec::new()
            }
            TypeKind::Enum(values) => {
                let values = values.values.iter().map(|value| &value.node);
                let undescribed = values.filter(|value| value.description.is_none());
                silent.extend(undescribed.map(|value| format!("{name}.{}", value.value.node)));
                Vec::new()
            }
            TypeKind::Scalar | TypeKind::Union(_) => Vec::new(),
        };
        let root = ["Query", "Mutation", "Live"].contains(&name);
        if !root && fields.len() > MAX_FIELDS {
            wide.push(name.to_owned());
        }
        for field in fields {
            let path = format!("{name}.{}", field.name.node);
            let description = field.description.as_ref().map(|text| text.node.as_str());
            let last = description
                .unwrap_or_default()
                .trim()
                .lines()
                .last()
                .unwrap_or_default();
            if root && !last.trim().starts_with("Permission: ") {
                unguarded.push(path.clone());
            }
            if description.is_none() {
                silent.push(path.clone());
            }
            let undescribed = field
                .arguments
                .iter()
                .filter(|argument| argument.node.description.is_none());
            silent.extend(undescribed.map(|argument| format!("{path}({})", argument.node.name.node)));
        }
    }
    let none = Vec::<String>::new();
    assert_eq!(silent, none, "{surface}: without a description");
    assert_eq!(unguarded, none, "{surface}: without a last line `Permission: …`");
    assert_eq!(wide, none, "{surface}: more than {MAX_FIELDS} fields");
}
