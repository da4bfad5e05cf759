//! State and decisions of a credit account.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    CreditAccountCommand, CreditAccountError, CreditAccountEvent, CreditAdded, CreditUse, CreditUsed,
};
use crate::{Decider, PaymentId, Rupiah, aggregate};

/// A customer's credit. An account that never moved is an empty one, not a missing one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CreditAccount {
    balance: Rupiah,
    added: BTreeMap<PaymentId, Rupiah>,
    used: Vec<(CreditUse, Rupiah)>,
}

aggregate!(CreditAccount);

impl CreditAccount {
    pub const fn balance(&self) -> Rupiah {
        self.balance
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
    const STATE_VERSION: i32 = 1;
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
        }
    }
}
