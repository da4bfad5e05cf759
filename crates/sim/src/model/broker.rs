//! A broker with one queue: what was confirmed survives a restart, what was not acknowledged comes again, and what comes
//! too often is taken away to the queue of the dead.

use std::{collections::VecDeque, rc::Rc};

use simpul_adapters::bus::topology::DELIVERY_LIMIT;
use simpul_domain::TenantId;

use super::log::Recorded;
use crate::world::HostId;

/// One message: an event of a tenant.
#[derive(Debug, Clone)]
pub struct Message {
    pub tenant: TenantId,
    pub event: Rc<Recorded>,
    pub deliveries: u32,
    /// Taken away: whoever receives it keeps it for an operator.
    pub is_dead: bool,
}

/// The broker.
#[derive(Debug, Clone, Default)]
pub struct Broker {
    /// Taken and not confirmed: lost when the broker restarts.
    unconfirmed: Vec<(u64, HostId, Message)>,
    ready: VecDeque<Message>,
    dead: VecDeque<Message>,
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
            is_dead: false,
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
            self.comes_back(message);
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
            self.comes_back(message);
        }
    }

    /// Whoever had the message is gone.
    fn comes_back(&mut self, message: Message) {
        let message = taken_away_or_not(message);
        if message.is_dead {
            self.dead.push_front(message);
        } else {
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
        Some(self.hand_out(host, message))
    }

    /// Delivers the next message that was taken away.
    pub fn deliver_dead(&mut self, host: HostId) -> Option<(u64, Message)> {
        let message = self.dead.pop_front()?;
        Some(self.hand_out(host, message))
    }

    fn hand_out(&mut self, host: HostId, message: Message) -> (u64, Message) {
        self.next += 1;
        self.delivered.push((self.next, host, message.clone()));
        (self.next, message)
    }

    pub fn acknowledge(&mut self, tag: u64) {
        self.delivered.retain(|(known, _, _)| *known != tag);
    }

    pub fn give_back(&mut self, tag: u64) {
        if let Some(index) = self.delivered.iter().position(|(known, _, _)| *known == tag) {
            let (_, _, message) = self.delivered.swap_remove(index);
            let message = taken_away_or_not(message);
            if message.is_dead {
                self.dead.push_back(message);
            } else {
                self.ready.push_back(message);
            }
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
        let queues = [&self.ready, &self.dead];
        queues.iter().all(|queue| queue.is_empty())
            && self.delivered.is_empty()
            && self.unconfirmed.is_empty()
    }
}

/// A message that nobody acknowledges is not given out for ever.
fn taken_away_or_not(mut message: Message) -> Message {
    message.is_dead |= message.deliveries > DELIVERY_LIMIT.unsigned_abs();
    message
}
