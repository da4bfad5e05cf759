//! Inbox and dead letters: what a consumer has taken in, and what it gave up on.

use simpul_domain::{EventId, TenantId};

use super::{broker::Message, store::Store};

impl Store {
    /// Records a message in the inbox; `false` when it was there.
    pub fn first_time(&mut self, tenant: TenantId, event: EventId) -> bool {
        self.inbox.insert((tenant, event))
    }

    pub fn is_taken_in(&self, tenant: TenantId, event: EventId) -> bool {
        self.inbox.contains(&(tenant, event))
    }

    /// Keeps a message that the consumer gave up on; the same one again is the same letter.
    pub fn bury(&mut self, message: Message) {
        self.letters.insert((message.tenant, message.event.id), message);
    }

    pub fn letter(&self, tenant: TenantId, event: EventId) -> Option<&Message> {
        self.letters.get(&(tenant, event))
    }

    pub fn letters(&self) -> impl Iterator<Item = (TenantId, EventId)> {
        self.letters.keys().copied()
    }

    /// Takes a letter out, in the transaction in which it is handled again.
    pub fn take_letter(&mut self, tenant: TenantId, event: EventId) -> Option<Message> {
        self.letters.remove(&(tenant, event))
    }
}
