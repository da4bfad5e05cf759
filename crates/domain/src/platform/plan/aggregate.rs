//! State and decisions of a plan.

use serde::{Deserialize, Serialize};

use super::{PlanCommand, PlanDefined, PlanError, PlanEvent, PlanTerms};
use crate::{Decider, aggregate, platform::MAX_NAME_CHARS};

/// One plan; nothing before it was defined.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    terms: Option<PlanTerms>,
}

aggregate!(Plan);

impl Plan {
    /// The terms of today.
    pub const fn terms(&self) -> Option<&PlanTerms> {
        self.terms.as_ref()
    }
}

impl Decider for Plan {
    const TYPE: &'static str = "platform.plan";
    const STATE_VERSION: i32 = 1;
    type Command = PlanCommand;
    type Event = PlanEvent;
    type Error = PlanError;

    fn decide(&self, command: PlanCommand) -> Result<Vec<PlanEvent>, PlanError> {
        match command {
            PlanCommand::Define { terms, at } => {
                if terms.name.trim().is_empty() || terms.name.chars().count() > MAX_NAME_CHARS {
                    return Err(PlanError::NameInvalid);
                }
                if terms.price.get() < 0 {
                    return Err(PlanError::PriceNegative);
                }
                if self.terms.as_ref() == Some(&terms) {
                    return Ok(Vec::new());
                }
                Ok(vec![PlanEvent::Defined(PlanDefined { terms, at })])
            }
        }
    }

    fn evolve(&mut self, event: &PlanEvent) {
        match event {
            PlanEvent::Defined(defined) => self.terms = Some(defined.terms.clone()),
        }
    }
}
