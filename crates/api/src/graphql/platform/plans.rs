//! Plans as the platform defines them (F8).

use async_graphql::{Context, InputObject, Object, Result};
use simpul_app::platform::{DefinePlatformPlan, OfferPlatformPlan, RetirePlatformPlan};
use simpul_domain::{
    platform::{PlanKey, PlanTerms},
    tenancy::{Feature, Limit, Limits},
};
use simpul_event_store::feed::Projector as _;
use simpul_projections::platform::offers::{self, OffersProjector};

use crate::{
    ApiError,
    graphql::{
        fields::Fields,
        limits::{PlatformPlan, price},
        payload::payload,
        scalar::MoneyInput,
        scope::{Scope, Sent, scope},
        user_error::UserError,
    },
};

/// How much of each a plan lets be: 0 or more, null for no limit.
#[derive(Debug, InputObject)]
pub(crate) struct PlanLimitsInput {
    /// Routers.
    routers: Option<i32>,
    /// Subscriptions.
    users: Option<i32>,
    /// Vouchers.
    vouchers: Option<i32>,
    /// Distribution points.
    odps: Option<i32>,
    /// Customers on the map.
    client_map_points: Option<i32>,
}

impl PlanLimitsInput {
    fn read(&self, fields: &mut Fields) -> Option<Limits> {
        let mut limit = |most: Option<i32>| match most {
            None => Some(Limit::Unlimited),
            Some(most) => fields
                .take("limits", "range", u32::try_from(most))
                .map(Limit::AtMost),
        };
        Some(Limits {
            routers: limit(self.routers)?,
            users: limit(self.users)?,
            vouchers: limit(self.vouchers)?,
            odps: limit(self.odps)?,
            client_map_points: limit(self.client_map_points)?,
        })
    }
}

/// A plan on the terms that hold from now on.
#[derive(Debug, InputObject)]
pub(crate) struct PlatformPlanDefineInput {
    /// Its name for programs, such as `pro`: 3 to 40 small letters, digits and underscores.
    key: String,
    /// Its name for people.
    name: String,
    /// Of a month.
    price: MoneyInput,
    /// The price is agreed with each customer.
    custom_price: bool,
    /// What it limits.
    limits: PlanLimitsInput,
    /// What it switches on, such as `custom_roles`.
    features: Vec<String>,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

impl PlatformPlanDefineInput {
    fn command(&self) -> Result<DefinePlatformPlan, Vec<UserError>> {
        let mut fields = Fields::default();
        let key = fields.take("key", "pattern", PlanKey::parse(&self.key));
        let price = price(&self.price).ok_or("a price is not negative");
        let price = fields.take("price", "range", price);
        let limits = self.limits.read(&mut fields);
        let features = self.features.iter().map(|name| {
            let feature = Feature::from_name(name).ok_or("there is no such feature");
            fields.take("features", "known", feature)
        });
        let features = features.collect::<Option<_>>();
        let terms = (|| {
            Some(PlanTerms {
                key: key?,
                name: self.name.clone(),
                price: price?,
                custom_price: self.custom_price,
                limits: limits?,
                features: features?,
            })
        })();
        fields.done(terms.map(|terms| DefinePlatformPlan { terms }))
    }
}

/// A plan that is offered no more.
#[derive(Debug, InputObject)]
pub(crate) struct PlatformPlanRetireInput {
    /// Its name for programs.
    key: String,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A plan that is offered again.
#[derive(Debug, InputObject)]
pub(crate) struct PlatformPlanOfferInput {
    /// Its name for programs.
    key: String,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

fn named<C>(key: &str, command: impl FnOnce(PlanKey) -> C) -> Result<C, Vec<UserError>> {
    let mut fields = Fields::default();
    let key = fields.take("key", "pattern", PlanKey::parse(key));
    fields.done(key.map(command))
}

impl PlatformPlan {
    /// For payloads.
    pub(crate) async fn load(scope: &Scope, key: PlanKey) -> Result<Option<Self>, ApiError> {
        let mut tx = scope.read(&[OffersProjector::NAME]).await?;
        let plans = offers::plans(&mut tx).await?;
        tx.commit().await?;
        Ok(plans.iter().find(|plan| plan.terms.key == key).map(Self::from))
    }
}

payload! {
    /// What `platformPlanDefine` answers.
    PlatformPlanDefinePayload { plan: PlatformPlan = PlanKey }
}
payload! {
    /// What `platformPlanRetire` answers.
    PlatformPlanRetirePayload { plan: PlatformPlan = PlanKey }
}
payload! {
    /// What `platformPlanOffer` answers.
    PlatformPlanOfferPayload { plan: PlatformPlan = PlanKey }
}

/// Commands about plans.
#[derive(Debug, Default)]
pub(crate) struct PlansMutation;

#[Object]
impl PlansMutation {
    /// Offers a plan on these terms from now on, a retired one too. Tenants keep theirs until they are moved to it again.
    /// Permission: platform.plans
    async fn platform_plan_define(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: PlatformPlanDefineInput,
    ) -> Result<PlatformPlanDefinePayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        let outcome = scope(context)?.edit("plan", sent, input.command(), |key| key);
        Ok(outcome.await?.into())
    }

    /// Offers a plan no more: no tenant is onboarded with it or moved to it. Those on it stay, with what they are granted and
    /// at what they pay.
    /// Permission: platform.plans
    async fn platform_plan_retire(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: PlatformPlanRetireInput,
    ) -> Result<PlatformPlanRetirePayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        let command = named(&input.key, |key| RetirePlatformPlan { key });
        let outcome = scope(context)?.edit("plan", sent, command, |key| key);
        Ok(outcome.await?.into())
    }

    /// Offers a plan again that was retired, on the terms that it had.
    /// Permission: platform.plans
    async fn platform_plan_offer(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: PlatformPlanOfferInput,
    ) -> Result<PlatformPlanOfferPayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        let command = named(&input.key, |key| OfferPlatformPlan { key });
        let outcome = scope(context)?.edit("plan", sent, command, |key| key);
        Ok(outcome.await?.into())
    }
}
