//! Bills of all operators, for those who run the platform.

use async_graphql::{
    ComplexObject, Context, ID, InputObject, Object, Result, SimpleObject, connection::Connection,
};
use simpul_app::{
    Personal, permission,
    saas::{MarkBillPaid, RegisterPayer, SetTerms, TERMS, VoidBill},
};
use simpul_domain::{
    InvoiceId, TenantId,
    billing::DueDay,
    saas::{Tax, Terms, terms::BillingTerms},
};
use simpul_event_store::feed::Projector as _;
use simpul_projections::billing::{
    attempt_list,
    income::{self, Owed as OwedRow},
    invoice_list::{self, InvoiceFilter as Wanted, InvoiceListProjector, InvoiceRow},
    money::MoneyProjector,
};

use crate::{
    ApiError,
    graphql::{
        billing::{InvoiceLine, InvoiceStatus},
        fields::Fields,
        page::{connection, page},
        payload::{Outcome, payload},
        scalar::{Date, DateTime, Money, MoneyInput},
        scope::{Scope, scope},
        user_error::UserError,
    },
};

const LIST: &str = "saasInvoices";

/// A bill of an operator.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub(crate) struct SaasInvoice {
    #[graphql(skip)]
    row: InvoiceRow,
    /// Opaque.
    id: ID,
    /// Whose it is.
    tenant_id: ID,
    /// The operator's name at the time of issue.
    tenant_name: String,
    /// The operator's code.
    tenant_code: String,
    /// As printed.
    number: String,
    /// Where the bill stands.
    status: InvoiceStatus,
    /// First day of the billed period.
    period_from_on: Date,
    /// Last day of the billed period.
    period_until_on: Date,
    /// The lines.
    lines: Vec<InvoiceLine>,
    /// Sum of the lines.
    total: Money,
    /// What is still asked for.
    outstanding: Money,
    /// Last day on which it can be paid in time.
    due_on: Date,
    /// When it was issued.
    issued_at: DateTime,
    /// When it fell overdue.
    overdue_at: Option<DateTime>,
    /// When nothing was asked for any more.
    paid_at: Option<DateTime>,
    /// When it was withdrawn.
    voided_at: Option<DateTime>,
    /// Why it was withdrawn.
    void_reason: Option<String>,
}

impl From<(TenantId, InvoiceRow)> for SaasInvoice {
    fn from((account, row): (TenantId, InvoiceRow)) -> Self {
        let last = row.period.until();
        Self {
            id: row.invoice.to_string().into(),
            tenant_id: account.to_string().into(),
            tenant_name: row.snapshot.account_name.clone().unwrap_or_default(),
            tenant_code: row.snapshot.customer_code.as_str().to_owned(),
            number: row.number.as_str().to_owned(),
            status: row.status.into(),
            period_from_on: Date(row.period.from()),
            period_until_on: Date(last.pred_opt().unwrap_or(last)),
            lines: row.lines.iter().map(InvoiceLine::from).collect(),
            total: row.total.into(),
            outstanding: row.outstanding.into(),
            due_on: Date(row.due_on),
            issued_at: DateTime(row.issued_at),
            overdue_at: row.overdue_at.map(DateTime),
            paid_at: row.paid_at.map(DateTime),
            voided_at: row.voided_at.map(DateTime),
            void_reason: row.void_reason.clone(),
            row,
        }
    }
}

/// One attempt of an operator to pay through the platform's gateway.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasPaymentAttempt {
    /// Opaque.
    id: ID,
    /// How the gateway names it.
    merchant_ref: String,
    /// The gateway's channel code.
    channel: String,
    /// What the payer is asked for.
    payer_amount: Money,
    /// When it was planned.
    created_at: DateTime,
    /// When the payer paid.
    paid_at: Option<DateTime>,
}

