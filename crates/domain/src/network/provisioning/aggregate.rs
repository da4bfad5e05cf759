//! State and decisions of the proof: a stale outcome changes nothing, a repeated failure is said once.

use serde::{Deserialize, Serialize};

use super::{
    Access, FailureKind, ProvisioningCommand, ProvisioningConfirmed, ProvisioningError, ProvisioningEvent,
    ProvisioningFailed, RecordConfirmed, RecordFailed,
};
use crate::{Decider, RouterId, aggregate, network::Sha256Hex};

/// The failure that has been said and not been overcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenFailure {
    pub desired_version: u64,
    pub kind: FailureKind,
    pub router: RouterId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Confirmed {
    version: u64,
    access: Access,
    hash: Sha256Hex,
    router: RouterId,
}

/// What is known about one subscription on its router.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Provisioning {
    confirmed: Option<Confirmed>,
    failure: Option<OpenFailure>,
}

aggregate!(Provisioning);

impl Provisioning {
    /// The newest version that a router holds.
    pub fn confirmed_version(&self) -> Option<u64> {
        self.confirmed.as_ref().map(|confirmed| confirmed.version)
    }

    pub const fn failure(&self) -> Option<OpenFailure> {
        self.failure
    }

    fn is_stale(&self, version: u64) -> bool {
        self.confirmed_version()
            .is_some_and(|confirmed| version < confirmed)
    }

    fn confirm(&self, record: RecordConfirmed) -> Result<Vec<ProvisioningEvent>, ProvisioningError> {
        if record.desired_version == 0 {
            return Err(ProvisioningError::VersionZero);
        }
        if record.desired_hash != record.observed_hash {
            return Err(ProvisioningError::ReadBackDiffers);
        }
        let failed_since = self
            .failure
            .is_some_and(|failure| failure.desired_version <= record.desired_version);
        let repeated = !failed_since
            && self.confirmed.as_ref().is_some_and(|confirmed| {
                confirmed.version == record.desired_version
                    && confirmed.hash == record.desired_hash
                    && confirmed.router == record.router
            });
        if repeated || self.is_stale(record.desired_version) {
            return Ok(Vec::new());
        }
        Ok(vec![ProvisioningEvent::Confirmed(ProvisioningConfirmed {
            subscription: record.subscription,
            router: record.router,
            desired_version: record.desired_version,
            access: record.access,
            previous_access: self.confirmed.as_ref().map(|confirmed| confirmed.access),
            desired_hash: record.desired_hash,
            observed_hash: record.observed_hash,
            attempt: record.attempt,
            at: record.at,
        })])
    }

    fn fail(&self, record: RecordFailed) -> Result<Vec<ProvisioningEvent>, ProvisioningError> {
        let RecordFailed {
            subscription,
            router,
            desired_version,
            kind,
            attempt,
            next_try_at,
            at,
        } = record;
        if desired_version == 0 {
            return Err(ProvisioningError::VersionZero);
        }
        let older_than_failure = self
            .failure
            .is_some_and(|failure| desired_version < failure.desired_version);
        let repeated = self.failure
            == Some(OpenFailure {
                desired_version,
                kind,
                router,
            });
        if repeated || older_than_failure || self.is_stale(desired_version) {
            return Ok(Vec::new());
        }
        Ok(vec![ProvisioningEvent::Failed(ProvisioningFailed {
            subscription,
            router,
            desired_version,
            kind,
            attempt,
            next_try_at,
            at,
        })])
    }
}

impl Decider for Provisioning {
    const TYPE: &'static str = "network.provisioning";
    const STATE_VERSION: i32 = 1;
    type Command = ProvisioningCommand;
    type Event = ProvisioningEvent;
    type Error = ProvisioningError;

    fn decide(&self, command: ProvisioningCommand) -> Result<Vec<ProvisioningEvent>, ProvisioningError> {
        match command {
            ProvisioningCommand::RecordConfirmed(record) => self.confirm(record),
            ProvisioningCommand::RecordFailed(record) => self.fail(record),
        }
    }

    fn evolve(&mut self, event: &ProvisioningEvent) {
        match event {
            ProvisioningEvent::Confirmed(confirmed) => {
                self.failure = self
                    .failure
                    .filter(|open| open.desired_version > confirmed.desired_version);
                self.confirmed = Some(Confirmed {
                    version: confirmed.desired_version,
                    access: confirmed.access,
                    hash: confirmed.desired_hash.clone(),
                    router: confirmed.router,
                });
            }
            ProvisioningEvent::Failed(failed) => {
                self.failure = Some(OpenFailure {
                    desired_version: failed.desired_version,
                    kind: failed.kind,
                    router: failed.router,
                });
            }
        }
    }
}
