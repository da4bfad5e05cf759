//! Codes of customers, typed by people or given by the product: each is somebody's alone within a tenant.

use std::collections::BTreeSet;

use proptest::{option, prelude::any};
use serde_json::json;

use super::{chance::Chance, world::World};

const CASES: usize = 150;

// Property 8: customer codes are unique per tenant.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_two_customers_of_a_tenant_have_one_code() {
    let world = World::open().await;
    let sides = [world.front.owner, world.neighbour()];
    let mut taken = [BTreeSet::new(), BTreeSet::new()];
    for (side, taken) in sides.iter().zip(&mut taken) {
        let query = "{ customers(first: 100) { nodes { code } } }";
        let data = world.front.data(*side, query, json!({})).await;
        let nodes = data["customers"]["nodes"].as_array().expect("a list");
        taken.extend(nodes.iter().map(|node| node["code"].to_string()));
    }
    let (mut chance, mut given, mut refused) = (Chance::new(), 0_usize, 0_usize);
    for case in 0..CASES {
        let side = usize::from(chance.draw(any::<bool>()));
        // As the product counts, so that it comes to codes that were typed before, and few, so that they come again.
        let typed = chance.draw(option::of("C-00[0-3][0-9]"));
        let mut input = json!({ "name": format!("Sari {case}"), "phone": "0812-3456-7890" });
        if let Some(code) = &typed {
            input["code"] = json!(code);
        }
        let payload = world
            .front
            .payload(sides[side], "customerRegister", "customer { code }", input)
            .await;
        let free = typed
            .as_ref()
            .is_none_or(|code| !taken[side].contains(&json!(code).to_string()));
        if free {
            let code = &payload["customer"]["code"];
            assert!(code.is_string(), "{typed:?}: {payload}");
            assert!(typed.is_none_or(|typed| *code == typed), "{payload}");
            assert!(taken[side].insert(code.to_string()), "{code} is somebody's");
            given += 1;
        } else {
            assert_eq!(
                payload["userErrors"][0]["code"], "DUPLICATE_ENTRY",
                "{typed:?}: {payload}"
            );
            assert!(payload["customer"].is_null(), "{payload}");
            refused += 1;
        }
    }
    assert!(given >= 50 && refused >= 20, "{given} given, {refused} refused");
    assert!(
        !taken[0].is_disjoint(&taken[1]),
        "what one tenant has does not keep it from another"
    );
}