#[ComplexObject]
impl SaasInvoice {
    /// The attempts to pay it through the gateway, newest first.
    async fn attempts(&self, context: &Context<'_>) -> Result<Vec<SaasPaymentAttempt>> {
        let scope = scope(context)?;
        let mut tx = scope.read(&[InvoiceListProjector::NAME]).await?;
        let rows = attempt_list::of_invoices(&mut tx, &[self.row.invoice])
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(rows
            .into_iter()
            .map(|row| SaasPaymentAttempt {
                id: row.attempt.to_string().into(),
                merchant_ref: row.merchant_ref.as_str().to_owned(),
                channel: row.channel.clone(),
                payer_amount: row.expected_payer_amount.into(),
                created_at: DateTime(row.created_at),
                paid_at: row.paid_at.map(DateTime),
            })
            .collect())
    }
}

impl SaasInvoice {
    /// A bill that is not an operator's is not there.
    fn of(row: InvoiceRow) -> Option<Self> {
        row.billed.account().map(|account| Self::from((account, row)))
    }

    async fn load(scope: &Scope, invoice: InvoiceId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::PLATFORM_BILLING).await?;
        let mut tx = scope.read(&[InvoiceListProjector::NAME]).await?;
        let row = invoice_list::by_ids(&mut tx, &[invoice]).await?.pop();
        tx.commit().await?;
        Ok(row.and_then(Self::of))
    }
}

/// Which bills; every given part must hold.
#[derive(Debug, Default, InputObject)]
pub(crate) struct SaasInvoiceFilter {
    /// Bills in this status.
    status: Option<InvoiceStatus>,
    /// Bills of this operator.
    tenant_id: Option<ID>,
    /// Part of the number, or of the operator's name or code; capitals do not matter.
    search: Option<String>,
}

impl SaasInvoiceFilter {
    /// `None` when an id cannot be one: no bill matches.
    fn wanted(self) -> Option<Wanted> {
        let account = self.tenant_id.map(|id| id.parse());
        Some(Wanted {
            status: self.status.map(Into::into),
            account: account.transpose().ok()?,
            accounts_only: true,
            search: self.search.filter(|text| !text.is_empty()),
            ..Wanted::default()
        })
    }
}

/// What operators paid in a month.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasMonthRevenue {
    /// Its first day.
    month_on: Date,
    /// The sum of the payments received in it.
    received: Money,
    /// How many there were.
    payments: i32,
    /// Growth over the month before, in hundredths of a per cent; null where nothing was received before.
    growth_basis_points: Option<i32>,
}

/// Bills that ask for money.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasOwed {
    /// What they ask for.
    outstanding: Money,
    /// How many there are.
    bills: i32,
}

impl From<OwedRow> for SaasOwed {
    fn from(owed: OwedRow) -> Self {
        Self {
            outstanding: owed.outstanding.into(),
            bills: i32::try_from(owed.bills).unwrap_or(i32::MAX),
        }
    }
}

/// What operators owe, by the days since it was due.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasAgeing {
    /// The business date it is seen from.
    as_of_on: Date,
    /// Not due yet.
    current: SaasOwed,
    /// 1 to 30 days.
    up_to30_days: SaasOwed,
    /// 31 to 60 days.
    up_to60_days: SaasOwed,
    /// 61 to 90 days.
    up_to90_days: SaasOwed,
    /// More than 90 days.
    over90_days: SaasOwed,
}

/// A tax on top of a bill.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasTax {
    /// Hundredths of a per cent.
    rate_basis_points: i32,
    /// Of the part of the price that is taxed.
    base_numerator: i32,
    /// Of the part of the price that is taxed.
    base_denominator: i32,
}

/// On what terms operators are billed.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasTerms {
    /// As printed on the bills.
    seller_name: String,
    /// Day of the month on which a period begins and its bill goes out.
    billing_day: i32,
    /// Days from the issue on within which a bill is paid in time.
    due_days: i32,
    /// Whole days after the due date during which the panel stays open.
    grace_days: i32,
    /// Days after the due date on which the payer is reminded; negative before it.
    reminder_days: Vec<i32>,
    /// Null when bills have none.
    tax: Option<SaasTax>,
    /// The account at a gateway through which operators pay; null while they can only transfer.
    gateway_id: Option<ID>,
}

