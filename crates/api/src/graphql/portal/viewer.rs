//! The customer who asks.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use secrecy::ExposeSecret as _;
use simpul_domain::{
    CustomerId,
    tenancy::{Tenant, settings::Branding},
};
use simpul_event_store::feed::Projector as _;
use simpul_projections::{
    billing::money::{self, MoneyProjector},
    customers::customer_list::{self, CustomerListProjector},
};

use crate::{
    ApiError,
    graphql::{
        identity::user::User,
        rate_limit::RateLimit,
        scalar::{DateTime, Money, Url},
        scope::{Scope, scope},
    },
};

/// Who asks.
#[derive(Debug)]
pub(crate) struct Viewer;

/// Who asks.
#[Object]
impl Viewer {
    /// The account.
    async fn user(&self, context: &Context<'_>) -> Option<User> {
        Some(User::of(scope(context).ok()?.viewer()))
    }

    /// The customer as whom the account uses the portal; null once they are erased.
    /// Permission: portal.customer
    async fn customer(&self, context: &Context<'_>) -> Result<Option<Customer>> {
        Ok(Customer::own(scope(context)?).await?)
    }

    /// Name of the provider, as it is printed on bills.
    /// Permission: portal.customer
    async fn provider_name(&self, context: &Context<'_>) -> Result<Option<String>> {
        let scope = scope(context)?;
        scope.customer().await?;
        let store = scope.state().store();
        let tenant = scope.tenant();
        let loaded = store.load::<Tenant>(tenant, &tenant.to_string()).await;
        let (state, _) = loaded.map_err(ApiError::from)?;
        Ok(state.look().seller_name)
    }

    /// How the provider looks: its logo and colour, where it has chosen them.
    /// Permission: portal.customer
    async fn provider(&self, context: &Context<'_>) -> Result<Option<Provider>> {
        let scope = scope(context)?;
        scope.customer().await?;
        let store = scope.state().store();
        let tenant = scope.tenant();
        let loaded = store.load::<Tenant>(tenant, &tenant.to_string()).await;
        let (state, _) = loaded.map_err(ApiError::from)?;
        Ok(Some(Provider::from(state.look())))
    }

    /// What the viewer may still ask for.
    async fn rate_limit(&self, context: &Context<'_>) -> Option<RateLimit> {
        RateLimit::of(scope(context).ok()?)
    }
}

/// How the provider looks.
#[derive(Debug, SimpleObject)]
pub(crate) struct Provider {
    /// As it is printed on bills.
    name: String,
    /// An https address of an image.
    logo_url: Option<Url>,
    /// Such as `#0a7cff`.
    colour: Option<String>,
    /// Below messages and letters.
    footer: Option<String>,
}

impl From<Branding> for Provider {
    fn from(look: Branding) -> Self {
        Self {
            name: look.seller_name.unwrap_or_default(),
            logo_url: look.logo.map(|logo| Url(logo.as_str().to_owned())),
            colour: look.colour.map(|colour| colour.as_str().to_owned()),
            footer: look.footer,
        }
    }
}

/// A customer's own profile.
#[derive(Debug, SimpleObject)]
pub(crate) struct Customer {
    /// Opaque.
    pub(super) id: ID,
    /// What is read aloud on the phone.
    code: String,
    /// Personal.
    name: Option<String>,
    /// Personal; in international form.
    phone: Option<String>,
    /// Personal.
    email: Option<String>,
    /// What was paid too much and pays the next bill.
    credit: Money,
    /// When the customer was registered.
    registered_at: DateTime,
}

impl Customer {
    /// Themself, and nobody else.
    pub(super) async fn load(scope: &Scope, customer: CustomerId) -> Result<Option<Self>, ApiError> {
        if scope.customer().await? == customer {
            Self::own(scope).await
        } else {
            Ok(None)
        }
    }

    async fn own(scope: &Scope) -> Result<Option<Self>, ApiError> {
        let customer = scope.customer().await?;
        let projections = [CustomerListProjector::NAME, MoneyProjector::NAME];
        let mut tx = scope.read(&projections).await?;
        let Some(row) = customer_list::by_ids(&mut tx, &[customer]).await?.pop() else {
            return Ok(None);
        };
        let vault = scope.state().store().vault();
        let personal = customer_list::open_one(&mut tx, vault, &row).await?;
        let credit = money::credit(&mut tx, customer).await?;
        tx.commit().await?;
        let text = |secret: &secrecy::SecretString| secret.expose_secret().to_owned();
        Ok(Some(Self {
            id: customer.to_string().into(),
            code: row.code.as_str().to_owned(),
            name: personal.as_ref().map(|personal| text(&personal.name)),
            phone: personal.as_ref().map(|personal| text(&personal.phone)),
            email: personal.and_then(|personal| personal.email.as_ref().map(text)),
            credit: credit.into(),
            registered_at: DateTime(row.registered_at),
        }))
    }
}

/// Questions about the viewer.
#[derive(Debug, Default)]
pub(crate) struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// Who asks.
    /// Permission: none
    async fn viewer(&self) -> Viewer {
        Viewer
    }
}
