//! The document guard: counted before validation, because the engine validates and executes every fragment as often
//! as it is spread. 850 bytes of fragments that double would cost it 2^23 fields (`facts/graphql.md` 5.3).
//!
//! Each fragment is measured once; sums saturate. A document that passes has at most [`MAX_NODES`] nodes once its
//! fragments are expanded, so that whatever walks it later is bounded too.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Positioned, Value,
    parser::types::{
        DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
        SelectionSet,
    },
};
use serde_json::json;
use simpul_domain::Code;

use crate::ApiError;

const MAX_NODES: u32 = 2_000;
const MAX_DEPTH: u32 = 15;
const MAX_ALIASES: u32 = 30;
const MAX_ROOT_FIELDS: u32 = 20;
const MAX_MUTATIONS: u32 = 5;
const MAX_FRAGMENTS: usize = 50;
const MAX_DIRECTIVES: u32 = 50;
const MAX_OPERATIONS: usize = 5;
/// Entries of lists and objects that are written into the document.
const MAX_LITERALS: u32 = 500;
/// Mutations that move money: once per operation, under whatever alias.
const ONCE: &[&str] = &["paymentStart"];
/// Mutations for whoever has no token (yet). Everything else needs one.
const PUBLIC: &[&str] = &[
    "emailChangeConfirm",
    "invitationAccept",
    "passwordReset",
    "passwordResetRequest",
    "sessionRefresh",
    "sessionStart",
    "sessionVerify",
];
/// Mutations at which one can guess, those of [`PUBLIC`] aside: one guess per operation, whatever they are called.
const GUESSABLE: &[&str] = &[
    "emailChangeRequest",
    "passwordChange",
    "secondFactorBegin",
    "secondFactorConfirm",
    "secondFactorRemove",
];
/// Fields of `__Type` that lead from a type to many others.
const SCHEMA_LISTS: &[&str] = &["fields", "inputFields", "interfaces", "possibleTypes"];

/// What a selection set comes to with its fragments expanded.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    nodes: u32,
    depth: u32,
    aliases: u32,
    directives: u32,
    literals: u32,
    /// Fields of the set itself, those of its fragments included.
    fields: u32,
    /// Whether it asks about the schema.
    introspects: bool,
}

impl Size {
    /// Beside `other` in one set.
    fn add(&mut self, other: Self) {
        self.nodes = self.nodes.saturating_add(other.nodes);
        self.depth = self.depth.max(other.depth);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.literals = self.literals.saturating_add(other.literals);
        self.fields = self.fields.saturating_add(other.fields);
        self.introspects |= other.introspects;
    }
}

/// Refuses a document that is too large in any direction. Says whether it asks about the schema.
pub(super) fn admit(document: &ExecutableDocument) -> Result<bool, ApiError> {
    at_most("fragments", document.fragments.len(), MAX_FRAGMENTS)?;
    at_most("operations", document.operations.iter().len(), MAX_OPERATIONS)?;
    let mut guard = Guard {
        document,
        measured: HashMap::new(),
    };
    for name in document.fragments.keys() {
        let size = guard.fragment(name.as_str())?;
        fits(size)?;
    }
    let mut introspects = false;
    for (_, operation) in document.operations.iter() {
        introspects |= guard.operation(&operation.node)?;
    }
    Ok(introspects)
}

/// Whether some set of an admitted document selects a response key twice, fragments expanded. Members of a union that
/// have the same field count as well.
pub(super) fn repeats(document: &ExecutableDocument) -> bool {
    fn keys<'d>(
        document: &'d ExecutableDocument,
        set: &'d SelectionSet,
        seen: &mut HashSet<&'d str>,
    ) -> bool {
        set.items.iter().any(|Positioned { node, .. }| match node {
            Selection::Field(field) => {
                let field = &field.node;
                let again = !seen.insert(field.response_key().node.as_str());
                again || keys(document, &field.selection_set.node, &mut HashSet::new())
            }
            Selection::InlineFragment(fragment) => keys(document, &fragment.node.selection_set.node, seen),
            Selection::FragmentSpread(spread) => {
                let fragment = document.fragments.get(&spread.node.fragment_name.node);
                fragment.is_some_and(|fragment| keys(document, &fragment.node.selection_set.node, seen))
            }
        })
    }
    let mut operations = document.operations.iter();
    operations.any(|(_, operation)| {
        let set = &operation.node.selection_set.node;
        keys(document, set, &mut HashSet::new())
    })
}

fn at_most<N: Copy + PartialOrd + Into<serde_json::Value>>(
    what: &str,
    found: N,
    max: N,
) -> Result<(), ApiError> {
    if found <= max {
        return Ok(());
    }
    Err(too_large(what, max))
}

