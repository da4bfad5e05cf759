//! Add-ons that the tenant asked for, and what became of them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use simpul_domain::{
    AddOnOrderId, AnyEvent, Decider,
    platform::AddOnKey,
    tenancy::{AddOnOrder, AddOnOrderEvent, add_on_order::OrderStatus},
};
use simpul_event_store::{
    Recorded, TenantTx,
    feed::{HandlerError, Interest, Projector},
};

use crate::{
    Keyed, Position, QueryError,
    event::decode_all,
    rows::rows,
    stored::{column, read, signed},
};

/// One order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    pub order: AddOnOrderId,
    pub key: AddOnKey,
    pub quantity: u32,
    /// As [`OrderStatus::as_str`] has it.
    pub status: String,
    /// Why it was rejected.
    pub reason: Option<String>,
    pub ends_at: Option<DateTime<Utc>>,
    pub placed_at: DateTime<Utc>,
    /// When the platform last said something.
    pub settled_at: Option<DateTime<Utc>>,
}

/// Keeps the list.
#[derive(Debug, Clone, Copy, Default)]
pub struct OrderListProjector;

type Rows = BTreeMap<AddOnOrderId, OrderRow>;

impl Projector for OrderListProjector {
    const NAME: &'static str = "add_on_orders";

    fn interest(&self) -> Interest {
        Interest::Types(&[AddOnOrder::TYPE])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let events: Vec<AddOnOrderEvent> = decode_all(events)?
            .into_iter()
            .filter_map(|(_, event)| match event {
                AnyEvent::AddOnOrder(event) => Some(event),
                _ => None,
            })
            .collect();
        let ids = column(&events, |event| order_of(event).as_uuid());
        let found = by_id(tx, &ids).await?;
        let mut rows: Rows = found.into_iter().map(|row| (row.order, row)).collect();
        for event in events {
            apply(&mut rows, event);
        }
        store(tx, &rows.into_values().collect::<Vec<_>>()).await
    }
}

const fn order_of(event: &AddOnOrderEvent) -> AddOnOrderId {
    match event {
        AddOnOrderEvent::Placed(event) => event.order,
        AddOnOrderEvent::Activated(event) => event.order,
        AddOnOrderEvent::Rejected(event) => event.order,
        AddOnOrderEvent::Cancelled(event) => event.order,
        AddOnOrderEvent::Ending(event) => event.order,
        AddOnOrderEvent::Ended(event) => event.order,
    }
}

fn apply(rows: &mut Rows, event: AddOnOrderEvent) {
    if let AddOnOrderEvent::Placed(placed) = event {
        let row = OrderRow {
            order: placed.order,
            key: placed.key,
            quantity: placed.quantity,
            status: OrderStatus::Placed.as_str().to_owned(),
            reason: None,
            ends_at: None,
            placed_at: placed.at,
            settled_at: None,
        };
        rows.insert(row.order, row);
        return;
    }
    let Some(row) = rows.get_mut(&order_of(&event)) else {
        return;
    };
    let (status, settled_at) = match event {
        AddOnOrderEvent::Placed(_) => return,
        AddOnOrderEvent::Cancelled(_) => (OrderStatus::Cancelled, row.settled_at),
        AddOnOrderEvent::Activated(activated) => (OrderStatus::Active, Some(activated.at)),
        AddOnOrderEvent::Rejected(rejected) => {
            row.reason = Some(rejected.reason);
            (OrderStatus::Rejected, Some(rejected.at))
        }
        AddOnOrderEvent::Ending(ending) => {
            row.ends_at = Some(ending.ends_at);
            (OrderStatus::Ending, Some(ending.at))
        }
        AddOnOrderEvent::Ended(ended) => (OrderStatus::Ended, Some(ended.at)),
    };
    status.as_str().clone_into(&mut row.status);
    row.settled_at = settled_at;
}

rows! {
    table: "add_on_orders", key: "order_id", newest: "placed_at",
    columns: "order_id, key, quantity, status, reason, ends_at, placed_at, settled_at",
    OrderRow = |row| OrderRow {
        order: AddOnOrderId::new(row.order_id),
        key: read("key", row.key)?,
        quantity: read("quantity", row.quantity)?,
        status: row.status,
        reason: row.reason,
        ends_at: row.ends_at,
        placed_at: row.placed_at,
        settled_at: row.settled_at,
    },
    page:
        /// Orders, newest first.
        pub fn list(),
    one by "order_id": fn by_id,
}

async fn store(tx: &mut TenantTx, rows: &[OrderRow]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    let quantities = rows
        .iter()
        .map(|row| signed::<u32, i32>(row.quantity))
        .collect::<Result<Vec<_>, _>>()?;
    sqlx::query!(
        "INSERT INTO add_on_orders (tenant_id, order_id, key, quantity, status, reason, ends_at, placed_at, settled_at)
         SELECT $1, o.* FROM UNNEST($2::uuid[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::timestamptz[],
             $8::timestamptz[], $9::timestamptz[]) AS o
         ON CONFLICT ON CONSTRAINT add_on_orders_pkey DO UPDATE SET
             (status, reason, ends_at, settled_at)
             = ROW (excluded.status, excluded.reason, excluded.ends_at, excluded.settled_at)",
        tenant.as_uuid(),
        &column(rows, |row| row.order.as_uuid()),
        &column(rows, |row| row.key.as_str().to_owned()),
        &quantities,
        &column(rows, |row| row.status.clone()),
        &column(rows, |row| row.reason.clone()) as &[Option<String>],
        &column(rows, |row| row.ends_at) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.placed_at),
        &column(rows, |row| row.settled_at) as &[Option<DateTime<Utc>>],
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Keyed for OrderRow {
    fn position(&self) -> Position {
        Position {
            at: self.placed_at,
            id: self.order.as_uuid(),
        }
    }
}

/// Orders by id; unknown ones are left out.
pub async fn by_ids(tx: &mut TenantTx, ids: &[AddOnOrderId]) -> Result<Vec<OrderRow>, QueryError> {
    by_id(tx, &column(ids, |id| id.as_uuid())).await
}
