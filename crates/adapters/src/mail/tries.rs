//! How often a letter is tried, without I/O.

use std::time::Duration;

use super::Undelivered;
use crate::backoff::Backoff;

/// Tries of one letter (Property 60).
pub const MAX_TRIES: u32 = 3;
/// A reset secret is good for half an hour: three tries are over long before.
const RETRY: Backoff = Backoff::new(Duration::from_mins(1), Duration::from_mins(10));

/// What to do with a letter that was leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Write down that the n-th try begins, and make it.
    Try { number: u32 },
    /// The last try left no record: whether it went, a person may find out.
    Unknown,
}

/// `begun`: number of the last try that was written down.
pub(super) const fn start(begun: u32) -> Start {
    if begun < MAX_TRIES {
        Start::Try { number: begun + 1 }
    } else {
        Start::Unknown
    }
}

/// How a try ends for its letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    Sent,
    Again {
        after: Duration,
        reason: String,
    },
    Failed {
        reason: String,
    },
    /// For good: no other try was made.
    Refused {
        reason: String,
    },
}

/// After the n-th try.
pub(super) fn end(number: u32, outcome: Result<(), Undelivered>) -> Ending {
    match outcome {
        Ok(()) => Ending::Sent,
        Err(Undelivered {
            reason,
            for_good: true,
        }) => Ending::Refused { reason },
        Err(Undelivered { reason, .. }) if number < MAX_TRIES => Ending::Again {
            after: RETRY.after(number),
            reason,
        },
        Err(Undelivered { reason, .. }) => Ending::Failed { reason },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What can become of one try.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Fate {
        Sent,
        /// Not now.
        Deferred,
        /// For good.
        Refused,
        /// The process died after it had begun: nothing was recorded.
        Died,
    }

    #[test]
    fn the_pauses_between_three_tries_are_one_and_two_minutes() {
        let deferred = || Err(Undelivered::new("451"));
        let pause = |number| match end(number, deferred()) {
            Ending::Again { after, .. } => Some(after),
            Ending::Sent | Ending::Failed { .. } | Ending::Refused { .. } => None,
        };
        assert_eq!(pause(1), Some(Duration::from_mins(1)));
        assert_eq!(pause(2), Some(Duration::from_mins(2)));
        assert_eq!(pause(3), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        // Property 60: a failed e-mail is tried three times and then marked failed, wherever a worker dies.
        #[test]
        fn a_letter_is_tried_at_most_three_times_and_then_waits_for_a_person(
            fates in prop::collection::vec(
                prop::sample::select(vec![Fate::Sent, Fate::Deferred, Fate::Deferred, Fate::Refused, Fate::Died]), 4,
            ),
        ) {
            let (mut begun, mut tried) = (0, Vec::new());
            let mut last = None;
            for fate in fates {
                let Start::Try { number } = start(begun) else { break };
                begun = number;
                tried.push(fate);
                let outcome = match fate {
                    Fate::Died => continue,
                    Fate::Sent => Ok(()),
                    Fate::Deferred => Err(Undelivered::new("451")),
                    Fate::Refused => Err(Undelivered::for_good("550")),
                };
                let ending = end(number, outcome);
                let is_over = !matches!(ending, Ending::Again { .. });
                last = Some(ending);
                if is_over { break }
            }
            prop_assert!(tried.len() <= 3);
            match tried.last() {
                Some(Fate::Sent) => prop_assert_eq!(last, Some(Ending::Sent)),
                Some(Fate::Refused) => {
                    let refused = matches!(last, Some(Ending::Refused { .. }));
                    prop_assert!(refused, "{:?} is tried again", tried);
                }
                Some(Fate::Deferred) => {
                    prop_assert_eq!(tried.len(), 3, "{:?} ended early", tried);
                    let failed = matches!(last, Some(Ending::Failed { .. }));
                    prop_assert!(failed);
                }
                Some(Fate::Died) | None => prop_assert_eq!(start(begun), Start::Unknown),
            }
        }
    }
}
