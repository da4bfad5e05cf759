//! Filters of comparators and orders, of the lists that people work with: what a list shows is what the same filter lets
//! pass of all its nodes, sorted, whichever way it is cut into pages. Filters, orders and pages are drawn.
#![expect(clippy::panic, reason = "a filter that is refused says what it was")]

use std::cmp::Ordering;

use proptest::{collection::vec, option, sample::subsequence};
use serde_json::Value;
use simpul_api::Surface;

use super::{chance::Chance, world::World};

const CASES: usize = 150;

/// A list, by what it is filtered and ordered.
struct List {
    surface: Surface,
    name: &'static str,
    nodes: &'static str,
    fields: &'static [Field],
}

/// A field of a filter, where a node says it, and by what name it orders.
#[derive(Debug)]
struct Field {
    name: &'static str,
    at: &'static str,
    kind: Kind,
    order: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Word(&'static [&'static str]),
    Id,
    Text,
    Money,
    Date,
    Instant,
    Flag,
    /// A list of them.
    Names,
}

const fn field(name: &'static str, at: &'static str, kind: Kind, order: Option<&'static str>) -> Field {
    Field {
        name,
        at,
        kind,
        order,
    }
}

const INVOICE_STATUS: Kind = Kind::Word(&["ISSUED", "PARTIALLY_PAID", "OVERDUE", "PAID", "VOID"]);
const LINE_STATUS: Kind = Kind::Word(&[
    "PENDING",
    "ACTIVE",
    "ISOLATED",
    "SUSPENDED",
    "STOPPED",
    "TERMINATED",
]);

const USER_STATUS: Kind = Kind::Word(&["INVITED", "ACTIVE", "DISABLED", "ERASED"]);
const TENANT_STATUS: Kind = Kind::Word(&["ACTIVE", "DEACTIVATED", "DELETING", "DELETED"]);

