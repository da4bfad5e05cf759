//! Property 2: deleting a tenant removes all its rows from every read model, and touches no other tenant.

use std::collections::BTreeMap;

use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::TestRunner,
};
use simpul_domain::tenancy::{TenantEvent, tenant::TenantErased};
use simpul_event_store::feed::RunnerSettings;
use simpul_projections::registry;
use simpul_testkit::TestDb;

use crate::{
    random_events::{events_of, histories},
    sql::Session,
    story::{Story, at},
};

/// Histories; each is a tenant of its own, and every second one is erased.
const HISTORIES: usize = 200;

async fn follow(story: &Story) {
    for name in registry::NAMES {
        registry::catch_up(&story.store, name, RunnerSettings::default())
            .await
            .expect("followed");
    }
}

/// What every table of every read model holds of each tenant, as a fingerprint.
async fn rows(session: &mut Session) -> BTreeMap<String, String> {
    let tables: Vec<String> = session
        .column(
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname LIKE 'rm\\_%' ORDER BY 1",
        )
        .await;
    let mut found = BTreeMap::new();
    for table in tables {
        let lines: Vec<String> = session
            .column(&format!(
                "SELECT tenant_id || '|{table}|' || md5(string_agg(t::text, ',' ORDER BY t::text))
                 FROM {table} t GROUP BY tenant_id"
            ))
            .await;
        found.extend(lines.into_iter().filter_map(|line| {
            let (key, hash) = line.rsplit_once('|')?;
            Some((key.to_owned(), hash.to_owned()))
        }));
    }
    found
}

// Property 2: deleting a tenant removes all its data and touches no other tenant.
#[tokio::test]
async fn an_erased_tenant_has_no_row_in_any_read_model_and_others_keep_theirs() {
    let test = TestDb::create().await;
    let mut generator = TestRunner::deterministic();
    let stories: Vec<Story> = (0..HISTORIES)
        .map(|number| Story::new(test.store(), number as u128))
        .collect();
    for story in &stories {
        let ops = histories().new_tree(&mut generator).expect("generated").current();
        story.tell(None, events_of(story, &ops)).await;
    }
    follow(&stories[0]).await;
    let mut session = Session::open(&test.superuser_url()).await;
    let before = rows(&mut session).await;
    let (gone, kept): (Vec<_>, Vec<_>) = stories
        .iter()
        .enumerate()
        .partition(|(number, _)| number % 2 == 0);
    for (_, story) in &gone {
        let tenant = story.tenant;
        let erased = TenantEvent::Erased(TenantErased { tenant, at: at(999) });
        story.tell(None, vec![(tenant.to_string(), erased.into())]).await;
    }
    follow(&stories[0]).await;
    let after = rows(&mut session).await;
    let of = |story: &Story| format!("{}|", story.tenant.as_uuid());
    for (_, story) in gone {
        assert!(before.keys().any(|key| key.starts_with(&of(story))), "had rows");
        assert!(
            !after.keys().any(|key| key.starts_with(&of(story))),
            "{}",
            story.tenant
        );
    }
    for (_, story) in kept {
        let mine = |all: &BTreeMap<String, String>| -> Vec<(String, String)> {
            let mine = all.iter().filter(|(key, _)| key.starts_with(&of(story)));
            mine.map(|(key, hash)| (key.clone(), hash.clone())).collect()
        };
        assert_eq!(mine(&before), mine(&after), "{}", story.tenant);
    }
}
