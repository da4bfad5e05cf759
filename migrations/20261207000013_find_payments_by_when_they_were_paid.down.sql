-- By what it is of: in a version that was built later it has another name.
DO $$
DECLARE
    v_index record;
BEGIN
    FOR v_index IN
        SELECT i.schemaname, i.indexname FROM pg_catalog.pg_indexes i
        WHERE i.schemaname ~ '^rm_money_v[0-9]+$' AND i.tablename = 'payments'
          AND i.indexdef LIKE '%(tenant_id, paid_at, payment_id)'
        ORDER BY 1, 2
    LOOP
        EXECUTE format('DROP INDEX %I.%I', v_index.schemaname, v_index.indexname);
    END LOOP;
END
$$;
