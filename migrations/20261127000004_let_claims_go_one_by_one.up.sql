-- What a work lets go is looked up by its whole key, one by one: a statement over all of it is planned for a hundred, and so
-- reads every claim and every member of the tenant, in each work and for ever more of them. (p_claims as before.)
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
        FOR v_move IN
            SELECT r->>0 AS scope, r->>1 AS key FROM jsonb_array_elements(p_claims->'release') AS r ORDER BY 1, 2
        LOOP
            DELETE FROM es.claims c
            WHERE c.tenant_id = p_tenant AND c.scope = v_move.scope AND c.key = v_move.key;
        END LOOP;
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
        FOR v_move IN
            SELECT d->>0 AS scope, d->>1 AS key, d->>2 AS member
            FROM jsonb_array_elements(p_claims->'drop') AS d ORDER BY 1, 2, 3
        LOOP
            DELETE FROM es.members m
            WHERE m.tenant_id = p_tenant AND m.scope = v_move.scope AND m.key = v_move.key
                AND m.member = v_move.member;
        END LOOP;
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

-- Its owner first: an index that begins with the tenant looks as good as the key to a planner that knows no statistics yet.
DROP INDEX es.claims_owner_idx;
CREATE INDEX claims_owner_idx ON es.claims (owner, tenant_id);
