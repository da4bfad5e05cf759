//! Customers: registration and erasure of their personal data.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    CustomerId, Sealed,
    customers::{Customer, CustomerCode, CustomerCommand, PhoneNumber, customer::CustomerStatus},
};
use simpul_event_store::{Access, Command, Work, inline::Inline, vault::Keyring};

use crate::{Outcome, Personal, Refusal, decide, permission, refuse, tenancy};

/// Scope of the claim that makes codes unique per tenant (Property 8).
const CODE_SCOPE: &str = "customer.code";
const MAX_NAME_CHARS: usize = 100;

/// Fields of a customer that are sealed.
pub mod field {
    pub const NAME: &str = "name";
    pub const PHONE: &str = "phone";
    pub const EMAIL: &str = "email";
}

/// Registers a customer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegisterCustomer {
    /// The tenant's next when absent.
    pub code: Option<CustomerCode>,
    pub name: Personal,
    /// As typed; normalised to E.164 before it is sealed.
    pub phone: Personal,
    pub email: Option<Personal>,
}

impl Command for RegisterCustomer {
    const NAME: &'static str = "customer.register";
    const ACCESS: Access = Access::permission(permission::CUSTOMER_WRITE);
    type Answer = CustomerId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<CustomerId> {
        let customer = CustomerId::new(work.new_uuid());
        let id = customer.to_string();
        work.begin::<Customer>(&id);
        let keys = work.begin_subject(&id).await?;
        // Last: whoever else wants a code waits from here on.
        let code = match &self.code {
            Some(code) => code.clone(),
            None => next_code(work).await?,
        };
        let person = Person {
            name: &self.name,
            phone: &self.phone,
            email: self.email.as_ref(),
        };
        register(work, customer, &code, person, &keys).await?;
        Ok(customer)
    }
}

/// The next code of the tenant's pattern that nobody has; somebody may have typed one that the counter comes to.
async fn next_code(work: &mut Work<'_>) -> Outcome<CustomerCode> {
    let pattern = tenancy::settings(work).await?.codes.customer;
    let scope = format!("{CODE_SCOPE}/{pattern}");
    loop {
        let counter = work.next_number(&scope).await?;
        let Ok(code) = CustomerCode::try_from(pattern.render(counter)) else {
            return refuse(Refusal::Invalid {
                field: "code",
                rule: "length",
            });
        };
        if work.claimed_by(CODE_SCOPE, code.as_str()).await?.is_none() {
            return Ok(code);
        }
    }
}

/// Who a customer is, as somebody typed it.
#[derive(Clone, Copy)]
pub(crate) struct Person<'p> {
    pub(crate) name: &'p Personal,
    pub(crate) phone: &'p Personal,
    pub(crate) email: Option<&'p Personal>,
}

/// Registers whom an id belongs to, sealed with the key of that id.
pub(crate) async fn register(
    work: &mut Work<'_>,
    customer: CustomerId,
    code: &CustomerCode,
    person: Person<'_>,
    keys: &Keyring,
) -> Outcome<()> {
    let id = customer.to_string();
    let Contact { name, phone, email } = seal(&id, person, keys)?;
    let command = CustomerCommand::Register {
        customer,
        code: code.clone(),
        name,
        phone,
        email,
        address: None,
        at: work.at(),
    };
    if !decide::<Customer>(work, &id, command).await?.is_empty() {
        work.claim(CODE_SCOPE, code.as_str(), &id);
    }
    Ok(())
}

/// Says how a customer is called and reached from now on, sealed with the same key.
pub(crate) async fn change_contact(
    work: &mut Work<'_>,
    customer: CustomerId,
    person: Person<'_>,
    keys: &Keyring,
) -> Outcome<()> {
    let id = customer.to_string();
    let Contact { name, phone, email } = seal(&id, person, keys)?;
    let at = work.at();
    let command = CustomerCommand::ChangeContact {
        name,
        phone,
        email,
        at,
    };
    decide::<Customer>(work, &id, command).await?;
    Ok(())
}

/// How somebody is called and reached, sealed.
struct Contact {
    name: Sealed,
    phone: Sealed,
    email: Option<Sealed>,
}

fn seal(id: &str, person: Person<'_>, keys: &Keyring) -> Outcome<Contact> {
    let name = person.name.as_str().trim();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS {
        return refuse(Refusal::Invalid {
            field: "name",
            rule: "length",
        });
    }
    let Ok(phone) = PhoneNumber::parse(person.phone.as_str()) else {
        return refuse(Refusal::Invalid {
            field: "phone",
            rule: "phone",
        });
    };
    let email = person
        .email
        .map(|email| keys.seal(id, field::EMAIL, email.as_str()));
    Ok(Contact {
        name: keys.seal(id, field::NAME, name)?,
        phone: keys.seal(id, field::PHONE, &phone.e164())?,
        email: email.transpose()?,
    })
}

/// Makes a customer's personal data unreadable for ever (UU 27/2022). Invoices keep their numbers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EraseCustomer {
    pub customer: CustomerId,
}

impl Command for EraseCustomer {
    const NAME: &'static str = "customer.erase";
    const ACCESS: Access = Access::permission(permission::CUSTOMER_WRITE);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        erase(work, self.customer).await
    }
}

async fn erase(work: &mut Work<'_>, customer: CustomerId) -> Outcome<()> {
    let (id, at) = (customer.to_string(), work.at());
    decide::<Customer>(work, &id, CustomerCommand::EraseSubject { at }).await?;
    work.inline(Inline::DestroyKey { subject: id });
    Ok(())
}

/// Erases a customer, if there is one, and frees its code for others.
pub(crate) async fn erase_and_free_code(work: &mut Work<'_>, customer: CustomerId) -> Outcome<()> {
    let known = work.load::<Customer>(&customer.to_string()).await?;
    if let CustomerStatus::Registered { code, .. } = known.status().clone() {
        erase(work, customer).await?;
        work.release(CODE_SCOPE, code.as_str());
    }
    Ok(())
}
