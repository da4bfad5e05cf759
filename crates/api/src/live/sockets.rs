//! How many live connections each user holds on this instance.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use simpul_domain::{TenantId, UserId};

use crate::auth::Viewer;

/// Live connections of one user.
const MAX_PER_USER: usize = 10;

/// Counts them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sockets(Arc<Mutex<HashMap<(TenantId, UserId), usize>>>);

/// One of them; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Seat {
    sockets: Sockets,
    of: (TenantId, UserId),
}

impl Sockets {
    /// A place for one more; `None` when the user holds as many as there may be.
    pub(crate) fn sit(&self, viewer: Viewer) -> Option<Seat> {
        let of = (viewer.tenant, viewer.user);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(of).or_default();
        if *count >= MAX_PER_USER {
            return None;
        }
        *count += 1;
        drop(counts);
        let sockets = self.clone();
        Some(Seat { sockets, of })
    }
}

impl Drop for Seat {
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_user_holds_ten_and_gets_back_what_ended() {
        let sockets = Sockets::default();
        let viewer = |user| Viewer {
            user: UserId::new(Uuid::from_u128(user)),
            tenant: TenantId::PLATFORM,
        };
        let mut seats: Vec<_> = (0..MAX_PER_USER).map(|_| sockets.sit(viewer(1))).collect();
        assert!(seats.iter().all(Option::is_some));
        assert!(sockets.sit(viewer(1)).is_none());
        assert!(sockets.sit(viewer(2)).is_some());
        seats.pop();
        assert!(sockets.sit(viewer(1)).is_some());
        seats.clear();
        assert!(sockets.0.lock().expect("lock").is_empty());
    }
}
