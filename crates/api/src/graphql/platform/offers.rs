//! What the platform offers, as those who run it see and change it.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, Result};
use simpul_app::{
    permission,
    platform::{DefineAddOn, RetireAddOn},
};
use simpul_domain::{
    platform::{AddOnKey, AddOnTerms, add_on::Grants},
    tenancy::Feature,
};
use simpul_event_store::feed::Projector as _;
use simpul_projections::platform::offers::{self, OffersProjector};

use crate::{
    ApiError,
    graphql::{
        fields::Fields,
        limits::{AddOn, AddOnApproval, AddOnCycle, CountedResource, PlatformPlan, price},
        payload::payload,
        scalar::MoneyInput,
        scope::{Scope, scope},
        user_error::UserError,
    },
};

/// More of a limit.
#[derive(Debug, InputObject)]
pub(crate) struct AddOnGrantInput {
    /// What is counted.
    resource: CountedResource,
    /// How many more of it one piece grants.
    more: i32,
}

/// An add-on as it is offered from now on.
#[derive(Debug, InputObject)]
pub(crate) struct AddOnDefineInput {
    /// Its name for programs; 3 to 40 small letters, digits or underscores.
    key: String,
    /// Its name for people; 1 to 100 characters.
    name: String,
    /// Of one piece, for one cycle.
    price: MoneyInput,
    /// How often it is paid.
    cycle: AddOnCycle,
    /// Who decides on a request.
    approval: AddOnApproval,
    /// More of these limits.
    #[graphql(default)]
    limits: Vec<AddOnGrantInput>,
    /// These features, such as `white_label`.
    #[graphql(default)]
    features: Vec<String>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

impl AddOnDefineInput {
    fn command(&self) -> Result<DefineAddOn, Vec<UserError>> {
        let mut fields = Fields::default();
        let key = fields.take("key", "pattern", AddOnKey::parse(&self.key));
        let price = fields.take(
            "price",
            "range",
            price(&self.price).ok_or("a price is not negative"),
        );
        let limits = self.limits.iter().map(|grant| {
            let more = fields.take("limits", "range", u32::try_from(grant.more));
            more.map(|more| (grant.resource.into(), more))
        });
        let limits = limits.collect::<Option<_>>();
        let features = self.features.iter().map(|name| {
            let feature = Feature::from_name(name).ok_or("there is no such feature");
            fields.take("features", "known", feature)
        });
        let features = features.collect::<Option<_>>();
        let terms = (|| {
            Some(AddOnTerms {
                key: key?,
                name: self.name.clone(),
                grants: Grants {
                    limits: limits?,
                    features: features?,
                },
                price: price?,
                cycle: self.cycle.into(),
                approval: self.approval.into(),
            })
        })();
        fields.done(terms.map(|terms| DefineAddOn { terms }))
    }
}

/// An add-on that is offered no more.
#[derive(Debug, InputObject)]
pub(crate) struct AddOnRetireInput {
    /// Its name for programs.
    key: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

impl AddOnRetireInput {
    fn command(&self) -> Result<RetireAddOn, Vec<UserError>> {
        let mut fields = Fields::default();
        let key = fields.take("key", "pattern", AddOnKey::parse(&self.key));
        fields.done(key.map(|key| RetireAddOn { key }))
    }
}

impl AddOn {
    /// For payloads.
    pub(crate) async fn load(scope: &Arc<Scope>, key: AddOnKey) -> Result<Option<Self>, ApiError> {
        let mut tx = scope.read(&[OffersProjector::NAME]).await?;
        let rows = offers::add_ons(&mut tx).await?;
        tx.commit().await?;
        Ok(rows.into_iter().find(|row| row.terms.key == key).map(Self::from))
    }
}

payload! {
    /// What `addOnDefine` answers.
    AddOnDefinePayload { add_on: AddOn = AddOnKey }
}
payload! {
    /// What `addOnRetire` answers.
    AddOnRetirePayload { add_on: AddOn = AddOnKey }
}

/// Questions about what is offered.
#[derive(Debug, Default)]
pub(crate) struct OffersQuery;

#[Object]
impl OffersQuery {
    /// Every plan, on its terms of today; those that are offered no more too.
    /// Permission: platform.read
    async fn platform_plans(&self, context: &Context<'_>) -> Result<Vec<PlatformPlan>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_READ).await?;
        let mut tx = scope.read(&[OffersProjector::NAME]).await?;
        let plans = offers::plans(&mut tx).await.map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(plans.iter().map(PlatformPlan::from).collect())
    }

    /// Every add-on, those that are offered no more too.
    /// Permission: platform.read
    async fn add_ons(&self, context: &Context<'_>) -> Result<Vec<AddOn>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_READ).await?;
        let mut tx = scope.read(&[OffersProjector::NAME]).await?;
        let rows = offers::add_ons(&mut tx).await.map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(rows.into_iter().map(AddOn::from).collect())
    }
}

/// Commands about what is offered.
#[derive(Debug, Default)]
pub(crate) struct OffersMutation;

#[Object]
impl OffersMutation {
    /// Offers an add-on on these terms from now on. Who holds it keeps the terms that he took.
    /// Permission: platform.plans
    async fn add_on_define(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: AddOnDefineInput,
    ) -> Result<AddOnDefinePayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("add-on", key, input.command(), |key| key);
        Ok(outcome.await?.into())
    }

    /// Offers an add-on no more. Who holds it keeps it.
    /// Permission: platform.plans
    async fn add_on_retire(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: AddOnRetireInput,
    ) -> Result<AddOnRetirePayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("add-on", key, input.command(), |key| key);
        Ok(outcome.await?.into())
    }
}
