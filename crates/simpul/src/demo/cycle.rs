//! The main job again and again: a customer who does not pay, pays, and is back online.

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use simpul_api::{Surface, auth::Viewer};
use simpul_event_store::{Bus, EventStore};
use tokio::net::TcpListener;

use super::{
    door::Door,
    seed::{self, Accounts, Operator},
    story::{self, Wanted},
    surroundings::Surroundings,
};
use crate::{config::Config, roles::Running, wiring};

/// Most rounds of one operator: each needs a month of its own, and its line is not older.
pub const MOST_ROUNDS: usize = 9;

/// From a gateway's notice to the proof that the router gives access again, in seconds, for each of so many payments of
/// one operator. Everything runs in this process, in an empty database.
pub async fn paid_to_online(mut config: Config, rounds: usize) -> anyhow::Result<Vec<f64>> {
    let around = super::prepare(&mut config).await?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let running = super::start(&mut config, listener).await?;
    let store = &running.store;
    let operator = seed::operator(&Bus::new(store.clone()), &Accounts::of(&around)?).await?;
    for step in [story::ACTIVATED, story::ON_PLAN] {
        story::wait_for(store, operator.tenant, step).await?;
    }
    let mut seconds = Vec::new();
    for nth in 1..=rounds.min(MOST_ROUNDS) {
        unpaid(&config, &running, &operator, nth).await?;
        let notice_at = store.now();
        let proved_at = pay(&around, store, &operator, nth).await?;
        seconds.push((proved_at - notice_at).as_seconds_f64());
    }
    running.stop().await;
    Ok(seconds)
}

/// A step of the story for the n-th time.
pub(super) fn again(step: Wanted, nth: usize) -> Wanted {
    Wanted { nth, ..step }
}

/// A bill that is overdue isolates the line, and the customer opens a checkout.
pub(super) async fn unpaid(
    config: &Config,
    running: &Running,
    operator: &Operator,
    nth: usize,
) -> anyhow::Result<()> {
    let (store, tenant) = (&running.store, operator.tenant);
    let bus = Bus::new(store.clone());
    // Another month each time.
    let now = store.now() - TimeDelta::days(31 * i64::try_from(nth - 1)?);
    let invoice = seed::overdue_invoice(&bus, operator, now).await?;
    for step in story::UNPAID {
        story::wait_for(store, tenant, again(step, nth)).await?;
    }
    let viewer = Viewer {
        user: operator.owner,
        tenant,
    };
    let keys = wiring::keys(config)?;
    let token =
        crate::commands::token::issue(&bus, &keys, Surface::Staff, viewer, TimeDelta::hours(1)).await?;
    let door = Door::new(&config.http.public_url, token)?;
    let input = json!({
        "invoiceId": invoice.to_string(),
        "gatewayId": operator.gateway.to_string(),
        "channel": "BRIVA",
        "idempotencyKey": format!("drill-{nth}"),
    });
    story::start_payment(&door, input).await?;
    for step in story::PAYING {
        story::wait_for(store, tenant, again(step, nth)).await?;
    }
    Ok(())
}

/// The customer pays at the gateway, and is back online. Returns when that was proved.
pub(super) async fn pay(
    around: &Surroundings,
    store: &EventStore,
    operator: &Operator,
    nth: usize,
) -> anyhow::Result<DateTime<Utc>> {
    let order = around.tripay.orders().pop().context("the gateway has no order")?;
    around.tripay.pay(&order.reference).await?;
    let mut at = store.now();
    for step in story::PAID {
        let nth = if step.field.is_some() { nth + 1 } else { nth };
        at = story::wait_for(store, operator.tenant, again(step, nth))
            .await?
            .event
            .recorded_at;
    }
    Ok(at)
}
