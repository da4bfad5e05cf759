//! A table of leased rows, as `event-store/src/inline/lease.rs` has them: timers, parcels, lanes and notices.
//!
//! A row is taken when nobody holds it, when its lease is over, or when its holder is known to be gone; every lease
//! has a new epoch, and what is written under an older one is [`Fenced`].

use std::collections::{BTreeMap, BTreeSet};

use simpul_domain::TenantId;
use uuid::Uuid;

use crate::world::Holder;

/// Somebody else holds the row, or nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("fenced")]
pub struct Fenced;

/// What rows are about.
pub trait Body: Clone {
    /// Whether something is left to be done.
    fn is_open(&self) -> bool;
    /// What a lease changes.
    fn taken(&mut self) {}
}

/// Who asks for leases, and when, by its own clock.
#[derive(Debug, Clone, Copy)]
pub struct Taker {
    pub now_ms: i64,
    pub holder: Holder,
}

/// One row.
#[derive(Debug, Clone)]
pub struct Row<B> {
    pub body: B,
    pub due_ms: i64,
    pub attempts: u32,
    pub epoch: u64,
    lease: Option<(i64, Holder)>,
}

/// A row that somebody holds.
#[derive(Debug, Clone)]
pub struct Leased<B> {
    pub tenant: TenantId,
    pub key: Uuid,
    pub body: B,
    pub due_ms: i64,
    pub attempts: u32,
    pub epoch: u64,
}

/// One table.
#[derive(Debug, Clone)]
pub struct Queue<B> {
    rows: BTreeMap<(TenantId, Uuid), Row<B>>,
    /// Rows that are open, so that looking is cheap.
    open: BTreeSet<(TenantId, Uuid)>,
    /// A planted bug: writing under an older lease is allowed.
    pub unfenced: bool,
}

impl<B> Default for Queue<B> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            open: BTreeSet::new(),
            unfenced: false,
        }
    }
}

impl<B: Body> Queue<B> {
    pub fn get(&self, tenant: TenantId, key: Uuid) -> Option<&Row<B>> {
        self.rows.get(&(tenant, key))
    }

    pub fn rows(&self) -> impl Iterator<Item = (TenantId, Uuid, &Row<B>)> {
        self.rows.iter().map(|((tenant, key), row)| (*tenant, *key, row))
    }

    /// Puts a row, or says that there is one already.
    pub fn put(&mut self, tenant: TenantId, key: Uuid, body: B, due_ms: i64) -> bool {
        if self.rows.contains_key(&(tenant, key)) {
            return false;
        }
        let row = Row {
            body,
            due_ms,
            attempts: 0,
            epoch: 0,
            lease: None,
        };
        self.rows.insert((tenant, key), row);
        self.noted(tenant, key);
        true
    }

    pub fn remove(&mut self, tenant: TenantId, key: Uuid) {
        self.rows.remove(&(tenant, key));
        self.open.remove(&(tenant, key));
    }

    /// Changes a row whoever holds it.
    pub fn change(&mut self, tenant: TenantId, key: Uuid, act: impl FnOnce(&mut Row<B>)) {
        if let Some(row) = self.rows.get_mut(&(tenant, key)) {
            act(row);
            self.noted(tenant, key);
        }
    }

    fn noted(&mut self, tenant: TenantId, key: Uuid) {
        let key = (tenant, key);
        if self.rows.get(&key).is_some_and(|row| row.body.is_open()) {
            self.open.insert(key);
        } else {
            self.open.remove(&key);
        }
    }

    fn is_free(row: &Row<B>, now_ms: i64, gone: &BTreeSet<Holder>) -> bool {
        row.lease
            .is_none_or(|(until_ms, holder)| until_ms <= now_ms || gone.contains(&holder))
    }

    /// Tenants with due rows that are free.
    pub fn due(&self, now_ms: i64, gone: &BTreeSet<Holder>) -> Vec<TenantId> {
        let mut found: Vec<TenantId> = Vec::new();
        for key in &self.open {
            let Some(row) = self.rows.get(key) else { continue };
            if row.due_ms <= now_ms && Self::is_free(row, now_ms, gone) && found.last() != Some(&key.0) {
                found.push(key.0);
            }
        }
        found
    }

