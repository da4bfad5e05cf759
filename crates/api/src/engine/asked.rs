//! Which fields of the schema an operation asks for: each once, whatever it is called, and of the type that it is
//! selected on.

use std::collections::{BTreeSet, HashSet};

use async_graphql::{
    Name,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};

use crate::graphql::{FieldTypes, root};

/// The numbers of the fields, by operation.
#[derive(Debug)]
pub(super) struct Asked(Vec<(Option<Name>, Box<[usize]>)>);

impl Asked {
    pub(super) fn of(types: &FieldTypes, document: &ExecutableDocument) -> Self {
        let operations = document.operations.iter().map(|(name, operation)| {
            let mut walk = Walk {
                types,
                document,
                fragments: HashSet::new(),
                fields: BTreeSet::new(),
            };
            walk.set(root(operation.node.ty), &operation.node.selection_set.node);
            (name.cloned(), walk.fields.into_iter().collect())
        });
        Self(operations.collect())
    }

    /// Of the operation with this name; without one, of the only operation.
    pub(super) fn by(&self, name: Option<&str>) -> &[usize] {
        let mut operations = self.0.iter();
        let is_meant = |known: &Option<Name>| name.is_none() || known.as_deref() == name;
        operations
            .find(|(known, _)| is_meant(known))
            .map_or(&[], |(_, fields)| fields)
    }
}

struct Walk<'w> {
    types: &'w FieldTypes,
    document: &'w ExecutableDocument,
    /// Those that were walked: the type of a fragment does not depend on where it is spread.
    fragments: HashSet<&'w str>,
    fields: BTreeSet<usize>,
}

impl<'w> Walk<'w> {
    fn set(&mut self, parent: &'w str, set: &'w SelectionSet) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    if let Some(ty) = self.types.of_field(parent, &field.name.node) {
                        self.fields.insert(ty.number);
                        self.set(ty.innermost(), &field.selection_set.node);
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let on = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                    self.set(on, &fragment.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    if let Some(fragment) = self.document.fragments.get(name)
                        && self.fragments.insert(name)
                    {
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        self.set(on, &fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn fields_are_asked_for_once_and_of_the_type_they_are_selected_on() {
        let types = FieldTypes::of(
            "type Query { a: A n: N u: U } interface N { id: Int } \
             type A implements N { id: Int a: A } type B { b: Int } union U = A | B",
        );
        let asked = |document: &str, name: Option<&str>| {
            let document = parse_query(document).expect("a document");
            let asked = Asked::of(&types, &document);
            let fields = asked
                .by(name)
                .iter()
                .map(|&field| types.coordinate(field).to_owned());
            fields.collect::<BTreeSet<String>>()
        };
        let set = |names: &[&str]| {
            names
                .iter()
                .map(|&name| name.to_owned())
                .collect::<BTreeSet<String>>()
        };
        let aliased = "{ x: a { id y: id __typename } nobody z: a { a { id } } }";
        assert_eq!(asked(aliased, None), set(&["Query.a", "A.id", "A.a"]));
        assert_eq!(
            asked("{ n { id ... on A { a { id } } } }", None),
            set(&["Query.n", "N.id", "A.a", "A.id"])
        );
        let spread = "query P { u { ...F } } query Q { u { ... on B { b } } a { ...F } } \
                      fragment F on A { a { ...F id } }";
        assert_eq!(asked(spread, Some("P")), set(&["Query.u", "A.a", "A.id"]));
        assert_eq!(
            asked(spread, Some("Q")),
            set(&["Query.u", "B.b", "Query.a", "A.a", "A.id"])
        );
        assert_eq!(asked(spread, Some("R")), set(&[]));
    }
}
