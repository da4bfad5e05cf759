//! What goes wrong, and how often: every seed draws its own swarm.
//!
//! A seed in which everything fails a little finds less than many seeds in which a few things fail a lot. So each
//! fault is on in about half of the seeds, and its strength is drawn too. Every fault has random numbers of its own,
//! so that the minimiser can take one away without moving the others.

use crate::rng::Rng;

macro_rules! faults {
    ($($(#[$doc:meta])* $fault:ident up to $most:literal;)+) => {
        /// One way in which the world fails.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $($(#[$doc])* $fault,)+
        }

        impl Fault {
            pub const ALL: &'static [Self] = &[$(Self::$fault,)+];

            /// Strongest odds that are drawn, of ten thousand.
            const fn most(self) -> u64 {
                match self { $(Self::$fault => $most,)+ }
            }
        }
    };
}

faults! {
    /// A process dies between two steps of a task, and starts again later.
    Death up to 250;
    /// A process stands still for up to three minutes and then goes on as if nothing had happened.
    Stall up to 120;
    /// The database does not answer for a while.
    StoreAway up to 100;
    /// The answer to a client is lost, so that it asks again.
    AnswerLost up to 3_000;
    /// The broker restarts: what was not confirmed is lost, what was not acknowledged comes again.
    BrokerRestart up to 400;
    /// A message is delivered twice.
    Duplicate up to 2_000;
    /// A message is delivered out of its order.
    Reorder up to 5_000;
    /// A router cannot be reached for up to an hour.
    RouterOffline up to 300;
    /// A router takes long to answer.
    RouterSlow up to 500;
    /// The connection breaks before a sentence has its effect.
    DropBefore up to 1_500;
    /// The connection breaks after a sentence had its effect.
    DropAfter up to 1_500;
    /// Another router answers at the address for a while.
    WrongRouter up to 200;
    /// The gateway's answer to a request is lost.
    GatewaySilent up to 3_000;
    /// The gateway reports late, after hours or days.
    NoticeLate up to 4_000;
    /// The gateway reports the same again.
    NoticeRepeated up to 4_000;
    /// The payer pays another amount.
    WrongAmount up to 2_000;
    /// The payer pays an order twice.
    PaidAgain up to 1_500;
    /// The payer pays when the time for it is over.
    PaidLate up to 2_000;
    /// The gateway, or the payer's bank, gives money back.
    GivenBack up to 3_000;
    /// The gateway never reports a payment.
    NoticeLost up to 3_000;
    /// Money arrives for an order that nobody made.
    ForeignMoney up to 1_500;
    /// The messenger refuses for a reason of its own.
    MessengerRefuses up to 3_000;
    /// The messenger's answer is lost.
    MessengerSilent up to 2_000;
    /// A machine's clock is set, forwards or backwards, by up to two hours.
    ClockSet up to 100;
    /// A subscriber or a consumer cannot handle an event, until somebody has mended it.
    Poison up to 400;
    /// The scheduler lets another task go first, wherever it can.
    Interleave up to 9_000;
    /// Somebody copies a refresh token.
    TokenStolen up to 4_000;
    /// A packet of a router, or the answer to it, is lost.
    PacketLost up to 3_000;
    /// A packet of a router arrives late, after up to two hours.
    PacketLate up to 3_000;
    /// A router does not say that a session ended.
    StopLost up to 5_000;
    /// A router begins anew, and forgets who was online.
    RouterReboots up to 1_500;
}

const COUNT: usize = Fault::ALL.len();

/// The faults of one seed.
#[derive(Debug, Clone)]
pub struct Swarm {
    odds: [u16; COUNT],
    streams: [Rng; COUNT],
    calm: bool,
}

impl Swarm {
    /// Draws the swarm of a seed; `without` are left out.
    pub fn draw(seed: u64, without: &[Fault]) -> Self {
        let mut rng = Rng::new(seed, 1);
        let mut odds = [0; COUNT];
        for (slot, &fault) in odds.iter_mut().zip(Fault::ALL) {
            let strength = u16::try_from(rng.between(1, fault.most())).unwrap_or(u16::MAX);
            let is_on = rng.below(2) == 0;
            if is_on && !without.contains(&fault) {
                *slot = strength;
            }
        }
        let streams = std::array::from_fn(|index| Rng::new(seed, 100 + index as u64));
        Self {
            odds,
            streams,
            calm: false,
        }
    }

    /// Whether the fault happens now.
    pub const fn strikes(&mut self, fault: Fault) -> bool {
        let index = fault as usize;
        !self.calm && self.odds[index] > 0 && self.streams[index].chance(self.odds[index])
    }

    /// The random numbers of a fault that happens.
    pub const fn numbers(&mut self, fault: Fault) -> &mut Rng {
        &mut self.streams[fault as usize]
    }

    pub const fn has(&self, fault: Fault) -> bool {
        self.odds[fault as usize] > 0
    }

    /// From now on nothing fails any more.
    pub const fn calm_down(&mut self) {
        self.calm = true;
    }

    pub fn on(&self) -> Vec<(Fault, u16)> {
        let all = Fault::ALL.iter().copied().zip(self.odds);
        all.filter(|(_, odds)| *odds > 0).collect()
    }
}
