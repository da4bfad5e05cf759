CREATE OR REPLACE FUNCTION es.expect_unmoved(p_tenant uuid, p_reads jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_read      jsonb;
    v_sequence  bigint;
    v_event     uuid;
    v_moved     boolean;
BEGIN
    -- Stream by stream, each by its whole key: one statement over all of them may be planned as a scan of the log.
    FOR v_read IN SELECT jsonb_array_elements(p_reads) LOOP
        v_sequence := v_read->>2;
        v_event := v_read->>4;
        v_moved := v_event IS NOT NULL AND NOT EXISTS (
            SELECT FROM es.events e WHERE e.tenant_id = p_tenant AND e.aggregate_type = v_read->>0
                AND e.aggregate_id = v_read->>1 AND e.sequence = v_sequence AND e.event_id = v_event
        );
        IF NOT (v_read->>3)::boolean AND NOT v_moved THEN
            v_moved := EXISTS (
                SELECT FROM es.events e WHERE e.tenant_id = p_tenant AND e.aggregate_type = v_read->>0
                    AND e.aggregate_id = v_read->>1 AND e.sequence = v_sequence + 1
            );
        END IF;
        IF v_moved THEN
            RAISE unique_violation
                USING MESSAGE = 'a stream that was read has moved', CONSTRAINT = 'events_stream_key';
        END IF;
    END LOOP;
END
$$;
