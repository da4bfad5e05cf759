//! Where a refusal says that the mistake is: in a field that the mutation's input has. Looked at in every answer of every test.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use async_graphql::parser::{
    parse_schema,
    types::{TypeKind, TypeSystemDefinition},
};
use serde_json::Value;

/// The fields of each input type of the three schemas.
static FIELDS: LazyLock<HashMap<String, HashSet<String>>> = LazyLock::new(|| {
    let mut fields: HashMap<String, HashSet<String>> = HashMap::new();
    let schemas = [
        include_str!("../../../../schema.graphql"),
        include_str!("../../../../schema.portal.graphql"),
        include_str!("../../../../schema.platform.graphql"),
    ];
    for definition in schemas
        .iter()
        .flat_map(|sdl| parse_schema(sdl).expect("SDL").definitions)
    {
        let TypeSystemDefinition::Type(named) = definition else {
            continue;
        };
        if let TypeKind::InputObject(input) = named.node.kind {
            let names = input.fields.iter().map(|field| field.node.name.node.to_string());
            fields
                .entry(named.node.name.node.to_string())
                .or_default()
                .extend(names);
        }
    }
    fields
});

/// Fails for a `userErrors.path` that begins with anything but `input` and a field of that mutation's input.
pub(crate) fn must_name_fields(answer: &Value) {
    let Some(data) = answer["data"].as_object() else {
        return;
    };
    for (mutation, payload) in data {
        let (first, rest) = mutation.split_at(1);
        // Under an alias nobody knows which mutation it was.
        let Some(fields) = FIELDS.get(&format!("{}{rest}Input", first.to_uppercase())) else {
            continue;
        };
        for error in payload["userErrors"].as_array().into_iter().flatten() {
            let Some(path) = error["path"].as_array() else {
                continue;
            };
            let named = path[0] == "input" && path[1].as_str().is_some_and(|field| fields.contains(field));
            assert!(named, "{mutation} has no such field: {error}");
        }
    }
}
