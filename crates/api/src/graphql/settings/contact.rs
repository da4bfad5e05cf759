//! What is told to customers and by whom, through whom they pay, how the operator looks, and how codes are made.

use std::fmt::Display;

use async_graphql::{ID, InputObject, SimpleObject};
use chrono::NaiveTime;
use simpul_domain::tenancy::settings::{
    Branding, CodePattern, Codes, Colour, HttpsUrl, Messaging, Payments, QuietHours,
};

use crate::graphql::{fields::Fields, messaging::MessageKind, scalar::Url, user_error::UserError};

/// What is told to customers, when and by whom.
#[derive(Debug, SimpleObject)]
pub(crate) struct MessagingSettings {
    /// What is sent at all.
    kinds: Vec<MessageKind>,
    /// From this minute of the tenant's clock nothing is sent, such as `20:00`; null: at any time.
    quiet_from: Option<String>,
    /// Until this minute; what came in between goes out then.
    quiet_until: Option<String>,
    /// Which connected senders of WhatsApp messages serve, the preferred first; empty: the one connected first.
    whatsapp_sender_ids: Vec<ID>,
    /// The same of e-mail. Read when customers get e-mail.
    email_sender_ids: Vec<ID>,
}

const CLOCK: &str = "%H:%M";

fn ids<T: Display>(ids: &[T]) -> Vec<ID> {
    ids.iter().map(|id| id.to_string().into()).collect()
}

impl From<&Messaging> for MessagingSettings {
    fn from(messaging: &Messaging) -> Self {
        let clock = |time: NaiveTime| time.format(CLOCK).to_string();
        let quiet = messaging.quiet_hours;
        Self {
            kinds: messaging.kinds.iter().copied().map(MessageKind::from).collect(),
            quiet_from: quiet.map(|quiet| clock(quiet.from)),
            quiet_until: quiet.map(|quiet| clock(quiet.until)),
            whatsapp_sender_ids: ids(&messaging.whatsapp_senders),
            email_sender_ids: ids(&messaging.email_senders),
        }
    }
}

/// Hours during which nothing is sent.
#[derive(Debug, InputObject)]
pub(crate) struct QuietHoursInput {
    /// A minute of the tenant's clock, such as `20:00`.
    from: String,
    /// The first minute in which messages go out again, such as `08:00`.
    until: String,
}

/// What is told to customers, all of it.
#[derive(Debug, InputObject)]
pub(crate) struct MessagingSettingsChangeInput {
    /// What is sent at all.
    kinds: Vec<MessageKind>,
    /// Null: at any time.
    quiet_hours: Option<QuietHoursInput>,
    /// Which connected senders of WhatsApp messages serve, the preferred first.
    whatsapp_sender_ids: Vec<ID>,
    /// The same of e-mail.
    email_sender_ids: Vec<ID>,
    /// The `version` that was read: if somebody was faster, the change is refused.
    pub(super) expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    pub(super) idempotency_key: Option<String>,
}

impl MessagingSettingsChangeInput {
    pub(super) fn section(&self) -> Result<Messaging, Vec<UserError>> {
        let mut fields = Fields::default();
        let mut clock = |text: &str| {
            let time = NaiveTime::parse_from_str(text, CLOCK);
            fields.take("quietHours", "pattern", time)
        };
        let quiet = match &self.quiet_hours {
            Some(quiet) => {
                let times = clock(&quiet.from).zip(clock(&quiet.until));
                times.map(|(from, until)| Some(QuietHours { from, until }))
            }
            None => Some(None),
        };
        let mut senders = |field, ids: &[ID]| ids.iter().map(|id| fields.id(field, "sender", id)).collect();
        let whatsapp: Option<Vec<_>> = senders("whatsappSenderIds", &self.whatsapp_sender_ids);
        let email: Option<Vec<_>> = senders("emailSenderIds", &self.email_sender_ids);
        let messaging = (|| {
            Some(Messaging {
                kinds: self.kinds.iter().map(|&kind| kind.into()).collect(),
                quiet_hours: quiet?,
                whatsapp_senders: whatsapp?,
                email_senders: email?,
            })
        })();
        fields.done(messaging)
    }
}

/// Through whom customers pay.
#[derive(Debug, SimpleObject)]
pub(crate) struct PaymentSettings {
    /// Which connected gateways are offered, the preferred first; empty: all of them.
    gateway_ids: Vec<ID>,
}

