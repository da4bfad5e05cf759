//! The rules, and the closed lists of their exceptions.

/// What `simpul_system` may read over all tenants: positions, due times and routes, never a payload.
pub(super) const SYSTEM_COLUMNS: &[&str] = &[
    "es.tenant_heads.*",
    "es.cursors.*",
    "es.directory.*",
    "es.quotas.*",
    "es.parked.tenant_id",
    "es.parked.subscriber",
    "es.dead_letters.tenant_id",
    "es.timers.tenant_id",
    "es.timers.due_at",
    "es.timers.holder",
    "es.timers.lease_until",
    "es.outbox.tenant_id",
    "es.outbox.channel",
    "es.outbox.state",
    "es.outbox.due_at",
    "es.outbox.lease_until",
    "es.outbox.holder",
    "es.lanes.tenant_id",
    "es.lanes.kind",
    "es.lanes.state",
    "es.lanes.due_at",
    "es.lanes.lease_until",
    "es.lanes.holder",
    "es.lanes.target",
    "es.lanes.attempts",
    "es.notices.tenant_id",
    "es.notices.state",
    "es.notices.due_at",
    "es.notices.lease_until",
    "es.notices.holder",
];

/// Tables without a tenant that `simpul_app` may read.
pub(super) const SHARED_TABLES: &[&str] = &["es.store", "es.projections", "es.subscribers"];

/// Keys that are unique over the whole platform on purpose.
pub(super) const PLATFORM_KEYS: &[&str] = &["directory_pkey", "analysts_login_key"];

/// What every rule may speak of: our schemas, their tables and functions, and the roles that serve.
pub(super) const SUBJECTS: &str = "
    WITH lists AS (SELECT $1::text[], $2::text[], $3::text[]),
    spaces AS (
        SELECT * FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'
    ), tables AS (
        SELECT c.*, n.nspname || '.' || c.relname AS name,
               EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'
                       AND NOT a.attisdropped) AS has_tenant
        FROM pg_class c JOIN spaces n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p')
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ), functions AS (
        SELECT f.*, n.nspname || '.' || f.proname AS name FROM pg_proc f JOIN spaces n ON n.oid = f.pronamespace
        WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = f.oid AND d.deptype = 'e')
    ), serving AS (
        SELECT * FROM pg_roles WHERE rolname IN ('simpul_app', 'simpul_system', 'simpul_analyst')
    )";

