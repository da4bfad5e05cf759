//! An SDL as coordinates.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::{
    Name, Positioned, Value,
    parser::{
        Error, parse_schema,
        types::{
            BaseType, ConstDirective, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind,
            TypeSystemDefinition,
        },
    },
};

/// What a field counts that says nothing of it.
const USUAL_WEIGHT: u64 = 1;

/// Everything that a schema promises, by its coordinate. A member of a union or an interface is `Union.Member`.
#[derive(Debug, Clone, Default)]
pub struct Contract(BTreeMap<String, Element>);

/// One thing that a client can rely on.
#[derive(Debug, Clone)]
pub(super) struct Element {
    pub(super) part: Part,
    /// What it is a part of: without one of these nobody misses it, and nobody is surprised by it.
    pub(super) parents: Vec<String>,
    /// The reason of its `@deprecated`.
    pub(super) deprecated: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) enum Part {
    Type(&'static str),
    Field {
        ty: Type,
        /// Any of them will do; none is needed where there are none.
        permission: BTreeSet<String>,
        weight: u64,
    },
    /// An argument, or a field of an input.
    Input {
        ty: Type,
        default: Option<String>,
        weight: u64,
    },
    Value,
    /// An object of a union or an interface.
    Member,
}

impl Contract {
    /// Of an SDL.
    pub fn read(sdl: &str) -> Result<Self, Error> {
        let mut contract = Self::default();
        for definition in parse_schema(sdl)?.definitions {
            if let TypeSystemDefinition::Type(definition) = definition {
                contract.add_type(&definition.node);
            }
        }
        Ok(contract)
    }

    pub(super) fn get(&self, coordinate: &str) -> Option<&Element> {
        self.0.get(coordinate)
    }

    pub(super) fn has(&self, coordinate: &str) -> bool {
        self.0.contains_key(coordinate)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Element)> {
        self.0
            .iter()
            .map(|(coordinate, element)| (coordinate.as_str(), element))
    }

    /// What this has and the other has not, parts of what is missing there altogether left out.
    pub(super) fn without<'c>(&'c self, other: &'c Self) -> impl Iterator<Item = (&'c str, &'c Element)> {
        self.iter().filter(|(coordinate, element)| {
            !other.has(coordinate) && element.parents.iter().all(|parent| other.has(parent))
        })
    }

    fn add(
        &mut self,
        coordinate: String,
        part: Part,
        parents: Vec<String>,
        directives: &[Positioned<ConstDirective>],
    ) {
        let deprecated = argument(directives, "deprecated", "reason").map(text);
        let element = Element {
            part,
            parents,
            deprecated: deprecated.or_else(|| directive(directives, "deprecated").map(|_| String::new())),
        };
        self.0.insert(coordinate, element);
    }

    fn add_type(&mut self, definition: &TypeDefinition) {
        let name = definition.name.node.as_str();
        let kind = match &definition.kind {
            TypeKind::Scalar => "scalar",
            TypeKind::Object(object) => {
                self.add_fields(name, &object.implements, &object.fields);
                "type"
            }
            TypeKind::Interface(interface) => {
                self.add_fields(name, &interface.implements, &interface.fields);
                "interface"
            }
            TypeKind::Union(union) => {
                for member in &union.members {
                    self.add(
                        format!("{name}.{}", member.node),
                        Part::Member,
                        vec![name.to_owned()],
                        &[],
                    );
                }
                "union"
            }
            TypeKind::Enum(values) => {
                for value in values.values.iter().map(|value| &value.node) {
                    let coordinate = format!("{name}.{}", value.value.node);
                    self.add(coordinate, Part::Value, vec![name.to_owned()], &value.directives);
                }
                "enum"
            }
            TypeKind::InputObject(input) => {
                for field in input.fields.iter().map(|field| &field.node) {
                    self.add_input(format!("{name}.{}", field.name.node), name, field);
                }
                "input"
            }
        };
        self.add(
            name.to_owned(),
            Part::Type(kind),
            Vec::new(),
            &definition.directives,
        );
    }

    fn add_fields(
        &mut self,
        object: &str,
        implements: &[Positioned<Name>],
        fields: &[Positioned<FieldDefinition>],
    ) {
        for interface in implements.iter().map(|interface| interface.node.as_str()) {
            let parents = vec![interface.to_owned(), object.to_owned()];
            self.add(format!("{interface}.{object}"), Part::Member, parents, &[]);
        }
        for field in fields.iter().map(|field| &field.node) {
            let coordinate = format!("{object}.{}", field.name.node);
            for argument in field.arguments.iter().map(|argument| &argument.node) {
                let argument_coordinate = format!("{coordinate}({}:)", argument.name.node);
                self.add_input(argument_coordinate, &coordinate, argument);
            }
            let part = Part::Field {
                ty: field.ty.node.clone(),
                permission: permission(&field.directives),
                weight: weight(&field.directives),
            };
            self.add(coordinate, part, vec![object.to_owned()], &field.directives);
        }
    }

    fn add_input(&mut self, coordinate: String, parent: &str, input: &InputValueDefinition) {
        let default = input.default_value.as_ref();
        let part = Part::Input {
            ty: input.ty.node.clone(),
            default: default.map(|value| value.node.to_string()),
            weight: weight(&input.directives),
        };
        self.add(coordinate, part, vec![parent.to_owned()], &input.directives);
    }
}

impl Element {
    /// The type that it leads to.
    pub(super) fn leads_to(&self) -> Option<&str> {
        match &self.part {
            Part::Field { ty, .. } | Part::Input { ty, .. } => Some(innermost(ty)),
            Part::Type(_) | Part::Value | Part::Member => None,
        }
    }
}

fn innermost(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => innermost(inner),
    }
}

fn directive<'d>(directives: &'d [Positioned<ConstDirective>], name: &str) -> Option<&'d ConstDirective> {
    let mut directives = directives.iter().map(|directive| &directive.node);
    directives.find(|directive| directive.name.node == name)
}

fn argument<'d>(directives: &'d [Positioned<ConstDirective>], name: &str, of: &str) -> Option<&'d Value> {
    let argument = directive(directives, name)?.get_argument(of);
    argument.map(|value| &value.node)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn permission(directives: &[Positioned<ConstDirective>]) -> BTreeSet<String> {
    match argument(directives, "permission", "any") {
        Some(Value::List(names)) => names.iter().map(text).collect(),
        Some(name) => BTreeSet::from([text(name)]),
        None => BTreeSet::new(),
    }
}

fn weight(directives: &[Positioned<ConstDirective>]) -> u64 {
    match argument(directives, "cost", "weight") {
        Some(Value::Number(weight)) => weight.as_u64().unwrap_or(u64::MAX),
        _ => USUAL_WEIGHT,
    }
}