impl From<&Payments> for PaymentSettings {
    fn from(payments: &Payments) -> Self {
        Self {
            gateway_ids: ids(&payments.gateways),
        }
    }
}

/// Through whom customers pay, all of them.
#[derive(Debug, InputObject)]
pub(crate) struct PaymentSettingsChangeInput {
    /// Which connected gateways are offered, the preferred first; at most 10.
    gateway_ids: Vec<ID>,
    /// The `version` that was read: if somebody was faster, the change is refused.
    pub(super) expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    pub(super) idempotency_key: Option<String>,
}

impl PaymentSettingsChangeInput {
    pub(super) fn section(&self) -> Result<Payments, Vec<UserError>> {
        let mut fields = Fields::default();
        let gateways = self
            .gateway_ids
            .iter()
            .map(|id| fields.id("gatewayIds", "gateway", id));
        let gateways: Option<Vec<_>> = gateways.collect();
        fields.done(gateways.map(|gateways| Payments { gateways }))
    }
}

/// How the operator looks.
#[derive(Debug, SimpleObject)]
pub(crate) struct BrandingSettings {
    /// As printed on bills; null: the tenant's name.
    seller_name: Option<String>,
    /// Address of an image, in letters and the portal. Shown with the feature `white_label` only, as are colour and footer.
    logo_url: Option<Url>,
    /// Such as `#0a7cff`, in letters and the portal.
    colour: Option<String>,
    /// Below messages and letters, and in the portal.
    footer: Option<String>,
}

impl From<&Branding> for BrandingSettings {
    fn from(branding: &Branding) -> Self {
        Self {
            seller_name: branding.seller_name.clone(),
            logo_url: branding.logo.as_ref().map(|url| Url(url.as_str().to_owned())),
            colour: branding.colour.as_ref().map(|colour| colour.as_str().to_owned()),
            footer: branding.footer.clone(),
        }
    }
}

/// How the operator looks, all of it.
#[derive(Debug, InputObject)]
pub(crate) struct BrandingSettingsChangeInput {
    /// As printed on bills, 1 to 100 characters; null: the tenant's name.
    seller_name: Option<String>,
    /// An https address of an image.
    logo_url: Option<String>,
    /// `#` and six hexadecimal digits in small letters.
    colour: Option<String>,
    /// Below messages and letters, and in the portal; 1 to 500 characters.
    footer: Option<String>,
    /// The `version` that was read: if somebody was faster, the change is refused.
    pub(super) expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    pub(super) idempotency_key: Option<String>,
}

impl BrandingSettingsChangeInput {
    pub(super) fn section(&self) -> Result<Branding, Vec<UserError>> {
        let mut fields = Fields::default();
        let logo = self.logo_url.as_deref().map(HttpsUrl::parse).transpose();
        let logo = fields.take("logoUrl", "pattern", logo);
        let colour = self.colour.as_deref().map(Colour::parse).transpose();
        let colour = fields.take("colour", "pattern", colour);
        fields.done(logo.zip(colour).map(|(logo, colour)| Branding {
            seller_name: self.seller_name.clone(),
            logo,
            colour,
            footer: self.footer.clone(),
        }))
    }
}

/// How codes are made.
#[derive(Debug, SimpleObject)]
pub(crate) struct CodeSettings {
    /// Of customers who are registered without one.
    customer: String,
    /// Of tickets. Support will read it.
    ticket: String,
}

impl From<&Codes> for CodeSettings {
    fn from(codes: &Codes) -> Self {
        Self {
            customer: codes.customer.as_str().to_owned(),
            ticket: codes.ticket.as_str().to_owned(),
        }
    }
}

/// How codes are made, all of it. A pattern has capitals, digits, dashes and one counter such as `{NNNN}`.
#[derive(Debug, InputObject)]
pub(crate) struct CodeSettingsChangeInput {
    /// Of customers who are registered without one.
    customer: String,
    /// Of tickets.
    ticket: String,
    /// The `version` that was read: if somebody was faster, the change is refused.
    pub(super) expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    pub(super) idempotency_key: Option<String>,
}

impl CodeSettingsChangeInput {
    pub(super) fn section(&self) -> Result<Codes, Vec<UserError>> {
        let mut fields = Fields::default();
        let customer = fields.take("customer", "pattern", CodePattern::parse(&self.customer));
        let ticket = fields.take("ticket", "pattern", CodePattern::parse(&self.ticket));
        let codes = customer.zip(ticket);
        fields.done(codes.map(|(customer, ticket)| Codes { customer, ticket }))
    }
}
