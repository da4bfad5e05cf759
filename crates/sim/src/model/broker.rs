//! A broker with one queue: what was confirmed survives a restart, what was not acknowledged comes again.

use std::{collections::VecDeque, rc::Rc};

use simpul_domain::TenantId;

use super::log::Recorded;
use crate::world::HostId;

/// One message: an event of a tenant.
#[derive(Debug, Clone)]
pub struct Message {
    pub tenant: TenantId,
    pub event: Rc<Recorded>,
    pub deliveries: u32,
}

/// The broker.
#[derive(Debug, Clone, Default)]
pub struct Broker {
    /// Taken and not confirmed: lost when the broker restarts.
    unconfirmed: Vec<(u64, HostId, Message)>,
    ready: VecDeque<Message>,
    /// Delivered and not acknowledged, by tag and consumer.
    delivered: Vec<(u64, HostId, Message)>,
    next: u64,
    /// Grows with every restart: confirms and acknowledgements of an older connection mean nothing.
    pub connection: u64,
}

impl Broker {
    pub fn publish(&mut self, host: HostId, tenant: TenantId, event: Rc<Recorded>) -> u64 {
        self.next += 1;
        let message = Message {
            tenant,
            event,
            deliveries: 0,
        };
        self.unconfirmed.push((self.next, host, message));
        self.next
    }

    /// Confirms everything that was published; `false` when one of `published` was lost meanwhile.
    pub fn confirm(&mut self, published: &[u64]) -> bool {
        let kept = published
            .iter()
            .all(|tag| self.unconfirmed.iter().any(|(known, _, _)| known == tag));
        let (confirmed, rest) = std::mem::take(&mut self.unconfirmed)
            .into_iter()
            .partition(|(tag, _, _)| published.contains(tag));
        self.unconfirmed = rest;
        self.keep(confirmed);
        kept
    }

    fn keep(&mut self, messages: Vec<(u64, HostId, Message)>) {
        self.ready
            .extend(messages.into_iter().map(|(_, _, message)| message));
    }

    pub fn restart(&mut self) {
        self.connection += 1;
        self.unconfirmed.clear();
        for (_, _, message) in std::mem::take(&mut self.delivered).into_iter().rev() {
            self.ready.push_front(message);
        }
    }

    /// A process's connection is gone: what it has published is here, what it has not acknowledged comes again.
    pub fn lost(&mut self, host: HostId) {
        let (published, others) = std::mem::take(&mut self.unconfirmed)
            .into_iter()
            .partition(|(_, publisher, _)| *publisher == host);
        self.unconfirmed = others;
        self.keep(published);
        let (lost, kept) = std::mem::take(&mut self.delivered)
            .into_iter()
            .partition(|(_, consumer, _)| *consumer == host);
        self.delivered = kept;
        let lost: Vec<(u64, HostId, Message)> = lost;
        for (_, _, message) in lost.into_iter().rev() {
            self.ready.push_front(message);
        }
    }

    /// Delivers the message at `index`; with `twice` it stays in the queue as well.
    pub fn deliver(&mut self, host: HostId, index: usize, twice: bool) -> Option<(u64, Message)> {
        let mut message = self.ready.remove(index)?;
        if twice {
            self.ready.push_back(message.clone());
        }
        message.deliveries += 1;
        self.next += 1;
        self.delivered.push((self.next, host, message.clone()));
        Some((self.next, message))
    }

    pub fn acknowledge(&mut self, tag: u64) {
        self.delivered.retain(|(known, _, _)| *known != tag);
    }

    pub fn give_back(&mut self, tag: u64) {
        if let Some(index) = self.delivered.iter().position(|(known, _, _)| *known == tag) {
            let (_, _, message) = self.delivered.swap_remove(index);
            self.ready.push_back(message);
        }
    }

    /// Where a message waits.
    pub fn position(&self, is_wanted: impl FnMut(&Message) -> bool) -> Option<usize> {
        self.ready.iter().position(is_wanted)
    }

    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.delivered.is_empty() && self.unconfirmed.is_empty()
    }
}
