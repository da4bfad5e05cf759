//! The linter finds nothing on our schema, and finds every deliberate sabotage.

use simpul_event_store::db::lint::{Finding, lint, lint_on};

use crate::{counter::ready, sql::Session};

/// Rule, object, and the statement that breaks the rule.
const SABOTAGE: &[(&str, &str, &str)] = &[
    (
        "rls_off",
        "es.claims",
        "ALTER TABLE es.claims DISABLE ROW LEVEL SECURITY",
    ),
    (
        "rls_off",
        "es.events",
        "ALTER TABLE es.events NO FORCE ROW LEVEL SECURITY",
    ),
    (
        "rls_off",
        "es.extra",
        "CREATE TABLE es.extra (tenant_id uuid NOT NULL PRIMARY KEY)",
    ),
    (
        "tenant_nullable",
        "es.extra",
        "CREATE TABLE es.extra (tenant_id uuid)",
    ),
    (
        "policy_wide",
        "es.quotas.open",
        "CREATE POLICY open ON es.quotas TO simpul_app USING (true)",
    ),
    (
        "policy_wide",
        "es.quotas.slow",
        "CREATE POLICY slow ON es.quotas TO simpul_app USING (tenant_id = app.tenant())",
    ),
    (
        "policy_wide",
        "es.quotas.blind",
        "CREATE POLICY blind ON es.quotas FOR INSERT TO simpul_app WITH CHECK (true)",
    ),
    (
        "policy_for_everybody",
        "es.quotas.everybody",
        "CREATE POLICY everybody ON es.quotas USING (tenant_id = (SELECT app.tenant()))",
    ),
    (
        "key_without_tenant",
        "es.inbox.once",
        "CREATE UNIQUE INDEX once ON es.inbox (message_id)",
    ),
    (
        "foreign_key_without_tenant",
        "es.outbox.to_parcel",
        "ALTER TABLE es.lanes ADD CONSTRAINT u UNIQUE (tenant_id); ALTER TABLE es.lanes ADD UNIQUE (subject);
         ALTER TABLE es.outbox ADD CONSTRAINT to_parcel FOREIGN KEY (channel) REFERENCES es.lanes (subject)",
    ),
    (
        "granted_to_public",
        "es.claims SELECT",
        "GRANT SELECT ON es.claims TO PUBLIC",
    ),
    (
        "granted_to_public",
        "es.claims.key",
        "GRANT SELECT (key) ON es.claims TO PUBLIC",
    ),
    ("granted_to_public", "es", "GRANT USAGE ON SCHEMA es TO PUBLIC"),
    (
        "granted_to_public",
        "es.load()",
        "GRANT EXECUTE ON FUNCTION es.load(uuid, text, text, bigint, integer) TO PUBLIC",
    ),
    (
        "privilege_past_rls",
        "es.claims TRUNCATE simpul_app",
        "GRANT TRUNCATE ON es.claims TO simpul_app",
    ),
    (
        "privilege_past_rls",
        "es.claims REFERENCES simpul_app",
        "GRANT REFERENCES ON es.claims TO simpul_app",
    ),
    (
        "events_changeable",
        "es.events UPDATE simpul_app",
        "GRANT UPDATE (metadata) ON es.events TO simpul_app",
    ),
    (
        "events_changeable",
        "es.events DELETE simpul_app",
        "GRANT DELETE ON es.events TO simpul_app",
    ),
    (
        "events_changeable",
        "trigger events_are_append_only",
        "ALTER TABLE es.events DISABLE TRIGGER events_are_append_only",
    ),
    ("role_powerful", "simpul_app", "ALTER ROLE simpul_app BYPASSRLS"),
    (
        "role_powerful",
        "simpul_system",
        "ALTER ROLE simpul_system SUPERUSER",
    ),
    (
        "backup_writes",
        "es.events INSERT",
        "GRANT INSERT ON es.events TO simpul_backup",
    ),
    (
        "backup_writes",
        "simpul_backup is a simpul_owner",
        "GRANT simpul_owner TO simpul_backup",
    ),
    (
        "role_member",
        "simpul_app is a pg_read_all_data",
        "GRANT pg_read_all_data TO simpul_app",
    ),
    (
        "owned_by_a_serving_role",
        "es.claims",
        "ALTER TABLE es.claims OWNER TO simpul_app",
    ),
    (
        "may_create_objects",
        "es simpul_app",
        "GRANT CREATE ON SCHEMA es TO simpul_app",
    ),
    (
        "definer_without_search_path",
        "es.load()",
        "ALTER FUNCTION es.load(uuid, text, text, bigint, integer) SECURITY DEFINER",
    ),
    (
        "view_with_its_owners_rights",
        "es.all_events",
        "CREATE VIEW es.all_events AS SELECT * FROM es.events",
    ),
    (
        "materialised_view",
        "es.all_events",
        "CREATE MATERIALIZED VIEW es.all_events AS SELECT * FROM es.events",
    ),
    (
        "system_sees_payload",
        "es.outbox.body",
        "GRANT SELECT (body) ON es.outbox TO simpul_system",
    ),
    (
        "system_sees_payload",
        "es.parked.error",
        "GRANT SELECT (error) ON es.parked TO simpul_system",
    ),
    (
        "system_sees_payload",
        "es.timers.last_error",
        "GRANT SELECT ON es.timers TO simpul_system",
    ),
    (
        "system_writes_tenant_rows",
        "es.claims DELETE",
        "GRANT DELETE ON es.claims TO simpul_system",
    ),
    (
        "shared_table",
        "es.notes",
        "CREATE TABLE es.notes (text text); GRANT SELECT ON es.notes TO simpul_app",
    ),
];

#[tokio::test]
async fn our_schema_is_clean() {
    let (_test, store, _, _) = ready().await;
    let findings = lint(store.db()).await.expect("reads the catalogue");
    assert_eq!(findings, []);
}

#[tokio::test]
async fn every_sabotage_is_found() {
    let (test, ..) = ready().await;
    let mut admin = Session::open(&test.superuser_url()).await;
    for (rule, object, sabotage) in SABOTAGE {
        // Roles belong to the whole server: nothing of this is ever committed.
        admin.run("BEGIN").await.expect("a transaction");
        admin
            .run(sabotage)
            .await
            .unwrap_or_else(|error| panic!("{sabotage}: {error}"));
        let findings = lint_on(admin.connection()).await.expect("reads the catalogue");
        admin.run("ROLLBACK").await.expect("undone");
        let expected = Finding {
            rule,
            object: (*object).to_owned(),
        };
        assert!(findings.contains(&expected), "{sabotage}: {findings:?}");
    }
    assert_eq!(lint_on(admin.connection()).await.expect("reads"), []);
}
