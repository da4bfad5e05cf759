//! The schema as committed: every name in it is for ever, and says what it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use async_graphql::{
    Positioned,
    parser::{
        parse_schema,
        types::{BaseType, ConstDirective, FieldDefinition, TypeKind, TypeSystemDefinition},
    },
};
use simpul_api::Surface;

#[expect(
    clippy::disallowed_methods,
    reason = "a switch of this test, not configuration"
)]
#[test]
fn the_committed_schemas_are_the_served_ones() {
    for surface in Surface::ALL {
        let file = surface.schema_file();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
        let served = simpul_api::sdl(surface);
        if std::env::var("UPDATE_SCHEMA").is_ok() {
            std::fs::write(&path, &served).expect("written");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == served,
            "{file} differs; look at the change, then UPDATE_SCHEMA=1"
        );
    }
}

/// Objects with an id that nobody is asked for by it, and why.
const NO_NODES: &[(Surface, &str, &str)] = &[
    (
        Surface::Staff,
        "DeadLetter",
        "work that is stuck; gone when it goes on",
    ),
    (Surface::Staff, "HistoryEntry", "a line of the log"),
    (
        Surface::Staff,
        "OwnTenant",
        "a name to switch to, of another tenant",
    ),
    (Surface::Staff, "SaasCheckout", "the platform's, told once"),
    (
        Surface::Staff,
        "SignIn",
        "attempts of one minute, counted together",
    ),
    (
        Surface::Staff,
        "StuckLane",
        "work that is stuck; gone when it goes on",
    ),
    (
        Surface::Staff,
        "StuckNotice",
        "work that is stuck; gone when it goes on",
    ),
    (
        Surface::Staff,
        "StuckParcel",
        "work that is stuck; gone when it goes on",
    ),
    (
        Surface::Portal,
        "SignIn",
        "attempts of one minute, counted together",
    ),
    (
        Surface::Platform,
        "HeldAddOn",
        "a part of its tenant; the order is in the tenant's log",
    ),
    (Surface::Platform, "HistoryEntry", "a line of the log"),
    (
        Surface::Platform,
        "OwnTenant",
        "a name to switch to, of another tenant",
    ),
    (Surface::Platform, "ServerProcess", "there as long as it runs"),
    (
        Surface::Platform,
        "SignIn",
        "attempts of one minute, counted together",
    ),
    (
        Surface::Platform,
        "TenantDomain",
        "a way to a tenant; the request is in the tenant's log",
    ),
    (
        Surface::Platform,
        "TenantOwner",
        "a user of another tenant, who is nothing here",
    ),
];

#[test]
fn whatever_has_an_id_is_a_node_or_has_a_reason_not_to_be_one() {
    let mut others = BTreeSet::new();
    for surface in Surface::ALL {
        for definition in parse_schema(simpul_api::sdl(surface)).expect("SDL").definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let TypeKind::Object(object) = &definition.node.kind else {
                continue;
            };
            let has_id = object.fields.iter().any(|field| {
                let field = &field.node;
                field.name.node == "id" && field.arguments.is_empty() && field.ty.node.to_string() == "ID!"
            });
            let is_node = object.implements.iter().any(|interface| interface.node == "Node");
            if has_id && !is_node {
                others.insert((surface.to_string(), definition.node.name.node.to_string()));
            }
        }
    }
    let excused = NO_NODES
        .iter()
        .map(|(surface, name, _)| (surface.to_string(), (*name).to_owned()));
    assert_eq!(others, excused.collect());
}

/// Fields of one object (N7): more is a type in which two things hide.
const MAX_FIELDS: usize = 60;

#[test]
fn everything_says_what_it_is_and_every_operation_who_may() {
    for surface in Surface::ALL {
        says_what_it_is(surface);
    }
}

