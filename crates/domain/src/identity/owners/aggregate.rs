//! State and decisions of a tenant's owners.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{OwnerAdded, OwnerRemoved, OwnersCommand, OwnersError, OwnersEvent};
use crate::{Decider, UserId, aggregate};

/// The owners of one tenant. Its id is the tenant's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Owners {
    users: BTreeSet<UserId>,
}

aggregate!(Owners);

impl Owners {
    pub const fn users(&self) -> &BTreeSet<UserId> {
        &self.users
    }
}

impl Decider for Owners {
    const TYPE: &'static str = "identity.owners";
    const STATE_VERSION: i32 = 1;
    type Command = OwnersCommand;
    type Event = OwnersEvent;
    type Error = OwnersError;

    fn decide(&self, command: OwnersCommand) -> Result<Vec<OwnersEvent>, OwnersError> {
        match command {
            OwnersCommand::Add { user, .. } if self.users.contains(&user) => Ok(Vec::new()),
            OwnersCommand::Add { user, at } => Ok(vec![OwnersEvent::Added(OwnerAdded { user, at })]),
            OwnersCommand::Remove { user, .. } if !self.users.contains(&user) => Ok(Vec::new()),
            OwnersCommand::Remove { .. } if self.users.len() == 1 => Err(OwnersError::LastOwner),
            OwnersCommand::Remove { user, at } => Ok(vec![OwnersEvent::Removed(OwnerRemoved { user, at })]),
        }
    }

    fn evolve(&mut self, event: &OwnersEvent) {
        match event {
            OwnersEvent::Added(added) => {
                self.users.insert(added.user);
            }
            OwnersEvent::Removed(removed) => {
                self.users.remove(&removed.user);
            }
        }
    }
}
