//! The books: what must hold after every step, kept beside the store and fed by every commit.

mod accounting;

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use simpul_domain::{
    AnyEvent, CommandId, EventId, MessageId, PaymentId, RouterId, Rupiah, SubscriptionId, TenantId, TimerId,
    billing::{
        CreditAccountEvent, InvoiceEvent, PaymentEvent,
        payment::{PaymentTakenBack, RefundedFrom, gateway_payment_id},
    },
    network::{Access, ProvisioningEvent, desired::DesiredState},
    subscriptions::subscription::SubscriptionEvent,
};
use uuid::Uuid;

use crate::{
    cast::{api::gateway_of, command::Context, services::PROJECTOR, subscribers, use_case::USERS},
    faults::Fault,
    model::{
        broker::Message,
        gateway::GivenBack,
        log::{Recorded, StreamKey},
        parked::Place,
        store::Cursor,
    },
    plant::Plant,
    world::World,
};

/// Money of one tenant, from both sides.
#[derive(Debug, Clone, Copy, Default)]
struct Money {
    received: i64,
    allocated: i64,
    credited: i64,
    unmatched: i64,
    refunded: i64,
    /// What invoices say was put on them.
    applied: i64,
    /// What credit accounts say was added to them.
    added: i64,
    /// What credit accounts say was spent on invoices, and what invoices say came out of credit.
    spent: i64,
    paid_by_credit: i64,
}

impl Money {
    fn take_back(&mut self, taken: &PaymentTakenBack) {
        self.refunded += taken.amount.get();
        let parts = taken.allocations.iter();
        self.allocated -= parts.map(|part| part.amount.get()).sum::<i64>();
        self.credited -= taken.credit.get();
        self.unmatched -= taken.unmatched.get();
    }

    const fn credit(&mut self, event: &CreditAccountEvent) {
        match event {
            CreditAccountEvent::CreditAdded(added) => self.added += added.amount.get(),
            CreditAccountEvent::CreditTakenBack(taken) => self.added -= taken.amount.get(),
            CreditAccountEvent::CreditUsed(used) => self.spent += used.amount.get(),
            CreditAccountEvent::CreditReturned(returned) => self.spent -= returned.amount.get(),
        }
    }

    /// Property 65, from both sides; nothing is negative.
    const fn balances(&self) -> bool {
        self.received == self.allocated + self.credited + self.unmatched + self.refunded
            && self.allocated == self.applied
            && self.credited == self.added
            && self.spent == self.paid_by_credit
            && self.spent <= self.added
            && self.allocated >= 0
            && self.credited >= 0
            && self.unmatched >= 0
            && self.spent >= 0
    }
}

/// What is known beside the store.
#[derive(Debug, Default)]
pub struct Books {
    /// The first thing that did not hold.
    pub violation: Option<String>,
    /// Commands that a client knows to have had their effect.
    pub acknowledged: Vec<(TenantId, CommandId)>,
    pub counts: Counts,
    effects: BTreeSet<CommandId>,
    fired: BTreeMap<TimerId, CommandId>,
    owners: BTreeMap<Uuid, TenantId>,
    places: BTreeSet<(StreamKey, i64)>,
    heads: BTreeMap<TenantId, i64>,
    money: BTreeMap<TenantId, Money>,
    payments: BTreeMap<PaymentId, i64>,
    booked: BTreeSet<(TenantId, String)>,
    numbers: BTreeMap<(TenantId, String), u64>,
    /// How far each stream has come with each subscriber.
    handled: BTreeMap<(&'static str, TenantId, StreamKey), i64>,
    moved: BTreeMap<(TenantId, &'static str), i64>,
    written: BTreeMap<Uuid, u64>,
    consumed: BTreeSet<(TenantId, EventId)>,
    lines: BTreeMap<TenantId, i64>,
    usernames: BTreeMap<(RouterId, String), SubscriptionId>,
    accounting: accounting::Books,
}

/// How much happened: a run in which nothing did proves nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub commits: u64,
    pub payments: u64,
    pub writes: u64,
    pub messages: u64,
    pub isolations: u64,
    pub parked: u64,
    pub buried: u64,
    pub taken_back: u64,
    /// Payments of which no notice was sent.
    pub lost_notices: u64,
    /// Lines for which there was no room.
    pub refused: u64,
    /// Sessions that were over when their program wanted to go on.
    pub turned_away: u64,
    /// Records of sessions that changed something.
    pub accounted: u64,
    /// Packets that FreeRADIUS kept on its disk.
    pub spooled: u64,
}

impl Counts {
    pub const fn add(&mut self, other: &Self) {
        self.commits += other.commits;
        self.payments += other.payments;
        self.writes += other.writes;
        self.messages += other.messages;
        self.isolations += other.isolations;
        self.parked += other.parked;
        self.buried += other.buried;
        self.taken_back += other.taken_back;
        self.lost_notices += other.lost_notices;
        self.refused += other.refused;
        self.turned_away += other.turned_away;
        self.accounted += other.accounted;
        self.spooled += other.spooled;
    }
}

impl Books {
    pub fn violate(&mut self, text: impl FnOnce() -> String) {
        self.violation.get_or_insert_with(text);
    }

