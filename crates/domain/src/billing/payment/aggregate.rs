//! State and decisions of a payment. Every decision keeps Property 65.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Allocation, MatchPayment, PaymentAllocated, PaymentCommand, PaymentCredited, PaymentError, PaymentEvent,
    PaymentLeftUnmatched, PaymentMatched, PaymentReceived, PaymentRefunded, PaymentSource, PaymentTakenBack,
    ReceivePayment, RefundedFrom, TakenBackReason,
};
use crate::{CustomerId, Decider, InvoiceId, PaymentId, Rupiah, aggregate};

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
    /// What is left of it on bills, in the order in which they were paid.
    allocations: Vec<Allocation>,
    credited: Rupiah,
    unmatched: Rupiah,
    refunded: Rupiah,
    refunds: BTreeSet<String>,
    /// The part of `refunded` that others took back.
    taken_back: Rupiah,
    customer: Option<CustomerId>,
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

impl Payment {
    /// Whose money it is, once somebody is known.
    pub fn customer(&self) -> Option<CustomerId> {
        self.customer.or(self.matched_to)
    }

    fn take_back(
        &self,
        payment: PaymentId,
        received: Rupiah,
        reason: TakenBackReason,
        up_to: Option<Rupiah>,
        at: DateTime<Utc>,
    ) -> Result<Vec<PaymentEvent>, PaymentError> {
        let left = received.sub(self.refunded)?;
        let amount = match up_to {
            Some(up_to) => up_to.sub(self.taken_back)?.min(left),
            None => left,
        };
        if !amount.is_positive() {
            return Ok(Vec::new());
        }
        let mut rest = amount;
        let mut take = |from: Rupiah| -> Result<Rupiah, PaymentError> {
            let part = rest.min(from);
            rest = rest.sub(part)?;
            Ok(part)
        };
        let (unmatched, credit) = (take(self.unmatched)?, take(self.credited)?);
        let mut allocations = Vec::new();
        for part in self.allocations.iter().rev() {
            let amount = take(part.amount)?;
            if amount.is_positive() {
                allocations.push(Allocation {
                    invoice: part.invoice,
                    amount,
                });
            }
        }
        Ok(vec![PaymentEvent::TakenBack(Box::new(PaymentTakenBack {
            payment,
            customer: self.customer(),
            reason,
            amount,
            allocations,
            credit,
            unmatched,
            refunded: self.refunded.add(amount)?,
            at,
        }))])
    }

    fn allocate(&mut self, invoice: InvoiceId, amount: Rupiah) {
        self.allocated = plus(self.allocated, amount);
        self.allocations.push(Allocation { invoice, amount });
    }

    fn deallocate(&mut self, taken: &Allocation) {
        self.allocated = minus(self.allocated, taken.amount);
        let found = self
            .allocations
            .iter_mut()
            .find(|part| part.invoice == taken.invoice);
        if let Some(part) = found {
            part.amount = minus(part.amount, taken.amount);
        }
        self.allocations.retain(|part| part.amount.is_positive());
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
    const STATE_VERSION: i32 = 2;
    type Command = PaymentCommand;
    type Event = PaymentEvent;
    type Error = PaymentError;

    fn decide(&self, command: PaymentCommand) -> Result<Vec<PaymentEvent>, PaymentError> {
        match (command, &self.status) {
            (PaymentCommand::Receive(receive), _) => self.receive(*receive),
            (
                PaymentCommand::MatchToCustomer(_)
                | PaymentCommand::Refund { .. }
                | PaymentCommand::TakeBack { .. },
                PaymentStatus::Absent,
            ) => Err(PaymentError::NotFound),
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
            (
                PaymentCommand::TakeBack { reason, up_to, at },
                PaymentStatus::Received { payment, amount, .. },
            ) => self.take_back(*payment, *amount, reason, up_to, at),
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
                self.customer = received.customer;
            }
            PaymentEvent::Allocated(part) => self.allocate(part.invoice, part.amount),
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
            PaymentEvent::TakenBack(taken) => {
                self.refunded = taken.refunded;
                self.taken_back = plus(self.taken_back, taken.amount);
                self.unmatched = minus(self.unmatched, taken.unmatched);
                self.credited = minus(self.credited, taken.credit);
                for part in &taken.allocations {
                    self.deallocate(part);
                }
            }
        }
    }
}
