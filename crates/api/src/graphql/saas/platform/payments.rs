//! Money of operators, and money of nobody that is known, in the platform's own log.

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use simpul_app::permission;
use simpul_domain::{CustomerId, InvoiceId, PaymentId, billing::payment::PaymentSource};
use simpul_event_store::{TenantTx, feed::Projector as _};
use simpul_projections::{
    QueryError,
    billing::{
        invoice_list::{self, InvoiceListProjector, InvoiceRow},
        money::{self, AllocationRow, MoneyProjector, PaymentRow},
        payers::{self, PayerRow},
    },
    sift::Siftable,
};

use super::bills::SaasInvoice;
use crate::{
    ApiError,
    graphql::{
        billing::PaymentFlag,
        page::{Asked, Listed, Window, sifted},
        scalar::{DateTime, Money},
        scope::{Scope, scope},
        sift::{
            DateTimeComparator, IdComparator, MoneyComparator, TextComparator, filter, order, order_of, sieve,
        },
    },
};

const LIST: &str = "saasPayments";

/// How money came to the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum SaasPaymentMethod {
    /// The platform's gateway confirmed it.
    Gateway,
    /// Cash.
    Cash,
    /// A transfer that somebody saw arrive.
    Transfer,
}

impl From<&PaymentSource> for SaasPaymentMethod {
    fn from(source: &PaymentSource) -> Self {
        match source {
            PaymentSource::Gateway { .. } => Self::Gateway,
            PaymentSource::Cash { .. } => Self::Cash,
            PaymentSource::Transfer { .. } => Self::Transfer,
        }
    }
}

/// What of a payment is on one bill.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasAllocation {
    /// The bill.
    saas_invoice: SaasInvoice,
    /// What was put on it.
    amount: Money,
}

/// Money that the platform received. `amount = allocated + credited + unmatched + refunded + undistributed`.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasPayment {
    /// Opaque.
    pub(in crate::graphql) id: ID,
    /// Whose it was; null for unmatched money.
    tenant_id: Option<ID>,
    /// The operator's name, as its newest bill says.
    tenant_name: Option<String>,
    /// The operator's code.
    tenant_code: Option<String>,
    /// How it came.
    method: SaasPaymentMethod,
    /// The gateway's own reference, or what proves the transfer.
    reference: String,
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
    /// Kept as the operator's credit.
    credited: Money,
    /// Of nobody that is known; waits for a person.
    unmatched: Money,
    /// Given back.
    refunded: Money,
    /// Taken off a bill again and not put anywhere yet.
    undistributed: Money,
    /// The bills that it paid.
    allocations: Vec<SaasAllocation>,
    /// When the payer paid.
    paid_at: DateTime,
    /// When it was booked.
    received_at: DateTime,
}

/// What payments are read from.
const PROJECTIONS: [&str; 2] = [MoneyProjector::NAME, InvoiceListProjector::NAME];

/// What the payments of a page refer to.
#[derive(Debug, Default)]
struct Around {
    payers: HashMap<CustomerId, PayerRow>,
    allocations: HashMap<PaymentId, Vec<AllocationRow>>,
    bills: HashMap<InvoiceId, InvoiceRow>,
}

