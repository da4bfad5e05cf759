//! What follows from a handler's outcome, without I/O.

use std::time::Duration;

use crate::backoff::Backoff;

/// Pauses between the tries of a row.
const RETRY: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(15));
/// Tries of a notice: with the pauses above more than three hours.
pub const MAX_TRIES: u32 = 25;

/// What a handler says about a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It had its effect, or needs none. The text is shown to operators.
    Done(String),
    /// Not now: the gateway has to be asked, the store is away.
    Retry(String),
    /// It can never have an effect; a person has to look.
    Failed(String),
}

/// What to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Done(String),
    Retry { after: Duration, error: String },
    Failed(String),
}

/// Judges the `attempts`-th try, from 1, of the row named `key`. `give_up`: whether there is a last try.
pub fn judge(outcome: Outcome, attempts: u32, key: &str, give_up: bool) -> Verdict {
    match outcome {
        Outcome::Done(text) => Verdict::Done(text),
        Outcome::Failed(error) => Verdict::Failed(error),
        Outcome::Retry(error) if give_up && attempts >= MAX_TRIES => {
            Verdict::Failed(format!("given up after {attempts} tries: {error}"))
        }
        Outcome::Retry(error) => Verdict::Retry {
            after: RETRY.spread(attempts.max(1), key),
            error,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_tried_again_with_growing_pauses_and_at_last_shown() {
        let retry = Outcome::Retry("not now".to_owned());
        let Verdict::Retry { after, .. } = judge(retry.clone(), 3, "ntc_1", true) else {
            panic!("expected another try");
        };
        assert!(after >= Duration::from_millis(3_200) && after <= Duration::from_millis(4_800));
        assert!(matches!(
            judge(retry, MAX_TRIES, "ntc_1", true),
            Verdict::Failed(_)
        ));
    }

    #[test]
    fn a_timer_is_never_given_up() {
        let retry = Outcome::Retry("not now".to_owned());
        assert!(matches!(
            judge(retry, 1_000, "tmr_1", false),
            Verdict::Retry { .. }
        ));
    }
}
