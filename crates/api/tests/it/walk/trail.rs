//! Every command of the staff that had an effect is in the trail: who did what to what, from where, with what, and when.

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
use simpul_api::Surface;
use simpul_event_store::{
    ConsistencyToken,
    feed::{Projector as _, read_at},
};
use simpul_projections::audit::history::{self, Entry, EntryFilter, HistoryProjector};

use super::{schema::Schema, world::World};

const ROUNDS: u8 = 5;
const AGENT: &str = "trail/1";

/// What was written behind a position.
async fn entries_after(world: &World, before: i64) -> Vec<Entry> {
    let store = world.front.test.store();
    let (tenant, seq) = (world.ours.tenant(), world.head(&world.ours).await);
    let token = ConsistencyToken { tenant, seq };
    let mut tx = read_at(&store, tenant, &[HistoryProjector::NAME], Some(token))
        .await
        .expect("up to date");
    let mut entries = history::entries(&mut tx, &EntryFilter::default(), None, 100)
        .await
        .expect("entries");
    entries.retain(|entry| entry.tenant_seq > before);
    // The trail of each thing has it too.
    for entry in &entries {
        let own = history::history(&mut tx, &entry.aggregate_id, None, 100)
            .await
            .expect("a history");
        assert!(own.contains(entry), "{entry:?}");
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
    let token = world.token(Surface::Staff, &world.ours);
    let (mut cases, mut effects) = (0_u32, BTreeSet::new());
    for round in 0..ROUNDS {
        let commands = Schema::of(Surface::Staff).operations();
        for (number, operation) in commands.into_iter().enumerate() {
            if !operation.is_command() || operation.is_public() {
                continue;
            }
            cases += 1;
            let ip = Ipv4Addr::new(198, 51, round, u8::try_from(number).expect("few"));
            let before = world.head(&world.ours).await;
            let text = operation.text(|name| world.ours.thing(name));
            let mut request = Request::post(Surface::Staff.path())
                .header(header::AUTHORIZATION, format!("Bearer {token}"))
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::USER_AGENT, AGENT)
                .body(Body::from(json!({ "query": text }).to_string()))
                .expect("a request");
            request
                .extensions_mut()
                .insert(ConnectInfo(SocketAddr::from((ip, 4711))));
            world.front.send(request).await;
            let entries = entries_after(&world, before).await;
            let written = world.head(&world.ours).await - before;
            assert_eq!(i64::try_from(entries.len()), Ok(written));
            let own: Vec<&Entry> = entries
                .iter()
                .filter(|entry| entry.actor == world.ours.user())
                .collect();
            assert_eq!(
                own.is_empty(),
                entries.is_empty(),
                "{}: {entries:?}",
                operation.name()
            );
            for entry in own {
                assert_eq!(entry.ip.as_deref(), Some(ip.to_string().as_str()), "{entry:?}");
                assert_eq!(entry.user_agent.as_deref(), Some(AGENT), "{entry:?}");
                assert_eq!(entry.at, world.front.test.store().now(), "{entry:?}");
                assert!(
                    entry.command.as_ref().is_some_and(|command| !command.is_empty()),
                    "{entry:?}"
                );
                assert!(
                    entry
                        .event_type
                        .starts_with(&format!("{}.", entry.aggregate_type)),
                    "{entry:?}"
                );
                assert!(
                    entry
                        .summary
                        .as_object()
                        .is_some_and(|changes| !changes.is_empty()),
                    "{entry:?}"
                );
                effects.insert(operation.name().to_owned());
            }
        }
    }
    assert!(cases >= 100, "{cases}");
    assert!(effects.len() >= 12, "{effects:?}");
}
