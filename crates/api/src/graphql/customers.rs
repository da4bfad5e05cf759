//! Customers. Their personal data is opened from the vault for whoever may read it.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use secrecy::ExposeSecret as _;
use simpul_app::{Personal, customers::RegisterCustomer, permission};
use simpul_domain::{CustomerId, customers::CustomerCode};
use simpul_event_store::{TenantTx, feed::Projector as _};
use simpul_projections::{
    Keyed, Position, Slice,
    customers::customer_list::{self, CustomerListProjector, CustomerRow},
};

use super::{
    batch,
    fields::Fields,
    page::{RowConnection, page, row_connection},
    payload::payload,
    rows::plain,
    scalar::DateTime,
    scope::{Scope, scope},
    user_error::UserError,
};
use crate::ApiError;

const LIST: &str = "customers";
/// Fields that are opened from the vault, which costs a round trip.
const PERSONAL: [&str; 3] = ["name", "phone", "email"];

/// An end customer. Names and phones are null once the customer was erased.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Customer {
    #[graphql(skip)]
    of: CustomerId,
    /// Opaque.
    pub(crate) id: ID,
    /// What is read aloud on the phone.
    code: String,
    /// Personal.
    name: Option<String>,
    /// Personal; in international form.
    phone: Option<String>,
    /// Personal.
    email: Option<String>,
    /// When the customer was registered.
    registered_at: DateTime,
}

plain! {
    Customer {
        "id" => id,
        "code" => code,
        "name" => name,
        "phone" => phone,
        "email" => email,
        "registeredAt" => registered_at,
    }
}

impl Customer {
    pub(super) async fn load(scope: &Arc<Scope>, customer: CustomerId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::CUSTOMER_READ).await?;
        batch::one(scope, customer).await
    }

    pub(super) const fn of(&self) -> CustomerId {
        self.of
    }

    /// INVARIANT: whoever reads has asked for the permission.
    pub(super) async fn by_ids(
        scope: &Scope,
        tx: &mut TenantTx,
        ids: &[CustomerId],
    ) -> Result<Vec<Self>, ApiError> {
        let rows = customer_list::by_ids(tx, ids).await?;
        Self::open(scope, tx, rows).await
    }

    async fn open(scope: &Scope, tx: &mut TenantTx, rows: Vec<CustomerRow>) -> Result<Vec<Self>, ApiError> {
        if !scope.mentions(&PERSONAL) {
            return Ok(rows.iter().map(|row| Self::clear(row, None)).collect());
        }
        let opened = customer_list::open(tx, scope.state().store().vault(), &rows).await?;
        let both = rows.into_iter().zip(opened);
        Ok(both
            .map(|(row, personal)| Self::clear(&row, personal.as_ref()))
            .collect())
    }

    fn clear(row: &CustomerRow, personal: Option<&customer_list::Personal>) -> Self {
        let text = |secret: &secrecy::SecretString| secret.expose_secret().to_owned();
        Self {
            of: row.customer,
            id: row.customer.to_string().into(),
            code: row.code.as_str().to_owned(),
            name: personal.map(|personal| text(&personal.name)),
            phone: personal.map(|personal| text(&personal.phone)),
            email: personal.and_then(|personal| personal.email.as_ref().map(text)),
            registered_at: DateTime(row.registered_at),
        }
    }
}

/// A new customer.
#[derive(InputObject)]
pub(crate) struct CustomerRegisterInput {
    /// Unique per tenant: 1 to 32 capitals, digits, dashes, dots or slashes. Without one, the next of the pattern in
    /// the tenant's settings.
    code: Option<String>,
    /// Personal; 1 to 100 characters.
    name: String,
    /// Personal; as people write it, with or without +62.
    phone: String,
    /// Personal.
    email: Option<String>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

impl CustomerRegisterInput {
    fn command(&self) -> Result<RegisterCustomer, Vec<UserError>> {
        let mut fields = Fields::default();
        let code = self.code.as_deref().map(CustomerCode::parse).transpose();
        let code = fields.take("code", "pattern", code);
        fields.done(code.map(|code| RegisterCustomer {
            code,
            name: Personal::new(&self.name),
            phone: Personal::new(&self.phone),
            email: self.email.as_deref().map(Personal::new),
        }))
    }
}

payload! {
    /// What `customerRegister` answers.
    CustomerRegisterPayload { customer: Customer = CustomerId }
}

/// Questions about customers.
#[derive(Debug, Default)]
pub(crate) struct CustomersQuery;

#[Object]
impl CustomersQuery {
    /// Customers, newest first; at most 100 a page.
    /// Permission: customer.read
    async fn customers(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "The customer with exactly this code.")] code: Option<String>,
    ) -> Result<RowConnection<Customer>> {
        let scope = scope(context)?;
        scope.require(permission::CUSTOMER_READ).await?;
        let page = page(LIST, first, after.as_deref())?;
        let code = code.map(|code| CustomerCode::parse(&code));
        let Some(code) = code.transpose().ok() else {
            return Ok(RowConnection::default());
        };
        let (mut tx, listed);
        if let Some(code) = code {
            tx = scope.look_up(CustomerListProjector::NAME).await?;
            listed = customer_list::with_code(&mut tx, &code, page).await;
        } else {
            tx = scope.read(&[CustomerListProjector::NAME]).await?;
            listed = customer_list::list(&mut tx, page).await;
        }
        let Slice { rows, next } = listed.map_err(ApiError::from)?;
        let positions: Vec<Position> = rows.iter().map(Keyed::position).collect();
        let opened = Customer::open(scope, &mut tx, rows).await?;
        tx.commit().await.map_err(ApiError::from)?;
        let rows = positions.into_iter().zip(opened).collect();
        let slice = Slice { rows, next };
        Ok(row_connection(LIST, page, slice, |row| row.1))
    }
}

/// Commands about customers.
#[derive(Debug, Default)]
pub(crate) struct CustomersMutation;

#[Object]
impl CustomersMutation {
    /// Registers a customer.
    /// Permission: customer.write
    async fn customer_register(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: CustomerRegisterInput,
    ) -> Result<CustomerRegisterPayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("customer", key, input.command(), |customer| customer);
        Ok(outcome.await?.into())
    }
}
