//! State and decisions of a payment. Every decision keeps Property 65.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Allocation, MatchPayment, PaymentAllocated, PaymentCommand, PaymentCredited, PaymentError, PaymentEvent,
    PaymentLeftUnmatched, PaymentMatched, PaymentReceived, PaymentRefunded, PaymentSource, ReceivePayment,
    RefundedFrom,
};
use crate::{CustomerId, Decider, PaymentId, Rupiah, aggregate};

/// Where a payment stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PaymentStatus {
    #[default]
    Absent,
    Received {
        payment: PaymentId,
        source: PaymentSource,
        provider_ref: String,
        amount: Rupiah,
    },
}

/// Money received. INVARIANT: `allocated + credited + unmatched + refunded = amount`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Payment {
    status: PaymentStatus,
    allocated: Rupiah,
    credited: Rupiah,
    unmatched: Rupiah,
    refunded: Rupiah,
    refunds: BTreeSet<String>,
    matched_to: Option<CustomerId>,
}

aggregate!(Payment);

impl Payment {
    pub const fn status(&self) -> &PaymentStatus {
        &self.status
    }

    pub const fn allocated(&self) -> Rupiah {
        self.allocated
    }

    /// Credit that this payment gave, less what was refunded from it.
    pub const fn credited(&self) -> Rupiah {
        self.credited
    }

    pub const fn unmatched(&self) -> Rupiah {
        self.unmatched
    }

    pub const fn refunded(&self) -> Rupiah {
        self.refunded
    }

    fn receive(&self, receive: ReceivePayment) -> Result<Vec<PaymentEvent>, PaymentError> {
        if let PaymentStatus::Received {
            source,
            provider_ref,
            amount,
            ..
        } = &self.status
        {
            let same = *source == receive.source
                && *provider_ref == receive.provider_ref
                && *amount == receive.amount;
            return if same {
                Ok(Vec::new())
            } else {
                Err(PaymentError::AlreadyReceived)
            };
        }
        let allocated = check_receive(&receive)?;
        let ReceivePayment {
            payment,
            customer,
            credit,
            at,
            ..
        } = receive;
        let mut events = vec![PaymentEvent::Received(Box::new(PaymentReceived {
            payment,
            source: receive.source,
            customer,
            gross: receive.gross,
            payer_fee: receive.payer_fee,
            amount: receive.amount,
            allocated,
            credited: credit,
            unmatched: receive
                .unmatched
                .as_ref()
                .map_or(Rupiah::ZERO, |part| part.amount),
            provider_ref: receive.provider_ref,
            paid_at: receive.paid_at,
            flags: receive.flags,
            at,
        }))];
        if let Some(customer) = customer {
            events.extend(distribution(payment, customer, receive.allocations, credit, at));
        }
        events.extend(receive.unmatched.map(|part| {
            let (amount, reason) = (part.amount, part.reason);
            PaymentEvent::LeftUnmatched(PaymentLeftUnmatched {
                payment,
                amount,
                reason,
                at,
            })
        }));
        Ok(events)
    }

    fn match_to(&self, payment: PaymentId, request: MatchPayment) -> Result<Vec<PaymentEvent>, PaymentError> {
        let MatchPayment {
            customer,
            allocations,
            credit,
            at,
        } = request;
        let amount = self.unmatched;
        if amount.is_zero() {
            let repeated = self.matched_to == Some(customer);
            return if repeated {
                Ok(Vec::new())
            } else {
                Err(PaymentError::NothingUnmatched)
            };
        }
        let allocated = check_parts(&allocations, credit)?;
        let distributed = allocated.add(credit)?;
        if distributed != amount {
            return Err(PaymentError::Unbalanced { amount, distributed });
        }
        let mut events = vec![PaymentEvent::Matched(PaymentMatched {
            payment,
            customer,
            amount,
            at,
        })];
        events.extend(distribution(payment, customer, allocations, credit, at));
        Ok(events)
    }

    fn refund(
        &self,
        payment: PaymentId,
        from: RefundedFrom,
        amount: Rupiah,
        reference: String,
        at: DateTime<Utc>,
    ) -> Result<Vec<PaymentEvent>, PaymentError> {
        if self.refunds.contains(&reference) {
            return Ok(Vec::new());
        }
        if !amount.is_positive() {
            return Err(PaymentError::NotPositive { field: "amount" });
        }
        let available = match from {
            RefundedFrom::Unmatched => self.unmatched,
            RefundedFrom::Credit => self.credited,
        };
        if amount > available {
            return Err(PaymentError::RefundTooLarge { available });
        }
        let refunded = self.refunded.add(amount)?;
        Ok(vec![PaymentEvent::Refunded(PaymentRefunded {
            payment,
            from,
            amount,
            refunded,
            reference,
            at,
        })])
    }
}