/// Rule and statement. $1 is [`SYSTEM_COLUMNS`], $2 [`SHARED_TABLES`], $3 [`PLATFORM_KEYS`].
pub(super) const RULES: &[(&str, &str)] = &[
    ("server_version", "
        SELECT 'PostgreSQL ' || current_setting('server_version') || ' (CVE-2025-8713)'
        FROM (SELECT current_setting('server_version_num')::int AS v) AS server
        WHERE v < 150014 OR v BETWEEN 160000 AND 160009 OR v BETWEEN 170000 AND 170005"),
    ("rls_off", "
        SELECT name FROM tables
        WHERE has_tenant AND NOT (relrowsecurity AND relforcerowsecurity)"),
    ("tenant_nullable", "
        SELECT t.name FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid
        WHERE a.attname = 'tenant_id' AND NOT a.attnotnull"),
    // Permissive policies add up: one that is wider than the tenant opens the table.
    ("policy_wide", "
        SELECT t.name || '.' || p.polname FROM tables t JOIN pg_policy p ON p.polrelid = t.oid
        WHERE t.has_tenant
          AND NOT (p.polroles = ARRAY[(SELECT oid FROM pg_roles WHERE rolname = 'simpul_system')] AND p.polcmd = 'r')
          -- The owner serves nobody; analysts read the tenant of their login.
          AND p.polroles <> ARRAY[(SELECT relowner FROM pg_class WHERE pg_class.oid = t.oid)]
          AND NOT (p.polroles = ARRAY[(SELECT oid FROM pg_roles WHERE rolname = 'simpul_analyst')] AND p.polcmd = 'r'
                   AND pg_get_expr(p.polqual, p.polrelid)
                       = '(tenant_id = ( SELECT app.analyst_tenant() AS analyst_tenant))')
          AND EXISTS (
              SELECT FROM unnest(ARRAY[CASE WHEN p.polcmd <> 'a' THEN pg_get_expr(p.polqual, p.polrelid) END,
                                       pg_get_expr(p.polwithcheck, p.polrelid)]) AS e (text)
              WHERE e.text <> '(tenant_id = ( SELECT app.tenant() AS tenant))')"),
    ("policy_for_everybody", "
        SELECT t.name || '.' || p.polname FROM tables t JOIN pg_policy p ON p.polrelid = t.oid
        WHERE 0 = ANY (p.polroles)"),
    ("key_without_tenant", "
        SELECT t.name || '.' || c.relname FROM tables t
        JOIN pg_index i ON i.indrelid = t.oid AND i.indisunique
        JOIN pg_class c ON c.oid = i.indexrelid
        LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
        WHERE t.has_tenant AND a.attname IS DISTINCT FROM 'tenant_id' AND c.relname <> ALL ($3)"),
    ("foreign_key_without_tenant", "
        SELECT t.name || '.' || f.conname FROM tables t
        JOIN pg_constraint f ON f.conrelid = t.oid AND f.contype = 'f'
        JOIN tables target ON target.oid = f.confrelid AND target.has_tenant
        WHERE NOT EXISTS (
            SELECT FROM unnest(f.conkey, f.confkey) AS k (here, there)
            JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.here AND a.attname = 'tenant_id'
            JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = k.there AND b.attname = 'tenant_id')"),
    ("granted_to_public", "
        SELECT name || ' ' || privilege_type FROM tables, aclexplode(relacl) WHERE grantee = 0
        UNION ALL
        SELECT t.name || '.' || a.attname FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid,
            aclexplode(a.attacl) AS g WHERE g.grantee = 0
        UNION ALL
        SELECT n.nspname FROM spaces n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS g
        WHERE g.grantee = 0 AND n.nspname <> 'public'
        UNION ALL
        SELECT name || '()' FROM functions, aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0"),
    // TRUNCATE and REFERENCES pass row-level security; a trigger runs as whoever touches the table.
    ("privilege_past_rls", "
        SELECT t.name || ' ' || g.privilege_type || ' ' || r.rolname FROM tables t, aclexplode(t.relacl) AS g
        JOIN serving r ON r.oid = g.grantee
        WHERE g.privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER')"),
    ("partition_reachable", "
        SELECT t.name || ' ' || r.rolname FROM tables t, aclexplode(t.relacl) AS g
        JOIN serving r ON r.oid = g.grantee WHERE t.relispartition"),
    ("events_changeable", "
        SELECT t.name || ' ' || g.privilege_type || ' ' || r.rolname FROM tables t
        CROSS JOIN LATERAL (
            SELECT grantee, privilege_type FROM aclexplode(t.relacl)
            UNION ALL
            SELECT x.grantee, x.privilege_type FROM pg_attribute a, aclexplode(a.attacl) AS x WHERE a.attrelid = t.oid
        ) AS g
        JOIN serving r ON r.oid = g.grantee
        WHERE t.name = 'es.events' AND g.privilege_type IN ('UPDATE', 'DELETE')
        UNION ALL
        SELECT 'trigger ' || wanted.name FROM (VALUES ('events_are_append_only'), ('events_are_never_truncated')) AS wanted (name)
        WHERE NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = to_regclass('es.events')
                          AND g.tgname = wanted.name AND g.tgenabled IN ('O', 'A'))"),
    ("role_powerful", "
        SELECT rolname::text FROM pg_roles
        WHERE rolname LIKE 'simpul\\_%'
          AND (rolsuper OR rolbypassrls AND rolname <> 'simpul_backup' OR rolreplication OR rolcreaterole)
        UNION ALL
        SELECT rolname || ' CREATEDB' FROM serving WHERE rolcreatedb"),
    // Whoever dumps sees every tenant, so it must not be able to do anything else.
    ("backup_writes", "
        SELECT t.name || ' ' || g.privilege_type FROM tables t, aclexplode(t.relacl) AS g
        JOIN pg_roles r ON r.oid = g.grantee
        WHERE r.rolname = 'simpul_backup' AND g.privilege_type <> 'SELECT'
        UNION ALL
        SELECT r.rolname || ' is a ' || b.rolname FROM pg_auth_members m
        JOIN pg_roles r ON r.oid = m.member JOIN pg_roles b ON b.oid = m.roleid
        WHERE r.rolname = 'simpul_backup' AND b.rolname <> 'pg_read_all_data'"),
    ("role_missing", "
        SELECT wanted.name FROM (VALUES ('simpul_app'), ('simpul_system')) AS wanted (name)
        WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name)"),
    ("role_member", "
        SELECT r.rolname || ' is a ' || b.rolname FROM pg_auth_members m
        JOIN serving r ON r.oid = m.member JOIN pg_roles b ON b.oid = m.roleid"),
    ("owned_by_a_serving_role", "
        SELECT t.name FROM tables t JOIN serving r ON r.oid = t.relowner
        UNION ALL SELECT f.name || '()' FROM functions f JOIN serving r ON r.oid = f.proowner
        UNION ALL SELECT n.nspname FROM spaces n JOIN serving r ON r.oid = n.nspowner"),
    ("may_create_objects", "
        SELECT n.nspname || ' ' || r.rolname FROM spaces n, serving r
        WHERE has_schema_privilege(r.oid, n.oid, 'CREATE')
        UNION ALL
        SELECT 'database ' || rolname FROM serving WHERE has_database_privilege(oid, current_database(), 'CREATE')"),
    ("definer_without_search_path", "
        SELECT name || '()' FROM functions
        WHERE prosecdef AND NOT EXISTS (SELECT FROM unnest(proconfig) AS c (setting) WHERE setting LIKE 'search_path=%')"),
    ("view_with_its_owners_rights", "
        SELECT v.nspname || '.' || c.relname FROM spaces v JOIN pg_class c ON c.relnamespace = v.oid AND c.relkind = 'v'
        WHERE NOT coalesce('security_invoker=true' = ANY (c.reloptions), false) AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"),
    // A materialised view has no row-level security.
    ("materialised_view", "
        SELECT n.nspname || '.' || c.relname FROM spaces n JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind = 'm'
        WHERE EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id')"),
    ("system_sees_payload", "
        SELECT t.name || '.' || a.attname FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid
        WHERE t.has_tenant AND a.attnum > 0 AND NOT a.attisdropped
          AND has_column_privilege('simpul_system', t.oid, a.attnum, 'SELECT')
          AND t.name || '.*' <> ALL ($1) AND t.name || '.' || a.attname <> ALL ($1)"),
    ("system_writes_tenant_rows", "
        SELECT t.name || ' ' || p.name FROM tables t, (VALUES ('INSERT'), ('UPDATE')) AS p (name)
        WHERE t.has_tenant AND has_any_column_privilege('simpul_system', t.oid, p.name)
        UNION ALL
        SELECT t.name || ' DELETE' FROM tables t WHERE t.has_tenant AND has_table_privilege('simpul_system', t.oid, 'DELETE')"),
    ("shared_table", "
        SELECT t.name FROM tables t
        WHERE NOT t.has_tenant AND has_any_column_privilege('simpul_app', t.oid, 'SELECT,INSERT,UPDATE')
          AND t.name <> ALL ($2)"),
];