    pub fn is_booked(&self, tenant: TenantId, provider_ref: &str) -> bool {
        self.booked.contains(&(tenant, provider_ref.to_owned()))
    }
}

impl World {
    /// A command's effect is visible from here on. `repeated`: its id had an effect before.
    pub fn committed(&mut self, context: Context, repeated: bool, events: &[Rc<Recorded>]) {
        self.books.counts.commits += 1;
        if repeated || !self.books.effects.insert(context.id) {
            self.books
                .violate(|| format!("the command {} has two effects", context.id));
        }
        if let Some(timer) = context.timer
            && self.books.fired.insert(timer, context.id).is_some()
        {
            self.books
                .violate(|| format!("the timer {timer} was carried out twice"));
        }
        let gapless = !self.is_planted(Plant::NaiveSequence);
        for recorded in events {
            self.check_place(context.tenant, recorded, gapless);
            self.book(context.tenant, recorded);
        }
        self.check_money(context.tenant);
        self.check_limit(context.tenant);
    }

    fn check_place(&mut self, tenant: TenantId, recorded: &Recorded, gapless: bool) {
        let head = self.books.heads.entry(tenant).or_default();
        let follows = recorded.seq == *head + 1;
        *head = recorded.seq.max(*head);
        if gapless && !follows {
            self.books
                .violate(|| format!("a gap in the log before {}", recorded.seq));
        }
        for subscriber in subscribers() {
            if self.store.cursor(tenant, subscriber).seq >= recorded.seq {
                self.books.violate(|| {
                    format!(
                        "event {} was committed behind the cursor of {subscriber}",
                        recorded.seq
                    )
                });
            }
        }
        let owner = *self.books.owners.entry(recorded.stream.1).or_insert(tenant);
        if owner != tenant {
            self.books
                .violate(|| format!("{tenant} wrote to a stream of {owner}"));
        }
        if !self.books.places.insert((recorded.stream, recorded.sequence)) {
            self.books.violate(|| {
                let ((kind, id), sequence) = (recorded.stream, recorded.sequence);
                format!("two events are number {sequence} of {kind} {id}")
            });
        }
    }

    fn book(&mut self, tenant: TenantId, recorded: &Recorded) {
        let money = self.books.money.entry(tenant).or_default();
        match &recorded.event {
            AnyEvent::Payment(PaymentEvent::Received(received)) => {
                money.received += received.amount.get();
                self.books
                    .payments
                    .insert(received.payment, received.amount.get());
                self.books.counts.payments += 1;
                self.check_received(tenant, &received.provider_ref, received.gross);
            }
            AnyEvent::Payment(PaymentEvent::Allocated(part)) => {
                money.allocated += part.amount.get();
                self.spend(part.payment, part.amount);
            }
            AnyEvent::Payment(PaymentEvent::Credited(part)) => {
                money.credited += part.amount.get();
                self.spend(part.payment, part.amount);
            }
            AnyEvent::Payment(PaymentEvent::LeftUnmatched(part)) => {
                money.unmatched += part.amount.get();
                self.spend(part.payment, part.amount);
            }
            AnyEvent::Payment(PaymentEvent::Matched(part)) => {
                money.unmatched -= part.amount.get();
                *self.books.payments.entry(part.payment).or_default() += part.amount.get();
            }
            AnyEvent::Payment(PaymentEvent::Refunded(part)) => {
                money.refunded += part.amount.get();
                match part.from {
                    RefundedFrom::Unmatched => money.unmatched -= part.amount.get(),
                    RefundedFrom::Credit => money.credited -= part.amount.get(),
                }
            }
            AnyEvent::Payment(PaymentEvent::TakenBack(taken)) => {
                money.take_back(taken);
                self.books.counts.taken_back += 1;
                self.check_taken_back(tenant, taken);
            }
            AnyEvent::Invoice(InvoiceEvent::PaymentApplied(applied)) => money.applied += applied.amount.get(),
            AnyEvent::Invoice(InvoiceEvent::PaymentTakenBack(taken)) => money.applied -= taken.amount.get(),
            AnyEvent::Invoice(InvoiceEvent::CreditApplied(applied)) => {
                money.paid_by_credit += applied.amount.get();
            }
            AnyEvent::Invoice(InvoiceEvent::CreditTakenBack(taken)) => {
                money.paid_by_credit -= taken.amount.get();
            }
            AnyEvent::CreditAccount(event) => money.credit(event),
            AnyEvent::Invoice(InvoiceEvent::Issued(issued)) => {
                self.check_number(tenant, issued.number.as_str());
            }
            AnyEvent::Subscription(event) => self.book_line(tenant, event),
            // Its name is free.
            AnyEvent::Provisioning(ProvisioningEvent::Confirmed(proof))
                if proof.access == Access::Removed =>
            {
                self.books.usernames.retain(|_, line| *line != proof.subscription);
            }
            _ => {}
        }
    }

