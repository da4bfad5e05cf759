-- How it goes with each of some tenants, in numbers: for those who run the platform (ADR 91). Each tenant is entered in its turn,
-- so that row-level security holds as for whoever works for it; only counts and times come out.

-- Readers of the log are named by their code, not by tenants.
GRANT SELECT ON es.subscribers TO simpul_app;

-- Whatever is counted is found in the one index that has its order: a planner without statistics would take any index that begins
-- with the tenant, and read what was done long ago (ADR 74).
CREATE FUNCTION es.queues_of(p_tenants uuid[], p_now timestamptz)
RETURNS TABLE (tenant uuid, queue text, waiting bigint, overdue bigint, overdue_since timestamptz, failed bigint)
LANGUAGE plpgsql VOLATILE
SET enable_sort = off SET enable_incremental_sort = off
AS $$
DECLARE
    v_tenant  uuid;
    v_enter   text;
BEGIN
    FOREACH v_tenant IN ARRAY p_tenants LOOP
        v_enter := set_config('app.tenant_id', v_tenant::text, true);
        RETURN QUERY
        SELECT v_tenant, 'timers', count(*), count(*) FILTER (WHERE t.due_at < p_now),
               min(t.due_at) FILTER (WHERE t.due_at < p_now), 0::bigint
        FROM (SELECT w.due_at FROM es.timers w WHERE w.tenant_id = v_tenant AND w.due_at IS NOT NULL
              ORDER BY w.due_at, w.timer_id) AS t;
        RETURN QUERY
        SELECT v_tenant, 'outbox', count(*), count(*) FILTER (WHERE o.due_at < p_now),
               min(o.due_at) FILTER (WHERE o.due_at < p_now),
               (SELECT count(*) FROM (
                   SELECT FROM es.outbox f WHERE f.tenant_id = v_tenant AND f.state IN ('failed', 'unknown')
                   ORDER BY f.due_at) AS stuck)
        FROM (SELECT w.due_at FROM es.outbox w WHERE w.tenant_id = v_tenant AND w.state IN ('waiting', 'sending')
              ORDER BY w.channel, w.due_at, w.outbox_id) AS o;
        RETURN QUERY
        SELECT v_tenant, 'lanes', count(*) FILTER (WHERE l.state <> 'failed'),
               count(*) FILTER (WHERE l.state <> 'failed' AND l.due_at < p_now),
               min(l.due_at) FILTER (WHERE l.state <> 'failed' AND l.due_at < p_now),
               count(*) FILTER (WHERE l.state = 'failed')
        FROM (SELECT w.state, w.due_at FROM es.lanes w
              WHERE w.tenant_id = v_tenant AND w.state IN ('waiting', 'running', 'failed')
              ORDER BY w.kind, w.target, w.due_at, w.subject) AS l;
        RETURN QUERY
        SELECT v_tenant, 'notices', count(*), count(*) FILTER (WHERE n.due_at < p_now),
               min(n.due_at) FILTER (WHERE n.due_at < p_now),
               (SELECT count(*) FROM (
                   SELECT FROM es.notices f WHERE f.tenant_id = v_tenant AND f.state = 'failed'
                   ORDER BY f.received_at) AS stuck)
        FROM (SELECT w.due_at FROM es.notices w WHERE w.tenant_id = v_tenant AND w.state = 'waiting'
              ORDER BY w.received_at, w.notice_id) AS n;
        -- Nobody works on those.
        RETURN QUERY
        SELECT v_tenant, 'deadLetters', 0::bigint, 0::bigint, NULL::timestamptz, count(*)
        FROM es.dead_letters d WHERE d.tenant_id = v_tenant;
    END LOOP;
END
$$;

-- Targets of one kind of lane, by how they answered last: a target is silent while something waits to be tried at it again.
CREATE FUNCTION es.targets_of(p_tenants uuid[], p_kind text)
RETURNS TABLE (tenant uuid, online bigint, offline bigint)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_tenant  uuid;
    v_enter   text;
BEGIN
    FOREACH v_tenant IN ARRAY p_tenants LOOP
        v_enter := set_config('app.tenant_id', v_tenant::text, true);
        RETURN QUERY
        SELECT v_tenant, count(*) FILTER (WHERE NOT t.silent), count(*) FILTER (WHERE t.silent)
        FROM (SELECT bool_or((l.state = 'waiting' AND l.attempts > 0) OR (l.state = 'running' AND l.attempts > 1)) AS silent
              FROM es.lanes l WHERE l.tenant_id = v_tenant AND l.kind = p_kind AND l.state <> 'discarded'
              GROUP BY l.target) AS t;
    END LOOP;
END
$$;

-- Readers of the tenants' logs: events that they have not handled, when the first of those was recorded, and events that they could
-- not handle, with those behind them. Versions of read models that are not read (being built, or retired) are nobody's wait.
CREATE FUNCTION es.readers_of(p_tenants uuid[])
RETURNS TABLE (tenant uuid, subscriber text, lag bigint, behind_since timestamptz, parked bigint)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_tenant  uuid;
    v_enter   text;
BEGIN
    FOREACH v_tenant IN ARRAY p_tenants LOOP
        v_enter := set_config('app.tenant_id', v_tenant::text, true);
        RETURN QUERY
        SELECT v_tenant, r.name, r.lag,
               (SELECT e.recorded_at FROM es.events e
                WHERE e.tenant_id = v_tenant AND e.tenant_seq BETWEEN r.reached + 1 AND r.reached + 1
                ORDER BY e.tenant_seq LIMIT 1),
               (SELECT count(*) FROM es.parked p WHERE p.tenant_id = v_tenant AND p.subscriber = r.name)
        FROM (SELECT s.name, coalesce(c.seq, 0) AS reached, greatest(h.seq - coalesce(c.seq, 0), 0) AS lag
              FROM es.tenant_heads h
              CROSS JOIN es.subscribers s
              LEFT JOIN es.cursors c ON c.tenant_id = v_tenant AND c.subscriber = s.name
              WHERE h.tenant_id = v_tenant
                AND (NOT starts_with(s.name, 'projection/')
                     OR EXISTS (SELECT FROM es.projections v
                                WHERE v.state = 'live' AND s.name = format('projection/%s/v%s', v.name, v.version)))
              OFFSET 0) AS r
        ORDER BY r.name;
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION es.queues_of(uuid[], timestamptz), es.targets_of(uuid[], text), es.readers_of(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.queues_of(uuid[], timestamptz), es.targets_of(uuid[], text), es.readers_of(uuid[])
    TO simpul_app;