impl From<&BillingTerms> for SaasTerms {
    fn from(terms: &BillingTerms) -> Self {
        Self {
            seller_name: terms.seller_name.clone(),
            billing_day: terms.billing_day.get().into(),
            due_days: terms.due_days.into(),
            grace_days: terms.grace_days.into(),
            reminder_days: terms.reminder_days.iter().map(|day| (*day).into()).collect(),
            tax: terms.tax.map(|tax| SaasTax {
                rate_basis_points: tax.rate_basis_points.into(),
                base_numerator: tax.base_numerator.into(),
                base_denominator: tax.base_denominator.into(),
            }),
            gateway_id: terms.gateway.map(|gateway| gateway.to_string().into()),
        }
    }
}

impl SaasTerms {
    /// From their own stream: always as new as the last command.
    async fn load(scope: &Scope, (): ()) -> Result<Option<Self>, ApiError> {
        scope.require(permission::PLATFORM_BILLING).await?;
        Ok(Some(Self::from(&current(scope).await?)))
    }
}

async fn current(scope: &Scope) -> Result<BillingTerms, ApiError> {
    let (terms, _) = scope.state().store().load::<Terms>(scope.tenant(), TERMS).await?;
    Ok(terms.current().clone())
}

/// Questions about what operators are billed.
#[derive(Debug, Default)]
pub(crate) struct SaasQuery;

#[Object]
impl SaasQuery {
    /// One bill of an operator; null when there is none.
    /// Permission: platform.billing
    async fn saas_invoice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of the bill.")] id: ID,
    ) -> Result<Option<SaasInvoice>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_BILLING).await?;
        match id.parse() {
            Ok(id) => Ok(SaasInvoice::load(scope, id).await?),
            Err(_) => Ok(None),
        }
    }

    /// Bills of operators, newest first; at most 100 a page.
    /// Permission: platform.billing
    async fn saas_invoices(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "Which bills.")] filter: Option<SaasInvoiceFilter>,
    ) -> Result<Connection<String, SaasInvoice>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_BILLING).await?;
        let page = page(LIST, first, after.as_deref())?;
        let Some(wanted) = filter.unwrap_or_default().wanted() else {
            return Ok(Connection::new(false, false));
        };
        let mut tx = scope.read(&[InvoiceListProjector::NAME]).await?;
        let slice = invoice_list::list(&mut tx, &wanted, page)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        // INVARIANT: the filter lets bills of accounts through only.
        Ok(connection(LIST, page, slice, |row| {
            let account = row.billed.account().unwrap_or(TenantId::PLATFORM);
            SaasInvoice::from((account, row))
        }))
    }

    /// What operators paid, month by month, oldest first; at most 120 months.
    /// Permission: platform.billing
    async fn saas_revenue(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "A day of the first month.")] from_on: Date,
        #[graphql(desc = "How many; 12 when absent.")] months: Option<i32>,
    ) -> Result<Vec<SaasMonthRevenue>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_BILLING).await?;
        let months = u32::try_from(months.unwrap_or(12)).unwrap_or(1);
        let zone = current(scope).await?.zone;
        let mut tx = scope.read(&[MoneyProjector::NAME]).await?;
        let rows = income::by_month(&mut tx, zone, from_on.0, months)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        let earlier = std::iter::once(None).chain(rows.iter().map(Some));
        Ok(earlier
            .zip(&rows)
            .map(|(before, row)| SaasMonthRevenue {
                month_on: Date(row.month),
                received: row.received.into(),
                payments: i32::try_from(row.payments).unwrap_or(i32::MAX),
                growth_basis_points: before
                    .and_then(|before| row.growth_basis_points(before.received))
                    .and_then(|growth| i32::try_from(growth).ok()),
            })
            .collect())
    }

    /// What operators owe, by the days since it was due.
    /// Permission: platform.billing
    async fn saas_ageing(&self, context: &Context<'_>) -> Result<SaasAgeing> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_BILLING).await?;
        let today = current(scope).await?.zone.date_at(scope.state().store().now());
        let mut tx = scope.read(&[InvoiceListProjector::NAME]).await?;
        let ageing = income::ageing(&mut tx, today).await.map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(SaasAgeing {
            as_of_on: Date(today),
            current: ageing.current.into(),
            up_to30_days: ageing.up_to_30.into(),
            up_to60_days: ageing.up_to_60.into(),
            up_to90_days: ageing.up_to_90.into(),
            over90_days: ageing.over_90.into(),
        })
    }

    /// On what terms operators are billed.
    /// Permission: platform.billing
    async fn saas_terms(&self, context: &Context<'_>) -> Result<SaasTerms> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_BILLING).await?;
        Ok(SaasTerms::from(&current(scope).await?))
    }
}

