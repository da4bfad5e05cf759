//! What can be said of a session.

use super::{EndCorrected, Started, Stopped, UsageRecorded};

/// Commands of `accounting.radius_session`: what [`crate::accounting::Book`] found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RadiusSessionCommand {
    Start(Started),
    RecordUsage(UsageRecorded),
    Stop(Stopped),
    CorrectEnd(EndCorrected),
}
