//! The snapshotter keeps long streams; loads use what it keeps, and do without what is old.

use simpul_app::{snapshots::Snapshotter, tenancy::ChangeSettings};
use simpul_domain::{
    CorrelationId, TenantId,
    tenancy::{Section, Tenant, settings::Dunning},
    within::Within,
};
use simpul_event_store::{
    Actor, Bus, Context,
    feed::{Runner, RunnerSettings},
};
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

use crate::front::Front;

async fn grace(bus: &Bus, tenant: TenantId, grace_days: u16) {
    let ids = bus.store().ids();
    let context = Context {
        tenant,
        actor: Actor::System("test"),
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        correlation: CorrelationId::new(ids.next()),
        cause: None,
        command_id: bus.store().new_command_id(),
        effective_at: None,
        dry_run: false,
        expected_version: None,
    };
    let section = Section::from(Dunning {
        grace_days: Within::read(grace_days).expect("in range"),
        ..Dunning::default()
    });
    bus.dispatch(context, ChangeSettings { section })
        .await
        .expect("changed");
}

async fn kept(admin: &mut PgConnection) -> Vec<(String, i64)> {
    let rows = admin
        .fetch_all("SELECT aggregate_type, sequence FROM es.snapshots ORDER BY aggregate_type")
        .await
        .expect("snapshots");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_stream_is_kept_and_loaded_from_there_unless_it_is_of_another_state_version() {
    let front = Front::open().await;
    let (store, bus, tenant) = (front.test.store(), front.test.bus(), front.owner.tenant);
    let mut admin = PgConnection::connect(&front.test.superuser_url())
        .await
        .expect("superuser");
    for days in 1..=3 {
        grace(&bus, tenant, days).await;
    }
    let snapshotter = Snapshotter::new(store.clone()).every(3);
    let mut runner = Runner::reactor(store.clone(), snapshotter, RunnerSettings::default());
    runner.catch_up(|_| ()).await.expect("caught up");
    assert_eq!(kept(&mut admin).await, [("tenancy.tenant".to_owned(), 4)]);

    let id = tenant.to_string();
    let loaded = async || {
        let (state, version) = store.load::<Tenant>(tenant, &id).await.expect("loads");
        (state.settings().dunning.grace_days.get(), version)
    };
    // What nobody decided: whoever reads it has read the snapshot.
    admin
        .execute("UPDATE es.snapshots SET state = jsonb_set(state, '{settings,dunning,grace_days}', '17')")
        .await
        .expect("marked");
    assert_eq!(loaded().await, (17, 4), "from the snapshot");
    for stale in [
        "UPDATE es.snapshots SET state_version = state_version + 1",
        "UPDATE es.snapshots SET state_version = state_version - 2",
        r#"UPDATE es.snapshots SET state_version = state_version + 1, state = '{"another": "shape"}'"#,
    ] {
        admin.execute(stale).await.expect("an old snapshot");
        assert_eq!(loaded().await, (3, 4), "from the events: {stale}");
    }
    for days in 4..=5 {
        grace(&bus, tenant, days).await;
    }
    runner.catch_up(|_| ()).await.expect("caught up");
    assert_eq!(
        kept(&mut admin).await,
        [("tenancy.tenant".to_owned(), 6)],
        "overwritten when the stream has grown"
    );
    assert_eq!(loaded().await, (5, 6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_streams_are_not_kept() {
    let front = Front::open().await;
    let store = front.test.store();
    let mut runner = Runner::reactor(store.clone(), Snapshotter::new(store), RunnerSettings::default());
    grace(&front.test.bus(), front.owner.tenant, 1).await;
    runner.catch_up(|_| ()).await.expect("caught up");
    let mut admin = PgConnection::connect(&front.test.superuser_url())
        .await
        .expect("superuser");
    assert_eq!(kept(&mut admin).await, []);
}
