//! What the schema says that the engine's macros do not: interfaces that no field answers with, words for connections, and of each field who
//! may ask for it, and for how much (ADR 86). One pass over the registry, when everything else is in it.
//!
//! INVARIANT: a permission has one source, the last line of its field's description, since introspection shows no
//! directives. A price has one too, [`weights`](super::weights).

use std::{borrow::Cow, collections::BTreeSet};

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, ServerResult, TypeDirective, Value,
    parser::types::{Field, OperationType},
    registry::{MetaField, MetaType, MetaTypeName, Registry},
};

use super::{
    types::root,
    weights::{COMMAND, SEARCH, SEARCHED_BY, STREAM, longest, surcharge},
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
const JSON_SPECIFICATION: &str = "https://www.rfc-editor.org/rfc/rfc8259";
/// Begins the last line of a description.
const PERMISSION: &str = "Permission: ";

/// Whoever asks holds one of these.
#[TypeDirective(location = "FieldDefinition")]
fn permission(any: Vec<String>) {}

/// What it costs, where that is not one point for an object and none for a value. A list of objects counts so often, with all that is
/// selected in it; one that takes `first` says nothing here and counts as often as it is asked for, 50 times if it is not said. A
/// command, a stream, a count, a report, and an argument that is not null, cost so many points more.
#[TypeDirective(location = "FieldDefinition", location = "ArgumentDefinition")]
fn cost(weight: u64) {}

/// The field is null only beside an error of its own, such as a permission that is missing: a client that handles errors can take it as
/// if it were never null (graphql-wg GAP-49). Level 0 is the field itself.
#[TypeDirective(location = "FieldDefinition")]
fn semantic_non_null(levels: Vec<i32>) {}

/// Fields that are always there for whoever may see them: nullable, so that an error stays where it is.
const ALWAYS_THERE: &[(&str, &str)] = &[
    ("IsolirRun", "subscriptions"),
    ("Job", "failures"),
    ("PaymentAttempt", "invoice"),
    ("Subscription", "overdueInvoices"),
    ("Subscription", "plan"),
    ("Subscription", "provisioning"),
    ("Subscription", "router"),
    ("Viewer", "provider"),
    ("Viewer", "user"),
];

/// Not a type, but what is said of all of them. Registered last.
#[derive(Debug)]
pub(super) struct Announced;

impl OutputType for Announced {
    fn type_name() -> Cow<'static, str> {
        <bool as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        for (name, description, fields) in INTERFACES {
            add_interface(registry, name, description, fields);
        }
        let types = registry.types.iter();
        let composite: BTreeSet<String> = types
            .filter(|(_, ty)| ty.is_composite())
            .map(|(name, _)| name.clone())
            .collect();
        for (name, ty) in &mut registry.types {
            describe(name, ty);
            if let MetaType::Object { fields, .. } | MetaType::Interface { fields, .. } = ty {
                for field in fields.values_mut() {
                    direct(name, field, &composite);
                }
            }
        }
        permission.register(registry);
        cost.register(registry);
        semantic_non_null.register(registry);
        <bool as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}

/// Whatever has the fields of an interface has the interface.
fn add_interface(registry: &mut Registry, name: &str, description: &str, fields: &[&str]) {
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

/// The engine leaves its connections and JSON without a word.
fn describe(name: &str, ty: &mut MetaType) {
    match ty {
        MetaType::Object { description, .. } => {
            if let Some(node) = name.strip_suffix("Connection") {
                description.get_or_insert_with(|| {
                    format!("A page of a list of `{node}`; `pageInfo` says whether there are more.")
                });
            }
        }
        MetaType::Scalar { specified_by_url, .. } if name == "JSON" => {
            specified_by_url.get_or_insert_with(|| JSON_SPECIFICATION.to_owned());
        }
        _ => {}
    }
}

fn direct(parent: &str, field: &mut MetaField, composite: &BTreeSet<String>) {
    if let Some(names) = permissions(field.description.as_deref()) {
        field.directive_invocations.push(permission::apply(names));
    }
    if let Some(weight) = weight(parent, field, composite) {
        field.directive_invocations.push(cost::apply(weight));
    }
    if ALWAYS_THERE.contains(&(parent, field.name.as_str())) && !field.ty.ends_with('!') {
        field
            .directive_invocations
            .push(semantic_non_null::apply(vec![0]));
    }
    if let Some(search) = field.args.get_mut(SEARCHED_BY) {
        search.directive_invocations.push(cost::apply(SEARCH));
    }
}

/// Those of the last line, as in `Permission: billing.read or billing.write`. Other words are for people.
fn permissions(description: Option<&str>) -> Option<Vec<String>> {
    let last = description?.trim_end().lines().last()?;
    let names: Vec<String> = last
        .trim()
        .strip_prefix(PERMISSION)?
        .split(" or ")
        .map(str::to_owned)
        .collect();
    let is_name = |name: &String| name.contains('.') && !name.contains(' ');
    names.iter().all(is_name).then_some(names)
}

/// Lists of values are free, however long they are.
fn weight(parent: &str, field: &MetaField, composite: &BTreeSet<String>) -> Option<u64> {
    if parent == root(OperationType::Mutation) {
        return Some(COMMAND);
    }
    if parent == root(OperationType::Subscription) {
        return Some(STREAM);
    }
    let surcharge = surcharge(parent, &field.name);
    if surcharge > 0 {
        return Some(surcharge);
    }
    let is_list = field.ty.starts_with('[') && !field.args.contains_key("first");
    let of_objects = composite.contains(MetaTypeName::concrete_typename(&field.ty));
    (is_list && of_objects)
        .then(|| longest(parent, &field.name))
        .flatten()
}

#[cfg(test)]
mod tests {
    use async_graphql::{Executor as _, Request};

    use super::{super::served::Served, *};
    use crate::Surface;

    #[test]
    fn permissions_are_what_the_last_line_says() {
        for (description, expected) in [
            (
                Some("A bill.\nPermission: billing.read"),
                Some(vec!["billing.read"]),
            ),
            (
                Some("Permission: a.read or b.read\n"),
                Some(vec!["a.read", "b.read"]),
            ),
            (Some("Permission: none"), None),
            (Some("Permission: that of its type."), None),
            (Some("Permission: billing.read\nA bill."), None),
            (None, None),
        ] {
            let expected = expected.map(|names| names.into_iter().map(str::to_owned).collect());
            assert_eq!(permissions(description), expected, "{description:?}");
        }
    }

    #[tokio::test]
    async fn directives_of_definitions_are_known_and_refused_in_documents() {
        let served = Served::new(Surface::Staff);
        let query = "{ __schema { directives { name locations args { name type { kind } } } } }";
        let answer = served.execute(Request::new(query)).await;
        let data = answer.data.into_json().expect("JSON");
        let directives = data["__schema"]["directives"].as_array().expect("a list");
        let of = |name: &str| {
            directives
                .iter()
                .find(|directive| directive["name"] == name)
                .cloned()
        };
        let non_null = |name: &str| serde_json::json!([{ "name": name, "type": { "kind": "NON_NULL" } }]);
        let known = of("permission").expect("known");
        assert_eq!(known["locations"], serde_json::json!(["FIELD_DEFINITION"]));
        assert_eq!(known["args"], non_null("any"));
        assert_eq!(of("cost").expect("known")["args"], non_null("weight"));
        let answer = served
            .execute(Request::new("{ tenantPlan @cost(weight: 1) { plan } }"))
            .await;
        assert_eq!(answer.errors.len(), 1, "{:?}", answer.errors);
        assert!(answer.errors[0].message.contains("cost"), "{:?}", answer.errors);
    }
}
