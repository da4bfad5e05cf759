//! One service line.

mod absence;
mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;
mod username;

pub use aggregate::{OverdueMark, Subscription, SubscriptionStatus};
pub use command::{IsolirHold, NoteOverdue, OpenSubscription, SubscriptionCommand};
pub use error::SubscriptionError;
pub use event::{
    IsolirLifted, OverdueCleared, OverdueNoted, PlanChanged, SecretChanged, SubscriptionActivated,
    SubscriptionEvent, SubscriptionIsolated, SubscriptionOpened, SubscriptionResumed, SubscriptionStopped,
    SubscriptionSuspended, SubscriptionTerminated,
};
pub use username::{PppUsername, PppUsernameError};
