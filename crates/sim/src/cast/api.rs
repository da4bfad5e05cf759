//! The front door's part: commands of people, checkouts at the gateway, and the hook that takes its notices.

use simpul_domain::{
    AttemptId, CommandId, GatewayId, TenantId,
    billing::{
        MerchantRef,
        attempt::CreateFailure,
        gateway::{Checkout, Observation},
    },
};
use uuid::Uuid;

use super::command::{Answer, Command, Context, Failure, Planned, Receipt, dispatch};
use crate::{
    faults::Fault,
    model::{
        gateway::Order,
        store::{NoticeState, StoredNotice},
    },
    news::Topics,
    plant::Plant,
    stage::Seat,
    world::World,
};

/// Every operator has one gateway account.
pub(crate) fn gateway_of(tenant: TenantId) -> GatewayId {
    GatewayId::derive(tenant.as_uuid(), "gateway")
}

/// Serves one request of a person, and what it entails.
pub(super) async fn serve(seat: &Seat, context: Context, command: &Command) -> Result<Receipt, Failure> {
    let receipt = dispatch(seat, context, command).await?;
    if let (Answer::Planned(plan), false) = (&receipt.answer, receipt.repeated) {
        seat.pause().await;
        ask(seat, context.tenant, plan).await?;
    }
    Ok(receipt)
}

/// Asks the gateway for a checkout and records what it says; whether it answered.
pub(super) async fn ask(seat: &Seat, tenant: TenantId, plan: &Planned) -> Result<bool, Failure> {
    let checkout = seat.with(|world| create(world, tenant, plan));
    seat.pause().await;
    let Some(checkout) = checkout else {
        record_failed(seat, tenant, plan.attempt, CreateFailure::OutcomeUnknown).await?;
        return Ok(false);
    };
    record_checkout(seat, tenant, plan.attempt, checkout).await?;
    Ok(true)
}

fn create(world: &mut World, tenant: TenantId, plan: &Planned) -> Option<Checkout> {
    let silent = world.swarm.strikes(Fault::GatewaySilent);
    if silent && world.swarm.numbers(Fault::GatewaySilent).below(2) == 0 {
        return None;
    }
    let order = world.gateway.create(&Order {
        tenant,
        attempt: Some(plan.attempt),
        order_ref: plan.merchant_ref.to_string(),
        provider_ref: String::new(),
        amount: plan.amount,
        payer_fee: plan.payer_fee,
        expires_at: plan.expires_at,
    });
    world.news.tell(Topics::PEOPLE);
    checkout(&order).filter(|_| !silent)
}

fn checkout(order: &Order) -> Option<Checkout> {
    Some(Checkout {
        provider_ref: order.provider_ref.clone(),
        payer_amount: order.amount.add(order.payer_fee).ok()?,
        payer_fee: order.payer_fee,
        merchant_fee: simpul_domain::Rupiah::ZERO,
        pay_url: None,
        pay_code: None,
        qr_string: None,
        expires_at: order.expires_at,
    })
}

/// The checkout that an earlier request has opened.
pub(super) fn find(seat: &Seat, merchant_ref: &MerchantRef) -> Option<Checkout> {
    seat.with(|world| checkout(world.gateway.find(merchant_ref.as_str())?))
}

pub(super) async fn record_checkout(
    seat: &Seat,
    tenant: TenantId,
    attempt: AttemptId,
    checkout: Checkout,
) -> Result<(), Failure> {
    let what = format!("payment.record_checkout/{}", checkout.provider_ref);
    let command = Command::RecordCheckout { attempt, checkout };
    record(seat, tenant, attempt, &what, command).await
}

pub(super) async fn record_failed(
    seat: &Seat,
    tenant: TenantId,
    attempt: AttemptId,
    failure: CreateFailure,
) -> Result<(), Failure> {
    let command = Command::RecordCreateFailed { attempt, failure };
    record(seat, tenant, attempt, "payment.record_create_failed/", command).await
}

async fn record(
    seat: &Seat,
    tenant: TenantId,
    attempt: AttemptId,
    what: &str,
    command: Command,
) -> Result<(), Failure> {
    let id = CommandId::derive(attempt.as_uuid(), what);
    dispatch(seat, Context::new(tenant, id), &command).await.map(drop)
}

/// Takes a notice in; whether it may be answered with 2xx.
pub(super) async fn hook(seat: &Seat, tenant: TenantId, observation: Observation) -> bool {
    seat.pause().await;
    if seat.with(|world| world.is_planted(Plant::NoticeNotStored)) {
        // A planted bug: the sender has its answer, and the notice is in nobody's memory but ours.
        seat.spawn("notice in memory", |seat| async move {
            seat.pause().await;
            let gateway = gateway_of(tenant);
            let context = Context::new(tenant, CommandId::new(seat.with(World::new_uuid)));
            let notice = None;
            let command = Command::Book {
                gateway,
                observation,
                notice,
            };
            // Nobody hears of a failure.
            let _ = dispatch(&seat, context, &command).await;
        });
        return true;
    }
    seat.with(|world| {
        if !world.store_answers() {
            return false;
        }
        let Observation {
            provider_ref,
            state,
            given_back,
            ..
        } = &observation;
        let dedup_key = format!("{provider_ref}/{state:?}/{given_back:?}");
        let id = notice_id(world, &dedup_key);
        let notice = StoredNotice {
            observation,
            dedup_key,
            state: NoticeState::Waiting,
        };
        let now_ms = world.wall_ms(seat.host);
        world.store.store_notice(tenant, id, notice, now_ms);
        world.news.tell(Topics::NOTICES);
        true
    })
}

fn notice_id(world: &mut World, _: &str) -> Uuid {
    world.new_uuid()
}
