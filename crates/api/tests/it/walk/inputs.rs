//! What an operation is asked with: the arguments of its case as values, and what the schema says of each.

use std::collections::BTreeMap;

use async_graphql::{
    Name, Value,
    parser::{
        parse_query, parse_schema,
        types::{
            BaseType, DocumentOperations, InputValueDefinition, Selection, Type, TypeKind,
            TypeSystemDefinition,
        },
    },
};
use simpul_api::Surface;

/// Where a value stands: an argument, and fields below it.
pub(super) type Path = Vec<String>;

/// An argument, or a field of an input.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) name: String,
    /// The innermost type.
    pub(super) ty: String,
    pub(super) required: bool,
    list: bool,
}

impl Given {
    fn of(definition: &InputValueDefinition) -> Self {
        let ty = &definition.ty.node;
        Self {
            name: definition.name.node.to_string(),
            ty: innermost(ty).to_owned(),
            required: !ty.nullable && definition.default_value.is_none(),
            list: matches!(ty.base, BaseType::List(_)),
        }
    }

    /// Whether any text fits its type.
    pub(super) fn is_text(&self) -> bool {
        !self.list && ["String", "ID"].contains(&self.ty.as_str())
    }
}

fn innermost(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => innermost(inner),
    }
}

/// The inputs of a schema, and the arguments of its root fields.
pub(super) struct Inputs {
    inputs: BTreeMap<String, Vec<Given>>,
    arguments: BTreeMap<String, Vec<Given>>,
}

impl Inputs {
    pub(super) fn of(surface: Surface) -> Self {
        let document = parse_schema(simpul_api::sdl(surface)).expect("SDL");
        let (mut inputs, mut arguments) = (BTreeMap::new(), BTreeMap::new());
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node.to_string();
            match definition.node.kind {
                TypeKind::InputObject(input) => {
                    let fields = input.fields.iter().map(|field| Given::of(&field.node));
                    inputs.insert(name, fields.collect());
                }
                TypeKind::Object(object) => {
                    for field in object.fields {
                        let given = field.node.arguments.iter().map(|given| Given::of(&given.node));
                        let path = format!("{name}.{}", field.node.name.node);
                        arguments.insert(path, given.collect());
                    }
                }
                TypeKind::Scalar | TypeKind::Enum(_) | TypeKind::Interface(_) | TypeKind::Union(_) => {}
            }
        }
        Self { inputs, arguments }
    }

    /// Everything that can be said to a root field, such as `Mutation.routerRegister`.
    pub(super) fn paths(&self, operation: &str) -> Vec<(Path, Given)> {
        let mut paths = Vec::new();
        for given in self.arguments.get(operation).into_iter().flatten() {
            self.descend(std::slice::from_ref(&given.name), given, &mut paths);
        }
        paths
    }

    /// A filter has its own kind below it, which is not gone into again.
    fn descend(&self, path: &[String], given: &Given, paths: &mut Vec<(Path, Given)>) {
        let again = paths.iter().any(|(above, other)| {
            above.len() < path.len() && path.starts_with(above) && other.ty == given.ty
        });
        paths.push((path.to_vec(), given.clone()));
        if given.list || again {
            return;
        }
        for field in self.inputs.get(&given.ty).into_iter().flatten() {
            let below: Path = path.iter().cloned().chain([field.name.clone()]).collect();
            self.descend(&below, field, paths);
        }
    }
}

/// Arguments as values that can be changed.
#[derive(Debug, Clone)]
pub(super) struct Arguments(Vec<(String, Value)>);

impl Arguments {
    /// From `first: 10, filter: { … }`.
    pub(super) fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self(Vec::new());
        }
        let document = parse_query(format!("{{ f({text}) }}")).expect("arguments");
        let DocumentOperations::Single(operation) = document.operations else {
            return Self(Vec::new());
        };
        let selections = &operation.node.selection_set.node.items;
        let Some(Selection::Field(field)) = selections.first().map(|selection| &selection.node) else {
            return Self(Vec::new());
        };
        let arguments = field.node.arguments.iter();
        let named = arguments.map(|(name, value)| {
            let value = value.node.clone().into_const();
            (name.node.to_string(), value.expect("a case has no variables"))
        });
        Self(named.collect())
    }

    /// As they are written.
    pub(super) fn text(&self) -> String {
        let written = self.0.iter().map(|(name, value)| format!("{name}: {value}"));
        written.collect::<Vec<_>>().join(", ")
    }

    /// Without the value at the path; `None` when it is not given.
    pub(super) fn without(&self, path: &[String]) -> Option<Self> {
        let mut changed = self.clone();
        let (last, above) = path.split_last()?;
        match above.split_first() {
            None => {
                let before = changed.0.len();
                changed.0.retain(|(name, _)| name != last);
                (changed.0.len() < before).then_some(changed)
            }
            Some((argument, fields)) => {
                let object = changed.object(argument, fields)?;
                object.swap_remove(last.as_str())?;
                Some(changed)
            }
        }
    }

    /// With null at the path; `None` when what it belongs to is not given.
    pub(super) fn null(&self, path: &[String]) -> Option<Self> {
        self.put(path, Value::Null)
    }

    /// With another text at the path; `None` when what it belongs to is not given.
    pub(super) fn with(&self, path: &[String], value: &str) -> Option<Self> {
        self.put(path, Value::String(value.to_owned()))
    }

    fn put(&self, path: &[String], value: Value) -> Option<Self> {
        let mut changed = self.clone();
        let (last, above) = path.split_last()?;
        match above.split_first() {
            None => {
                changed.0.retain(|(name, _)| name != last);
                changed.0.push((last.clone(), value));
            }
            Some((argument, fields)) => {
                if fields.is_empty() && !changed.0.iter().any(|(name, _)| name == argument) {
                    changed.0.push((
                        argument.clone(),
                        Value::Object(async_graphql::indexmap::IndexMap::default()),
                    ));
                }
                changed.object(argument, fields)?.insert(Name::new(last), value);
            }
        }
        Some(changed)
    }

    fn object(
        &mut self,
        argument: &str,
        fields: &[String],
    ) -> Option<&mut async_graphql::indexmap::IndexMap<Name, Value>> {
        let (_, value) = self.0.iter_mut().find(|(name, _)| name == argument)?;
        let mut found = value;
        for field in fields {
            let Value::Object(object) = found else { return None };
            found = object.get_mut(field.as_str())?;
        }
        match found {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }
}
