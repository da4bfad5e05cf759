//! One try of one parcel, without I/O.

use std::time::Duration;

use simpul_domain::messaging::sender::{OutboundMessage, RejectionKind, SendOutcome};

use super::{Content, Ready, Report, Settled};
use crate::backoff::Backoff;

/// Tries of one message.
pub const MAX_TRIES: u32 = 3;
const RETRY: Backoff = Backoff::new(Duration::from_secs(30), Duration::from_mins(10));
/// Looks at content that cannot be read, within one lease.
const MAX_LOOKS: u32 = 40;
const LOOK_AGAIN_MS: u64 = 250;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Begin,
    Content(Content),
    /// The content cannot be read now.
    NoContent,
    Waited,
    /// It is written down that the message is about to be sent.
    Begun,
    NotBegun,
    Sent(SendOutcome),
    Recorded,
    /// The report was not taken.
    NotRecorded,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    AskContent,
    Wait {
        ms: u64,
    },
    /// Write down that the message is about to be sent for the n-th time: a begun try without a record may have sent it.
    Begin {
        number: u32,
    },
    Send(OutboundMessage),
    Record(Report),
    End(Ending),
}

/// How a try ends for the parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Done,
    /// `sender`: the device is in trouble, not the message.
    Retry {
        after: Duration,
        reason: String,
        sender: bool,
    },
    Failed {
        reason: String,
        sender: bool,
    },
    Unknown,
    /// Nothing is written: the lease runs out, and what is known then decides.
    LeaseRunsOut,
}

/// The state of one try.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Leases of the parcel so far, this one included.
    attempts: u32,
    /// Number of the last try that was begun.
    begun: u32,
    failed_tries: u32,
    looks: u32,
    message: Option<OutboundMessage>,
    ending: Option<Ending>,
}

impl Machine {
    pub const fn new(attempts: u32, begun: u32) -> Self {
        Self {
            attempts,
            begun,
            failed_tries: 0,
            looks: 0,
            message: None,
            ending: None,
        }
    }

    /// Takes what happened and says what to do next. After [`Effect::End`] there is no next step.
    pub fn step(&mut self, input: Input) -> Effect {
        match input {
            Input::Begin | Input::Waited => Effect::AskContent,
            Input::NoContent => self.look_again(),
            Input::Content(content) => self.content(content),
            Input::Begun => self
                .message
                .take()
                .map_or(Effect::End(Ending::LeaseRunsOut), Effect::Send),
            Input::Sent(outcome) => self.sent(outcome),
            Input::Recorded => Effect::End(self.ending.take().unwrap_or(Ending::LeaseRunsOut)),
            Input::NotBegun | Input::NotRecorded => Effect::End(Ending::LeaseRunsOut),
        }
    }

    fn look_again(&mut self) -> Effect {
        self.looks += 1;
        if self.looks < MAX_LOOKS {
            Effect::Wait { ms: LOOK_AGAIN_MS }
        } else {
            self.unread()
        }
    }

    /// Of a message that cannot be read nothing can be recorded that counts as one of its tries: a try that was begun
    /// and left no record would be taken for one that failed.
    fn unread(&mut self) -> Effect {
        let reason = "its content cannot be read".to_owned();
        if self.attempts < MAX_TRIES {
            return Effect::End(Ending::Retry {
                after: RETRY.after(self.attempts),
                reason,
                sender: false,
            });
        }
        if self.begun > 0 {
            return self.end(Report::Unknown, Ending::Unknown);
        }
        self.failed(reason, false, false)
    }

    fn content(&mut self, content: Content) -> Effect {
        match content {
            Content::Ready(Ready {
                message,
                failed_tries,
            }) => {
                self.failed_tries = failed_tries;
                if self.begun > failed_tries {
                    // That try has left no record: it may have sent.
                    return self.end(Report::Unknown, Ending::Unknown);
                }
                self.message = Some(message);
                Effect::Begin {
                    number: failed_tries.saturating_add(1),
                }
            }
            Content::Settled(Settled::Sent) => Effect::End(Ending::Done),
            Content::Settled(Settled::Unknown) => Effect::End(Ending::Unknown),
            // The parcel ends as its message has, or a person could not find it.
            Content::Settled(Settled::Failed) => Effect::End(Ending::Failed {
                reason: "given up, as it is recorded".to_owned(),
                sender: false,
            }),
            Content::Unwanted { reason } | Content::Impossible { reason } => {
                self.failed(reason, false, false)
            }
        }
    }

    fn sent(&mut self, outcome: SendOutcome) -> Effect {
        match outcome {
            SendOutcome::Accepted { provider_ids } => {
                self.end(Report::Accepted { provider_ids }, Ending::Done)
            }
            SendOutcome::Unknown => self.end(Report::Unknown, Ending::Unknown),
            SendOutcome::Rejected(rejection) => {
                let sender = is_senders(rejection.kind);
                self.failed(rejection.reason, rejection.kind.may_retry(), sender)
            }
        }
    }

    fn failed(&mut self, reason: String, may_retry: bool, sender: bool) -> Effect {
        let tries = self.failed_tries.max(self.attempts.saturating_sub(1)) + 1;
        let is_final = !may_retry || tries >= MAX_TRIES;
        let report = Report::Failed {
            reason: reason.clone(),
            is_final,
        };
        let ending = if is_final {
            Ending::Failed { reason, sender }
        } else {
            Ending::Retry {
                after: RETRY.after(tries),
                reason,
                sender,
            }
        };
        self.end(report, ending)
    }

    fn end(&mut self, report: Report, ending: Ending) -> Effect {
        self.ending = Some(ending);
        Effect::Record(report)
    }
}

/// Whether the refusal is about the device and would meet the next message as well.
const fn is_senders(kind: RejectionKind) -> bool {
    match kind {
        RejectionKind::Credentials
        | RejectionKind::Quota
        | RejectionKind::DeviceOffline
        | RejectionKind::RateLimited
        | RejectionKind::Unreachable => true,
        RejectionKind::Recipient | RejectionKind::Content | RejectionKind::Other => false,
    }
}

#[cfg(test)]
mod tests;
