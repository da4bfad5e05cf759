//! What must hold when nothing fails any more and time has passed: everything has settled, and as promised.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use simpul_domain::{
    AnyEvent, Decider as _, EventId, InvoiceId, MessageId, Rupiah, SubscriptionId, TenantId,
    accounting::RadiusSession,
    billing::{
        Attempt, Invoice, InvoiceEvent, Payment,
        attempt::AttemptStatus,
        invoice::InvoiceStatus,
        payment::{PaymentStatus, gateway_payment_id},
    },
    identity::{Session, session::SessionStatus},
    messaging::{
        Message, MessageKind,
        message::{MessageStatus, message_id},
    },
    network::{
        Provisioning,
        desired::{Account, DesiredState, desired},
    },
    subscriptions::{Subscription, SubscriptionStatus, subscription::SubscriptionEvent},
};
use simpul_event_store::inline::radius;

use crate::{
    cast::{
        api::gateway_of,
        consumer::wish_of,
        services::{Facts, apply},
        subscribers,
        use_case::USERNAME,
    },
    model::{
        gateway::{GivenBack, Paid},
        lane::LaneState,
        log::Log,
        store::NoticeState,
    },
    world::{Operator, World},
};

/// How far a clock may run ahead.
const MAX_AHEAD: TimeDelta = TimeDelta::hours(2);

/// Why the world has not come to rest; nothing when it has.
pub fn unsettled(world: &World) -> Option<&'static str> {
    if world.households > 0 {
        return Some("somebody still wants something");
    }
    if world.busy.get() > 0 {
        return Some("somebody is in the middle of something");
    }
    if subscribers()
        .iter()
        .any(|name| !world.store.backlog(name).is_empty())
    {
        return Some("a subscriber is behind");
    }
    if !world.store.parked.is_empty() {
        return Some("events are parked");
    }
    if world.store.letters().next().is_some() {
        return Some("a dead letter is listed");
    }
    if !world.broker.is_empty() {
        return Some("the broker holds messages");
    }
    if !world.spool.is_empty() {
        return Some("FreeRADIUS has packets on its disk");
    }
    if !world.gateway.notices.is_empty() {
        return Some("the gateway has notices to send");
    }
    let rows = [
        (world.store.timers.open(), "a timer waits"),
        (world.store.outbox.open(), "a parcel waits"),
        (world.store.lanes.open(), "a lane waits"),
        (world.store.notices.open(), "a notice waits"),
    ];
    rows.into_iter().find(|(open, _)| *open > 0).map(|(_, what)| what)
}

/// The first promise that does not hold.
pub fn broken_promise(world: &World) -> Option<String> {
    money(world)
        .or_else(|| acknowledged(world))
        .or_else(|| tables(world))
        .or_else(|| {
            world.operators.iter().find_map(|operator| {
                let log = world.store.log(operator.tenant)?;
                consumed(world, operator.tenant, log)
                    .or_else(|| names(log))
                    .or_else(|| invoices(world, operator, log))
                    .or_else(|| lines(world, operator, log))
                    .or_else(|| messages(world, log))
                    .or_else(|| attempts(log))
                    .or_else(|| sessions(world, operator.tenant, log))
                    .or_else(|| accounting(world, operator.tenant, log))
            })
        })
}

/// Every rupiah that was paid is booked, and what the payer got back has left.
fn money(world: &World) -> Option<String> {
    world.gateway.paid().iter().find_map(|paid| {
        let Paid {
            tenant,
            provider_ref,
            given_back,
            ..
        } = paid;
        if !world.books.is_booked(*tenant, provider_ref) {
            return Some(format!(
                "{} of {provider_ref} was paid and is not booked",
                paid.gross
            ));
        }
        let id = gateway_payment_id(*tenant, gateway_of(*tenant), provider_ref);
        let (payment, _) = world.store.log(*tenant)?.load::<Payment>(id.as_uuid());
        let PaymentStatus::Received { amount, .. } = payment.status() else {
            return None;
        };
        let expected = match given_back {
            GivenBack::Nothing => Rupiah::ZERO,
            GivenBack::Part(part) => (*part).min(*amount),
            GivenBack::All | GivenBack::ByBank => *amount,
        };
        let refunded = payment.refunded();
        (refunded != expected)
            .then(|| format!("{refunded} of {provider_ref} left the books, {given_back:?} was given back"))
    })
}

/// What was acknowledged is in the log.
fn acknowledged(world: &World) -> Option<String> {
    let known = |(tenant, id): &&(TenantId, simpul_domain::CommandId)| {
        let log = world.store.log(*tenant);
        log.is_none_or(|log| log.answer(*id).is_none())
    };
    let lost = world.books.acknowledged.iter().find(known);
    lost.map(|(_, id)| format!("the command {id} was acknowledged and is not in the log"))
}

