//! Customers. Their personal data is opened from the vault for whoever may read it.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use secrecy::ExposeSecret as _;
use simpul_app::{Personal, customers::RegisterCustomer, permission};
use simpul_domain::{Code, CustomerId, customers::CustomerCode};
use simpul_event_store::{TenantTx, feed::Projector as _};
use simpul_projections::{
    Keyed, Position,
    customers::customer_list::{self, CustomerListProjector, CustomerRow},
    sift::{Place, Sift, Siftable},
};

use super::{
    batch,
    fields::Fields,
    page::{Asked, RowConnection, Window, row_connection, sifted_rows},
    payload::payload,
    rows::plain,
    scalar::DateTime,
    scope::{Scope, scope},
    sift::{DateTimeComparator, TextComparator, filter, order, order_of, sieve, term},
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

    /// Whether what is personal is asked for.
    pub(super) fn is_opened(scope: &Scope) -> bool {
        scope.mentions(&PERSONAL)
    }

    async fn open(scope: &Scope, tx: &mut TenantTx, rows: Vec<CustomerRow>) -> Result<Vec<Self>, ApiError> {
        if !Self::is_opened(scope) {
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

filter! {
    /// Which customers; everything that is given must hold.
    CustomerFilter {
        /// What is read aloud on the phone.
        code: TextComparator = customer_list::CODE,
        /// When the customer was registered.
        registered_at: DateTimeComparator = customer_list::REGISTERED_AT,
    }
}

order! {
    CustomerOrder by CustomerOrderField {
        /// When the customer was registered.
        RegisteredAt = customer_list::REGISTERED_AT,
        /// What is read aloud on the phone.
        Code = customer_list::CODE,
    }
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
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
        #[graphql(desc = "0 to 10,000 rows that are passed over; goes with `first` only.")] offset: Option<
            i32,
        >,
        #[graphql(desc = "The customer with exactly this code.")] code: Option<String>,
        #[graphql(desc = "Which customers.")] filter: Option<CustomerFilter>,
        #[graphql(desc = "At most three keys; newest first when absent.")] order_by: Option<
            Vec<CustomerOrder>,
        >,
        #[graphql(desc = "A part of the code, the name, the phone or the e-mail; 2 to 100 characters.")]
        search: Option<String>,
    ) -> Result<RowConnection<Customer>> {
        let scope = scope(context)?;
        scope.require(permission::CUSTOMER_READ).await?;
        let window = Window::both(first, after, last, before).behind(offset);
        let asked = Asked::of(context, LIST, window)?;
        let sift = asked.sift(sieve(filter.as_ref())?, order_of(order_by)?);
        let term = search.as_deref().map(term).transpose()?;
        let code = code.map(|code| CustomerCode::parse(&code)).transpose();
        if term.is_some() || !asked.is_plain(&sift) {
            if code != Ok(None) {
                let text = "code goes with no filter, order or search";
                return Err(ApiError::new(Code::ValidationError, text).into());
            }
            return Ok(Self::passing(scope, &asked, &sift, term).await?);
        }
        let (mut tx, listed);
        match code {
            Ok(Some(code)) => {
                tx = scope.look_up(CustomerListProjector::NAME).await?;
                listed = customer_list::with_code(&mut tx, &code, asked.page()?).await;
            }
            Ok(None) => {
                tx = scope.read(&[CustomerListProjector::NAME]).await?;
                listed = customer_list::list(&mut tx, asked.page()?).await;
            }
            Err(_) => return Ok(RowConnection::default()),
        }
        let mut slice = listed.map_err(ApiError::from)?;
        let rows = std::mem::take(&mut slice.rows);
        let positions: Vec<Position> = rows.iter().map(Keyed::position).collect();
        let opened = Customer::open(scope, &mut tx, rows).await?;
        tx.commit().await.map_err(ApiError::from)?;
        let slice = slice.with(positions.into_iter().zip(opened).collect());
        Ok(row_connection(&asked, slice, |row| row.1))
    }
}

impl CustomersQuery {
    async fn passing(
        scope: &Scope,
        asked: &Asked,
        sift: &Sift,
        term: Option<&str>,
    ) -> Result<RowConnection<Customer>, ApiError> {
        let mut tx = scope.read(&[CustomerListProjector::NAME]).await?;
        let mut passed = match term {
            None => CustomerRow::sifted(&mut tx, sift).await?,
            Some(term) => customer_list::search(&mut tx, scope.state().store().vault(), sift, term).await?,
        };
        let (places, rows): (Vec<Place>, Vec<CustomerRow>) =
            std::mem::take(&mut passed.rows).into_iter().unzip();
        let opened = Customer::open(scope, &mut tx, rows).await?;
        tx.commit().await?;
        let passed = passed.with(places.into_iter().zip(opened).collect());
        Ok(sifted_rows(asked, passed, |customer| customer))
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
