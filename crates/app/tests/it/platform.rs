//! From the platform's log into the tenants' and back: onboarding, plans, add-ons, lock, deletion.

use chrono::TimeDelta;
use simpul_app::{
    identity::letters::News,
    platform::{ChangeStanding, ChangeTerms, RenameAccount, Standing, Terms},
    tenancy::{CancelAddOnOrder, ChangeSettings, PlaceAddOnOrder, resolve},
};
use simpul_domain::{
    AddOnOrderId, Code, Coded as _, TenantId,
    platform::{Account, AddOnKey, PlanKey, account::AccountStatus},
    policy::TimerKind,
    tenancy::{
        AddOnOrder, Extra, Resource, Section, add_on_order::OrderStatus, settings::Dunning,
        tenant::TenantStatus,
    },
    within::Within,
};
use simpul_event_store::{
    Actor, Recorded, StoreError, TenantTx, audit, feed,
    inline::{directory, erasure},
};
use simpul_testkit::sql::Session;

use crate::{
    letters,
    limits::router,
    rig::{Rig, code, opening},
};

fn key(text: &str) -> AddOnKey {
    AddOnKey::parse(text).expect("a key")
}

fn place(text: &str, quantity: u32) -> PlaceAddOnOrder {
    PlaceAddOnOrder {
        key: key(text),
        quantity,
    }
}

async fn order(rig: &Rig, tenant: TenantId, order: AddOnOrderId) -> OrderStatus {
    let (state, _) = rig
        .store()
        .load::<AddOnOrder>(tenant, &order.to_string())
        .await
        .expect("loads");
    state.status()
}

async fn log(rig: &Rig, tenant: TenantId) -> Vec<Recorded> {
    feed::page(rig.store(), tenant, 0, 1_000).await.expect("the log")
}

fn terms(tenant: TenantId, terms: Terms) -> ChangeTerms {
    ChangeTerms { tenant, terms }
}

fn standing(tenant: TenantId, standing: Standing) -> ChangeStanding {
    ChangeStanding { tenant, standing }
}

fn settings(grace_days: u16) -> ChangeSettings {
    ChangeSettings {
        section: Section::from(Dunning {
            grace_days: Within::read(grace_days).expect("in range"),
            ..Dunning::default()
        }),
    }
}

#[tokio::test]
async fn an_account_becomes_a_tenant_with_the_limits_of_its_plan() {
    let rig = Rig::new().await;
    let tenant = rig.onboard("maju", "basic").await;
    assert_eq!(rig.tenant(tenant).await.status(), TenantStatus::Open);
    assert_eq!(rig.usage(tenant, "routers").await, (0, Some(2)));
    assert_eq!(rig.usage(tenant, "vouchers").await, (0, Some(15_000)));
    for number in 0..2 {
        rig.own(tenant, router(number)).await.expect("free");
    }
    let full = rig.own(tenant, router(3)).await;
    assert_eq!(code(&full), Some(Code::LimitReached));
    // What happened in the tenant's log is explained by an event of the platform's.
    let opened = log(&rig, TenantId::PLATFORM).await;
    let opened = opened
        .iter()
        .find(|event| event.event_type == "platform.account.opened")
        .expect("opened");
    let founded = &log(&rig, tenant).await[0];
    assert_eq!(founded.meta("causation_id"), Some(opened.event_id.to_string()));
}

#[tokio::test]
async fn a_subdomain_is_taken_once_also_while_its_tenant_is_not_founded_yet() {
    let rig = Rig::new().await;
    rig.govern(opening("maju", "basic")).await.expect("opened");
    assert_eq!(
        code(&rig.govern(opening("maju", "pro")).await),
        Some(Code::DuplicateEntry)
    );
    rig.settle().await;
    assert_eq!(
        code(&rig.govern(opening("maju", "pro")).await),
        Some(Code::DuplicateEntry)
    );
}