/// The refusal of a document with too many of something.
pub(super) fn too_large(what: &str, max: impl Into<serde_json::Value>) -> ApiError {
    let max = max.into();
    ApiError {
        code: Code::DocumentTooLarge,
        message: format!("The document has more {what} than the allowed {max}"),
        params: json!({ "limit": what, "max": max }),
    }
}

fn fits(size: Size) -> Result<(), ApiError> {
    at_most("nodes", size.nodes, MAX_NODES)?;
    at_most("levels", size.depth, MAX_DEPTH)?;
    at_most("aliases", size.aliases, MAX_ALIASES)?;
    at_most("directives", size.directives, MAX_DIRECTIVES)?;
    at_most("literals", size.literals, MAX_LITERALS)
}

struct Guard<'d> {
    document: &'d ExecutableDocument,
    /// `None` while the fragment is being measured: whoever meets it then has found a cycle.
    measured: HashMap<&'d str, Option<Size>>,
}

impl<'d> Guard<'d> {
    fn operation(&mut self, operation: &'d OperationDefinition) -> Result<bool, ApiError> {
        let mut size = self.set(&operation.selection_set.node)?;
        size.directives = size.directives.saturating_add(length(&operation.directives));
        for variable in &operation.variable_definitions {
            size.directives = size.directives.saturating_add(length(&variable.node.directives));
            if let Some(default) = &variable.node.default_value {
                size.literals = size.literals.saturating_add(literals(&default.node));
            }
        }
        fits(size)?;
        at_most("variables", operation.variable_definitions.len(), 100)?;
        let most = match operation.ty {
            OperationType::Query => MAX_ROOT_FIELDS,
            OperationType::Mutation => MAX_MUTATIONS,
            OperationType::Subscription => 1,
        };
        at_most("root fields", size.fields, most)?;
        if operation.ty == OperationType::Mutation {
            self.once(&operation.selection_set.node)?;
        }
        if size.introspects {
            self.schema_once(&operation.selection_set.node, false)?;
        }
        Ok(size.introspects)
    }

    fn set(&mut self, set: &'d SelectionSet) -> Result<Size, ApiError> {
        let mut size = Size::default();
        for Positioned { node, .. } in &set.items {
            match node {
                Selection::Field(field) => size.add(self.field(&field.node)?),
                Selection::InlineFragment(fragment) => {
                    let mut inner = self.set(&fragment.node.selection_set.node)?;
                    inner.nodes = inner.nodes.saturating_add(1);
                    inner.directives = inner.directives.saturating_add(length(&fragment.node.directives));
                    size.add(inner);
                }
                Selection::FragmentSpread(spread) => {
                    let mut inner = self.fragment(spread.node.fragment_name.node.as_str())?;
                    inner.nodes = inner.nodes.saturating_add(1);
                    inner.directives = inner.directives.saturating_add(length(&spread.node.directives));
                    size.add(inner);
                }
            }
        }
        Ok(size)
    }

    fn field(&mut self, field: &'d Field) -> Result<Size, ApiError> {
        let mut size = self.set(&field.selection_set.node)?;
        size.nodes = size.nodes.saturating_add(1);
        size.depth = size.depth.saturating_add(1);
        size.fields = 1;
        size.aliases = size.aliases.saturating_add(u32::from(field.alias.is_some()));
        size.directives = size.directives.saturating_add(length(&field.directives));
        let arguments = field.arguments.iter();
        let directives = field
            .directives
            .iter()
            .flat_map(|directive| &directive.node.arguments);
        for (_, value) in arguments.chain(directives) {
            let blank = |_| Ok::<_, ()>(Value::Null);
            let value = value.node.clone().into_const_with(blank).unwrap_or_default();
            size.literals = size.literals.saturating_add(literals(&value));
        }
        let name = field.name.node.as_str();
        size.introspects |= name == "__schema" || name == "__type";
        Ok(size)
    }

