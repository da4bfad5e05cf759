DO $$
DECLARE
    v_table record;
BEGIN
    FOR v_table IN
        SELECT t.schemaname, t.tablename FROM pg_catalog.pg_tables t
        WHERE t.schemaname ~ '^rm_offers_v[0-9]+$' AND t.tablename = 'platform_plans'
        ORDER BY 1
    LOOP
        EXECUTE format('ALTER TABLE %I.%I DROP COLUMN retired_at', v_table.schemaname, v_table.tablename);
    END LOOP;
END
$$;