/// A transfer of an operator that arrived.
#[derive(Debug, InputObject)]
pub(crate) struct SaasInvoiceMarkPaidInput {
    /// What was paid.
    id: ID,
    /// What arrived. More than the bill asks for pays others, then becomes credit.
    amount: MoneyInput,
    /// What proves it, such as the bank's reference. One reference is one transfer.
    reference: String,
    /// When it arrived; now when absent.
    paid_at: Option<DateTime>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: String,
}

/// Which bill is withdrawn, and why.
#[derive(Debug, InputObject)]
pub(crate) struct SaasInvoiceVoidInput {
    /// Of the bill.
    id: ID,
    /// For the audit trail, and for the operator.
    reason: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// Whom the platform reaches about an operator's bills.
#[derive(InputObject)]
pub(crate) struct SaasPayerRegisterInput {
    /// The operator.
    tenant_id: ID,
    /// Of the person.
    name: String,
    /// As typed.
    phone: String,
    /// For gateways that insist on one.
    email: Option<String>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A tax on top of a bill.
#[derive(Debug, InputObject)]
pub(crate) struct SaasTaxInput {
    /// Hundredths of a per cent: 1200 is 12 %.
    rate_basis_points: i32,
    /// Of the part of the price that is taxed, 11 of 11/12.
    base_numerator: i32,
    /// Of the part of the price that is taxed, 12 of 11/12.
    base_denominator: i32,
}

/// The whole of the terms.
#[derive(Debug, InputObject)]
pub(crate) struct SaasTermsSetInput {
    /// As printed on the bills.
    seller_name: String,
    /// 1 to 28.
    billing_day: i32,
    /// 1 to 60.
    due_days: i32,
    /// 0 to 60.
    grace_days: i32,
    /// At most 10, each at most 60 days away from the due date.
    reminder_days: Vec<i32>,
    /// Bills have none when absent.
    tax: Option<SaasTaxInput>,
    /// Operators can only transfer when absent.
    gateway_id: Option<ID>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// Another range than the type's is refused as one outside of the rule.
fn small<T: TryFrom<i32>>(fields: &mut Fields, field: &str, value: i32) -> Option<T> {
    fields.take(field, "range", T::try_from(value).map_err(|_| "out of range"))
}

impl SaasTermsSetInput {
    fn terms(&self, now: BillingTerms) -> Result<BillingTerms, Vec<UserError>> {
        let mut fields = Fields::default();
        let day = small::<u8>(&mut fields, "billingDay", self.billing_day);
        let billing_day = day.and_then(|day| fields.take("billingDay", "range", DueDay::try_new(day)));
        let days = small(&mut fields, "dueDays", self.due_days).zip(small(
            &mut fields,
            "graceDays",
            self.grace_days,
        ));
        let reminder_days: Vec<Option<i8>> = self
            .reminder_days
            .iter()
            .map(|day| small(&mut fields, "reminderDays", *day))
            .collect();
        let reminder_days: Option<Vec<i8>> = reminder_days.into_iter().collect();
        let tax = self.tax.as_ref().map(|tax| {
            let rate = small(&mut fields, "tax", tax.rate_basis_points);
            let base = small(&mut fields, "tax", tax.base_numerator);
            rate.zip(base.zip(small(&mut fields, "tax", tax.base_denominator)))
        });
        let gateway = self
            .gateway_id
            .as_ref()
            .map(|gateway| fields.id("gatewayId", "gateway", gateway));
        let read = billing_day.zip(days).zip(reminder_days).map(
            |((billing_day, (due_days, grace_days)), reminder_days)| BillingTerms {
                seller_name: self.seller_name.clone(),
                billing_day,
                due_days,
                grace_days,
                reminder_days,
                tax: tax
                    .flatten()
                    .map(|(rate_basis_points, (base_numerator, base_denominator))| Tax {
                        rate_basis_points,
                        base_numerator,
                        base_denominator,
                    }),
                gateway: gateway.flatten(),
                ..now
            },
        );
        fields.done(read)
    }
}

payload! {
    /// What `saasInvoiceMarkPaid` answers.
    SaasInvoiceMarkPaidPayload { saas_invoice: SaasInvoice = InvoiceId } in platform
}
payload! {
    /// What `saasInvoiceVoid` answers.
    SaasInvoiceVoidPayload { saas_invoice: SaasInvoice = InvoiceId } in platform
}
payload! {
    /// What `saasPayerRegister` answers.
    SaasPayerRegisterPayload { saas_payer: SaasPayer = TenantId } in platform
}
payload! {
    /// What `saasTermsSet` answers.
    SaasTermsSetPayload { saas_terms: SaasTerms = () } in platform
}

/// That somebody can be reached about an operator's bills.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasPayer {
    /// The operator.
    tenant_id: ID,
}

impl SaasPayer {
    async fn load(scope: &Scope, account: TenantId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::PLATFORM_BILLING).await?;
        Ok(Some(Self {
            tenant_id: account.to_string().into(),
        }))
    }
}

/// Commands about what operators are billed.
#[derive(Debug, Default)]
pub(crate) struct SaasMutation;

#[Object]
impl SaasMutation {
    /// Books a transfer that was seen to arrive. The operator's panel opens by itself when nothing is overdue any more.
    /// Permission: platform.billing
    async fn saas_invoice_mark_paid(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SaasInvoiceMarkPaidInput,
    ) -> Result<SaasInvoiceMarkPaidPayload> {
        let mut fields = Fields::default();
        let invoice: Option<InvoiceId> = fields.id("id", "invoice", &input.id);
        let amount = fields.money("amount", &input.amount);
        let command = fields.done(invoice.zip(amount).map(|(invoice, amount)| MarkBillPaid {
            invoice,
            amount,
            reference: input.reference.clone(),
            paid_at: input.paid_at.map(|at| at.0),
        }));
        let key = Some(input.idempotency_key.as_str());
        let outcome = scope(context)?
            .command("invoice", key, command, |_| invoice)
            .await?;
        Ok(outcome.flatten().into())
    }