fn says_what_it_is(surface: Surface) {
    let document = parse_schema(simpul_api::sdl(surface)).expect("SDL");
    let mut wide = Vec::new();
    let mut silent = Vec::new();
    let mut unguarded = Vec::new();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let (name, kind) = (definition.node.name.node.as_str(), &definition.node.kind);
        if definition.node.description.is_none() {
            silent.push(name.to_owned());
        }
        let fields: Vec<&FieldDefinition> = match kind {
            TypeKind::Object(object) => object.fields.iter().map(|field| &field.node).collect(),
            TypeKind::Interface(interface) => interface.fields.iter().map(|field| &field.node).collect(),
            TypeKind::InputObject(input) => {
                let fields = input.fields.iter().map(|field| &field.node);
                let undescribed = fields.filter(|field| field.description.is_none());
                silent.extend(undescribed.map(|field| format!("{name}.{}", field.name.node)));
                Vec::new()
            }
            TypeKind::Enum(values) => {
                let values = values.values.iter().map(|value| &value.node);
                let undescribed = values.filter(|value| value.description.is_none());
                silent.extend(undescribed.map(|value| format!("{name}.{}", value.value.node)));
                Vec::new()
            }
            TypeKind::Scalar | TypeKind::Union(_) => Vec::new(),
        };
        let root = ["Query", "Mutation", "Live"].contains(&name);
        if !root && fields.len() > MAX_FIELDS {
            wide.push(name.to_owned());
        }
        for field in fields {
            let path = format!("{name}.{}", field.name.node);
            let description = field.description.as_ref().map(|text| text.node.as_str());
            let last = description
                .unwrap_or_default()
                .trim()
                .lines()
                .last()
                .unwrap_or_default();
            if root && !last.trim().starts_with("Permission: ") {
                unguarded.push(path.clone());
            }
            if description.is_none() {
                silent.push(path.clone());
            }
            let undescribed = field
                .arguments
                .iter()
                .filter(|argument| argument.node.description.is_none());
            silent.extend(undescribed.map(|argument| format!("{path}({})", argument.node.name.node)));
        }
    }
    let none = Vec::<String>::new();
    assert_eq!(silent, none, "{surface}: without a description");
    assert_eq!(unguarded, none, "{surface}: without a last line `Permission: …`");
    assert_eq!(wide, none, "{surface}: more than {MAX_FIELDS} fields");
}

/// Who may, and for how much, is said to programs too.
#[test]
fn the_schema_says_permissions_and_weights_as_directives() {
    let mut weighed = BTreeMap::new();
    for surface in Surface::ALL {
        let types = Types::of(surface);
        for (parent, field) in types.all_fields() {
            let path = format!("{parent}.{}", field.name.node);
            let description = field.description.as_ref().map(|text| text.node.as_str());
            let last = description.unwrap_or_default().trim().lines().last();
            let words = last.and_then(|line| line.trim().strip_prefix("Permission: "));
            let expected = words.filter(|words| words.contains('.') && !words.contains(' '));
            let expected = expected.map(|name| format!("[\"{name}\"]"));
            assert_eq!(said(&field.directives, "permission", "any"), expected, "{path}");
            let weight = said(&field.directives, "cost", "weight");
            let expected = (parent == "Mutation" || parent == "Live").then(|| "10".to_owned());
            if expected.is_some() {
                assert_eq!(weight, expected, "{path}");
            } else if let Some(weight) = weight {
                weighed.insert(path.clone(), weight);
            }
            for argument in field.arguments.iter().map(|argument| &argument.node) {
                let expected = (argument.name.node == "search").then(|| "10".to_owned());
                assert_eq!(said(&argument.directives, "cost", "weight"), expected, "{path}");
            }
        }
    }
    for (path, weight) in [
        ("CommandPayload.userErrors", "10"),
        ("Invoice.lines", "20"),
        ("InvoiceVoidPayload.userErrors", "10"),
        ("Query.nodes", "100"),
    ] {
        assert_eq!(weighed.get(path).map(String::as_str), Some(weight), "{path}");
    }
    for free in ["Query.invoice", "Query.invoices", "UserError.path"] {
        assert_eq!(weighed.get(free), None, "{free}");
    }
}

fn said(directives: &[Positioned<ConstDirective>], name: &str, argument: &str) -> Option<String> {
    let mut directives = directives.iter().map(|directive| &directive.node);
    let directive = directives.find(|directive| directive.name.node == name)?;
    Some(directive.get_argument(argument)?.node.to_string())
}

/// What a command takes and answers: `input: InvoiceVoidInput!`, `InvoiceVoidPayload!`.
#[test]
fn every_command_has_an_input_and_a_payload_of_its_own() {
    for surface in Surface::ALL {
        let types = Types::of(surface);
        let mutations = types.fields("Mutation");
        assert!(!mutations.is_empty(), "{surface}");
        for field in mutations {
            let (first, rest) = field.name.node.split_at(1);
            let name = format!("{}{rest}", first.to_uppercase());
            let arguments = field.arguments.iter().map(|argument| &argument.node);
            let arguments: Vec<_> = arguments
                .map(|argument| format!("{}: {}", argument.name.node, argument.ty.node))
                .collect();
            assert_eq!(arguments, [format!("input: {name}Input!")], "{surface}");
            assert_eq!(field.ty.node.to_string(), format!("{name}Payload!"), "{surface}");
        }
        assert_eq!(
            types.objects_of("CommandPayload"),
            types.answers("Mutation"),
            "{surface}"
        );
    }
}

/// Commands about money, and those that have something sent to a router (M3): a client that repeats one must not do it twice.
const KEYED: &[&str] = &[
    "deadLetterReplay",
    "invoiceIssue",
    "invoiceLateFeeWaive",
    "invoiceVoid",
    "isolirRunApprove",
    "laneRetry",
    "noticeRetry",
    "parcelRetry",
    "parkedKeyRetry",
    "paymentStart",
    "routerAddressChange",
    "saasInvoiceMarkPaid",
    "saasInvoicePay",
    "saasInvoiceVoid",
    "subscriptionActivate",
    "subscriptionResume",
    "subscriptionSecretChange",
    "subscriptionSuspend",
    "subscriptionsResume",
    "subscriptionsSuspend",
];

