-- The appends of one event each of several commands of a tenant, in one call and under one commit (ADR 78). Order, errors and
-- effects as of es.append_one, one after the other; whatever one of them is refused for, none has happened.
-- p_claims and p_reads are those of all of them in one: whoever calls sees to it that no two take, let go of or begin the same.
-- Returns the position of the first.
CREATE FUNCTION es.append_each(
    p_tenant        uuid,
    p_commands      uuid[],
    p_fingerprints  bytea[],
    p_answers       jsonb[],
    p_metadata      jsonb[],
    p_recorded_at   timestamptz[],
    p_types         text[],
    p_ids           text[],
    p_sequences     bigint[],
    p_event_types   text[],
    p_versions      text[],
    p_payloads      jsonb[],
    p_event_ids     uuid[],
    p_hashes        bytea[],
    p_claims        jsonb,
    p_reads         jsonb
) RETURNS bigint
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_count  integer := cardinality(p_event_ids);
    v_first  bigint;
    v_head   bytea;
    v_heads  bytea[] := '{}';
    v_lock   text;
    v_enter  text := set_config('app.tenant_id', p_tenant::text, true);
BEGIN
    IF p_claims IS NOT NULL THEN
        PERFORM es.take_claims(p_tenant, p_claims);
    END IF;
    v_lock := pg_advisory_xact_lock(es.log_key(p_tenant));
    LOOP
        SELECT h.seq + 1, h.head INTO v_first, v_head FROM es.tenant_heads h WHERE h.tenant_id = p_tenant
        FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        PERFORM es.begin_log(p_tenant);
    END LOOP;
    FOR i IN 1 .. v_count LOOP
        v_head := sha256(v_head || int8send(v_first + i - 1) || p_hashes[i]);
        v_heads := v_heads || v_head;
    END LOOP;
    UPDATE es.tenant_heads SET seq = v_first + v_count - 1, head = v_head WHERE tenant_id = p_tenant;
    INSERT INTO es.events (tenant_id, tenant_seq, aggregate_type, aggregate_id, sequence, event_type,
                           event_version, payload, metadata, event_id, recorded_at, event_hash, head)
    SELECT p_tenant, v_first + e.ordinal - 1, e.type, e.id, e.sequence, e.event_type, e.version, e.payload, e.metadata,
           e.event_id, e.recorded_at, e.hash, e.head
    FROM unnest(p_types, p_ids, p_sequences, p_event_types, p_versions, p_payloads, p_metadata, p_event_ids, p_recorded_at,
                p_hashes, v_heads)
         WITH ORDINALITY AS e (type, id, sequence, event_type, version, payload, metadata, event_id, recorded_at, hash, head,
                               ordinal);
    INSERT INTO es.commands (tenant_id, command_id, fingerprint, first_seq, last_seq, answer)
    SELECT p_tenant, c.command, c.fingerprint, v_first + c.ordinal - 1, v_first + c.ordinal - 1, c.answer
    FROM unnest(p_commands, p_fingerprints, p_answers) WITH ORDINALITY AS c (command, fingerprint, answer, ordinal);
    IF p_reads IS NOT NULL THEN
        PERFORM es.expect_unmoved(p_tenant, p_reads);
    END IF;
    RETURN v_first;
END
$$;
REVOKE ALL ON FUNCTION es.append_each(uuid, uuid[], bytea[], jsonb[], jsonb[], timestamptz[], text[], text[], bigint[],
                                      text[], text[], jsonb[], uuid[], bytea[], jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.append_each(uuid, uuid[], bytea[], jsonb[], jsonb[], timestamptz[], text[], text[], bigint[],
                                         text[], text[], jsonb[], uuid[], bytea[], jsonb, jsonb) TO simpul_app;
