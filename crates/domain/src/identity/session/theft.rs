//! What follows when one of a session's refresh tokens comes twice: the session has ended in its row, and a timer that was
//! put in the same transaction has its stream say so, should whoever noticed it die first.

use crate::policy::{Intent, TimerKind};

/// What the timer wants; nothing when it is another one.
pub const fn on_timer(kind: &TimerKind) -> Option<Intent> {
    match *kind {
        TimerKind::SessionStolen { session } => Some(Intent::EndStolenSession { session }),
        _ => None,
    }
}
