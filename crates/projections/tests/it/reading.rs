//! Read models are never silently old, and never another tenant's; and a row costs the same however many there are.

use simpul_domain::{
    AnyEvent, Code, Coded as _,
    billing::{
        InvoiceEvent, PaymentEvent,
        invoice::{Billed, InvoiceVoided},
        payment::PaymentAllocated,
    },
    catalog::{
        ServicePlanEvent,
        service_plan::{PlanDefined, PlanRetired},
    },
    customers::CustomerCode,
    network::{
        RouterAddress, RouterEvent, RouterHost, TlsMode,
        router::{RouterRegistered, RouterRetired},
    },
    ports::RouterDirectory as _,
    subscriptions::{SubscriptionEvent, subscription::SubscriptionSuspended},
};
use simpul_event_store::{
    TenantTx,
    feed::{ReadError, RunnerSettings, look_up_at, read_at},
};
use simpul_projections::{
    Keyed as _, Page, QueryError,
    billing::money,
    catalog::plan_list,
    customers::customer_list,
    network::{StoredRouterDirectory, desired, router_list},
    registry,
};
use simpul_testkit::TestDb;
use sqlx::Executor as _;
use tokio_util::sync::CancellationToken;

use crate::{
    sql::Session,
    story::{Story, at, rupiah, sealed},
};

#[tokio::test]
async fn a_reader_waits_for_its_token() {
    let test = TestDb::create().await;
    let story = Story::new(test.store(), 1);
    let stop = CancellationToken::new();
    let running = registry::run(
        test.store(),
        "customers",
        1,
        RunnerSettings::default(),
        stop.clone(),
    );
    let reading = async {
        for index in 0..20 {
            let told = story.tell(None, vec![story.registered(index)]).await;
            let mut tx = read_at(&story.store, story.tenant, &["customers"], Some(told.token))
                .await
                .expect("fresh");
            let found = customer_list::by_ids(&mut tx, &[story.customer(index)])
                .await
                .expect("rows");
            assert_eq!(found.len(), 1, "its own write, at once");
        }
        stop.cancel();
    };
    let (ran, ()) = tokio::join!(running, reading);
    ran.expect("a known projection");
}

#[tokio::test]
async fn a_reader_is_told_when_the_read_model_is_too_old() {
    let test = TestDb::create().await;
    let story = Story::new(test.store(), 1);
    let told = story.tell(None, vec![story.registered(1)]).await;
    let stale = read_at(&story.store, story.tenant, &["customers"], Some(told.token)).await;
    let error = QueryError::from(stale.expect_err("nobody projects"));
    assert!(matches!(error, QueryError::Read(ReadError::Stale)));
    assert_eq!(error.code(), Code::StaleRead);

    let other = Story::new(test.store(), 2);
    let foreign = read_at(&story.store, other.tenant, &["customers"], Some(told.token)).await;
    assert_eq!(
        foreign.expect_err("another tenant's token").code(),
        Code::TenantMismatch
    );
}

#[tokio::test]
async fn pages_cover_the_list_once_and_only_the_own_tenant() {
    let test = TestDb::create().await;
    let (story, other) = (Story::new(test.store(), 1), Story::new(test.store(), 2));
    for index in 0..7 {
        story.tell(None, vec![story.registered(index)]).await;
        other.tell(None, vec![other.registered(index)]).await;
    }
    registry::catch_up(&test.store(), "customers", RunnerSettings::default())
        .await
        .expect("caught up");
    let mut tx = read_at(&story.store, story.tenant, &["customers"], None)
        .await
        .expect("read");
    let (mut page, mut seen) = (Page::first(3), Vec::new());
    loop {
        let slice = customer_list::list(&mut tx, page).await.expect("page");
        seen.extend(slice.rows.iter().map(|row| row.customer));
        let Some(next) = slice.next else { break };
        page.from = Some(next);
    }
    let newest_first: Vec<_> = (0..7).rev().map(|index| story.customer(index)).collect();
    assert_eq!(seen, newest_first);
}

