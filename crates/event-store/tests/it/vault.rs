//! Sealed values: opened by their tenant alone, gone with their key, while the chain still verifies.

use secrecy::ExposeSecret as _;
use simpul_event_store::{StoreError, audit};

use crate::{
    counter::{Step, add, dispatch, ready, tenant},
    sql::Session,
};

#[tokio::test]
async fn a_sealed_value_opens_for_its_own_tenant_subject_and_field_only() {
    let (_test, store, _, first) = ready().await;
    let vault = store.vault();
    let mut tx = store.db().tenant_tx(first).await.expect("a transaction");
    let sealed = vault
        .seal(&mut tx, "cus_1", "name", "Budi")
        .await
        .expect("sealed");
    let opened = vault
        .open(&mut tx, "cus_1", "name", &sealed)
        .await
        .expect("opens");
    assert_eq!(opened.expose_secret(), "Budi");
    vault
        .seal(&mut tx, "cus_2", "name", "Siti")
        .await
        .expect("sealed");
    for (subject, field) in [("cus_2", "name"), ("cus_1", "phone")] {
        let error = vault
            .open(&mut tx, subject, field, &sealed)
            .await
            .expect_err("elsewhere");
        assert!(matches!(error, StoreError::Seal), "{error}");
    }
    tx.commit().await.expect("commit");
    let mut tx = store.db().tenant_tx(tenant(2)).await.expect("a transaction");
    let error = vault
        .open(&mut tx, "cus_1", "name", &sealed)
        .await
        .expect_err("another tenant");
    assert!(matches!(error, StoreError::Erased), "{error}");
}

#[tokio::test]
async fn destroying_a_key_erases_for_ever_and_the_chain_still_verifies() {
    let (test, store, bus, first) = ready().await;
    let vault = store.vault();
    let mut tx = store.db().tenant_tx(first).await.expect("a transaction");
    let sealed = vault
        .seal(&mut tx, "cus_1", "name", "Budi")
        .await
        .expect("sealed");
    tx.commit().await.expect("commit");
    let kept = Step::Claim {
        scope: "sealed".to_owned(),
        key: sealed.as_str().to_owned(),
    };
    dispatch(&bus, first, [add("c", 1), kept])
        .await
        .expect("accepted");
    let mut tx = store.db().tenant_tx(first).await.expect("a transaction");
    simpul_event_store::vault::destroy(&mut tx, "cus_1")
        .await
        .expect("destroyed");
    for result in [
        vault.open(&mut tx, "cus_1", "name", &sealed).await.map(|_| ()),
        vault.seal(&mut tx, "cus_1", "name", "Budi").await.map(|_| ()),
    ] {
        assert!(matches!(result, Err(StoreError::Erased)), "{result:?}");
    }
    tx.commit().await.expect("commit");
    let mut admin = Session::open(&test.superuser_url()).await;
    let left: i64 = admin
        .value("SELECT count(*) FROM es.subject_keys WHERE wrapped IS NOT NULL")
        .await;
    assert_eq!(left, 0);
    audit::verify(&store, first, |_| ())
        .await
        .expect("reads")
        .expect("the chain is over what was stored");
}

#[tokio::test]
async fn a_blind_index_is_equal_within_a_tenant_and_scope_and_nowhere_else() {
    let (_test, store, _, first) = ready().await;
    let vault = store.vault();
    let mut tx = store.db().tenant_tx(first).await.expect("a transaction");
    let index = vault
        .blind_index(&mut tx, "email", "a@b.id")
        .await
        .expect("an index");
    assert_eq!(
        vault
            .blind_index(&mut tx, "email", "a@b.id")
            .await
            .expect("an index"),
        index
    );
    assert_ne!(
        vault
            .blind_index(&mut tx, "phone", "a@b.id")
            .await
            .expect("an index"),
        index
    );
    tx.commit().await.expect("commit");
    let mut tx = store.db().tenant_tx(tenant(2)).await.expect("a transaction");
    assert_ne!(
        vault
            .blind_index(&mut tx, "email", "a@b.id")
            .await
            .expect("an index"),
        index
    );
}

/// A plan that was made while a tenant had few serves it when it has many.
#[tokio::test]
async fn of_many_keys_only_those_that_are_asked_for_are_read() {
    const SUBJECTS: i64 = 300;
    const ANALYZED: i64 = 50;
    let (test, store, _, first) = ready().await;
    let mut admin = Session::open(&test.superuser_url()).await;
    for index in 0..SUBJECTS {
        let subject = format!("cus_{index}");
        let mut tx = store.db().tenant_tx(first).await.expect("a transaction");
        let vault = store.vault();
        let sealed = vault
            .seal(&mut tx, &subject, "name", "Budi")
            .await
            .expect("sealed");
        let asked = ["cus_0", subject.as_str(), "cus_0", "unknown"].map(str::to_owned);
        let keys = vault.keyring(&mut tx, &asked).await.expect("a ring");
        assert_eq!(
            keys.open(&subject, "name", &sealed)
                .expect("opens")
                .expose_secret(),
            "Budi"
        );
        tx.commit().await.expect("commit");
        if index == ANALYZED {
            admin.run("ANALYZE es.subject_keys").await.expect("analyzed");
        }
    }
    store.db().close().await;
    let read = admin.rows_read("es.subject_keys").await;
    assert!(
        (SUBJECTS..SUBJECTS * 5).contains(&read),
        "{read} rows were read of {SUBJECTS} subjects"
    );
}
