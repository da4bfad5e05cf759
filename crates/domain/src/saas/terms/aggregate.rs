//! State and decisions of the terms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{TermsCommand, TermsError, TermsEvent, TermsSet};
use crate::{
    Decider, GatewayId, aggregate,
    billing::{DueDay, InvoiceNumberPattern, Tax},
    time::Zone,
};

const MAX_REMINDERS: usize = 10;
const MAX_DISTANCE: u8 = 60;

/// Everything that can be set. Every value has a default, so that billing works from the first operator on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BillingTerms {
    /// As printed on the bills.
    pub seller_name: String,
    /// In which a day begins and ends.
    pub zone: Zone,
    /// Day of the month on which a period begins and its bill goes out: 1 to 28.
    pub billing_day: DueDay,
    /// Days from the issue on within which a bill is paid in time.
    pub due_days: u8,
    /// Whole days after the due date during which the panel stays open.
    pub grace_days: u8,
    /// Days after the due date on which the payer is reminded; negative before it.
    pub reminder_days: Vec<i8>,
    pub tax: Option<Tax>,
    pub number_pattern: InvoiceNumberPattern,
    /// The platform's account at a gateway through which operators pay; none while they can only transfer.
    pub gateway: Option<GatewayId>,
}

impl Default for BillingTerms {
    fn default() -> Self {
        Self {
            seller_name: "Simpul".to_owned(),
            zone: Zone::default(),
            billing_day: DueDay::FIRST,
            due_days: 14,
            grace_days: 7,
            reminder_days: vec![-7, -3, 0, 3],
            tax: None,
            number_pattern: InvoiceNumberPattern::default(),
            gateway: None,
        }
    }
}

impl BillingTerms {
    fn check(&self) -> Result<(), TermsError> {
        if self.billing_day.get() > 28 {
            return Err(TermsError::BillingDay);
        }
        if !(1..=MAX_DISTANCE).contains(&self.due_days) || self.grace_days > MAX_DISTANCE {
            return Err(TermsError::DueDays);
        }
        let too_far = |days: &i8| days.unsigned_abs() > MAX_DISTANCE;
        if self.reminder_days.len() > MAX_REMINDERS || self.reminder_days.iter().any(too_far) {
            return Err(TermsError::Reminders);
        }
        if self.tax.is_some_and(|tax| tax.check().is_err()) {
            return Err(TermsError::Tax);
        }
        if self.seller_name.trim().is_empty() || self.seller_name.chars().count() > 100 {
            return Err(TermsError::Seller);
        }
        Ok(())
    }
}

/// The terms, the defaults until somebody sets them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Terms {
    terms: BillingTerms,
}

aggregate!(Terms);

impl Terms {
    pub const fn current(&self) -> &BillingTerms {
        &self.terms
    }
}

impl Decider for Terms {
    const TYPE: &'static str = "saas.terms";
    const STATE_VERSION: i32 = 1;
    type Command = TermsCommand;
    type Event = TermsEvent;
    type Error = TermsError;

    fn decide(&self, command: TermsCommand) -> Result<Vec<TermsEvent>, TermsError> {
        match command {
            TermsCommand::Set { terms, at } => {
                terms.check()?;
                if terms == self.terms {
                    return Ok(Vec::new());
                }
                Ok(vec![TermsEvent::Set(TermsSet { terms, at })])
            }
        }
    }

    fn evolve(&mut self, event: &TermsEvent) {
        match event {
            TermsEvent::Set(set) => self.terms = set.terms.clone(),
        }
    }
}
