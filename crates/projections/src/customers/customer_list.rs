//! Customers. Personal fields stay sealed in the table and are opened when they are read; the row of an erased
//! customer is gone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use simpul_domain::{
    AnyEvent, CustomerId, Decider, Sealed,
    customers::{Customer, CustomerCode, CustomerEvent, customer::CustomerRegistered},
};
use simpul_event_store::{
    Recorded, StoreError, TenantTx, Vault,
    feed::{HandlerError, Interest, Projector},
    vault::Keyring,
};

use crate::{
    Keyed, Page, Position, QueryError, Slice,
    event::decode_all,
    rows::rows,
    sift::{self, Kind, Searched, Sift, Sifted, sifted},
    stored::{column, read, unless_erased},
};

/// One customer, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerRow {
    pub customer: CustomerId,
    pub code: CustomerCode,
    pub name: Sealed,
    pub phone: Sealed,
    pub email: Option<Sealed>,
    pub address: Option<Sealed>,
    pub registered_at: DateTime<Utc>,
}

/// The personal fields of one customer, opened.
#[derive(Debug)]
pub struct Personal {
    pub name: SecretString,
    pub phone: SecretString,
    pub email: Option<SecretString>,
    pub address: Option<SecretString>,
}

/// Keeps the list.
#[derive(Debug, Clone, Copy, Default)]
pub struct CustomerListProjector;

impl Projector for CustomerListProjector {
    const NAME: &'static str = "customers";

    fn interest(&self) -> Interest {
        Interest::Types(&[Customer::TYPE])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let events = decode_all(events)?;
        let mut changed = BTreeSet::new();
        for (_, event) in &events {
            if let AnyEvent::Customer(CustomerEvent::ContactChanged(customer)) = event {
                changed.insert(customer.customer.as_uuid());
            }
        }
        let (mut rows, mut erased) = (BTreeMap::new(), BTreeSet::new());
        if !changed.is_empty() {
            let found = by_id(tx, &Vec::from_iter(changed)).await?;
            rows.extend(found.into_iter().map(|row| (row.customer, row)));
        }
        for (_, event) in &events {
            match event {
                AnyEvent::Customer(CustomerEvent::Registered(customer)) => {
                    rows.insert(customer.customer, registered_row(customer));
                }
                AnyEvent::Customer(CustomerEvent::ContactChanged(customer)) => {
                    if let Some(row) = rows.get_mut(&customer.customer) {
                        row.name = customer.name.clone();
                        row.phone = customer.phone.clone();
                        row.email.clone_from(&customer.email);
                    }
                }
                AnyEvent::Customer(CustomerEvent::Erased(customer)) => {
                    rows.remove(&customer.customer);
                    erased.insert(customer.customer);
                }
                _ => {}
            }
        }
        store(tx, &rows.into_values().collect::<Vec<_>>()).await?;
        delete(tx, erased).await
    }
}

fn registered_row(customer: &CustomerRegistered) -> CustomerRow {
    CustomerRow {
        customer: customer.customer,
        code: customer.code.clone(),
        name: customer.name.clone(),
        phone: customer.phone.clone(),
        email: customer.email.clone(),
        address: customer.address.clone(),
        registered_at: customer.at,
    }
}

rows! {
    table: "customers", key: "customer_id", newest: "registered_at",
    columns: "customer_id, code, name, phone, email, address, registered_at",
    CustomerRow = |row| CustomerRow {
        customer: CustomerId::new(row.customer_id),
        code: read("code", row.code)?,
        name: Sealed::new(row.name),
        phone: Sealed::new(row.phone),
        email: row.email.map(Sealed::new),
        address: row.address.map(Sealed::new),
        registered_at: row.registered_at,
    },
    page:
        /// Customers, newest first.
        pub fn list(),
    one by "customer_id": fn by_id,
    one by "code" as text: fn by_code,
}

sifted! {
    "customers" by "customer_id" as CustomerRow = |row| row.customer.as_uuid(), newest: REGISTERED_AT,
    CODE = "code": Kind::Text,
    REGISTERED_AT = "registered_at": Kind::Instant,
}

