//! What an operation would cost, from the schema's own types, before anything runs (`facts/graphql.md` 5.5).
//!
//! A value of its own row is free, an object is one point, a command ten. What is inside of a list counts as often
//! as the list can be long: `first` of a page, the number of `ids`, else [`longest`]. Of the objects behind an interface
//! the dearest counts, with all that is selected on any type that it has.

use std::collections::BTreeMap;

use async_graphql::{
    Positioned, Value as Literal,
    parser::types::{
        ExecutableDocument, Field, FragmentDefinition, FragmentSpread, OperationDefinition, OperationType,
        Selection, SelectionSet,
    },
};
use serde_json::{Map, Value};

use super::guard::fields;
use crate::graphql::{
    COMMAND, COUNT, FieldTypes, MAX_FIRST, OBJECT, SEARCH, SEARCHED_BY, STREAM, longest, root, surcharge,
};

/// The whole schema, and one type of it.
const SCHEMA: u64 = 500;
const SCHEMA_TYPE: u64 = 50;
/// Rows of a page that does not say how many.
const DEFAULT_FIRST: u64 = 50;
/// A list that nobody has weighed; the tests allow none.
const UNKNOWN_LIST: u64 = 100;

/// Points of an operation. INVARIANT: the guard has admitted the document, so the walk is short.
pub(super) fn cost(
    types: &FieldTypes,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Map<String, Value>,
) -> u64 {
    let each = match operation.ty {
        OperationType::Query => 0,
        OperationType::Mutation => COMMAND,
        OperationType::Subscription => STREAM,
    };
    let pricing = Pricing {
        types,
        document,
        operation,
        variables,
    };
    let set = &operation.selection_set.node;
    let roots = u64::try_from(fields(document, set).len()).unwrap_or(u64::MAX);
    let extra = roots.saturating_mul(each);
    pricing.set(root(operation.ty), set).saturating_add(extra)
}

struct Pricing<'p> {
    types: &'p FieldTypes,
    document: &'p ExecutableDocument,
    operation: &'p OperationDefinition,
    variables: &'p Map<String, Value>,
}

impl<'p> Pricing<'p> {
    /// An unknown fragment is the validator's to refuse.
    fn fragment(&self, spread: &FragmentSpread) -> Option<&'p FragmentDefinition> {
        let fragment = self.document.fragments.get(&spread.fragment_name.node);
        fragment.map(|fragment| &fragment.node)
    }

    fn set(&self, parent: &str, set: &SelectionSet) -> u64 {
        let mut common: u64 = 0;
        let mut some: BTreeMap<&str, u64> = BTreeMap::new();
        for Positioned { node, .. } in &set.items {
            let (on, below) = match node {
                Selection::Field(field) => {
                    common = common.saturating_add(self.field(parent, &field.node));
                    continue;
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let on = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                    (on, &fragment.node.selection_set.node)
                }
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.fragment(&spread.node) else {
                        continue;
                    };
                    let on = fragment.type_condition.node.on.node.as_str();
                    (on, &fragment.selection_set.node)
                }
            };
            let cost = self.set(on, below);
            let sum = if on == parent {
                &mut common
            } else {
                some.entry(on).or_default()
            };
            *sum = sum.saturating_add(cost);
        }
        let of = |object: &str| {
            let selected = some.iter().filter(|(on, _)| self.types.applies(on, object));
            selected.fold(0, |sum: u64, (_, cost)| sum.saturating_add(*cost))
        };
        let dearest = self.types.possible(parent).map(of).max();
        common.saturating_add(dearest.unwrap_or(0))
    }

    fn field(&self, parent: &str, field: &Field) -> u64 {
        let name = field.name.node.as_str();
        match name {
            "__schema" => return SCHEMA,
            "__type" => return SCHEMA_TYPE,
            _ => {}
        }
        // An unknown field is the validator's to refuse.
        let Some(ty) = self.types.of_field(parent, name) else {
            return 0;
        };
        let set = &field.selection_set.node;
        let one = if set.items.is_empty() {
            0
        } else {
            OBJECT.saturating_add(self.set(ty.innermost(), set))
        };
        let searched = self
            .argument(field, SEARCHED_BY)
            .is_some_and(|term| term != Value::Null);
        let sought = if searched { SEARCH } else { 0 };
        self.times(parent, field)
            .saturating_mul(one)
            .saturating_add(sought)
            .saturating_add(self.surcharge(parent, name, ty.innermost(), set))
    }

    /// What is reckoned for the field besides its objects.
    fn surcharge(&self, parent: &str, name: &str, ty: &str, set: &SelectionSet) -> u64 {
        let counts = || {
            fields(self.document, set)
                .iter()
                .any(|field| field.name.node == COUNT)
        };
        let counted = if self.types.is_page(parent, name) && counts() {
            surcharge(ty, COUNT)
        } else {
            0
        };
        let own = if name == COUNT { 0 } else { surcharge(parent, name) };
        own.saturating_add(counted)
    }

    fn times(&self, parent: &str, field: &Field) -> u64 {
        let name = field.name.node.as_str();
        if self.types.is_page(parent, name) {
            let given = |name| self.argument(field, name)?.as_i64();
            return given("first")
                .or_else(|| given("last"))
                .map_or(DEFAULT_FIRST, |wanted| u64::try_from(wanted).unwrap_or(0))
                .clamp(1, MAX_FIRST.unsigned_abs().into());
        }
        if !self.types.is_list(parent, name) {
            return 1;
        }
        if let Some(Value::Array(ids)) = self.argument(field, "ids") {
            return u64::try_from(ids.len()).unwrap_or(u64::MAX);
        }
        longest(parent, name).unwrap_or(UNKNOWN_LIST)
    }

    /// The value of an argument, variables and their defaults filled in.
    fn argument(&self, field: &Field, name: &str) -> Option<Value> {
        let value = field.get_argument(name)?;
        let filled: Result<_, ()> = value.node.clone().into_const_with(|variable| {
            let given = self.variables.get(variable.as_str()).cloned();
            let defined = self.operation.variable_definitions.iter();
            let default = || {
                let of = |definition: &&Positioned<_>| name_of(definition) == variable.as_str();
                let definition = defined.clone().find(of)?;
                definition
                    .node
                    .default_value
                    .as_ref()?
                    .node
                    .clone()
                    .into_json()
                    .ok()
            };
            let value = given.or_else(default).unwrap_or_default();
            Ok(Literal::from_json(value).unwrap_or_default())
        });
        filled.ok()?.into_json().ok()
    }
}

