//! Why a tenant's runs refuse.

use chrono::NaiveDate;

use super::RunStatus;
use crate::{Code, Coded};

/// Refusals of `billing.isolir_runs`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IsolirRunsError {
    #[error("there was no run on {date}, or another one has begun since")]
    NotCurrent { date: NaiveDate },
    #[error("the run is not held")]
    NotHeld { status: RunStatus },
}

impl Coded for IsolirRunsError {
    fn code(&self) -> Code {
        match self {
            Self::NotCurrent { .. } => Code::NotFound,
            Self::NotHeld { .. } => Code::NotAllowedInState,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotCurrent { date } => serde_json::json!({ "date": date }),
            Self::NotHeld { status } => serde_json::json!({ "state": status }),
        }
    }
}