async fn store(tx: &mut TenantTx, rows: &[CustomerRow]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO customers (tenant_id, customer_id, code, name, phone, email, address, registered_at)
         SELECT $1, c.* FROM UNNEST($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
             $8::timestamptz[]) AS c
         ON CONFLICT ON CONSTRAINT customers_pkey DO UPDATE SET
             (name, phone, email) = ROW (excluded.name, excluded.phone, excluded.email)",
        tenant.as_uuid(),
        &column(rows, |row| row.customer.as_uuid()),
        &column(rows, |row| row.code.as_str()) as &[&str],
        &column(rows, |row| row.name.as_str()) as &[&str],
        &column(rows, |row| row.phone.as_str()) as &[&str],
        &column(rows, |row| row.email.as_ref().map(Sealed::as_str)) as &[Option<&str>],
        &column(rows, |row| row.address.as_ref().map(Sealed::as_str)) as &[Option<&str>],
        &column(rows, |row| row.registered_at),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// One by one: erasures are few, and a statement for many would read all customers of the tenant, whether or not there
/// are any.
async fn delete(tx: &mut TenantTx, erased: BTreeSet<CustomerId>) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    for customer in erased {
        sqlx::query!(
            "DELETE FROM customers WHERE tenant_id = $1 AND customer_id = $2",
            tenant.as_uuid(),
            customer.as_uuid(),
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

impl Keyed for CustomerRow {
    fn position(&self) -> Position {
        Position {
            at: self.registered_at,
            id: self.customer.as_uuid(),
        }
    }
}

/// The page of a list that has no customer but the one with this code.
pub async fn with_code(
    tx: &mut TenantTx,
    code: &CustomerCode,
    page: Page,
) -> Result<Slice<CustomerRow>, QueryError> {
    let mut rows = by_code(tx, &[code.as_str()]).await?;
    let total = page.counted.then_some(i64::from(!rows.is_empty()));
    rows.retain(|row| page.has(row));
    Ok(page.slice(rows, total))
}

impl Searched for CustomerRow {
    async fn contain(
        tx: &mut TenantTx,
        vault: &Vault,
        rows: &[Self],
        term: &str,
    ) -> Result<Vec<bool>, QueryError> {
        let opened = open(tx, vault, rows).await?;
        let hits = rows.iter().zip(opened).map(|(row, opened)| {
            let opened = opened.as_ref();
            opened.is_some_and(|opened| {
                row.code.as_str().to_lowercase().contains(term) || opened.contains(term)
            })
        });
        Ok(hits.collect())
    }
}

/// Of those that pass, the customers whose code, name, phone or e-mail contains a term, whatever its capitals.
pub async fn search(
    tx: &mut TenantTx,
    vault: &Vault,
    sift: &Sift,
    term: &str,
) -> Result<Sifted<CustomerRow>, QueryError> {
    sift::search(tx, vault, sift, term).await
}

/// Customers by id; unknown and erased ones are left out.
pub async fn by_ids(tx: &mut TenantTx, ids: &[CustomerId]) -> Result<Vec<CustomerRow>, QueryError> {
    by_id(tx, &column(ids, |id| id.as_uuid())).await
}

/// Opens the personal fields, sealed under the customers' ids and the names of the fields: one of each row, in their
/// order, with one statement for all. `None` of a customer who was erased meanwhile: the key goes first, the row follows.
pub async fn open(
    tx: &mut TenantTx,
    vault: &Vault,
    rows: &[CustomerRow],
) -> Result<Vec<Option<Personal>>, StoreError> {
    let keys = vault
        .keyring(tx, &column(rows, |row| row.customer.to_string()))
        .await?;
    rows.iter()
        .map(|row| unless_erased(open_fields(&keys, row)))
        .collect()
}

/// Like [`open`], for one customer.
pub async fn open_one(
    tx: &mut TenantTx,
    vault: &Vault,
    row: &CustomerRow,
) -> Result<Option<Personal>, StoreError> {
    let opened = open(tx, vault, std::slice::from_ref(row)).await?;
    Ok(opened.into_iter().flatten().next())
}

impl Personal {
    /// Whether the name, the phone or the e-mail contains a term in small letters.
    fn contains(&self, term: &str) -> bool {
        let fields = [Some(&self.name), Some(&self.phone), self.email.as_ref()];
        let mut texts = fields.into_iter().flatten();
        texts.any(|text| text.expose_secret().to_lowercase().contains(term))
    }
}

fn open_fields(keys: &Keyring, row: &CustomerRow) -> Result<Personal, StoreError> {
    let subject = row.customer.to_string();
    let open = |field: &str, sealed: &Sealed| keys.open(&subject, field, sealed);
    Ok(Personal {
        name: open("name", &row.name)?,
        phone: open("phone", &row.phone)?,
        email: row.email.as_ref().map(|email| open("email", email)).transpose()?,
        address: row
            .address
            .as_ref()
            .map(|address| open("address", address))
            .transpose()?,
    })
}
