//! Variables stand only where values of their types may (GraphQL specification, All Variable Usages Are Allowed).
//!
//! The engine has the rule and never asks it: its visitors are not told of the values that a document holds. Without it,
//! a document that works with today's values fails with tomorrow's.

use std::collections::HashSet;

use async_graphql::{
    Pos, Positioned, ServerError,
    parser::types::{
        BaseType, Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet, Type,
        VariableDefinition,
    },
};
use async_graphql_value::{ConstValue, Name, Value};

use crate::graphql::{FieldTypes, MAX_ERRORS, Place, Places, root};

/// The variables that stand where their types do not fit, with where each is declared and used; as many as an answer
/// shows, as they are kept with the document. INVARIANT: the guard has admitted it, so the walk is short. What the schema
/// does not have is the validator's to refuse.
pub(super) fn misplaced(types: &FieldTypes, document: &ExecutableDocument) -> Vec<ServerError> {
    let mut misplaced = Vec::new();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        let mut walk = Walk {
            types,
            document,
            operation,
            fragments: HashSet::new(),
            misplaced,
        };
        walk.directives(&operation.directives);
        walk.set(root(operation.ty), &operation.selection_set.node);
        misplaced = walk.misplaced;
    }
    misplaced
}

struct Walk<'w> {
    types: &'w FieldTypes,
    document: &'w ExecutableDocument,
    operation: &'w OperationDefinition,
    /// Those that were walked: what a fragment asks of variables does not depend on where it is spread.
    fragments: HashSet<&'w str>,
    misplaced: Vec<ServerError>,
}

impl<'w> Walk<'w> {
    fn set(&mut self, parent: &'w str, set: &'w SelectionSet) {
        for Positioned { node, .. } in &set.items {
            match node {
                Selection::Field(field) => self.field(parent, &field.node),
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    self.directives(&fragment.directives);
                    let on = fragment.type_condition.as_ref();
                    let on = on.map_or(parent, |condition| condition.node.on.node.as_str());
                    self.set(on, &fragment.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    self.directives(&spread.node.directives);
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name)
                        && self.fragments.insert(name.as_str())
                    {
                        self.directives(&fragment.node.directives);
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        self.set(on, &fragment.node.selection_set.node);
                    }
                }
            }
        }
    }

    fn field(&mut self, parent: &str, field: &'w Field) {
        self.directives(&field.directives);
        let types = self.types;
        if let Some(ty) = types.of_field(parent, &field.name.node) {
            self.arguments(&ty.arguments, &field.arguments);
            self.set(ty.innermost(), &field.selection_set.node);
        }
    }

    fn directives(&mut self, directives: &[Positioned<Directive>]) {
        let types = self.types;
        for Positioned { node, .. } in directives {
            if let Some(places) = types.of_directive(&node.name.node) {
                self.arguments(places, &node.arguments);
            }
        }
    }

    fn arguments(&mut self, places: &Places, arguments: &[(Positioned<Name>, Positioned<Value>)]) {
        for (name, value) in arguments {
            if let Some(place) = places.get(name.node.as_str()) {
                self.placed(place, &value.node, value.pos);
            }
        }
    }

    fn placed(&mut self, place: &Place, value: &Value, at: Pos) {
        self.value(&place.ty, place.has_default, value, at);
    }

    /// `at`: where the argument is that it is in.
    fn value(&mut self, ty: &Type, has_default: bool, value: &Value, at: Pos) {
        match (value, &ty.base) {
            (Value::Variable(name), _) => self.variable(ty, has_default, name, at),
            // An item of a list has no default.
            (Value::List(items), BaseType::List(of)) => {
                for item in items {
                    self.value(of, false, item, at);
                }
            }
            // One value stands for a list of it.
            (Value::Object(_), BaseType::List(of)) => self.value(of, false, value, at),
            (Value::Object(fields), BaseType::Named(name)) => {
                let types = self.types;
                let Some(places) = types.of_input(name) else {
                    return;
                };
                for (name, value) in fields {
                    if let Some(place) = places.get(name.as_str()) {
                        self.placed(place, value, at);
                    }
                }
            }
            _ => {}
        }
    }

    fn variable(&mut self, expected: &Type, has_default: bool, name: &Name, at: Pos) {
        if self.misplaced.len() >= MAX_ERRORS {
            return;
        }
        let mut definitions = self.operation.variable_definitions.iter();
        let Some(definition) = definitions.find(|definition| definition.node.name.node == *name) else {
            return;
        };
        if is_allowed(&definition.node, expected, has_default) {
            return;
        }
        let ty = &definition.node.var_type.node;
        let text =
            format!("Variable \"${name}\" of type \"{ty}\" used in position expecting type \"{expected}\"");
        let mut error = ServerError::new(text, Some(definition.pos));
        error.locations.push(at);
        self.misplaced.push(error);
    }
}

/// Where null may not stand, a variable that may be null may, once a default takes its place.
fn is_allowed(definition: &VariableDefinition, place: &Type, has_default: bool) -> bool {
    let ty = &definition.var_type.node;
    let default = definition.default_value.as_ref().map(|default| &default.node);
    if has_default || default.is_some_and(|default| *default != ConstValue::Null) {
        fits_base(&ty.base, &place.base)
    } else {
        fits(ty, place)
    }
}

fn fits(ty: &Type, place: &Type) -> bool {
    (place.nullable || !ty.nullable) && fits_base(&ty.base, &place.base)
}

