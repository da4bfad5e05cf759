//! Word of how far this process' subscribers have come, for readers that wait. It may be lost, and says nothing of other
//! processes: whoever waits looks for himself now and then.

use std::{sync::Arc, time::Duration};

use simpul_domain::TenantId;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::timeout,
};

use super::projection;

/// Words kept for a slow listener before it is told to look.
const CAPACITY: usize = 1024;

/// A subscriber has moved.
#[derive(Debug, Clone)]
struct Moved {
    subscriber: Arc<str>,
    tenant: TenantId,
    seq: i64,
}

/// Fan-out within a process.
#[derive(Debug, Clone)]
pub(crate) struct Progress(broadcast::Sender<Moved>);

impl Default for Progress {
    fn default() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }
}

impl Progress {
    pub(super) fn tell(&self, subscriber: &Arc<str>, tenant: TenantId, seq: i64) {
        // Nobody waiting is fine.
        let _ = self.0.send(Moved {
            subscriber: Arc::clone(subscriber),
            tenant,
            seq,
        });
    }

    pub(super) fn listen(&self) -> Waiting {
        Waiting(self.0.subscribe())
    }
}

/// One who waits. What is said from now on is heard.
#[derive(Debug)]
pub(super) struct Waiting(broadcast::Receiver<Moved>);

impl Waiting {
    /// Returns when one of these projections has reached a position, when that may have been missed, or in time.
    pub(super) async fn reached(&mut self, tenant: TenantId, projections: &[&str], seq: i64, time: Duration) {
        let heard = async {
            loop {
                match self.0.recv().await {
                    Ok(moved) => {
                        let name = projection::parse_subscriber(&moved.subscriber).map(|(name, _)| name);
                        let meant = name.is_some_and(|name| projections.contains(&name));
                        if meant && moved.tenant == tenant && moved.seq >= seq {
                            return;
                        }
                    }
                    Err(RecvError::Lagged(_)) => return,
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        // Being late is as good a reason to look.
        let _ = timeout(time, heard).await;
    }
}