    /// Leases due rows of one tenant, longest due first. Whoever held one before is fenced.
    pub fn lease(
        &mut self,
        tenant: TenantId,
        taker: Taker,
        gone: &BTreeSet<Holder>,
        lease_ms: i64,
        limit: usize,
    ) -> Vec<Leased<B>> {
        let mut due: Vec<(i64, Uuid)> = self
            .open
            .iter()
            .filter(|(owner, _)| *owner == tenant)
            .filter_map(|key| Some((self.rows.get(key)?, key.1)))
            .filter(|(row, _)| row.due_ms <= taker.now_ms && Self::is_free(row, taker.now_ms, gone))
            .map(|(row, key)| (row.due_ms, key))
            .collect();
        due.sort_unstable();
        due.truncate(limit);
        let mut leased = Vec::with_capacity(due.len());
        for (_, key) in due {
            let Some(row) = self.rows.get_mut(&(tenant, key)) else {
                continue;
            };
            row.lease = Some((taker.now_ms + lease_ms, taker.holder));
            row.epoch += 1;
            row.attempts += 1;
            row.body.taken();
            leased.push(Leased {
                tenant,
                key,
                body: row.body.clone(),
                due_ms: row.due_ms,
                attempts: row.attempts,
                epoch: row.epoch,
            });
            self.noted(tenant, key);
        }
        leased
    }

    /// Puts a lease over a row that its maker handles at once.
    pub fn guard(&mut self, tenant: TenantId, key: Uuid, taker: Taker, lease_ms: i64) {
        self.change(tenant, key, |row| {
            row.lease = Some((taker.now_ms + lease_ms, taker.holder));
        });
    }

    /// Writes under a lease without ending it.
    pub fn under(&mut self, leased: &Leased<B>, act: impl FnOnce(&mut B)) -> Result<(), Fenced> {
        let unfenced = self.unfenced;
        let row = self.rows.get_mut(&(leased.tenant, leased.key)).ok_or(Fenced)?;
        if !unfenced && (row.epoch != leased.epoch || row.lease.is_none()) {
            return Err(Fenced);
        }
        act(&mut row.body);
        self.noted(leased.tenant, leased.key);
        Ok(())
    }

    /// Ends a lease and says what became of the row.
    pub fn end(
        &mut self,
        leased: &Leased<B>,
        due_ms: Option<i64>,
        act: impl FnOnce(&mut Row<B>),
    ) -> Result<(), Fenced> {
        self.under(leased, |_| ())?;
        self.change(leased.tenant, leased.key, |row| {
            row.lease = None;
            row.due_ms = due_ms.unwrap_or(row.due_ms);
            act(row);
        });
        Ok(())
    }

    /// Fences whoever holds the row, and has it looked at again after that.
    pub fn disturb(&mut self, tenant: TenantId, key: Uuid, now_ms: i64, act: impl FnOnce(&mut B)) {
        self.change(tenant, key, |row| {
            row.epoch += 1;
            row.due_ms = row.due_ms.min(now_ms);
            if row.lease.is_none() {
                act(&mut row.body);
            }
        });
    }

    /// Ends a lease whoever holds it.
    pub fn free(&mut self, tenant: TenantId, key: Uuid) {
        self.change(tenant, key, |row| row.lease = None);
    }

    /// When the next open row can be taken, by the database's clock.
    pub fn next_due_ms(&self, gone: &BTreeSet<Holder>) -> Option<i64> {
        let due = |key| {
            let row = self.rows.get(key)?;
            let held = row.lease.filter(|(_, holder)| !gone.contains(holder));
            Some(held.map_or(row.due_ms, |(until_ms, _)| until_ms.max(row.due_ms)))
        };
        self.open.iter().filter_map(due).min()
    }

    pub fn open(&self) -> usize {
        self.open.len()
    }
}