impl Around {
    async fn load<'r>(
        tx: &mut TenantTx,
        rows: impl Iterator<Item = &'r PaymentRow> + Clone,
    ) -> Result<Self, QueryError> {
        let payers: Vec<CustomerId> = rows.clone().filter_map(|row| row.customer).collect();
        let payments: Vec<PaymentId> = rows.map(|row| row.payment).collect();
        let payers = payers::by_ids(tx, &payers).await?;
        let mut around = Self {
            payers: payers.into_iter().map(|payer| (payer.payer, payer)).collect(),
            ..Self::default()
        };
        let allocations = money::allocations_of_payments(tx, &payments).await?;
        let bills: Vec<InvoiceId> = allocations.iter().map(|row| row.invoice).collect();
        for bill in invoice_list::by_ids(tx, &bills).await? {
            around.bills.insert(bill.invoice, bill);
        }
        for row in allocations {
            around.allocations.entry(row.payment).or_default().push(row);
        }
        Ok(around)
    }

    fn allocations(&self, payment: PaymentId) -> Vec<SaasAllocation> {
        let rows = self.allocations.get(&payment).into_iter().flatten();
        rows.filter_map(|row| {
            let bill = self.bills.get(&row.invoice)?;
            Some(SaasAllocation {
                saas_invoice: SaasInvoice::of(bill.clone())?,
                amount: row.amount.into(),
            })
        })
        .collect()
    }

    fn payment(&self, row: PaymentRow) -> SaasPayment {
        let payer = row.customer.and_then(|payer| self.payers.get(&payer));
        SaasPayment {
            id: row.payment.to_string().into(),
            tenant_id: payer.map(|payer| payer.account.to_string().into()),
            tenant_name: payer.and_then(|payer| payer.named.name.clone()),
            tenant_code: payer.map(|payer| payer.named.code.clone()),
            method: (&row.source).into(),
            reference: row.provider_ref,
            flags: row.flags.into_iter().map(PaymentFlag::from).collect(),
            gross: row.gross.into(),
            payer_fee: row.payer_fee.into(),
            amount: row.amount.into(),
            allocated: row.allocated.into(),
            credited: row.credited.into(),
            unmatched: row.unmatched.into(),
            refunded: row.refunded.into(),
            undistributed: row.undistributed.into(),
            allocations: self.allocations(row.payment),
            paid_at: DateTime(row.paid_at),
            received_at: DateTime(row.received_at),
        }
    }
}

impl SaasPayment {
    pub(in crate::graphql) async fn load(
        scope: &Scope,
        payment: PaymentId,
    ) -> Result<Option<Self>, ApiError> {
        scope.require(permission::PLATFORM_BILLING).await?;
        let mut tx = scope.read(&PROJECTIONS).await?;
        let rows = money::by_ids(&mut tx, &[payment]).await?;
        let around = Around::load(&mut tx, rows.iter()).await?;
        tx.commit().await?;
        Ok(rows.into_iter().next().map(|row| around.payment(row)))
    }
}

filter! {
    /// Which payments; everything that is given must hold.
    SaasPaymentFilter {
        /// Whose it is; `isNull` finds money of nobody that is known.
        tenant_id: IdComparator = money::ACCOUNT,
        /// What is booked.
        amount: MoneyComparator = money::AMOUNT,
        /// What is of nobody that is known.
        unmatched: MoneyComparator = money::UNMATCHED,
        /// The gateway's own reference, or what proves the transfer.
        reference: TextComparator = money::REFERENCE,
        /// When it was paid.
        paid_at: DateTimeComparator = money::PAID_AT,
        /// When it was booked.
        received_at: DateTimeComparator = money::RECEIVED_AT,
    }
}

order! {
    SaasPaymentOrder by SaasPaymentOrderField {
        /// When it was booked.
        ReceivedAt = money::RECEIVED_AT,
        /// When it was paid.
        PaidAt = money::PAID_AT,
        /// What is booked.
        Amount = money::AMOUNT,
    }
}

/// Questions about money of operators.
#[derive(Debug, Default)]
pub(crate) struct SaasPaymentsQuery;

#[Object]
impl SaasPaymentsQuery {
    /// Money that the platform received, newest first, with the bills that it paid; at most 100 a page.
    /// Permission: platform.billing
    async fn saas_payments(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
        #[graphql(desc = "0 to 10,000 rows that are passed over; goes with `first` only.")] offset: Option<
            i32,
        >,
        #[graphql(desc = "Which payments.")] filter: Option<SaasPaymentFilter>,
        #[graphql(desc = "At most three keys; newest first when absent.")] order_by: Option<
            Vec<SaasPaymentOrder>,
        >,
    ) -> Result<Listed<SaasPayment>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_BILLING).await?;
        let window = Window::both(first, after, last, before).behind(offset);
        let asked = Asked::of(context, LIST, window)?;
        let sift = asked.sift(sieve(filter.as_ref())?, order_of(order_by)?);
        let mut tx = scope.read(&PROJECTIONS).await?;
        let passed = PaymentRow::sifted(&mut tx, &sift).await.map_err(ApiError::from)?;
        let around = Around::load(&mut tx, passed.rows.iter().map(|(_, row)| row));
        let around = around.await.map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(sifted(&asked, passed, |row| around.payment(row)))
    }
}
