//! What can be asked of a statement.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    InvoiceId, Rupiah,
    billing::{InvoiceNumber, Period, invoice::InvoiceLine},
    time::Zone,
};

/// Commands of `saas.statement`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementCommand {
    Hear {
        invoice: InvoiceId,
        news: News,
        at: DateTime<Utc>,
    },
    /// Somebody of the operator wants to pay through the platform's gateway.
    RequestPayment {
        /// The gateway's channel code.
        channel: String,
        at: DateTime<Utc>,
    },
}

/// What the platform tells of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "news")]
pub enum News {
    Presented(Box<Presented>),
    FellOverdue,
    PartPaid {
        outstanding: Rupiah,
    },
    /// Money that had been put on it is gone again.
    TakenBack {
        outstanding: Rupiah,
    },
    Settled,
    Withdrawn {
        reason: String,
    },
}

/// The bill as it went out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presented {
    pub number: InvoiceNumber,
    pub period: Period,
    pub lines: Vec<InvoiceLine>,
    pub total: Rupiah,
    pub due_on: NaiveDate,
    pub zone: Zone,
    pub issued_at: DateTime<Utc>,
}