#[test]
fn money_and_routers_need_an_idempotency_key() {
    let mut keyed = BTreeSet::new();
    for surface in Surface::ALL {
        let types = Types::of(surface);
        for mutation in types.names("Mutation") {
            let (first, rest) = mutation.split_at(1);
            let TypeKind::InputObject(input) = &types.0[&format!("{}{rest}Input", first.to_uppercase())]
            else {
                unreachable!("{mutation} has an input");
            };
            let mut fields = input.fields.iter().map(|field| &field.node);
            let key = fields.find(|field| field.name.node == "idempotencyKey");
            if key.is_some_and(|key| !key.ty.node.nullable) {
                keyed.insert(mutation.to_owned());
            }
        }
    }
    assert_eq!(keyed.iter().map(String::as_str).collect::<Vec<_>>(), KEYED);
}

#[test]
fn a_refused_command_can_answer_without_what_it_is_about() {
    for surface in Surface::ALL {
        let types = Types::of(surface);
        let shared: Vec<&str> = types.names("CommandPayload");
        assert_eq!(shared, ["consistencyToken", "query", "userErrors"], "{surface}");
        for payload in types.answers("Mutation") {
            let own = types.fields(&payload).into_iter();
            for field in own.filter(|field| !shared.contains(&field.name.node.as_str())) {
                let ty = &field.ty.node;
                let may_be_nothing = ty.nullable || matches!(ty.base, BaseType::List(_));
                assert!(may_be_nothing, "{surface}: {payload}.{} is {ty}", field.name.node);
            }
        }
    }
}

#[test]
fn every_event_of_a_stream_has_its_envelope() {
    let types = Types::of(Surface::Staff);
    assert_eq!(types.names("EventEnvelope"), ["at", "cursor"]);
    let streams = types.fields("Live").into_iter();
    let streams = streams.filter(|field| field.name.node.ends_with("Events"));
    let mut events = BTreeSet::new();
    for stream in streams {
        let union = stream.ty.node.to_string();
        events.extend(types.members(union.trim_end_matches('!')));
    }
    assert!(events.len() > 20, "{events:?}");
    assert_eq!(types.objects_of("EventEnvelope"), events);
}

/// The types of a schema by their names.
struct Types(BTreeMap<String, TypeKind>);

impl Types {
    fn of(surface: Surface) -> Self {
        let document = parse_schema(simpul_api::sdl(surface)).expect("SDL");
        let types = document.definitions.into_iter();
        let types = types.filter_map(|definition| match definition {
            TypeSystemDefinition::Type(ty) => Some((ty.node.name.node.to_string(), ty.node.kind)),
            _ => None,
        });
        Self(types.collect())
    }

    fn fields(&self, name: &str) -> Vec<&FieldDefinition> {
        let fields = match &self.0[name] {
            TypeKind::Object(object) => &object.fields,
            TypeKind::Interface(interface) => &interface.fields,
            other => unreachable!("{name} is {other:?}"),
        };
        fields.iter().map(|field| &field.node).collect()
    }

    /// Of all objects and interfaces, with the names of their types.
    fn all_fields(&self) -> impl Iterator<Item = (&str, &FieldDefinition)> {
        let with_fields = |kind: &TypeKind| matches!(kind, TypeKind::Object(_) | TypeKind::Interface(_));
        let types = self.0.iter().filter(move |(_, kind)| with_fields(kind));
        types.flat_map(|(name, _)| {
            self.fields(name)
                .into_iter()
                .map(move |field| (name.as_str(), field))
        })
    }

    fn names(&self, name: &str) -> Vec<&str> {
        let fields = self.fields(name).into_iter();
        fields.map(|field| field.name.node.as_str()).collect()
    }

    /// Types of the fields.
    fn answers(&self, name: &str) -> BTreeSet<String> {
        let fields = self.fields(name).into_iter();
        fields
            .map(|field| field.ty.node.to_string().trim_end_matches('!').to_owned())
            .collect()
    }

    fn members(&self, union: &str) -> Vec<String> {
        match &self.0[union] {
            TypeKind::Union(union) => union
                .members
                .iter()
                .map(|member| member.node.to_string())
                .collect(),
            other => unreachable!("{union} is {other:?}"),
        }
    }

    fn objects_of(&self, interface: &str) -> BTreeSet<String> {
        let objects = self.0.iter().filter(|(_, kind)| {
            matches!(kind, TypeKind::Object(object) if object.implements.iter().any(|has| has.node == interface))
        });
        objects.map(|(name, _)| name.clone()).collect()
    }
}
