//! Analysts see their own tenant's ids, states and amounts, whatever version is read.

use secrecy::SecretString;
use simpul_event_store::feed::RunnerSettings;
use simpul_projections::registry;
use simpul_testkit::TestDb;

use crate::{sql::Session, story::Story};

#[tokio::test]
async fn an_analyst_sees_the_own_tenant_before_and_after_a_rebuild() {
    let test = TestDb::create().await;
    let (own, other) = (Story::new(test.store(), 1), Story::new(test.store(), 2));
    for story in [&own, &other] {
        let events = vec![
            story.opened(1),
            story.issued(1, 150_000),
            story.received(1, 150_000),
        ];
        story.tell(None, events).await;
    }
    other.tell(None, vec![other.opened(2)]).await;
    let names = ["subscriptions", "invoices", "money"];
    for name in names {
        registry::catch_up(&test.store(), name, RunnerSettings::default())
            .await
            .expect("caught up");
    }
    // The login is `simpul_analyst` itself: roles belong to the whole server, and tests run side by side.
    let tenant = own.tenant.as_uuid();
    let mut owner = Session::open(&test.owner_url).await;
    owner
        .run(&format!(
            "INSERT INTO app.analysts (tenant_id, login) VALUES ('{tenant}', 'simpul_analyst')"
        ))
        .await
        .expect("an analyst");
    let url = test.app_url.replacen("simpul_app@", "simpul_analyst@", 1);
    let mut analyst = Session::open(&url).await;
    assert_own_rows(&mut analyst).await;
    assert!(
        analyst
            .rows("SELECT * FROM rm_customers_v1.customers")
            .await
            .is_err()
    );
    assert!(analyst.rows("SELECT * FROM es.events").await.is_err());
    assert!(analyst.run("DELETE FROM analytics.invoices").await.is_err());

    let owner_url = SecretString::from(test.owner_url.clone());
    for name in names {
        let settings = RunnerSettings::default();
        registry::rebuild(&owner_url, &test.store(), name, settings, |_| {})
            .await
            .expect("rebuilt");
        registry::drop_retired(&owner_url, &test.store(), name)
            .await
            .expect("nothing hangs on the old version");
    }
    assert_own_rows(&mut analyst).await;

    owner
        .run("DELETE FROM app.analysts")
        .await
        .expect("no analyst any more");
    let rows: i64 = analyst
        .value("SELECT count(*) FROM analytics.subscriptions")
        .await;
    assert_eq!(rows, 0, "a login without a tenant sees nothing");
}

async fn assert_own_rows(analyst: &mut Session) {
    for view in ["subscriptions", "invoices", "payments"] {
        let rows: i64 = analyst
            .value(&format!("SELECT count(*) FROM analytics.{view}"))
            .await;
        assert_eq!(rows, 1, "{view}");
    }
}
