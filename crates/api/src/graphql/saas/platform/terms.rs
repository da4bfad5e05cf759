//! On which terms operators are billed.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::{
    permission,
    saas::{SetTerms, TERMS},
};
use simpul_domain::{
    billing::DueDay,
    saas::{Tax, Terms, terms::BillingTerms},
};

use crate::{
    ApiError,
    graphql::{
        fields::Fields,
        payload::{Outcome, payload},
        scalar,
        scope::{Scope, Sent, scope},
        user_error::UserError,
    },
};

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
    /// Which version this is; sent back as `expectedVersion`, it has a change refused if somebody was faster.
    version: i32,
}

impl SaasTerms {
    fn of((terms, version): &(BillingTerms, i64)) -> Self {
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
            version: scalar::version(*version),
        }
    }

    /// From their own stream: always as new as the last command.
    async fn load(scope: &Scope, (): ()) -> Result<Option<Self>, ApiError> {
        scope.require(permission::PLATFORM_BILLING).await?;
        Ok(Some(Self::of(&current(scope).await?)))
    }
}

/// The terms now, and which version of them.
pub(super) async fn current(scope: &Scope) -> Result<(BillingTerms, i64), ApiError> {
    let (terms, version) = scope.state().store().load::<Terms>(scope.tenant(), TERMS).await?;
    Ok((terms.current().clone(), version))
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
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
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
    /// What `saasTermsSet` answers.
    SaasTermsSetPayload { saas_terms: SaasTerms = () }
}

/// Questions about the terms.
#[derive(Debug, Default)]
pub(crate) struct SaasTermsQuery;

#[Object]
impl SaasTermsQuery {
    /// On what terms operators are billed.
    /// Permission: platform.billing
    async fn saas_terms(&self, context: &Context<'_>) -> Result<SaasTerms> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_BILLING).await?;
        Ok(SaasTerms::of(&current(scope).await?))
    }
}

/// Commands about the terms.
#[derive(Debug, Default)]
pub(crate) struct SaasTermsMutation;

#[Object]
impl SaasTermsMutation {
    /// Sets the terms, from the next bill on.
    /// Permission: platform.billing
    async fn saas_terms_set(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SaasTermsSetInput,
    ) -> Result<SaasTermsSetPayload> {
        let scope = scope(context)?;
        let command = input
            .terms(current(scope).await?.0)
            .map(|terms| SetTerms { terms });
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        let outcome: Outcome<()> = scope.edit("terms", sent, command, |()| ()).await?;
        Ok(outcome.into())
    }
}
