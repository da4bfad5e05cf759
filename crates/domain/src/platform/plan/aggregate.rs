//! State and decisions of a plan.

use serde::{Deserialize, Serialize};

use super::{PlanCommand, PlanDefined, PlanError, PlanEvent, PlanRetired, PlanTerms};
use crate::{Decider, aggregate, platform::MAX_NAME_CHARS};

/// One plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Plan {
    #[default]
    Absent,
    Offered(PlanTerms),
    Retired(PlanTerms),
}

aggregate!(Plan);

impl Plan {
    /// The terms of today, for whoever is on the plan already.
    pub const fn terms(&self) -> Option<&PlanTerms> {
        match self {
            Self::Absent => None,
            Self::Offered(terms) | Self::Retired(terms) => Some(terms),
        }
    }

    /// The terms of today, for whoever comes to the plan.
    pub const fn on_offer(&self) -> Result<Option<&PlanTerms>, PlanError> {
        match self {
            Self::Absent => Ok(None),
            Self::Offered(terms) => Ok(Some(terms)),
            Self::Retired(_) => Err(PlanError::Retired),
        }
    }
}

fn check(terms: &PlanTerms) -> Result<(), PlanError> {
    if terms.name.trim().is_empty() || terms.name.chars().count() > MAX_NAME_CHARS {
        return Err(PlanError::NameInvalid);
    }
    if terms.price.get() < 0 {
        return Err(PlanError::PriceNegative);
    }
    Ok(())
}

impl Decider for Plan {
    const TYPE: &'static str = "platform.plan";
    const STATE_VERSION: i32 = 2;
    type Command = PlanCommand;
    type Event = PlanEvent;
    type Error = PlanError;

    fn decide(&self, command: PlanCommand) -> Result<Vec<PlanEvent>, PlanError> {
        match (self, command) {
            (Self::Offered(offered), PlanCommand::Define { terms, .. }) if *offered == *terms => {
                Ok(Vec::new())
            }
            (Self::Absent | Self::Offered(_) | Self::Retired(_), PlanCommand::Define { terms, at }) => {
                check(&terms)?;
                Ok(vec![PlanEvent::Defined(PlanDefined { terms: *terms, at })])
            }
            (Self::Retired(terms), PlanCommand::Offer { at }) => {
                let terms = terms.clone();
                Ok(vec![PlanEvent::Defined(PlanDefined { terms, at })])
            }
            (Self::Offered(terms), PlanCommand::Retire { at }) => {
                let key = terms.key.clone();
                Ok(vec![PlanEvent::Retired(PlanRetired { key, at })])
            }
            (Self::Offered(_), PlanCommand::Offer { .. })
            | (Self::Retired(_), PlanCommand::Retire { .. }) => Ok(Vec::new()),
            (Self::Absent, PlanCommand::Offer { .. } | PlanCommand::Retire { .. }) => {
                Err(PlanError::NotFound)
            }
        }
    }

    fn evolve(&mut self, event: &PlanEvent) {
        match event {
            PlanEvent::Defined(defined) => *self = Self::Offered(defined.terms.clone()),
            PlanEvent::Retired(_) => {
                if let Self::Offered(terms) = self {
                    *self = Self::Retired(terms.clone());
                }
            }
        }
    }
}
