//! A demo operator: tenant, plan, router, customer, gateway and sender, each by the use case that the API uses.

use anyhow::Context as _;
use chrono::{DateTime, Days, NaiveDate, Utc};
use secrecy::ExposeSecret as _;
use simpul_app::{
    Personal, Refusal,
    billing::{ConnectGateway, ConnectedGateway, IssueInvoice},
    catalog::DefinePlan,
    customers::RegisterCustomer,
    messaging::ConnectSender,
    network::RegisterRouter,
    subscriptions::{Change, ChangeSubscription, OpenSubscription},
    tenancy::OnboardTenant,
};
use simpul_domain::{
    CorrelationId, GatewayId, InvoiceId, RouterId, Rupiah, SubscriptionId, TenantId, UserId,
    billing::{DueDay, gateway::GatewayKind, gateway_account::GatewayMode},
    customers::CustomerCode,
    messaging::sender::SenderKind,
    network::{PppProfile, RouterAddress, RouterHost, Sha256Hex, TlsMode},
    subscriptions::PppUsername,
    tenancy::{Subdomain, TenantSettings},
};
use simpul_event_store::{Actor, Bus, Command, Context};

use super::surroundings::{PLAN_PROFILE, ROUTER_LOGIN, Surroundings};

/// Who and what the demo is about.
#[derive(Debug, Clone)]
pub struct Operator {
    pub tenant: TenantId,
    pub owner: UserId,
    pub gateway: GatewayId,
    pub subscription: SubscriptionId,
    pub username: String,
}

/// Dispatches as a user or as the product.
#[derive(Debug)]
pub struct Hand<'a> {
    pub bus: &'a Bus,
    pub tenant: TenantId,
    pub actor: Actor,
}

impl Hand<'_> {
    pub async fn ask<C>(&self, command: C) -> anyhow::Result<C::Answer>
    where
        C: Command<Refusal = Refusal>,
    {
        let store = self.bus.store();
        let command_id = store.new_command_id();
        let context = Context {
            tenant: self.tenant,
            actor: self.actor.clone(),
            impersonator: None,
            ip: None,
            user_agent: Some("simpul demo".to_owned()),
            request_id: None,
            correlation: CorrelationId::new(command_id.as_uuid()),
            cause: None,
            command_id,
            effective_at: None,
            dry_run: false,
        };
        let receipt = self
            .bus
            .dispatch(context, command)
            .await
            .with_context(|| format!("{} was refused", C::NAME))?;
        Ok(receipt.answer)
    }
}

/// Onboards an operator with one customer whose line is active.
pub async fn operator(bus: &Bus, around: &Surroundings) -> anyhow::Result<Operator> {
    let ids = bus.store().ids();
    let (tenant, owner) = (TenantId::new(ids.next()), UserId::new(ids.next()));
    let suffix: String = tenant.to_string().chars().rev().take(8).collect();
    let settings = TenantSettings {
        grace_days: 3,
        ..TenantSettings::default()
    };
    let founder = Hand {
        bus,
        tenant,
        actor: Actor::System("demo"),
    };
    founder
        .ask(OnboardTenant {
            name: "WiFi Maju Jaya".to_owned(),
            subdomain: Subdomain::parse(&format!("wifi-maju-{suffix}"))?,
            settings,
            owner,
        })
        .await?;
    let hand = Hand {
        bus,
        tenant,
        actor: Actor::User(owner),
    };
    let plan = hand
        .ask(DefinePlan {
            name: "Paket 10 Mbps".to_owned(),
            download_kbps: 10_000,
            upload_kbps: 5_000,
            price: Rupiah::try_new(150_000)?,
            profile: PppProfile::parse(PLAN_PROFILE)?,
        })
        .await?;
    let router = register_router(&hand, around).await?;
    let customer = hand
        .ask(RegisterCustomer {
            code: CustomerCode::parse("C-0001")?,
            name: Personal::new("Budi Santoso"),
            phone: Personal::new("0812-3456-7890"),
            email: None,
        })
        .await?;
    let connected = connect_accounts(&hand, around).await?;
    let username = "budi@wifimaju".to_owned();
    let subscription = hand
        .ask(OpenSubscription {
            customer,
            plan,
            router,
            username: PppUsername::parse(&username)?,
            secret: Personal::new("kata-sandi-budi"),
            due_day: Some(DueDay::try_new(10)?),
            installed_on: NaiveDate::from_ymd_opt(2026, 1, 10).context("a date")?,
        })
        .await?;
    hand.ask(ChangeSubscription {
        subscription,
        change: Change::Activate,
    })
    .await?;
    Ok(Operator {
        tenant,
        owner,
        gateway: connected.gateway,
        subscription,
        username,
    })
}

async fn register_router(hand: &Hand<'_>, around: &Surroundings) -> anyhow::Result<RouterId> {
    let address = around
        .router
        .tls_addr
        .context("the simulator has no TLS service")?;
    let fingerprint = around
        .router
        .fingerprint
        .as_ref()
        .context("the simulator has no certificate")?;
    let router = hand
        .ask(RegisterRouter {
            name: "Router Utama".to_owned(),
            address: RouterAddress {
                host: RouterHost::parse(&address.ip().to_string())?,
                port: address.port(),
                tls: TlsMode::Pinned {
                    sha256: Sha256Hex::parse(&fingerprint.to_string())?,
                },
            },
            username: ROUTER_LOGIN.0.to_owned(),
            password: Personal::new(ROUTER_LOGIN.1),
            legacy_login: false,
            slot_limit: Some(2),
        })
        .await?;
    Ok(router)
}

/// The gateway and the messenger.
async fn connect_accounts(hand: &Hand<'_>, around: &Surroundings) -> anyhow::Result<ConnectedGateway> {
    let connected = hand
        .ask(ConnectGateway {
            kind: GatewayKind::Tripay,
            mode: GatewayMode::Sandbox,
            merchant_code: around.tripay_keys.merchant_code.clone(),
            api_key: Personal::new(around.tripay_keys.api_key.expose_secret()),
            signing_key: Personal::new(around.tripay_keys.private_key.expose_secret()),
            fallback_email: "tagihan@wifimaju.example".to_owned(),
        })
        .await?;
    hand.ask(ConnectSender {
        kind: SenderKind::Fonnte,
        token: Personal::new(around.fonnte_keys.token.expose_secret()),
        device: Personal::new(around.fonnte_keys.device.e164()),
    })
    .await?;
    Ok(connected)
}

/// Bills a month that fell due ten days ago: longer than the grace, so that the line is isolated at once.
pub async fn overdue_invoice(
    bus: &Bus,
    operator: &Operator,
    now: DateTime<Utc>,
) -> anyhow::Result<InvoiceId> {
    let hand = Hand {
        bus,
        tenant: operator.tenant,
        actor: Actor::User(operator.owner),
    };
    let due_on = now.date_naive() - Days::new(10);
    hand.ask(IssueInvoice {
        subscription: operator.subscription,
        due_on,
    })
    .await
}
