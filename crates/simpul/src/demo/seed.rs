//! A demo operator: tenant, plan, router, customer, gateway and sender, each by the use case that the API uses.

use std::{fs, path::Path};

use anyhow::Context as _;
use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use simpul_adapters::standin::{fonnte, tripay};
use simpul_app::{
    Personal, Refusal,
    billing::{ConnectGateway, IssueInvoice},
    catalog::DefinePlan,
    customers::RegisterCustomer,
    messaging::{self, ConnectSender},
    network::{ChangeRouterAddress, RegisterRouter},
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
    tenancy::{Entitlements, Subdomain, Tenant, TenantSettings, settings::Dunning},
    within::Within,
};
use simpul_event_store::{Actor, Bus, Command, Context};
use simpul_routeros::sim::ServerHandle;

use super::surroundings::{PLAN_PROFILE, ROUTER_LOGIN, Surroundings};

/// Who and what the demo is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Operator {
    pub tenant: TenantId,
    pub owner: UserId,
    pub router: RouterId,
    pub gateway: GatewayId,
    /// Path on which the messenger reports.
    pub reports: String,
    pub subscription: SubscriptionId,
    pub username: String,
}

/// What the operator has outside: where the router is, and accounts at a gateway and a messenger.
#[derive(Debug, Clone)]
pub struct Accounts {
    pub router: RouterAddress,
    pub tripay: tripay::Settings,
    pub fonnte: fonnte::Settings,
}

impl Accounts {
    /// Those of simulators and stand-ins.
    pub fn of(around: &Surroundings) -> anyhow::Result<Self> {
        Ok(Self {
            router: router_address(&around.router)?,
            tripay: around.tripay_keys.clone(),
            fonnte: around.fonnte_keys.clone(),
        })
    }
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
        let receipt = self
            .bus
            .dispatch(self.context(), command)
            .await
            .with_context(|| format!("{} was refused", C::NAME))?;
        Ok(receipt.answer)
    }

    /// Of a command that nobody repeats.
    pub fn context(&self) -> Context {
        let command_id = self.bus.store().new_command_id();
        Context {
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
            expected_version: None,
        }
    }
}

/// The operator that `file` names if this database has it, else a new one. A router of before is gone: the simulator
/// of today takes its place.
pub async fn kept_operator(bus: &Bus, around: &Surroundings, file: &Path) -> anyhow::Result<Operator> {
    if let Some(operator) = kept(bus, file).await? {
        let hand = Hand {
            bus,
            tenant: operator.tenant,
            actor: Actor::User(operator.owner),
        };
        hand.ask(ChangeRouterAddress {
            router: operator.router,
            address: router_address(&around.router)?,
            username: ROUTER_LOGIN.0.to_owned(),
            password: Personal::new(ROUTER_LOGIN.1),
        })
        .await?;
        return Ok(operator);
    }
    let operator = operator(bus, &Accounts::of(around)?).await?;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    // Written last, so that an operator who was not finished is not taken for one.
    fs::write(file, serde_json::to_vec_pretty(&operator)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(operator)
}

async fn kept(bus: &Bus, file: &Path) -> anyhow::Result<Option<Operator>> {
    let Ok(text) = fs::read(file) else {
        return Ok(None);
    };
    let operator: Operator =
        serde_json::from_slice(&text).with_context(|| format!("cannot read {}", file.display()))?;
    let id = operator.tenant.to_string();
    let (tenant, _) = bus.store().load::<Tenant>(operator.tenant, &id).await?;
    Ok((tenant != Tenant::default()).then_some(operator))
}

/// Onboards an operator with one customer whose line is active.
pub async fn operator(bus: &Bus, accounts: &Accounts) -> anyhow::Result<Operator> {
    let ids = bus.store().ids();
    let (tenant, owner) = (TenantId::new(ids.next()), UserId::new(ids.next()));
    let suffix: String = tenant.to_string().chars().rev().take(8).collect();
    let settings = TenantSettings {
        dunning: Dunning {
            reminder_days: vec![-3],
            grace_days: Within::of::<3>(),
            ..Dunning::default()
        },
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
            invitation: None,
            entitlements: Entitlements::unlimited(),
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
    let router = hand
        .ask(RegisterRouter {
            name: "Router Utama".to_owned(),
            address: accounts.router.clone(),
            username: ROUTER_LOGIN.0.to_owned(),
            password: Personal::new(ROUTER_LOGIN.1),
            legacy_login: false,
        })
        .await?;
    let customer = hand
        .ask(RegisterCustomer {
            code: Some(CustomerCode::parse("C-0001")?),
            name: Personal::new("Budi Santoso"),
            phone: Personal::new("0812-3456-7890"),
            email: None,
        })
        .await?;
    let (gateway, reports) = connect_accounts(&hand, accounts).await?;
    let username = "budi@wifimaju".to_owned();
    let subscription = hand
        .ask(OpenSubscription {
            customer,
            plan,
            router,
            username: PppUsername::parse(&username)?,
            secret: Personal::new("kata-sandi-budi"),
            due_day: Some(due_day(bus)?),
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
        router,
        gateway,
        reports,
        subscription,
        username,
    })
}

/// Where a simulated router is, and by which certificate it is known.
pub(super) fn router_address(router: &ServerHandle) -> anyhow::Result<RouterAddress> {
    let address = router.tls_addr.context("the simulator has no TLS service")?;
    let fingerprint = router
        .fingerprint
        .as_ref()
        .context("the simulator has no certificate")?;
    Ok(RouterAddress {
        host: RouterHost::parse(&address.ip().to_string())?,
        port: address.port(),
        tls: TlsMode::Pinned {
            sha256: Sha256Hex::parse(&fingerprint.to_string())?,
        },
    })
}

/// The gateway and the messenger.
async fn connect_accounts(hand: &Hand<'_>, accounts: &Accounts) -> anyhow::Result<(GatewayId, String)> {
    let gateway = hand
        .ask(ConnectGateway {
            kind: GatewayKind::Tripay,
            mode: GatewayMode::Sandbox,
            merchant_code: accounts.tripay.merchant_code.clone(),
            api_key: Personal::new(accounts.tripay.api_key.expose_secret()),
            signing_key: Personal::new(accounts.tripay.private_key.expose_secret()),
            fallback_email: "tagihan@wifimaju.example".to_owned(),
        })
        .await?;
    let sender = hand
        .ask(ConnectSender {
            kind: SenderKind::Fonnte,
            token: Personal::new(accounts.fonnte.token.expose_secret()),
            device: Personal::new(accounts.fonnte.device.e164()),
        })
        .await?;
    let reports = messaging::hook_path(hand.bus.store(), hand.tenant, sender, SenderKind::Fonnte).await?;
    Ok((gateway, reports))
}

/// That of a day so far ahead that nothing is billed by itself before the story is told.
pub(super) fn due_day(bus: &Bus) -> anyhow::Result<DueDay> {
    let ahead = bus.store().now().date_naive() + Days::new(15);
    Ok(DueDay::try_new(u8::try_from(ahead.day())?)?)
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
