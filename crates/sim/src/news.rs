//! What has changed, by topic: whoever looks for work is let look again only when there may be some.

/// A set of topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topics(u16);

impl Topics {
    pub const LOG: Self = Self(1);
    pub const BROKER: Self = Self(1 << 1);
    pub const LANES: Self = Self(1 << 2);
    pub const OUTBOX: Self = Self(1 << 3);
    pub const NOTICES: Self = Self(1 << 4);
    pub const TIMERS: Self = Self(1 << 5);
    pub const ROUTERS: Self = Self(1 << 6);
    pub const PEOPLE: Self = Self(1 << 7);
    /// What waits for a person.
    pub const STUCK: Self = Self(1 << 8);
    /// What FreeRADIUS keeps on its disk.
    pub const SPOOL: Self = Self(1 << 9);
    /// Whatever can fall due.
    pub const DUE: Self = Self(Self::LANES.0 | Self::OUTBOX.0 | Self::NOTICES.0 | Self::TIMERS.0);
    pub const ALL: Self = Self(u16::MAX);

    const fn holds(self, topic: usize) -> bool {
        self.0 & (1 << topic) != 0
    }
}

const COUNT: usize = 10;

/// How often each topic has changed.
#[derive(Debug, Clone, Default)]
pub struct News([u64; COUNT]);

impl News {
    pub fn tell(&mut self, topics: Topics) {
        let told = self
            .0
            .iter_mut()
            .enumerate()
            .filter(|(topic, _)| topics.holds(*topic));
        told.for_each(|(_, count)| *count += 1);
    }

    /// A number that grows with every change of these topics.
    pub fn seen(&self, topics: Topics) -> u64 {
        let known = self
            .0
            .iter()
            .enumerate()
            .filter(|(topic, _)| topics.holds(*topic));
        known.map(|(_, count)| count).sum()
    }
}
