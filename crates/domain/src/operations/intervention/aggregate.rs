//! State and decisions of an intervention.

use serde::{Deserialize, Serialize};

use super::{
    Intervene, InterventionCommand, InterventionError, InterventionEvent, StuckDiscarded, StuckRetryOrdered,
};
use crate::{Decider, aggregate};

/// One intervention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Intervention {
    status: InterventionStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum InterventionStatus {
    #[default]
    Absent,
    Made,
}

aggregate!(Intervention);

impl Decider for Intervention {
    const TYPE: &'static str = "operations.intervention";
    const STATE_VERSION: i32 = 1;
    type Command = InterventionCommand;
    type Event = InterventionEvent;
    type Error = InterventionError;

    fn decide(&self, command: InterventionCommand) -> Result<Vec<InterventionEvent>, InterventionError> {
        match (command, self.status) {
            (InterventionCommand::OrderRetry(intervene), InterventionStatus::Absent) => {
                let Intervene {
                    intervention,
                    stuck,
                    reason,
                    by,
                    at,
                } = intervene;
                Ok(vec![InterventionEvent::RetryOrdered(StuckRetryOrdered {
                    intervention,
                    stuck,
                    reason,
                    by,
                    at,
                })])
            }
            (InterventionCommand::Discard(intervene), InterventionStatus::Absent) => {
                let Intervene {
                    intervention,
                    stuck,
                    reason,
                    by,
                    at,
                } = intervene;
                Ok(vec![InterventionEvent::Discarded(StuckDiscarded {
                    intervention,
                    stuck,
                    reason,
                    by,
                    at,
                })])
            }
            (
                InterventionCommand::OrderRetry(_) | InterventionCommand::Discard(_),
                InterventionStatus::Made,
            ) => Err(InterventionError::AlreadyMade),
        }
    }

    fn evolve(&mut self, event: &InterventionEvent) {
        self.status = match event {
            InterventionEvent::RetryOrdered(_) | InterventionEvent::Discarded(_) => InterventionStatus::Made,
        };
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::{
        InterventionId, NoticeId,
        operations::{Reason, Stuck},
    };

    fn intervene() -> Intervene {
        Intervene {
            intervention: InterventionId::new(Uuid::from_u128(1)),
            stuck: Stuck::Notice {
                notice: NoticeId::new(Uuid::from_u128(2)),
            },
            reason: Reason::parse("the gateway was connected again").expect("a reason"),
            by: None,
            at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn an_intervention_is_made_once_and_says_what_and_why() {
        for (command, name) in [
            (
                InterventionCommand::OrderRetry(intervene()),
                "operations.intervention.retry_ordered",
            ),
            (
                InterventionCommand::Discard(intervene()),
                "operations.intervention.discarded",
            ),
        ] {
            let mut intervention = Intervention::default();
            let events = intervention.decide(command.clone()).expect("made");
            let stored = serde_json::to_value(&events[0]).expect("JSON");
            assert_eq!(stored[name]["reason"], "the gateway was connected again");
            assert_eq!(stored[name]["stuck"]["kind"], "notice");
            intervention.evolve(&events[0]);
            assert_eq!(intervention.decide(command), Err(InterventionError::AlreadyMade));
        }
    }
}
