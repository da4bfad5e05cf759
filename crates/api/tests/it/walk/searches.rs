//! Searches: every hit contains the term, and what contains it is a hit. Terms are drawn.

use proptest::arbitrary::any;
use serde_json::Value;
use simpul_api::Surface;

use super::{
    chance::Chance,
    world::{World, ids},
};

const CASES: usize = 120;

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
        around: ("search: ", ""),
        fields: &["name", "subdomain"],
    },
    Searched {
        surface: Surface::Platform,
        list: "saasInvoices",
        around: ("search: ", ""),
        fields: &["number", "tenantName", "tenantCode"],
    },
];

impl Searched {
    fn texts(&self, node: &Value) -> Vec<String> {
        let texts = self.fields.iter().filter_map(|field| node[*field].as_str());
        texts
            .filter(|text| !text.is_empty())
            .map(str::to_lowercase)
            .collect()
    }

    async fn hits(&self, world: &World, arguments: &str) -> Vec<Value> {
        let fields = self.fields.join(" ");
        world.nodes(self.surface, self.list, &fields, arguments).await
    }
}

impl Chance {
    /// Mostly a piece of what is there, in small letters or capitals; otherwise something that hardly anything has.
    fn term(&mut self, texts: &[String]) -> String {
        loop {
            let term = match self.draw(0..4) {
                0 => self.draw("[a-zA-Z0-9 %_.@'-]{2,6}"),
                _ => self.piece(texts),
            };
            // Two letters are the least, and blanks around them are none.
            if term.trim().chars().count() >= 2 {
                return term;
            }
        }
    }

    fn piece(&mut self, texts: &[String]) -> String {
        let text: Vec<char> = self.one(texts).chars().collect();
        let length = self.draw(1..=text.len().min(8));
        let from = self.draw(0..=text.len() - length);
        let piece: String = text[from..from + length].iter().collect();
        if self.draw(any::<bool>()) {
            piece.to_uppercase()
        } else {
            piece
        }
    }
}

// Property 11: every search hit contains the term in name, code, phone or e-mail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hit_of_a_search_contains_the_term_and_whatever_contains_it_is_a_hit() {
    let world = World::open().await;
    world.furnish_more().await;
    let mut lists = Vec::new();
    for searched in LISTS {
        let all = searched.hits(&world, "").await;
        assert!(all.len() < 100, "{}: more than a page", searched.list);
        let texts: Vec<String> = all.iter().flat_map(|node| searched.texts(node)).collect();
        assert!(!texts.is_empty(), "{}: nothing", searched.list);
        lists.push((searched, all, texts));
    }
    let (mut chance, mut found) = (Chance::new(), 0_usize);
    for _ in 0..CASES {
        let (searched, all, texts) = chance.one(&lists);
        let term = chance.term(texts);
        let (before, after) = searched.around;
        let hits = searched.hits(&world, &format!("{before}{term:?}{after}")).await;
        let part = term.trim().to_lowercase();
        let contains = |node: &&Value| searched.texts(node).iter().any(|text| text.contains(&part));
        assert_eq!(
            ids(&hits),
            ids(all.iter().filter(contains)),
            "{}, {}: {term:?}",
            searched.surface,
            searched.list
        );
        found += hits.len();
    }
    assert!(
        found >= CASES / 4,
        "terms that nothing has prove nothing: {found}"
    );
}
