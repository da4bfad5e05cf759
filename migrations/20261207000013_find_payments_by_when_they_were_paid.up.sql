-- Payments of some days, in every version of them: what was received is asked for by the day on which it was paid.
DO $$
DECLARE
    v_schema text;
BEGIN
    FOR v_schema IN SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname ~ '^rm_money_v[0-9]+$' ORDER BY 1 LOOP
        EXECUTE format('CREATE INDEX payments_paid_idx ON %I.payments (tenant_id, paid_at, payment_id)', v_schema);
    END LOOP;
END
$$;
