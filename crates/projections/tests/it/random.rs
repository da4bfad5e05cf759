//! Property 73: rebuilding gives the same rows as following, for every projection.

use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::TestRunner,
};
use secrecy::SecretString;
use simpul_event_store::feed::{RunnerSettings, read_at};
use simpul_projections::{
    billing::{money, router_income},
    registry,
};
use simpul_testkit::TestDb;

use crate::{
    random_events::{events_of, histories},
    sql::Session,
    story::{Story, at},
};

/// Histories; each is a tenant of its own.
const HISTORIES: usize = 110;

/// Follows while the histories are told: in batches of every size, at different moments for each projection.
async fn tell_and_follow(stories: &[Story]) {
    let mut generator = TestRunner::deterministic();
    for (number, story) in stories.iter().enumerate() {
        let ops = histories().new_tree(&mut generator).expect("generated").current();
        let mut events = events_of(story, &ops);
        while !events.is_empty() {
            let rest = events.split_off(events.len().min(1 + (events.len() + number) % 6));
            story.tell(None, std::mem::replace(&mut events, rest)).await;
        }
        let name = registry::NAMES[number % registry::NAMES.len()];
        let batch = i64::try_from(3 + number % 17).expect("small");
        registry::catch_up(&story.store, name, RunnerSettings { batch })
            .await
            .expect("followed");
    }
    for (number, name) in registry::NAMES.iter().enumerate() {
        let batch = i64::try_from(7 + number * 3).expect("small");
        registry::catch_up(&stories[0].store, name, RunnerSettings { batch })
            .await
            .expect("followed");
    }
}

/// Rows that are in one version and not in the other.
pub(crate) async fn differences(session: &mut Session, name: &str, from: i32, to: i32) -> Vec<String> {
    let tables: Vec<String> = session
        .column(&format!(
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'rm_{name}_v{from}' ORDER BY 1"
        ))
        .await;
    assert!(!tables.is_empty(), "{name} has tables");
    let mut found = Vec::new();
    for table in tables {
        let (old, new) = (
            format!("rm_{name}_v{from}.{table}"),
            format!("rm_{name}_v{to}.{table}"),
        );
        found.extend(
            session
                .column::<String>(&format!(
                    "SELECT 'only before: ' || d::text FROM (TABLE {old} EXCEPT TABLE {new}) d UNION ALL
                     SELECT 'only after: ' || d::text FROM (TABLE {new} EXCEPT TABLE {old}) d LIMIT 5"
                ))
                .await,
        );
    }
    found
}

// Property 73: rebuild = incremental, for every projection.
#[tokio::test]
async fn rebuilding_gives_the_rows_that_following_gave() {
    let test = TestDb::create().await;
    let stories: Vec<Story> = (0..HISTORIES)
        .map(|number| Story::new(test.store(), number as u128))
        .collect();
    tell_and_follow(&stories).await;

    let owner = SecretString::from(test.owner_url.clone());
    let mut session = Session::open(&test.superuser_url()).await;
    for name in registry::NAMES {
        let rebuilt = registry::rebuild(&owner, &test.store(), name, RunnerSettings::default(), |_| {})
            .await
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!((rebuilt.from, rebuilt.version), (1, 2));
        assert!(
            rebuilt.rows_before > 0 && rebuilt.rows_before == rebuilt.rows_after,
            "{rebuilt:?}"
        );
        assert_eq!(
            differences(&mut session, name, 1, 2).await,
            Vec::<String>::new(),
            "{name}"
        );
    }
    for story in &stories {
        let lists = ["money", "invoices", "subscriptions", "routers"];
        let mut tx = read_at(&story.store, story.tenant, &lists, None)
            .await
            .expect("read");
        let mut totals = money::totals(&mut tx).await.expect("totals");
        // Credit accounts tell what they like here; P65 is about the payments.
        totals.credit_balances = totals.credit;
        assert!(totals.is_balanced(), "{totals:?}");
        let income = router_income::by_router(&mut tx, at(0), at(9_999))
            .await
            .expect("read");
        let kept = income.parts.iter().map(|part| part.kept.get()).sum::<i64>();
        assert_eq!(kept, totals.received.get() - totals.refunded.get(), "{income:?}");
    }
}
