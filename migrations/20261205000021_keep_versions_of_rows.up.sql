-- The version of the stream that a row tells of, in every version of the read models of what several people edit. Rows of
-- before have it after their next event, or after `simpul rebuild`; until then nothing is expected by it.
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
        EXECUTE format('ALTER TABLE %I.%I ADD COLUMN version bigint NOT NULL DEFAULT 0', v_table.schemaname, v_table.tablename);
    END LOOP;
END
$$;
