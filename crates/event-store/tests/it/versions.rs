//! Expected versions: whoever has not seen the newest one decides nothing.

use simpul_domain::{Code, Coded as _, CommandId, TenantId};
use simpul_event_store::{Bus, DispatchError, Receipt, StoreError, feed};
use uuid::Uuid;

use crate::counter::{CEILING, Do, Step, TooMuch, add, all, context, context_with, dispatch, ready};

async fn expecting(
    bus: &Bus,
    tenant: TenantId,
    version: i64,
    steps: impl IntoIterator<Item = Step>,
) -> Result<Receipt<Vec<i64>>, DispatchError<TooMuch>> {
    let mut context = context(bus.store(), tenant);
    context.expected_version = Some(version);
    bus.dispatch(context, Do::new(steps)).await
}

fn stale(result: Result<Receipt<Vec<i64>>, DispatchError<TooMuch>>) -> i64 {
    match result {
        Err(DispatchError::Store(StoreError::Stale { current })) => current,
        other => panic!("not stale: {other:?}"),
    }
}

#[tokio::test]
async fn another_version_than_expected_is_refused_and_nothing_is_recorded() {
    let (_test, store, bus, tenant) = ready().await;
    dispatch(&bus, tenant, [add("c", 1), add("c", 2)])
        .await
        .expect("version 2");
    let before = feed::head(&store, tenant).await.expect("a head");
    for seen in [-1, 0, 1, 3] {
        let refused = expecting(&bus, tenant, seen, [add("c", 5)]).await;
        let error = refused.as_ref().expect_err("refused");
        assert_eq!(error.code(), Code::StaleVersion);
        assert_eq!(error.params(), serde_json::json!({ "currentVersion": 2 }));
        assert_eq!(stale(refused), 2);
    }
    assert_eq!(feed::head(&store, tenant).await.expect("a head"), before);
    let receipt = expecting(&bus, tenant, 2, [add("c", 5)]).await.expect("accepted");
    assert_eq!(receipt.answer, [8]);
    assert_eq!(stale(expecting(&bus, tenant, 2, [add("c", 5)]).await), 3);
}

#[tokio::test]
async fn what_does_not_exist_refuses_for_itself_before_its_version_does() {
    let (_test, _store, bus, tenant) = ready().await;
    let refused = expecting(&bus, tenant, 7, [add("c", CEILING + 1)]).await;
    assert!(
        matches!(refused, Err(DispatchError::Refused(TooMuch))),
        "{refused:?}"
    );
    assert_eq!(stale(expecting(&bus, tenant, 7, [add("c", 1)]).await), 0);
    expecting(&bus, tenant, 0, [add("c", 1)])
        .await
        .expect("the first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_expect_one_version_exactly_one_has_its_effect() {
    let (_test, _store, bus, tenant) = ready().await;
    for round in 0..5 {
        let results = all((0..16).map(|_| {
            let bus = bus.clone();
            async move { expecting(&bus, tenant, round, [add("c", 1)]).await }
        }))
        .await;
        let (accepted, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!(accepted.len(), 1, "round {round}");
        for refused in refused {
            assert_eq!(stale(refused), round + 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_answers_as_the_first_time_though_the_version_is_another_by_then() {
    let (_test, _store, bus, tenant) = ready().await;
    let id = CommandId::new(Uuid::from_u128(78));
    let send = |by, version| {
        let (bus, mut context) = (bus.clone(), context_with(tenant, id));
        context.expected_version = Some(version);
        async move { bus.dispatch(context, Do::new([add("c", by)])).await }
    };
    // Some of them are refused by a version that their own twin has made.
    let receipts = all((0..20).map(|_| send(5, 0))).await;
    for receipt in &receipts {
        assert_eq!(receipt.as_ref().expect("every one gets the answer").answer, [5]);
    }
    let other = send(5, 1).await.expect_err("another input");
    assert!(matches!(other, DispatchError::KeyReused), "{other}");
}

#[tokio::test]
async fn what_a_process_remembers_does_not_refuse_who_has_seen_more() {
    let (test, _store, bus, tenant) = ready().await;
    let elsewhere = test.bus();
    dispatch(&bus, tenant, [add("c", 1)])
        .await
        .expect("remembered here");
    dispatch(&elsewhere, tenant, [add("c", 2)])
        .await
        .expect("moved there");
    let receipt = expecting(&bus, tenant, 2, [add("c", 3)])
        .await
        .expect("the newest");
    assert_eq!(receipt.answer, [6]);
    dispatch(&elsewhere, tenant, [add("c", 1)])
        .await
        .expect("moved there");
    let late = expecting(&bus, tenant, 3, [add("c", 3)]).await;
    assert_eq!(stale(late), 4, "remembered, and not so any more");
}
