//! Rows of lists, written as JSON at once: no future and no map entry per field.
//!
//! The engine makes a boxed future for every field, which for a hundred rows costs several times what writing them
//! does. A [`Row`] is complete when its list has been read: if nothing but its own values is asked for, it writes
//! itself, and the engine carries the text as one value. Whatever needs a resolver (another aggregate, an argument, a
//! directive) goes the engine's way, the whole row with it.
//!
//! INVARIANT: [`Plans`] are in the operation's data only if no response key is selected twice anywhere, because the
//! engine would have to merge texts.

use std::{
    any::Any,
    borrow::Cow,
    collections::HashMap,
    io::Write as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_graphql::{
    ContextSelectionSet, ID, Name, OutputType, Positioned, ServerResult, Value,
    parser::types::{Field, FragmentDefinition, Selection, SelectionSet},
    registry::Registry,
    resolver_utils::EnumType,
};

use super::scalar::{BigInt, CurrencyCode, Date, DateTime, Decimal, Money};

/// What a row takes, about.
const ROW_BYTES: usize = 512;

/// What has been written.
#[derive(Debug, Default)]
pub(super) struct Text {
    bytes: Vec<u8>,
    /// Objects in it: what they cost is known only now.
    objects: u64,
}

impl Text {
    pub(super) fn push(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(super) fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// A value that needs nothing but itself to be written.
pub(super) trait Plain: Send + Sync + Sized + 'static {
    /// What is to be written of it.
    type Plan: Send + Sync + 'static;

    /// `None` when something is selected that needs a resolver.
    fn plan(set: &SelectionSet, fragments: &Fragments) -> Option<Self::Plan>;

    fn write(&self, plan: &Self::Plan, out: &mut Text);
}

/// Writes one field with its key.
type Writer<T> = Box<dyn Fn(&T, &mut Text) + Send + Sync>;

/// The selected fields of an object in their order, each with its response key.
pub(super) type ObjectPlan<T> = Vec<(String, Writer<T>)>;

/// Plans of the selections of one operation, each made for its first row.
#[derive(Default)]
pub(crate) struct Plans {
    made: Mutex<HashMap<usize, Option<Arc<dyn Any + Send + Sync>>>>,
    objects: AtomicU64,
}

impl std::fmt::Debug for Plans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plans").finish_non_exhaustive()
    }
}

impl Plans {
    /// Objects in the rows that have been written.
    pub(crate) fn objects(&self) -> u64 {
        self.objects.load(Ordering::Relaxed)
    }

    fn written(&self, out: Text) -> Value {
        self.objects.fetch_add(out.objects, Ordering::Relaxed);
        Value::Binary(out.bytes.into())
    }

    fn of<T: Plain>(&self, set: &SelectionSet, fragments: &Fragments) -> Option<Arc<T::Plan>> {
        // The document lives as long as the operation, so a place in it is a name for it.
        let place = std::ptr::from_ref(set).addr();
        let mut plans = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = plans.entry(place).or_insert_with(|| {
            let plan = T::plan(set, fragments)?;
            Some(Arc::new(plan))
        });
        plan.clone()?.downcast().ok()
    }
}

/// A row of a list.
#[derive(Debug)]
pub(crate) struct Row<T>(pub(super) T);

impl<T: OutputType + Plain> OutputType for Row<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(
        &self,
        context: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        let Some((plans, plan)) = planned::<T>(context) else {
            return self.0.resolve(context, field).await;
        };
        let mut out = Text {
            bytes: Vec::with_capacity(ROW_BYTES),
            objects: 0,
        };
        self.0.write(&plan, &mut out);
        Ok(plans.written(out))
    }
}

/// Rows of a list, written as one text if they can be.
#[derive(Debug)]
pub(super) struct Rows<'a, T>(pub(super) Vec<&'a Row<T>>);

impl<T: OutputType + Plain> OutputType for Rows<'_, T> {
    fn type_name() -> Cow<'static, str> {
        <Vec<Row<T>> as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Vec<Row<T>> as OutputType>::create_type_info(registry)
    }

    async fn resolve(
        &self,
        context: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        let Some((plans, plan)) = planned::<T>(context) else {
            return self.0.resolve(context, field).await;
        };
        let mut out = Text {
            bytes: Vec::with_capacity(ROW_BYTES * self.0.len()),
            objects: 0,
        };
        write_list(self.0.iter().map(|row| &row.0), &plan, &mut out);
        Ok(plans.written(out))
    }
}