    /// Withdraws a bill on which nothing was paid.
    /// Permission: platform.billing
    async fn saas_invoice_void(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SaasInvoiceVoidInput,
    ) -> Result<SaasInvoiceVoidPayload> {
        let mut fields = Fields::default();
        let invoice: Option<InvoiceId> = fields.id("id", "invoice", &input.id);
        let command = fields.done(invoice.map(|invoice| VoidBill {
            invoice,
            reason: input.reason.clone(),
        }));
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?
            .command("invoice", key, command, |()| invoice)
            .await?;
        Ok(outcome.flatten().into())
    }

    /// Says whom messages about an operator's bills go to. Once.
    /// Permission: platform.billing
    async fn saas_payer_register(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SaasPayerRegisterInput,
    ) -> Result<SaasPayerRegisterPayload> {
        let mut fields = Fields::default();
        let account: Option<TenantId> = fields.id("tenantId", "tenant", &input.tenant_id);
        let command = fields.done(account.map(|account| RegisterPayer {
            account,
            name: Personal::new(input.name),
            phone: Personal::new(input.phone),
            email: input.email.map(Personal::new),
        }));
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?
            .command("tenant", key, command, |_| account)
            .await?;
        Ok(outcome.flatten().into())
    }

    /// Sets the terms, from the next bill on.
    /// Permission: platform.billing
    async fn saas_terms_set(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SaasTermsSetInput,
    ) -> Result<SaasTermsSetPayload> {
        let scope = scope(context)?;
        let command = input.terms(current(scope).await?).map(|terms| SetTerms { terms });
        let key = input.idempotency_key.as_deref();
        let outcome: Outcome<()> = scope.command("terms", key, command, |()| ()).await?;
        Ok(outcome.into())
    }
}
