//! What there is to walk: the operations of a schema, each with everything that it leads to.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition},
};
use serde_json::Value;
use simpul_api::Surface;
use simpul_domain::tenancy::Feature;

use super::cases::{self, Case};

const ROOTS: [&str; 3] = ["Query", "Mutation", "Live"];

struct Field {
    /// The innermost type.
    ty: String,
    arguments: Vec<(String, bool)>,
    /// The last line of its description, after `Permission: `.
    permission: Option<String>,
}

#[derive(Default)]
struct Kind {
    fields: BTreeMap<String, Field>,
    /// Of a union or an interface.
    members: Vec<String>,
}

pub(super) struct Schema {
    surface: Surface,
    kinds: BTreeMap<String, Kind>,
    walked: RefCell<BTreeSet<String>>,
}

/// One root field, asked with everything that it leads to.
#[derive(Clone)]
pub(super) struct Operation {
    /// `Query.invoice`.
    name: String,
    /// What it answers with.
    ty: String,
    case: Case,
    selection: String,
    permission: Option<String>,
}

fn innermost(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => innermost(inner),
    }
}

impl Field {
    fn of(field: &FieldDefinition) -> Self {
        let arguments = field.arguments.iter().map(|argument| {
            let argument = &argument.node;
            let required = !argument.ty.node.nullable && argument.default_value.is_none();
            (argument.name.node.to_string(), required)
        });
        let description = field.description.as_ref().map(|text| text.node.as_str());
        let last = description.and_then(|text| text.trim().lines().last());
        let permission = last.and_then(|line| line.trim().strip_prefix("Permission: "));
        Self {
            ty: innermost(&field.ty.node).to_owned(),
            arguments: arguments.collect(),
            permission: permission.map(str::to_owned),
        }
    }
}

impl Schema {
    pub(super) fn of(surface: Surface) -> Self {
        let document = parse_schema(simpul_api::sdl(surface)).expect("SDL");
        let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node.to_string();
            let fields = match definition.node.kind {
                TypeKind::Object(object) => {
                    for interface in object.implements {
                        let interface = kinds.entry(interface.node.to_string()).or_default();
                        interface.members.push(name.clone());
                    }
                    object.fields
                }
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::Union(union) => {
                    let members = union.members.iter().map(|member| member.node.to_string());
                    kinds.entry(name).or_default().members.extend(members);
                    continue;
                }
                TypeKind::Scalar | TypeKind::Enum(_) | TypeKind::InputObject(_) => continue,
            };
            let fields = fields
                .iter()
                .map(|field| (field.node.name.node.to_string(), Field::of(&field.node)));
            kinds.entry(name).or_default().fields.extend(fields);
        }
        Self {
            surface,
            kinds,
            walked: RefCell::default(),
        }
    }

    /// The types that an interface or a union stands for.
    pub(super) fn members(&self, group: &str) -> &[String] {
        self.kinds.get(group).map_or(&[], |kind| kind.members.as_slice())
    }

    fn cases(&self) -> &'static [Case] {
        match self.surface {
            Surface::Staff => cases::STAFF,
            Surface::Portal => cases::PORTAL,
            Surface::Platform => cases::PLATFORM,
        }
    }

    fn case(&self, path: &str) -> Option<Case> {
        self.cases().iter().copied().find(|case| case.path == path)
    }

    /// Root fields, and other fields that cannot be asked for without an argument.
    fn needing_a_case(&self) -> Vec<String> {
        let fields = self.kinds.iter().flat_map(|(name, kind)| {
            let root = ROOTS.contains(&name.as_str());
            let needs = move |field: &Field| root || field.arguments.iter().any(|(_, required)| *required);
            let needing = kind.fields.iter().filter(move |(_, field)| needs(field));
            needing.map(move |(field, _)| format!("{name}.{field}"))
        });
        fields.collect()
    }

    pub(super) fn without_a_case(&self) -> Vec<String> {
        let mut needing = self.needing_a_case();
        needing.retain(|path| self.case(path).is_none());
        needing
    }

    pub(super) fn cases_without_an_operation(&self) -> Vec<&'static str> {
        let needing = self.needing_a_case();
        let paths = self.cases().iter().map(|case| case.path);
        paths
            .filter(|path| !needing.iter().any(|needing| needing == path))
            .collect()
    }

    /// Fields that no operation selects.
    pub(super) fn fields_not_walked(&self) -> Vec<String> {
        self.operations();
        let walked = self.walked.borrow();
        // A field of an interface is one of its members, too.
        let walks = |(name, kind): (&String, &Kind), field: &String| {
            let mut types = kind.members.iter().chain([name]);
            types.any(|ty| walked.contains(&format!("{ty}.{field}")))
        };
        let all = self.kinds.iter().flat_map(|named| {
            let fields = named.1.fields.keys().filter(move |field| !walks(named, field));
            fields.map(move |field| format!("{}.{field}", named.0))
        });
        all.collect()
    }

    pub(super) fn operations(&self) -> Vec<Operation> {
        let roots = ROOTS
            .iter()
            .filter_map(|root| Some((root, self.kinds.get(*root)?)));
        let fields = roots.flat_map(|(root, kind)| kind.fields.iter().map(move |field| (root, field)));
        let operations = fields.filter_map(|(root, (name, field))| {
            let path = format!("{root}.{name}");
            let case = self.case(&path)?;
            self.walked.borrow_mut().insert(path.clone());
            let mut opened = BTreeSet::new();
            Some(Operation {
                selection: self.select(&field.ty, &mut opened),
                permission: field.permission.clone(),
                ty: field.ty.clone(),
                name: path,
                case,
            })
        });
        operations.collect()
    }

    /// Everything of a type and of what it leads to. Each type is opened once for each operation.
    fn select(&self, ty: &str, opened: &mut BTreeSet<String>) -> String {
        let Some(kind) = self.kinds.get(ty) else {
            return String::new();
        };
        if ROOTS.contains(&ty) {
            return "{ __typename }".to_owned();
        }
        if !opened.insert(ty.to_owned()) {
            let known = kind.fields.contains_key("id");
            return if known { "{ id }" } else { "{ __typename }" }.to_owned();
        }
        let mut set = "{ __typename".to_owned();
        for (name, field) in &kind.fields {
            let path = format!("{ty}.{name}");
            let arguments = match self.case(&path) {
                Some(case) => format!("({})", case.arguments),
                None if field.arguments.iter().any(|(name, _)| name == "first") => "(first: 1)".to_owned(),
                None => String::new(),
            };
            self.walked.borrow_mut().insert(path);
            let below = self.select(&field.ty, opened);
            write!(set, " {name}{arguments} {below}").expect("a text");
        }
        for member in &kind.members {
            let below = self.select(member, opened);
            write!(set, " ... on {member} {below}").expect("a text");
        }
        set.push_str(" }");
        set
    }

    /// Every field with a permission of its own that has an answer, with that permission.
    pub(super) fn told(&self, ty: &str, answer: &Value, told: &mut Vec<(String, String)>) {
        let Value::Object(object) = answer else {
            if let Value::Array(items) = answer {
                for item in items {
                    self.told(ty, item, told);
                }
            }
            return;
        };
        let ty = object.get("__typename").and_then(Value::as_str).unwrap_or(ty);
        let Some(kind) = self.kinds.get(ty) else { return };
        for (name, value) in object {
            let Some(field) = kind.fields.get(name).filter(|_| !value.is_null()) else {
                continue;
            };
            let named = field.permission.as_ref().filter(|named| is_name(named));
            told.extend(named.map(|named| (format!("{ty}.{name}"), named.clone())));
            self.told(&field.ty, value, told);
        }
    }
}