#[rustfmt::skip]
const LISTS: &[List] = &[
    List {
        surface: Surface::Staff,
        name: "invoices",
        nodes: "status customer { id } subscription { id } number total { amount } outstanding { amount } dueOn issuedAt",
        fields: &[
            field("status", "/status", INVOICE_STATUS, None),
            field("customerId", "/customer/id", Kind::Id, None),
            field("subscriptionId", "/subscription/id", Kind::Id, None),
            field("number", "/number", Kind::Text, Some("NUMBER")),
            field("total", "/total/amount", Kind::Money, Some("TOTAL")),
            field("outstanding", "/outstanding/amount", Kind::Money, Some("OUTSTANDING")),
            field("dueOn", "/dueOn", Kind::Date, Some("DUE_ON")),
            field("issuedAt", "/issuedAt", Kind::Instant, Some("ISSUED_AT")),
        ],
    },
    List {
        surface: Surface::Staff,
        name: "subscriptions",
        nodes: "status customer { id } router { id } plan { id } username price { amount } statusSince openedAt",
        fields: &[
            field("status", "/status", LINE_STATUS, None),
            field("customerId", "/customer/id", Kind::Id, None),
            field("routerId", "/router/id", Kind::Id, None),
            field("planId", "/plan/id", Kind::Id, None),
            field("username", "/username", Kind::Text, Some("USERNAME")),
            field("price", "/price/amount", Kind::Money, Some("PRICE")),
            field("statusSince", "/statusSince", Kind::Instant, Some("STATUS_SINCE")),
            field("openedAt", "/openedAt", Kind::Instant, Some("OPENED_AT")),
        ],
    },
    List {
        surface: Surface::Staff,
        name: "payments",
        nodes: "customer { id } amount { amount } unmatched { amount } providerRef paidAt receivedAt",
        fields: &[
            field("customerId", "/customer/id", Kind::Id, None),
            field("amount", "/amount/amount", Kind::Money, Some("AMOUNT")),
            field("unmatched", "/unmatched/amount", Kind::Money, None),
            field("providerRef", "/providerRef", Kind::Text, None),
            field("paidAt", "/paidAt", Kind::Instant, Some("PAID_AT")),
            field("receivedAt", "/receivedAt", Kind::Instant, Some("RECEIVED_AT")),
        ],
    },
    List {
        surface: Surface::Staff,
        name: "customers",
        nodes: "code registeredAt",
        fields: &[
            field("code", "/code", Kind::Text, Some("CODE")),
            field("registeredAt", "/registeredAt", Kind::Instant, Some("REGISTERED_AT")),
        ],
    },
    List {
        surface: Surface::Staff,
        name: "users",
        nodes: "status roles customerId hasSecondFactor invitedAt joinedAt",
        fields: &[
            field("status", "/status", USER_STATUS, None),
            field("roles", "/roles", Kind::Names, None),
            field("customerId", "/customerId", Kind::Id, None),
            field("hasSecondFactor", "/hasSecondFactor", Kind::Flag, None),
            field("invitedAt", "/invitedAt", Kind::Instant, Some("INVITED_AT")),
            field("joinedAt", "/joinedAt", Kind::Instant, None),
        ],
    },
    List {
        surface: Surface::Staff,
        name: "messages",
        nodes: "customer { id } kind channel status queuedAt statusAt",
        fields: &[
            field("customerId", "/customer/id", Kind::Id, None),
            field("kind", "/kind", Kind::Word(&["INVOICE_CREATED", "INVOICE_DUE_REMINDER", "INVOICE_OVERDUE", "INVOICE_PAID",
                "CUSTOMER_ISOLATED", "CUSTOMER_UNISOLATED"]), None),
            field("channel", "/channel", Kind::Word(&["WHATSAPP", "EMAIL"]), None),
            field("status", "/status", Kind::Word(&["QUEUED", "ACCEPTED", "SENT", "DELIVERED", "READ", "FAILED", "UNKNOWN"]), None),
            field("queuedAt", "/queuedAt", Kind::Instant, Some("QUEUED_AT")),
            field("statusAt", "/statusAt", Kind::Instant, Some("STATUS_AT")),
        ],
    },
    List {
        surface: Surface::Platform,
        name: "saasPayments",
        nodes: "tenantId amount { amount } unmatched { amount } reference paidAt receivedAt",
        fields: &[
            field("tenantId", "/tenantId", Kind::Id, None),
            field("amount", "/amount/amount", Kind::Money, Some("AMOUNT")),
            field("unmatched", "/unmatched/amount", Kind::Money, None),
            field("reference", "/reference", Kind::Text, None),
            field("paidAt", "/paidAt", Kind::Instant, Some("PAID_AT")),
            field("receivedAt", "/receivedAt", Kind::Instant, Some("RECEIVED_AT")),
        ],
    },
    List {
        surface: Surface::Platform,
        name: "tenants",
        nodes: "name subdomain status plan openedAt",
        fields: &[
            field("name", "/name", Kind::Text, Some("NAME")),
            field("subdomain", "/subdomain", Kind::Text, Some("SUBDOMAIN")),
            field("status", "/status", TENANT_STATUS, None),
            field("plan", "/plan", Kind::Text, Some("PLAN")),
            field("openedAt", "/openedAt", Kind::Instant, Some("OPENED_AT")),
        ],
    },
    List {
        surface: Surface::Platform,
        name: "saasInvoices",
        nodes: "status tenantId number total { amount } outstanding { amount } dueOn issuedAt",
        fields: &[
            field("status", "/status", INVOICE_STATUS, None),
            field("tenantId", "/tenantId", Kind::Id, None),
            field("number", "/number", Kind::Text, Some("NUMBER")),
            field("total", "/total/amount", Kind::Money, Some("TOTAL")),
            field("outstanding", "/outstanding/amount", Kind::Money, Some("OUTSTANDING")),
            field("dueOn", "/dueOn", Kind::Date, Some("DUE_ON")),
            field("issuedAt", "/issuedAt", Kind::Instant, Some("ISSUED_AT")),
        ],
    },
];

