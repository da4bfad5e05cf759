//! What tests of the platform's bills do and look up.

use chrono::{DateTime, Utc};
use simpul_app::{
    Personal,
    billing::{BookObservation, ConnectGateway, OpenCheckout},
    saas::{ConnectPlatformGateway, MarkBillPaid},
};
use simpul_domain::{
    Decider, GatewayId, InvoiceId, Rupiah, TenantId,
    billing::{
        Invoice,
        gateway::{Currency, GatewayKind, Observation, ObservedState},
        gateway_account::GatewayMode,
    },
    platform::Account,
    saas::{Statement, statement::StatementStatus},
};
use simpul_event_store::{Actor, Recorded, feed, inline::timer::Timer};

use crate::rig::Rig;

/// The platform's timers that policies know and that are due.
pub(super) async fn due(rig: &Rig) -> Vec<Timer> {
    let mut due = rig.due(TenantId::PLATFORM).await;
    due.retain(is_of_policies);
    due
}

fn is_of_policies(timer: &Timer) -> bool {
    timer.kind != "payment.checkout"
}

pub(super) async fn fire_due(rig: &Rig) {
    rig.fire_due(TenantId::PLATFORM, is_of_policies).await;
}

/// Goes on to the first hour of a day in Jakarta, and lets happen what is due.
pub(super) async fn on(rig: &Rig, date: &str) {
    let at: DateTime<Utc> = format!("{date}T01:00:00+07:00").parse().expect("an instant");
    rig.test.clock().set(at);
    fire_due(rig).await;
}

pub(super) async fn platform_log(rig: &Rig) -> Vec<Recorded> {
    feed::page(rig.store(), TenantId::PLATFORM, 0, 10_000)
        .await
        .expect("the log")
}

/// The bills that were issued, with their numbers, oldest first.
pub(super) async fn bills(rig: &Rig) -> Vec<(InvoiceId, String, i64)> {
    let log = platform_log(rig).await;
    log.iter()
        .filter(|event| event.event_type == "billing.invoice.issued")
        .map(|event| {
            let content = &event.payload.value()["billing.invoice.issued"];
            (
                event.aggregate_id.parse().expect("an id"),
                content["number"].as_str().expect("a number").to_owned(),
                content["total"].as_i64().expect("an amount"),
            )
        })
        .collect()
}

pub(super) async fn load<A: Decider>(rig: &Rig, tenant: TenantId, id: &str) -> A {
    rig.store().load::<A>(tenant, id).await.expect("loads").0
}

pub(super) async fn invoice(rig: &Rig, id: InvoiceId) -> Invoice {
    load::<Invoice>(rig, TenantId::PLATFORM, &id.to_string()).await
}

pub(super) async fn statement(rig: &Rig, tenant: TenantId, id: InvoiceId) -> StatementStatus {
    load::<Statement>(rig, tenant, &id.to_string()).await.status()
}

pub(super) async fn lock(rig: &Rig, tenant: TenantId) -> Option<String> {
    let account = load::<Account>(rig, TenantId::PLATFORM, &tenant.to_string()).await;
    account.panel_lock().map(str::to_owned)
}

pub(super) fn rupiah(amount: i64) -> Rupiah {
    Rupiah::try_new(amount).expect("an amount")
}

pub(super) fn paid(invoice: InvoiceId, amount: i64, reference: &str) -> MarkBillPaid {
    MarkBillPaid {
        invoice,
        amount: rupiah(amount),
        reference: reference.to_owned(),
        paid_at: None,
    }
}

pub(super) async fn gateway(rig: &Rig) -> GatewayId {
    let connect = ConnectPlatformGateway(ConnectGateway {
        kind: GatewayKind::Tripay,
        mode: GatewayMode::Sandbox,
        merchant_code: "T1".to_owned(),
        api_key: Personal::new("key"),
        signing_key: Personal::new("key"),
        fallback_email: "tagihan@simpul.test".to_owned(),
    });
    rig.govern(connect).await.expect("connected")
}

pub(super) async fn order(rig: &Rig, gateway: GatewayId, invoice: InvoiceId) -> String {
    let open = OpenCheckout {
        invoice,
        gateway,
        channel: "BRIVA".to_owned(),
        payer_fee: Rupiah::ZERO,
        merchant_fee: Rupiah::ZERO,
    };
    let planned = rig.ask(TenantId::PLATFORM, Actor::System("test"), open).await;
    planned.expect("planned").merchant_ref.as_str().to_owned()
}

pub(super) fn notice(
    rig: &Rig,
    gateway: GatewayId,
    order: &str,
    provider_ref: &str,
    gross: i64,
) -> BookObservation {
    BookObservation {
        gateway,
        observation: Observation {
            provider_ref: provider_ref.to_owned(),
            order_ref: order.to_owned(),
            state: ObservedState::Paid,
            gross: rupiah(gross),
            currency: Currency::Idr,
            payer_fee: None,
            merchant_fee: None,
            given_back: None,
            channel: Some("BRIVA".to_owned()),
            paid_at: Some(rig.store().now()),
            raw_sha256: "00".repeat(32),
        },
        notice: None,
    }
}
