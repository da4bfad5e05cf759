//! Money that was received, and where it is.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};
use simpul_app::permission;
use simpul_domain::{PaymentId, billing::payment::PaymentFlag as DomainFlag};
use simpul_event_store::feed::Projector as _;
use simpul_projections::billing::money::{self, MoneyProjector, PaymentRow, Totals};

use crate::{
    ApiError,
    graphql::{
        batch,
        customers::Customer,
        page::{Asked, Listed, Window, sorted},
        scalar::{DateTime, Money},
        scope::{Scope, scope},
        sift::{
            DateTimeComparator, IdComparator, MoneyComparator, TextComparator, filter, order, order_of, sieve,
        },
    },
};

const LIST: &str = "payments";

/// What people should look at. The money is booked all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "DomainFlag", name = "PaymentFlag")]
pub(crate) enum PaymentFlag {
    /// Another amount than was expected.
    AmountMismatch,
    /// Paid after the attempt had ended.
    Late,
    /// The attempt had been paid already.
    PaidAgain,
    /// More than all open bills needed.
    Overpaid,
}

/// Money received. `amount = allocated + credited + unmatched + refunded + undistributed`.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Payment {
    #[graphql(skip)]
    row: PaymentRow,
    /// Opaque.
    pub(crate) id: ID,
    /// The gateway's own reference.
    provider_ref: String,
    /// What people should look at.
    flags: Vec<PaymentFlag>,
    /// What the payer paid, with payer-borne fees.
    gross: Money,
    /// Payer-borne fees.
    payer_fee: Money,
    /// What is booked.
    amount: Money,
    /// Put on bills.
    allocated: Money,
    /// Kept as the customer's credit.
    credited: Money,
    /// Of nobody that is known; waits for a person.
    unmatched: Money,
    /// Given back.
    refunded: Money,
    /// Taken off a bill again and not put anywhere yet.
    undistributed: Money,
    /// When the payer paid.
    paid_at: DateTime,
    /// When it was booked.
    received_at: DateTime,
}

impl From<PaymentRow> for Payment {
    fn from(row: PaymentRow) -> Self {
        Self {
            id: row.payment.to_string().into(),
            provider_ref: row.provider_ref.clone(),
            flags: row.flags.iter().map(|&flag| flag.into()).collect(),
            gross: row.gross.into(),
            payer_fee: row.payer_fee.into(),
            amount: row.amount.into(),
            allocated: row.allocated.into(),
            credited: row.credited.into(),
            unmatched: row.unmatched.into(),
            refunded: row.refunded.into(),
            undistributed: row.undistributed.into(),
            paid_at: DateTime(row.paid_at),
            received_at: DateTime(row.received_at),
            row,
        }
    }
}

#[ComplexObject]
impl Payment {
    /// Whose money it was; null for unmatched money.
    /// Permission: customer.read
    async fn customer(&self, context: &Context<'_>) -> Result<Option<Customer>> {
        match self.row.customer {
            Some(customer) => Ok(Customer::load(scope(context)?, customer).await?),
            None => Ok(None),
        }
    }
}

impl Payment {
    pub(in crate::graphql) async fn load(
        scope: &Arc<Scope>,
        payment: PaymentId,
    ) -> Result<Option<Self>, ApiError> {
        scope.require(permission::BILLING_READ).await?;
        Ok(batch::one::<PaymentRow>(scope, payment).await?.map(Self::from))
    }
}

/// Everything received and where it is.
#[derive(Debug, SimpleObject)]
pub(crate) struct PaymentTotals {
    /// All of it.
    received: Money,
    /// On bills.
    allocated: Money,
    /// Customers' credit that came from payments and is not used.
    credit: Money,
    /// Of nobody that is known.
    unmatched: Money,
    /// Given back.
    refunded: Money,
    /// Taken off a bill again and not put anywhere yet.
    undistributed: Money,
    /// Whether the parts add up to what was received.
    balanced: bool,
}

impl From<Totals> for PaymentTotals {
    fn from(totals: Totals) -> Self {
        Self {
            balanced: totals.is_balanced(),
            received: totals.received.into(),
            allocated: totals.allocated.into(),
            credit: totals.credit.into(),
            unmatched: totals.unmatched.into(),
            refunded: totals.refunded.into(),
            undistributed: totals.undistributed.into(),
        }
    }
}

filter! {
    /// Which payments; everything that is given must hold.
    PaymentFilter {
        /// Whose it is; `isNull` finds money of nobody that is known.
        customer_id: IdComparator = money::CUSTOMER,
        /// What is booked.
        amount: MoneyComparator = money::AMOUNT,
        /// What is of nobody that is known.
        unmatched: MoneyComparator = money::UNMATCHED,
        /// The gateway's own reference.
        provider_ref: TextComparator = money::REFERENCE,
        /// When it was paid.
        paid_at: DateTimeComparator = money::PAID_AT,
        /// When it was booked.
        received_at: DateTimeComparator = money::RECEIVED_AT,
    }
}

order! {
    PaymentOrder by PaymentOrderField {
        /// When it was booked.
        ReceivedAt = money::RECEIVED_AT,
        /// When it was paid.
        PaidAt = money::PAID_AT,
        /// What is booked.
        Amount = money::AMOUNT,
    }
}

/// Questions about money.
#[derive(Debug, Default)]
pub(crate) struct PaymentsQuery;

#[Object]
impl PaymentsQuery {
    /// Payments, newest first; at most 100 a page.
    /// Permission: billing.read
    async fn payments(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
        #[graphql(desc = "0 to 10,000 rows that are passed over; goes with `first` only.")] offset: Option<
            i32,
        >,
        #[graphql(desc = "Which payments.")] filter: Option<PaymentFilter>,
        #[graphql(desc = "At most three keys; newest first when absent.")] order_by: Option<
            Vec<PaymentOrder>,
        >,
    ) -> Result<Listed<Payment>> {
        let scope = scope(context)?;
        scope.require(permission::BILLING_READ).await?;
        let window = Window::both(first, after, last, before).behind(offset);
        let asked = Asked::of(context, LIST, window)?;
        let sift = asked.sift(sieve(filter.as_ref())?, order_of(order_by)?);
        let mut tx = scope.read(&[MoneyProjector::NAME]).await?;
        let connection = sorted::<PaymentRow, Payment>(&asked, &mut tx, &sift).await?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(connection)
    }

    /// Everything received and where it is.
    /// Permission: billing.read
    async fn payment_totals(&self, context: &Context<'_>) -> Result<PaymentTotals> {
        let scope = scope(context)?;
        scope.require(permission::BILLING_READ).await?;
        let mut tx = scope.read(&[MoneyProjector::NAME]).await?;
        let totals = money::totals(&mut tx).await.map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(totals.into())
    }
}
