DO $$
DECLARE
    v_table record;
BEGIN
    FOR v_table IN
        SELECT t.schemaname, t.tablename FROM pg_catalog.pg_tables t
        WHERE t.schemaname ~ '^rm_(roles|users|routers|subscriptions|accounts|offers)_v[0-9]+$'
          AND t.tablename IN ('roles', 'users', 'routers', 'subscriptions', 'accounts', 'platform_plans')
        ORDER BY 1, 2
    LOOP
        EXECUTE format('ALTER TABLE %I.%I DROP COLUMN version', v_table.schemaname, v_table.tablename);
    END LOOP;
END
$$;