#[tokio::test]
async fn a_code_finds_its_customer_on_the_pages_that_have_it() {
    let test = TestDb::create().await;
    let (story, other) = (Story::new(test.store(), 1), Story::new(test.store(), 2));
    for index in 0..3 {
        story.tell(None, vec![story.registered(index)]).await;
        other.tell(None, vec![other.registered(index)]).await;
    }
    catch_up(&story, &["customers"]).await;
    let mut tx = look_up_at(&story.store, story.tenant, &["customers"], None)
        .await
        .expect("read");
    let all = customer_list::list(&mut tx, Page::first(3)).await.expect("page");
    let [newest, wanted, oldest] = all.rows.as_slice() else {
        panic!("three customers: {all:?}");
    };
    for (from, is_there) in [
        (None, true),
        (Some(newest.position()), true),
        (Some(wanted.position()), false),
        (Some(oldest.position()), false),
    ] {
        let page = Page {
            from,
            ..Page::first(1)
        };
        let slice = customer_list::with_code(&mut tx, &wanted.code, page)
            .await
            .expect("page");
        let found: Vec<_> = slice.rows.iter().map(|row| row.customer).collect();
        let expected: &[_] = if is_there { &[wanted.customer] } else { &[] };
        assert_eq!(found, expected);
        assert_eq!(slice.next, None);
    }
    let nobody = CustomerCode::parse("NOBODY").expect("a code");
    let slice = customer_list::with_code(&mut tx, &nobody, Page::first(1)).await;
    assert_eq!(slice.expect("page").rows, []);
}

#[tokio::test]
async fn the_application_role_sees_no_row_without_a_tenant() {
    let test = TestDb::create().await;
    let story = Story::new(test.store(), 1);
    story.tell(None, vec![story.registered(1), story.opened(1)]).await;
    for name in registry::NAMES {
        registry::catch_up(&test.store(), name, RunnerSettings::default())
            .await
            .expect("caught up");
    }
    let tables: Vec<String> = Session::open(&test.superuser_url())
        .await
        .column(
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname LIKE 'rm\\_%' ORDER BY 1",
        )
        .await;
    assert!(tables.len() > registry::NAMES.len());
    let mut session = Session::open(&test.app_url).await;
    for table in &tables {
        let refused = session.rows(&format!("SELECT * FROM {table}")).await;
        assert!(refused.is_err(), "{table} answers without a tenant");
    }
    session.enter(Story::new(test.store(), 2).tenant).await;
    for table in &tables {
        let rows: i64 = session.value(&format!("SELECT count(*) FROM {table}")).await;
        assert_eq!(rows, 0, "{table} shows another tenant's rows");
    }
}

#[tokio::test]
async fn every_version_keeps_the_rules_of_isolation() {
    let test = TestDb::create().await;
    let owner = secrecy::SecretString::from(test.owner_url.clone());
    for name in ["subscriptions", "desired"] {
        registry::rebuild(&owner, &test.store(), name, RunnerSettings::default(), |_| {})
            .await
            .expect("rebuilt");
    }
    assert_eq!(
        simpul_event_store::db::lint::lint(test.store().db())
            .await
            .expect("linted"),
        []
    );
}

#[tokio::test]
async fn a_router_that_a_desired_state_names_is_never_said_to_be_unknown() {
    let test = TestDb::create().await;
    let story = Story::new(test.store(), 1);
    let told = story.tell(None, vec![connected(&story, 1)]).await;
    let directory = StoredRouterDirectory::new(story.store.clone());
    let version = u64::try_from(told.token.seq).expect("a position");
    let behind = directory.connection(story.tenant, story.router(1), version).await;
    let error = behind.expect_err("nobody projects");
    assert_eq!(error.code(), Code::StaleRead);
    registry::catch_up(&story.store, "routers", RunnerSettings::default())
        .await
        .expect("caught up");
    let known = directory.connection(story.tenant, story.router(1), version).await;
    assert!(known.expect("read").is_some());
}

const ROWS: u8 = 200;
const CHANGES: u8 = 40;

#[tokio::test]
async fn a_change_of_a_row_does_not_read_all_rows_of_its_tenant() {
    let test = TestDb::create().await;
    let story = Story::new(test.store(), 1);
    let changed = ["invoices", "plans", "routers", "subscriptions"];
    for index in 0..ROWS {
        let events = vec![
            story.opened(index),
            story.issued(index, 150_000),
            planned(&story, index),
            connected(&story, index),
        ];
        story.tell(None, events).await;
    }
    catch_up(&story, &changed).await;
    for index in 0..CHANGES {
        story.tell(None, changes(&story, index)).await;
        catch_up(&story, &changed).await;
    }
    let tables = changed.map(|name| format!("rm_{name}_v1.{name}"));
    no_more_was_read_than_asked_for(&test, &story, &tables).await;
    let mut admin = Session::open(&test.superuser_url()).await;
    let read = admin.rows_read("rm_invoices_v1.invoices").await;
    let twice = 2 * i64::from(CHANGES);
    assert!(read <= twice, "a bill is read once and written once: {read}");
}

