//! Lists with filters: every hit matches, and what matches is a hit. Filters and their values are drawn.

use std::collections::BTreeSet;

use proptest::option;
use serde_json::Value;
use simpul_api::Surface;

use super::{chance::Chance, schema::Schema, world::World};

const CASES: u32 = 200;

/// A list, its filters with the values that they take, and where a node says what is filtered by.
struct Filtered {
    surface: Surface,
    list: &'static str,
    /// How arguments are written around a filter.
    around: (&'static str, &'static str),
    fields: &'static str,
    filters: &'static [Filter],
}

struct Filter {
    name: &'static str,
    /// Among them some that nothing has.
    values: &'static [&'static str],
    matches: Match,
}

/// When a node matches a value.
enum Match {
    /// It says the same there.
    Is(&'static str),
    /// One of these texts contains it, whatever its capitals.
    Contains(&'static [&'static str]),
    By(fn(&Value, &str) -> bool),
}

const fn is(name: &'static str, values: &'static [&'static str], at: &'static str) -> Filter {
    Filter {
        name,
        values,
        matches: Match::Is(at),
    }
}

const fn contains(values: &'static [&'static str], fields: &'static [&'static str]) -> Filter {
    Filter {
        name: "search",
        values,
        matches: Match::Contains(fields),
    }
}

/// A switch; `true` leaves what does not match out.
const fn only(name: &'static str, matches: fn(&Value, &str) -> bool) -> Filter {
    Filter {
        name,
        values: &["true", "false"],
        matches: Match::By(matches),
    }
}

impl Match {
    /// `value` is a word, or a text in quotes.
    fn of(&self, node: &Value, value: &str) -> bool {
        let text = value.trim_matches('"');
        match self {
            Self::Is(at) => node.pointer(at).and_then(Value::as_str) == Some(text),
            Self::Contains(fields) => {
                let part = text.to_lowercase();
                let said = fields
                    .iter()
                    .map(|field| node[*field].as_str().unwrap_or_default());
                said.into_iter().any(|said| said.to_lowercase().contains(&part))
            }
            Self::By(matches) => matches(node, value),
        }
    }
}

const INVOICE_STATUS: &[&str] = &["ISSUED", "PARTIALLY_PAID", "OVERDUE", "PAID", "VOID"];
const LINE_STATUS: &[&str] = &[
    "PENDING",
    "ACTIVE",
    "ISOLATED",
    "SUSPENDED",
    "STOPPED",
    "TERMINATED",
];
const CUSTOMERS: &[&str] = &["$customer", "$nobody"];
const IN_FILTER: (&str, &str) = ("filter: {", "}");
const ARGUMENT: (&str, &str) = ("", "");

const LISTS: &[Filtered] = &[
    Filtered {
        surface: Surface::Staff,
        list: "invoices",
        around: IN_FILTER,
        fields: "id status customer { id } subscription { id }",
        filters: &[
            is("status", INVOICE_STATUS, "/status"),
            is("customerId", CUSTOMERS, "/customer/id"),
            is(
                "subscriptionId",
                &["$subscription", "$nobody"],
                "/subscription/id",
            ),
        ],
    },
    Filtered {
        surface: Surface::Staff,
        list: "subscriptions",
        around: IN_FILTER,
        fields: "id status customer { id } router { id }",
        filters: &[
            is("status", LINE_STATUS, "/status"),
            is("customerId", CUSTOMERS, "/customer/id"),
            is("routerId", &["$router", "$nobody"], "/router/id"),
        ],
    },
    Filtered {
        surface: Surface::Staff,
        list: "payments",
        around: IN_FILTER,
        fields: "id customer { id }",
        filters: &[
            is("customerId", CUSTOMERS, "/customer/id"),
            only("unmatchedOnly", |node, value| {
                value == "false" || node["customer"].is_null()
            }),
        ],
    },
    Filtered {
        surface: Surface::Staff,
        list: "messages",
        around: IN_FILTER,
        fields: "id customer { id }",
        filters: &[is("customerId", CUSTOMERS, "/customer/id")],
    },
    Filtered {
        surface: Surface::Staff,
        list: "customers",
        around: ARGUMENT,
        fields: "id code",
        filters: &[is("code", &["\"C-1\"", "\"M-3\"", "\"M-\"", "\"%\""], "/code")],
    },
    Filtered {
        surface: Surface::Staff,
        list: "users",
        around: IN_FILTER,
        fields: "id status roles customerId",
        filters: &[
            is("status", &["INVITED", "ACTIVE", "DISABLED", "ERASED"], "/status"),
            Filter {
                name: "role",
                values: &["\"viewer\"", "\"owner\"", "\"customer\"", "\"%\""],
                matches: Match::By(|node, value| {
                    let roles = node["roles"].as_array().into_iter().flatten();
                    roles.into_iter().any(|role| role == value.trim_matches('"'))
                }),
            },
            only("staff", |node, value| {
                node["customerId"].is_null() == (value == "true")
            }),
        ],
    },
    Filtered {
        surface: Surface::Staff,
        list: "servicePlans",
        around: ARGUMENT,
        fields: "id retiredAt",
        filters: &[only("onSaleOnly", |node, value| {
            value == "false" || node["retiredAt"].is_null()
        })],
    },
    Filtered {
        surface: Surface::Staff,
        list: "auditEntries",
        around: IN_FILTER,
        fields: "id actor",
        filters: &[
            is("actor", &["$owner", "$nobodys_user"], "/actor"),
            only("includeSystem", |node, value| {
                let actor = node["actor"].as_str().unwrap_or_default();
                value == "true" || actor.starts_with("usr_")
            }),
        ],
    },
    Filtered {
        surface: Surface::Portal,
        list: "invoices",
        around: ARGUMENT,
        fields: "id status",
        filters: &[is("status", INVOICE_STATUS, "/status")],
    },
    Filtered {
        surface: Surface::Platform,
        list: "tenants",
        around: IN_FILTER,
        fields: "id name subdomain plan panelLock",
        filters: &[
            is("plan", &["\"basic\"", "\"pro\"", "\"' OR 1=1 --\""], "/plan"),
            only("panelLocked", |node, value| {
                node["panelLock"].is_null() == (value == "false")
            }),
            contains(
                &["\"ketiga\"", "\"WIFI\"", "\"%\"", "\"_\"", "\"nothing\""],
                &["name", "subdomain"],
            ),
        ],
    },
    Filtered {
        surface: Surface::Platform,
        list: "saasInvoices",
        around: IN_FILTER,
        fields: "id number status tenantId tenantName tenantCode",
        filters: &[
            is("status", INVOICE_STATUS, "/status"),
            is("tenantId", &["$tenant", "$nobodys_tenant"], "/tenantId"),
            contains(
                &["\"INV\"", "\"wifi\"", "\"%\""],
                &["number", "tenantName", "tenantCode"],
            ),
        ],
    },
];

