//! What the schema says of its own fields, for whatever must know a type outside of the engine: the price of an
//! operation and the place of a null.

use std::collections::{BTreeSet, HashMap};

use async_graphql::{
    Positioned,
    parser::{
        parse_schema,
        types::{
            BaseType, FieldDefinition, InputValueDefinition, OperationType, Type, TypeKind,
            TypeSystemDefinition,
        },
    },
};

/// The type of every field and of every place for a value, and what stands behind every interface and union.
#[derive(Debug, Clone, Default)]
pub(crate) struct FieldTypes {
    /// By type and field name.
    fields: HashMap<String, HashMap<String, FieldType>>,
    /// Objects, by the interface or union that they belong to.
    members: HashMap<String, BTreeSet<String>>,
    /// Fields of input objects, by type.
    inputs: HashMap<String, Places>,
    /// Arguments of directives, by directive.
    directives: HashMap<String, Places>,
    /// Every field as `Type.field`, by its number.
    coordinates: Vec<String>,
}

/// Where values go, by name.
pub(crate) type Places = HashMap<String, Place>;

/// An argument, or a field of an input object.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) ty: Type,
    /// Whether there is a value for it when none is given.
    pub(crate) has_default: bool,
}

/// One field.
#[derive(Debug, Clone)]
pub(crate) struct FieldType {
    pub(crate) ty: Type,
    pub(crate) arguments: Places,
    /// Which of all fields it is.
    pub(crate) number: usize,
    /// Whether it takes `first`.
    page: bool,
}

impl FieldType {
    pub(crate) fn innermost(&self) -> &str {
        innermost(&self.ty)
    }
}

impl FieldTypes {
    /// From the schema itself. Empty when it cannot be read, which the tests rule out.
    pub(crate) fn of(sdl: &str) -> Self {
        let mut types = Self::default();
        for definition in parse_schema(sdl)
            .map(|document| document.definitions)
            .unwrap_or_default()
        {
            let definition = match definition {
                TypeSystemDefinition::Type(definition) => definition,
                TypeSystemDefinition::Directive(directive) => {
                    let name = directive.node.name.node.to_string();
                    types.directives.insert(name, places(directive.node.arguments));
                    continue;
                }
                TypeSystemDefinition::Schema(_) => continue,
            };
            let name = definition.node.name.node.to_string();
            let fields = match definition.node.kind {
                TypeKind::Object(object) => {
                    for interface in object.implements {
                        types.join(interface.node.as_str(), &name);
                    }
                    object.fields
                }
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::Union(union) => {
                    for member in union.members {
                        types.join(&name, member.node.as_str());
                    }
                    continue;
                }
                TypeKind::InputObject(input) => {
                    types.inputs.insert(name, places(input.fields));
                    continue;
                }
                TypeKind::Scalar | TypeKind::Enum(_) => continue,
            };
            for field in fields {
                types.add(&name, field.node);
            }
        }
        types
    }

    fn add(&mut self, parent: &str, field: FieldDefinition) {
        let arguments = places(field.arguments);
        let field_type = FieldType {
            ty: field.ty.node,
            number: self.coordinates.len(),
            page: arguments.contains_key("first"),
            arguments,
        };
        let name = field.name.node.to_string();
        self.coordinates.push(format!("{parent}.{name}"));
        let fields = self.fields.entry(parent.to_owned()).or_default();
        fields.insert(name, field_type);
    }

    /// Every field as `Type.field`, by its number.
    pub(crate) fn coordinates(&self) -> &[String] {
        &self.coordinates
    }

    /// The field with a number, as `Type.field`.
    pub(crate) fn coordinate(&self, number: usize) -> &str {
        self.coordinates.get(number).map_or("", String::as_str)
    }

    fn join(&mut self, group: &str, member: &str) {
        let members = self.members.entry(group.to_owned()).or_default();
        members.insert(member.to_owned());
    }

    /// What an object of this type can be: one of the members, or itself.
    pub(crate) fn possible<'t>(&'t self, ty: &'t str) -> impl Iterator<Item = &'t str> {
        let members = self.members.get(ty);
        let itself = members.is_none().then_some(ty);
        members.into_iter().flatten().map(String::as_str).chain(itself)
    }

    /// Whether what is selected on a type is selected of this object.
    pub(crate) fn applies(&self, on: &str, object: &str) -> bool {
        on == object
            || self
                .members
                .get(on)
                .is_some_and(|members| members.contains(object))
    }

    pub(crate) fn of_field(&self, parent: &str, field: &str) -> Option<&FieldType> {
        self.fields.get(parent)?.get(field)
    }

    /// The fields of an input object.
    pub(crate) fn of_input(&self, ty: &str) -> Option<&Places> {
        self.inputs.get(ty)
    }

    /// The arguments of a directive.
    pub(crate) fn of_directive(&self, name: &str) -> Option<&Places> {
        self.directives.get(name)
    }

    /// Whether the field takes `first`.
    pub(crate) fn is_page(&self, parent: &str, field: &str) -> bool {
        self.of_field(parent, field).is_some_and(|field| field.page)
    }

    /// Whether the field is a list whose length its page does not say.
    pub(crate) fn is_list(&self, parent: &str, field: &str) -> bool {
        let is_list = |field: &FieldType| matches!(field.ty.base, BaseType::List(_));
        !parent.ends_with("Connection") && self.of_field(parent, field).is_some_and(is_list)
    }
}

/// Name of the type behind an operation. That of subscriptions is not `Subscription`, which is a service line.
pub(crate) const fn root(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Live",
    }
}

fn places(definitions: Vec<Positioned<InputValueDefinition>>) -> Places {
    let place = |definition: Positioned<InputValueDefinition>| {
        let definition = definition.node;
        let place = Place {
            ty: definition.ty.node,
            has_default: definition.default_value.is_some(),
        };
        (definition.name.node.to_string(), place)
    };
    definitions.into_iter().map(place).collect()
}

fn innermost(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => innermost(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::weights::{LISTS, longest},
        *,
    };
    use crate::Surface;

    #[test]
    fn every_list_of_every_schema_is_weighed() {
        let schemas = Surface::ALL.map(|surface| FieldTypes::of(&crate::graphql::sdl(surface)));
        let mut unweighed = Vec::new();
        for types in &schemas {
            let fields = types
                .fields
                .iter()
                .flat_map(|(parent, fields)| fields.keys().map(move |name| (parent, name)));
            let lists = fields.filter(|(parent, name)| types.is_list(parent, name));
            let lists = lists.filter(|(parent, name)| longest(parent, name).is_none());
            unweighed.extend(lists.map(|(parent, name)| format!("{parent}.{name}")));
        }
        unweighed.sort();
        assert_eq!(unweighed, Vec::<String>::new(), "not in LISTS");
        let is_list = |parent: &str, name: &str| schemas.iter().any(|types| types.is_list(parent, name));
        let gone = LISTS
            .iter()
            .filter(|(parent, name, _)| *parent != "*" && !is_list(parent, name));
        assert_eq!(
            gone.collect::<Vec<_>>(),
            Vec::<&(&str, &str, u64)>::new(),
            "no lists any more"
        );
    }
}
