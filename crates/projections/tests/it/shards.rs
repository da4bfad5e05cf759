//! Shards of a projection: processes share them, those of a killed one move, and every event is handled once.

use std::num::NonZeroU16;

use simpul_domain::TenantId;
use simpul_event_store::{
    Recorded, TenantTx, Upcasters,
    feed::{HandlerError, ProjectionSettings, Projector, RunnerSettings, Shard, projection, run_shards},
};
use simpul_testkit::TestDb;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    sql::Session,
    story::{Story, eventually},
};

const TENANTS: u128 = 8;
const SHARDS: u16 = 4;

/// Writes down who has handled what.
#[derive(Debug)]
struct Signing(&'static str);

const CREATE: &str = "
    CREATE SCHEMA rm_signing_v1;
    CREATE TABLE rm_signing_v1.signed (
        tenant_id   uuid NOT NULL,
        tenant_seq  bigint NOT NULL,
        process     text NOT NULL,
        times       bigint NOT NULL,
        ordinal     bigserial,
        CONSTRAINT signed_pkey PRIMARY KEY (tenant_id, tenant_seq)
    );
    SELECT es.protect_read_model('rm_signing_v1');
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA rm_signing_v1 TO simpul_app;
    INSERT INTO es.projections VALUES ('signing', 1, 'live');";

impl Projector for Signing {
    const NAME: &'static str = "signing";

    #[expect(clippy::disallowed_methods, reason = "a table that only this test has")]
    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let tenant = tx.tenant().as_uuid();
        for event in events {
            sqlx::query(
                "INSERT INTO signed AS s (tenant_id, tenant_seq, process, times) VALUES ($1, $2, $3, 1)
                 ON CONFLICT ON CONSTRAINT signed_pkey DO UPDATE SET times = s.times + 1",
            )
            .bind(tenant)
            .bind(event.tenant_seq)
            .bind(self.0)
            .execute(&mut **tx)
            .await?;
        }
        Ok(())
    }
}

fn shards(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("not none")
}

/// Two tenants in each of four shards.
fn tenant(number: u128) -> TenantId {
    TenantId::new(Uuid::from_u128((number + 1) << 64 | number))
}

struct Town {
    test: TestDb,
    stories: Vec<Story>,
    processes: JoinSet<()>,
    told: std::cell::Cell<u8>,
}

impl Town {
    async fn found() -> Self {
        let test = TestDb::create().await;
        Session::open(&test.owner_url)
            .await
            .run(CREATE)
            .await
            .expect("the projection's tables");
        let stories = (0..TENANTS)
            .map(|number| {
                let mut story = Story::new(test.store(), number);
                story.tenant = tenant(number);
                story
            })
            .collect();
        Self {
            test,
            stories,
            processes: JoinSet::new(),
            told: std::cell::Cell::new(0),
        }
    }

    /// A process with connections of its own.
    fn process(&mut self, name: &'static str, count: u16) -> tokio::task::AbortHandle {
        let settings = ProjectionSettings {
            runner: RunnerSettings { batch: 3 },
            shards: shards(count),
        };
        let store = self.test.another_store(Upcasters::default());
        self.processes.spawn(run_shards(
            store,
            Signing(name),
            1,
            settings,
            CancellationToken::new(),
        ))
    }

    /// One more event of each tenant.
    async fn go_on(&self) {
        let index = self.told.get();
        self.told.set(index.wrapping_add(1));
        for story in &self.stories {
            story.tell(None, vec![story.received(index, 1_000)]).await;
        }
    }

    /// Who has handled the last event of each tenant, one letter a tenant.
    async fn last_hands(&self) -> String {
        let mut session = Session::open(&self.test.superuser_url()).await;
        let hands: Vec<String> = session
            .column(
                "SELECT DISTINCT ON (tenant_id) process FROM rm_signing_v1.signed
                 ORDER BY tenant_id, tenant_seq DESC",
            )
            .await;
        hands.concat()
    }

    async fn all_is_handled(&self) {
        let store = self.test.store();
        let subscriber = projection::subscriber(Signing::NAME, 1);
        eventually("every event is handled", || async {
            projection::lag(store.db(), &subscriber).await.expect("lag") == 0
        })
        .await;
    }

    /// Every event once, and each tenant's in order.
    async fn assert_exactly_once(&self) {
        let mut session = Session::open(&self.test.superuser_url()).await;
        let events: i64 = session.value("SELECT count(*) FROM es.events").await;
        let once: i64 = session
            .value("SELECT count(*) FROM rm_signing_v1.signed WHERE times = 1")
            .await;
        let seen: i64 = session.value("SELECT count(*) FROM rm_signing_v1.signed").await;
        assert_eq!((once, seen), (events, events));
        let inversions: i64 = session
            .value(
                "SELECT count(*) FROM (SELECT ordinal < lag(ordinal) OVER (PARTITION BY tenant_id ORDER BY tenant_seq)
                                       AS inverted FROM rm_signing_v1.signed) AS o WHERE inverted",
            )
            .await;
        assert_eq!(inversions, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_the_shards_and_those_of_a_killed_one_move() {
    let mut town = Town::found().await;
    for shard in Shard::all(shards(SHARDS)) {
        assert_eq!(
            (0..TENANTS).filter(|&number| shard.holds(tenant(number))).count(),
            2
        );
    }
    let first = town.process("a", SHARDS);
    town.go_on().await;
    town.all_is_handled().await;
    assert_eq!(town.last_hands().await, "aaaaaaaa", "alone, it leads all");

    town.process("b", SHARDS);
    eventually("each leads its half", || async {
        town.go_on().await;
        town.all_is_handled().await;
        town.last_hands().await.matches('b').count() == 4
    })
    .await;
    first.abort();
    eventually("the other has taken over", || async {
        town.go_on().await;
        town.last_hands().await == "bbbbbbbb"
    })
    .await;
    town.process("c", SHARDS);
    eventually("the newcomer has its half", || async {
        town.go_on().await;
        town.all_is_handled().await;
        town.last_hands().await.matches('c').count() == 4
    })
    .await;
    town.all_is_handled().await;
    town.assert_exactly_once().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_disagree_about_the_number_of_shards_lose_and_repeat_nothing() {
    let mut town = Town::found().await;
    let whole = town.process("w", 1);
    for _ in 0..3 {
        town.go_on().await;
    }
    town.process("s", SHARDS);
    for _ in 0..12 {
        town.go_on().await;
    }
    town.all_is_handled().await;
    whole.abort();
    eventually("the newer setting is everybody's", || async {
        town.go_on().await;
        town.all_is_handled().await;
        town.last_hands().await == "ssssssss"
    })
    .await;
    town.assert_exactly_once().await;
}
