//! Null propagation as the GraphQL specification wants it (section 6.4.4).
//!
//! The engine leaves a failed field out and keeps its siblings. Here each error's path is walked through the document
//! and the schema's own types, and `null` is put at the nearest position that may be null.

use async_graphql::{
    Name, PathSegment, Positioned,
    parser::types::{
        BaseType, DocumentOperations, ExecutableDocument, Field, OperationDefinition, Selection,
        SelectionSet, Type,
    },
};
use serde_json::Value;

use super::types::{FieldTypes, root};

/// Puts `null` into `data` for an error at `path`.
pub(crate) fn propagate(
    data: &mut Value,
    types: &FieldTypes,
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    path: &[PathSegment],
) {
    let Some(operation) = operation(document, operation_name) else {
        return;
    };
    let length = nullable_length(types, document, operation, path).unwrap_or(0);
    put_null(data, &path[..length]);
}

fn operation<'d>(document: &'d ExecutableDocument, name: Option<&str>) -> Option<&'d OperationDefinition> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(&operation.node),
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.get(name).map(|operation| &operation.node)
        }
        (DocumentOperations::Multiple(operations), None) => {
            operations.values().next().map(|operation| &operation.node)
        }
    }
}

/// How much of the path leads to the nearest position that may be null; nothing leads to `data` itself.
fn nullable_length(
    types: &FieldTypes,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    path: &[PathSegment],
) -> Option<usize> {
    let root = root(operation.ty).to_owned();
    let mut selected: Vec<(String, &SelectionSet)> = vec![(root, &operation.selection_set.node)];
    let mut current: Option<Type> = None;
    let mut length = 0;
    for (index, segment) in path.iter().enumerate() {
        let ty = match segment {
            PathSegment::Field(key) => {
                let mut found = Vec::new();
                for (parent, set) in &selected {
                    collect(document, parent, set, key, &mut found);
                }
                let (parent, field) = found.first()?;
                let of = types.of_field(parent, field.name.node.as_str())?;
                let name = of.innermost().to_owned();
                selected = found
                    .into_iter()
                    .map(|(_, field)| (name.clone(), &field.selection_set.node))
                    .collect();
                of.ty.clone()
            }
            PathSegment::Index(_) => match current?.base {
                BaseType::List(inner) => *inner,
                BaseType::Named(_) => return None,
            },
        };
        if ty.nullable {
            length = index + 1;
        }
        current = Some(ty);
    }
    Some(length)
}

/// The fields that answer under `key`, through fragments, each with the type that it is selected on.
fn collect<'d>(
    document: &'d ExecutableDocument,
    parent: &str,
    set: &'d SelectionSet,
    key: &str,
    found: &mut Vec<(String, &'d Field)>,
) {
    for Positioned { node, .. } in &set.items {
        match node {
            Selection::Field(field) if field.node.response_key().node.as_str() == key => {
                found.push((parent.to_owned(), &field.node));
            }
            Selection::Field(_) => {}
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let on = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                collect(document, on, &fragment.node.selection_set.node, key, found);
            }
            // INVARIANT: the document was validated, so fragments do not lead back to themselves.
            Selection::FragmentSpread(spread) => {
                let name: &Name = &spread.node.fragment_name.node;
                if let Some(fragment) = document.fragments.get(name) {
                    let on = fragment.node.type_condition.node.on.node.as_str();
                    collect(document, on, &fragment.node.selection_set.node, key, found);
                }
            }
        }
    }
}

fn put_null(data: &mut Value, path: &[PathSegment]) {
    let Some((last, way)) = path.split_last() else {
        *data = Value::Null;
        return;
    };
    let mut place = data;
    for segment in way {
        let next = match segment {
            PathSegment::Field(key) => place.get_mut(key.as_str()),
            PathSegment::Index(index) => place.get_mut(*index),
        };
        // An ancestor is null already.
        let Some(next) = next else { return };
        place = next;
    }
    match (last, place) {
        (PathSegment::Field(key), Value::Object(map)) => {
            map.insert(key.clone(), Value::Null);
        }
        (PathSegment::Index(index), Value::Array(items)) => {
            if let Some(item) = items.get_mut(*index) {
                *item = Value::Null;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    const SDL: &str = "type Query { kid: Kid! kidOpt: Kid kids: [Kid!]! some: [Kid]! hello: String! }
                       type Kid { id: Int! opt: Int must: Int! kid: Kid }";

    fn repaired(query: &str, mut data: Value, path: &[Value]) -> Value {
        let path: Vec<PathSegment> = path
            .iter()
            .map(|segment| match segment.as_u64() {
                Some(index) => PathSegment::Index(usize::try_from(index).expect("index")),
                None => PathSegment::Field(segment.as_str().expect("key").to_owned()),
            })
            .collect();
        let document = parse_query(query).expect("document");
        propagate(&mut data, &FieldTypes::of(SDL), &document, None, &path);
        data
    }

    #[test]
    fn null_stands_at_the_nearest_position_that_may_be_null() {
        let cases = [
            (
                "{hello kid{id opt}}",
                json!({"hello": 1, "kid": {"id": 1}}),
                json!(["kid", "opt"]),
                json!({"hello": 1, "kid": {"id": 1, "opt": null}}),
            ),
            (
                "{hello kid{id must}}",
                json!({"hello": 1, "kid": {"id": 1}}),
                json!(["kid", "must"]),
                json!(null),
            ),
            (
                "{hello kidOpt{id must}}",
                json!({"hello": 1, "kidOpt": {"id": 1}}),
                json!(["kidOpt", "must"]),
                json!({"hello": 1, "kidOpt": null}),
            ),
            (
                "{kids{id must}}",
                json!({"kids": [{"id": 1}, {"id": 2, "must": 2}]}),
                json!(["kids", 0, "must"]),
                json!(null),
            ),
            (
                "{some{id must}}",
                json!({"some": [{"id": 1}, {"id": 2, "must": 2}]}),
                json!(["some", 0, "must"]),
                json!({"some": [null, {"id": 2, "must": 2}]}),
            ),
            (
                "{a:kid{b:opt}}",
                json!({"a": {}}),
                json!(["a", "b"]),
                json!({"a": {"b": null}}),
            ),
            (
                "{kid{...F}} fragment F on Kid{kid{...on Kid{must}}}",
                json!({"kid": {"kid": {}}}),
                json!(["kid", "kid", "must"]),
                json!({"kid": {"kid": null}}),
            ),
        ];
        for (query, data, path, expected) in cases {
            let path = path.as_array().expect("path").clone();
            assert_eq!(repaired(query, data, &path), expected, "{query}");
        }
    }
}