/// Nothing failed for good, and a rebuild of the read model gives the read model.
fn tables(world: &World) -> Option<String> {
    let notice = world
        .store
        .notices
        .rows()
        .find(|(_, _, row)| row.body.state == NoticeState::Failed);
    if let Some((_, id, _)) = notice {
        return Some(format!("the notice {id} was given up"));
    }
    let lane = world
        .store
        .lanes
        .rows()
        .find(|(_, _, row)| row.body.state == LaneState::Failed);
    if let Some((_, id, _)) = lane {
        return Some(format!("the lane {id} has failed"));
    }
    let mut rebuilt = Facts::new();
    for (tenant, log) in &world.store.logs {
        for recorded in log.events() {
            if let AnyEvent::Subscription(event) = &recorded.event {
                let id = SubscriptionId::new(recorded.stream.1);
                apply(&mut rebuilt, *tenant, id, recorded.seq.unsigned_abs(), event);
            }
        }
    }
    (rebuilt != world.store.services).then(|| "the read model is not its rebuild".to_owned())
}

fn streams<'a>(log: &'a Log, kind: &'static str) -> impl Iterator<Item = uuid::Uuid> + 'a {
    log.streams()
        .filter(move |(known, _)| *known == kind)
        .map(|(_, id)| id)
}

/// Every event that concerns the consumer had its effect.
fn consumed(world: &World, tenant: TenantId, log: &Log) -> Option<String> {
    let mut events = log.events().iter();
    let lost = events
        .find(|event| wish_of(world, tenant, event).is_some() && !world.store.is_taken_in(tenant, event.id));
    lost.map(|event| format!("event {} never reached its consumer", event.seq))
}

/// A session's stream says of it what its row says.
fn sessions(world: &World, tenant: TenantId, log: &Log) -> Option<String> {
    world.store.sessions.of(tenant).find_map(|(session, row)| {
        let status = log.load::<Session>(session.as_uuid()).0.status();
        let is_told = matches!(status, SessionStatus::Ended { .. });
        (is_told != row.has_ended).then(|| format!("{session} has ended: {}, told: {is_told}", row.has_ended))
    })
}

/// Every line has its name until it is off its router, and not longer.
fn names(log: &Log) -> Option<String> {
    streams(log, Subscription::TYPE).find_map(|id| {
        let AnyEvent::Subscription(SubscriptionEvent::Opened(opened)) =
            &log.stream((Subscription::TYPE, id)).first()?.event
        else {
            return None;
        };
        let name = format!("{}/{}", opened.router, opened.username);
        let is_over = log.load::<Subscription>(id).0.status() == SubscriptionStatus::Terminated;
        let has_name = log.claimed_by(USERNAME, &name) == Some(id);
        (has_name == is_over)
            .then(|| format!("the line {id}, over: {is_over}, has its name {name}: {has_name}"))
    })
}

/// Whatever is due and unpaid has fallen overdue.
fn invoices(world: &World, operator: &Operator, log: &Log) -> Option<String> {
    let today = operator.zone.date_at(world.wall(None));
    streams(log, Invoice::TYPE).find_map(|id| {
        let (invoice, _) = log.load::<Invoice>(id);
        let late = invoice.is_open() && invoice.due_on().is_some_and(|due_on| due_on < today);
        (late && invoice.status() != InvoiceStatus::Overdue).then(|| {
            let (invoice_id, status) = (InvoiceId::new(id), invoice.status());
            format!("the invoice {invoice_id} is late and {status:?}")
        })
    })
}

/// Nobody with nothing overdue is isolated, whoever is overdue past the grace is, and routers hold what is wanted.
fn lines(world: &World, operator: &Operator, log: &Log) -> Option<String> {
    let now = world.wall(None);
    // A clock that ran ahead may have isolated somebody a little early.
    let (today, soon) = (operator.zone.date_at(now), operator.zone.date_at(now + MAX_AHEAD));
    let mut ripe: BTreeMap<SubscriptionId, InvoiceId> = BTreeMap::new();
    let mut ripe_soon: BTreeMap<SubscriptionId, InvoiceId> = BTreeMap::new();
    for recorded in log.events() {
        let AnyEvent::Invoice(InvoiceEvent::Issued(issued)) = &recorded.event else {
            continue;
        };
        let Some(subscription) = issued.billed.subscription() else {
            continue;
        };
        let (invoice, _) = log.load::<Invoice>(recorded.stream.1);
        let last_day = issued.due_on + chrono::Days::new(u64::from(operator.grace_days));
        if invoice.is_open() && today > last_day {
            ripe.insert(subscription, issued.invoice);
        }
        if invoice.is_open() && soon > last_day {
            ripe_soon.insert(subscription, issued.invoice);
        }
    }
    streams(log, Subscription::TYPE).find_map(|id| {
        let subscription = SubscriptionId::new(id);
        let (line, _) = log.load::<Subscription>(id);
        match (line.status(), ripe.get(&subscription)) {
            (SubscriptionStatus::Isolated, None) if !ripe_soon.contains_key(&subscription) => {
                Some(format!("{subscription} is isolated and nothing is overdue"))
            }
            (SubscriptionStatus::Active, Some(invoice)) => Some(format!(
                "{subscription} is active and {invoice} is overdue past the grace"
            )),
            _ => router(world, operator, log, subscription),
        }
    })
}

