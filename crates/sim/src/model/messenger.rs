//! A messenger: what it took, by message, and how often.

use std::collections::BTreeMap;

use simpul_domain::MessageId;

/// The messenger.
#[derive(Debug, Clone, Default)]
pub struct Messenger {
    taken: BTreeMap<MessageId, u32>,
}

impl Messenger {
    pub fn take(&mut self, message: MessageId) -> u32 {
        let taken = self.taken.entry(message).or_default();
        *taken += 1;
        *taken
    }

    pub fn taken(&self, message: MessageId) -> u32 {
        self.taken.get(&message).copied().unwrap_or(0)
    }
}
