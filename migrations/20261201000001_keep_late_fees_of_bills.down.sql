DO $$
DECLARE
    v_schema text;
BEGIN
    FOR v_schema IN SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname ~ '^rm_invoices_v[0-9]+$' ORDER BY 1 LOOP
        EXECUTE format('ALTER TABLE %I.invoices DROP COLUMN late_fee', v_schema);
    END LOOP;
END
$$;
