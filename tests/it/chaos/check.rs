//! What must be true after every fault.

use std::{collections::BTreeMap, time::Duration};

use secrecy::SecretString;
use simpul_chaos::history::{History, Verdict};
use simpul_domain::TenantId;
use simpul_event_store::{
    EventStore, audit,
    feed::{
        RunnerSettings,
        rebuild::{RebuildError, Rebuilt},
    },
};
use simpul_projections::registry::{self, RegistryError};
use sqlx::PgConnection;
use tokio::time::Instant;

use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

const REGISTERED: &str = "customers.customer.registered";

impl World {
    /// Waits until nothing is left to be done and compares the log with what clients of a tenant were told. At least
    /// so many calls must have succeeded: a server that refuses everything loses nothing.
    pub(super) async fn verdict(&self, tenant: TenantId, history: &History, at_least: usize) -> Verdict {
        let verdict = self.verdict_of_log(tenant, history, at_least).await;
        self.assert_rebuilt_is_the_same(&mut self.admin().await).await;
        verdict
    }

    /// Like [`World::verdict`], of a log that this release cannot read whole: nothing is rebuilt from it.
    pub(super) async fn verdict_of_log(
        &self,
        tenant: TenantId,
        history: &History,
        at_least: usize,
    ) -> Verdict {
        self.settled().await;
        let mut admin = self.admin().await;
        self.assert_log_is_whole(&mut admin, tenant).await;
        self.assert_no_orphans(&mut admin).await;
        let found = registered(&mut admin, tenant).await;
        let verdict = Verdict::of(history, &found);
        assert!(verdict.is_sound(), "{verdict:#?}");
        assert!(
            verdict.successes >= at_least,
            "hardly anything succeeded: {verdict:#?}"
        );
        verdict
    }

    #[expect(clippy::disallowed_methods, reason = "what an administrator sees")]
    async fn assert_log_is_whole(&self, admin: &mut PgConnection, tenant: TenantId) {
        let (first, last, count, head): (i64, i64, i64, i64) = sqlx::query_as(
            "SELECT min(e.tenant_seq), max(e.tenant_seq), count(*), max(h.seq)
             FROM es.events e JOIN es.tenant_heads h USING (tenant_id) WHERE tenant_id = $1",
        )
        .bind(tenant.as_uuid())
        .fetch_one(admin)
        .await
        .expect("numbers");
        assert_eq!((first, last, head), (1, count, count), "the log has a gap");
        audit::verify(self.bus.store(), tenant, |_| {})
            .await
            .expect("verified")
            .expect("an unbroken chain");
    }

    /// No transaction that somebody has begun and forgotten.
    pub(super) async fn assert_no_orphans(&self, admin: &mut PgConnection) {
        self.until("no transaction is left open", async || orphans(admin).await == 0)
            .await;
    }

    /// A rebuild from the log gives the rows that following it has given, for every read model.
    #[expect(clippy::disallowed_methods, reason = "two versions of tables, by name")]
    async fn assert_rebuilt_is_the_same(&self, admin: &mut PgConnection) {
        let owner = SecretString::from(self.db.owner_url.clone());
        for name in registry::NAMES {
            let rebuilt = rebuilt(&owner, self.bus.store(), name).await;
            let (old, new) = (rebuilt.from, rebuilt.version);
            let tables: Vec<String> =
                sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = $1 ORDER BY 1")
                    .bind(format!("rm_{name}_v{new}"))
                    .fetch_all(&mut *admin)
                    .await
                    .expect("tables");
            assert!(new > old && !tables.is_empty(), "{name} was not rebuilt");
            for table in tables {
                let (old, new) = (
                    format!("rm_{name}_v{old}.{table}"),
                    format!("rm_{name}_v{new}.{table}"),
                );
                let sql = format!(
                    "SELECT count(*) FROM ((TABLE {old} EXCEPT TABLE {new}) UNION ALL (TABLE {new} EXCEPT TABLE {old})) d"
                );
                let different: i64 = sqlx::query_scalar(&sql)
                    .fetch_one(&mut *admin)
                    .await
                    .expect("a count");
                assert_eq!(different, 0, "{old} and {new} differ");
            }
        }
    }
}

/// The session of a rebuild that has just ended may still be ending.
async fn rebuilt(owner: &SecretString, store: &EventStore, name: &str) -> Rebuilt {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match registry::rebuild(owner, store, name, RunnerSettings::default(), |_| {}).await {
            Err(RegistryError::Rebuild(RebuildError::Busy { .. })) if Instant::now() < deadline => {
                tokio::time::sleep(PAUSE).await;
            }
            ended => return ended.expect("rebuilt"),
        }
    }
}

/// How often each customer was registered, but for those of the seed.
#[expect(
    clippy::disallowed_methods,
    reason = "the whole log, as an administrator sees it"
)]
pub(super) async fn registered(admin: &mut PgConnection, tenant: TenantId) -> BTreeMap<String, usize> {
    let codes: Vec<String> = sqlx::query_scalar(
        "SELECT payload -> $2 ->> 'code' FROM es.events WHERE tenant_id = $1 AND event_type = $2
         AND payload -> $2 ->> 'code' <> 'C-0001'",
    )
    .bind(tenant.as_uuid())
    .bind(REGISTERED)
    .fetch_all(admin)
    .await
    .expect("codes");
    let mut found = BTreeMap::new();
    for code in codes {
        *found.entry(code).or_default() += 1;
    }
    found
}

/// Transactions of the product that nobody goes on with.
#[expect(clippy::disallowed_methods, reason = "what an administrator sees")]
async fn orphans(admin: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
         AND split_part(application_name, '/', 1) = 'simpul' AND state LIKE 'idle in transaction%'
         AND state_change < clock_timestamp() - interval '500 ms'",
    )
    .fetch_one(admin)
    .await
    .expect("a count")
}
