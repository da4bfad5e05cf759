//! How the story ended: everything that can be compared between one that was disturbed and one that was not.

use std::collections::{BTreeMap, BTreeSet};

use simpul_domain::TenantId;
use simpul_event_store::audit;
use sqlx::{Connection as _, PgConnection};

use crate::world::World;

const ACCEPTED: &str = "messaging.message.accepted";
const UNKNOWN: &str = "messaging.message.outcome_unknown";
const MESSAGES: &str = "rm_messages_v1.messages";

/// What is true at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    /// How often each kind of event happened.
    events: BTreeMap<String, usize>,
    /// The router's accounts and sessions, without the router's own ids and counters.
    router: Vec<BTreeMap<String, String>>,
    /// Every row of every read model, without ids, times, positions and ciphertext.
    rows: BTreeMap<String, Vec<String>>,
    /// How many messages the customer got.
    messages: usize,
    /// How many orders the gateway has.
    orders: usize,
}

impl Ending {
    /// Messages of which nobody knows whether they went out.
    pub(crate) fn unknown(&self) -> usize {
        self.events.get(UNKNOWN).copied().unwrap_or_default()
    }

    /// The same ending without these kinds of events and these read models, by the beginning of their names.
    pub(crate) fn without(mut self, events: &[&str], models: &[&str]) -> Self {
        let keeps = |name: &str, left_out: &[&str]| !left_out.iter().any(|start| name.starts_with(start));
        self.events.retain(|name, _| keeps(name, events));
        self.rows.retain(|name, _| keeps(name, models));
        self
    }

    pub(crate) const fn messages(&self) -> usize {
        self.messages
    }

    /// The same ending, had the provider's answers about messages not been lost.
    pub(crate) fn with_every_message(mut self, messages: usize) -> Self {
        let unknown = self.events.remove(UNKNOWN).unwrap_or_default();
        *self.events.entry(ACCEPTED.to_owned()).or_default() += unknown;
        for row in self.rows.entry(MESSAGES.to_owned()).or_default() {
            *row = row.replace("\"UNKNOWN\"", "\"ACCEPTED\"");
        }
        self.messages = messages;
        self
    }
}

impl World {
    /// The world's database as the server's superuser.
    pub(crate) async fn admin(&self) -> PgConnection {
        PgConnection::connect(&self.db.superuser_url())
            .await
            .expect("superuser")
    }

    /// Waits until nothing is left to be done; then every chain must be unbroken.
    pub(crate) async fn settled(&self) {
        let mut admin = self.admin().await;
        let mut waits_for = Vec::new();
        let settled = self.in_time(async || {
            waits_for = left(&mut admin).await;
            waits_for.is_empty()
        });
        assert!(
            settled.await,
            "waited in vain until nothing is left to be done: {waits_for:?}"
        );
        self.assert_unbroken(self.operator.tenant).await;
    }

    /// A tenant's hash chain verifies.
    pub(crate) async fn assert_unbroken(&self, tenant: TenantId) {
        audit::verify(self.bus.store(), tenant, |_| {})
            .await
            .expect("verified")
            .expect("an unbroken chain");
    }

    /// Waits until nothing is left to be done, and looks at everything.
    pub(crate) async fn ending(&self) -> Ending {
        self.ending_of(&[self.operator.tenant]).await
    }

    /// Like [`World::ending`], with the events of these logs.
    pub(crate) async fn ending_of(&self, tenants: &[TenantId]) -> Ending {
        self.settled().await;
        let mut admin = self.admin().await;
        let mut events = BTreeMap::new();
        for tenant in tenants {
            self.assert_unbroken(*tenant).await;
            for event in self.log_of(*tenant).await {
                *events.entry(event.event_type).or_default() += 1;
            }
        }
        let journal = self.around.fonnte.journal();
        let texts: BTreeSet<&str> = journal.iter().map(|sent| sent.message.as_str()).collect();
        assert_eq!(
            texts.len(),
            journal.len(),
            "the customer got a message twice: {journal:?}"
        );
        Ending {
            events,
            router: self.router(),
            rows: rows(&mut admin).await,
            messages: journal.len(),
            orders: self.around.tripay.orders().len(),
        }
    }

    fn router(&self) -> Vec<BTreeMap<String, String>> {
        let router = &self.around.router.router;
        let mut all = router.rows("/ppp/secret");
        all.extend(router.rows("/ppp/active").into_iter().map(|row| {
            let profile = row
                .into_iter()
                .filter(|(field, _)| field == "name" || field == "service");
            profile.collect()
        }));
        all.into_iter()
            .map(|row| {
                let ours = |field: &str| {
                    matches!(
                        field,
                        "name" | "password" | "service" | "profile" | "disabled" | "remote-address"
                    )
                };
                row.into_iter().filter(|(field, _)| ours(field)).collect()
            })
            .collect()
    }
}

/// What a worker, a subscriber or a person would still have to do. Nobody follows the log for a read model that is retired.
#[expect(clippy::disallowed_methods, reason = "what an administrator sees")]
async fn left(admin: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT 'cursor ' || c.subscriber FROM es.cursors c JOIN es.tenant_heads h USING (tenant_id) WHERE c.seq < h.seq
           AND c.subscriber NOT IN (SELECT format('projection/%s/v%s', p.name, p.version) FROM es.projections p
                                    WHERE p.state = 'retired')
         UNION ALL SELECT 'lane ' || state FROM es.lanes WHERE state <> 'confirmed' OR holder IS NOT NULL
         UNION ALL SELECT 'parcel ' || state FROM es.outbox WHERE state NOT IN ('done', 'unknown') OR holder IS NOT NULL
         UNION ALL SELECT 'notice ' || state FROM es.notices WHERE state <> 'done' OR holder IS NOT NULL
         UNION ALL SELECT 'timer ' || kind FROM es.timers WHERE due_at <= now() OR holder IS NOT NULL
         UNION ALL SELECT 'parked ' || subscriber FROM es.parked
         UNION ALL SELECT 'dead letter ' || reason FROM es.dead_letters",
    )
    .fetch_all(admin)
    .await
    .expect("a list")
}

#[expect(
    clippy::disallowed_methods,
    reason = "every table of every read model, by name"
)]
async fn rows(admin: &mut PgConnection) -> BTreeMap<String, Vec<String>> {
    let tables: Vec<(String, String)> = sqlx::query_as(
        "SELECT table_schema || '.' || table_name, string_agg(quote_ident(column_name), ', ' ORDER BY column_name)
         FROM information_schema.columns
         WHERE table_schema LIKE 'rm\\_%' AND table_schema <> 'rm_history_v1'
           AND data_type IN ('text', 'boolean', 'integer', 'smallint', 'bigint')
           AND column_name !~ '(version|_seq|_ref|^name|^phone|^email|^address|^secret|^password|^cause|^subdomain)$'
         GROUP BY 1 ORDER BY 1",
    )
    .fetch_all(&mut *admin)
    .await
    .expect("tables");
    let mut rows = BTreeMap::new();
    for (table, columns) in tables {
        let sql = format!("SELECT row_to_json(r)::text FROM (SELECT {columns} FROM {table}) AS r ORDER BY 1");
        let found = sqlx::query_scalar(&sql)
            .fetch_all(&mut *admin)
            .await
            .expect("rows");
        rows.insert(table, found);
    }
    rows
}
