//! Money received and where each rupiah of it went. Halts rather than pass over an event.

use chrono::{DateTime, Utc};
use simpul_domain::{
    AnyEvent, CustomerId, Decider, InvoiceId, PaymentId, Rupiah,
    billing::{
        CreditAccount, Payment,
        payment::{PaymentFlag, PaymentSource},
    },
};
use simpul_event_store::{
    Recorded, TenantTx,
    feed::{HandlerError, Interest, OnError, Projector},
};
use sqlx::types::Uuid;

pub use super::money_rows::{ACCOUNT, AMOUNT, CUSTOMER, PAID_AT, RECEIVED_AT, REFERENCE, UNMATCHED, list};
use super::{
    money_fold::{Rows, apply_credit, apply_payment, customer_of, payment_of},
    money_rows::{
        allocations_of, allocations_to, by_id, credits_of, store_allocations, store_credits, store_payments,
    },
};
use crate::{
    Keyed, Position, QueryError,
    event::decode_all,
    stored::{column, read},
};

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRow {
    pub payment: PaymentId,
    /// Nobody while the money is unmatched.
    pub customer: Option<CustomerId>,
    pub source: PaymentSource,
    pub provider_ref: String,
    pub flags: Vec<PaymentFlag>,
    /// What the payer paid.
    pub gross: Rupiah,
    pub payer_fee: Rupiah,
    /// What is booked: `gross` - `payer_fee`.
    pub amount: Rupiah,
    pub allocated: Rupiah,
    pub credited: Rupiah,
    pub unmatched: Rupiah,
    pub refunded: Rupiah,
    /// On its way within one command; zero at the end of each.
    pub undistributed: Rupiah,
    pub paid_at: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
}

/// Credit of one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreditRow {
    pub customer: CustomerId,
    pub balance: Rupiah,
    pub used_on_invoices: Rupiah,
}

/// Part of a payment that went to a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllocationRow {
    pub payment: PaymentId,
    pub invoice: InvoiceId,
    pub amount: Rupiah,
}

/// Everything received and where it is (P65).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    pub received: Rupiah,
    /// On bills, directly or out of credit.
    pub allocated: Rupiah,
    /// Credit that is left.
    pub credit: Rupiah,
    pub unmatched: Rupiah,
    pub refunded: Rupiah,
    pub undistributed: Rupiah,
    /// The same credit as the customers' accounts say.
    pub credit_balances: Rupiah,
}

impl Totals {
    /// allocations + credit + refunds + unmatched = received, and the accounts agree about credit.
    pub fn is_balanced(&self) -> bool {
        Rupiah::sum([
            self.allocated,
            self.credit,
            self.unmatched,
            self.refunded,
            self.undistributed,
        ]) == Ok(self.received)
            && self.credit == self.credit_balances
    }
}

/// Keeps payments, allocations and credit.
#[derive(Debug, Clone, Copy, Default)]
pub struct MoneyProjector;

impl Projector for MoneyProjector {
    const NAME: &'static str = "money";
    const ON_ERROR: OnError = OnError::Halt;

    fn interest(&self) -> Interest {
        Interest::Types(&[Payment::TYPE, CreditAccount::TYPE])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let events = decode_all(events)?;
        let (mut payments, mut customers) = (Vec::new(), Vec::new());
        for (_, event) in &events {
            match event {
                AnyEvent::Payment(event) => payments.push(payment_of(event).as_uuid()),
                AnyEvent::CreditAccount(event) => customers.push(customer_of(event).as_uuid()),
                _ => {}
            }
        }
        let mut rows = load(tx, &payments, &customers).await?;
        for (_, event) in &events {
            match event {
                AnyEvent::Payment(event) => apply_payment(&mut rows, event),
                AnyEvent::CreditAccount(event) => apply_credit(&mut rows, event),
                _ => Ok(()),
            }
            .map_err(HandlerError::permanent)?;
        }
        store_payments(tx, &rows.payments.into_values().collect::<Vec<_>>()).await?;
        store_allocations(tx, &rows.allocations.into_iter().collect::<Vec<_>>()).await?;
        store_credits(tx, &rows.credits.into_values().collect::<Vec<_>>()).await
    }
}

