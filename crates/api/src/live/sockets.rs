//! How many live connections each user holds, on all instances together.
//!
//! This instance counts its own; those of others are in the database ([`simpul_event_store::inline::seat`]). While that does
//! not answer, or this process has no name there, only its own count.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use simpul_domain::{TenantId, UserId};
use simpul_event_store::inline::seat::{self, Taken};

use crate::{ApiState, auth::Viewer};

/// Live connections of one user.
pub(super) const MAX_PER_USER: usize = 10;
/// How long somebody waits for the others to be counted.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two attempts to give a seat back.
const PAUSE: Duration = Duration::from_secs(5);

/// Those of this instance.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sockets(Arc<Mutex<HashMap<(TenantId, UserId), usize>>>);

/// One of them; dropping it gives it back.
#[derive(Debug)]
struct Place {
    sockets: Sockets,
    of: (TenantId, UserId),
}

/// A place, and the seat that others count.
#[derive(Debug)]
pub(crate) struct Seat {
    _place: Place,
    shared: Option<(ApiState, seat::Seat)>,
}

impl Sockets {
    /// A seat for one more; `None` when the user holds as many as there may be.
    pub(crate) async fn sit(&self, state: &ApiState, viewer: Viewer) -> Option<Seat> {
        let (place, mine) = self.place(viewer)?;
        let work = state.clone();
        let seat = seat::Seat {
            tenant: viewer.tenant,
            user: viewer.user,
            seat: state.store().ids().next(),
        };
        // From here on it is given back, whether or not it was seen to be taken.
        let mut held = Seat {
            _place: place,
            shared: Some((state.clone(), seat)),
        };
        let taken = state.detached(async move {
            let taken = seat::take(work.store(), seat, mine, MAX_PER_USER).await;
            Ok(taken?)
        });
        match tokio::time::timeout(PATIENCE, taken).await {
            Ok(Ok(Taken::Yes)) => {}
            Ok(Ok(Taken::No)) => {
                held.shared = None;
                return None;
            }
            Ok(Ok(Taken::Unnamed)) => held.shared = None,
            Ok(Err(_)) | Err(_) => tracing::warn!("a live connection is counted by this instance alone"),
        }
        Some(held)
    }

    fn place(&self, viewer: Viewer) -> Option<(Place, usize)> {
        let of = (viewer.tenant, viewer.user);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(of).or_default();
        if *count >= MAX_PER_USER {
            return None;
        }
        *count += 1;
        let mine = *count;
        drop(counts);
        let sockets = self.clone();
        Some((Place { sockets, of }, mine))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.sockets.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.of);
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((state, seat)) = self.shared.take() else {
            return;
        };
        // The seats of a process that stops go with it.
        if !state.stop.is_cancelled()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let tasks = state.tasks.clone();
            tasks.spawn_on(leave(state, seat), &runtime);
        }
    }
}

/// Tries until it has come to pass.
async fn leave(state: ApiState, seat: seat::Seat) {
    while let Err(error) = seat::leave(state.store(), seat).await {
        tracing::debug!(%error, "a seat is not given back yet");
        tokio::select! {
            () = state.stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_user_holds_ten_here_and_gets_back_what_ended() {
        let sockets = Sockets::default();
        let viewer = |user| Viewer {
            user: UserId::new(Uuid::from_u128(user)),
            tenant: TenantId::PLATFORM,
        };
        let mut places: Vec<_> = (0..MAX_PER_USER).map(|_| sockets.place(viewer(1))).collect();
        assert!(places.iter().all(Option::is_some));
        assert!(sockets.place(viewer(1)).is_none());
        assert!(sockets.place(viewer(2)).is_some());
        places.pop();
        assert!(sockets.place(viewer(1)).is_some());
        places.clear();
        assert!(sockets.0.lock().expect("lock").is_empty());
    }
}