impl World {
    /// A value with an id in place of what it names.
    fn filtered_by(&self, value: &str) -> String {
        let id = match value {
            "$nobody" => self.ours.nobodys("customer"),
            "$owner" => self.ours.user(),
            "$nobodys_user" => self.ours.nobodys("user"),
            "$nobodys_tenant" => self.ours.nobodys("tenant"),
            value => match value.strip_prefix('$') {
                Some(name) => self.ours.thing(name),
                None => return value.to_owned(),
            },
        };
        format!("{id:?}")
    }

    /// The nodes of a list with these arguments.
    async fn hits(&self, filtered: &Filtered, token: &str, arguments: &str) -> Vec<Value> {
        let operations = Schema::of(filtered.surface).operations();
        let named = |operation: &super::schema::Operation| operation.field() == filtered.list;
        let operation = operations.into_iter().find(named).expect("a list");
        let (list, fields) = (filtered.list, filtered.fields);
        let text = format!("query {{ {list}(first: 100{arguments}) {{ nodes {{ {fields} }} }} }}");
        let (_, answer) = self.ask(filtered.surface, Some(token), &operation, &text).await;
        let nodes = answer["data"][list]["nodes"].as_array();
        nodes.cloned().unwrap_or_else(|| unreachable!("{text}: {answer}"))
    }
}

impl Chance {
    /// A value for some of the filters, for one at least.
    fn filters(&mut self, filters: &'static [Filter]) -> Vec<(&'static Filter, &'static str)> {
        loop {
            let drawn = filters.iter().map(|filter| {
                let chosen = self.draw(option::of(0..filter.values.len()));
                chosen.map(|index| (filter, filter.values[index]))
            });
            let chosen: Vec<_> = drawn.flatten().collect();
            if !chosen.is_empty() {
                return chosen;
            }
        }
    }
}

fn ids(nodes: &[&Value]) -> BTreeSet<String> {
    nodes.iter().map(|node| node["id"].to_string()).collect()
}

// Property 12: every filtered hit matches the filter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hit_matches_every_filter_and_whatever_matches_is_a_hit() {
    let world = World::open().await;
    world.furnish_more().await;
    let mut everything = Vec::new();
    for filtered in LISTS {
        let token = world.token(filtered.surface, &world.ours);
        let all = match filtered.list {
            // Without it, what the product did is left out.
            "auditEntries" => ", filter: { includeSystem: true }",
            _ => "",
        };
        let nodes = world.hits(filtered, &token, all).await;
        let on_one_page = nodes.len() < 100;
        assert!(
            on_one_page || filtered.list == "auditEntries",
            "{}",
            filtered.list
        );
        everything.push((filtered, token, nodes, on_one_page));
    }
    let (mut chance, mut found) = (Chance::new(), 0_usize);
    for _ in 0..CASES {
        let (filtered, token, all, on_one_page) = chance.one(&everything);
        let chosen = chance.filters(filtered.filters);
        let values: Vec<(&Filter, String)> = chosen
            .into_iter()
            .map(|(filter, value)| (filter, world.filtered_by(value)))
            .collect();
        let written: Vec<String> = values
            .iter()
            .map(|(filter, value)| format!("{}: {value}", filter.name))
            .collect();
        let (before, after) = filtered.around;
        let arguments = format!(", {before}{}{after}", written.join(", "));
        let hits = world.hits(filtered, token, &arguments).await;
        let matches = |node: &&Value| {
            values
                .iter()
                .all(|(filter, value)| filter.matches.of(node, value))
        };
        let what = format!("{}, {}{arguments}", filtered.surface, filtered.list);
        for hit in &hits {
            assert!(matches(&hit), "{what}: {hit} does not match");
        }
        // Without a word about what the product did, it is left out.
        let explicit = filtered.list != "auditEntries" || arguments.contains("includeSystem");
        if explicit && *on_one_page {
            let expected: Vec<&Value> = all.iter().filter(matches).collect();
            assert_eq!(ids(&hits.iter().collect::<Vec<_>>()), ids(&expected), "{what}");
        }
        found += hits.len();
    }
    assert!(found >= 50, "filters that nothing passes prove nothing: {found}");
}
