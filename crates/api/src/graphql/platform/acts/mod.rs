//! Commands about tenants. Each is recorded in the platform's log; what the tenant's own log must hear of follows.

mod naming;
mod onboarding;
mod standing;
mod terms;

use async_graphql::{Context, Result};
use simpul_app::Refusal;
use simpul_domain::{Rupiah, TenantId};
use simpul_event_store::Command;

pub(crate) use self::{
    naming::NamingMutation, onboarding::OnboardingMutation, standing::StandingMutation, terms::TermsMutation,
};
use crate::graphql::{
    fields::Fields,
    limits::price,
    payload::Outcome,
    scalar::MoneyInput,
    scope::{Sent, scope},
    user_error::UserError,
};

/// Runs a command about a tenant.
pub(super) async fn act<'i, C>(
    context: &Context<'_>,
    sent: impl Into<Sent<'i>>,
    command: std::result::Result<C, Vec<UserError>>,
) -> Result<Outcome<TenantId>>
where
    C: Command<Answer = TenantId, Refusal = Refusal>,
{
    let outcome = scope(context)?.edit("tenant", sent.into(), command, |tenant| tenant);
    Ok(outcome.await?)
}

fn agreed(fields: &mut Fields, money: Option<&MoneyInput>) -> Option<Rupiah> {
    money.and_then(|money| owed(fields, "agreedPrice", money))
}

fn owed(fields: &mut Fields, field: &str, money: &MoneyInput) -> Option<Rupiah> {
    fields.take(field, "range", price(money).ok_or("a price is not negative"))
}