#[tokio::test]
async fn a_look_at_a_row_does_not_read_all_rows_of_its_tenant() {
    let test = TestDb::create().await;
    let story = Story::new(test.store(), 1);
    let names = ["customers", "desired", "money", "plans", "routers"];
    for index in 0..ROWS {
        let events = vec![
            story.registered(index),
            story.opened(index),
            planned(&story, index),
            connected(&story, index),
            story.received(index, 150_000),
        ];
        story.tell(None, events).await;
        story.tell(None, vec![allocated(&story, index)]).await;
    }
    catch_up(&story, &names).await;
    for index in 0..CHANGES {
        let mut tx = read_at(&story.store, story.tenant, &names, None)
            .await
            .expect("read");
        // As projectors and policies read: with a plan that is made once, for whatever is asked.
        tx.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            .await
            .expect("set");
        look(&mut tx, &story, index).await.expect("rows");
    }
    let tables = [
        "customers_v1.customers",
        "desired_v1.services",
        "money_v1.allocations",
        "plans_v1.plans",
        "routers_v1.routers",
    ];
    let tables = tables.map(|table| format!("rm_{table}"));
    no_more_was_read_than_asked_for(&test, &story, &tables).await;
}

async fn look(tx: &mut TenantTx, story: &Story, index: u8) -> Result<(), QueryError> {
    let (payments, invoices) = ([story.payment(index)], [story.invoice(index)]);
    let customers = customer_list::by_ids(tx, &[story.customer(index)]).await?;
    let code = &customers[0].code;
    let found = [
        customers.len(),
        customer_list::with_code(tx, code, Page::first(1))
            .await?
            .rows
            .len(),
        desired::by_ids(tx, &[story.subscription(index)]).await?.len(),
        money::allocations_of_payments(tx, &payments).await?.len(),
        money::allocations_of_invoices(tx, &invoices).await?.len(),
        plan_list::by_ids(tx, &[story.plan(index)]).await?.len(),
        router_list::by_ids(tx, &[story.router(index)]).await?.len(),
    ];
    assert_eq!(found, [1; 7]);
    Ok(())
}

async fn catch_up(story: &Story, names: &[&str]) {
    for name in names {
        registry::catch_up(&story.store, name, RunnerSettings::default())
            .await
            .expect("caught up");
    }
}

async fn no_more_was_read_than_asked_for(test: &TestDb, story: &Story, tables: &[String]) {
    // The server counts what a session read when it is over.
    story.store.db().close().await;
    let mut admin = Session::open(&test.superuser_url()).await;
    let asked = i64::from(CHANGES);
    for table in tables {
        let read = admin.rows_read(table).await;
        assert!(read >= asked, "{table}: nothing was told: {read}");
        assert!(read < asked * 10, "{table}: {read} rows were read");
    }
}

fn planned(story: &Story, index: u8) -> (String, AnyEvent) {
    let defined = PlanDefined {
        terms: story.terms(index),
        at: at(index.into()),
    };
    let plan = defined.terms.plan.to_string();
    (plan, ServicePlanEvent::Defined(defined).into())
}

fn connected(story: &Story, index: u8) -> (String, AnyEvent) {
    let registered = RouterRegistered {
        router: story.router(index),
        name: "Tower".to_owned(),
        address: RouterAddress {
            host: RouterHost::parse("203.0.113.1").expect("valid"),
            port: 8729,
            tls: TlsMode::Verified,
        },
        username: "simpul".to_owned(),
        password: sealed("password"),
        legacy_login: false,
        at: at(index.into()),
    };
    let router = registered.router.to_string();
    (router, RouterEvent::Registered(Box::new(registered)).into())
}

fn allocated(story: &Story, index: u8) -> (String, AnyEvent) {
    let allocated = PaymentAllocated {
        payment: story.payment(index),
        customer: story.customer(index),
        invoice: story.invoice(index),
        amount: rupiah(150_000),
        at: at(index.into()),
    };
    let payment = allocated.payment.to_string();
    (payment, PaymentEvent::Allocated(allocated).into())
}

/// A change of one row of each list.
fn changes(story: &Story, index: u8) -> Vec<(String, AnyEvent)> {
    let voided = InvoiceVoided {
        invoice: story.invoice(index),
        customer: story.customer(index),
        billed: Billed::Subscription(story.subscription(index)),
        reason: "goodwill".to_owned(),
        at: at(500),
    };
    let suspended = SubscriptionSuspended {
        subscription: story.subscription(index),
        reason: "moving".to_owned(),
        at: at(500),
    };
    let plan = PlanRetired {
        plan: story.plan(index),
        at: at(500),
    };
    let router = RouterRetired {
        router: story.router(index),
        at: at(500),
    };
    vec![
        (voided.invoice.to_string(), InvoiceEvent::Voided(voided).into()),
        story.subscribed(index, SubscriptionEvent::Suspended(suspended)),
        (plan.plan.to_string(), ServicePlanEvent::Retired(plan).into()),
        (router.router.to_string(), RouterEvent::Retired(router).into()),
    ]
}
