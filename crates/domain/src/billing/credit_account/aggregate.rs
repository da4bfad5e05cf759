//! State and decisions of a credit account.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    CreditAccountCommand, CreditAccountError, CreditAccountEvent, CreditAdded, CreditReturned,
    CreditTakenBack, CreditUse, CreditUsed,
};
use crate::{CustomerId, Decider, InvoiceId, PaymentId, Rupiah, aggregate};

/// A customer's credit. An account that never moved is an empty one, not a missing one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CreditAccount {
    balance: Rupiah,
    added: BTreeMap<PaymentId, Rupiah>,
    used: Vec<(CreditUse, Rupiah)>,
    /// What came back from bills.
    returned: BTreeMap<InvoiceId, Rupiah>,
}

aggregate!(CreditAccount);

impl CreditAccount {
    pub const fn balance(&self) -> Rupiah {
        self.balance
    }

    fn take_back(
        &self,
        customer: CustomerId,
        payment: PaymentId,
        amount: Rupiah,
        at: DateTime<Utc>,
    ) -> Result<Vec<CreditAccountEvent>, CreditAccountError> {
        if !amount.is_positive() {
            return Err(CreditAccountError::NotPositive);
        }
        let mut balance = self.balance;
        let mut events = Vec::new();
        for (for_what, used) in self.used.iter().rev() {
            let CreditUse::Invoice { invoice } = *for_what else {
                continue;
            };
            let there = used.sub(self.returned.get(&invoice).copied().unwrap_or_default())?;
            let part = there.min(amount.sub(balance)?);
            if part.is_positive() {
                balance = balance.add(part)?;
                events.push(CreditAccountEvent::CreditReturned(CreditReturned {
                    customer,
                    invoice,
                    amount: part,
                    balance,
                    at,
                }));
            }
        }
        if amount > balance {
            return Err(CreditAccountError::Insufficient { balance });
        }
        events.push(CreditAccountEvent::CreditTakenBack(CreditTakenBack {
            customer,
            payment,
            amount,
            balance: balance.sub(amount)?,
            at,
        }));
        Ok(events)
    }
}

/// What a repeated booking yields: nothing, or the conflict with what was booked.
fn repeated(booked: Rupiah, amount: Rupiah) -> Result<Vec<CreditAccountEvent>, CreditAccountError> {
    if booked == amount {
        Ok(Vec::new())
    } else {
        Err(CreditAccountError::BookedOtherwise { booked })
    }
}

impl Decider for CreditAccount {
    const TYPE: &'static str = "billing.credit_account";
    const STATE_VERSION: i32 = 2;
    type Command = CreditAccountCommand;
    type Event = CreditAccountEvent;
    type Error = CreditAccountError;

    fn decide(&self, command: CreditAccountCommand) -> Result<Vec<CreditAccountEvent>, CreditAccountError> {
        match command {
            CreditAccountCommand::AddCredit {
                customer,
                payment,
                amount,
                at,
            } => {
                if !amount.is_positive() {
                    return Err(CreditAccountError::NotPositive);
                }
                if let Some(&booked) = self.added.get(&payment) {
                    return repeated(booked, amount);
                }
                let balance = self.balance.add(amount)?;
                let added = CreditAdded {
                    customer,
                    payment,
                    amount,
                    balance,
                    at,
                };
                Ok(vec![CreditAccountEvent::CreditAdded(added)])
            }
            CreditAccountCommand::UseCredit {
                customer,
                for_what,
                amount,
                at,
            } => {
                if !amount.is_positive() {
                    return Err(CreditAccountError::NotPositive);
                }
                if let Some((_, booked)) = self.used.iter().find(|(known, _)| *known == for_what) {
                    return repeated(*booked, amount);
                }
                if amount > self.balance {
                    return Err(CreditAccountError::Insufficient {
                        balance: self.balance,
                    });
                }
                let balance = self.balance.sub(amount)?;
                let used = CreditUsed {
                    customer,
                    for_what,
                    amount,
                    balance,
                    at,
                };
                Ok(vec![CreditAccountEvent::CreditUsed(used)])
            }
            CreditAccountCommand::TakeBackCredit {
                customer,
                payment,
                amount,
                at,
            } => self.take_back(customer, payment, amount, at),
        }
    }

    fn evolve(&mut self, event: &CreditAccountEvent) {
        match event {
            CreditAccountEvent::CreditAdded(added) => {
                self.balance = added.balance;
                self.added.insert(added.payment, added.amount);
            }
            CreditAccountEvent::CreditUsed(used) => {
                self.balance = used.balance;
                self.used.push((used.for_what.clone(), used.amount));
            }
            CreditAccountEvent::CreditReturned(returned) => {
                self.balance = returned.balance;
                let sum = self.returned.entry(returned.invoice).or_default();
                *sum = sum.add(returned.amount).unwrap_or(Rupiah::MAX);
            }
            CreditAccountEvent::CreditTakenBack(taken) => self.balance = taken.balance,
        }
    }
}
