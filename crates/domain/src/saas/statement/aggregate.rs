//! State and decisions of a statement.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    News, Presented, StatementCommand, StatementError, StatementEvent, StatementFellOverdue,
    StatementPartPaid, StatementPaymentRequested, StatementPresented, StatementSettled, StatementTakenBack,
    StatementWithdrawn,
};
use crate::{Decider, InvoiceId, Rupiah, aggregate};

/// Where a statement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum StatementStatus {
    #[default]
    Absent,
    Open,
    Overdue,
    Settled,
    Withdrawn,
}

/// One bill of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Statement {
    status: StatementStatus,
    invoice: Option<InvoiceId>,
    outstanding: Rupiah,
}

aggregate!(Statement);

impl Statement {
    pub const fn status(&self) -> StatementStatus {
        self.status
    }

    fn hear(
        &self,
        invoice: InvoiceId,
        news: News,
        at: DateTime<Utc>,
    ) -> Result<Vec<StatementEvent>, StatementError> {
        match (news, self.status) {
            (News::Presented(presented), StatementStatus::Absent) => {
                Ok(vec![present(invoice, *presented, at)])
            }
            (
                News::FellOverdue
                | News::PartPaid { .. }
                | News::TakenBack { .. }
                | News::Settled
                | News::Withdrawn { .. },
                StatementStatus::Absent,
            ) => Err(StatementError::NotFound),
            (News::FellOverdue, StatementStatus::Open) => {
                Ok(vec![StatementEvent::FellOverdue(StatementFellOverdue {
                    invoice,
                    at,
                })])
            }
            (News::PartPaid { outstanding }, StatementStatus::Open | StatementStatus::Overdue)
                if outstanding < self.outstanding =>
            {
                Ok(vec![StatementEvent::PartPaid(StatementPartPaid {
                    invoice,
                    outstanding,
                    at,
                })])
            }
            (
                News::TakenBack { outstanding },
                StatementStatus::Open | StatementStatus::Overdue | StatementStatus::Settled,
            ) if outstanding > self.outstanding => Ok(vec![StatementEvent::TakenBack(StatementTakenBack {
                invoice,
                outstanding,
                at,
            })]),
            (News::Settled, StatementStatus::Open | StatementStatus::Overdue) => {
                Ok(vec![StatementEvent::Settled(StatementSettled { invoice, at })])
            }
            (News::Withdrawn { reason }, StatementStatus::Open | StatementStatus::Overdue) => {
                Ok(vec![StatementEvent::Withdrawn(StatementWithdrawn {
                    invoice,
                    reason,
                    at,
                })])
            }
            (
                News::Presented(_)
                | News::FellOverdue
                | News::PartPaid { .. }
                | News::TakenBack { .. }
                | News::Settled
                | News::Withdrawn { .. },
                StatementStatus::Open
                | StatementStatus::Overdue
                | StatementStatus::Settled
                | StatementStatus::Withdrawn,
            ) => Ok(Vec::new()),
        }
    }

    fn request(&self, channel: String, at: DateTime<Utc>) -> Result<Vec<StatementEvent>, StatementError> {
        let invoice = self.invoice.ok_or(StatementError::NotFound)?;
        match self.status {
            StatementStatus::Absent => Err(StatementError::NotFound),
            StatementStatus::Settled => Err(StatementError::AlreadySettled),
            StatementStatus::Withdrawn => Err(StatementError::Withdrawn),
            StatementStatus::Open | StatementStatus::Overdue => {
                if channel.is_empty() || channel.chars().count() > 40 {
                    return Err(StatementError::Channel);
                }
                Ok(vec![StatementEvent::PaymentRequested(
                    StatementPaymentRequested { invoice, channel, at },
                )])
            }
        }
    }
}

fn present(invoice: InvoiceId, presented: Presented, at: DateTime<Utc>) -> StatementEvent {
    StatementEvent::Presented(Box::new(StatementPresented {
        invoice,
        number: presented.number,
        period: presented.period,
        lines: presented.lines,
        total: presented.total,
        due_on: presented.due_on,
        zone: presented.zone,
        issued_at: presented.issued_at,
        at,
    }))
}

impl Decider for Statement {
    const TYPE: &'static str = "saas.statement";
    const STATE_VERSION: i32 = 1;
    type Command = StatementCommand;
    type Event = StatementEvent;
    type Error = StatementError;

    fn decide(&self, command: StatementCommand) -> Result<Vec<StatementEvent>, StatementError> {
        match command {
            StatementCommand::Hear { invoice, news, at } => self.hear(invoice, news, at),
            StatementCommand::RequestPayment { channel, at } => self.request(channel, at),
        }
    }

    fn evolve(&mut self, event: &StatementEvent) {
        match event {
            StatementEvent::Presented(presented) => {
                self.status = StatementStatus::Open;
                self.invoice = Some(presented.invoice);
                self.outstanding = presented.total;
            }
            StatementEvent::PaymentRequested(_) => {}
            StatementEvent::PartPaid(part) => self.outstanding = part.outstanding,
            StatementEvent::TakenBack(taken) => {
                self.outstanding = taken.outstanding;
                if self.status == StatementStatus::Settled {
                    self.status = StatementStatus::Open;
                }
            }
            StatementEvent::FellOverdue(_) => self.status = StatementStatus::Overdue,
            StatementEvent::Settled(_) => {
                self.status = StatementStatus::Settled;
                self.outstanding = Rupiah::ZERO;
            }
            StatementEvent::Withdrawn(_) => {
                self.status = StatementStatus::Withdrawn;
                self.outstanding = Rupiah::ZERO;
            }
        }
    }
}
