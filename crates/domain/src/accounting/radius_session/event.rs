//! What happened to a session. Nothing of it names a person: whose it is follows from the line.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    RadiusSessionId, RouterId, SubscriptionId,
    accounting::{Cause, Usage},
    stored_events,
};

/// Events of `accounting.radius_session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RadiusSessionEvent {
    #[serde(rename = "accounting.radius_session.started")]
    Started(Started),
    #[serde(rename = "accounting.radius_session.usage_recorded")]
    UsageRecorded(UsageRecorded),
    #[serde(rename = "accounting.radius_session.stopped")]
    Stopped(Stopped),
    #[serde(rename = "accounting.radius_session.end_corrected")]
    EndCorrected(EndCorrected),
}

stored_events!(RadiusSessionEvent {
    Started => "accounting.radius_session.started", "1";
    UsageRecorded => "accounting.radius_session.usage_recorded", "1";
    Stopped => "accounting.radius_session.stopped", "1";
    EndCorrected => "accounting.radius_session.end_corrected", "1";
});

/// A line came online.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Started {
    pub session: RadiusSessionId,
    pub router: RouterId,
    /// The line that had the user name on this router; none if nobody had.
    pub subscription: Option<SubscriptionId>,
    pub started_at: DateTime<Utc>,
    /// The router said when; else it follows from how long the session had lasted.
    pub told: bool,
}

/// What the session transferred since it began. After its end: what was told late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsageRecorded {
    pub session: RadiusSessionId,
    pub router: RouterId,
    pub subscription: Option<SubscriptionId>,
    /// Since the beginning, not since the last event.
    pub usage: Usage,
    /// Up to when, by the router's time. Of a session whose end was concluded this is the end.
    pub at: DateTime<Utc>,
}

/// A line went offline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stopped {
    pub session: RadiusSessionId,
    pub router: RouterId,
    pub subscription: Option<SubscriptionId>,
    pub cause: Cause,
    /// The router said so; else it was concluded, and is when the session was last heard of.
    pub told: bool,
    pub stopped_at: DateTime<Utc>,
    pub usage: Usage,
}

/// The router told the end of a session whose end had been concluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndCorrected {
    pub session: RadiusSessionId,
    pub router: RouterId,
    pub subscription: Option<SubscriptionId>,
    pub cause: Cause,
    pub stopped_at: DateTime<Utc>,
    pub usage: Usage,
}