fn fits_base(ty: &BaseType, place: &BaseType) -> bool {
    match (ty, place) {
        (BaseType::Named(ty), BaseType::Named(place)) => ty == place,
        (BaseType::List(ty), BaseType::List(place)) => fits(ty, place),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    const SDL: &str = "
        directive @include(if: Boolean!) on FIELD
        schema { query: Query }
        input In { must: Int!, may: Int, kept: Int! = 1, deep: In, many: [Int!] }
        interface Thing { of(n: Int!): Thing }
        type Query {
            must(n: Int!): Int
            may(n: Int): Int
            kept(n: Int! = 1): Int
            many(ns: [Int!]): Int
            loose(ns: [Int]): Int
            in(input: In!): Int
            ins(inputs: [In!]!): Int
            thing: Thing
        }";

    fn refused(document: &str) -> Vec<String> {
        let document = parse_query(document).expect("a document");
        let misplaced = misplaced(&FieldTypes::of(SDL), &document);
        misplaced.into_iter().map(|error| error.message).collect()
    }

    #[test]
    fn variables_stand_where_their_types_fit() {
        for document in [
            "query($n:Int!){must(n:$n) may(n:$n) kept(n:$n) loose(ns:[$n 1]) many(ns:[$n])}",
            "query($n:Int=1){must(n:$n) may(n:$n) in(input:{must:$n})}",
            "query($n:Int){may(n:$n) kept(n:$n) loose(ns:[$n]) in(input:{must:1 may:$n kept:$n})}",
            "query($n:[Int!]!){many(ns:$n) loose(ns:$n) in(input:{must:1 many:$n})}",
            "query($n:[Int!]){many(ns:$n)}",
            "query($i:In!){in(input:$i) ins(inputs:[$i {must:1 deep:$i}])}",
            "query($i:[In!]!){ins(inputs:$i)}",
            "query($b:Boolean!){may @include(if:$b)}",
            "query($b:Boolean=false){may @include(if:$b)}",
            "query($n:Int!){thing{...F}} fragment F on Thing{of(n:$n){...{of(n:$n){__typename}}}}",
            // Whatever the schema does not have, and a variable that nobody declares, has rules of its own.
            "query($n:String){must(m:$n) nothing(n:$n) in(input:{other:$n}) may @other(n:$n)}",
            "{must(n:$n)}",
        ] {
            assert_eq!(refused(document), [""; 0], "{document}");
        }
    }

    #[test]
    fn variables_are_refused_where_their_types_do_not_fit() {
        for (document, ty, place) in [
            ("query($n:Int){must(n:$n)}", "Int", "Int!"),
            ("query($n:Int=null){must(n:$n)}", "Int", "Int!"),
            ("query($n:Float!){must(n:$n)}", "Float!", "Int!"),
            ("query($n:Float=1){may(n:$n)}", "Float", "Int"),
            ("query($n:Int!){many(ns:$n)}", "Int!", "[Int!]"),
            ("query($n:[Int!]!){must(n:$n)}", "[Int!]!", "Int!"),
            ("query($n:[Int]!){many(ns:$n)}", "[Int]!", "[Int!]"),
            ("query($n:[Int]=[1]){many(ns:$n)}", "[Int]", "[Int!]"),
            ("query($n:Int){many(ns:[1 $n])}", "Int", "Int!"),
            ("query($n:Int){in(input:{must:$n})}", "Int", "Int!"),
            ("query($n:Int){in(input:{must:1 deep:{must:$n}})}", "Int", "Int!"),
            ("query($n:Int){ins(inputs:{must:$n})}", "Int", "Int!"),
            ("query($n:Int){ins(inputs:[{must:1 many:[$n]}])}", "Int", "Int!"),
            ("query($n:String){kept(n:$n)}", "String", "Int!"),
            ("query($b:Boolean){may @include(if:$b)}", "Boolean", "Boolean!"),
            (
                "query($b:Boolean){...F@include(if:$b)} fragment F on Query{may}",
                "Boolean",
                "Boolean!",
            ),
            (
                "query($b:Boolean){...@include(if:$b){may}}",
                "Boolean",
                "Boolean!",
            ),
            (
                "query($n:Int){...F} fragment F on Query{...G} fragment G on Query{must(n:$n)}",
                "Int",
                "Int!",
            ),
            (
                "query A($n:Int!){thing{...{of(n:$n){...on Thing{of(n:1){...F}}}}}} fragment F on Thing{of(n:$n){__typename}} query B($n:Int){thing{...F}}",
                "Int",
                "Int!",
            ),
        ] {
            let name = if document.contains("$b") { "b" } else { "n" };
            let expected =
                format!("Variable \"${name}\" of type \"{ty}\" used in position expecting type \"{place}\"");
            assert_eq!(refused(document), [expected], "{document}");
        }
    }

    #[test]
    fn no_more_are_kept_than_an_answer_shows() {
        let document = format!("query($n:Int){{{}}}", "must(n:$n) ".repeat(MAX_ERRORS + 1));
        assert_eq!(refused(&document).len(), MAX_ERRORS);
    }

    #[test]
    fn each_misplaced_variable_is_shown_where_it_is_declared_and_used() {
        let text = "query(\n  $n: Int\n  $s: String!\n) {\n  must(n: $n)\n  in(input: { must: $s })\n}";
        let document = parse_query(text).expect("a document");
        let misplaced = misplaced(&FieldTypes::of(SDL), &document);
        let places = |error: &ServerError| {
            let at = |pos: &Pos| (pos.line, pos.column);
            error.locations.iter().map(at).collect::<Vec<_>>()
        };
        let places: Vec<_> = misplaced.iter().map(places).collect();
        assert_eq!(places, [[(2, 3), (5, 11)], [(3, 3), (6, 13)]]);
    }
}