/// Whether the words are the name of a permission.
fn is_name(words: &str) -> bool {
    words.contains('.') && !words.contains(' ')
}

impl Operation {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn field(&self) -> &str {
        self.name.split_once('.').map_or("", |(_, field)| field)
    }

    fn root(&self) -> &str {
        self.name.split_once('.').map_or("", |(root, _)| root)
    }

    pub(super) fn is_query(&self) -> bool {
        self.root() == "Query"
    }

    /// Whether it answers with pages.
    pub(super) fn is_connection(&self) -> bool {
        self.ty.ends_with("Connection")
    }

    /// Whether the connection says how long its list is.
    pub(super) fn is_counted(&self, surface: Surface) -> bool {
        let sdl = simpul_api::sdl(surface);
        let (_, rest) = sdl.split_once(&format!("type {} ", self.ty)).expect("a type");
        rest.split("\n}")
            .next()
            .is_some_and(|body| body.contains("totalCount:"))
    }

    pub(super) fn is_command(&self) -> bool {
        self.root() == "Mutation"
    }

    pub(super) fn is_stream(&self) -> bool {
        self.root() == "Live"
    }

    pub(super) const fn is_public(&self) -> bool {
        self.case.public
    }

    /// Whether its description says that something is needed.
    pub(super) fn is_guarded(&self) -> bool {
        !self.is_public() && self.permission.as_deref() != Some("none")
    }

    /// The one permission that it needs.
    /// Without which a tenant is refused it.
    pub(super) fn feature(&self) -> Option<Feature> {
        self.case.feature
    }

    pub(super) fn permission(&self) -> Option<&str> {
        self.permission.as_deref().filter(|words| is_name(words))
    }

    /// The things that its arguments name.
    pub(super) fn things(&self) -> Vec<&'static str> {
        let mut things: Vec<_> = names(self.case.arguments).filter(|name| *name != "key").collect();
        things.dedup();
        things
    }

    /// The document, with ids in place of things.
    pub(super) fn text(&self, id: impl FnMut(&str) -> String) -> String {
        self.document(&self.arguments(id))
    }

    /// The arguments of its case, with ids in place of things.
    pub(super) fn arguments(&self, mut id: impl FnMut(&str) -> String) -> String {
        let mut arguments = self.case.arguments.to_owned();
        for name in names(self.case.arguments) {
            let value = if name == "key" {
                uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, id_seed().as_bytes()).to_string()
            } else {
                id(name)
            };
            arguments = arguments.replacen(&format!("${name}"), &format!("{value:?}"), 1);
        }
        arguments
    }

    /// The document with these arguments.
    pub(super) fn document(&self, arguments: &str) -> String {
        let arguments = if arguments.is_empty() {
            String::new()
        } else {
            format!("({arguments})")
        };
        let kind = match self.root() {
            "Query" => "query",
            "Mutation" => "mutation",
            _ => "subscription",
        };
        format!("{kind} {{ {}{arguments} {} }}", self.field(), self.selection)
    }
}

/// Another one each time.
fn id_seed() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

/// `$name` in a text.
fn names(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split('$').skip(1).map(|rest| {
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric());
        &rest[..end.unwrap_or(rest.len())]
    })
}
