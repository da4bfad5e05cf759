-- Read models: one schema `rm_<projection>_v<version>` per version, all with the same table names.
-- These functions are the owner's: they run in migrations and when a version is built, swapped or dropped.

-- Gives every table of a schema the rules of a tenant's table: rows of the running transaction's tenant only.
CREATE FUNCTION es.protect_read_model(p_schema text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_table text;
BEGIN
    EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', p_schema);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO simpul_app', p_schema);
    FOR v_table IN SELECT t.tablename FROM pg_catalog.pg_tables t WHERE t.schemaname = p_schema ORDER BY 1 LOOP
        EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', p_schema, v_table);
        EXECUTE format('ALTER TABLE %I.%I FORCE ROW LEVEL SECURITY', p_schema, v_table);
        EXECUTE format('CREATE POLICY own_tenant ON %I.%I TO simpul_app
                        USING (tenant_id = (SELECT app.tenant())) WITH CHECK (tenant_id = (SELECT app.tenant()))',
                       p_schema, v_table);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.%I TO simpul_app', p_schema, v_table);
    END LOOP;
END
$$;

-- Makes the empty tables of a version like those of another one: columns, keys, indexes, policies, grants.
-- One transaction: a schema that exists is complete, and is left alone.
CREATE FUNCTION es.clone_read_model(p_name text, p_from integer, p_to integer) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_from  text := format('rm_%s_v%s', p_name, p_from);
    v_to    text := format('rm_%s_v%s', p_name, p_to);
    v_row   record;
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = v_to) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE SCHEMA %I', v_to);
    FOR v_row IN SELECT t.tablename FROM pg_catalog.pg_tables t WHERE t.schemaname = v_from ORDER BY 1 LOOP
        EXECUTE format('CREATE TABLE %I.%I (LIKE %I.%I INCLUDING ALL)', v_to, v_row.tablename, v_from, v_row.tablename);
    END LOOP;
    PERFORM es.protect_read_model(v_to);
    FOR v_row IN
        SELECT p.tablename, p.policyname, p.cmd, p.roles, p.qual, p.with_check FROM pg_catalog.pg_policies p
        WHERE p.schemaname = v_from AND p.policyname <> 'own_tenant' ORDER BY 1, 2
    LOOP
        EXECUTE format('CREATE POLICY %I ON %I.%I FOR %s TO %s', v_row.policyname, v_to, v_row.tablename, v_row.cmd,
                       (SELECT string_agg(quote_ident(r), ', ') FROM unnest(v_row.roles) AS r))
            || coalesce(' USING (' || v_row.qual || ')', '')
            || coalesce(' WITH CHECK (' || v_row.with_check || ')', '');
    END LOOP;
    FOR v_row IN
        SELECT c.relname, a.privilege_type, a.grantee::regrole::text AS grantee
        FROM pg_catalog.pg_class c
        CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS a
        WHERE c.relnamespace = v_from::regnamespace AND c.relkind = 'r' AND a.grantee NOT IN (0, c.relowner)
    LOOP
        EXECUTE format('GRANT %s ON %I.%I TO %s', v_row.privilege_type, v_to, v_row.relname, v_row.grantee);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', v_to, v_row.grantee);
    END LOOP;
END
$$;

-- Makes a version the one that is read, and points the analysts' views at it. Rolling back is the same call.
CREATE FUNCTION es.swap_read_model(p_name text, p_version integer) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_live  integer;
    v_view  record;
BEGIN
    SELECT p.version INTO v_live FROM es.projections p WHERE p.name = p_name AND p.state = 'live' FOR UPDATE;
    IF v_live = p_version THEN
        RETURN;
    END IF;
    UPDATE es.projections SET state = 'retired' WHERE name = p_name AND state = 'live';
    UPDATE es.projections SET state = 'live' WHERE name = p_name AND version = p_version;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'projection % has no version %', p_name, p_version USING ERRCODE = 'no_data_found';
    END IF;
    FOR v_view IN
        SELECT v.viewname, v.definition FROM pg_catalog.pg_views v
        WHERE v.schemaname = 'analytics' AND strpos(v.definition, format('rm_%s_v%s.', p_name, v_live)) > 0
    LOOP
        EXECUTE format('CREATE OR REPLACE VIEW analytics.%I WITH (security_invoker = true) AS %s', v_view.viewname,
                       replace(v_view.definition, format('rm_%s_v%s.', p_name, v_live),
                               format('rm_%s_v%s.', p_name, p_version)));
    END LOOP;
END
$$;

-- Drops a version that is not read any more, with its cursors. False when there is none, or when it is live.
CREATE FUNCTION es.drop_read_model(p_name text, p_version integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    DELETE FROM es.projections WHERE name = p_name AND version = p_version AND state <> 'live';
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM es.erase_read_model(p_name, p_version);
    RETURN true;
END
$$;

-- Tables and cursors belong together: cursors without rows would skip events when the number is used again.
CREATE FUNCTION es.erase_read_model(p_name text, p_version integer) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_subscriber text := format('projection/%s/v%s', p_name, p_version);
BEGIN
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', format('rm_%s_v%s', p_name, p_version));
    DELETE FROM es.cursors WHERE subscriber = v_subscriber;
    DELETE FROM es.parked WHERE subscriber = v_subscriber;
END
$$;

-- Row-level security holds for the owner too; this much it may do over all tenants.
CREATE POLICY versions_are_dropped ON es.cursors TO simpul_owner USING (subscriber LIKE 'projection/%');
CREATE POLICY versions_are_dropped ON es.parked TO simpul_owner USING (subscriber LIKE 'projection/%');

-- Undoes everything about a projection, for down migrations.
CREATE FUNCTION es.forget_projection(p_name text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    PERFORM es.erase_read_model(p.name, p.version) FROM es.projections p WHERE p.name = p_name;
    DELETE FROM es.projections WHERE name = p_name;
END
$$;

-- Rows of the running transaction's tenant in every table of a version.
CREATE FUNCTION es.count_read_model(p_name text, p_version integer) RETURNS bigint
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_schema  text := format('rm_%s_v%s', p_name, p_version);
    v_table   text;
    v_count   bigint;
    v_total   bigint := 0;
BEGIN
    FOR v_table IN SELECT t.tablename FROM pg_catalog.pg_tables t WHERE t.schemaname = v_schema LOOP
        EXECUTE format('SELECT count(*) FROM %I.%I WHERE tenant_id = (SELECT app.tenant())', v_schema, v_table)
            INTO v_count;
        v_total := v_total + v_count;
    END LOOP;
    RETURN v_total;
END
$$;

REVOKE ALL ON FUNCTION es.protect_read_model(text), es.clone_read_model(text, integer, integer),
    es.swap_read_model(text, integer), es.drop_read_model(text, integer), es.erase_read_model(text, integer),
    es.forget_projection(text), es.count_read_model(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.count_read_model(text, integer) TO simpul_app;
