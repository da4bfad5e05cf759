//! How much of what is counted a tenant had, day by day: the most of each day, and what was left at its end.
//!
//! The same events count here that move a quota, in the same transaction as the quota: the end of the last day is what the
//! quota says. A day is one of the tenant's zone, as that was when the event was recorded; where the tenant moves west, the
//! hours that come twice belong to the later day. What nothing in the log tells of is not here: no command makes vouchers,
//! distribution points or points on the map yet.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use simpul_domain::{
    AnyEvent,
    network::RouterEvent,
    subscriptions::SubscriptionEvent,
    tenancy::{Resource, Section, TenantEvent},
    time::Zone,
};
use simpul_event_store::{
    Recorded, TenantTx,
    feed::{HandlerError, Interest, OnError, Projector},
};

use crate::{
    QueryError,
    event::decode_all,
    stored::{column, read, read_word, word},
};

/// What is counted here.
pub const COUNTED: [Resource; 2] = [Resource::Routers, Resource::Users];

/// How much of something there was on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageDay {
    pub day: NaiveDate,
    pub resource: Resource,
    /// The most that there was at any moment, its first included.
    pub peak: i64,
    /// What there was when it ended; of a day that has not ended, what there is.
    pub at_end: i64,
}

/// Counts. It halts rather than pass over an event: all counts from there on would be wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct UsageProjector;

impl Projector for UsageProjector {
    const NAME: &'static str = "usage";
    const ON_ERROR: OnError = OnError::Halt;

    fn interest(&self) -> Interest {
        Interest::Events(&[
            "tenancy.tenant.onboarded",
            "tenancy.tenant.settings_changed",
            "network.router.registered",
            "network.router.retired",
            "subscriptions.subscription.opened",
            "subscriptions.subscription.terminated",
        ])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let known = zone(tx).await?;
        let mut tally = Tally {
            zone: known.unwrap_or_default(),
            latest: latest(tx).await?,
            changed: BTreeMap::new(),
        };
        for (recorded, event) in decode_all(events)? {
            tally.apply(recorded.recorded_at, &event);
        }
        if known != Some(tally.zone) {
            store_zone(tx, tally.zone).await?;
        }
        store(tx, &tally.changed.into_values().collect::<Vec<_>>()).await
    }
}

/// The counts as a batch leaves them.
#[derive(Debug)]
struct Tally {
    zone: Zone,
    /// The last day of each.
    latest: BTreeMap<Resource, UsageDay>,
    changed: BTreeMap<(Resource, NaiveDate), UsageDay>,
}

impl Tally {
    fn apply(&mut self, at: DateTime<Utc>, event: &AnyEvent) {
        match event {
            AnyEvent::Tenant(TenantEvent::Onboarded(onboarded)) => {
                self.zone = onboarded.settings.region.zone;
                for resource in COUNTED {
                    self.count(at, resource, 0);
                }
            }
            AnyEvent::Tenant(TenantEvent::SettingsChanged(changed)) => {
                if let Section::Region(region) = &changed.section {
                    self.zone = region.zone;
                }
            }
            AnyEvent::Router(RouterEvent::Registered(_)) => self.count(at, Resource::Routers, 1),
            AnyEvent::Router(RouterEvent::Retired(_)) => self.count(at, Resource::Routers, -1),
            AnyEvent::Subscription(SubscriptionEvent::Opened(_)) => self.count(at, Resource::Users, 1),
            AnyEvent::Subscription(SubscriptionEvent::Terminated(_)) => self.count(at, Resource::Users, -1),
            _ => {}
        }
    }

    fn count(&mut self, at: DateTime<Utc>, resource: Resource, more: i64) {
        let today = self.zone.date_at(at);
        let last = self.latest.get(&resource).copied();
        let before = last.map_or(0, |last| last.at_end);
        let day = last.map_or(today, |last| last.day.max(today));
        // INVARIANT: nothing is taken away that was not there; a quota refuses it too.
        let at_end = before.saturating_add(more).max(0);
        let most = last
            .filter(|last| last.day == day)
            .map_or(before, |last| last.peak);
        let counted = UsageDay {
            day,
            resource,
            peak: most.max(at_end),
            at_end,
        };
        self.latest.insert(resource, counted);
        self.changed.insert((resource, day), counted);
    }
}

fn names() -> Vec<String> {
    column(&COUNTED, |resource| resource.as_str().to_owned())
}