#[tokio::test]
async fn after_a_downgrade_what_is_there_stays_and_creates_are_refused() {
    let rig = Rig::new().await;
    let tenant = rig.onboard("maju", "pro").await;
    for number in 0..4 {
        rig.own(tenant, router(number)).await.expect("free");
    }
    let plan = |plan: &str| {
        let plan = PlanKey::parse(plan).expect("a plan");
        terms(
            tenant,
            Terms::Plan {
                plan,
                agreed_price: None,
            },
        )
    };
    rig.govern(plan("basic")).await.expect("changed");
    rig.settle().await;
    assert_eq!(rig.usage(tenant, "routers").await, (4, Some(2)));
    let refused = rig.own(tenant, router(5)).await;
    assert_eq!(code(&refused), Some(Code::LimitReached));
    rig.govern(terms(
        tenant,
        Terms::Override {
            resource: Resource::Routers,
            extra: Extra::By(3),
            price: simpul_domain::Rupiah::ONE,
        },
    ))
    .await
    .expect("overridden");
    rig.settle().await;
    rig.own(tenant, router(5)).await.expect("2 + 3 are granted");
}

#[tokio::test]
async fn an_add_on_that_needs_nobody_raises_the_limit_and_lowers_it_at_the_end_of_the_period() {
    let rig = Rig::new().await;
    let tenant = rig.onboard("maju", "basic").await;
    let placed = rig.own(tenant, place("extra_router", 2)).await.expect("placed");
    assert_eq!(order(&rig, tenant, placed).await, OrderStatus::Placed);
    rig.settle().await;
    assert_eq!(order(&rig, tenant, placed).await, OrderStatus::Active);
    assert_eq!(rig.usage(tenant, "routers").await, (0, Some(4)));
    rig.own(tenant, CancelAddOnOrder { order: placed })
        .await
        .expect("cancelled");
    rig.settle().await;
    assert_eq!(order(&rig, tenant, placed).await, OrderStatus::Ending);
    assert_eq!(rig.usage(tenant, "routers").await, (0, Some(4)));
    let ends = TimerKind::AddOnEnds {
        tenant,
        order: placed,
    };
    rig.test.clock().advance(TimeDelta::days(31));
    rig.fire(&ends).await;
    assert_eq!(order(&rig, tenant, placed).await, OrderStatus::Ended);
    assert_eq!(rig.usage(tenant, "routers").await, (0, Some(2)));
}

