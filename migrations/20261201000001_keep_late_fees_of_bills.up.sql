-- What being late with a bill costs, in every version of the bills. Fees of before are known after `simpul rebuild invoices`.
DO $$
DECLARE
    v_schema text;
BEGIN
    FOR v_schema IN SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname ~ '^rm_invoices_v[0-9]+$' ORDER BY 1 LOOP
        EXECUTE format('ALTER TABLE %I.invoices ADD COLUMN late_fee bigint', v_schema);
    END LOOP;
END
$$;