/// A filter.
enum Tree {
    Test(&'static Field, &'static str, Vec<String>),
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
}

impl Field {
    /// One text; of names the first.
    fn of<'n>(&self, node: &'n Value) -> Option<&'n str> {
        match node.pointer(self.at)? {
            Value::Bool(so) => Some(if *so { "true" } else { "false" }),
            Value::Array(names) => names.first()?.as_str(),
            said => said.as_str(),
        }
    }

    /// Whether one of these is among the names.
    fn has(&self, node: &Value, names: &[String]) -> bool {
        let said = node.pointer(self.at).and_then(Value::as_array);
        said.is_some_and(|said| said.iter().any(|said| names.iter().any(|name| said == name)))
    }

    /// What it can be compared with, and whether that takes several values.
    fn operators(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Word(_) => &["eq", "neq", "in", "nin"],
            Kind::Id => &["eq", "in", "nin", "isNull"],
            Kind::Text => &["eq", "in", "startsWith", "contains"],
            Kind::Money | Kind::Date => &["eq", "gt", "gte", "lt", "lte"],
            // A node says milliseconds, and the table knows microseconds.
            Kind::Instant => &["gte", "lt"],
            Kind::Flag => &["eq"],
            Kind::Names => &["contains", "containsAny"],
        }
    }

    fn compare(&self, one: &str, other: &str) -> Ordering {
        let number = |text: &str| text.parse::<i64>().expect("an amount");
        match self.kind {
            Kind::Money => number(one).cmp(&number(other)),
            _ => one.cmp(other),
        }
    }

    fn written(&self, value: &str) -> String {
        match self.kind {
            Kind::Word(_) | Kind::Flag => value.to_owned(),
            Kind::Money => format!("{{ amount: \"{value}\", currency: IDR }}"),
            Kind::Id | Kind::Text | Kind::Date | Kind::Instant | Kind::Names => format!("{value:?}"),
        }
    }
}

impl Tree {
    fn written(&self) -> String {
        let all = |parts: &[Self]| parts.iter().map(Self::written).collect::<Vec<_>>().join(", ");
        match self {
            Self::Test(field, operator, values) => {
                let written: Vec<String> = values.iter().map(|value| field.written(value)).collect();
                let value = match *operator {
                    "in" | "nin" | "containsAny" => format!("[{}]", written.join(", ")),
                    "isNull" => values[0].clone(),
                    _ => written[0].clone(),
                };
                format!("{{ {}: {{ {operator}: {value} }} }}", field.name)
            }
            Self::And(parts) => format!("{{ and: [{}] }}", all(parts)),
            Self::Or(parts) => format!("{{ or: [{}] }}", all(parts)),
            Self::Not(part) => format!("{{ not: {} }}", part.written()),
        }
    }

    fn passes(&self, node: &Value) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.passes(node)),
            Self::Or(parts) => parts.iter().any(|part| part.passes(node)),
            Self::Not(part) => !part.passes(node),
            Self::Test(field, _, values) if field.kind == Kind::Names => field.has(node, values),
            Self::Test(field, operator, values) => {
                let said = field.of(node);
                match *operator {
                    "isNull" => said.is_none() == (values[0] == "true"),
                    "neq" | "nin" => said.is_none_or(|said| !values.iter().any(|value| value == said)),
                    "in" => said.is_some_and(|said| values.iter().any(|value| value == said)),
                    _ => said.is_some_and(|said| compares(field, said, operator, &values[0])),
                }
            }
        }
    }
}

fn compares(field: &Field, said: &str, operator: &str, value: &str) -> bool {
    let order = field.compare(said, value);
    match operator {
        "eq" => order.is_eq(),
        "gt" => order.is_gt(),
        "gte" => order.is_ge(),
        "lt" => order.is_lt(),
        "lte" => order.is_le(),
        "startsWith" => said.starts_with(value),
        "contains" => said.to_lowercase().contains(&value.to_lowercase()),
        _ => panic!("{operator} is not compared with"),
    }
}

