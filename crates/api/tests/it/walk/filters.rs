//! Lists with filters: every hit matches, and what matches is a hit.

use std::collections::BTreeSet;

use serde_json::Value;
use simpul_api::Surface;

use super::{schema::Schema, world::World};

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
    values: &'static [&'static str],
    matches: fn(&Value, &str) -> bool,
}

/// A word, or the text in quotes.
fn is(node: &Value, at: &str, value: &str) -> bool {
    node.pointer(at).and_then(Value::as_str) == Some(value.trim_matches('"'))
}

const INVOICE_STATUS: &[&str] = &["ISSUED", "PARTIALLY_PAID", "OVERDUE", "PAID", "VOID"];
const CUSTOMERS: &[&str] = &["$customer", "$nobody"];
const LINES: &[&str] = &["$subscription", "$nobody"];

const LISTS: &[Filtered] = &[
    Filtered {
        surface: Surface::Staff,
        list: "invoices",
        around: ("filter: {", "}"),
        fields: "id status customer { id } subscription { id }",
        filters: &[
            Filter {
                name: "status",
                values: INVOICE_STATUS,
                matches: |node, value| is(node, "/status", value),
            },
            Filter {
                name: "customerId",
                values: CUSTOMERS,
                matches: |node, value| is(node, "/customer/id", value),
            },
            Filter {
                name: "subscriptionId",
                values: LINES,
                matches: |node, value| is(node, "/subscription/id", value),
            },
        ],
    },
    Filtered {
        surface: Surface::Staff,
        list: "subscriptions",
        around: ("filter: {", "}"),
        fields: "id status customer { id } router { id }",
        filters: &[
            Filter {
                name: "status",
                values: &[
                    "PENDING",
                    "ACTIVE",
                    "ISOLATED",
                    "SUSPENDED",
                    "STOPPED",
                    "TERMINATED",
                ],
                matches: |node, value| is(node, "/status", value),
            },
            Filter {
                name: "customerId",
                values: CUSTOMERS,
                matches: |node, value| is(node, "/customer/id", value),
            },
            Filter {
                name: "routerId",
                values: &["$router", "$nobody"],
                matches: |node, value| is(node, "/router/id", value),
            },
        ],
    },
    Filtered {
        surface: Surface::Staff,
        list: "payments",
        around: ("filter: {", "}"),
        fields: "id customer { id }",
        filters: &[
            Filter {
                name: "customerId",
                values: CUSTOMERS,
                matches: |node, value| is(node, "/customer/id", value),
            },
            Filter {
                name: "unmatchedOnly",
                values: &["true", "false"],
                matches: |node, value| value == "false" || node["customer"].is_null(),
            },
        ],
    },
    Filtered {
        surface: Surface::Staff,
        list: "messages",
        around: ("filter: {", "}"),
        fields: "id customer { id }",
        filters: &[Filter {
            name: "customerId",
            values: CUSTOMERS,
            matches: |node, value| is(node, "/customer/id", value),
        }],
    },
    Filtered {
        surface: Surface::Staff,
        list: "customers",
        around: ("", ""),
        fields: "id code",
        filters: &[Filter {
            name: "code",
            values: &["\"C-1\"", "\"M-3\"", "\"M-\"", "\"%\""],
            matches: |node, value| is(node, "/code", value),
        }],
    },
    Filtered {
        surface: Surface::Staff,
        list: "servicePlans",
        around: ("", ""),
        fields: "id retiredAt",
        filters: &[Filter {
            name: "onSaleOnly",
            values: &["true", "false"],
            matches: |node, value| value == "false" || node["retiredAt"].is_null(),
        }],
    },
    Filtered {
        surface: Surface::Staff,
        list: "auditEntries",
        around: ("filter: {", "}"),
        fields: "id actor",
        filters: &[
            Filter {
                name: "actor",
                values: &["$owner", "$nobodys_user"],
                matches: |node, value| is(node, "/actor", value),
            },
            Filter {
                name: "includeSystem",
                values: &["true", "false"],
                matches: |node, value| {
                    value == "true"
                        || node["actor"]
                            .as_str()
                            .is_some_and(|actor| actor.starts_with("usr_"))
                },
            },
        ],
    },
    Filtered {
        surface: Surface::Portal,
        list: "invoices",
        around: ("", ""),
        fields: "id status",
        filters: &[Filter {
            name: "status",
            values: INVOICE_STATUS,
            matches: |node, value| is(node, "/status", value),
        }],
    },
    Filtered {
        surface: Surface::Platform,
        list: "tenants",
        around: ("filter: {", "}"),
        fields: "id name subdomain plan panelLock",
        filters: &[
            Filter {
                name: "plan",
                values: &["\"basic\"", "\"pro\"", "\"' OR 1=1 --\""],
                matches: |node, value| is(node, "/plan", value),
            },
            Filter {
                name: "panelLocked",
                values: &["true", "false"],
                matches: |node, value| node["panelLock"].is_null() == (value == "false"),
            },
            Filter {
                name: "search",
                values: &["\"ketiga\"", "\"WIFI\"", "\"%\"", "\"_\"", "\"nothing\""],
                matches: |node, value| {
                    let part = value.trim_matches('"').to_lowercase();
                    ["name", "subdomain"].iter().any(|field| {
                        let text = node[field].as_str().unwrap_or_default().to_lowercase();
                        text.contains(&part)
                    })
                },
            },
        ],
    },
    Filtered {
        surface: Surface::Platform,
        list: "saasInvoices",
        around: ("filter: {", "}"),
        fields: "id number status tenantId tenantName tenantCode",
        filters: &[
            Filter {
                name: "status",
                values: INVOICE_STATUS,
                matches: |node, value| is(node, "/status", value),
            },
            Filter {
                name: "tenantId",
                values: &["$tenant", "$nobodys_tenant"],
                matches: |node, value| is(node, "/tenantId", value),
            },
            Filter {
                name: "search",
                values: &["\"INV\"", "\"wifi\"", "\"%\""],
                matches: |node, value| {
                    let part = value.trim_matches('"').to_lowercase();
                    ["number", "tenantName", "tenantCode"].iter().any(|field| {
                        let text = node[field].as_str().unwrap_or_default().to_lowercase();
                        text.contains(&part)
                    })
                },
            },
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

/// Every choice of a value, or none, for each filter.
fn choices(filters: &'static [Filter]) -> Vec<Vec<(&'static Filter, &'static str)>> {
    let mut all = vec![Vec::new()];
    for filter in filters {
        let with = |chosen: &Vec<(&'static Filter, &'static str)>| {
            filter
                .values
                .iter()
                .map(|value| chosen.iter().copied().chain([(filter, *value)]).collect())
                .collect::<Vec<Vec<_>>>()
        };
        let more: Vec<Vec<_>> = all.iter().flat_map(with).collect();
        all.extend(more);
    }
    all
}

// Property 12: every filtered hit matches the filter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hit_matches_every_filter_and_whatever_matches_is_a_hit() {
    let world = World::open().await;
    world.furnish_more().await;
    let (mut cases, mut found) = (0_u32, 0_usize);
    for filtered in LISTS {
        let token = world.token(filtered.surface, &world.ours);
        let everything = match filtered.list {
            // Without it, what the product did is left out.
            "auditEntries" => ", filter: { includeSystem: true }",
            _ => "",
        };
        let all = world.hits(filtered, &token, everything).await;
        let on_one_page = all.len() < 100;
        assert!(
            on_one_page || filtered.list == "auditEntries",
            "{}",
            filtered.list
        );
        for chosen in choices(filtered.filters) {
            if chosen.is_empty() {
                continue;
            }
            let values: Vec<(&Filter, String)> = chosen
                .iter()
                .map(|(filter, value)| (*filter, world.filtered_by(value)))
                .collect();
            let written: Vec<String> = values
                .iter()
                .map(|(filter, value)| format!("{}: {value}", filter.name))
                .collect();
            let (before, after) = filtered.around;
            let arguments = format!(", {before}{}{after}", written.join(", "));
            let hits = world.hits(filtered, &token, &arguments).await;
            let matches = |node: &&Value| values.iter().all(|(filter, value)| (filter.matches)(node, value));
            let what = format!("{}, {}{arguments}", filtered.surface, filtered.list);
            for hit in &hits {
                assert!(matches(&hit), "{what}: {hit} does not match");
            }
            // Without a word about what the product did, it is left out.
            let explicit = filtered.list != "auditEntries" || arguments.contains("includeSystem");
            let ids = |nodes: Vec<&Value>| {
                nodes
                    .iter()
                    .map(|node| node["id"].to_string())
                    .collect::<BTreeSet<_>>()
            };
            if explicit && on_one_page {
                let expected = ids(all.iter().filter(matches).collect());
                assert_eq!(ids(hits.iter().collect()), expected, "{what}");
            }
            cases += 1;
            found += hits.len();
        }
    }
    assert!(cases >= 100, "{cases}");
    assert!(found >= 50, "filters that nothing passes prove nothing: {found}");
}
