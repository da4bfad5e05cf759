//! What routers counted and told, beside what is recorded of it.

use std::collections::BTreeMap;

use simpul_domain::{RadiusSessionId, TenantId, accounting::Usage};

use crate::{model::accounting::Change, world::World};

/// What a router told of a session, and FreeRADIUS took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told {
    pub usage: Usage,
    pub stopped: bool,
}

/// What is known beside the store.
#[derive(Debug, Default)]
pub(super) struct Books {
    counted: BTreeMap<RadiusSessionId, Usage>,
    told: BTreeMap<(TenantId, RadiusSessionId), Told>,
    /// What was recorded last: usage, and whether the session was over.
    recorded: BTreeMap<RadiusSessionId, (Usage, bool)>,
}

impl super::Books {
    /// A router has counted so much.
    pub fn counted(&mut self, session: RadiusSessionId, usage: Usage) {
        self.accounting.counted.insert(session, usage);
    }

    /// FreeRADIUS has answered a router.
    pub fn told(&mut self, tenant: TenantId, session: RadiusSessionId, usage: Usage, stopped: bool) {
        let told = self.accounting.told.entry((tenant, session)).or_default();
        told.usage = told.usage.joined(usage);
        told.stopped |= stopped;
    }

    /// What routers of a tenant told.
    pub fn told_of(&self, tenant: TenantId) -> impl Iterator<Item = (RadiusSessionId, Told)> {
        let told = self.accounting.told.iter();
        told.filter(move |((owner, _), _)| *owner == tenant)
            .map(|((_, session), told)| (*session, *told))
    }
}

impl World {
    /// Rows of sessions were written. What was recorded does not fall and is not more than the router counted, and what was over
    /// does not begin again.
    pub fn accounted(&mut self, tenant: TenantId, change: &Change) {
        for row in change.sessions.iter().map(|session| &session.row) {
            self.books.counts.accounted += 1;
            let (session, usage) = (row.session, row.meter.usage);
            let counted = self.books.accounting.counted.get(&session).copied();
            let counted = counted.unwrap_or_default();
            if counted.joined(usage) != counted {
                self.books
                    .violate(|| format!("{usage:?} of {session} is recorded, and {counted:?} was counted"));
            }
            let recorded = self
                .books
                .accounting
                .recorded
                .insert(session, (usage, !row.is_open()));
            let (before, was_over) = recorded.unwrap_or_default();
            if before.joined(usage) != usage {
                self.books.violate(|| {
                    format!("what {session} of {tenant} used falls from {before:?} to {usage:?}")
                });
            }
            if was_over && row.is_open() {
                self.books
                    .violate(|| format!("{session} was over and began again"));
            }
        }
    }

    /// FreeRADIUS was answered that a record is taken: it is in the database.
    pub fn acknowledged(&mut self, tenant: TenantId, session: RadiusSessionId, seconds: u32) {
        let known = self.store.accounting.session(tenant, session);
        if known.is_none_or(|(_, known)| known.row.meter.usage.seconds < seconds) {
            self.books
                .violate(|| format!("a record of {session} was acknowledged and is nowhere"));
        }
    }
}