    fn book_line(&mut self, tenant: TenantId, event: &SubscriptionEvent) {
        match event {
            SubscriptionEvent::Isolated(_) => self.books.counts.isolations += 1,
            SubscriptionEvent::Opened(opened) => {
                *self.books.lines.entry(tenant).or_default() += 1;
                let name = (opened.router, opened.username.to_string());
                if self.books.usernames.insert(name, opened.subscription).is_some() {
                    self.books
                        .violate(|| format!("two lines are called {}", opened.username));
                }
            }
            SubscriptionEvent::Terminated(_) => *self.books.lines.entry(tenant).or_default() -= 1,
            _ => {}
        }
    }

    /// As many lines are counted as there are, and never more than there may be.
    fn check_limit(&mut self, tenant: TenantId) {
        let Some(quota) = self.store.log(tenant).map(|log| log.quota(USERS)) else {
            return;
        };
        let lines = self.books.lines.get(&tenant).copied().unwrap_or(0);
        if quota.used != lines || quota.max.is_some_and(|max| lines > max) {
            self.books
                .violate(|| format!("{lines} lines are open, of {quota:?}"));
        }
    }

    /// No more leaves the books than the payer got back.
    fn check_taken_back(&mut self, tenant: TenantId, taken: &PaymentTakenBack) {
        let paid = self.gateway.paid().iter();
        let mut paid = paid.filter(|paid| {
            let gateway = gateway_of(tenant);
            paid.tenant == tenant && gateway_payment_id(tenant, gateway, &paid.provider_ref) == taken.payment
        });
        let given_back = paid.next().map(|paid| paid.given_back);
        let is_true = match given_back {
            Some(GivenBack::All | GivenBack::ByBank) => true,
            Some(GivenBack::Part(part)) => taken.refunded <= part,
            Some(GivenBack::Nothing) | None => false,
        };
        if !is_true {
            let (payment, refunded) = (taken.payment, taken.refunded);
            self.books
                .violate(|| format!("{refunded} of {payment} left the books, {given_back:?} was given back"));
        }
    }

    fn spend(&mut self, payment: PaymentId, amount: Rupiah) {
        *self.books.payments.entry(payment).or_default() -= amount.get();
    }

    /// Money that is booked was paid, as much as that, and is booked once.
    fn check_received(&mut self, tenant: TenantId, provider_ref: &str, gross: Rupiah) {
        if !self.books.booked.insert((tenant, provider_ref.to_owned())) {
            self.books
                .violate(|| format!("the money of {provider_ref} is booked twice"));
        }
        let paid = self.gateway.paid().iter();
        let mut paid = paid.filter(|paid| paid.tenant == tenant && paid.provider_ref == provider_ref);
        if !paid.any(|paid| paid.gross == gross) {
            self.books
                .violate(|| format!("{gross} of {provider_ref} is booked and was never paid"));
        }
    }

    /// Numbers of invoices have no gap.
    fn check_number(&mut self, tenant: TenantId, number: &str) {
        let Some((scope, counter)) = number.rsplit_once('/') else {
            return;
        };
        let last = self.books.numbers.entry((tenant, scope.to_owned())).or_default();
        let counter: u64 = counter.parse().unwrap_or(0);
        let expected = *last + 1;
        *last = counter;
        if counter != expected {
            self.books
                .violate(|| format!("the invoice {number} should have number {expected}"));
        }
    }

    /// Property 65, of every payment and of the whole, from both sides.
    fn check_money(&mut self, tenant: TenantId) {
        let money = self.books.money.get(&tenant).copied().unwrap_or_default();
        if !money.balances() {
            self.books.violate(|| format!("{money:?} does not balance"));
        }
        if let Some((payment, rest)) = self.books.payments.iter().find(|(_, rest)| **rest != 0) {
            let text = format!("{rest} of the payment {payment} went nowhere");
            self.books.violate(|| text);
        }
        self.books.payments.clear();
    }

