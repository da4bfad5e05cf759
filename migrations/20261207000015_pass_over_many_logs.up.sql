-- es.pass_over for many tenants in one call. Where thousands of operators each do something now and then, most news is one
-- event of one tenant, and each of two dozen subscribers is moved past it: a call for each was most of what a command cost.
CREATE FUNCTION es.pass_over_each(p_tenants uuid[], p_subscriber text, p_types text[], p_names text[], p_last text,
                                  p_epoch bigint, p_at timestamptz, p_limit bigint)
RETURNS TABLE(tenant_id uuid, seq bigint, read bigint)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_from       bigint;
    v_concerned  boolean;
BEGIN
    -- If it is lost, it is made again.
    PERFORM set_config('synchronous_commit', 'off', true);
    FOREACH tenant_id IN ARRAY p_tenants LOOP
        PERFORM set_config('app.tenant_id', tenant_id::text, true);
        SELECT c.seq INTO v_from FROM es.cursors c
        WHERE c.tenant_id = pass_over_each.tenant_id AND c.subscriber = p_subscriber AND c.epoch <= p_epoch;
        CONTINUE WHEN NOT FOUND;
        -- The last event of a log concerns everybody.
        SELECT coalesce(max(e.tenant_seq), v_from), count(*),
               coalesce(bool_or(coalesce(e.aggregate_type = ANY (p_types), e.event_type = ANY (p_names))
                                OR e.event_type = p_last), false)
        INTO seq, read, v_concerned
        FROM (SELECT e.tenant_seq, e.aggregate_type, e.event_type FROM es.events e
              WHERE e.tenant_id = pass_over_each.tenant_id AND e.tenant_seq > v_from
              ORDER BY e.tenant_seq LIMIT p_limit) AS e;
        CONTINUE WHEN v_concerned;
        IF read > 0 THEN
            UPDATE es.cursors c SET seq = pass_over_each.seq, epoch = p_epoch, updated_at = p_at
            WHERE c.tenant_id = pass_over_each.tenant_id AND c.subscriber = p_subscriber AND c.seq = v_from
              AND c.epoch <= p_epoch;
            CONTINUE WHEN NOT FOUND;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION es.pass_over_each(uuid[], text, text[], text[], text, bigint, timestamptz, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.pass_over_each(uuid[], text, text[], text[], text, bigint, timestamptz, bigint) TO simpul_app;
