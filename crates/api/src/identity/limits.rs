//! How often one may try. Counted in PostgreSQL, so that another instance is no second chance.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde_json::json;
use simpul_domain::{Code, TenantId};
use simpul_event_store::inline::{
    budget::{self, Rate},
    identity::{address, delay},
};

use crate::{ApiError, ApiState, budget::network};

/// Three letters an hour to one address; a letter costs [`RESET_POINTS`].
const RESETS: Rate = Rate {
    capacity: 180,
    per_minute: 3,
};
const RESET_POINTS: u32 = 60;

/// Letters that strangers have a tenant send, whoever they are for: nobody's mailbox, and no mailer, is flooded.
const LETTERS: Rate = Rate {
    capacity: 60,
    per_minute: 60,
};

/// Too early; says when it is not.
fn wait(text: &str, seconds: i64) -> ApiError {
    ApiError {
        code: Code::RateLimit,
        message: text.to_owned(),
        params: json!({ "retryAfterSeconds": seconds.max(1) }),
    }
}

fn until(text: &str, until: DateTime<Utc>, now: DateTime<Utc>) -> ApiError {
    let millis = (until - now).num_milliseconds();
    wait(text, (millis + 999) / 1_000)
}

/// More sign-ins than the machine can take.
pub(crate) fn busy() -> ApiError {
    wait("Too many people sign in at the moment", 1)
}

/// One attempt of an address to prove anything. Before it, nothing is looked at.
pub(crate) async fn attempt(state: &ApiState, ip: Option<IpAddr>) -> Result<(), ApiError> {
    let Some(ip) = ip else { return Ok(()) };
    let (network, work) = (network(ip).to_string(), state.clone());
    state
        .detached(async move {
            let store = work.store();
            if let Some(blocked) = address::blocked_until(store, &network).await? {
                return Err(until("This address is blocked for a time", blocked, store.now()));
            }
            let rate = work.identity.settings.attempts;
            let scope = format!("sign-in {network}");
            let taken = budget::withdraw(store, TenantId::PLATFORM, &scope, (1, 1), rate).await?;
            if taken.granted > 0 {
                return Ok(());
            }
            // Whoever goes on knocking does so on purpose.
            address::strike(store, &network, work.identity.settings.block).await?;
            let seconds = i64::from(60_u32.div_ceil(rate.per_minute.max(1)));
            Err(wait("Too many attempts from this address", seconds))
        })
        .await
}

/// A wrong proof from an address. Runs inside of a task that is not cancelled.
pub(super) async fn strike(state: &ApiState, ip: Option<IpAddr>) -> Result<(), ApiError> {
    if let Some(ip) = ip {
        let network = network(ip).to_string();
        address::strike(state.store(), &network, state.identity.settings.block).await?;
    }
    Ok(())
}

/// One attempt at an account. Runs inside of a task that is not cancelled.
pub(super) async fn attempt_account(
    state: &ApiState,
    tenant: TenantId,
    account: &str,
) -> Result<Option<ApiError>, ApiError> {
    let held = delay::attempt(state.store(), tenant, account).await?;
    let now = state.store().now();
    Ok(held.map(|held| until("Too many attempts at this account", held, now)))
}

/// One letter to an address, existing or not. Runs inside of a task that is not cancelled.
pub(super) async fn may_reset(state: &ApiState, tenant: TenantId, account: &str) -> Result<bool, ApiError> {
    let scope = format!("reset {account}");
    let points = (RESET_POINTS, RESET_POINTS);
    let taken = budget::withdraw(state.store(), tenant, &scope, points, RESETS).await?;
    Ok(taken.granted > 0)
}

/// One letter that a stranger asks a tenant for.
pub(crate) async fn letter(state: &ApiState, tenant: TenantId) -> Result<(), ApiError> {
    let work = state.clone();
    let taken = state.detached(async move {
        Ok(budget::withdraw(work.store(), tenant, "letters", (1, 1), LETTERS).await?)
    });
    if taken.await?.granted > 0 {
        Ok(())
    } else {
        Err(wait("Too many letters were asked for", 1))
    }
}