impl Chance {
    /// Mostly what some node says.
    fn value(&mut self, field: &Field, operator: &str, nodes: &[Value]) -> String {
        if operator == "isNull" {
            return self.draw(proptest::bool::ANY).to_string();
        }
        if let Kind::Word(words) = field.kind {
            return (*self.one(words)).to_owned();
        }
        if field.kind == Kind::Flag {
            return self.draw(proptest::bool::ANY).to_string();
        }
        let said: Vec<&str> = nodes.iter().filter_map(|node| field.of(node)).collect();
        let value = match (said.as_slice(), field.kind) {
            ([], Kind::Instant) => "2027-01-01T00:00:00.000Z",
            ([], Kind::Date) => "2027-01-01",
            ([], _) => "1",
            (said, _) => self.one(said),
        };
        match (field.kind, operator) {
            (Kind::Text, "startsWith" | "contains") => {
                let from = if operator == "contains" {
                    self.draw(0..value.len())
                } else {
                    0
                };
                let part: String = value.chars().skip(from).take(self.draw(1..5_usize)).collect();
                if self.draw(proptest::bool::ANY) || operator == "startsWith" {
                    part
                } else {
                    part.to_uppercase()
                }
            }
            (Kind::Id, _) if self.draw(0..5) == 0 => "nobody".to_owned(),
            (Kind::Text, _) if self.draw(0..5) == 0 => "%' OR 1=1 --".to_owned(),
            _ => value.to_owned(),
        }
    }

    fn tree(&mut self, list: &List, nodes: &[Value], depth: u32) -> Tree {
        let below = depth - 1;
        match self.draw(0..if below == 0 { 1 } else { 5 }) {
            0 | 1 => {
                let field: &'static Field = self.one(list.fields);
                let operator = *self.one(field.operators());
                let values = match operator {
                    "in" | "nin" | "containsAny" => self.draw(0..4_usize),
                    _ => 1,
                };
                let values = (0..values).map(|_| self.value(field, operator, nodes)).collect();
                Tree::Test(field, operator, values)
            }
            2 => Tree::And(self.trees(list, nodes, below)),
            3 => Tree::Or(self.trees(list, nodes, below)),
            _ => Tree::Not(Box::new(self.tree(list, nodes, below))),
        }
    }

    fn trees(&mut self, list: &List, nodes: &[Value], depth: u32) -> Vec<Tree> {
        (0..self.draw(0..4_usize))
            .map(|_| self.tree(list, nodes, depth))
            .collect()
    }

    /// Keys of an order, each with whether it descends.
    fn order(&mut self, list: &List) -> Vec<(&'static Field, bool)> {
        let orders: Vec<&'static Field> = list.fields.iter().filter(|field| field.order.is_some()).collect();
        let most = orders.len().min(3);
        let keys = self.draw(subsequence(orders, 0..=most));
        keys.into_iter()
            .map(|field| (field, self.draw(proptest::bool::ANY)))
            .collect()
    }
}

async fn ask(world: &World, list: &List, arguments: &str) -> Value {
    let text = format!(
        "{{ {}({arguments}) {{ nodes {{ id {} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
            totalCount totalCountIsExact }} }}",
        list.name, list.nodes
    );
    let token = world.token(list.surface, &world.ours);
    let (_, mut answer) = world.question(list.surface, &token, &text).await;
    assert!(answer.get("errors").is_none(), "{text}: {answer}");
    answer["data"][list.name].take()
}

pub(super) fn ids<'a>(nodes: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    nodes.into_iter().map(|node| node["id"].to_string()).collect()
}

pub(super) fn nodes(page: &Value) -> Vec<Value> {
    page["nodes"]
        .as_array()
        .unwrap_or_else(|| panic!("{page}"))
        .clone()
}

