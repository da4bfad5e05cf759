//! `simpul dead-letters|parked|parcels|lanes|notices list|show|retry|discard`: what is stuck, and what is done about
//! it. Every act is a command of the bus, recorded with who did it and why.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};
use simpul_adapters::work_loop::Wake;
use simpul_api::repairs::Tried;
use simpul_app::operations::{DiscardStuck, RetryStuck};
use simpul_domain::{CorrelationId, NoticeId, ParcelId, TenantId, operations::Stuck};
use simpul_event_store::{
    Actor, Bus, Context, EventStore, TenantTx,
    feed::parked,
    inline::{dead_letter, lane, notice, outbox},
};

use super::say;
use crate::{
    cli::{DeadLetterKey, LaneKey, NoticeKey, ParcelKey, ParkedKey, Pile, Signature},
    config::Config,
    wiring,
};

/// Most rows of a list.
const MAX_ROWS: i64 = 500;

/// Which pile.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    DeadLetter,
    ParkedKey,
    Parcel,
    Lane,
    Notice,
}

pub(crate) async fn run<K: Args + Into<Stuck>>(
    config: &Config,
    kind: Kind,
    command: Pile<K>,
) -> anyhow::Result<ExitCode> {
    let store = wiring::store(config)?;
    match command {
        Pile::List { tenant } => {
            let mut tx = store.db().tenant_tx(tenant).await?;
            let rows = list(&mut tx, kind).await?;
            tx.commit().await?;
            rows.iter().for_each(say);
        }
        Pile::Show { tenant, key } => {
            let stuck = key.into();
            let mut tx = store.db().tenant_tx(tenant).await?;
            let rows = show(&mut tx, &stuck).await?;
            tx.commit().await?;
            rows.iter().for_each(say);
            if rows.is_empty() {
                bail!("the tenant has no such {}", stuck.what());
            }
        }
        Pile::Retry {
            tenant,
            key,
            signature,
        } => retry(&Bus::new(store), tenant, key.into(), signature).await?,
        Pile::Discard {
            tenant,
            key,
            signature,
        } => discard(&Bus::new(store), tenant, key.into(), signature).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(tx: &mut TenantTx, kind: Kind) -> anyhow::Result<Vec<Value>> {
    Ok(match kind {
        Kind::DeadLetter => {
            let letters = dead_letter::list(tx, MAX_ROWS).await?;
            letters.iter().map(letter_line).collect()
        }
        Kind::ParkedKey => {
            let parked = parked::list(tx, MAX_ROWS).await?;
            parked.iter().map(parked_line).collect()
        }
        Kind::Parcel => {
            let parcels = outbox::stuck(tx, MAX_ROWS).await?;
            parcels.iter().map(parcel_line).collect()
        }
        Kind::Lane => {
            let lanes = lane::stuck(tx, MAX_ROWS).await?;
            lanes.iter().map(lane_line).collect()
        }
        Kind::Notice => {
            let notices = notice::stuck(tx, MAX_ROWS).await?;
            notices.iter().map(notice_line).collect()
        }
    })
}

async fn show(tx: &mut TenantTx, stuck: &Stuck) -> anyhow::Result<Vec<Value>> {
    Ok(match stuck {
        Stuck::DeadLetter { consumer, message } => {
            let letter = dead_letter::find(tx, consumer, *message).await?;
            let with_envelope = letter.map(|letter| {
                let mut line = letter_line(&letter);
                line["envelope"] = letter.envelope;
                line
            });
            with_envelope.into_iter().collect()
        }
        Stuck::ParkedKey { subscriber, key } => {
            let parked = parked::of_key(tx, subscriber, key, MAX_ROWS).await?;
            parked.iter().map(parked_line).collect()
        }
        Stuck::Parcel { parcel } => {
            let parcel = outbox::status(tx, *parcel).await?;
            parcel.iter().map(parcel_line).collect()
        }
        Stuck::Lane { lane, subject } => {
            let lane = lane::status(tx, lane, subject).await?;
            lane.iter().map(lane_line).collect()
        }
        Stuck::Notice { notice } => {
            let notice = notice::status(tx, *notice).await?;
            notice.iter().map(notice_line).collect()
        }
    })
}

fn letter_line(letter: &dead_letter::DeadLetter) -> Value {
    json!({
        "consumer": letter.consumer,
        "event": letter.message,
        "reason": letter.reason,
        "died_at": letter.died_at,
    })
}

fn parked_line(parked: &parked::Parked) -> Value {
    json!({
        "subscriber": parked.subscriber,
        "key": parked.key,
        "seq": parked.tenant_seq,
        "error": parked.error,
        "parked_at": parked.parked_at,
    })
}

fn parcel_line(parcel: &outbox::Status) -> Value {
    json!({
        "id": ParcelId::new(parcel.id),
        "channel": parcel.channel,
        "state": parcel.state,
        "attempts": parcel.attempts,
        "due_at": parcel.due_at,
        "error": parcel.last_error,
        "refused": parcel.refused,
    })
}

fn lane_line(lane: &lane::Status) -> Value {
    json!({
        "lane": lane.kind,
        "subject": lane.subject,
        "target": lane.target,
        "state": lane.state,
        "wanted": lane.wanted,
        "confirmed": lane.confirmed,
        "attempts": lane.attempts,
        "due_at": lane.due_at,
        "error": lane.last_error,
    })
}

fn notice_line(notice: &notice::Status) -> Value {
    json!({
        "id": NoticeId::new(notice.id),
        "connection": notice.connection,
        "state": notice.state,
        "attempts": notice.attempts,
        "repeats": notice.repeats,
        "received_at": notice.received_at,
        "outcome": notice.outcome,
    })
}

async fn retry(bus: &Bus, tenant: TenantId, stuck: Stuck, signature: Signature) -> anyhow::Result<()> {
    let command = RetryStuck {
        stuck: stuck.clone(),
        reason: signature.reason,
        by: Some(signature.by),
    };
    let receipt = bus.dispatch(context(bus.store(), tenant), command).await?;
    let repairs = wiring::repairs(bus.clone(), Wake::default());
    match repairs.perform(tenant, &stuck).await {
        Tried::Ordered => say(format_args!("{}: its worker takes it up", receipt.answer)),
        Tried::Handled => say(format_args!("{}: handled", receipt.answer)),
        Tried::FailedAgain { why } => bail!("{} has failed again: {why}", stuck.what()),
    }
    Ok(())
}

async fn discard(bus: &Bus, tenant: TenantId, stuck: Stuck, signature: Signature) -> anyhow::Result<()> {
    let command = DiscardStuck {
        stuck,
        reason: signature.reason,
        by: Some(signature.by),
    };
    let receipt = bus.dispatch(context(bus.store(), tenant), command).await?;
    say(format_args!("{}: discarded", receipt.answer));
    Ok(())
}

fn context(store: &EventStore, tenant: TenantId) -> Context {
    let command_id = store.new_command_id();
    Context {
        tenant,
        actor: Actor::System("cli"),
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        correlation: CorrelationId::new(command_id.as_uuid()),
        cause: None,
        command_id,
        effective_at: None,
        dry_run: false,
        expected_version: None,
    }
}

impl From<DeadLetterKey> for Stuck {
    fn from(key: DeadLetterKey) -> Self {
        Self::DeadLetter {
            consumer: key.consumer,
            message: key.event,
        }
    }
}

impl From<ParkedKey> for Stuck {
    fn from(key: ParkedKey) -> Self {
        Self::ParkedKey {
            subscriber: key.subscriber,
            key: key.key,
        }
    }
}

impl From<ParcelKey> for Stuck {
    fn from(key: ParcelKey) -> Self {
        Self::Parcel { parcel: key.id }
    }
}

impl From<LaneKey> for Stuck {
    fn from(key: LaneKey) -> Self {
        Self::Lane {
            lane: key.lane,
            subject: key.subject,
        }
    }
}

impl From<NoticeKey> for Stuck {
    fn from(key: NoticeKey) -> Self {
        Self::Notice { notice: key.id }
    }
}
