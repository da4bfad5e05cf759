//! How an operator becomes a tenant.

use async_graphql::{Context, InputObject, Object, Result};
use simpul_app::{Personal, platform::OpenAccount};
use simpul_domain::{
    TenantId,
    identity::EmailAddress,
    platform::PlanKey,
    tenancy::{Subdomain, TenantSettings, settings::Region},
};

use super::{act, agreed};
use crate::graphql::{
    fields::Fields, payload::payload, platform::tenants::ManagedTenant, scalar::MoneyInput,
    settings::region::TimeZone, user_error::UserError,
};

/// A new operator.
#[derive(InputObject)]
pub(crate) struct TenantOnboardInput {
    /// Of the operator; 1 to 100 characters.
    name: String,
    /// Under which its pages live; 3 to 40 small letters, digits or inner dashes.
    subdomain: String,
    /// Its plan, such as `pro`.
    plan: String,
    /// A month's price, of a plan whose price is agreed with each customer.
    agreed_price: Option<MoneyInput>,
    /// Who owns it.
    owner_name: String,
    /// Where its owner is written to.
    owner_email: String,
    /// Decides which day it is.
    time_zone: TimeZone,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

impl TenantOnboardInput {
    fn command(&self) -> Result<OpenAccount, Vec<UserError>> {
        let mut fields = Fields::default();
        let subdomain = fields.take("subdomain", "pattern", Subdomain::parse(&self.subdomain));
        let plan = fields.take("plan", "pattern", PlanKey::parse(&self.plan));
        fields.said([("name", &self.name), ("ownerName", &self.owner_name)]);
        // The owner is invited there: an address that is none would leave them outside.
        fields.take("ownerEmail", "pattern", EmailAddress::typed(&self.owner_email));
        let agreed_price = agreed(&mut fields, self.agreed_price.as_ref());
        fields.done(subdomain.zip(plan).map(|(subdomain, plan)| OpenAccount {
            name: self.name.clone(),
            subdomain,
            plan,
            agreed_price,
            settings: TenantSettings {
                region: Region {
                    zone: self.time_zone.into(),
                    ..Region::default()
                },
                ..TenantSettings::default()
            },
            owner_name: Personal::new(&self.owner_name),
            owner_email: Personal::new(&self.owner_email),
        }))
    }
}

payload! {
    /// What `tenantOnboard` answers.
    TenantOnboardPayload { tenant: ManagedTenant = TenantId }
}

/// How an operator becomes a tenant.
#[derive(Debug, Default)]
pub(crate) struct OnboardingMutation;

#[Object]
impl OnboardingMutation {
    /// Onboards an operator. Its tenant is founded within a moment; its owner joins by an invitation.
    /// Permission: platform.tenants
    async fn tenant_onboard(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantOnboardInput,
    ) -> Result<TenantOnboardPayload> {
        let key = input.idempotency_key.as_deref();
        Ok(act(context, key, input.command()).await?.into())
    }
}