/// Checks the whole and returns the sum of the allocations.
fn check_receive(receive: &ReceivePayment) -> Result<Rupiah, PaymentError> {
    if !receive.amount.is_positive() {
        return Err(PaymentError::NotPositive { field: "amount" });
    }
    if receive.payer_fee < Rupiah::ZERO {
        return Err(PaymentError::Negative { field: "payerFee" });
    }
    if receive.amount.add(receive.payer_fee)? != receive.gross {
        return Err(PaymentError::GrossUnbalanced);
    }
    let allocated = check_parts(&receive.allocations, receive.credit)?;
    let unmatched = match &receive.unmatched {
        None => Rupiah::ZERO,
        Some(part) if part.amount.is_positive() => part.amount,
        Some(_) => return Err(PaymentError::NotPositive { field: "unmatched" }),
    };
    if receive.customer.is_none() && (allocated.is_positive() || receive.credit.is_positive()) {
        return Err(PaymentError::CustomerMissing);
    }
    let distributed = allocated.add(receive.credit)?.add(unmatched)?;
    if distributed != receive.amount {
        return Err(PaymentError::Unbalanced {
            amount: receive.amount,
            distributed,
        });
    }
    Ok(allocated)
}

fn check_parts(allocations: &[Allocation], credit: Rupiah) -> Result<Rupiah, PaymentError> {
    if credit < Rupiah::ZERO {
        return Err(PaymentError::Negative { field: "credit" });
    }
    if allocations.iter().any(|part| !part.amount.is_positive()) {
        return Err(PaymentError::NotPositive { field: "allocations" });
    }
    let invoices: BTreeSet<_> = allocations.iter().map(|part| part.invoice).collect();
    if invoices.len() != allocations.len() {
        return Err(PaymentError::InvoiceTwice);
    }
    Ok(Rupiah::sum(allocations.iter().map(|part| part.amount))?)
}

fn distribution(
    payment: PaymentId,
    customer: CustomerId,
    allocations: Vec<Allocation>,
    credit: Rupiah,
    at: DateTime<Utc>,
) -> impl Iterator<Item = PaymentEvent> {
    let allocated = allocations
        .into_iter()
        .map(move |Allocation { invoice, amount }| {
            PaymentEvent::Allocated(PaymentAllocated {
                payment,
                customer,
                invoice,
                amount,
                at,
            })
        });
    let credited = credit
        .is_positive()
        .then_some(PaymentEvent::Credited(PaymentCredited {
            payment,
            customer,
            amount: credit,
            at,
        }));
    allocated.chain(credited)
}

/// INVARIANT: the amounts of one payment were added up without leaving the range when they were decided.
fn plus(a: Rupiah, b: Rupiah) -> Rupiah {
    a.add(b).unwrap_or(Rupiah::MAX)
}

fn minus(a: Rupiah, b: Rupiah) -> Rupiah {
    a.sub(b).unwrap_or(Rupiah::ZERO)
}

impl Decider for Payment {
    const TYPE: &'static str = "billing.payment";
    const STATE_VERSION: i32 = 1;
    type Command = PaymentCommand;
    type Event = PaymentEvent;
    type Error = PaymentError;

    fn decide(&self, command: PaymentCommand) -> Result<Vec<PaymentEvent>, PaymentError> {
        match (command, &self.status) {
            (PaymentCommand::Receive(receive), _) => self.receive(*receive),
            (PaymentCommand::MatchToCustomer(_) | PaymentCommand::Refund { .. }, PaymentStatus::Absent) => {
                Err(PaymentError::NotFound)
            }
            (PaymentCommand::MatchToCustomer(request), PaymentStatus::Received { payment, .. }) => {
                self.match_to(*payment, request)
            }
            (
                PaymentCommand::Refund {
                    from,
                    amount,
                    reference,
                    at,
                },
                PaymentStatus::Received { payment, .. },
            ) => self.refund(*payment, from, amount, reference, at),
        }
    }

    fn evolve(&mut self, event: &PaymentEvent) {
        match event {
            PaymentEvent::Received(received) => {
                self.status = PaymentStatus::Received {
                    payment: received.payment,
                    source: received.source.clone(),
                    provider_ref: received.provider_ref.clone(),
                    amount: received.amount,
                };
            }
            PaymentEvent::Allocated(part) => self.allocated = plus(self.allocated, part.amount),
            PaymentEvent::Credited(part) => self.credited = plus(self.credited, part.amount),
            PaymentEvent::LeftUnmatched(part) => self.unmatched = plus(self.unmatched, part.amount),
            PaymentEvent::Matched(matched) => {
                self.unmatched = minus(self.unmatched, matched.amount);
                self.matched_to = Some(matched.customer);
            }
            PaymentEvent::Refunded(refund) => {
                self.refunded = refund.refunded;
                self.refunds.insert(refund.reference.clone());
                match refund.from {
                    RefundedFrom::Unmatched => self.unmatched = minus(self.unmatched, refund.amount),
                    RefundedFrom::Credit => self.credited = minus(self.credited, refund.amount),
                }
            }
        }
    }
}