async fn zone(tx: &mut TenantTx) -> Result<Option<Zone>, QueryError> {
    let tenant = tx.tenant();
    let zone = sqlx::query_scalar!(
        "SELECT zone FROM usage_zones WHERE tenant_id = $1",
        tenant.as_uuid()
    )
    .fetch_optional(&mut **tx)
    .await?;
    zone.map(|zone| read_word("zone", &zone)).transpose()
}

async fn latest(tx: &mut TenantTx) -> Result<BTreeMap<Resource, UsageDay>, QueryError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        r#"SELECT wanted.resource AS "resource!", found.day, found.peak, found.at_end
           FROM UNNEST($2::text[]) AS wanted (resource) CROSS JOIN LATERAL (
               SELECT day, peak, at_end FROM usage_days WHERE tenant_id = $1 AND resource = wanted.resource
               ORDER BY day DESC LIMIT 1) AS found"#,
        tenant.as_uuid(),
        &names()
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let resource = read("resource", row.resource)?;
            let counted = UsageDay {
                day: row.day,
                resource,
                peak: row.peak,
                at_end: row.at_end,
            };
            Ok((resource, counted))
        })
        .collect()
}

async fn store_zone(tx: &mut TenantTx, zone: Zone) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO usage_zones (tenant_id, zone) VALUES ($1, $2)
         ON CONFLICT ON CONSTRAINT usage_zones_pkey DO UPDATE SET zone = excluded.zone",
        tenant.as_uuid(),
        word(&zone)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn store(tx: &mut TenantTx, days: &[UsageDay]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO usage_days (tenant_id, resource, day, peak, at_end)
         SELECT $1, d.* FROM UNNEST($2::text[], $3::date[], $4::bigint[], $5::bigint[]) AS d
         ON CONFLICT ON CONSTRAINT usage_days_pkey DO UPDATE SET (peak, at_end) = ROW (excluded.peak, excluded.at_end)",
        tenant.as_uuid(),
        &column(days, |day| day.resource.as_str().to_owned()),
        &column(days, |day| day.day),
        &column(days, |day| day.peak),
        &column(days, |day| day.at_end),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What there was on each day from `from` to `to`, both included, oldest first: days before the tenant was there, and those
/// that have not begun at `now`, are left out.
pub async fn history(
    tx: &mut TenantTx,
    from: NaiveDate,
    to: NaiveDate,
    now: DateTime<Utc>,
) -> Result<Vec<UsageDay>, QueryError> {
    let Some(zone) = zone(tx).await? else {
        return Ok(Vec::new());
    };
    let to = to.min(zone.date_at(now));
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        r#"SELECT wanted.resource AS "resource!", found.day AS "day!", found.peak AS "peak!", found.at_end AS "at_end!"
           FROM UNNEST($2::text[]) AS wanted (resource) CROSS JOIN LATERAL (
               (SELECT day, peak, at_end FROM usage_days
                WHERE tenant_id = $1 AND resource = wanted.resource AND day < $3 ORDER BY day DESC LIMIT 1)
               UNION ALL
               SELECT day, peak, at_end FROM usage_days
               WHERE tenant_id = $1 AND resource = wanted.resource AND day BETWEEN $3 AND $4) AS found"#,
        tenant.as_uuid(),
        &names(),
        from,
        to
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut told: BTreeMap<(NaiveDate, Resource), (i64, i64)> = BTreeMap::new();
    for row in rows {
        told.insert((row.day, read("resource", row.resource)?), (row.peak, row.at_end));
    }
    Ok(each_day(&told, from, to))
}

/// Days of which nothing is told are like the end of the one before.
fn each_day(
    told: &BTreeMap<(NaiveDate, Resource), (i64, i64)>,
    from: NaiveDate,
    to: NaiveDate,
) -> Vec<UsageDay> {
    let earlier = told.iter().filter(|((day, _), _)| *day < from);
    let mut left: BTreeMap<Resource, i64> = earlier
        .map(|((_, resource), (_, at_end))| (*resource, *at_end))
        .collect();
    let mut days = Vec::new();
    for day in from.iter_days().take_while(|day| *day <= to) {
        for resource in COUNTED {
            let there = left.get(&resource).copied();
            let known = told.get(&(day, resource)).copied();
            let Some((peak, at_end)) = known.or_else(|| there.map(|there| (there, there))) else {
                continue;
            };
            left.insert(resource, at_end);
            days.push(UsageDay {
                day,
                resource,
                peak,
                at_end,
            });
        }
    }
    days
}
