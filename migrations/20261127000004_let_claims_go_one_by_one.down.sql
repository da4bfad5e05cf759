-- One statement over all of what is let go.
CREATE OR REPLACE FUNCTION es.take_claims(p_tenant uuid, p_claims jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_refused  text;
    v_move     record;
BEGIN
    IF p_claims ? 'keys' THEN
        INSERT INTO es.subject_keys (tenant_id, subject, wrapped)
        SELECT p_tenant, k->>0, decode(k->>1, 'hex') FROM jsonb_array_elements(p_claims->'keys') AS k ORDER BY 2;
    END IF;

    IF p_claims ? 'release' THEN
        DELETE FROM es.claims c USING jsonb_array_elements(p_claims->'release') AS r
        WHERE c.tenant_id = p_tenant AND c.scope = r->>0 AND c.key = r->>1;
    END IF;

    IF p_claims ? 'take' THEN
        WITH wanted AS (
            SELECT t->>0 AS scope, t->>1 AS key, t->>2 AS owner FROM jsonb_array_elements(p_claims->'take') AS t
        ), taken AS (
            INSERT INTO es.claims (tenant_id, scope, key, owner)
            SELECT p_tenant, w.scope, w.key, w.owner FROM wanted w ORDER BY w.scope, w.key
            ON CONFLICT ON CONSTRAINT claims_pkey DO NOTHING RETURNING scope, key, owner
        )
        SELECT scope INTO v_refused FROM (TABLE wanted EXCEPT TABLE taken) AS refused ORDER BY scope LIMIT 1;
        IF FOUND THEN
            RAISE unique_violation USING MESSAGE = 'a claim is taken', CONSTRAINT = 'claims_pkey', DETAIL = v_refused;
        END IF;
    END IF;

    IF p_claims ? 'quota' THEN
        FOR v_move IN
            SELECT d->>0 AS resource, sum((d->>1)::bigint)::bigint AS delta
            FROM jsonb_array_elements(p_claims->'quota') AS d GROUP BY 1 ORDER BY 1
        LOOP
            INSERT INTO es.quotas AS q (tenant_id, resource, used)
            VALUES (p_tenant, v_move.resource, greatest(v_move.delta, 0))
            ON CONFLICT ON CONSTRAINT quotas_pkey DO UPDATE SET used = q.used + v_move.delta
            WHERE v_move.delta <= 0 OR q.max IS NULL OR q.used + v_move.delta <= q.max;
            IF NOT FOUND THEN
                RAISE check_violation USING MESSAGE = 'a quota is exceeded', CONSTRAINT = 'quota_exceeded',
                    DETAIL = (SELECT jsonb_build_object('resource', q.resource, 'used', q.used, 'limit', q.max)
                              FROM es.quotas q WHERE q.tenant_id = p_tenant AND q.resource = v_move.resource);
            END IF;
        END LOOP;
    END IF;

    IF p_claims ? 'drop' THEN
        DELETE FROM es.members m USING jsonb_array_elements(p_claims->'drop') AS d
        WHERE m.tenant_id = p_tenant AND m.scope = d->>0 AND m.key = d->>1 AND m.member = d->>2;
    END IF;
    IF p_claims ? 'add' THEN
        INSERT INTO es.members (tenant_id, scope, key, member, sort)
        SELECT DISTINCT ON (2, 3, 4) p_tenant, a.row->>0, a.row->>1, a.row->>2, a.row->>3
        FROM jsonb_array_elements(p_claims->'add') WITH ORDINALITY AS a (row, ordinal)
        ORDER BY 2, 3, 4, a.ordinal DESC
        ON CONFLICT ON CONSTRAINT members_pkey DO UPDATE SET sort = excluded.sort;
    END IF;
END
$$;

DROP INDEX es.claims_owner_idx;
CREATE INDEX claims_owner_idx ON es.claims (tenant_id, owner);