    fn fragment(&mut self, name: &str) -> Result<Size, ApiError> {
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            // Validation names it.
            return Ok(Size::default());
        };
        match self.measured.get(name.as_str()) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => {
                let text = format!("The fragment {name} leads back to itself");
                return Err(ApiError::new(Code::GraphqlValidationFailed, text));
            }
            None => {}
        }
        self.measured.insert(name.as_str(), None);
        let mut size = self.set(&fragment.node.selection_set.node)?;
        size.directives = size.directives.saturating_add(length(&fragment.node.directives));
        self.measured.insert(name.as_str(), Some(size));
        Ok(size)
    }

    fn once(&self, set: &'d SelectionSet) -> Result<(), ApiError> {
        let fields = fields(self.document, set);
        let names: Vec<&str> = fields.iter().map(|field| field.name.node.as_str()).collect();
        let credentials = names.iter().filter(|name| checks_credentials(name)).count();
        at_most("credentials", credentials, 1)?;
        for name in ONCE {
            if names.iter().filter(|found| *found == name).count() > 1 {
                return Err(too_large(name, 1));
            }
        }
        Ok(())
    }

    /// The lists of the schema lead into each other: one of them below another would multiply the answer. Runs once
    /// the set is known to be small.
    fn schema_once(&self, set: &'d SelectionSet, inside: bool) -> Result<(), ApiError> {
        for Positioned { node, .. } in &set.items {
            let (below, inside) = match node {
                Selection::Field(field) => {
                    let lists = SCHEMA_LISTS.contains(&field.node.name.node.as_str());
                    if lists && inside {
                        return Err(too_large("levels of introspection", 1));
                    }
                    (Some(&field.node.selection_set), inside || lists)
                }
                Selection::InlineFragment(fragment) => (Some(&fragment.node.selection_set), inside),
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                    (fragment.map(|fragment| &fragment.node.selection_set), inside)
                }
            };
            if let Some(below) = below {
                self.schema_once(&below.node, inside)?;
            }
        }
        Ok(())
    }
}

fn checks_credentials(name: &str) -> bool {
    PUBLIC.contains(&name) || GUESSABLE.contains(&name)
}

/// Who an operation is for, by its root fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Audience {
    /// It may be run without a token.
    pub(super) public: bool,
    /// One can guess at it.
    pub(super) checks_credentials: bool,
    /// What it asks for: its fields at the root, each once.
    pub(super) roots: Vec<String>,
}

/// Runs once the document is admitted.
pub(super) fn audience(document: &ExecutableDocument, operation: &OperationDefinition) -> Audience {
    let fields = fields(document, &operation.selection_set.node);
    let mut names: Vec<&str> = fields.iter().map(|field| field.name.node.as_str()).collect();
    names.retain(|name| *name != "__typename");
    names.sort_unstable();
    names.dedup();
    let changes = operation.ty == OperationType::Mutation;
    // A payload reads on as whoever has sent the command. That must not fail once there are tokens to lose.
    let reads_on = fields
        .iter()
        .flat_map(|field| self::fields(document, &field.selection_set.node))
        .any(|field| field.name.node == "query");
    let public = changes && !reads_on && !names.is_empty() && names.iter().all(|name| PUBLIC.contains(name));
    Audience {
        public,
        checks_credentials: changes && names.iter().any(|name| checks_credentials(name)),
        roots: names.into_iter().map(str::to_owned).collect(),
    }
}

/// The fields of a set, through its fragments. Runs once the set is known to be small.
pub(super) fn fields<'d>(document: &'d ExecutableDocument, set: &'d SelectionSet) -> Vec<&'d Field> {
    let of = |Positioned { node, .. }: &'d Positioned<Selection>| match node {
        Selection::Field(field) => vec![&field.node],
        Selection::InlineFragment(fragment) => fields(document, &fragment.node.selection_set.node),
        Selection::FragmentSpread(spread) => {
            let fragment = document.fragments.get(&spread.node.fragment_name.node);
            fragment.map_or_else(Vec::new, |fragment| {
                fields(document, &fragment.node.selection_set.node)
            })
        }
    };
    set.items.iter().flat_map(of).collect()
}

fn length<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}

/// Entries of the lists and objects in a value.
fn literals(value: &Value) -> u32 {
    let sum = |counts: &mut dyn Iterator<Item = u32>| counts.fold(0_u32, u32::saturating_add);
    match value {
        Value::List(items) => sum(&mut items.iter().map(|item| literals(item).saturating_add(1))),
        Value::Object(fields) => sum(&mut fields.values().map(|item| literals(item).saturating_add(1))),
        _ => 0,
    }
}