/// How what is selected here is written; `None` when something needs a resolver.
fn planned<'a, T: Plain>(context: &ContextSelectionSet<'a>) -> Option<(&'a Arc<Plans>, Arc<T::Plan>)> {
    let plans = context.data_opt::<Arc<Plans>>()?;
    let plan = plans.of::<T>(&context.item.node, &context.query_env.fragments)?;
    Some((plans, plan))
}

/// The plan of an object; `field` knows its fields by name.
pub(super) fn object_plan<T: 'static>(
    type_name: &str,
    set: &SelectionSet,
    fragments: &Fragments,
    field: &dyn Fn(&str, &SelectionSet) -> Option<Writer<T>>,
) -> Option<ObjectPlan<T>> {
    let mut plan = Vec::with_capacity(set.items.len());
    collect(&mut plan, type_name, set, fragments, field)?;
    Some(plan)
}

fn collect<T: 'static>(
    plan: &mut ObjectPlan<T>,
    type_name: &str,
    set: &SelectionSet,
    fragments: &Fragments,
    field: &dyn Fn(&str, &SelectionSet) -> Option<Writer<T>>,
) -> Option<()> {
    for Positioned { node, .. } in &set.items {
        match node {
            Selection::Field(selected) => {
                let selected = &selected.node;
                if !selected.arguments.is_empty() || !selected.directives.is_empty() {
                    return None;
                }
                let name = selected.name.node.as_str();
                let writer = if name == "__typename" {
                    let text = format!("{type_name:?}");
                    Box::new(move |_: &T, out: &mut Text| out.extend_from_slice(text.as_bytes()))
                } else {
                    field(name, &selected.selection_set.node)?
                };
                plan.push((format!("{:?}:", selected.response_key().node.as_str()), writer));
            }
            Selection::InlineFragment(fragment) => {
                let fragment = &fragment.node;
                let on = fragment.type_condition.as_ref();
                let same = on.is_none_or(|on| on.node.on.node == type_name);
                if !same || !fragment.directives.is_empty() {
                    return None;
                }
                collect(plan, type_name, &fragment.selection_set.node, fragments, field)?;
            }
            Selection::FragmentSpread(spread) => {
                let fragment = &fragments.get(&spread.node.fragment_name.node)?.node;
                let same = fragment.type_condition.node.on.node == type_name;
                if !same || !spread.node.directives.is_empty() {
                    return None;
                }
                collect(plan, type_name, &fragment.selection_set.node, fragments, field)?;
            }
        }
    }
    Some(())
}

/// The writer of one field of `T`.
pub(super) fn writer<T: 'static, F: Plain>(
    get: fn(&T) -> &F,
    set: &SelectionSet,
    fragments: &Fragments,
) -> Option<Writer<T>> {
    let plan = F::plan(set, fragments)?;
    Some(Box::new(move |row, out| get(row).write(&plan, out)))
}

pub(super) fn write_object<T>(row: &T, plan: &ObjectPlan<T>, out: &mut Text) {
    out.objects += 1;
    out.push(b'{');
    for (index, (key, write)) in plan.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(key.as_bytes());
        write(row, out);
    }
    out.push(b'}');
}

fn write_list<'a, T: Plain>(values: impl IntoIterator<Item = &'a T>, plan: &T::Plan, out: &mut Text) {
    out.push(b'[');
    for (index, value) in values.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        value.write(plan, out);
    }
    out.push(b']');
}

/// A text with its quotes.
pub(super) fn write_text(text: &str, out: &mut Text) {
    // INVARIANT: a text can always be written to memory.
    if serde_json::to_writer(&mut out.bytes, text).is_err() {
        out.extend_from_slice(b"null");
    }
}

/// Says which fields of an object are its own values: `plain! { Money { "amount" => amount, } }`. Those that are left
/// out need a resolver.
macro_rules! plain {
    ($($type:ident { $($name:literal => $field:ident,)* })*) => {$(
        impl $crate::graphql::rows::Plain for $type {
            type Plan = $crate::graphql::rows::ObjectPlan<Self>;

            fn plan(
                set: &async_graphql::parser::types::SelectionSet,
                fragments: &std::collections::HashMap<
                    async_graphql::Name,
                    async_graphql::Positioned<async_graphql::parser::types::FragmentDefinition>,
                >,
            ) -> Option<Self::Plan> {
                let name = <Self as async_graphql::OutputType>::type_name();
                $crate::graphql::rows::object_plan(&name, set, fragments, &|name, below| match name {
                    $($name => $crate::graphql::rows::writer(|row: &Self| &row.$field, below, fragments),)*
                    _ => None,
                })
            }

            fn write(&self, plan: &Self::Plan, out: &mut $crate::graphql::rows::Text) {
                $crate::graphql::rows::write_object(self, plan, out);
            }
        }
    )*};
}
pub(super) use plain;

