//! What the viewer may still ask for.

use async_graphql::SimpleObject;
use chrono::TimeDelta;

use super::{scalar::DateTime, scope::Scope};

/// Points of the viewer, as of the start of this operation, whose price is already taken. What it does not use is
/// given back (`RateLimit-Remaining` says so).
#[derive(Debug, SimpleObject)]
pub(crate) struct RateLimit {
    /// Points of a budget that has rested.
    limit: i32,
    /// Points that are left.
    remaining: i32,
    /// When the budget is full again if nothing is asked until then.
    reset_at: DateTime,
}

impl RateLimit {
    /// `None` before the operation's price was taken.
    pub(super) fn of(scope: &Scope) -> Option<Self> {
        let left = scope.left()?;
        let points = |points| i32::try_from(points).unwrap_or(i32::MAX);
        let rest = TimeDelta::seconds(left.seconds_to_full().into());
        Some(Self {
            limit: points(left.limit()),
            remaining: points(left.remaining()),
            reset_at: DateTime(scope.state().store().now() + rest),
        })
    }
}