#[tokio::test]
async fn an_add_on_is_approved_or_rejected_with_a_reason_and_the_tenant_is_told() {
    let rig = Rig::new().await;
    let tenant = rig.onboard("maju", "basic").await;
    let label = rig.own(tenant, place("white_label", 1)).await.expect("placed");
    let agent = rig.own(tenant, place("ai_agent_admin", 1)).await.expect("placed");
    let moon = rig.own(tenant, place("extra_moon", 1)).await.expect("placed");
    rig.settle().await;
    assert_eq!(order(&rig, tenant, label).await, OrderStatus::Placed);
    assert_eq!(order(&rig, tenant, moon).await, OrderStatus::Rejected);
    rig.govern(terms(tenant, Terms::Approve { order: label }))
        .await
        .expect("approved");
    let reason = "not in this region".to_owned();
    rig.govern(terms(tenant, Terms::Reject { order: agent, reason }))
        .await
        .expect("rejected");
    rig.settle().await;
    assert_eq!(order(&rig, tenant, label).await, OrderStatus::Active);
    assert_eq!(order(&rig, tenant, agent).await, OrderStatus::Rejected);
    let told = log(&rig, tenant).await;
    let told = told
        .iter()
        .filter(|event| event.payload.as_str().contains("not in this region"));
    assert_eq!(told.count(), 1);
    let mut news = letters::news(&rig, tenant).await;
    news.retain(|(to, _)| to == "siti@wifimaju.example");
    let agent = News::AddOnRejected {
        add_on: "ai_agent_admin".to_owned(),
        reason: "not in this region".to_owned(),
    };
    let label = News::AddOnActivated {
        add_on: "white_label".to_owned(),
    };
    assert_eq!(news.len(), 3, "of the moon, too");
    for told in [agent, label] {
        assert_eq!(
            news.iter().filter(|(_, news)| *news == told).count(),
            1,
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn a_renamed_operator_is_called_so_in_its_own_log_and_keeps_its_subdomain() {
    let rig = Rig::new().await;
    let tenant = rig.onboard("maju", "basic").await;
    let rename = |name: &str| RenameAccount {
        tenant,
        name: name.to_owned(),
    };
    for name in ["Wifi Mundur", "Wifi Mundur", "Wifi Maju Terus"] {
        rig.govern(rename(name)).await.expect("renamed");
    }
    assert_eq!(code(&rig.govern(rename(" ")).await), Some(Code::ValidationError));
    rig.settle().await;
    let own = rig.tenant(tenant).await;
    assert_eq!(own.name(), "Wifi Maju Terus");
    assert_eq!(own.look().seller_name.as_deref(), Some("Wifi Maju Terus"));
    assert_eq!(own.subdomain().map(ToString::to_string).as_deref(), Some("maju"));
    let told = log(&rig, tenant).await;
    let told = told
        .iter()
        .filter(|event| event.event_type == "tenancy.tenant.renamed");
    assert_eq!(told.count(), 2);
}

#[tokio::test]
async fn an_owner_is_told_once_that_the_panel_is_locked_and_once_that_it_is_open() {
    let rig = Rig::new().await;
    let tenant = rig.onboard("maju", "basic").await;
    let lock = || Standing::LockPanel {
        reason: "abuse".to_owned(),
    };
    let locked = News::PanelLocked {
        reason: "abuse".to_owned(),
        unpaid: None,
    };
    let told = async || {
        let mut news = letters::news(&rig, tenant).await;
        news.retain(|(to, _)| to == "siti@wifimaju.example");
        news.into_iter().map(|(_, news)| news).collect::<Vec<_>>()
    };
    // Whoever locks what is locked tells nothing, nor does another change of what is granted.
    for step in [lock(), lock()] {
        rig.govern(standing(tenant, step)).await.expect("changed");
        rig.settle().await;
    }
    let plan = Terms::Plan {
        plan: PlanKey::parse("pro").expect("a plan"),
        agreed_price: None,
    };
    rig.govern(terms(tenant, plan)).await.expect("changed");
    rig.settle().await;
    assert_eq!(told().await, std::slice::from_ref(&locked));
    for step in [Standing::UnlockPanel, Standing::UnlockPanel] {
        rig.govern(standing(tenant, step)).await.expect("changed");
        rig.settle().await;
    }
    assert_eq!(told().await, [locked, News::PanelUnlocked]);
}

#[tokio::test]
async fn a_locked_panel_is_read_only_and_a_deactivated_tenant_lets_nobody_in() {
    let rig = Rig::new().await;
    let tenant = rig.onboard("maju", "basic").await;
    let reason = || "unpaid".to_owned();
    let steps = [
        (Standing::LockPanel { reason: reason() }, Some(Code::PanelLocked)),
        (Standing::UnlockPanel, None),
        (Standing::Deactivate { reason: reason() }, Some(Code::NotFound)),
        (Standing::Activate, None),
    ];
    for (grace_days, (step, refused)) in (10..).zip(steps) {
        rig.govern(standing(tenant, step)).await.expect("changed");
        rig.settle().await;
        assert_eq!(code(&rig.own(tenant, settings(grace_days)).await), refused);
    }
}

#[tokio::test]
async fn a_deleted_tenant_is_shredded_after_its_grace_and_another_is_not_touched() {
    let rig = Rig::new().await;
    let (gone, other) = (
        rig.onboard("maju", "basic").await,
        rig.onboard("lain", "basic").await,
    );
    for tenant in [gone, other] {
        rig.own(tenant, router(1)).await.expect("free");
    }
    let before = log(&rig, other).await;
    rig.govern(standing(gone, Standing::Delete))
        .await
        .expect("ordered");
    rig.settle().await;
    assert_eq!(code(&rig.own(gone, settings(9)).await), Some(Code::NotFound));
    rig.govern(standing(gone, Standing::Restore))
        .await
        .expect("restored");
    rig.settle().await;
    rig.own(gone, settings(9)).await.expect("as before");
    rig.govern(standing(gone, Standing::Delete))
        .await
        .expect("ordered again");
    rig.settle().await;
    let due_at = rig.store().now() + TimeDelta::days(30);
    let timer = TimerKind::TenantDeletion { tenant: gone, due_at };
    assert_eq!(rig.tenant(gone).await.status(), TenantStatus::Disabled);
    rig.test.clock().advance(TimeDelta::days(30));
    rig.fire(&timer).await;

    assert_eq!(rig.tenant(gone).await.status(), TenantStatus::Erased);
    let (account, _) = rig
        .store()
        .load::<Account>(TenantId::PLATFORM, &gone.to_string())
        .await
        .expect("loads");
    assert_eq!(account.status(), AccountStatus::Deleted);
    // The log is closed, and its chain still verifies.
    let closed = rig.ask(gone, Actor::System("test"), settings(3)).await;
    assert_eq!(code(&closed), Some(Code::NotFound));
    for tenant in [gone, other, TenantId::PLATFORM] {
        audit::verify(rig.store(), tenant, |_| ())
            .await
            .expect("reads")
            .expect("the chain verifies");
    }
    assert_eq!(opens_password(&rig, gone).await, Err(()));
    assert_eq!(opens_password(&rig, other).await, Ok(()));
    assert_eq!(log(&rig, other).await, before);
    assert_eq!(rig.usage(other, "routers").await, (1, Some(2)));
    assert_eq!(tables_with_rows(&rig, gone).await, Vec::<String>::new());
    let mut tx = rig.store().db().system_tx().await.expect("a transaction");
    for (name, leads) in [("maju", false), ("lain", true)] {
        let route = directory::resolve(&mut tx, directory::kind::SUBDOMAIN, name)
            .await
            .expect("reads");
        assert_eq!(route.is_some(), leads, "{name}");
    }
}

/// Tables of work that still have rows of the tenant.
async fn tables_with_rows(rig: &Rig, tenant: TenantId) -> Vec<String> {
    let mut session = Session::open(&rig.test.superuser_url()).await;
    let tables: Vec<String> = session
        .column(
            "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'es' AND c.relkind IN ('r', 'p')
               AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id')",
        )
        .await;
    let mut found = Vec::new();
    for table in tables {
        let count = format!(
            "SELECT count(*) FROM es.{table} WHERE tenant_id = '{}'",
            tenant.as_uuid()
        );
        let rows: i64 = session.value(&count).await;
        if rows > 0 && !erasure::KEPT.contains(&table.as_str()) {
            found.push(table);
        }
    }
    found
}

/// Whether the password of the tenant's router can be read.
async fn opens_password(rig: &Rig, tenant: TenantId) -> Result<(), ()> {
    let registered = log(rig, tenant).await;
    let registered = registered
        .iter()
        .find(|event| event.event_type == "network.router.registered")
        .expect("registered");
    let payload = registered.payload.value();
    let sealed = payload["network.router.registered"]["password"]
        .as_str()
        .expect("sealed");
    let sealed = simpul_domain::Sealed::new(sealed.to_owned());
    let mut tx: TenantTx = rig.store().db().tenant_tx(tenant).await.expect("a transaction");
    let opened = rig
        .store()
        .vault()
        .open(&mut tx, &registered.aggregate_id, "password", &sealed)
        .await;
    match opened {
        Ok(_) => Ok(()),
        Err(StoreError::Erased) => Err(()),
        Err(other) => unreachable!("{other}"),
    }
}

#[tokio::test]
async fn a_host_and_a_header_name_the_same_tenant_or_nobody_gets_in() {
    let rig = Rig::new().await;
    let (maju, lain) = (
        rig.onboard("maju", "basic").await,
        rig.onboard("lain", "basic").await,
    );
    let (host, header) = ("maju.simpul.example:443", maju.to_string());
    let ask = async |host: Option<&str>, header: Option<&str>| {
        let found = resolve(rig.store(), "simpul.example", host, header).await;
        found.map_err(|refused| refused.code())
    };
    assert_eq!(ask(Some(host), None).await, Ok(Some(maju)));
    assert_eq!(ask(None, Some(&header)).await, Ok(Some(maju)));
    assert_eq!(ask(Some(host), Some(&header)).await, Ok(Some(maju)));
    assert_eq!(ask(Some("simpul.example"), None).await, Ok(None));
    let other = lain.to_string();
    assert_eq!(ask(Some(host), Some(&other)).await, Err(Code::TenantMismatch));
    assert_eq!(
        ask(Some("nobody.simpul.example"), None).await,
        Err(Code::NotFound)
    );
    assert_eq!(ask(Some("wifi.example"), None).await, Err(Code::NotFound));
    assert_eq!(ask(None, Some("rubbish")).await, Err(Code::NotFound));
}