/// Values without fields.
macro_rules! leaves {
    ($($type:ty: |$value:ident, $out:ident| $write:expr;)*) => {$(
        impl $crate::graphql::rows::Plain for $type {
            type Plan = ();

            fn plan(
                _: &async_graphql::parser::types::SelectionSet,
                _: &std::collections::HashMap<
                    async_graphql::Name,
                    async_graphql::Positioned<async_graphql::parser::types::FragmentDefinition>,
                >,
            ) -> Option<()> {
                Some(())
            }

            fn write(&self, (): &(), $out: &mut $crate::graphql::rows::Text) {
                let $value = self;
                $write;
            }
        }
    )*};
}
pub(super) use leaves;

/// Words of the schema.
macro_rules! words {
    ($($type:ty),* $(,)?) => {
        $crate::graphql::rows::leaves! {$(
            $type: |word, out| $crate::graphql::rows::write_word(*word, out);
        )*}
    };
}
pub(super) use words;

/// A name of the schema has letters, digits and `_` only.
pub(super) fn write_word<T: EnumType>(word: T, out: &mut Text) {
    match T::items().iter().find(|item| item.value == word) {
        Some(item) => {
            out.push(b'"');
            out.extend_from_slice(item.name.as_bytes());
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
}

/// What has nothing that a JSON text must escape.
fn write_quoted(value: &impl std::fmt::Display, out: &mut Text) {
    // INVARIANT: a text can always be written to memory.
    let _ = write!(out.bytes, "\"{value}\"");
}

leaves! {
    ID: |id, out| write_text(&id.0, out);
    String: |text, out| write_text(text, out);
    bool: |truth, out| out.extend_from_slice(if *truth { b"true" } else { b"false" });
    i32: |number, out| {
        let _ = write!(out.bytes, "{number}");
    };
    Decimal: |number, out| match number {
        Decimal::Given(text) => write_text(text, out),
        Decimal::Whole(number) => write_quoted(number, out),
    };
    BigInt: |number, out| write_quoted(&number.0, out);
    Date: |date, out| write_quoted(&date.0, out);
    DateTime: |at, out| write_quoted(&at.text(), out);
}
words!(CurrencyCode);

plain! {
    Money {
        "amount" => amount,
        "currency" => currency,
    }
}

impl<T: Plain> Plain for Option<T> {
    type Plan = T::Plan;

    fn plan(set: &SelectionSet, fragments: &Fragments) -> Option<T::Plan> {
        T::plan(set, fragments)
    }

    fn write(&self, plan: &T::Plan, out: &mut Text) {
        match self {
            Some(value) => value.write(plan, out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

impl<T: Plain> Plain for Vec<T> {
    type Plan = T::Plan;

    fn plan(set: &SelectionSet, fragments: &Fragments) -> Option<T::Plan> {
        T::plan(set, fragments)
    }

    fn write(&self, plan: &T::Plan, out: &mut Text) {
        write_list(self, plan, out);
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::{parse_query, types::DocumentOperations};

    use super::*;
    use crate::graphql::{billing::Invoice, customers::Customer, subscriptions::Subscription};

    fn plans<T: Plain>(document: &str) -> bool {
        let document = parse_query(document).expect("a document");
        let DocumentOperations::Single(operation) = &document.operations else {
            return false;
        };
        T::plan(&operation.node.selection_set.node, &document.fragments).is_some()
    }

    #[test]
    fn a_row_writes_itself_unless_something_needs_a_resolver() {
        assert!(plans::<Invoice>(
            "{__typename a:number ...F ... on Invoice{dueOn} ...{paidAt}} fragment F on Invoice{lines{amount{amount}}}"
        ));
        assert!(plans::<Customer>("{id code name phone email registeredAt}"));
        assert!(plans::<Subscription>("{id price{currency} isolatedSince}"));
        for resolved in [
            "{id customer{id}}",
            "{id @include(if:true)}",
            "{... on Node{id}}",
            "{...F} fragment F on Node{id}",
            "{...Missing}",
        ] {
            assert!(!plans::<Invoice>(resolved), "{resolved}");
        }
    }
}
