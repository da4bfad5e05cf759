//! Records of the product's own commands without an effect are forgotten in time, and no other.

use chrono::TimeDelta;
use simpul_domain::{CommandId, UserId};
use simpul_event_store::{Actor, Context, bus::Retention, inline::access};
use uuid::Uuid;

use crate::{
    counter::{Do, add, context_with, open_tenant, ready, tenant},
    sql::{Session, sqlstate},
};

fn command(number: u128) -> CommandId {
    CommandId::new(Uuid::from_u128(number))
}

async fn left(admin: &mut Session) -> Vec<Uuid> {
    admin
        .column("SELECT command_id FROM es.commands ORDER BY command_id")
        .await
}

#[tokio::test]
async fn only_what_the_product_did_without_an_effect_is_forgotten() {
    let (test, store, bus, tenant) = ready().await;
    let mut admin = Session::open(&test.superuser_url()).await;
    let user = UserId::new(Uuid::from_u128(77));
    let mut tx = store.db().tenant_tx(tenant).await.expect("a transaction");
    access::set_actor(&mut tx, user, &["test.write".to_owned()], 1)
        .await
        .expect("set");
    tx.commit().await.expect("commit");
    let (idle, effect, asked) = (command(1), command(2), command(3));
    let persons = Context {
        actor: Actor::User(user),
        ..context_with(tenant, asked)
    };
    bus.dispatch(context_with(tenant, idle), Do::new([]))
        .await
        .expect("accepted");
    bus.dispatch(context_with(tenant, effect), Do::new([add("c", 1)]))
        .await
        .expect("accepted");
    bus.dispatch(persons.clone(), Do::new([]))
        .await
        .expect("accepted");

    let retention = Retention::new(store, TimeDelta::days(30));
    test.clock().advance(TimeDelta::days(29));
    assert_eq!(retention.forget().await.expect("forgets"), 0);
    let repeat = bus.dispatch(context_with(tenant, idle), Do::new([])).await;
    assert!(repeat.expect("accepted").repeated, "its answer is kept as long");

    test.clock().advance(TimeDelta::days(2));
    assert_eq!(retention.forget().await.expect("forgets"), 1);
    assert_eq!(left(&mut admin).await, [effect.as_uuid(), asked.as_uuid()]);
    for known in [context_with(tenant, effect), persons] {
        let command = if known.command_id == effect {
            Do::new([add("c", 1)])
        } else {
            Do::new([])
        };
        assert!(bus.dispatch(known, command).await.expect("accepted").repeated);
    }
    let again = bus.dispatch(context_with(tenant, idle), Do::new([])).await;
    assert!(!again.expect("accepted").repeated);
}

#[tokio::test]
async fn many_old_records_of_many_tenants_go_in_small_batches() {
    let (test, store, bus, first) = ready().await;
    let mut admin = Session::open(&test.superuser_url()).await;
    for tenant in [first, tenant(2)] {
        open_tenant(&store, tenant).await;
        bus.dispatch(
            context_with(tenant, store.new_command_id()),
            Do::new([add("c", 1)]),
        )
        .await
        .expect("accepted");
        let own = tenant.as_uuid();
        let fill = format!(
            "WITH ids AS (SELECT gen_random_uuid() AS id FROM generate_series(1, 1200)), records AS (
                 INSERT INTO es.commands SELECT '{own}', id, '', 2, 1, 'null' FROM ids)
             INSERT INTO es.idle_commands SELECT '{own}', timestamptz '2020-01-01', id FROM ids"
        );
        admin.run(&fill).await.expect("old records");
    }
    let retention = Retention::new(store, TimeDelta::days(30));
    assert_eq!(retention.forget().await.expect("forgets"), 2_400);
    assert_eq!(left(&mut admin).await.len(), 2);
    let noted: i64 = admin.value("SELECT count(*) FROM es.idle_commands").await;
    assert_eq!(noted, 0);
}

#[tokio::test]
async fn the_record_of_an_effect_cannot_be_deleted_by_the_application() {
    let (test, _, bus, tenant) = ready().await;
    bus.dispatch(context_with(tenant, command(1)), Do::new([add("c", 1)]))
        .await
        .expect("accepted");
    let mut app = Session::open(&test.app_url).await;
    app.enter(tenant).await;
    let error = app.run("DELETE FROM es.commands").await.expect_err("kept");
    assert_eq!(sqlstate(&error), "42501", "{error}");
}