/// The operation that a request means: the named one, or the only one.
pub(super) fn operation<'d>(
    document: &'d ExecutableDocument,
    name: Option<&str>,
) -> Result<&'d OperationDefinition, ApiError> {
    let found = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.values();
            all.next().filter(|_| all.next().is_none())
        }
    };
    found.map(|operation| &operation.node).ok_or_else(|| {
        let text = "operationName does not name one operation of the document";
        ApiError::new(Code::OperationResolutionFailure, text)
    })
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn limit(document: &str) -> String {
        match admit(&parse_query(document).expect("a document")) {
            Ok(_) => String::new(),
            Err(error) => error.params["limit"]
                .as_str()
                .unwrap_or_else(|| error.code.as_str())
                .to_owned(),
        }
    }

    fn bomb(fragments: usize) -> String {
        let double = |index| format!("fragment F{index} on Query{{...F{0} ...F{0}}}", index + 1);
        let doubles: Vec<String> = (0..fragments).map(double).collect();
        let last = format!("fragment F{fragments} on Query{{__typename}}");
        format!("{{...F0}}{}{last}", doubles.concat())
    }

    #[test]
    fn a_document_is_measured_in_every_direction() {
        let nested = |levels: usize| format!("{}{}", "{a".repeat(levels), "}".repeat(levels));
        let many = |times: usize, part: &str| format!("{{{}}}", part.repeat(times));
        let each = |times: u32, part: fn(u32) -> String| (0..times).map(part).collect::<Vec<_>>().concat();
        let fragments = each(51, |n| format!("fragment F{n} on Query{{a}}"));
        for (document, expected) in [
            ("{a{b}}".to_owned(), ""),
            (nested(15), ""),
            (nested(16), "levels"),
            (many(20, "a "), ""),
            (many(21, "a "), "root fields"),
            (format!("{{a{}}}", many(31, "b:a ")), "aliases"),
            (format!("{{a{}}}", many(2_000, "a ")), "nodes"),
            (format!("{{a{}}}", many(2_000, "...{a} ")), "nodes"),
            (format!("{{a {}}}", "@skip(if:false)".repeat(51)), "directives"),
            (
                format!("query {}{{a}}", "@skip(if:false)".repeat(51)),
                "directives",
            ),
            (format!("{{a(ids:[{}])}}", "1 ".repeat(501)), "literals"),
            (format!("query($x:[Int]=[{}]){{a}}", "1 ".repeat(501)), "literals"),
            (format!("{{a}} {fragments}"), "fragments"),
            (each(6, |n| format!("query Q{n}{{a}}")), "operations"),
            ("mutation{a b c d e}".to_owned(), ""),
            ("mutation{a b c d e f}".to_owned(), "root fields"),
            (
                "mutation{a:paymentStart ...F} fragment F on Mutation{paymentStart}".to_owned(),
                "paymentStart",
            ),
            (
                "mutation{a:sessionStart b:sessionVerify}".to_owned(),
                "credentials",
            ),
            (
                "mutation{a:sessionStart ...F} fragment F on Mutation{sessionStart}".to_owned(),
                "credentials",
            ),
            ("subscription{a b}".to_owned(), "root fields"),
            ("{__schema{types{fields{type{name}}}}}".to_owned(), ""),
            (
                "{__schema{types{fields{type{...F}}}}} fragment F on __Type{fields{name}}".to_owned(),
                "levels of introspection",
            ),
            (
                "{...A} fragment A on Query{...B} fragment B on Query{...A}".to_owned(),
                "GRAPHQL_VALIDATION_FAILED",
            ),
            (bomb(4), ""),
            (bomb(40), "nodes"),
            // Unused, but the validator would walk it.
            (bomb(40).replacen("{...F0}", "{a}", 1), "nodes"),
        ] {
            let shown: String = document.chars().take(60).collect();
            assert_eq!(limit(&document), expected, "{shown}");
        }
    }

    #[test]
    fn only_what_needs_no_token_is_public() {
        let of = |text| {
            let document = parse_query(text).expect("a document");
            admit(&document).expect("small");
            audience(&document, operation(&document, None).expect("one operation")).public
        };
        assert!(of("mutation{__typename sessionStart}"));
        assert!(of("mutation{...F} fragment F on Mutation{...{x:sessionRefresh}}"));
        assert!(of("mutation{sessionStart{query:challenge tokens{accessToken}}}"));
        for text in [
            "{sessionStart}",
            "mutation{__typename}",
            "mutation{sessionStart routerRegister}",
            "mutation{sessionStart:routerRegister}",
            "mutation{...F sessionStart} fragment F on Mutation{routerRegister}",
            "subscription{sessionStart}",
            "mutation{sessionStart{tokens{accessToken}query{__typename}}}",
            "mutation{sessionStart{...{...F}}} fragment F on SessionStartPayload{x:query{__typename}}",
        ] {
            assert!(!of(text), "{text}");
        }
    }

    #[test]
    fn introspection_is_seen_through_fragments() {
        let of = |document| admit(&parse_query(document).expect("a document")).expect("small");
        assert!(of("{...F} fragment F on Query{...{__schema{types{name}}}}"));
        assert!(!of("{a __typename}"));
    }
}
