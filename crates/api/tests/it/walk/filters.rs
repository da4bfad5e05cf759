//! Lists with filters: every hit matches, and what matches is a hit. Filters and their values are drawn.

use proptest::option;
use serde_json::Value;
use simpul_api::Surface;

use super::{
    chance::Chance,
    world::{World, ids},
};

const CASES: usize = 120;

/// A list, its filters, and what a node says about what is filtered by.
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
    values: Values,
    matches: Match,
}

/// What a filter takes; among it what nothing has.
enum Values {
    /// Of an enumeration, or a switch.
    Words(&'static [&'static str]),
    Texts(&'static [&'static str]),
    /// Who has done most, and who has done nothing.
    Actors,
}

/// When a node matches a value.
enum Match {
    /// It says the same there.
    Is(&'static str),
    By(fn(&Value, &str) -> bool),
}

const fn word(name: &'static str, words: &'static [&'static str], at: &'static str) -> Filter {
    Filter {
        name,
        values: Values::Words(words),
        matches: Match::Is(at),
    }
}

const fn text(name: &'static str, texts: &'static [&'static str], at: &'static str) -> Filter {
    Filter {
        name,
        values: Values::Texts(texts),
        matches: Match::Is(at),
    }
}

const fn switch(name: &'static str, matches: fn(&Value, &str) -> bool) -> Filter {
    Filter {
        name,
        values: Values::Words(&["true", "false"]),
        matches: Match::By(matches),
    }
}

impl Filter {
    /// Its values, and how they are written.
    fn values(&self, world: &World) -> Vec<(String, String)> {
        let quoted = |text: &str| (text.to_owned(), format!("{text:?}"));
        match self.values {
            Values::Words(words) => words
                .iter()
                .map(|word| ((*word).to_owned(), (*word).to_owned()))
                .collect(),
            Values::Texts(texts) => texts.iter().map(|text| quoted(text)).collect(),
            Values::Actors => vec![
                quoted(&world.ours.owner.user.to_string()),
                quoted(&world.ours.thing("user")),
            ],
        }
    }

    fn matches(&self, node: &Value, value: &str) -> bool {
        match self.matches {
            Match::Is(at) => node.pointer(at).is_some_and(|said| said == value),
            Match::By(matches) => matches(node, value),
        }
    }
}

const INVOICE_STATUS: &[&str] = &["ISSUED", "PARTIALLY_PAID", "OVERDUE", "PAID", "VOID"];
const IN_FILTER: (&str, &str) = ("filter: {", "}");
const ARGUMENT: (&str, &str) = ("", "");

const LISTS: &[Filtered] = &[
    Filtered {
        surface: Surface::Staff,
        list: "customers",
        around: ARGUMENT,
        fields: "code",
        filters: &[text("code", &["C-1", "M-3", "M-", "%"], "/code")],
    },
    Filtered {
        surface: Surface::Staff,
        list: "servicePlans",
        around: ARGUMENT,
        fields: "retiredAt",
        filters: &[switch("onSaleOnly", |node, value| {
            value == "false" || node["retiredAt"].is_null()
        })],
    },
    Filtered {
        surface: Surface::Staff,
        list: "auditEntries",
        around: IN_FILTER,
        fields: "actor",
        filters: &[
            Filter {
                name: "actor",
                values: Values::Actors,
                matches: Match::Is("/actor"),
            },
            switch("includeSystem", |node, value| {
                let actor = node["actor"].as_str().unwrap_or_default();
                value == "true" || actor.starts_with("usr_")
            }),
        ],
    },
    Filtered {
        surface: Surface::Portal,
        list: "invoices",
        around: ARGUMENT,
        fields: "status",
        filters: &[word("status", INVOICE_STATUS, "/status")],
    },
];

impl Filtered {
    async fn hits(&self, world: &World, arguments: &str) -> Vec<Value> {
        world.nodes(self.surface, self.list, self.fields, arguments).await
    }

    /// Everything that a filter could find.
    async fn all(&self, world: &World) -> Vec<Value> {
        let arguments = match self.list {
            // Without a word about it, what the product did is left out.
            "auditEntries" => "filter: { includeSystem: true }",
            _ => "",
        };
        self.hits(world, arguments).await
    }
}

/// A filter with a value, and how it is written.
struct Chosen {
    filter: &'static Filter,
    value: String,
    written: String,
}

impl Chance {
    /// A value for some of the filters, for one at least.
    fn choice(&mut self, world: &World, filters: &'static [Filter]) -> Vec<Chosen> {
        loop {
            let drawn = filters.iter().filter_map(|filter| {
                let values = filter.values(world);
                let chosen = self.draw(option::of(0..values.len()))?;
                let (value, written) = values[chosen].clone();
                Some(Chosen {
                    filter,
                    value,
                    written,
                })
            });
            let chosen: Vec<Chosen> = drawn.collect();
            if !chosen.is_empty() {
                return chosen;
            }
        }
    }
}

// Property 12: every filtered hit matches the filter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hit_matches_every_filter_and_whatever_matches_is_a_hit() {
    let world = World::open().await;
    world.furnish_more().await;
    let mut lists = Vec::new();
    for filtered in LISTS {
        let all = filtered.all(&world).await;
        let on_one_page = all.len() < 100;
        assert!(
            on_one_page || filtered.list == "auditEntries",
            "{}",
            filtered.list
        );
        lists.push((filtered, all, on_one_page));
    }
    let (mut chance, mut found) = (Chance::new(), 0_usize);
    for _ in 0..CASES {
        let (filtered, all, on_one_page) = chance.one(&lists);
        let chosen = chance.choice(&world, filtered.filters);
        let written: Vec<String> = chosen
            .iter()
            .map(|chosen| format!("{}: {}", chosen.filter.name, chosen.written))
            .collect();
        let (before, after) = filtered.around;
        let arguments = format!("{before}{}{after}", written.join(", "));
        let hits = filtered.hits(&world, &arguments).await;
        let what = format!("{}, {}, {arguments}", filtered.surface, filtered.list);
        let matches = |node: &&Value| {
            let mut chosen = chosen.iter();
            chosen.all(|chosen| chosen.filter.matches(node, &chosen.value))
        };
        for hit in &hits {
            assert!(matches(&hit), "{what}: {hit} does not match");
        }
        // What the product did is left out without a word about it.
        let explicit = filtered.list != "auditEntries" || arguments.contains("includeSystem");
        if explicit && *on_one_page {
            assert_eq!(ids(&hits), ids(all.iter().filter(matches)), "{what}");
        }
        found += hits.len();
    }
    assert!(
        found >= CASES / 4,
        "filters that nothing passes prove nothing: {found}"
    );
}
