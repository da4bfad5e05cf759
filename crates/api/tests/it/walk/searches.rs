//! Searches and codes, with drawn texts.

use std::collections::BTreeSet;

use proptest::{collection::vec, sample::select};
use serde_json::{Value, json};
use simpul_api::Surface;

use super::{
    chance::Chance,
    schema::{Operation, Schema},
    world::World,
};

const SEARCHES: usize = 150;
const CODES: usize = 150;

/// A list that is searched, and the texts of a node that are looked at.
struct Searched {
    surface: Surface,
    list: &'static str,
    /// How the term is written.
    around: (&'static str, &'static str),
    fields: &'static [&'static str],
}

const LISTS: &[Searched] = &[
    Searched {
        surface: Surface::Staff,
        list: "users",
        around: ("search: ", ""),
        fields: &["name", "email"],
    },
    Searched {
        surface: Surface::Platform,
        list: "users",
        around: ("search: ", ""),
        fields: &["name", "email"],
    },
    Searched {
        surface: Surface::Platform,
        list: "tenants",
        around: ("filter: { search: ", " }"),
        fields: &["name", "subdomain"],
    },
    Searched {
        surface: Surface::Platform,
        list: "saasInvoices",
        around: ("filter: { search: ", " }"),
        fields: &["number", "tenantName", "tenantCode"],
    },
];

impl Searched {
    fn texts(&self, node: &Value) -> Vec<String> {
        let texts = self.fields.iter().filter_map(|field| node[*field].as_str());
        texts.map(str::to_lowercase).collect()
    }

    async fn nodes(&self, world: &World, arguments: &str) -> Vec<Value> {
        let named = |operation: &Operation| operation.field() == self.list;
        let operation = Schema::of(self.surface).operations().into_iter().find(named);
        let fields = self.fields.join(" ");
        let text = format!(
            "query {{ {}(first: 100{arguments}) {{ nodes {{ id {fields} }} }} }}",
            self.list
        );
        let token = world.token(self.surface, &world.ours);
        let operation = operation.expect("a list");
        let (_, answer) = world.ask(self.surface, Some(&token), &operation, &text).await;
        let nodes = answer["data"][self.list]["nodes"].as_array();
        nodes.cloned().unwrap_or_else(|| unreachable!("{text}: {answer}"))
    }
}

impl Chance {
    /// A piece of what is there, in other capitals, or something that hardly anything has.
    fn term(&mut self, texts: &[String]) -> String {
        let strange = self.draw("[a-zA-Z0-9 %_.@'-]{2,6}");
        let text: Vec<char> = match texts.is_empty() || self.draw(0..4) == 0 {
            true => strange.chars().collect(),
            false => self.one(texts).chars().collect(),
        };
        let most = text.len().min(8);
        if most < 2 {
            return strange;
        }
        let length = self.draw(2..=most);
        let from = self.draw(0..=text.len() - length);
        let piece: String = text[from..from + length].iter().collect();
        match self.draw(select(vec![true, false])) {
            true => piece.to_uppercase(),
            false => piece,
        }
    }
}

fn ids(nodes: &[Value]) -> BTreeSet<String> {
    nodes.iter().map(|node| node["id"].to_string()).collect()
}

