//! State and decisions of an add-on.

use serde::{Deserialize, Serialize};

use super::{AddOnCommand, AddOnDefined, AddOnError, AddOnEvent, AddOnRetired, AddOnTerms};
use crate::{Decider, aggregate, platform::MAX_NAME_CHARS};

/// One add-on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum AddOn {
    #[default]
    Absent,
    Offered(AddOnTerms),
    Retired(AddOnTerms),
}

aggregate!(AddOn);

impl AddOn {
    /// The terms on which it can be asked for, if it can.
    pub const fn on_offer(&self) -> Option<&AddOnTerms> {
        match self {
            Self::Offered(terms) => Some(terms),
            Self::Absent | Self::Retired(_) => None,
        }
    }
}

fn check(terms: &AddOnTerms) -> Result<(), AddOnError> {
    if terms.name.trim().is_empty() || terms.name.chars().count() > MAX_NAME_CHARS {
        return Err(AddOnError::NameInvalid);
    }
    if terms.price.get() < 0 {
        return Err(AddOnError::PriceNegative);
    }
    let nothing = terms.grants.features.is_empty() && terms.grants.limits.values().all(|more| *more == 0);
    if nothing {
        Err(AddOnError::GrantsNothing)
    } else {
        Ok(())
    }
}

impl Decider for AddOn {
    const TYPE: &'static str = "platform.add_on";
    const STATE_VERSION: i32 = 1;
    type Command = AddOnCommand;
    type Event = AddOnEvent;
    type Error = AddOnError;

    fn decide(&self, command: AddOnCommand) -> Result<Vec<AddOnEvent>, AddOnError> {
        match (self, command) {
            (Self::Offered(offered), AddOnCommand::Define { terms, .. }) if *offered == *terms => {
                Ok(Vec::new())
            }
            (Self::Absent | Self::Offered(_) | Self::Retired(_), AddOnCommand::Define { terms, at }) => {
                check(&terms)?;
                Ok(vec![AddOnEvent::Defined(AddOnDefined { terms: *terms, at })])
            }
            (Self::Offered(terms), AddOnCommand::Retire { at }) => {
                let key = terms.key.clone();
                Ok(vec![AddOnEvent::Retired(AddOnRetired { key, at })])
            }
            (Self::Retired(_), AddOnCommand::Retire { .. }) => Ok(Vec::new()),
            (Self::Absent, AddOnCommand::Retire { .. }) => Err(AddOnError::NotFound),
        }
    }

    fn evolve(&mut self, event: &AddOnEvent) {
        match event {
            AddOnEvent::Defined(defined) => *self = Self::Offered(defined.terms.clone()),
            AddOnEvent::Retired(_) => {
                if let Self::Offered(terms) = self {
                    *self = Self::Retired(terms.clone());
                }
            }
        }
    }
}
