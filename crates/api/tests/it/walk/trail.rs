//! Every command that had an effect is in the trail: who did what to what, from where, with what, and when.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
};

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, header},
};
use serde_json::json;
use simpul_api::{Surface, auth::Viewer};
use simpul_domain::TenantId;
use simpul_event_store::{
    ConsistencyToken,
    feed::{self, Projector as _, read_at},
};
use simpul_projections::audit::history::{self, Entry, EntryFilter, HistoryProjector, Reach};

use super::{
    schema::{Operation, Schema},
    world::World,
};

const AGENT: &str = "trail/1";

async fn head(world: &World, tenant: TenantId) -> i64 {
    let store = world.front.test.store();
    feed::head(&store, tenant).await.expect("a head")
}

/// What was written behind a position.
async fn entries_after(world: &World, tenant: TenantId, before: i64) -> Vec<Entry> {
    let store = world.front.test.store();
    let seq = head(world, tenant).await;
    let token = ConsistencyToken { tenant, seq };
    let mut tx = read_at(&store, tenant, &[HistoryProjector::NAME], Some(token))
        .await
        .expect("up to date");
    let mut entries = history::entries(&mut tx, &EntryFilter::default(), Reach::newest(100))
        .await
        .expect("entries");
    entries.retain(|entry| entry.tenant_seq > before);
    // The trail of each thing has it too.
    for entry in &entries {
        let own = history::history(&mut tx, &entry.aggregate_id, Reach::newest(100)).await;
        assert!(own.expect("a history").contains(entry), "{entry:?}");
    }
    let opened = history::open(&mut tx, store.vault(), entries).await;
    tx.commit().await.expect("read");
    opened.expect("opened")
}

// Property 45: every create, update and delete has an audit entry with action, type, id and changes.
// Property 46: audit entries carry user, IP and time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_that_had_an_effect_is_in_the_trail() {
    let world = World::open().await;
    let mut cases = 0_u32;
    for (surface, rounds) in [(Surface::Staff, 5), (Surface::Platform, 3)] {
        let mut effects = BTreeSet::new();
        for round in 0..rounds {
            let commands = Schema::of(surface).operations();
            for (number, operation) in commands.iter().enumerate() {
                if operation.is_command() && !operation.is_public() {
                    cases += 1;
                    let number = u8::try_from(number).expect("few");
                    let ip = Ipv4Addr::new(198, 51, round, number);
                    if has_effect_in_the_trail(&world, (surface, ip), operation).await {
                        effects.insert(operation.name().to_owned());
                    }
                }
            }
        }
        assert!(effects.len() >= 12, "{surface}: {effects:?}");
    }
    assert!(cases >= 100, "{cases}");
}

/// Whether the command had an effect. If it had, the trail says so.
async fn has_effect_in_the_trail(
    world: &World,
    (surface, ip): (Surface, Ipv4Addr),
    operation: &Operation,
) -> bool {
    let Viewer { user, tenant } = world.viewer(surface, &world.ours);
    let token = world.token(surface, &world.ours);
    let before = head(world, tenant).await;
    let text = operation.text(|name| world.ours.thing(name));
    let mut request = Request::post(surface.path())
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, AGENT)
        .body(Body::from(json!({ "query": text }).to_string()))
        .expect("a request");
    let peer = ConnectInfo(SocketAddr::from((ip, 4711)));
    request.extensions_mut().insert(peer);
    world.front.send(request).await;
    let entries = entries_after(world, tenant, before).await;
    let written = head(world, tenant).await - before;
    assert_eq!(i64::try_from(entries.len()), Ok(written));
    let own: Vec<&Entry> = entries
        .iter()
        .filter(|entry| entry.actor == user.to_string())
        .collect();
    assert_eq!(
        own.is_empty(),
        entries.is_empty(),
        "{surface}, {}: {entries:?}",
        operation.name()
    );
    for entry in &own {
        assert_eq!(entry.ip.as_deref(), Some(ip.to_string().as_str()), "{entry:?}");
        assert_eq!(entry.user_agent.as_deref(), Some(AGENT), "{entry:?}");
        assert_eq!(entry.at, world.front.test.store().now(), "{entry:?}");
        let command = entry.command.as_deref().unwrap_or_default();
        assert!(!command.is_empty(), "{entry:?}");
        let kind = format!("{}.", entry.aggregate_type);
        assert!(entry.event_type.starts_with(&kind), "{entry:?}");
        let changes = entry.summary.as_object().expect("an object");
        assert!(!changes.is_empty(), "{entry:?}");
    }
    !own.is_empty()
}