// Property 11: every search hit contains the term in name, code, phone or e-mail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hit_of_a_search_contains_the_term_and_whatever_contains_it_is_a_hit() {
    let world = World::open().await;
    world.furnish_more().await;
    let mut lists = Vec::new();
    for searched in LISTS {
        let all = searched.nodes(&world, "").await;
        assert!(all.len() < 100, "{}: more than a page", searched.list);
        let texts: Vec<String> = all.iter().flat_map(|node| searched.texts(node)).collect();
        lists.push((searched, all, texts));
    }
    let (mut chance, mut found) = (Chance::new(), 0_usize);
    for _ in 0..SEARCHES {
        let (searched, all, texts) = chance.one(&lists);
        let term = chance.term(texts);
        // Blanks around a term, and a term of blanks alone, say nothing.
        if term.trim().chars().count() < 2 {
            continue;
        }
        let (before, after) = searched.around;
        let hits = searched
            .nodes(&world, &format!(", {before}{term:?}{after}"))
            .await;
        let part = match searched.list {
            "users" => term.trim().to_lowercase(),
            _ => term.to_lowercase(),
        };
        let contains = |node: &&Value| searched.texts(node).iter().any(|text| text.contains(&part));
        let expected: Vec<Value> = all.iter().filter(contains).cloned().collect();
        assert_eq!(
            ids(&hits),
            ids(&expected),
            "{}, {}: {term:?}",
            searched.surface,
            searched.list
        );
        found += hits.len();
    }
    assert!(
        found >= SEARCHES / 4,
        "terms that nothing has prove nothing: {found}"
    );
}

// Property 8: customer codes are unique per tenant.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_two_customers_of_a_tenant_have_one_code() {
    let world = World::open().await;
    let owner = world.front.owner;
    let neighbour = world.neighbour();
    let mut chance = Chance::new();
    // Few letters: the same codes come again and again.
    let codes: Vec<String> = chance.draw(vec("[AB][1-9]-[0-4]", CODES));
    let (mut ours, mut theirs) = (BTreeSet::new(), BTreeSet::new());
    for (number, code) in codes.iter().enumerate() {
        let (viewer, taken) = if chance.draw(0..3) == 0 {
            (neighbour, &mut theirs)
        } else {
            (owner, &mut ours)
        };
        let input = json!({ "code": code, "name": format!("N{number}"), "phone": "0812-3456-7890" });
        let payload = world
            .front
            .payload(viewer, "customerRegister", "customer { code }", input)
            .await;
        if taken.insert(code.clone()) {
            assert_eq!(payload["customer"]["code"], **code, "{payload}");
        } else {
            assert_eq!(
                payload["userErrors"][0]["code"], "DUPLICATE_ENTRY",
                "{code}: {payload}"
            );
            assert!(payload["customer"].is_null(), "{payload}");
        }
    }
    assert!(
        !ours.is_disjoint(&theirs),
        "what one tenant has does not keep it from another"
    );
    assert!(
        ours.len() + theirs.len() < CODES,
        "codes that never come again prove nothing"
    );
}

// Property 13: an update that names a missing entity is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_names_what_is_not_there_is_refused_and_changes_nothing() {
    let world = World::open().await;
    let before = world.heads().await;
    let mut commands = Vec::new();
    for surface in [Surface::Staff, Surface::Platform] {
        for operation in Schema::of(surface).operations() {
            for thing in operation.things() {
                if operation.is_command() {
                    commands.push((surface, operation.clone(), thing));
                }
            }
        }
    }
    let mut chance = Chance::new();
    for case in 0..SEARCHES {
        // Each of them once, and then drawn ones.
        let (surface, operation, missing) = commands.get(case).unwrap_or_else(|| chance.one(&commands));
        let end = chance.draw("[0-9a-hjkmnp-tv-z]{6}");
        let text = operation.text(|name| match name == *missing {
            true => world.ours.drawn(name, &end),
            false => world.ours.thing(name),
        });
        let token = world.token(*surface, &world.ours);
        let (status, answer) = world.ask(*surface, Some(&token), operation, &text).await;
        let what = format!("{surface}, {text}: {answer}");
        assert!(status.as_u16() < 500, "{what}");
        let payload = &answer["data"][operation.field()];
        let user_error = payload["userErrors"][0]["code"].as_str();
        let error = answer["errors"][0]["extensions"]["code"].as_str();
        let refused = user_error.or(error);
        assert!(refused.is_some(), "{what}");
    }
    assert_eq!(world.heads().await, before, "nothing has happened");
}