    /// A subscriber's cursor has moved. Whatever it moved past was handled or is parked.
    pub fn moved(&mut self, tenant: TenantId, subscriber: &'static str, from: Cursor, to: i64) {
        let known = self.books.moved.insert((tenant, subscriber), to).unwrap_or(0);
        if from.seq != known {
            self.books
                .violate(|| format!("{subscriber} moved from {} and had come to {known}", from.seq));
        }
    }

    /// A subscriber has handled events: those of a key in their order. A projection has only one try at each.
    pub fn handled(&mut self, subscriber: &'static str, tenant: TenantId, events: &[Rc<Recorded>]) {
        for recorded in events {
            let key = (subscriber, tenant, recorded.stream);
            let last = self.books.handled.entry(key).or_default();
            let (known, seq) = (*last, recorded.seq);
            *last = recorded.sequence.max(known);
            if recorded.sequence > known + 1 {
                self.books
                    .violate(|| format!("{subscriber} handled event {seq} before an earlier one of its key"));
            }
            if recorded.sequence <= known && subscriber == PROJECTOR {
                self.books.violate(|| format!("event {seq} was projected twice"));
            }
        }
    }

    fn is_handled(&self, subscriber: &'static str, tenant: TenantId, recorded: &Recorded) -> bool {
        let last = self.books.handled.get(&(subscriber, tenant, recorded.stream));
        last.is_some_and(|last| recorded.sequence <= *last)
    }

    /// Parked events were retried.
    pub fn forgotten(&mut self, place: Place, events: &[Rc<Recorded>]) {
        let lost = |event: &&Rc<Recorded>| !self.is_handled(place.subscriber, place.tenant, event);
        if let Some(seq) = events.iter().find(lost).map(|event| event.seq) {
            self.books
                .violate(|| format!("the parked event {seq} was forgotten and not handled"));
        }
    }

    /// What a subscriber has moved past was handled or is parked.
    pub fn check_passed(&mut self, tenant: TenantId, subscriber: &'static str, from: i64, to: i64) {
        let Some(log) = self.store.log(tenant) else { return };
        let passed = log.after(from, usize::try_from(to - from).unwrap_or(0));
        let lost = passed.iter().find(|event| {
            let place = Place {
                tenant,
                subscriber,
                key: event.stream,
            };
            !self.is_handled(subscriber, tenant, event) && !self.store.parked.holds_event(place, event.seq)
        });
        if let Some(seq) = lost.map(|event| event.seq) {
            self.books
                .violate(|| format!("{subscriber} moved past {seq}, neither handled nor parked"));
        }
    }

    /// A message has its effect.
    pub fn consumed(&mut self, tenant: TenantId, event: EventId) {
        if !self.books.consumed.insert((tenant, event)) {
            self.books
                .violate(|| format!("the message {event} has two effects"));
        }
    }

    /// A message becomes a dead letter.
    pub fn buried(&mut self, message: &Message) {
        self.books.counts.buried += 1;
        self.note("buried", message.event.seq.unsigned_abs(), || message.deliveries);
        if !self.swarm.has(Fault::Poison) {
            let event = message.event.id;
            self.books
                .violate(|| format!("the message {event} was given up and nothing is wrong with it"));
        }
    }

    /// Nobody delivers a message any more: it has had its effect, or is listed.
    pub fn disposed_of(&mut self, tenant: TenantId, event: EventId) {
        let is_listed = self.store.letter(tenant, event).is_some();
        if !is_listed && !self.books.consumed.contains(&(tenant, event)) {
            self.books.violate(|| format!("the message {event} is lost"));
        }
    }

    /// A router was written to, so that it holds `state`.
    pub fn written(&mut self, tenant: TenantId, subscription: Uuid, state: &DesiredState) {
        self.books.counts.writes += 1;
        let newest = self.books.written.entry(subscription).or_default();
        let newer = *newest;
        *newest = newer.max(state.version);
        let owner = self.books.owners.get(&subscription).copied();
        if owner != Some(tenant) {
            self.books
                .violate(|| format!("{tenant} wrote a line of {owner:?} to a router"));
        }
        // A clock that is set may end a lease before its time: then only the end counts.
        let overtaken = state.version < newer && !self.swarm.has(Fault::ClockSet);
        if overtaken {
            let version = state.version;
            self.books
                .violate(|| format!("version {version} was written to a router after version {newer}"));
        }
    }

    /// The messenger took a message.
    pub fn sent(&mut self, message: MessageId) {
        self.books.counts.messages += 1;
        let times = self.messenger.take(message);
        self.note("sent", u64::from(times), || message);
        if times > 1 {
            self.books
                .violate(|| format!("the message {message} was sent {times} times"));
        }
    }
}
