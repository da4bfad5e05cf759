-- A subscriber's cursor moves past events that concern others in one call, without reading what they say: with dozens of
-- subscribers that is most of what they do. Nothing is moved, and no row answered, when one of the events is for it, when the
-- subscriber has no cursor yet, and when another leader has moved it.
CREATE FUNCTION es.pass_over(p_tenant uuid, p_subscriber text, p_types text[], p_names text[], p_last text, p_epoch bigint,
                             p_at timestamptz, p_limit bigint)
RETURNS TABLE (seq bigint, read bigint)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_from       bigint;
    v_concerned  boolean;
    v_enter      text := set_config('app.tenant_id', p_tenant::text, true);
BEGIN
    SELECT c.seq INTO v_from FROM es.cursors c
    WHERE c.tenant_id = p_tenant AND c.subscriber = p_subscriber AND c.epoch <= p_epoch;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- The last event of a log concerns everybody.
    SELECT coalesce(max(e.tenant_seq), v_from), count(*),
           bool_or(coalesce(e.aggregate_type = ANY (p_types), e.event_type = ANY (p_names)) OR e.event_type = p_last)
    INTO seq, read, v_concerned
    FROM (SELECT tenant_seq, aggregate_type, event_type FROM es.events
          WHERE tenant_id = p_tenant AND tenant_seq > v_from ORDER BY tenant_seq LIMIT p_limit) AS e;
    IF v_concerned THEN
        RETURN;
    END IF;
    IF read > 0 THEN
        UPDATE es.cursors c SET seq = pass_over.seq, epoch = p_epoch, updated_at = p_at
        WHERE c.tenant_id = p_tenant AND c.subscriber = p_subscriber AND c.seq = v_from AND c.epoch <= p_epoch;
        IF NOT FOUND THEN
            RETURN;
        END IF;
        -- If it is lost, it is made again.
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    RETURN NEXT;
END
$$;
REVOKE ALL ON FUNCTION es.pass_over(uuid, text, text[], text[], text, bigint, timestamptz, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.pass_over(uuid, text, text[], text[], text, bigint, timestamptz, bigint) TO simpul_app;
