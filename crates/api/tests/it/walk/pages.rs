//! However a list is cut into pages: each item is on one of them, and none is left out.
#![expect(clippy::panic, reason = "a list that cannot be walked says what it answered")]

use simpul_api::Surface;

use super::{
    inputs::Inputs,
    schema::{Operation, Schema},
    world::World,
};

/// Rows on a page; the last one takes everything at once.
const SIZES: [usize; 6] = [1, 2, 3, 4, 7, 100];
const MAX_PAGES: usize = 1_000;

/// The cursors of everything that pages of this size show, in their order.
async fn walked(
    world: &World,
    surface: Surface,
    token: &str,
    operation: &Operation,
    (arguments, size): (&str, usize),
) -> Vec<String> {
    let (mut seen, mut after) = (Vec::new(), String::new());
    for _ in 0..MAX_PAGES {
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

// Property 10: the items over all pages equal the total.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_items_over_all_pages_are_all_items_whatever_the_size_of_a_page() {
    let world = World::open().await;
    world.furnish_more().await;
    let (mut cases, mut long) = (0_u32, Vec::new());
    for surface in Surface::ALL {
        let (inputs, token) = (Inputs::of(surface), world.token(surface, &world.ours));
        for operation in Schema::of(surface).operations() {
            if !operation.is_query() || !operation.is_connection() {
                continue;
            }
            let takes_id = inputs
                .paths(operation.name())
                .iter()
                .any(|(path, given)| *path == ["id"] && given.required);
            let id = format!(", id: {:?}", world.ours.thing("subscription"));
            let arguments = if takes_id { id.as_str() } else { "" };
            let mut whole: Option<Vec<String>> = None;
            // The largest first: that is the total.
            for size in SIZES.into_iter().rev() {
                let seen = walked(&world, surface, &token, &operation, (arguments, size)).await;
                let total = whole.get_or_insert_with(|| seen.clone());
                assert_eq!(seen, *total, "{surface}, {} by {size}", operation.field());
                cases += 1;
            }
            let mut total = whole.unwrap_or_default();
            let rows = total.len();
            total.sort();
            total.dedup();
            assert_eq!(total.len(), rows, "{} shows something twice", operation.field());
            if rows > 2 {
                long.push(format!("{surface}.{}", operation.field()));
            }
        }
    }
    assert!(cases >= 100, "{cases}");
    assert!(
        long.len() >= 10,
        "most lists are too short to have pages: {long:?}"
    );
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
        let seen = walked(&world, Surface::Staff, &token, &operation, ("", 2)).await;
        assert_eq!(seen.len(), made, "{list}");
    }
}
