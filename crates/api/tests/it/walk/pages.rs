//! However a list is cut into pages: each item is on one of them, and none is left out. Where it is cut is drawn.
#![expect(clippy::panic, reason = "a list that cannot be walked says what it answered")]

use std::collections::BTreeSet;

use proptest::collection::vec;
use simpul_api::Surface;

use super::{
    chance::Chance,
    inputs::Inputs,
    schema::{Operation, Schema},
    world::World,
};

const CASES: usize = 100;
/// Takes everything at once, of most lists.
const LARGEST: usize = 100;
const MAX_PAGES: usize = 1_000;

/// A list, and who asks for it.
struct List {
    surface: Surface,
    token: String,
    operation: Operation,
    /// Besides those of the page.
    arguments: String,
    /// The cursors of all its rows.
    total: Vec<String>,
    /// Whether it says how long it is.
    counted: bool,
}

/// The cursors of everything that pages of these sizes show, in their order: the sizes come again and again.
async fn walked(
    world: &World,
    surface: Surface,
    token: &str,
    operation: &Operation,
    (arguments, sizes): (&str, &[usize]),
) -> Vec<String> {
    let (mut seen, mut after) = (Vec::new(), String::new());
    for size in sizes.iter().copied().cycle().take(MAX_PAGES) {
        let field = operation.field();
        let text = format!(
            "query {{ {field}(first: {size}{after}{arguments}) {{
                edges {{ cursor }} pageInfo {{ hasNextPage endCursor }} }} }}"
        );
        let (_, answer) = world.ask(surface, Some(token), operation, &text).await;
        let page = &answer["data"][field];
        let edges = page["edges"].as_array();
        let edges = edges.unwrap_or_else(|| panic!("{surface}, {field}: {answer}"));
        assert!(edges.len() <= size, "{field}: {answer}");
        seen.extend(edges.iter().map(|edge| edge["cursor"].to_string()));
        let end = page["pageInfo"]["endCursor"].as_str();
        assert_eq!(
            end,
            edges.last().and_then(|edge| edge["cursor"].as_str()),
            "{field}: the page ends with its last row"
        );
        if page["pageInfo"]["hasNextPage"] != true {
            return seen;
        }
        assert_eq!(edges.len(), size, "{field}: a page that is not the last is full");
        after = format!(", after: {:?}", end.unwrap_or_default());
    }
    panic!("{surface}, {}: the pages do not end", operation.field());
}

/// Like [`walked`], from the end.
async fn walked_back(world: &World, list: &List, (arguments, sizes): (&str, &[usize])) -> Vec<String> {
    let (mut seen, mut before) = (Vec::new(), String::new());
    let field = list.operation.field();
    let counts = if list.counted {
        "totalCount totalCountIsExact"
    } else {
        ""
    };
    for size in sizes.iter().copied().cycle().take(MAX_PAGES) {
        let text = format!(
            "query {{ {field}(last: {size}{before}{arguments}) {{
                edges {{ cursor }} pageInfo {{ hasPreviousPage startCursor }} {counts} }} }}"
        );
        let (_, answer) = world
            .ask(list.surface, Some(&list.token), &list.operation, &text)
            .await;
        let page = &answer["data"][field];
        let edges = page["edges"].as_array();
        let edges = edges.unwrap_or_else(|| panic!("{}, {field}: {answer}", list.surface));
        assert!(edges.len() <= size, "{field}: {answer}");
        if list.counted {
            assert_eq!(page["totalCount"], list.total.len(), "{field}: {answer}");
            assert_eq!(page["totalCountIsExact"], true, "{field}: {answer}");
        }
        seen.splice(0..0, edges.iter().map(|edge| edge["cursor"].to_string()));
        if page["pageInfo"]["hasPreviousPage"] != true {
            return seen;
        }
        assert_eq!(edges.len(), size, "{field}: a page that is not the first is full");
        before = format!(", before: {}", page["pageInfo"]["startCursor"]);
    }
    panic!("{}, {field}: the pages do not end", list.surface);
}

/// Every list that has pages, as the largest of them show it.
async fn lists(world: &World) -> Vec<List> {
    let mut lists = Vec::new();
    // All at once, before anything is read: a token comes with a session, which is in a list too.
    let tokens = Surface::ALL.map(|surface| (surface, world.token(surface, &world.ours)));
    for (surface, token) in tokens {
        let inputs = Inputs::of(surface);
        for operation in Schema::of(surface).operations() {
            if !operation.is_query() || !operation.is_connection() {
                continue;
            }
            let taken = inputs.paths(operation.name());
            let takes_id = taken
                .iter()
                .any(|(path, given)| *path == ["id"] && given.required);
            let arguments = if takes_id {
                format!(", id: {:?}", world.ours.thing("subscription"))
            } else {
                String::new()
            };
            let total = walked(world, surface, &token, &operation, (&arguments, &[LARGEST])).await;
            lists.push(List {
                surface,
                token: token.clone(),
                counted: operation.is_counted(surface),
                operation,
                arguments,
                total,
            });
        }
    }
    lists
}

// Property 10: the items over all pages equal the total.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_items_over_all_pages_are_all_items_whatever_the_size_of_a_page() {
    let world = World::open().await;
    world.furnish_more().await;
    let lists = lists(&world).await;
    for list in &lists {
        let once: BTreeSet<&String> = list.total.iter().collect();
        assert_eq!(
            once.len(),
            list.total.len(),
            "{} shows something twice",
            list.operation.field()
        );
    }
    let long: Vec<&List> = lists.iter().filter(|list| list.total.len() > 2).collect();
    assert!(long.len() >= 10, "most lists are too short to have pages");
    let mut chance = Chance::new();
    for case in 0..CASES {
        // Each list once, and then those that have pages.
        let list = lists
            .get(case)
            .unwrap_or_else(|| long[chance.draw(0..long.len())]);
        let most = list.total.len().clamp(1, LARGEST - 1) + 1;
        let sizes: Vec<usize> = chance.draw(vec(1..=most, 1..6));
        let asked = (list.arguments.as_str(), sizes.as_slice());
        let seen = if chance.draw(proptest::bool::ANY) {
            walked_back(&world, list, asked).await
        } else {
            walked(&world, list.surface, &list.token, &list.operation, asked).await
        };
        assert_eq!(
            seen,
            list.total,
            "{}, {} by {sizes:?}",
            list.surface,
            list.operation.field()
        );
    }
}

/// Rows of the operator's own lists, against the events that made them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_total_is_what_the_log_has_made() {
    let world = World::open().await;
    world.furnish_more().await;
    let token = world.token(Surface::Staff, &world.ours);
    let log = world.log().await;
    for (list, event) in [
        ("customers", "customers.customer.registered"),
        ("invoices", "billing.invoice.issued"),
        ("payments", "billing.payment.received"),
        ("routers", "network.router.registered"),
        ("servicePlans", "catalog.service_plan.defined"),
        ("subscriptions", "subscriptions.subscription.opened"),
    ] {
        let operations = Schema::of(Surface::Staff).operations();
        let operation = operations.into_iter().find(|operation| operation.field() == list);
        let operation = operation.expect("a list");
        let made = log.iter().filter(|happened| *happened == event).count();
        assert!(made > 0, "{event} has not happened: {log:?}");
        let seen = walked(&world, Surface::Staff, &token, &operation, ("", &[2])).await;
        assert_eq!(seen.len(), made, "{list}");
    }
}