/// All pages of these sizes, walked onward or back, as one list.
async fn walked(world: &World, list: &List, arguments: &str, (back, sizes): (bool, &[usize])) -> Vec<String> {
    let (mut seen, mut place) = (Vec::new(), String::new());
    for size in sizes.iter().cycle() {
        let count = if back { "last" } else { "first" };
        let page = ask(world, list, &format!("{count}: {size}{place}{arguments}")).await;
        let rows = ids(&nodes(&page));
        let info = &page["pageInfo"];
        let (more, cursor) = if back {
            seen.splice(0..0, rows);
            place = format!(", before: {}", info["startCursor"]);
            (&info["hasPreviousPage"], &info["startCursor"])
        } else {
            seen.extend(rows);
            place = format!(", after: {}", info["endCursor"]);
            (&info["hasNextPage"], &info["endCursor"])
        };
        if *more != true {
            break;
        }
        assert!(cursor.is_string(), "{page}");
    }
    seen
}

/// Whether each node may stand where it does.
fn is_sorted(rows: &[Value], order: &[(&Field, bool)]) -> bool {
    rows.is_sorted_by(|one, other| {
        for (field, descending) in order {
            let (one, other) = (
                field.of(one).unwrap_or_default(),
                field.of(other).unwrap_or_default(),
            );
            match (field.compare(one, other), descending) {
                (Ordering::Equal, _) => {}
                (Ordering::Less, false) | (Ordering::Greater, true) => return true,
                _ => return false,
            }
        }
        true
    })
}

// Properties 10 and 12, for filters, orders and both ways.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_shows_what_its_filter_lets_pass_in_its_order_whichever_way_it_is_read() {
    let world = World::open().await;
    world.furnish_more().await;
    let mut lists = Vec::new();
    for list in LISTS {
        let all = nodes(&ask(&world, list, "first: 100").await);
        assert!((1..100).contains(&all.len()), "{} of {}", all.len(), list.name);
        lists.push((list, all));
    }
    let (mut chance, mut found) = (Chance::new(), 0_usize);
    for case in 0..CASES {
        let (list, all) = chance.one(&lists);
        let tree = chance.tree(list, all, 3);
        let order = chance.order(list);
        let keys: Vec<String> = order
            .iter()
            .map(|(field, descending)| {
                let direction = if *descending { "DESC" } else { "ASC" };
                format!(
                    "{{ field: {}, direction: {direction} }}",
                    field.order.unwrap_or_default()
                )
            })
            .collect();
        let arguments = format!(", filter: {}, orderBy: [{}]", tree.written(), keys.join(", "));
        let what = format!("case {case}, {}({arguments})", list.name);
        let whole = ask(&world, list, &format!("first: 100{arguments}")).await;
        let rows = nodes(&whole);
        let passed: Vec<&Value> = all.iter().filter(|node| tree.passes(node)).collect();
        let sorted = |mut ids: Vec<String>| {
            ids.sort();
            ids
        };
        assert_eq!(sorted(ids(&rows)), sorted(ids(passed)), "{what}");
        assert!(is_sorted(&rows, &order), "{what}: {rows:?}");
        assert_eq!(whole["totalCount"], rows.len(), "{what}");
        assert_eq!(whole["totalCountIsExact"], true, "{what}");
        let sizes: Vec<usize> = chance.draw(vec(1..=rows.len() + 1, 1..4));
        let back = chance.draw(proptest::bool::ANY);
        let pages = walked(&world, list, &arguments, (back, &sizes)).await;
        assert_eq!(pages, ids(&rows), "{what} by {sizes:?}, back: {back}");
        let offset = chance.draw(option::of(0..=rows.len())).unwrap_or(0);
        let rest = ask(&world, list, &format!("first: 100, offset: {offset}{arguments}")).await;
        assert_eq!(ids(&nodes(&rest)), ids(&rows[offset..]), "{what} from {offset}");
        found += rows.len();
    }
    assert!(
        found >= CASES,
        "filters that nothing passes prove nothing: {found}"
    );
}
