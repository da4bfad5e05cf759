//! Interfaces that no field answers with, so that nothing leads the engine to them: of all payloads, and of all events.

use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, ServerResult, Value,
    parser::types::Field,
    registry::{MetaType, Registry},
};

/// Name, what it is, and the fields by which its objects are known.
const INTERFACES: [(&str, &str, &[&str]); 2] = [
    (
        "CommandPayload",
        "What every command answers, whatever it is about.",
        &["userErrors", "consistencyToken", "query"],
    ),
    (
        "EventEnvelope",
        "What every event of a stream has, whatever has happened.",
        &["cursor", "at"],
    ),
];

/// Not a type, but whatever has the fields of an interface has the interface. Registered when all objects are.
#[derive(Debug)]
pub(super) struct Interfaces;

impl OutputType for Interfaces {
    fn type_name() -> Cow<'static, str> {
        <bool as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        for (name, description, fields) in INTERFACES {
            register(registry, name, description, fields);
        }
        <bool as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}

fn register(registry: &mut Registry, name: &str, description: &str, fields: &[&str]) {
    let has_all = |ty: &&MetaType| {
        matches!(ty, MetaType::Object { .. }) && fields.iter().all(|field| ty.field_by_name(field).is_some())
    };
    let objects = registry.types.values().filter(has_all);
    let Some(first) = objects.clone().next() else {
        return;
    };
    let shared = fields.iter().filter_map(|field| first.field_by_name(field));
    let interface = MetaType::Interface {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        fields: shared.map(|field| (field.name.clone(), field.clone())).collect(),
        possible_types: objects.map(|object| object.name().to_owned()).collect(),
        extends: false,
        keys: None,
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        rust_typename: None,
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    };
    for object in interface.possible_types().into_iter().flatten() {
        registry.add_implements(object, name);
    }
    registry.types.insert(name.to_owned(), interface);
}
