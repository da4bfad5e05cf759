-- Where the lanes are that are leased next, locked: of each place with room, those whose rows have waited longest, the first
-- ones. Places are looked up one after the other and the lanes of each in their order, however many are due; all that
-- were due had to be read before, at every lease.
CREATE INDEX lanes_lease_idx ON es.lanes (tenant_id, kind, target, due_at, subject) WHERE state IN ('waiting', 'running', 'failed');

CREATE FUNCTION es.free_lanes(p_tenant uuid, p_kind text, p_now timestamptz, p_gone uuid[], p_busy text[],
                              p_places bigint, p_each bigint)
RETURNS SETOF tid
LANGUAGE plpgsql VOLATILE ROWS 1
SET enable_sort = off SET enable_incremental_sort = off
AS $$
BEGIN
    RETURN QUERY
    WITH RECURSIVE places (name) AS (
        (SELECT l.target FROM es.lanes l
         WHERE l.tenant_id = p_tenant AND l.kind = p_kind AND l.state IN ('waiting', 'running', 'failed')
         ORDER BY l.target LIMIT 1)
        UNION ALL
        SELECT (SELECT l.target FROM es.lanes l
                WHERE l.tenant_id = p_tenant AND l.kind = p_kind AND l.state IN ('waiting', 'running', 'failed')
                    AND l.target > places.name
                ORDER BY l.target LIMIT 1)
        FROM places WHERE places.name IS NOT NULL)
    SELECT free.ctid
    FROM (
        SELECT places.name
        FROM places CROSS JOIN LATERAL (
            SELECT l.due_at FROM es.lanes l
            WHERE l.tenant_id = p_tenant AND l.kind = p_kind AND l.state IN ('waiting', 'running', 'failed')
                AND l.target = places.name AND l.due_at <= p_now
                AND (l.lease_until IS NULL OR l.lease_until <= p_now OR l.holder = ANY (p_gone))
            ORDER BY l.due_at, l.subject LIMIT 1) AS waiting
        WHERE places.name <> ALL (p_busy)
        ORDER BY waiting.due_at, places.name LIMIT p_places) AS next
    CROSS JOIN LATERAL (
        SELECT l.ctid FROM es.lanes l
        WHERE l.tenant_id = p_tenant AND l.kind = p_kind AND l.state IN ('waiting', 'running', 'failed')
            AND l.target = next.name AND l.due_at <= p_now
            AND (l.lease_until IS NULL OR l.lease_until <= p_now OR l.holder = ANY (p_gone))
        ORDER BY l.due_at, l.subject LIMIT p_each FOR UPDATE SKIP LOCKED) AS free;
END
$$;
REVOKE ALL ON FUNCTION es.free_lanes(uuid, text, timestamptz, uuid[], text[], bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.free_lanes(uuid, text, timestamptz, uuid[], text[], bigint, bigint) TO simpul_app;