fn name_of(definition: &Positioned<async_graphql::parser::types::VariableDefinition>) -> &str {
    definition.node.name.node.as_str()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;
    use crate::engine::guard::operation;

    static TYPES: LazyLock<FieldTypes> =
        LazyLock::new(|| FieldTypes::of(&crate::graphql::sdl(crate::Surface::Staff)));

    fn price(document: &str, variables: Value) -> u64 {
        let document = parse_query(document).expect("a document");
        let Value::Object(variables) = variables else {
            return 0;
        };
        let operation = operation(&document, None).expect("an operation");
        cost(&TYPES, &document, operation, &variables)
    }

    #[test]
    fn lists_multiply_what_is_inside() {
        for (document, variables, points) in [
            ("{__typename}", json!({}), 0),
            ("{viewer{user{id}}}", json!({}), 2),
            ("{invoices{nodes{id}}}", json!({}), 100),
            ("{invoices(first:0){nodes{id}}}", json!({}), 2),
            ("{invoices(first:10){totalCount nodes{id}}}", json!({}), 25),
            ("{invoices(first:0){...{...F}}} fragment F on InvoiceConnection{a:totalCount totalCountIsExact}", json!({}), 6),
            ("{paymentTotals{balanced}}", json!({}), 51),
            ("{invoices(first:10){nodes{id customer{id}}}}", json!({}), 30),
            ("{invoices(last:10){nodes{id customer{id}}}}", json!({}), 30),
            ("query($s:String){customers(first:10,search:$s){nodes{id}}}", json!({}), 20),
            ("query($s:String){customers(first:10,search:$s){nodes{id}}}", json!({"s": "siti"}), 30),
            (
                "query($n:Int){invoices(first:$n){nodes{id}}}",
                json!({"n": 7}),
                14,
            ),
            ("query($n:Int=3){invoices(first:$n){nodes{id}}}", json!({}), 6),
            ("{invoices(first:2000000){nodes{id}}}", json!({}), 200),
            ("{invoices(first:-5){edges{node{id}}}}", json!({}), 3),
            (
                "{...F} fragment F on Query{invoices(first:10){nodes{...on Invoice{lines{amount{amount}}}}}}",
                json!({}),
                10 * (1 + 1 + 20 * 2),
            ),
            (
                "query($i:[ID!]!){nodes(ids:$i){... on Invoice{customer{id}} ... on Message{customer{id} id}}}",
                json!({"i": ["a", "b", "c"]}),
                6,
            ),
            ("mutation{invoiceVoid(input:{}){userErrors{code}}}", json!({}), 21),
            (
                "mutation{...F ...on Mutation{c:invoiceVoid(input:{}){__typename}}}
                 fragment F on Mutation{a:invoiceVoid(input:{}){__typename} ...G}
                 fragment G on Mutation{b:invoiceVoid(input:{}){__typename}}",
                json!({}),
                3 * (10 + 1),
            ),
            (
                "subscription{...F} fragment F on Live{routerEvents{__typename}}",
                json!({}),
                10 + 1,
            ),
            (
                "query($i:[ID!]!){nodes(ids:$i){...on Node{...on Invoice{customer{id}}} ...on Invoice{lateFee{amount}}
                 ...on Message{customer{id} id}}}",
                json!({"i": ["a"]}),
                1 + 2,
            ),
            (
                "query($i:[ID!]!){nodes(ids:$i){...on Invoice{customer{id}} ...F}} fragment F on Node{...on Invoice{lateFee{amount}}}",
                json!({"i": ["a", "b"]}),
                2 * (1 + 2),
            ),
            ("{__schema{types{name}}}", json!({}), SCHEMA),
        ] {
            assert_eq!(price(document, variables), points, "{document}");
        }
    }
}
