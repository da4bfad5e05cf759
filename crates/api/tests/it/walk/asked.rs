//! What may be asked of a list: what is refused, what a cursor is good for, and what a search of customers finds.

use serde_json::Value;
use simpul_api::Surface;

use super::{
    sieves::{ids, nodes},
    world::World,
};

/// What each is refused for.
const REFUSED: &[(&str, &str)] = &[
    (
        "invoices(first: 1, last: 1)",
        "first and after do not go with last and before",
    ),
    ("invoices(last: -1)", "last is 0 to 100"),
    ("invoices(offset: 10001)", "offset is 0 to 10000"),
    ("invoices(last: 1, offset: 1)", "offset goes with first only"),
    (
        "invoices(before: \"rubbish\")",
        "before is not a cursor of this list",
    ),
    (
        "invoices(filter: { not: { not: { not: { total: {} } } } })",
        "filter has at most 3 levels",
    ),
    (
        "invoices(filter: { total: { gt: { amount: \"1.5\", currency: IDR } } })",
        "an amount is whole rupiah",
    ),
    (
        "invoices(orderBy: [{ field: TOTAL, direction: ASC }, { field: TOTAL, direction: DESC }])",
        "orderBy names a field twice",
    ),
    ("customers(search: \"a\")", "search has 2 to 100 characters"),
    (
        "customers(code: \"C-1\", search: \"siti\")",
        "code goes with no filter, order or search",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_list_cannot_be_asked_is_refused_with_a_reason() {
    let world = World::open().await;
    let empty = vec!["{}"; 21].join(", ");
    let half = ["{ number: { eq: \"1\" } }"; 11].join(", ");
    let many = vec!["\"x\""; 101].join(", ");
    let long = [
        (
            format!("invoices(filter: {{ and: [{{ or: [{half}] }}, {{ or: [{half}] }}] }})"),
            "filter has at most 20 comparisons",
        ),
        (
            format!("invoices(filter: {{ or: [{empty}] }})"),
            "and and or have at most 20 filters",
        ),
        (
            format!("invoices(filter: {{ customerId: {{ in: [{many}] }} }})"),
            "a comparison has at most 100 values",
        ),
    ];
    let short = REFUSED.iter().map(|(list, reason)| ((*list).to_owned(), *reason));
    for (list, reason) in short.chain(long) {
        let (_, refused) = world
            .front
            .ask(
                world.front.owner,
                &format!("{{ {list} {{ totalCount }} }}"),
                Value::Null,
            )
            .await;
        let error = &refused["errors"][0];
        assert_eq!(
            error["extensions"]["code"], "VALIDATION_ERROR",
            "{list}: {refused}"
        );
        assert_eq!(error["message"], reason, "{list}");
    }
}

// L4: a cursor is good for the list, the filter, the order and the tenant that it was made for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_is_good_for_nothing_but_its_own_list() {
    let world = World::open().await;
    world.furnish_more().await;
    let text = "{ invoices(first: 1) { edges { cursor } } }";
    let data = world.front.data(world.front.owner, text, Value::Null).await;
    let cursor = data["invoices"]["edges"][0]["cursor"]
        .as_str()
        .expect("a cursor")
        .to_owned();
    let mut forged = cursor.clone().into_bytes();
    forged[3] = if forged[3] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).expect("text");
    let neighbour = world.strangers(Surface::Staff)[0].owner;
    for (viewer, list, cursor, accepted) in [
        (world.front.owner, "invoices(", &cursor, true),
        (
            world.front.owner,
            "invoices(filter: null, orderBy: null, ",
            &cursor,
            true,
        ),
        (world.front.owner, "invoices(", &forged, false),
        (world.front.owner, "customers(", &cursor, false),
        (
            world.front.owner,
            "invoices(filter: { status: { eq: PAID } }, ",
            &cursor,
            false,
        ),
        (
            world.front.owner,
            "invoices(orderBy: [{ field: TOTAL, direction: ASC }], ",
            &cursor,
            false,
        ),
        (neighbour, "invoices(", &cursor, false),
    ] {
        let text = format!("{{ {list}first: 2, after: {cursor:?}) {{ nodes {{ id }} }} }}");
        let (_, answer) = world.front.ask(viewer, &text, Value::Null).await;
        assert_eq!(answer["errors"].is_null(), accepted, "{text}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_are_found_by_any_part_of_what_they_are_called() {
    let world = World::open().await;
    world.furnish_more().await;
    let all = "{ customers(first: 100) { nodes { id code name phone email } } }";
    let all = world.front.data(world.front.owner, all, Value::Null).await;
    let all = nodes(&all["customers"]);
    let mut found = 0;
    for term in ["sari", "SAR", "m-1", "7000", "+62812", "nobody at all", "%%"] {
        let says = |node: &&Value| {
            let texts = ["code", "name", "phone", "email"].into_iter();
            let mut texts = texts.filter_map(|field| node[field].as_str());
            texts.any(|text| text.to_lowercase().contains(&term.to_lowercase()))
        };
        let expected = ids(all.iter().filter(says));
        let query = format!("{{ customers(first: 100, search: {term:?}) {{ nodes {{ id }} totalCount }} }}");
        let hits = world.front.data(world.front.owner, &query, Value::Null).await;
        assert_eq!(ids(&nodes(&hits["customers"])), expected, "{term}");
        assert_eq!(hits["customers"]["totalCount"], Value::Null);
        found += expected.len();
        let back = format!(
            "{{ customers(last: 2, search: {term:?}, orderBy: [{{ field: CODE, direction: ASC }}]) {{ nodes {{ code }} }} }}"
        );
        let back = world.front.data(world.front.owner, &back, Value::Null).await;
        let mut codes: Vec<&str> = all
            .iter()
            .filter(says)
            .filter_map(|node| node["code"].as_str())
            .collect();
        codes.sort_unstable();
        let last = codes.iter().skip(codes.len().saturating_sub(2));
        let shown = nodes(&back["customers"]);
        assert!(
            shown
                .iter()
                .filter_map(|node| node["code"].as_str())
                .eq(last.copied()),
            "{term}: {shown:?}"
        );
    }
    assert!(found > 4, "searches that find nothing prove nothing");
}
