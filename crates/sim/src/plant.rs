//! Bugs planted on purpose, to prove that the simulator finds them.
//!
//! They live in the models and drivers of this crate. The product has no switch for any of them.

macro_rules! plants {
    ($($(#[$doc:meta])* $plant:ident = $text:literal;)+) => {
        /// One planted bug.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Plant {
            $($(#[$doc])* $plant,)+
        }

        impl Plant {
            pub const ALL: &'static [Self] = &[$(Self::$plant,)+];

            pub const fn text(self) -> &'static str {
                match self { $(Self::$plant => $text,)+ }
            }
        }
    };
}

plants! {
    RelayMovesFirst = "the relay moves its cursor before the broker has confirmed";
    NaiveSequence = "positions are drawn before the commit, without the head's lock";
    NoIdempotency = "a command id is not looked up, and new ids make it new";
    NoVersionCompare = "a run takes any desired state for the wanted one, and any proof for its proof";
    StaleWish = "a run writes what was desired when its lane was leased";
    AckFirst = "a consumer acknowledges before its effect is committed";
    NoExpectedVersion = "an append does not compare versions";
    LeaseWithoutEpoch = "who held a lease before may still write under it";
    NoticeNotStored = "a hook answers before the notice is stored";
    SendWithoutBegin = "a message is sent without writing down that it is about to be";
    TimerWithoutId = "a firing timer makes new command ids";
    CursorApart = "a projection commits its rows, and its cursor afterwards";
    NoFence = "a cursor moves whatever it was read as and whoever leads";
    ProofWithoutLook = "a run takes an accepted write for the proof";
    InboxMissing = "a hook stores every repeat as a new notice, and a booking has a new id";
    ParkedAlone = "later events of a parked key are not parked behind it";
    LetterTakenFirst = "a dead letter leaves its list before it is handled again";
    CreditStays = "money that is taken back does not leave the credit that it gave";
    NobodyAsks = "no gateway is asked about a checkout whose notice has not come";
    QuotaReadBefore = "a limit is looked at before the append, not in it";
    ReuseForgiven = "a refresh token that was exchanged is exchanged again, whenever it is shown";
    TheftUntold = "that a session was stolen is said after its row has ended, and nobody looks after that";
    CountersAdded = "what a router has counted is added to what was recorded";
    SessionReopened = "a record of a session that is over opens it again";
    AccountedFirst = "FreeRADIUS is answered before its record is in the database";
    RouterUnversioned = "rows of a router are written whoever has written them since they were read";
    VersionReadLast = "a router's version is read after its sessions";
    ForgottenRest = "what remains of a payment after the open invoices is not booked";
}
