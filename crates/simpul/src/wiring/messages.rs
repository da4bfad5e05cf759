//! What a message says, rendered when it is sent.

use chrono::{DateTime, Datelike as _, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use simpul_adapters::{
    delivery::Settled,
    messaging::templates::{Template, TemplateError, Values, Variable, long_date},
};
use simpul_app::{customers, messaging::message_texts, stream};
use simpul_domain::{
    InvoiceId, MessageId, Sealed, TenantId,
    billing::{Invoice, InvoiceEvent, invoice::InvoiceIssued},
    customers::{Customer, CustomerEvent, PhoneNumber},
    messaging::{
        Message, MessageEvent, MessageKind,
        message::{MessageQueued, MessageStatus},
        sender::{MAX_TEXT_CHARS, OutboundMessage},
    },
    subscriptions::Subscription,
    tenancy::{Language, Tenant, TenantSettings},
};
use simpul_event_store::{EventStore, StoreError};

/// Renders messages from what is true now.
#[derive(Debug, Clone)]
pub(crate) struct Messages {
    store: EventStore,
}

/// What a message is at the moment of sending.
#[derive(Debug)]
pub(crate) enum Rendered {
    Ready {
        message: OutboundMessage,
        failed_tries: u32,
    },
    /// What became of it is recorded.
    Settled(Settled),
    Unwanted(&'static str),
}

/// Why a message has no text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MessageError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("the customer's number is not usable")]
    Number,
    #[error("what the message is about does not exist")]
    Missing,
}

impl Messages {
    pub(crate) const fn new(store: EventStore) -> Self {
        Self { store }
    }

    /// The message as it goes out now.
    pub(crate) async fn render(
        &self,
        tenant: TenantId,
        message: MessageId,
    ) -> Result<Rendered, MessageError> {
        let id = message.to_string();
        let (state, _) = self.store.load::<Message>(tenant, &id).await?;
        match state.status() {
            MessageStatus::Queued => {}
            MessageStatus::Absent => return Err(MessageError::Missing),
            MessageStatus::Accepted
            | MessageStatus::Sent
            | MessageStatus::Delivered
            | MessageStatus::Read => return Ok(Rendered::Settled(Settled::Sent)),
            // A person who has it tried again queues it first.
            MessageStatus::Failed => return Ok(Rendered::Settled(Settled::Failed)),
            MessageStatus::Unknown => return Ok(Rendered::Settled(Settled::Unknown)),
        }
        let failed_tries = state.tries();
        let queued = stream::first::<Message, _>(&self.store, tenant, &id, |event| match event {
            MessageEvent::Queued(queued) => Some(queued),
            _ => None,
        });
        let queued: MessageQueued = queued.await?.ok_or(MessageError::Missing)?;
        let id = queued.customer.to_string();
        let events = stream::events::<Customer>(&self.store, tenant, &id).await?;
        let newest = events.into_iter().rev().find_map(|event| match event {
            CustomerEvent::Registered(registered) => Some((registered.name, registered.phone)),
            CustomerEvent::ContactChanged(changed) => Some((changed.name, changed.phone)),
            CustomerEvent::Erased(_) => None,
        });
        let (name, phone) = newest.ok_or(MessageError::Missing)?;
        let name = match self.open(tenant, &id, customers::field::NAME, &name).await {
            Err(StoreError::Erased) => return Ok(Rendered::Unwanted("the customer's data was erased")),
            other => other?,
        };
        let phone = self.open(tenant, &id, customers::field::PHONE, &phone).await?;
        let to = PhoneNumber::parse(phone.expose_secret()).map_err(|_| MessageError::Number)?;
        if self.is_settled(tenant, &queued).await? {
            return Ok(Rendered::Unwanted("the bill is settled"));
        }
        let text = self.text(tenant, &queued, name.expose_secret()).await?;
        Ok(Rendered::Ready {
            message: OutboundMessage {
                id: message,
                to,
                text,
            },
            failed_tries,
        })
    }

    /// Whether it reminds of money that nobody owes any more: much can happen until quiet hours are over (U077). What tells
    /// what has happened goes out, however late.
    async fn is_settled(&self, tenant: TenantId, queued: &MessageQueued) -> Result<bool, StoreError> {
        let (MessageKind::InvoiceDueReminder, Some(invoice)) = (queued.kind, queued.refs.invoice) else {
            return Ok(false);
        };
        let (bill, _) = self.store.load::<Invoice>(tenant, &invoice.to_string()).await?;
        Ok(!bill.is_open())
    }

    async fn text(
        &self,
        tenant: TenantId,
        queued: &MessageQueued,
        name: &str,
    ) -> Result<String, MessageError> {
        let (operator, _) = self.store.load::<Tenant>(tenant, &tenant.to_string()).await?;
        let (settings, look) = (operator.settings(), operator.look());
        let isp = look.seller_name.as_deref().unwrap_or_default();
        let mut values = Values::new()
            .with(Variable::Name, name)
            .with(Variable::IspName, isp);
        if let Some(subscription) = queued.refs.subscription {
            let (line, _) = self
                .store
                .load::<Subscription>(tenant, &subscription.to_string())
                .await?;
            if let Some(terms) = line.terms() {
                values = values.with(Variable::Plan, &terms.name);
            }
            let invoice = queued
                .refs
                .invoice
                .or_else(|| line.overdue().keys().next().copied());
            if let Some(invoice) = invoice {
                values = self
                    .invoice_values(tenant, invoice, settings, queued.at, values)
                    .await?;
            }
        } else if let Some(invoice) = queued.refs.invoice {
            // The bill of an operator's account says itself what is sold, and by whom.
            let issued = self.issued(tenant, invoice).await?;
            values = values
                .with(Variable::IspName, &issued.snapshot.seller_name)
                .with(Variable::Plan, &issued.snapshot.plan_name);
            values = self
                .invoice_values(tenant, invoice, settings, queued.at, values)
                .await?;
        }
        let text = self
            .template(tenant, queued.kind, settings.region.language)
            .await?
            .render(&values)?;
        Ok(match &look.footer {
            Some(footer) => with_footer(text, footer),
            None => text,
        })
    }

    /// The operator's own text, else the built-in one.
    async fn template(
        &self,
        tenant: TenantId,
        kind: MessageKind,
        language: Language,
    ) -> Result<Template, MessageError> {
        let (texts, _) = message_texts(&self.store, tenant).await?;
        if let Some(source) = texts.own(kind, language) {
            match Template::parse(kind, source) {
                Ok(own) => return Ok(own),
                // It was checked by an older release, which offered more.
                Err(error) => {
                    tracing::error!(%tenant, kind = kind.as_str(), %error, "an own text cannot be used");
                }
            }
        }
        Ok(Template::built_in(kind, language)?)
    }

    async fn invoice_values(
        &self,
        tenant: TenantId,
        invoice: InvoiceId,
        settings: &TenantSettings,
        at: DateTime<Utc>,
        values: Values,
    ) -> Result<Values, MessageError> {
        let issued = self.issued(tenant, invoice).await?;
        let today = settings.region.zone.date_at(at);
        let from = issued.period.from();
        let days = (today - issued.due_on).num_days().max(0);
        Ok(values
            .with(Variable::InvoiceCode, issued.number.as_str())
            .with(Variable::Amount, &issued.total.to_string())
            .with(Variable::Period, &format!("{:02}/{}", from.month(), from.year()))
            .with(
                Variable::DueDate,
                &long_date(issued.due_on, settings.region.language),
            )
            .with(Variable::PaidDate, &long_date(today, settings.region.language))
            .with(Variable::DaysOverdue, &days.to_string()))
    }

    /// The bill as it went out.
    async fn issued(&self, tenant: TenantId, invoice: InvoiceId) -> Result<InvoiceIssued, MessageError> {
        let id = invoice.to_string();
        let issued = stream::first::<Invoice, _>(&self.store, tenant, &id, |event| match event {
            InvoiceEvent::Issued(issued) => Some(*issued),
            _ => None,
        });
        issued.await?.ok_or(MessageError::Missing)
    }

    async fn open(
        &self,
        tenant: TenantId,
        subject: &str,
        field: &str,
        sealed: &Sealed,
    ) -> Result<SecretString, StoreError> {
        let mut tx = self.store.db().tenant_tx(tenant).await?;
        let opened = self.store.vault().open(&mut tx, subject, field, sealed).await?;
        tx.commit().await?;
        Ok(opened)
    }
}

/// Below the text, where there is room for it.
fn with_footer(text: String, footer: &str) -> String {
    let whole = format!("{text}\n\n{footer}");
    if whole.chars().count() <= MAX_TEXT_CHARS {
        whole
    } else {
        text
    }
}

#[cfg(test)]
mod tests;
