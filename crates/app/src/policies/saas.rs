//! Carries out what the platform's billing wishes.

use chrono::{DateTime, Utc};
use simpul_domain::{TenantId, saas::meter::Reading};
use simpul_event_store::{Bus, Context, feed::HandlerError};

use super::hand::dispatch;
use crate::saas::{CloseTab, EndCharge, OpenTab, ResumeTab, StartCharge, SuspendTab};

/// Tells the tab what the account has.
pub(super) async fn meter(
    bus: &Bus,
    context: Context,
    account: TenantId,
    at: DateTime<Utc>,
    reading: Reading,
) -> Result<(), HandlerError> {
    match reading {
        Reading::Open {
            code,
            name,
            plan,
            price,
        } => {
            let open = OpenTab {
                account,
                code,
                name,
                since: at,
                plan,
                price,
            };
            dispatch(bus, context, open).await
        }
        Reading::Start { item, label, price } => {
            let start = StartCharge {
                account,
                item,
                label,
                price,
                since: at,
            };
            dispatch(bus, context, start).await
        }
        Reading::End { item } => dispatch(bus, context, EndCharge { account, item, at }).await,
        Reading::Suspend => dispatch(bus, context, SuspendTab { account, at }).await,
        Reading::Resume => dispatch(bus, context, ResumeTab { account, at }).await,
        Reading::Close => dispatch(bus, context, CloseTab { account, at }).await,
    }
}