async fn load(tx: &mut TenantTx, payments: &[Uuid], customers: &[Uuid]) -> Result<Rows, QueryError> {
    let found = by_id(tx, payments).await?;
    let allocations = allocations_of(tx, payments).await?;
    let credits = credits_of(tx, customers).await?;
    Ok(Rows {
        payments: found.into_iter().map(|row| (row.payment, row)).collect(),
        allocations: allocations
            .into_iter()
            .map(|row| ((row.payment, row.invoice), row.amount))
            .collect(),
        credits: credits.into_iter().map(|row| (row.customer, row)).collect(),
    })
}

impl Keyed for PaymentRow {
    fn position(&self) -> Position {
        Position {
            at: self.received_at,
            id: self.payment.as_uuid(),
        }
    }
}

/// One payment, if it is this customer's.
pub async fn of_customer(
    tx: &mut TenantTx,
    customer: CustomerId,
    payment: PaymentId,
) -> Result<Option<PaymentRow>, QueryError> {
    let found = by_id(tx, &[payment.as_uuid()]).await?.pop();
    Ok(found.filter(|row| row.customer == Some(customer)))
}

/// Payments by id; unknown ones are left out.
pub async fn by_ids(tx: &mut TenantTx, ids: &[PaymentId]) -> Result<Vec<PaymentRow>, QueryError> {
    by_id(tx, &column(ids, |id| id.as_uuid())).await
}

/// Where these payments went.
pub async fn allocations_of_payments(
    tx: &mut TenantTx,
    payments: &[PaymentId],
) -> Result<Vec<AllocationRow>, QueryError> {
    let found = allocations_of(tx, &column(payments, |id| id.as_uuid())).await?;
    Ok(not_taken_back(found))
}

/// What paid these bills.
pub async fn allocations_of_invoices(
    tx: &mut TenantTx,
    invoices: &[InvoiceId],
) -> Result<Vec<AllocationRow>, QueryError> {
    let found = allocations_to(tx, &column(invoices, |id| id.as_uuid())).await?;
    Ok(not_taken_back(found))
}

/// What was taken back whole is on no bill any more.
fn not_taken_back(mut rows: Vec<AllocationRow>) -> Vec<AllocationRow> {
    rows.retain(|row| row.amount > Rupiah::ZERO);
    rows
}

/// Credit of a customer.
pub async fn credit(tx: &mut TenantTx, customer: CustomerId) -> Result<Rupiah, QueryError> {
    let row = credits_of(tx, &[customer.as_uuid()]).await?.pop();
    Ok(row.map_or(Rupiah::ZERO, |row| row.balance))
}

/// Everything received and where it is.
pub async fn totals(tx: &mut TenantTx) -> Result<Totals, QueryError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        r#"SELECT p.received AS "received!", p.allocated + c.used AS "allocated!", p.credited - c.used AS "credit!",
                  p.unmatched AS "unmatched!", p.refunded AS "refunded!", p.undistributed AS "undistributed!",
                  c.balance AS "balance!"
           FROM (SELECT coalesce(sum(amount), 0)::bigint AS received, coalesce(sum(allocated), 0)::bigint AS allocated,
                        coalesce(sum(credited), 0)::bigint AS credited, coalesce(sum(unmatched), 0)::bigint AS unmatched,
                        coalesce(sum(refunded), 0)::bigint AS refunded,
                        coalesce(sum(undistributed), 0)::bigint AS undistributed
                 FROM payments WHERE tenant_id = $1) AS p,
                (SELECT coalesce(sum(used_on_invoices), 0)::bigint AS used, coalesce(sum(balance), 0)::bigint AS balance
                 FROM credits WHERE tenant_id = $1) AS c"#,
        tenant.as_uuid()
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Totals {
        received: read("received", row.received)?,
        allocated: read("allocated", row.allocated)?,
        credit: read("credit", row.credit)?,
        unmatched: read("unmatched", row.unmatched)?,
        refunded: read("refunded", row.refunded)?,
        undistributed: read("undistributed", row.undistributed)?,
        credit_balances: read("balance", row.balance)?,
    })
}