fn router(world: &World, operator: &Operator, log: &Log, subscription: SubscriptionId) -> Option<String> {
    let facts = world.store.services.get(&(operator.tenant, subscription))?;
    let state = desired(facts, &operator.isolir)?;
    let (proof, _) = log.load::<Provisioning>(subscription.as_uuid());
    if proof.confirmed_version() != Some(state.version) {
        let confirmed = proof.confirmed_version();
        return Some(format!(
            "{subscription} wants version {} and {confirmed:?} is proved",
            state.version
        ));
    }
    differs(world, &state).map(|what| format!("{subscription} on its router: {what}"))
}

/// How a router differs from what it should hold.
fn differs(world: &World, state: &DesiredState) -> Option<String> {
    let router = world.routers.get(&state.router)?;
    let marked = |comment: &str| comment.split_whitespace().any(|word| word == state.marker);
    let ours: Vec<_> = router
        .secrets
        .values()
        .filter(|kept| marked(&kept.comment))
        .collect();
    let sessions: Vec<_> = router
        .sessions
        .iter()
        .filter(|live| live.name == state.username.as_str())
        .collect();
    let Account::Present {
        profile, disabled, ..
    } = &state.account
    else {
        return (!ours.is_empty() || !sessions.is_empty()).then(|| "it should not be there".to_owned());
    };
    let [kept] = ours.as_slice() else {
        return Some(format!("{} secrets are its own", ours.len()));
    };
    if kept.profile != profile.as_str() || kept.disabled != *disabled {
        let (is, is_disabled) = (&kept.profile, kept.disabled);
        return Some(format!(
            "{is}, disabled {is_disabled}; wanted {profile}, disabled {disabled}"
        ));
    }
    if kept.password != state.secret.as_str() {
        return Some("its password is an old one".to_owned());
    }
    if *disabled && !sessions.is_empty() {
        return Some("a session goes on without service".to_owned());
    }
    let old = sessions.iter().find(|live| live.profile != profile.as_str());
    old.map(|live| format!("a session goes on with the old profile {}", live.profile))
}

/// Every fact that a customer is told of was told once, or is known not to have been.
fn messages(world: &World, log: &Log) -> Option<String> {
    let told = log.events().iter().filter_map(|recorded| {
        let kind = match &recorded.event {
            AnyEvent::Invoice(InvoiceEvent::Issued(issued)) if issued.total.is_positive() => {
                MessageKind::InvoiceCreated
            }
            AnyEvent::Invoice(InvoiceEvent::FellOverdue(_)) => MessageKind::InvoiceOverdue,
            AnyEvent::Invoice(InvoiceEvent::Paid(paid)) if paid.payment.is_some() => MessageKind::InvoicePaid,
            _ => return None,
        };
        Some((recorded.id, kind))
    });
    let untold = |(event, kind): (EventId, MessageKind)| {
        let id = message_id(event, kind);
        let (message, _) = log.load::<Message>(id.as_uuid());
        (message.status() == MessageStatus::Absent).then(|| format!("{kind:?} of {event} was never told"))
    };
    let mut told = told;
    told.find_map(untold).or_else(|| {
        streams(log, Message::TYPE).find_map(|id| {
            let (message, _) = log.load::<Message>(id);
            let times = world.messenger.taken(MessageId::new(id));
            match (message.status(), times) {
                (MessageStatus::Queued, _) => Some(format!("the message {id} waits for ever")),
                (MessageStatus::Accepted, 0) | (MessageStatus::Failed, 1) => Some(format!(
                    "the message {id} is {:?} and was taken {times} times",
                    message.status()
                )),
                _ => None,
            }
        })
    })
}

/// No attempt is left without an answer, nor one of which its gateway could tell the end.
fn attempts(log: &Log) -> Option<String> {
    streams(log, Attempt::TYPE).find_map(|id| {
        let (attempt, _) = log.load::<Attempt>(id);
        let open = matches!(attempt.status(), AttemptStatus::Created | AttemptStatus::Pending);
        open.then(|| format!("the attempt {id} was left half-way"))
    })
}

/// What routers told last is what is recorded, in rows and in the log; who was told to be offline is.
fn accounting(world: &World, tenant: TenantId, log: &Log) -> Option<String> {
    let mut told = world.books.told_of(tenant);
    told.find_map(|(session, told)| {
        let Some((_, radius::Session { row, version })) = world.store.accounting.session(tenant, session)
        else {
            return Some(format!("nobody knows of the session {session}"));
        };
        let (stream, stands_at) = log.load::<RadiusSession>(session.as_uuid());
        let usage = row.meter.usage;
        if usage != told.usage {
            return Some(format!(
                "{session} used {:?}, and {usage:?} is recorded",
                told.usage
            ));
        }
        if *version != 0 && (*version != stands_at || stream != RadiusSession::of(row)) {
            return Some(format!(
                "the row of {session} stands at {version}, its stream at {stands_at}"
            ));
        }
        if told.stopped && row.is_open() {
            return Some(format!("{session} is over, and nobody knows"));
        }
        if stream.usage() != row.said.usage || (!row.is_open() && row.said.usage != usage) {
            return Some(format!(
                "the log says {:?} of {session}, not {usage:?}",
                stream.usage()
            ));
        }
        None
    })
}
