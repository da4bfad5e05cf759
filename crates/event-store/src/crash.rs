//! Crash points: the places between two steps at which a development build can be told to die as by `kill -9`.
//!
//! The list is closed, and a test walks all of it: whatever step a process dies after, the next one ends the job, and
//! nothing happens twice. In a release build a point is nothing.

use std::str::FromStr;

macro_rules! points {
    ($($(#[doc = $doc:literal])+ $point:ident => $name:literal;)+) => {
        /// Between which two steps.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Point {
            $($(#[doc = $doc])+ $point,)+
        }

        impl Point {
            pub const ALL: &[Self] = &[$(Self::$point),+];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)+
                }
            }
        }
    };
}

points! {
    /// A notice is proven, and not stored.
    NoticeProven => "notice.proven";
    /// A notice is stored, and its sender not answered.
    NoticeStored => "notice.stored";
    /// A notice is leased, and nothing is decided.
    NoticeLeased => "notice.leased";
    /// A notice is booked, and its worker does not know.
    NoticeBooked => "notice.booked";
    /// A command has decided, and nothing is appended.
    CommandDecided => "command.decided";
    /// A command's events are in its transaction, and not committed.
    CommandAppended => "command.appended";
    /// A command is committed, and nobody has a hint.
    CommandCommitted => "command.committed";
    /// A read model's rows are written, and its cursor not moved.
    ProjectorApplied => "projector.applied";
    /// A read model's rows and cursor are committed.
    ProjectorCommitted => "projector.committed";
    /// A reactor has acted, and its cursor not moved.
    ReactorReacted => "reactor.reacted";
    /// A reactor's cursor is committed.
    ReactorCommitted => "reactor.committed";
    /// A batch is with the broker, which has not confirmed it.
    RelayPublished => "relay.published";
    /// A batch is confirmed, and the relay's cursor not moved.
    RelayConfirmed => "relay.confirmed";
    /// A consumer's effect is written, and not committed.
    ConsumerHandled => "consumer.handled";
    /// A consumer's effect is committed, and its message not acknowledged.
    ConsumerCommitted => "consumer.committed";
    /// A timer is leased, and nothing is decided.
    TimerLeased => "timer.leased";
    /// A timer's command is carried out, and the timer still there.
    TimerCarriedOut => "timer.carried_out";
    /// An item of a job is carried out, and the next one not begun.
    JobItemDone => "job.item_done";
    /// The isolir is decided, and not appended.
    IsolirDecided => "isolir.decided";
    /// The isolir is committed, and its policy's cursor or timer not moved.
    IsolirCommitted => "isolir.committed";
    /// The end of the isolir is decided, and not appended.
    UnisolirDecided => "unisolir.decided";
    /// The end of the isolir is committed, and its policy's cursor not moved.
    UnisolirCommitted => "unisolir.committed";
    /// A lane is leased, and its router not called.
    LaneLeased => "lane.leased";
    /// The router was looked at, and not changed.
    LaneRead => "lane.read";
    /// The router has changed, and was not read back.
    LaneApplied => "lane.applied";
    /// The old session is ended, and nobody has looked whether it is gone.
    LaneKicked => "lane.kicked";
    /// The router was read back, and the proof not recorded.
    LaneProved => "lane.proved";
    /// The proof is recorded, and the lane not confirmed.
    LaneRecorded => "lane.recorded";
    /// A message and its parcel are committed, and their policy's cursor not moved.
    ParcelPlanned => "parcel.planned";
    /// A parcel is leased, and its try not begun.
    ParcelLeased => "parcel.leased";
    /// A try is begun, and the message not handed over.
    ParcelBegun => "parcel.begun";
    /// The message is handed over, and the outcome not recorded.
    ParcelSent => "parcel.sent";
    /// The outcome is recorded, and the parcel not ended.
    ParcelRecorded => "parcel.recorded";
    /// An attempt to pay is planned, and the gateway not asked.
    AttemptPlanned => "attempt.planned";
    /// The gateway has opened a checkout, and it is not recorded.
    AttemptAsked => "attempt.asked";
    /// The checkout is recorded, and the payer not answered.
    AttemptRecorded => "attempt.recorded";
    /// The gateway was asked what became of a checkout, and its answer is not booked.
    PollAnswered => "poll.answered";
}

/// A name that is not in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such crash point")]
pub struct UnknownPoint;

impl FromStr for Point {
    type Err = UnknownPoint;

    fn from_str(name: &str) -> Result<Self, UnknownPoint> {
        let found = Self::ALL.iter().find(|point| point.name() == name);
        found.copied().ok_or(UnknownPoint)
    }
}

/// Ends the process here if it was told to.
#[inline]
pub fn point(point: Point) {
    #[cfg(debug_assertions)]
    armed::pass(point);
    #[cfg(not(debug_assertions))]
    let _ = point;
}

#[cfg(debug_assertions)]
pub use armed::arm;

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;

    use nix::{
        sys::signal::{Signal, kill},
        unistd::getpid,
    };

    use super::Point;

    static ARMED: OnceLock<Point> = OnceLock::new();

    /// Tells this process to die when it first passes `point`. Development builds only.
    pub fn arm(point: Point) {
        ARMED.get_or_init(|| point);
    }

    pub(super) fn pass(point: Point) {
        if ARMED.get() == Some(&point) {
            // Nothing after this line runs: no destructor, no last word.
            let _ = kill(getpid(), Signal::SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_found_by_its_own_name() {
        for point in Point::ALL {
            assert_eq!(point.name().parse(), Ok(*point));
        }
        assert_eq!("nowhere".parse::<Point>(), Err(UnknownPoint));
    }
}
