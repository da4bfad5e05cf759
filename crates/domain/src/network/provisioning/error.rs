//! Why an outcome is not recorded.

use crate::{Code, Coded};

/// Refusals of `network.provisioning`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProvisioningError {
    /// A read-back that differs is no confirmation.
    #[error("what was read back is not what was wanted")]
    ReadBackDiffers,
    /// Versions begin at 1.
    #[error("there is no desired version 0")]
    VersionZero,
}

impl Coded for ProvisioningError {
    fn code(&self) -> Code {
        match self {
            Self::ReadBackDiffers => Code::Conflict,
            Self::VersionZero => Code::ValidationError,
        }
    }
}
